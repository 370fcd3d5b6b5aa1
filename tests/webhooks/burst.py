"""A burst of webhooks that were received while no worker ran, and a subscriber of their Events."""

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from app.api_keys.store import SCOPES, PostgresKeys
from app.capabilities import POLICIES
from app.events.models import NewSubscription
from app.events.store.subscriptions import PostgresSubscriptions
from app.identifiers import new_id
from app.postgres.database import Database, Statement
from app.signatures.standard_webhooks import new_secret
from app.webhooks.models import Arrival, NewReceipt
from app.webhooks.store.receipts import PostgresArrivals
from tests.closing import async_closing
from tests.contract.subscribers import Delivering, Hook
from tests.contract.waiting import until
from tests.encryption import SEALER

T = TypeVar("T")
WAITING = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
RECEIPTS = Statement(
    "SELECT inbound_event",
    "SELECT id FROM inbound_event WHERE correlation_id = ANY ((SELECT $1::text[])::text[]) ORDER BY id",
)


class Burst:
    """Records webhooks, and shows what became of them. Its worker is not started yet."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.running = Delivering(folder, database_url)
        self.worker = self.running.worker
        self.sql = self.running.facade.sql
        self.hook: Hook = self.running.subscribers.hook("burst")
        self._with_database(lambda database: subscribe(database, self.hook.url))

    def close(self) -> None:
        """Stop everything."""
        self.worker.stop()
        self.running.facade.stop()
        self.running.subscribers.close()

    def record(self, numbers: Sequence[int], records: int | None = None) -> list[str]:
        """Record webhooks in one transaction and return their receipts. They concern so many records in turn."""
        return self._with_database(lambda database: record(database, numbers, records))

    def posted(self) -> Counter[int]:
        """How often the Event of each webhook was posted."""
        return Counter(number_of(post.event) for post in self.hook.posts)

    def outcomes(self) -> Counter[tuple[str, str]]:
        """How often attempts at each kind of job ended how."""
        rows = self.sql("SELECT kind, outcome, count(*) AS number FROM attempt GROUP BY kind, outcome")
        return Counter({(row["kind"], row["outcome"]): row["number"] for row in rows})

    def events(self) -> list[str]:
        """The origins of the Events."""
        return [row["origin"] for row in self.sql("SELECT origin FROM event ORDER BY id")]

    def transactions(self) -> int:
        """In how many transactions the Events were appended. Their ids name it."""
        (row,) = self.sql("SELECT count(DISTINCT substr(id, 9, 16)) AS number FROM event")
        return row["number"]

    def forbid(self, change: str, condition: str) -> None:
        """Make a change of rows for which the condition holds fail."""
        self.sql("CREATE FUNCTION forbid() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'forbidden'; END $$")
        self.sql(f"CREATE TRIGGER forbidden BEFORE {change} FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION forbid()")

    def await_end(self) -> None:
        """Wait until no job is left."""
        until(lambda: not self.sql("SELECT 1 FROM job LIMIT 1"))

    def is_waiting(self) -> bool:
        """Whether a transaction waits for a lock."""
        return bool(self.sql(WAITING))

    @contextmanager
    def holding(self, statement: str, *arguments: object) -> Iterator[None]:
        """Keep what a statement locks until the end of the block, and begin it when a worker waits for that."""
        with asyncio.Runner() as runner:
            connection = runner.run(asyncpg.connect(self.running.facade.database_url))
            runner.run(connection.execute("BEGIN"))
            runner.run(connection.fetch(statement, *arguments))
            self.worker.start()
            until(self.is_waiting)
            yield
            runner.run(connection.close())

    def _with_database(self, do: Callable[[Database], Awaitable[T]]) -> T:
        async def connect_and_do() -> T:
            async with async_closing(Database.connect(self.running.facade.database_url, max_size=2)) as database:
                return await do(database)

        return asyncio.run(connect_and_do())


@contextmanager
def burst_over(folder: Path, database_url: str) -> Iterator[Burst]:
    """A burst over this database."""
    burst = Burst(folder, database_url)
    try:
        yield burst
    finally:
        burst.close()


async def subscribe(database: Database, target_url: str) -> None:
    """Subscribe to all forwarded webhooks."""
    key = await PostgresKeys(database).create("burst", SCOPES)
    await PostgresSubscriptions(database, SEALER).create(
        NewSubscription(
            id=new_id("sub_"),
            principal=key.id,
            target_url=target_url,
            events=("webhook.received",),
            connection=None,
            secret=new_secret(),
        )
    )


async def record(database: Database, numbers: Sequence[int], records: int | None = None) -> list[str]:
    """See `Burst.record`."""
    arrivals = [_arrival(number, None if records is None else f"parcel:{number % records}") for number in numbers]
    async with PostgresArrivals(database, SEALER, POLICIES).recording() as recording:
        assert all(await recording(arrivals))
    rows = await database.fetch(RECEIPTS, [arrival.receipt.correlation_id for arrival in arrivals])
    return [row["id"] for row in rows]


def number_of(event: dict[str, Any]) -> int:
    """The number of the webhook that an Event forwards."""
    return event["data"]["payload"]["number"]


def _arrival(number: int, order_key: str | None) -> Arrival:
    payload = json.dumps({"number": number}).encode()
    receipt = NewReceipt(
        connection="gateway",
        dedupe_key=f"webhook-{number}",
        topic="parcel.moved",
        remote_object=None,
        remote_id=None,
        occurred_at=None,
        payload=payload,
        digest=hashlib.sha256(payload).digest(),
        correlation_id=f"run-{number}",
    )
    return Arrival(receipt=receipt, order_key=order_key, traceparent=None)
