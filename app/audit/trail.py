"""The audit trail for those who read it: pages of events, and the walk along the chain."""

from collections.abc import Sequence
from typing import Final

import asyncpg
from msgspec import Raw

from app.audit.chain import EVENT, GENESIS, LAST_ID, LAST_XID, STATE, digest_of_event, link
from app.audit.models import Anchor, AuditEvent, AuditFilter, ChainBreak, UnsealedTail, Verification
from app.audit.record import digest_of
from app.postgres.database import Database, Statement

STEP: Final = 2_000
GONE: Final = "events are gone, as they are when a database was restored from a backup"

# Which index serves depends on the filters that are given; a plan for all of them would read the whole trail.
PLAN_ANEW = Statement("SELECT settings", "SELECT set_config('plan_cache_mode', 'force_custom_plan', true)")

SELECT_PAGE = Statement(
    "SELECT audit_event",
    """
    SELECT e.id, e.at, e.type, e.subject, e.actor, e.correlation_id, e.facts, s.position
      FROM (SELECT *
              FROM audit_event
             WHERE ($1::text IS NULL OR type = $1)
               AND ($2::text IS NULL OR starts_with(type, $2))
               AND ($3::text IS NULL OR subject = $3)
               AND ($4::text IS NULL OR actor = $4)
               AND ($5::text IS NULL OR correlation_id = $5)
               AND ($6::timestamptz IS NULL OR at >= $6)
               AND ($7::bigint IS NULL OR id < $7)
             ORDER BY id DESC
             LIMIT $8) AS e
      LEFT JOIN audit_seal AS s ON s.audit_event = e.id
     ORDER BY e.id DESC
    """,
)

SELECT_SEAL = Statement("SELECT audit_seal", "SELECT audit_event, chain FROM audit_seal WHERE position = $1")

WALK = Statement(
    "SELECT audit_seal",
    f"""
    SELECT s.position, s.audit_event, s.digest AS sealed, s.chain, {EVENT}
      FROM (SELECT * FROM audit_seal WHERE position BETWEEN $1 AND $2 ORDER BY position) AS s
      LEFT JOIN audit_event AS e ON e.id = s.audit_event
     ORDER BY s.position
    """,  # noqa: S608 - no caller's text is in it
)

# Below the mark everything is sealed, and nobody can see what a transaction to come has written.
SELECT_SMUGGLED = Statement(
    "SELECT audit_event",
    """
    SELECT e.id
      FROM audit_event AS e
     WHERE e.id > $1
       AND e.id <= $2
       AND ((e.xid, e.id) <= ($3::xid8, $4::bigint) OR e.xid >= pg_snapshot_xmax(pg_current_snapshot()))
       AND NOT EXISTS (SELECT FROM audit_seal WHERE audit_event = e.id)
     ORDER BY e.id
     LIMIT 1
    """,
)

# $1 and $2 are the mark, $3 the next transaction: what is from a later one is from an earlier life of the counter, and
# was sealed before there was a mark.
SELECT_TAIL = Statement(
    "SELECT audit_event",
    """
    SELECT count(*)::bigint AS count, min(e.at) AS oldest_at,
           extract(epoch FROM clock_timestamp() - min(e.at))::float8 AS oldest_age_seconds
      FROM audit_event AS e
     WHERE (e.xid, e.id) > ($1::xid8, $2::bigint)
       AND e.xid < $3::xid8
       AND NOT EXISTS (SELECT FROM audit_seal WHERE audit_event = e.id)
    """,
)

SELECT_OLDEST = Statement(
    "SELECT audit_event",
    """
    SELECT extract(epoch FROM clock_timestamp() - e.at)::float8
      FROM audit_event AS e
     WHERE (e.xid, e.id) > ($1::xid8, $2::bigint)
       AND e.xid < $3::xid8
       AND NOT EXISTS (SELECT FROM audit_seal WHERE audit_event = e.id)
     ORDER BY e.xid, e.id
     LIMIT 1
    """,
)


