"""Read the audit trail: pages of events, and the verification of the chain."""

from collections.abc import Sequence
from typing import Final

import asyncpg
from msgspec import Raw

from app.audit.chain import EVENT, GENESIS, LAST_ID, LAST_XID, STATE, digest_of_event, link
from app.audit.models import Anchor, AuditEvent, AuditFilter, ChainBreak, UnsealedTail, Verification
from app.audit.record import digest_of
from app.postgres.database import CUSTOM_PLAN, Database, Session, Statement

BATCH: Final = 2_000
MISSING: Final = "events are missing, as after a restore from a backup"

LOOKED_AT: Final = 10_000
"""So many of the newest events are searched where no index leads to those of an actor."""
OF_EACH: Final = 2_000
"""So many of the newest decisions of each type."""
IS_DECISION: Final = """
    (split_part(type, '.', 1) = ANY (ARRAY[
         'api_key', 'backfill', 'connection', 'console', 'consumer', 'credential', 'drift', 'environment', 'link',
         'mapping', 'person', 'reconcile', 'redrive', 'subscription'])
     AND type <> ALL (ARRAY[
         'connection.throttled', 'credential.refreshed', 'drift.found', 'drift.learned', 'mapping.pinned'])
     OR type = ANY (ARRAY[
         'operation.resolved', 'operation.approved', 'operation.rejected', 'operation.redriven', 'job.redriven',
         'job.discarded']))
"""
"""Whether an entry is a decision or a change of settings, and no step of the work."""
_WHICH: Final = "($1::text IS NULL OR type = $1) AND ($2::text IS NULL OR starts_with(type, $2))"


def _page(source: str) -> Statement:
    return Statement(
        "SELECT audit_event",
        f"""
        SELECT e.id, e.at, e.type, e.subject, e.actor, e.environment, e.correlation_id, e.facts, s.position
          FROM (SELECT *
                  FROM {source}
                 WHERE {_WHICH}
                   AND ($3::text IS NULL OR subject = $3)
                   AND ($4::text IS NULL OR actor = $4)
                   AND ($5::text IS NULL OR correlation_id = $5)
                   AND ($6::timestamptz IS NULL OR at >= $6)
                   AND ($7::bigint IS NULL OR id < $7)
                 ORDER BY id DESC
                 LIMIT $8) AS e
          LEFT JOIN audit_seal AS s ON s.audit_event = e.id
         ORDER BY e.id DESC
        """,  # noqa: S608 - no caller's text is in it
    )


SELECT_PAGE = _page("audit_event")
SELECT_DECISIONS_OF = _page(f"(SELECT * FROM audit_event WHERE {IS_DECISION}) AS decision")  # noqa: S608

# The types of decisions are found in the index of types, one look-up each, and then the newest of each type, in the
# order of that index, so that no other one is used.
SELECT_DECISIONS = _page(f"""
    (WITH RECURSIVE kind AS (
        (SELECT type FROM audit_event ORDER BY type LIMIT 1)
        UNION ALL
        SELECT (SELECT event.type FROM audit_event AS event WHERE event.type > kind.type ORDER BY event.type LIMIT 1)
          FROM kind
         WHERE kind.type IS NOT NULL
     )
     SELECT decision.*
       FROM kind
      CROSS JOIN LATERAL (
            SELECT *
              FROM (SELECT *
                      FROM audit_event AS event
                     WHERE event.type >= kind.type
                       AND (event.type, event.id) < (kind.type, coalesce($7::bigint, {LAST_ID}))
                     ORDER BY event.type DESC, event.id DESC
                     LIMIT {OF_EACH}) AS newest
             WHERE ($4::text IS NULL OR actor = $4) AND ($6::timestamptz IS NULL OR at >= $6)
             ORDER BY newest.type DESC, newest.id DESC
             LIMIT $8) AS decision
      WHERE {IS_DECISION.replace("type", "kind.type")}) AS decision
""")  # noqa: S608
SELECT_OF_NEWEST = _page(f"""
    (SELECT * FROM audit_event WHERE {_WHICH} AND ($7::bigint IS NULL OR id < $7) ORDER BY id DESC LIMIT {LOOKED_AT})
    AS newest
""")  # noqa: S608

SELECT_SEAL = Statement("SELECT audit_seal", "SELECT audit_event, chain FROM audit_seal WHERE position = $1")

SELECT_POSITION = Statement("SELECT audit_watch", "SELECT position FROM audit_watch")
UPDATE_POSITION = Statement("UPDATE audit_watch", "UPDATE audit_watch SET position = $1")

