"""The chain over the audit trail: sealed in the order of transactions by any number of sealers, and walked along."""

import asyncio
import random
import sys
from typing import Final

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.audit import record
from app.audit.chain import AuditSealer
from app.audit.models import Anchor, AuditFilter
from app.postgres.database import Database
from tests.audit.audit_chain import SEALED, Chain, chain_on, entries

ALL: Final = AuditFilter()
ZEROS: Final = "00" * 32


async def test_an_empty_trail_holds(chain: Chain) -> None:
    assert await chain.seal() == 0

    verification = await chain.verify()

    assert (verification.intact, verification.verified, verification.unsealed.count) == (True, 0, 0)
    assert verification.head == Anchor(position=0, chain=ZEROS)


async def test_an_untouched_trail_verifies(sealed: Chain) -> None:
    verification = await sealed.verify()

    assert (verification.intact, verification.verified, verification.first_break, verification.next_from) == (
        True,
        SEALED,
        None,
        None,
    )
    assert verification.head.position == SEALED
    assert [event.position for event in await sealed.trail.list(ALL, before=None, limit=100)] == [*range(SEALED, 0, -1)]


async def test_a_walk_may_begin_where_the_last_one_ended(sealed: Chain) -> None:
    kept = (await sealed.verify()).head
    await sealed.write(5)
    await sealed.seal_everything()

    verification = await sealed.verify(start=SEALED + 1, anchor=kept)
    assert (verification.intact, verification.verified) == (True, 5)

    flip = "UPDATE audit_seal SET chain = set_byte(chain, 0, get_byte(chain, 0) # 1) WHERE position = $1"
    await sealed.meddle(flip, SEALED)
    broken = (await sealed.verify(start=SEALED + 1, anchor=kept)).first_break
    assert broken is not None
    assert (broken.what, broken.position) == ("anchor", SEALED)


async def test_a_long_chain_is_walked_in_several_steps(sealed: Chain) -> None:
    first = await sealed.trail.verify(start=1, at_most=4, anchor=None)
    assert (first.intact, first.verified, first.next_from) == (True, 4, 5)

    second = await sealed.trail.verify(start=5, at_most=100, anchor=None)
    assert (second.intact, second.verified, second.next_from) == (True, SEALED - 4, None)


async def test_the_tail_is_named(sealed: Chain) -> None:
    await sealed.write(2)

    verification = await sealed.verify()

    assert (verification.intact, verification.verified) == (True, SEALED)
    assert verification.unsealed.count == 2
    assert verification.unsealed.oldest_at is not None
    assert verification.unsealed.oldest_age_seconds is not None
    assert 0 <= verification.unsealed.oldest_age_seconds < 60


async def test_nothing_is_sealed_ahead_of_a_transaction_that_is_open(chain: Chain) -> None:
    async with chain.database.transaction() as early:
        await record.append(early, *entries("early", 2))
        await chain.write(3, "late")
        assert await chain.seal() == 0
        assert (await chain.verify()).unsealed.count == 3

    assert await chain.seal_everything() == 5
    assert [row["subject"][:9] for row in await in_order(chain)] == ["job:early"] * 2 + ["job:late-"] * 3
    assert (await chain.verify()).intact


async def test_several_sealers_make_one_chain(chain: Chain, database_url: str) -> None:
    others = [await Database.connect(database_url, max_size=1) for _ in range(3)]
    try:
        for _ in range(10):
            await asyncio.gather(chain.write(20), *(AuditSealer(other).seal(7) for other in others))
    finally:
        for other in others:
            await other.close()
    await chain.seal_everything()

    verification = await chain.verify()

    assert (verification.intact, verification.verified) == (True, 200)


@pytest.mark.parametrize("cluster", ["cluster - 1", "cluster"], ids=["another cluster", "the same one, put back"])
async def test_a_restore_to_a_lower_transaction_counter_goes_on(sealed: Chain, cluster: str) -> None:
    """What was sealed, and what was not, is from transactions that the counter has not come to."""
    mark = 10**12
    await sealed.meddle(f"UPDATE audit_sealer SET cluster = {cluster}, sealed_xid = $1::text::xid8", str(mark))  # noqa: S608
    left = [*entries("left", 3)]
    await sealed.meddle(
        f"""
        INSERT INTO audit_event (type, subject, actor, correlation_id, facts, digest, xid)
        SELECT entry.*, '{mark + 5}'::xid8
          FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[]) AS entry
        """,  # noqa: S608
        *record.columns_of(left),
    )
    await sealed.write(2, "new")
    assert (await sealed.verify()).unsealed.count == 5

    assert await sealed.seal_everything() == 5
    await sealed.write(4, "newer")
    assert await sealed.seal_everything() == 4

    verification = await sealed.verify()
    assert (verification.intact, verification.verified, verification.unsealed.count) == (True, SEALED + 9, 0)


SEALING: Final = """
import asyncio, sys
from app.audit.chain import AuditSealer
from app.postgres.database import Database

async def seal(url):
    sealer = AuditSealer(await Database.connect(url))
    print("ready", flush=True)
    while True:
        await sealer.seal(3)

asyncio.run(seal(sys.argv[1]))
"""


async def test_a_sealer_that_is_killed_leaves_a_chain_that_goes_on(chain: Chain, database_url: str) -> None:
    chance = random.Random(8)
    written = 0
    for _ in range(4):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", SEALING, database_url), stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        for _ in range(chance.randint(5, 25)):
            await chain.write(5)
            written += 5
        process.kill()
        await process.wait()
        assert (await chain.verify()).intact
    await chain.seal_everything()

    verification = await chain.verify()

    assert (verification.intact, verification.verified, verification.unsealed.count) == (True, written, 0)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.sampled_from(["begin", "write", "commit", "roll back", "seal"]), max_size=30),
    seed=st.integers(0, 99),
)
def test_every_committed_event_is_sealed_once_in_transaction_order(
    database_url: str, steps: list[str], seed: int
) -> None:
    chance = random.Random(seed)

    async def play() -> None:
        async with chain_on(database_url) as chain:
            opened: list[asyncpg.Connection[asyncpg.Record]] = []
            before = (await chain.trail.head()).position
            kept = 0
            pending: dict[int, int] = {}
            for step in steps:
                if step == "begin" and len(opened) < 4:
                    connection = await asyncpg.connect(database_url)
                    await connection.execute("BEGIN")
                    opened.append(connection)
                    pending[id(connection)] = 0
                elif step == "seal":
                    await chain.sealer.seal(2)
                    assert (await chain.verify()).intact
                elif step == "write" and opened:
                    one = chance.choice(opened)
                    await one.execute(record.INSERT.sql, *record.columns_of(entries("event", 2)))
                    pending[id(one)] += 2
                elif step in ("commit", "roll back") and opened:
                    one = opened.pop(chance.randrange(len(opened)))
                    await one.execute("COMMIT" if step == "commit" else "ROLLBACK")
                    kept += pending.pop(id(one)) if step == "commit" else 0
                    await one.close()
            for one in opened:
                await one.close()  # which rolls back
            await chain.seal_everything()
            verification = await chain.verify()
            assert (verification.intact, verification.head.position) == (True, before + kept)
            order = [(row["xid"], row["id"]) for row in await in_order(chain)]
            assert order == sorted(order)

    asyncio.run(play())


async def in_order(chain: Chain) -> list[asyncpg.Record]:
    """The sealed events, as the chain has them."""
    return await chain.owner.fetch(
        "SELECT e.* FROM audit_seal JOIN audit_event AS e ON e.id = audit_event ORDER BY position"
    )
