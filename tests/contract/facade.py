"""A complete Lockstitch for tests: emulators, API and worker as processes over one database."""

import asyncio
import os
import subprocess
import threading
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Self, TypeVar
from uuid import uuid4

import asyncpg

from app.api_keys.store import SCOPES, NewKey, PostgresKeys
from app.postgres.database import Database
from app.settings.environment import DEFAULT_ENVIRONMENT
from tests.commands import lockstitch
from tests.contract.callers import Caller
from tests.contract.emulators import Emulators, Vendor
from tests.contract.processes import Process
from tests.contract.webhook_connections import ENVIRONMENT, intake_tables, secrets_line
from tests.encryption import ENCRYPTION_KEYS
from tests.ports import free_port

T = TypeVar("T")

LEASE_SECONDS: Final = 6
BRIEF: Final = """
owner = "growth"
on_call = "growth-oncall@example.com"
severity = "critical"
runbook = "https://wiki.example.com/signups"
[calls]
hubspot = 1
"""
SETTLE_SECONDS: Final = 1
VENDORS: Final[tuple[Vendor, ...]] = ("hubspot", "shopify", "zendesk")
# The systems of record; `other-` connections to the same accounts, for what somebody else changes; `frail-` and `busy-`
# connections for failures and throttling, so their pauses affect no other test; one with a refused credential; one at
# an address without a listener.
CONNECTIONS: Final = {f"{prefix}{vendor}": vendor for prefix in ("", "other-", "frail-", "busy-") for vendor in VENDORS}
OPERATED: Final = {
    "pausable": "env:HUBSPOT_TOKEN",
    "relocked": "env:WRONG_TOKEN",
    "refused": "env:WRONG_TOKEN",
    "barred": "env:WRONG_TOKEN",
    "refiled": None,
    "versioned": "env:HUBSPOT_TOKEN",
    "advised": "env:HUBSPOT_TOKEN",
    "switched": "env:HUBSPOT_TOKEN",
}
CREDENTIALS: Final = {
    "hubspot": '{ token = "env:HUBSPOT_TOKEN" }',
    "shopify": '{ token = "env:SHOPIFY_TOKEN" }',
    "zendesk": '{ email = "env:ZENDESK_EMAIL", token = "env:ZENDESK_TOKEN" }',
}
SECRETS: Final = {
    "HUBSPOT_TOKEN": "hubspot-dev-token",
    "SHOPIFY_TOKEN": "shopify-dev-token",
    "ZENDESK_EMAIL": "dev@example.com",
    "ZENDESK_TOKEN": "zendesk-dev-token",
    "WRONG_TOKEN": "not-the-token-that-opens-anything",
}


