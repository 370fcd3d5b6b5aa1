"""A running Lockstitch, API and worker, that is connected to a real system and nothing else."""

import asyncio
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from app.api_keys.store import SCOPES, PostgresKeys
from app.postgres.database import Database
from tests.closing import async_closing
from tests.contract.callers import Caller
from tests.contract.processes import Process
from tests.encryption import ENCRYPTION_KEYS
from tests.ports import free_port

SETTLE_SECONDS: Final = 1
RESEND_SECONDS: Final = 15
LEASE_SECONDS: Final = 20


@contextmanager
def running_lockstitch(
    folder: Path,
    database_url: str,
    configuration: str,
    secrets: Mapping[str, str],
    *,
    lease: int = LEASE_SECONDS,
    pull: str = "off",
) -> Iterator[Caller]:
    """A caller of it who may do everything. `secrets` are the variables that the configuration refers to; `lease` is
    longer for a peer that takes its time; `pull` says how often changes are read."""
    config = folder / "lockstitch.toml"
    config.write_text(f'{configuration}\n[pull]\nevery = "{pull}"\n', encoding="utf-8")
    own = {name: value for name, value in os.environ.items() if not name.startswith(("LOCKSTITCH_", "OTEL_"))}
    processes = []
    for command in ("serve", "worker"):
        port = free_port()
        environment = {
            **own,
            **secrets,
            "LOCKSTITCH_DATABASE_URL": database_url,
            "LOCKSTITCH_CONFIG": str(config),
            "LOCKSTITCH_ENCRYPTION_KEYS": ENCRYPTION_KEYS,
            "LOCKSTITCH_PORT": str(port),
            "LOCKSTITCH_PROBE_PORT": "0",
            "LOCKSTITCH_WORKER_PORT": str(port),
            "LOCKSTITCH_RATE_LIMIT_PER_MINUTE": "0",
            "LOCKSTITCH_OPERATION_LEASE": str(lease),
            "LOCKSTITCH_SETTLE_MARGIN": str(SETTLE_SECONDS),
            "LOCKSTITCH_RESEND_MARGIN": str(RESEND_SECONDS),
        }
        processes.append(
            Process(
                ["app.cli", command],
                environment=environment,
                log=folder / f"{command}.log",
                url=f"http://127.0.0.1:{port}",
                health="/health/ready",
            )
        )
    try:
        for process in processes:
            process.start()
        with Caller(processes[0].url, asyncio.run(_key(database_url))) as caller:
            yield caller
    finally:
        for process in processes:
            process.stop()


async def _key(database_url: str) -> str:
    async with async_closing(Database.connect(database_url, max_size=1)) as database:
        return (await PostgresKeys(database).create(f"peers-{free_port()}", SCOPES, expires_in=None)).secret