class PostgresAuditTrail:
    """The events of the audit trail, and the chain over them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self, which: AuditFilter, *, before: int | None, limit: int) -> Sequence[AuditEvent]:
        """Newest first, below the id `before`."""
        kind = which.type
        space = kind[:-1] if kind is not None and kind.endswith(".*") else None
        async with self._database.transaction() as session:
            await session.execute(PLAN_ANEW)
            rows = await session.fetch(
                SELECT_PAGE,
                *(None if space else kind, space, which.record, which.actor, which.correlation_id, which.since),
                *(before, limit),
            )
        return [
            AuditEvent(
                id=row["id"],
                at=row["at"],
                type=row["type"],
                subject=row["subject"],
                actor=row["actor"],
                correlation_id=row["correlation_id"],
                facts=Raw(row["facts"]),
                position=row["position"],
            )
            for row in rows
        ]

    async def head(self) -> Anchor:
        """The end of the chain; position 0 and zeros while nothing is sealed."""
        return _head(await self._state())

    async def figures(self) -> tuple[int, float]:
        """How long the chain is, and the age in seconds of the first event that is not sealed yet."""
        state = await self._state()
        age: float | None = await self._database.fetch_value(SELECT_OLDEST, *_tail_of(state))
        return _head(state).position, age or 0.0

    async def verify(self, *, start: int, at_most: int, anchor: Anchor | None) -> Verification:
        """Walk from the position `start` over `at_most` seals. What stands before `start` is taken as it is."""
        state = await self._state()
        head = _head(state)
        end = min(head.position, start + at_most - 1)
        walk = _Walk(start, anchor)
        if anchor is not None and anchor.position > head.position:
            walk.found = _broken(
                "anchor", anchor.position, None, f"The chain ends at position {head.position}: {GONE}."
            )
        elif start > 1:
            walk.begin(await self._database.fetch_row(SELECT_SEAL, start - 1))
        while walk.found is None and walk.position <= end:
            first = walk.position
            until = min(end, first + STEP - 1)
            rows = await self._database.fetch(WALK, first, until)
            walk.take(rows, until)
            if walk.found is None:
                walk.found = await self._find_smuggled(state, walk, LAST_ID if until == head.position else None)
        if walk.found is None and end < start:
            walk.found = await self._find_smuggled(state, walk, LAST_ID)
        return Verification(
            intact=walk.found is None,
            verified=walk.verified,
            from_position=start,
            head=head,
            first_break=walk.found,
            unsealed=await self._tail(state),
            next_from=end + 1 if walk.found is None and end < head.position else None,
        )

    async def _state(self) -> asyncpg.Record:
        state = await self._database.fetch_row(STATE)
        assert state is not None  # noqa: S101 - one row at least, whatever is in the tables
        return state

    async def _tail(self, state: asyncpg.Record) -> UnsealedTail:
        row = await self._database.fetch_row(SELECT_TAIL, *_tail_of(state))
        assert row is not None  # noqa: S101 - an aggregate
        return UnsealedTail(
            count=row["count"], oldest_at=row["oldest_at"], oldest_age_seconds=row["oldest_age_seconds"]
        )

    async def _find_smuggled(self, state: asyncpg.Record, walk: "_Walk", until: int | None) -> ChainBreak | None:
        """Among the ids that the last step passed over; there is nothing to tell by where no mark counts yet."""
        passed, walk.passed = walk.passed, max(walk.passed, walk.highest)
        if not state["mark_counts"]:
            return None
        event: int | None = await self._database.fetch_value(
            SELECT_SMUGGLED, passed, walk.highest if until is None else until, state["sealed_xid"], state["sealed_id"]
        )
        if event is None:
            return None
        return _broken(
            "unsealed", None, event, "This event is in the trail and was never sealed, though later ones are."
        )


class _Walk:
    """How far a walk has come: the next `position`, the chain up to it, and the ids that it has passed over."""

    def __init__(self, start: int, anchor: Anchor | None) -> None:
        self.position = start
        self.verified = 0
        self.found: ChainBreak | None = None
        self.passed = -LAST_ID
        self.highest = 0
        self._chain = GENESIS
        self._anchor = anchor

    def begin(self, before: asyncpg.Record | None) -> None:
        """Take the seal before the first position as it is."""
        if before is None:
            self.found = _broken("missing_seal", self.position - 1, None, "There is no seal at this position.")
            return
        self.found = self._compare(self.position - 1, before)
        self._chain = before["chain"]
        self.passed = self.highest = before["audit_event"]

    def take(self, rows: Sequence[asyncpg.Record], until: int) -> None:
        """Judge the seals up to the position `until`, to the first that does not fit."""
        for row in rows:
            self.found = self._gap(row["position"]) or _judge(row, self._chain) or self._compare(row["position"], row)
            if self.found is not None:
                return
            self._chain = row["chain"]
            self.position += 1
            self.verified += 1
            self.highest = max(self.highest, row["audit_event"])
        self.found = self._gap(until + 1)

    def _gap(self, position: int) -> ChainBreak | None:
        if position == self.position:
            return None
        return _broken("missing_seal", self.position, None, "There is no seal at this position.")

    def _compare(self, position: int, row: asyncpg.Record) -> ChainBreak | None:
        anchor = self._anchor
        if anchor is None or anchor.position != position or anchor.chain == row["chain"].hex():
            return None
        detail = f"The chain is another than the one that was kept: {GONE}, or it was written anew."
        return _broken("anchor", position, row["audit_event"], detail)


def _judge(row: asyncpg.Record, chain: bytes) -> ChainBreak | None:
    """What does not fit about a seal and its event, given the chain before it."""
    place = (row["position"], row["audit_event"])
    if row["id"] is None:
        return _broken("missing_event", *place, "The event was sealed and is not there any more.")
    own = digest_of(row["type"], row["subject"], row["actor"], row["correlation_id"], row["facts"]) == row["digest"]
    actual = digest_of_event(row)
    follows = link(chain, row["sealed"]) == row["chain"]
    if actual == row["sealed"] and follows and own:
        return None
    if actual == row["sealed"] and follows:
        return _broken("content", *place, "The event was changed before it was sealed: its own digest does not fit.")
    if actual == row["sealed"]:
        return _broken("chain", *place, "The event fits its seal, but the seal does not follow from those before it.")
    if link(chain, actual) == row["chain"]:
        return _broken("seal", *place, "The event fits the chain, but the seal names another digest.")
    told = "Its own digest fits." if own else "Its own digest does not fit either."
    return _broken("content", *place, f"The event is not what was sealed. {told}")


def _broken(what: str, position: int | None, event: int | None, detail: str) -> ChainBreak:
    return ChainBreak(what=what, position=position, audit_event=event, detail=detail)  # type: ignore[arg-type]


def _tail_of(state: asyncpg.Record) -> tuple[int, int, int]:
    """Behind which transaction and id the tail begins, and before which transaction it ends; all events where no mark
    counts."""
    if not state["mark_counts"]:
        return (0, 0, LAST_XID)
    return (state["sealed_xid"], state["sealed_id"], state["next_xid"])


def _head(state: asyncpg.Record) -> Anchor:
    return Anchor(position=state["position"] or 0, chain=(state["chain"] or GENESIS).hex())
