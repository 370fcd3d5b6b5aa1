"""Pulls of emulated vendors by one worker in the test's process, whose runs start when the test says so."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from unittest.mock import patch

from msgspec import convert

from app.dev.folder import EMULATOR_CREDENTIALS
from app.events.deps import EventDeps
from app.events.models import NewSubscription
from app.events.store.events import PostgresEvents
from app.identifiers import new_id, new_run_id
from app.postgres.database import Database, Statement
from app.settings.environment import load_settings
from app.walks.backfill.manage import read_backfill, start_backfill
from app.walks.backfill.models import BackfillRequest, BackfillView
from app.walks.deps import BackfillDeps, PullDeps, WalkDeps
from app.walks.pull.start import start_due_pulls
from app.wiring.runtime import Runtime, open_runtime
from tests.contract.emulators import Vendor
from tests.contract.facade import Facade
from tests.contract.vendor_samples import CREDENTIALS
from tests.encryption import SEALER

# No run is due by itself during a test.
EVERY: Final = "1d"
DUE_NOW: Final = Statement("UPDATE watermark", "UPDATE watermark SET tried_at = now() - interval '2 days'")
LEFT: Final = Statement("SELECT job", "SELECT kind, state FROM job WHERE kind IN ('walk', 'refetch')")
Event = dict[str, Any]


def connection_table(facade: Facade, vendor: Vendor, *objects: str, **pull: object) -> str:
    """The table of a connection named after its vendor, of which only these objects are pulled."""
    credentials = ", ".join(
        f'{name} = "env:LOCKSTITCH_DEV_{vendor.upper()}_{name.upper()}"' for name in CREDENTIALS[vendor]
    )
    rule = ", ".join(f"{name} = {json.dumps(value)}" for name, value in ({"every": EVERY} | pull).items())
    tables = "\n".join(f"{name} = {{ {rule} }}" for name in objects)
    return (
        f'[connections.pulled-{vendor}]\nvendor = "{vendor}"\nbase_url = "{facade.emulators.url}/{vendor}"\n'
        f"credentials = {{ {credentials} }}\npacing = {{ units = 60000000, per_seconds = 60, concurrency = 64 }}\n"
        f"[connections.pulled-{vendor}.pull]\n{tables}\n"
    )


class Stage:
    """A worker in this process, its database, and the vendors."""

    def __init__(self, facade: Facade, runtime: Runtime) -> None:
        self.facade = facade
        self.vendors = facade.vendors
        self.runtime = runtime
        self.database: Database = runtime.database
        self.deps = runtime.dependencies.of(WalkDeps)
        self.backfills = runtime.dependencies.of(BackfillDeps)
        self._events = PostgresEvents(runtime.database, SEALER)

    async def start_pulls(self) -> None:
        """Start a run of every object, and do not wait for its end."""
        await self.database.execute(DUE_NOW)
        await start_due_pulls(self.runtime.dependencies.of(PullDeps))

    async def pull(self) -> list[Event]:
        """Run a pull of every object to its end, and return the new Events."""
        before = len(await self.events())
        await self.start_pulls()
        await self.work()
        return (await self.events())[before:]

    async def work(self) -> None:
        """Wait until no job of a walk is left."""
        async with asyncio.timeout(60):
            while await self.database.fetch(LEFT):  # noqa: ASYNC110 - only the database knows
                await asyncio.sleep(0.02)

    async def until(self, statement: str, *arguments: object) -> None:
        """Wait until a statement returns a value that is true."""
        async with asyncio.timeout(30):
            while not await self.database.fetch_value(Statement("SELECT", statement), *arguments):  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def backfill(self, **request: Any) -> BackfillView:
        """Run a backfill of Salesforce's customers to its end."""
        begun = await self.start_backfill(**request)
        await self.work()
        return await read_backfill(self.backfills, begun.id)

    async def start_backfill(self, **request: Any) -> BackfillView:
        """Start a backfill of Salesforce's customers, and do not wait for its end."""
        wanted = {"connection": "pulled-salesforce", "object": "customer"} | request
        return await start_backfill(
            self.backfills, convert(wanted, BackfillRequest), actor="key_1", correlation_id=new_run_id()
        )

    async def without_rate(self) -> None:
        """Let the backfills that run go on as fast as they can."""
        await self.database.execute(Statement("UPDATE backfill", "UPDATE backfill SET rate = NULL"))
        await self.database.execute(Statement("UPDATE job", "UPDATE job SET run_at = now() WHERE kind = 'walk'"))

    async def subscription(self, *events: str, **more: Any) -> str:
        """Create a subscription, and return its id."""
        new = NewSubscription(
            id=new_id("sub_"),
            principal="key_1",
            target_url=f"https://hooks.example.com/{new_id('hook_')}",
            events=events or ("*",),
            secret="whsec_" + "x" * 32,
            **{"connection": None} | more,
        )
        return (await self.runtime.dependencies.of(EventDeps).subscriptions.create(new)).id

    async def delivered(self, subscription: str) -> list[Event]:
        """The Events that a subscription gets, oldest first."""
        rows = await self.sql("SELECT event FROM delivery WHERE subscription = $1 ORDER BY event", subscription)
        every = [await self._events.get(row["event"]) for row in rows]
        return [json.loads(bytes(one.body)) for one in every if one is not None]

    async def events(self) -> list[Event]:
        """All Events of records, oldest first."""
        every = await self._events.feed(types=(), after=None, limit=10_000)
        return [json.loads(bytes(one.body)) for one in every if one.type.startswith(("customer.", "ticket."))]

    async def sql(self, statement: str, *arguments: object) -> list[dict[str, Any]]:
        return [dict(row) for row in await self.database.fetch(Statement("SELECT", statement), *arguments)]


@asynccontextmanager
async def staged(facade: Facade, more: str) -> AsyncIterator[Stage]:
    """Open a worker in this process over running vendors."""
    facade.add_configuration(more)
    with patch.dict(os.environ, facade.worker.environment | EMULATOR_CREDENTIALS):
        async with open_runtime(load_settings(os.environ), works=True) as runtime:
            assert runtime.runner is not None
            running = asyncio.create_task(runtime.runner.run())
            try:
                yield Stage(facade, runtime)
            finally:
                running.cancel()
                await asyncio.wait({running})


def contact(stage: Stage, **fields: Any) -> dict[str, Any]:
    """Place or change a contact at Salesforce, as somebody there does."""
    return stage.vendors.place("salesforce", "Contact", fields)