class Facade:
    """The API, its callers' keys, the vendors, and the database."""

    def __init__(
        self,
        folder: Path,
        database_url: str,
        *,
        more: str = "",
        vendors_last: bool = False,
        emulators: Process | None = None,
        **environment: str,
    ) -> None:
        """`more` is added to the configuration, `environment` to that of every process. With `vendors_last` the vendors
        keep their records when their process ends. `emulators` is theirs, if it is not one of its own."""
        self._folder = folder
        self._added = environment
        self.database_url = database_url
        self._runner = asyncio.Runner()
        self._one_at_a_time = threading.Lock()
        self._database: Database | None = None
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self.emulators = emulators or vendors_in(folder, last=vendors_last)
        self.vendors = Emulators(self.emulators.url)
        self._config = folder / "lockstitch.toml"
        self.token_file = folder / "hubspot-token"
        self.token_file.write_text(f"{SECRETS['WRONG_TOKEN']}\n", encoding="utf-8")
        self._config.write_text(_configuration(self.emulators.url, self.token_file) + more, encoding="utf-8")
        integrations = folder / "integrations"
        integrations.mkdir(exist_ok=True)
        (integrations / "signups.toml").write_text(BRIEF, encoding="utf-8")
        self.api = self.process("serve")
        self.worker = self.process("worker")

    @property
    def configuration(self) -> str:
        """The text of its `lockstitch.toml`."""
        return self._config.read_text(encoding="utf-8")

    def add_configuration(self, more: str) -> None:
        """Add to `lockstitch.toml`, before a start."""
        self._config.write_text(f"{self.configuration}\n{more}", encoding="utf-8")

    def start(self) -> None:
        """Start everything, with vendors that do not throttle."""
        self.emulators.start()
        for vendor in ("hubspot", "zendesk"):
            self.vendors.limit(vendor, per_minute=1_000_000, search_lag=0.0)
        self.vendors.limit("shopify", per_minute=60_000_000, search_lag=0.0)
        self.api.start()
        self.worker.start()

    def stop(self) -> None:
        """Stop everything."""
        for process in (self.api, self.worker, self.emulators):
            process.stop()
        self.vendors.close()
        self.disconnect()
        self._runner.close()
        self._runner = asyncio.Runner()

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Started, and stopped at the end of the block."""
        try:
            self.start()
            yield self
        finally:
            self.stop()

    @contextmanager
    def with_vendors(self) -> Iterator[Self]:
        """With only the vendors started, and everything stopped at the end of the block."""
        try:
            self.emulators.start()
            yield self
        finally:
            self.stop()

    def lockstitch(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run an operator's command while the processes run, on a wide screen; `environment` is added."""
        return lockstitch(*arguments, environment={**self.api.environment, **environment}, columns=300)

    def process(self, command: str, **environment: str) -> Process:
        """Return `lockstitch serve` or `worker`, not started yet, on a free port; `environment` is added."""
        port = free_port()
        own = {name: value for name, value in os.environ.items() if not name.startswith(("LOCKSTITCH_", "OTEL_"))}
        return Process(
            ["app.cli", command],
            environment=own
            | SECRETS
            | ENVIRONMENT
            | {
                "LOCKSTITCH_DATABASE_URL": self.database_url,
                "LOCKSTITCH_CONFIG": str(self._config),
                "LOCKSTITCH_ENCRYPTION_KEYS": ENCRYPTION_KEYS,
                "LOCKSTITCH_PORT": str(port),
                "LOCKSTITCH_WORKER_PORT": str(port),
                "LOCKSTITCH_PROBE_PORT": "0",
                "LOCKSTITCH_RATE_LIMIT_PER_MINUTE": "0",
                "LOCKSTITCH_OPERATION_LEASE": str(LEASE_SECONDS),
                "LOCKSTITCH_SETTLE_MARGIN": str(SETTLE_SECONDS),
                "LOCKSTITCH_TRACE_URL": "http://127.0.0.1:16686/trace/{trace_id}",
            }
            | self._added
            | environment,
            log=self._folder / f"{command}-{port}.log",
            url=f"http://127.0.0.1:{port}",
            health="/health/ready",
        )

    @contextmanager
    def another_api(self, **environment: str) -> Iterator[Process]:
        """One more API process on the same database."""
        process = self.process("serve", **environment)
        process.start()
        try:
            yield process
        finally:
            process.stop()

    def make_key(
        self,
        *scopes: str,
        expires_in: timedelta | None = None,
        name: str | None = None,
        needs_approval: bool = False,
    ) -> NewKey:
        """Create an API key with these scopes, or with all."""
        wanted: Collection[str] = scopes or SCOPES
        chosen = name or f"key-{uuid4().hex[:12]}"
        return self.with_keys(
            lambda keys: keys.create(chosen, wanted, expires_in=expires_in, needs_approval=needs_approval)
        )

    def with_keys(self, do: Callable[[PostgresKeys], Awaitable[T]]) -> T:
        """Run `do` with the store of keys."""

        async def connect_and_do() -> T:
            if self._database is None:
                self._database = await Database.connect(self.database_url, max_size=1)
            environment = self._added.get("LOCKSTITCH_ENVIRONMENT", DEFAULT_ENVIRONMENT)
            return await do(PostgresKeys(self._database, environment=environment))

        return self._run(connect_and_do())

    @contextmanager
    def calling(self, *scopes: str, url: str | None = None, secret: str | None = None) -> Iterator[Caller]:
        """Yield a caller with a new key, or with `secret`."""
        with Caller(url or self.api.url, secret or self.make_key(*scopes).secret) as caller:
            yield caller

    def sql(self, statement: str, *arguments: Any) -> list[dict[str, Any]]:
        """Run one statement in Lockstitch's database, and return its rows."""

        async def connect_and_run() -> list[dict[str, Any]]:
            if self._connection is None or self._connection.is_closed():
                self._connection = await asyncpg.connect(self.database_url)
            return [dict(row) for row in await self._connection.fetch(statement, *arguments)]

        return self._run(connect_and_run())

    def disconnect(self) -> None:
        """Close the tests' own connections to the database. The next call opens them again."""
        self._run(self._disconnect())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        """Both connections are kept, on a loop of their own: each costs more than what is asked through it."""
        with self._one_at_a_time:
            self._runner.run(asyncio.sleep(0.001))  # a server that has gone is noticed by a loop that runs
            return self._runner.run(work)

    async def _disconnect(self) -> None:
        connection, database, self._connection, self._database = self._connection, self._database, None, None
        if connection is not None:
            connection.terminate()
        if database is not None:
            await database.close()


def vendors_in(folder: Path, *, last: bool = False) -> Process:
    """Return the vendors' emulators, not started yet, on a free port. With `last` their records are in the folder."""
    port = free_port()
    return Process(
        ["emulators", "--port", str(port), "--die-with-parent"]
        + (["--state", str(folder / "emulators")] if last else []),
        environment=dict(os.environ),
        log=folder / "emulators.log",
        url=f"http://127.0.0.1:{port}",
        health="/_emulator/health",
    )


def _configuration(vendors_url: str, token_file: Path) -> str:
    """The tests' `lockstitch.toml`; pacing is wide, as the emulators' limits are."""
    tables = [
        f'[connections.{name}]\nvendor = "{vendor}"\nbase_url = "{vendors_url}/{vendor}"\n'
        f"credentials = {CREDENTIALS[vendor]}\npacing = {{ units = 60000000, per_seconds = 60, concurrency = 64 }}\n"
        f"{secrets_line(name)}"
        for name, vendor in CONNECTIONS.items()
    ]
    tables.append(
        f'[connections.locked]\nvendor = "hubspot"\nbase_url = "{vendors_url}/hubspot"\n'
        'credentials = { token = "env:WRONG_TOKEN" }\n'
    )
    # For operators' tests: one that they pause, some whose credential is refused, as each such pause lasts, one whose
    # credential is a file, and two where they choose the revisions of mappings.
    for name, reference in OPERATED.items():
        credential = reference or f"file:{token_file}"
        tables.append(
            f'[connections.{name}]\nvendor = "hubspot"\nbase_url = "{vendors_url}/hubspot"\n'
            f'credentials = {{ token = "{credential}" }}\n'
        )
    tables.append(
        f'[connections.gone]\nvendor = "hubspot"\nbase_url = "http://127.0.0.1:{free_port()}"\n'
        'credentials = { token = "env:HUBSPOT_TOKEN" }\n'
    )
    tables += intake_tables()
    # No vendor is called without a cause. A test of pulls switches those of its connection on.
    tables.append('[pull]\nevery = "off"\n')
    tables.append('[systems_of_record]\ncustomers = "hubspot"\norders = "shopify"\ntickets = "zendesk"\n')
    return "\n".join(tables)
