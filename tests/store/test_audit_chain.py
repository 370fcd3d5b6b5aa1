"""The chain over the audit trail: whatever is changed afterwards shows, and is named."""

import asyncio
import random
import sys
from collections.abc import AsyncIterator
from typing import Final

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.audit_ports import Anchor, AuditFilter
from app.store import audit
from app.store.audit_chain import AuditSealer
from app.store.database import Database
from tests.store.chain_kit import Chain, chain_on, entries

pytestmark = pytest.mark.anyio

ALL: Final = AuditFilter()
ZEROS: Final = "00" * 32
SEALED: Final = 9
# In the middle, so that something stands before and behind.
PLACE: Final = 4

# An event's columns: a statement that changes one of them a little. $1 is the event.
CHANGES: Final = {
    "at": "UPDATE audit_event SET at = at + interval '1 microsecond' WHERE id = $1",
    "type": "UPDATE audit_event SET type = 'job.queuer' WHERE id = $1",
    "subject": "UPDATE audit_event SET subject = overlay(subject PLACING 'J' FROM 1) WHERE id = $1",
    "actor": "UPDATE audit_event SET actor = 'lockstitcI' WHERE id = $1",
    "correlation id": "UPDATE audit_event SET correlation_id = correlation_id || '0' WHERE id = $1",
    "no correlation id": "UPDATE audit_event SET correlation_id = NULL WHERE id = $1",
    "facts": "UPDATE audit_event SET facts = replace(facts, 'work', 'worl') WHERE id = $1",
    "digest": "UPDATE audit_event SET digest = set_bit(digest, 77, 1 - get_bit(digest, 77)) WHERE id = $1",
    "xid": "UPDATE audit_event SET xid = ((xid::text::bigint - 1)::text)::xid8 WHERE id = $1",
}


@pytest.fixture
async def chain(database_url: str) -> AsyncIterator[Chain]:
    """An empty trail."""
    async with chain_on(database_url) as opened:
        yield opened


