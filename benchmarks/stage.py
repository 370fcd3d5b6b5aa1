"""The processes around the facade: PostgreSQL, the fixed vendor, the floor, and `lockstitch serve`."""

import asyncio
import base64
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from app.api_keys.store import PostgresKeys
from app.postgres.database import Database
from app.postgres.embedded import EmbeddedPostgres
from app.postgres.migrate import migrate

PATIENCE = 30.0
WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""The signing secret of the connection `gateway`, the example of Standard Webhooks."""
SHOPIFY_SECRET = "hush"
"""The signing secret of the connection `shop`."""
ENCRYPTION_KEY = secrets.token_bytes(32)
"""The encryption key `k1` of the facade."""


class Stage(NamedTuple):
    """URLs, the API key, the answering processes, and PostgreSQL's log."""

    facade: str
    floor: str
    key: str
    facade_process: int
    floor_process: int
    log: Path


def cpu_seconds(process: int) -> float | None:
    """Return the CPU seconds of a process so far, in user and kernel mode; None without /proc."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # proc(5): utime and stime are fields 14 and 15, and 3 comes first here
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def set_up(
    settings: Mapping[str, str] | None = None,
    *,
    scopes: Sequence[str] = ("customers:read", "customers:write"),
    prepare: Callable[[str], None] | None = None,
) -> Iterator[Stage]:
    """Start everything with durable commits, as in production; stop and remove it at the end. `settings` are
    PostgreSQL's, `scopes` those of the key. `prepare` gets the URL of the migrated database before anything uses it."""
    # Not below a folder of mode 0700: for root the server belongs to another user.
    folder = Path(tempfile.mkdtemp(prefix="lockstitch-bench-"))
    folder.chmod(0o711)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        log = folder / "postgres.log"
        url = stack.enter_context(EmbeddedPostgres(folder / "postgres", settings).running(log))
        asyncio.run(migrate(url))
        if prepare is not None:
            prepare(url)
        upstream, floor, facade = free_port(), free_port(), free_port()
        vendor = f"http://127.0.0.1:{upstream}"
        python = sys.executable
        stack.enter_context(running([python, "-m", "benchmarks.upstream", str(upstream)], upstream))
        proxy = [python, "-m", "benchmarks.proxy", str(floor), vendor, url]
        floor_process = stack.enter_context(running(proxy, floor))
        serve = [python, "-m", "app.cli", "serve"]
        environment = _environment(folder, vendor, url, facade)
        facade_process = stack.enter_context(running(serve, facade, environment))
        key = asyncio.run(make_key(url, *scopes))
        yield Stage(f"http://127.0.0.1:{facade}", f"http://127.0.0.1:{floor}", key, facade_process, floor_process, log)


def _environment(folder: Path, vendor: str, database_url: str, port: int) -> dict[str, str]:
    config = folder / "lockstitch.toml"
    config.write_text(
        f'[connections.hubspot]\nvendor = "hubspot"\nbase_url = "{vendor}"\n'
        'credentials = { token = "env:HUBSPOT_TOKEN" }\n'
        "pacing = { units = 1000000, per_seconds = 1, concurrency = 64 }\n"
        f'[connections.shop]\nvendor = "shopify"\nbase_url = "{vendor}"\n'
        'credentials = { token = "env:SHOPIFY_TOKEN" }\nwebhook_secrets = ["env:SHOPIFY_SECRET"]\n'
        '[connections.gateway]\nvendor = "standard-webhooks"\nwebhook_secrets = ["env:WEBHOOK_SECRET"]\n'
        '[pull]\nevery = "off"\n[systems_of_record]\ncustomers = "hubspot"\n',
        encoding="utf-8",
    )
    return {
        "HUBSPOT_TOKEN": "not-a-secret",
        "SHOPIFY_TOKEN": "not-a-secret-either",
        "SHOPIFY_SECRET": SHOPIFY_SECRET,
        "WEBHOOK_SECRET": WEBHOOK_SECRET,
        "LOCKSTITCH_CONFIG": str(config),
        "LOCKSTITCH_DATABASE_URL": database_url,
        "LOCKSTITCH_ENCRYPTION_KEYS": f"k1:{base64.b64encode(ENCRYPTION_KEY).decode()}",
        "LOCKSTITCH_LOG_LEVEL": "error",
        "LOCKSTITCH_PORT": str(port),
        "LOCKSTITCH_PROBE_PORT": "0",
        "LOCKSTITCH_RATE_LIMIT_PER_MINUTE": "0",
    }


async def make_key(database_url: str, *scopes: str) -> str:
    """Return a new API key with these scopes."""
    database = await Database.connect(database_url, max_size=1)
    try:
        return (await PostgresKeys(database).create("bench", scopes)).secret
    finally:
        await database.close()


@contextmanager
def running(command: list[str], port: int, added: dict[str, str] | None = None) -> Iterator[int]:
    """Run the command within the block, once its port answers. Yield the process id."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("LOCKSTITCH_", "OTEL_"))}
    process = subprocess.Popen(command, env=own | (added or {}), cwd=Path(__file__).parents[1])
    try:
        _await_port(process, port)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()


def _await_port(process: subprocess.Popen[bytes], port: int) -> None:
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"{process.args!r} does not listen")


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