SELECT_SEALS = Statement(
    "SELECT audit_seal",
    f"""
    SELECT s.position, s.audit_event, s.digest AS sealed, s.chain, {EVENT}
      FROM (SELECT * FROM audit_seal WHERE position BETWEEN $1 AND $2 ORDER BY position) AS s
      LEFT JOIN audit_event AS e ON e.id = s.audit_event
     ORDER BY s.position
    """,  # noqa: S608 - no caller's text is in it
)

# Below the mark everything is sealed, and no event of a future transaction is visible.
SELECT_INSERTED = Statement(
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

# $1 and $2 are the mark, $3 the next transaction number. An event with a higher one comes from an earlier cluster, and
# was sealed before the mark was set.
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

    def __init__(self, database: Database | Session) -> None:
        self._database = database

    async def list(
        self, which: AuditFilter, *, before: int | None, limit: int, decisions: bool = False, quickly: bool = False
    ) -> Sequence[AuditEvent]:
        """Return events below the id `before`, newest first. With `decisions`, only decisions and changes of settings.
        `quickly`: those of an actor among the newest LOOKED_AT. Decisions are among the newest OF_EACH of each type."""
        kind = which.type
        space = kind[:-1] if kind is not None and kind.endswith(".*") else None
        statement = SELECT_OF_NEWEST if quickly and which.actor is not None else SELECT_PAGE
        if which.record is not None or which.correlation_id is not None:
            statement = SELECT_DECISIONS_OF if decisions else SELECT_PAGE
        elif decisions:
            statement = SELECT_DECISIONS
        async with self._database.transaction() as session:
            await session.execute(CUSTOM_PLAN)  # a generic plan would read the whole trail
            rows = await session.fetch(
                statement,
                *(None if space else kind, space, which.record, which.actor, which.correlation_id, which.since),
                *(before, limit),
            )
        return [AuditEvent(**{**row, "facts": Raw(row["facts"])}) for row in rows]

    async def head(self) -> Anchor:
        """Return the end of the chain; position 0 and zeros if nothing is sealed."""
        return _head(await self._state())

    async def figures(self) -> tuple[int, float]:
        """Return the length of the chain, and the age in seconds of the first unsealed event."""
        state = await self._state()
        age: float | None = await self._database.fetch_value(SELECT_OLDEST, *_tail_of(state))
        return _head(state).position, age or 0.0

    async def verify(self, *, start: int, at_most: int, anchor: Anchor | None) -> Verification:
        """Verify `at_most` seals from the position `start`. Earlier seals are not verified."""
        state = await self._state()
        head = _head(state)
        end = min(head.position, start + at_most - 1)
        verifier = _Verifier(start, anchor)
        if anchor is not None and anchor.position > head.position:
            verifier.first_break = _broken(
                "anchor", anchor.position, None, f"The chain ends at position {head.position}: {MISSING}."
            )
        elif start > 1:
            verifier.begin(await self._database.fetch_row(SELECT_SEAL, start - 1))
        while verifier.first_break is None and verifier.position <= end:
            first = verifier.position
            until = min(end, first + BATCH - 1)
            rows = await self._database.fetch(SELECT_SEALS, first, until)
            verifier.take(rows, until)
            if verifier.first_break is None:
                last_id = LAST_ID if until == head.position else verifier.highest
                verifier.first_break = await self._find_inserted(state, verifier, last_id)
        if verifier.first_break is None and end < start:
            verifier.first_break = await self._find_inserted(state, verifier, LAST_ID)
        return Verification(
            intact=verifier.first_break is None,
            verified=verifier.verified,
            from_position=start,
            head=head,
            first_break=verifier.first_break,
            unsealed=await self._tail(state),
            next_from=end + 1 if verifier.first_break is None and end < head.position else None,
        )

    async def verify_next(self, at_most: int) -> Verification:
        """Verify the seals after those of the last call of any process, in the end the first ones again. Where the
        chain is broken, the next call verifies the same ones."""
        start: int = await self._database.fetch_value(SELECT_POSITION)
        verified = await self.verify(start=start, at_most=at_most, anchor=None)
        following = verified.next_from or 1
        if verified.first_break is None and following != start:
            await self._database.execute(UPDATE_POSITION, following)
        return verified

    async def _state(self) -> asyncpg.Record:
        state = await self._database.fetch_row(STATE)
        assert state is not None  # noqa: S101 - always one row
        return state

    async def _tail(self, state: asyncpg.Record) -> UnsealedTail:
        row = await self._database.fetch_row(SELECT_TAIL, *_tail_of(state))
        assert row is not None  # noqa: S101 - an aggregate
        return UnsealedTail(**row)

    async def _find_inserted(self, state: asyncpg.Record, verifier: "_Verifier", until: int) -> ChainBreak | None:
        """Find an unsealed event among the ids that the last batch passed. Without a valid mark, nothing can be
        said."""
        passed, verifier.passed = verifier.passed, max(verifier.passed, verifier.highest)
        if not state["mark_counts"]:
            return None
        mark = (state["sealed_xid"], state["sealed_id"])
        event: int | None = await self._database.fetch_value(SELECT_INSERTED, passed, until, *mark)
        if event is None:
            return None
        return _broken(
            "unsealed", None, event, "This event is in the trail but was never sealed, although later ones are."
        )


class _Verifier:
    """The progress of a verification: the next `position`, the chain up to it, and the ids that it has passed."""

    def __init__(self, start: int, anchor: Anchor | None) -> None:
        self.position = start
        self.verified = 0
        self.first_break: ChainBreak | None = None
        self.passed = -LAST_ID
        self.highest = 0
        self._chain = GENESIS
        self._anchor = anchor

    def begin(self, before: asyncpg.Record | None) -> None:
        """Take the seal before the first position as given."""
        if before is None:
            self.first_break = _broken("missing_seal", self.position - 1, None, "There is no seal at this position.")
            return
        self.first_break = self._compare(self.position - 1, before)
        self._chain = before["chain"]
        self.passed = self.highest = before["audit_event"]

    def take(self, rows: Sequence[asyncpg.Record], until: int) -> None:
        """Verify the seals up to the position `until`, or up to the first break."""
        for row in rows:
            self.first_break = (
                self._gap(row["position"]) or _break_at(row, self._chain) or self._compare(row["position"], row)
            )
            if self.first_break is not None:
                return
            self._chain = row["chain"]
            self.position += 1
            self.verified += 1
            self.highest = max(self.highest, row["audit_event"])
        self.first_break = self._gap(until + 1)

    def _gap(self, position: int) -> ChainBreak | None:
        if position == self.position:
            return None
        return _broken("missing_seal", self.position, None, "There is no seal at this position.")

    def _compare(self, position: int, row: asyncpg.Record) -> ChainBreak | None:
        anchor = self._anchor
        if anchor is None or anchor.position != position or anchor.chain == row["chain"].hex():
            return None
        detail = f"The chain differs from the stored head: {MISSING}, or the chain was rebuilt."
        return _broken("anchor", position, row["audit_event"], detail)


def _break_at(row: asyncpg.Record, chain: bytes) -> ChainBreak | None:
    """Return the break at a seal and its event, given the chain before it, or None."""
    place = (row["position"], row["audit_event"])
    if row["id"] is None:
        return _broken("missing_event", *place, "The sealed event no longer exists.")
    own = digest_of(row["type"], row["subject"], row["actor"], row["correlation_id"], row["facts"]) == row["digest"]
    actual = digest_of_event(row)
    follows = link(chain, row["sealed"]) == row["chain"]
    if actual == row["sealed"] and follows and own:
        return None
    if actual == row["sealed"] and follows:
        return _broken("content", *place, "The event was changed before it was sealed: its own digest does not match.")
    if actual == row["sealed"]:
        return _broken(
            "chain", *place, "The event matches its seal, but the seal does not follow from the previous ones."
        )
    if link(chain, actual) == row["chain"]:
        return _broken("seal", *place, "The event matches the chain, but the seal has another digest.")
    own_digest = "Its own digest matches." if own else "Its own digest does not match either."
    return _broken("content", *place, f"The event differs from the sealed one. {own_digest}")


def _broken(what: str, position: int | None, event: int | None, detail: str) -> ChainBreak:
    return ChainBreak(what=what, position=position, audit_event=event, detail=detail)  # type: ignore[arg-type]


def _tail_of(state: asyncpg.Record) -> tuple[int, int, int]:
    """Return the transaction and id after which the tail begins, and the transaction before which it ends. All events
    if no mark is valid."""
    if not state["mark_counts"]:
        return (0, 0, LAST_XID)
    return (state["sealed_xid"], state["sealed_id"], state["next_xid"])


def _head(state: asyncpg.Record) -> Anchor:
    return Anchor(position=state["position"] or 0, chain=(state["chain"] or GENESIS).hex())
