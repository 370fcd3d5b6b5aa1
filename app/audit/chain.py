"""The hash chain over the audit trail, and the sealer that appends to it.

    digest_n = SHA-256(event_n)          the event as a JSON array in UTF-8, without spaces:
                                         [id, at, xid, type, subject, actor, correlation id, facts, digest,
                                          environment]
    chain_n  = SHA-256(chain_n-1 ‖ digest_n)          chain_0 is 32 zero bytes

`at` is in UTC with six digits of fraction, `facts` is the stored text, `digest` is in hexadecimal.

Events are sealed in the order (transaction, id), below the oldest open transaction, so an event that commits later
sorts after all sealed ones. `audit_sealer` marks the position up to which everything is sealed: an event below the mark
without a seal was inserted by someone else.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC
from typing import Final

import asyncpg
import msgspec

from app.postgres.database import Database, Session, Statement

GENESIS: Final = bytes(32)
BATCH: Final = 2_000
EVENT: Final = "e.id, e.at, e.xid, e.type, e.subject, e.actor, e.correlation_id, e.facts, e.digest, e.environment"

# A constant that nothing else locks: "auditsea" in ASCII.
ADVISORY_LOCK: Final = int.from_bytes(b"auditsea")
# Sorts after every id of a transaction.
LAST_ID: Final = 2**63 - 1
LAST_XID: Final = 2**64 - 1

# Released at the end of the transaction, also when its process is killed.
LOCK = Statement("SELECT audit_sealer", "SELECT pg_try_advisory_xact_lock($1)")

# Most often there is nothing to seal. One statement finds that out, without a transaction.
NOTHING_NEW = Statement(
    "SELECT audit_sealer",
    """
    SELECT sealer.cluster = control.system_identifier
           AND sealer.sealed_xid < pg_snapshot_xmax(pg_current_snapshot())
           AND NOT EXISTS (SELECT FROM audit_event AS e WHERE (e.xid, e.id) > (sealer.sealed_xid, sealer.sealed_id))
      FROM pg_control_system() AS control, audit_sealer AS sealer
    """,
)

# The mark is valid in the same cluster, while the transaction counter is ahead of it.
STATE = Statement(
    "SELECT audit_sealer",
    """
    SELECT last.position, last.chain, sealer.sealed_xid, sealer.sealed_id, control.system_identifier AS cluster,
           pg_snapshot_xmin(pg_current_snapshot()) AS oldest_open,
           pg_snapshot_xmax(pg_current_snapshot()) AS next_xid,
           coalesce(sealer.cluster = control.system_identifier
                    AND sealer.sealed_xid < pg_snapshot_xmax(pg_current_snapshot()), false) AS mark_counts
      FROM pg_control_system() AS control
      LEFT JOIN audit_sealer AS sealer ON true
      LEFT JOIN (SELECT position, chain FROM audit_seal ORDER BY position DESC LIMIT 1) AS last ON true
    """,
)

SELECT_NEXT = Statement(
    "SELECT audit_event",
    f"""
    SELECT {EVENT}
      FROM audit_event AS e
     WHERE (e.xid, e.id) > ($1::xid8, $2::bigint)
       AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
       AND NOT EXISTS (SELECT FROM audit_seal WHERE audit_event = e.id)
     ORDER BY e.xid, e.id
     LIMIT $3
    """,  # noqa: S608 - no caller's text is in it
)

# Without a valid mark. A visible event with a future transaction number comes from an earlier cluster.
SELECT_UNMARKED = Statement(
    "SELECT audit_event",
    f"""
    SELECT {EVENT}
      FROM audit_event AS e
     WHERE (   e.xid <  pg_snapshot_xmin(pg_current_snapshot())
            OR e.xid >= pg_snapshot_xmax(pg_current_snapshot()))
       AND NOT EXISTS (SELECT FROM audit_seal WHERE audit_event = e.id)
     ORDER BY e.id
     LIMIT $1
    """,  # noqa: S608
)

INSERT_SEALS = Statement(
    "INSERT audit_seal",
    """
    INSERT INTO audit_seal (position, audit_event, digest, chain)
    SELECT *
      FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bytea[])
    """,
)

MOVE_MARK = Statement("UPDATE audit_sealer", "UPDATE audit_sealer SET sealed_xid = $1, sealed_id = $2")

FORGET_MARK = Statement("DELETE audit_sealer", "DELETE FROM audit_sealer")

SET_MARK = Statement(
    "INSERT audit_sealer", "INSERT INTO audit_sealer (cluster, sealed_xid, sealed_id) VALUES ($1, $2, $3)"
)


def digest_of_event(event: asyncpg.Record) -> bytes:
    """Return the digest over the whole event. `event` has the columns of EVENT."""
    written = event["at"].astimezone(UTC).isoformat(timespec="microseconds")
    whole = (
        *(event["id"], written, event["xid"], event["type"], event["subject"], event["actor"]),
        *(event["correlation_id"], event["facts"], event["digest"].hex(), event["environment"]),
    )
    return hashlib.sha256(msgspec.json.encode(whole)).digest()


def link(chain: bytes, digest: bytes) -> bytes:
    """Return the chain extended by one event."""
    return hashlib.sha256(chain + digest).digest()


class AuditSealer:
    """Appends to the chain. Any number of processes may try; one at a time succeeds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def seal(self, at_most: int = BATCH) -> int:
        """Seal at most this many events, and return their number. 0 also while another process seals."""
        if await self._database.fetch_value(NOTHING_NEW):
            return 0
        async with self._database.transaction() as session:
            if not await session.fetch_value(LOCK, ADVISORY_LOCK):
                return 0
            state = await session.fetch_row(STATE)
            assert state is not None  # noqa: S101 - always one row
            if not state["mark_counts"]:
                return await _seal_unmarked(session, state, at_most)
            events = await session.fetch(SELECT_NEXT, state["sealed_xid"], state["sealed_id"], at_most)
            if events:
                await _append(session, state, events)
                await session.execute(MOVE_MARK, events[-1]["xid"], events[-1]["id"])
            return len(events)


async def _seal_unmarked(session: Session, state: asyncpg.Record, at_most: int) -> int:
    """Seal without a valid mark. When no event is left, set the mark."""
    events = await session.fetch(SELECT_UNMARKED, at_most)
    if events:
        await _append(session, state, events)
    if len(events) < at_most:
        await session.execute(FORGET_MARK)
        await session.execute(SET_MARK, state["cluster"], state["oldest_open"] - 1, LAST_ID)
    return len(events)


async def _append(session: Session, state: asyncpg.Record, events: Sequence[asyncpg.Record]) -> None:
    first = (state["position"] or 0) + 1
    chain = state["chain"] or GENESIS
    digests = [digest_of_event(event) for event in events]
    chains = [chain := link(chain, digest) for digest in digests]
    positions = list(range(first, first + len(events)))
    await session.execute(INSERT_SEALS, positions, [event["id"] for event in events], digests, chains)