@pytest.fixture
async def sealed(chain: Chain) -> Chain:
    """A trail with a few events, all of them sealed; their ids are their positions."""
    for _ in range(SEALED // 3):
        await chain.write(3)
    assert await chain.seal() == SEALED
    return chain


async def test_an_empty_trail_holds(chain: Chain) -> None:
    assert await chain.seal() == 0

    found = await chain.verify()

    assert (found.intact, found.verified, found.unsealed.count) == (True, 0, 0)
    assert found.head == Anchor(position=0, chain=ZEROS)


async def test_what_nobody_touched_holds(sealed: Chain) -> None:
    found = await sealed.verify()

    assert (found.intact, found.verified, found.first_break, found.next_from) == (True, SEALED, None, None)
    assert found.head.position == SEALED
    assert [event.position for event in await sealed.trail.list(ALL, before=None, limit=100)] == [*range(SEALED, 0, -1)]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_a_change_of_any_column_of_an_event_is_named(sealed: Chain, change: str) -> None:
    await sealed.meddle(change, PLACE)

    found = await sealed.verify()

    assert not found.intact
    assert found.first_break is not None
    assert (found.first_break.what, found.first_break.position, found.first_break.audit_event) == (
        "content",
        PLACE,
        PLACE,
    )
    assert found.verified == PLACE - 1


async def test_a_change_that_brings_its_own_digest_along_is_named(sealed: Chain) -> None:
    facts = '{"kind":"work","number":7}'
    digest = audit.digest_of("job.queued", "job:event-0", "lockstitch", "run-0", facts)
    await sealed.meddle("UPDATE audit_event SET facts = $2, digest = $3 WHERE id = $1", PLACE, facts, digest)

    found = (await sealed.verify()).first_break

    assert found is not None
    assert (found.what, found.position) == ("content", PLACE)
    assert "Its own digest fits" in found.detail


async def test_an_event_that_is_given_another_id_is_missing(sealed: Chain) -> None:
    await sealed.meddle("ALTER TABLE audit_event ALTER COLUMN id DROP IDENTITY")
    await sealed.meddle("UPDATE audit_event SET id = 1000 WHERE id = $1", PLACE)

    found = (await sealed.verify()).first_break

    assert found is not None
    assert (found.what, found.position, found.audit_event) == ("missing_event", PLACE, PLACE)


async def test_an_event_that_is_taken_out_is_missing(sealed: Chain) -> None:
    await sealed.meddle("DELETE FROM audit_event WHERE id = $1", PLACE)

    found = (await sealed.verify()).first_break

    assert found is not None
    assert (found.what, found.position, found.audit_event) == ("missing_event", PLACE, PLACE)


async def test_an_event_that_is_taken_out_with_its_seal_leaves_a_gap(sealed: Chain) -> None:
    await sealed.meddle("DELETE FROM audit_event WHERE id = $1", PLACE)
    await sealed.meddle("DELETE FROM audit_seal WHERE audit_event = $1", PLACE)

    found = (await sealed.verify()).first_break

    assert found is not None
    assert (found.what, found.position) == ("missing_seal", PLACE)


async def test_a_gap_that_is_closed_does_not_follow(sealed: Chain) -> None:
    await sealed.meddle("DELETE FROM audit_event WHERE id = $1", PLACE)
    await sealed.meddle("DELETE FROM audit_seal WHERE audit_event = $1", PLACE)
    for position in range(PLACE + 1, SEALED + 1):
        await sealed.meddle("UPDATE audit_seal SET position = position - 1 WHERE position = $1", position)

    found = (await sealed.verify()).first_break

    assert found is not None
    assert (found.what, found.position, found.audit_event) == ("chain", PLACE, PLACE + 1)


@pytest.mark.parametrize("place", [1, PLACE, SEALED])
@pytest.mark.parametrize(("column", "what"), [("digest", "seal"), ("chain", "chain")])
async def test_a_changed_seal_is_named(sealed: Chain, column: str, what: str, place: int) -> None:
    flip = f"UPDATE audit_seal SET {column} = set_byte({column}, 31, get_byte({column}, 31) # 1) WHERE position = $1"  # noqa: S608
    await sealed.meddle(flip, place)

    found = (await sealed.verify()).first_break

    assert found is not None
    assert (found.what, found.position, found.audit_event) == (what, place, place)


async def test_seals_that_change_places_are_named(sealed: Chain) -> None:
    for old, new in ((PLACE, 100), (PLACE + 1, PLACE), (100, PLACE + 1)):
        await sealed.meddle("UPDATE audit_seal SET position = $2 WHERE position = $1", old, new)

    found = (await sealed.verify()).first_break

    assert found is not None
    assert (found.what, found.position, found.audit_event) == ("chain", PLACE, PLACE + 1)


async def test_events_that_change_places_are_named(sealed: Chain) -> None:
    await sealed.meddle(
        """
        UPDATE audit_event AS e
           SET (type, subject, actor, correlation_id, facts, digest)
               = (SELECT type, subject, actor, correlation_id, facts, digest
                    FROM audit_event WHERE id = 2 * $1::bigint + 1 - e.id)
         WHERE id IN ($1::bigint, $1::bigint + 1)
        """,
        PLACE,
    )

    found = (await sealed.verify()).first_break

    assert found is not None
    assert (found.what, found.position, found.audit_event) == ("content", PLACE, PLACE)


@pytest.mark.parametrize("event", [-5, 100])
async def test_an_event_that_is_put_in_later_is_named_and_never_sealed(sealed: Chain, event: int) -> None:
    await sealed.meddle(
        """
        INSERT INTO audit_event (id, at, type, subject, actor, correlation_id, facts, digest, xid)
        OVERRIDING SYSTEM VALUE
        SELECT $2, at, type, subject, actor, correlation_id, facts, digest, xid FROM audit_event WHERE id = $1
        """,
        SEALED - 3 if event > 0 else 1,
        event,
    )

    assert await sealed.seal() == 0
    found = (await sealed.verify()).first_break

    assert found is not None
    assert (found.what, found.audit_event) == ("unsealed", event)


async def test_seals_that_are_taken_from_the_end_leave_events_that_were_sealed(sealed: Chain) -> None:
    await sealed.meddle("DELETE FROM audit_seal WHERE position >= $1", SEALED - 1)

    found = (await sealed.verify()).first_break

    assert found is not None
    assert (found.what, found.audit_event) == ("unsealed", SEALED - 1)


async def test_a_chain_that_is_written_anew_does_not_fit_the_head_that_was_kept(sealed: Chain) -> None:
    kept = (await sealed.verify()).head
    await sealed.meddle("UPDATE audit_event SET actor = 'somebody else' WHERE id = $1", PLACE)
    digest = audit.digest_of("job.queued", "job:event-0", "somebody else", "run-0", '{"kind":"work","number":0}')
    await sealed.meddle("UPDATE audit_event SET digest = $2 WHERE id = $1", PLACE, digest)
    await sealed.meddle("TRUNCATE audit_seal, audit_sealer")
    assert await sealed.seal() == SEALED

    assert (await sealed.verify()).intact
    found = (await sealed.verify(anchor=kept)).first_break

    assert found is not None
    assert (found.what, found.position) == ("anchor", SEALED)


async def test_a_chain_that_was_cut_off_ends_before_the_head_that_was_kept(sealed: Chain) -> None:
    kept = (await sealed.verify()).head
    await sealed.meddle("DELETE FROM audit_event WHERE id > $1", PLACE)
    await sealed.meddle("DELETE FROM audit_seal WHERE position > $1", PLACE)

    assert (await sealed.verify()).intact
    found = (await sealed.verify(anchor=kept)).first_break

    assert found is not None
    assert (found.what, found.position) == ("anchor", SEALED)


async def test_a_walk_may_begin_where_the_last_one_ended(sealed: Chain) -> None:
    kept = (await sealed.verify()).head
    await sealed.write(5)
    await sealed.seal()

    found = await sealed.verify(start=SEALED + 1, anchor=kept)
    assert (found.intact, found.verified) == (True, 5)

    await sealed.meddle("UPDATE audit_seal SET chain = set_byte(chain, 0, 1) WHERE position = $1", SEALED)
    broken = (await sealed.verify(start=SEALED + 1, anchor=kept)).first_break
    assert broken is not None
    assert (broken.what, broken.position) == ("anchor", SEALED)


async def test_a_long_chain_is_walked_in_several_steps(sealed: Chain) -> None:
    first = await sealed.trail.verify(start=1, at_most=PLACE, anchor=None)
    assert (first.intact, first.verified, first.next_from) == (True, PLACE, PLACE + 1)

    second = await sealed.trail.verify(start=PLACE + 1, at_most=100, anchor=None)
    assert (second.intact, second.verified, second.next_from) == (True, SEALED - PLACE, None)


async def test_the_tail_is_named(sealed: Chain) -> None:
    await sealed.write(2)

    found = await sealed.verify()

    assert (found.intact, found.verified) == (True, SEALED)
    assert found.unsealed.count == 2
    assert found.unsealed.oldest_at is not None
    assert found.unsealed.oldest_age_seconds is not None
    assert 0 <= found.unsealed.oldest_age_seconds < 60


async def test_an_event_that_was_changed_before_it_was_sealed_is_named(chain: Chain) -> None:
    await chain.write(3)
    await chain.meddle("UPDATE audit_event SET actor = 'somebody else' WHERE id = 2")
    await chain.seal()

    found = (await chain.verify()).first_break

    assert found is not None
    assert (found.what, found.position) == ("content", 2)
    assert "before it was sealed" in found.detail


async def test_nothing_is_sealed_ahead_of_a_transaction_that_is_open(chain: Chain) -> None:
    async with chain.database.transaction() as early:
        await audit.append_all(early, entries("early", 2))
        await chain.write(3, "late")
        assert await chain.seal() == 0
        assert (await chain.verify()).unsealed.count == 3

    assert await chain.seal() == 5
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
    await chain.seal()

    found = await chain.verify()

    assert (found.intact, found.verified) == (True, 200)


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
        *audit.columns_of(left),
    )
    await sealed.write(2, "new")
    assert (await sealed.verify()).unsealed.count == 5

    assert await sealed.seal() == 5
    await sealed.write(4, "newer")
    assert await sealed.seal() == 4

    found = await sealed.verify()
    assert (found.intact, found.verified, found.unsealed.count) == (True, SEALED + 9, 0)


