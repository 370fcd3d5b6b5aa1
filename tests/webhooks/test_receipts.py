"""Receipts: each is recorded once, even by simultaneous requests, and those that arrive together share a commit."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from app.errors import StoreUnavailable
from app.postgres.database import Database, Statement
from app.webhooks.models import Arrival, NewReceipt
from app.webhooks.store.receipts import MOST_BYTES, GroupCommit, PostgresArrivals, PostgresReceipts, group_commit_to
from tests.closing import async_closing
from tests.encryption import SEALER
from tests.queue.harness import until

LOCK = Statement("SELECT lock", "SELECT pg_advisory_xact_lock($1)")
WAITING = Statement("SELECT lock", "SELECT count(*) FROM pg_locks WHERE NOT granted")
COUNTS = Statement(
    "SELECT audit_event",
    """
    SELECT type, count(*) AS number
      FROM audit_event
     GROUP BY type
    """,
)
LARGEST = Statement(
    "SELECT inbound_event",
    """
    SELECT max(bytes)
      FROM (SELECT sum(octet_length(payload)) AS bytes
              FROM inbound_event
             GROUP BY xmin::text) AS one_transaction
    """,
)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[tuple[Database, PostgresReceipts, GroupCommit]]:
    """A database, its receipts, and a gathering before them."""
    async with async_closing(Database.connect(url, max_size=8, acquire_timeout=60.0)) as database:
        receipts = PostgresReceipts(database, SEALER)
        yield database, receipts, group_commit_to(PostgresArrivals(database, SEALER, {}))


def receipt(key: str, *, topic: str | None = None, payload: bytes = b"{}") -> NewReceipt:
    return NewReceipt(
        connection="shop",
        dedupe_key=key,
        topic=topic,
        remote_object=None,
        remote_id=None,
        occurred_at=None,
        payload=payload,
        digest=hashlib.sha256(payload).digest(),
        correlation_id=f"run-{key}",
    )


def arrival(key: str, **facts: Any) -> Arrival:
    return Arrival(receipt=receipt(key, **facts), order_key=None, traceparent=None)


async def audited(database: Database) -> dict[str, int]:
    return {row["type"]: row["number"] for row in await database.fetch(COUNTS)}


async def test_copies_within_one_call_and_across_calls_are_recorded_once(database_url: str) -> None:
    async with opened(database_url) as (database, receipts, _):
        async with database.transaction() as session:
            first, second, copy, other = await receipts.record(
                session, [receipt("a"), receipt("b"), receipt("a"), receipt("b", payload=b"other")]
            )
        async with database.transaction() as session:
            assert await receipts.record(session, [receipt("b"), receipt("a", payload=b"other")]) == [None, None]

        assert first is not None
        assert second is not None
        assert (copy, other) == (None, None)
        assert await audited(database) == {"receipt.received": 2, "receipt.conflicting": 2}


async def test_a_receipt_is_given_back_as_it_came_and_settled_once(database_url: str) -> None:
    payload = "Zoë \x00".encode() + b"\xff"
    async with opened(database_url) as (database, receipts, _):
        async with database.transaction() as session:
            (id,) = await receipts.record(session, [receipt("a", payload=payload)])
        assert id is not None
        before = await receipts.get(id)
        async with database.transaction() as session:
            await receipts.settle(session, [id])
        after = await receipts.get(id)

        assert before is not None
        assert after is not None
        assert (before.payload, before.settled_at) == (payload, None)
        assert after.settled_at is not None
        assert await receipts.get("in_nobody") is None


async def test_the_same_receipts_in_any_order_never_wait_in_a_circle(database_url: str) -> None:
    keys = [f"key-{number}" for number in range(30)]
    async with opened(database_url) as (database, receipts, _):

        async def record(order: list[str]) -> int:
            async with database.transaction() as session:
                return sum(id is not None for id in await receipts.record(session, [receipt(key) for key in order]))

        async with asyncio.timeout(30):
            made = await asyncio.gather(*(record(keys[turn:] + keys[:turn]) for turn in range(8)))

        assert sum(made) == len(keys)
        assert await audited(database) == {"receipt.received": len(keys)}


async def test_a_deadlock_is_a_database_that_does_not_answer_now(database_url: str) -> None:
    async with opened(database_url) as (database, _, _gathering):
        both = asyncio.Barrier(2)

        async def lock(first: int, then: int) -> None:
            async with database.transaction() as session:
                await session.fetch(LOCK, first)
                await both.wait()
                await session.fetch(LOCK, then)

        outcomes = await asyncio.gather(lock(1, 2), lock(2, 1), return_exceptions=True)

        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "StoreUnavailable"]


async def test_every_waiting_delivery_is_answered(database_url: str) -> None:
    async with opened(database_url) as (database, _, gathering):
        numbers = iter(range(400))

        async def sender() -> int:
            return sum([await gathering.run([arrival(f"key-{number}")]) for number in numbers])

        async with asyncio.timeout(60):
            alone = [await gathering.run([arrival(f"alone-{number}")]) for number in range(50)]
            together = await asyncio.gather(*(sender() for _ in range(7)))

        assert sum(alone) == 50
        assert sum(together) == 400
        assert await audited(database) == {"receipt.received": 450, "job.queued": 450}


async def test_one_commit_takes_a_limited_number_of_bytes(database_url: str) -> None:
    large = bytes(1024 * 1024)
    async with opened(database_url) as (database, _, gathering):
        taken = (gathering.run([arrival(f"key-{number}", payload=large)]) for number in range(24))

        assert await asyncio.gather(*taken) == [1] * 24
        assert len(large) < await database.fetch_value(LARGEST) < MOST_BYTES + len(large)


async def test_what_one_delivery_brings_is_not_the_harm_of_the_others(database_url: str) -> None:
    async with opened(database_url) as (_, _receipts, gathering):
        good = [gathering.run([arrival(f"key-{number}")]) for number in range(5)]
        bad = gathering.run([arrival("bad", topic="\x00")])

        outcomes = await asyncio.gather(*good, bad, return_exceptions=True)

        assert outcomes[:-1] == [1] * 5
        assert isinstance(outcomes[-1], asyncpg.CharacterNotInRepertoireError)


async def test_one_that_is_held_up_does_not_hold_up_everybody(database_url: str) -> None:
    async with opened(database_url) as (database, receipts, gathering):
        async with database.transaction() as session:
            await receipts.record(session, [receipt("contested")])
            held_up = asyncio.create_task(gathering.run([arrival("contested")]))
            async with asyncio.timeout(30):
                await until(lambda: database.fetch_value(WAITING))
                assert await gathering.run([arrival("late-comer")]) == 1
                assert await asyncio.gather(*(gathering.run([arrival(f"more-{n}")]) for n in range(20))) == [1] * 20
            assert not held_up.done()

        assert await held_up == 0


async def test_without_a_database_every_delivery_is_refused(database_url: str) -> None:
    async with opened(database_url) as (database, _, gathering):
        await database.close()

        outcomes = await asyncio.gather(*(gathering.run([arrival(str(n))]) for n in range(3)), return_exceptions=True)

        assert {type(outcome) for outcome in outcomes} == {StoreUnavailable}
