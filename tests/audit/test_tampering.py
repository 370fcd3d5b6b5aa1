"""Tampering with the audit trail: `verify` finds every later change, and names it."""

import asyncio
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.audit import record
from tests.audit.audit_chain import SEALED, Chain, chain_on
from tests.required import required

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
    "environment": "UPDATE audit_event SET environment = 'prod' WHERE id = $1",
    "xid": "UPDATE audit_event SET xid = ((xid::text::bigint - 1)::text)::xid8 WHERE id = $1",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_a_change_of_any_column_of_an_event_is_named(sealed: Chain, change: str) -> None:
    await sealed.meddle(change, PLACE)

    verification = await sealed.verify()

    assert not verification.intact
    assert verification.first_break is not None
    assert (verification.first_break.what, verification.first_break.position, verification.first_break.audit_event) == (
        "content",
        PLACE,
        PLACE,
    )
    assert verification.verified == PLACE - 1


async def test_a_change_that_brings_its_own_digest_along_is_named(sealed: Chain) -> None:
    facts = '{"kind":"work","number":7}'
    digest = record.digest_of("job.queued", "job:event-0", "lockstitch", "run-0", facts)
    await sealed.meddle("UPDATE audit_event SET facts = $2, digest = $3 WHERE id = $1", PLACE, facts, digest)

    first_break = required((await sealed.verify()).first_break)
    assert (first_break.what, first_break.position) == ("content", PLACE)
    assert "Its own digest matches" in first_break.detail


async def test_an_event_that_is_given_another_id_is_missing(sealed: Chain) -> None:
    await sealed.meddle("ALTER TABLE audit_event ALTER COLUMN id DROP IDENTITY")
    await sealed.meddle("UPDATE audit_event SET id = 1000 WHERE id = $1", PLACE)

    first_break = required((await sealed.verify()).first_break)
    assert (first_break.what, first_break.position, first_break.audit_event) == ("missing_event", PLACE, PLACE)


async def test_an_event_that_is_taken_out_is_missing(sealed: Chain) -> None:
    await sealed.meddle("DELETE FROM audit_event WHERE id = $1", PLACE)

    first_break = required((await sealed.verify()).first_break)
    assert (first_break.what, first_break.position, first_break.audit_event) == ("missing_event", PLACE, PLACE)


async def test_an_event_that_is_taken_out_with_its_seal_leaves_a_gap(sealed: Chain) -> None:
    await sealed.meddle("DELETE FROM audit_event WHERE id = $1", PLACE)
    await sealed.meddle("DELETE FROM audit_seal WHERE audit_event = $1", PLACE)

    first_break = required((await sealed.verify()).first_break)
    assert (first_break.what, first_break.position) == ("missing_seal", PLACE)


async def test_a_gap_that_is_closed_does_not_follow(sealed: Chain) -> None:
    await sealed.meddle("DELETE FROM audit_event WHERE id = $1", PLACE)
    await sealed.meddle("DELETE FROM audit_seal WHERE audit_event = $1", PLACE)
    for position in range(PLACE + 1, SEALED + 1):
        await sealed.meddle("UPDATE audit_seal SET position = position - 1 WHERE position = $1", position)

    first_break = required((await sealed.verify()).first_break)
    assert (first_break.what, first_break.position, first_break.audit_event) == ("chain", PLACE, PLACE + 1)


@pytest.mark.parametrize("place", [1, PLACE, SEALED])
@pytest.mark.parametrize(("column", "what"), [("digest", "seal"), ("chain", "chain")])
async def test_a_changed_seal_is_named(sealed: Chain, column: str, what: str, place: int) -> None:
    flip = f"UPDATE audit_seal SET {column} = set_byte({column}, 31, get_byte({column}, 31) # 1) WHERE position = $1"  # noqa: S608
    await sealed.meddle(flip, place)

    first_break = required((await sealed.verify()).first_break)
    assert (first_break.what, first_break.position, first_break.audit_event) == (what, place, place)


async def test_seals_that_change_places_are_named(sealed: Chain) -> None:
    for old, new in ((PLACE, 100), (PLACE + 1, PLACE), (100, PLACE + 1)):
        await sealed.meddle("UPDATE audit_seal SET position = $2 WHERE position = $1", old, new)

    first_break = required((await sealed.verify()).first_break)
    assert (first_break.what, first_break.position, first_break.audit_event) == ("chain", PLACE, PLACE + 1)


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

    first_break = required((await sealed.verify()).first_break)
    assert (first_break.what, first_break.position, first_break.audit_event) == ("content", PLACE, PLACE)


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
    first_break = required((await sealed.verify()).first_break)
    assert (first_break.what, first_break.audit_event) == ("unsealed", event)


async def test_seals_that_are_taken_from_the_end_leave_events_that_were_sealed(sealed: Chain) -> None:
    await sealed.meddle("DELETE FROM audit_seal WHERE position >= $1", SEALED - 1)

    first_break = required((await sealed.verify()).first_break)
    assert (first_break.what, first_break.audit_event) == ("unsealed", SEALED - 1)


async def test_a_chain_that_is_written_anew_does_not_fit_the_head_that_was_kept(sealed: Chain) -> None:
    kept = (await sealed.verify()).head
    await sealed.meddle("UPDATE audit_event SET actor = 'somebody else' WHERE id = $1", PLACE)
    digest = record.digest_of("job.queued", "job:event-0", "somebody else", "run-0", '{"kind":"work","number":0}')
    await sealed.meddle("UPDATE audit_event SET digest = $2 WHERE id = $1", PLACE, digest)
    await sealed.meddle("TRUNCATE audit_seal, audit_sealer")
    assert await sealed.seal_everything() == SEALED

    assert (await sealed.verify()).intact
    first_break = required((await sealed.verify(anchor=kept)).first_break)
    assert (first_break.what, first_break.position) == ("anchor", SEALED)


async def test_a_chain_that_was_cut_off_ends_before_the_head_that_was_kept(sealed: Chain) -> None:
    kept = (await sealed.verify()).head
    await sealed.meddle("DELETE FROM audit_event WHERE id > $1", PLACE)
    await sealed.meddle("DELETE FROM audit_seal WHERE position > $1", PLACE)

    assert (await sealed.verify()).intact
    first_break = required((await sealed.verify(anchor=kept)).first_break)
    assert (first_break.what, first_break.position) == ("anchor", SEALED)


async def test_an_event_that_was_changed_before_it_was_sealed_is_named(chain: Chain) -> None:
    await chain.write(3)
    await chain.meddle("UPDATE audit_event SET actor = 'somebody else' WHERE id = 2")
    await chain.seal_everything()

    first_break = required((await chain.verify()).first_break)
    assert (first_break.what, first_break.position) == ("content", 2)
    assert "before it was sealed" in first_break.detail


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
                await chain.seal_everything()
            good = await chain.owner.fetchval(f"SELECT {column} FROM {table} WHERE {key} = $1", place)  # noqa: S608
            put = f"UPDATE {table} SET {column} = $2 WHERE {key} = $1"  # noqa: S608
            await chain.meddle(put, place, flipped(good, index, flip))
            first_break = required((await chain.verify()).first_break)
            assert (first_break.position, first_break.audit_event) == (place, place)
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