SEALING: Final = """
import asyncio, sys
from app.store.audit_chain import AuditSealer
from app.store.database import Database

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

    found = await chain.verify()

    assert (found.intact, found.verified, found.unsealed.count) == (True, written, 0)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.sampled_from(["begin", "write", "commit", "roll back", "seal"]), max_size=30),
    seed=st.integers(0, 99),
)
def test_whatever_is_committed_is_sealed_once_and_in_the_order_of_transactions(
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
                    await one.execute(audit.INSERT.sql, *audit.columns_of(entries("event", 2)))
                    pending[id(one)] += 2
                elif step in ("commit", "roll back") and opened:
                    one = opened.pop(chance.randrange(len(opened)))
                    await one.execute("COMMIT" if step == "commit" else "ROLLBACK")
                    kept += pending.pop(id(one)) if step == "commit" else 0
                    await one.close()
            for one in opened:
                await one.close()  # which rolls back
            await chain.seal_everything()
            found = await chain.verify()
            assert (found.intact, found.head.position) == (True, before + kept)
            order = [(row["xid"], row["id"]) for row in await in_order(chain)]
            assert order == sorted(order)

    asyncio.run(play())


TEXTS: Final = ("subject", "actor", "correlation_id", "facts")
DIGESTS: Final = ("audit_event.digest", "audit_seal.digest", "audit_seal.chain")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    where=st.sampled_from([f"audit_event.{column}" for column in TEXTS] + [*DIGESTS]),
    place=st.integers(1, SEALED),
    index=st.integers(0, 500),
    flip=st.integers(1, 127),
)
def test_a_flipped_byte_anywhere_is_named_and_its_return_heals(
    database_url: str, where: str, place: int, index: int, flip: int
) -> None:
    table, column = where.split(".")
    key = "id" if table == "audit_event" else "position"

    async def play() -> None:
        async with chain_on(database_url) as chain:
            if not (await chain.trail.head()).position:
                await chain.write(SEALED)
                await chain.seal()
            good = await chain.owner.fetchval(f"SELECT {column} FROM {table} WHERE {key} = $1", place)  # noqa: S608
            put = f"UPDATE {table} SET {column} = $2 WHERE {key} = $1"  # noqa: S608
            await chain.meddle(put, place, flipped(good, index, flip))
            found = (await chain.verify()).first_break
            assert found is not None
            assert (found.position, found.audit_event) == (place, place)
            await chain.meddle(put, place, good)
            assert (await chain.verify()).intact

    asyncio.run(play())


def flipped(good: str | bytes, index: int, flip: int) -> str | bytes:
    """The same with another byte in one place; text stays text."""
    index %= len(good)
    if isinstance(good, bytes):
        return good[:index] + bytes([good[index] ^ flip]) + good[index + 1 :]
    other = chr(ord(good[index]) ^ flip)
    return good[:index] + ("?" if other == "\0" else other) + good[index + 1 :]


async def in_order(chain: Chain) -> list[asyncpg.Record]:
    """The sealed events, as the chain has them."""
    return await chain.owner.fetch(
        "SELECT e.* FROM audit_seal JOIN audit_event AS e ON e.id = audit_event ORDER BY position"
    )
