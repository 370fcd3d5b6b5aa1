"""Findings are counted however many there are, and no vendor can fill the table with them."""

from typing import Final

import msgspec

from app.drift.models import DriftFilter, DriftSubject, Noted
from app.drift.store import MOST_OPEN, PostgresDrifts
from app.postgres.database import Database

SUBJECT: Final = DriftSubject(
    connection="crm", object="customer", mapping="hubspot.customer", revision=1, source="record"
)


def noted(place: int, subject: DriftSubject = SUBJECT) -> Noted:
    return Noted(
        subject=subject,
        path=f"$.member_{place:04d}",
        kind="unknown_field",
        expected="no member",
        found="a member",
        example='"xxx"',
        policy="evolve",
        count=1,
        correlation_id=None,
        traceparent=None,
    )


async def note(database: Database, drifts: PostgresDrifts, *observations: Noted) -> list[str]:
    async with database.transaction() as transaction:
        return [finding.path for finding, _ in await drifts.note(transaction, observations)]


async def test_what_is_seen_again_is_counted_and_no_more_than_enough_is_kept(database: Database) -> None:
    drifts = PostgresDrifts(database)

    first = await note(database, drifts, *map(noted, range(MOST_OPEN + 20)))
    assert len(first) == MOST_OPEN
    assert await note(database, drifts, noted(0), noted(9998)) == []
    other = msgspec.structs.replace(SUBJECT, source="webhook")
    assert await note(database, drifts, noted(9998, other)) == ["$.member_9998"], "another subject has room of its own"

    findings = {one.path: one for one in await drifts.list(DriftFilter(), after=None, limit=MOST_OPEN + 9)}
    assert len(findings) == MOST_OPEN + 1
    assert (findings["$.member_0000"].count, findings["$.member_0001"].count) == (2, 1)
    async with database.transaction() as transaction:
        assert await drifts.acknowledge(transaction, findings["$.member_0001"].id, actor="ada") is not None
    assert await note(database, drifts, noted(9999)) == ["$.member_9999"]
