"""Lanes: what blocks the jobs and requests of a connection. Pauses are in `pauses`.

open ── throttle(retry_after) ──▶ blocked ── the time ends ──▶ half open ── the probe succeeds ──▶ open
open ── refused credential, or an operator ──▶ paused ── resume ──▶ half open after a refusal, else open
"""

from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from app.audit import record
from app.postgres.database import Database, Statement, Transaction
from app.queue.models import Job, Lane

OPEN = Statement(
    "INSERT lane",
    """
    INSERT INTO lane (connection)
    SELECT unnest($1::text[])
     ORDER BY 1
        ON CONFLICT DO NOTHING
    """,
)

SELECT_ALL = Statement(
    "SELECT lane",
    """
    SELECT connection, blocked_reason,
           CASE WHEN blocked_until < 'infinity'
                THEN greatest(0, extract(epoch FROM blocked_until - now()))::float8 END AS blocked_seconds,
           nullif(blocked_until, 'infinity') AS blocked_until,
           blocked_note, blocked_at, probe_token IS NOT NULL AS probing
      FROM lane
     ORDER BY connection
    """,
)

# A pause by an operator or for a refused credential takes precedence. Of several throttles at once, only the first
# counts, so a vendor that names no time is asked after 1, 2, 4 … seconds. A running probe no longer decides.
THROTTLE = Statement(
    "UPDATE lane",
    """
    WITH before AS (
        SELECT connection, blocked_until, blocked_until IS NULL OR blocked_until <= now() AS was_going,
               throttles,
               coalesce($2::float8, power(2, least(throttles, 8)) * (0.5 + random() / 2)) AS seconds
          FROM lane
         WHERE connection = $1 AND (blocked_until IS NULL OR blocked_until < 'infinity')
           FOR NO KEY UPDATE
    )
    UPDATE lane
       SET blocked_reason = 'throttle',
           blocked_until = CASE WHEN before.was_going THEN now() + make_interval(secs => before.seconds)
                                WHEN $2 IS NULL THEN before.blocked_until
                                ELSE greatest(before.blocked_until, now() + make_interval(secs => before.seconds))
                           END,
           blocked_note = $3,
           blocked_at = CASE WHEN before.was_going THEN now() ELSE lane.blocked_at END,
           throttles = before.throttles + before.was_going::integer,
           probe_token = NULL, probing_until = NULL
      FROM before
     WHERE lane.connection = before.connection
    RETURNING before.was_going, before.seconds
    """,
)

UNBLOCK: Final = """
    UPDATE lane
       SET blocked_reason = NULL, blocked_until = NULL, blocked_note = NULL, blocked_at = NULL, throttles = 0,
           probe_token = NULL, probing_until = NULL
     WHERE connection = $1"""
"""SQL text that ends what blocks a lane, for a further condition."""

PROBE_SUCCEEDED = Statement("UPDATE lane", f"{UNBLOCK} AND probe_token = $2")

PROBE_UNDECIDED = Statement(
    "UPDATE lane",
    """
    UPDATE lane
       SET probe_token = NULL, blocked_until = now() + make_interval(secs => $3)
     WHERE connection = $1 AND probe_token = $2
    """,
)

WAKE = Statement("SELECT job", "SELECT pg_notify('lockstitch_job', '')")

PAUSES_CHANNEL: Final = "lockstitch_lane"
"""Notified without a payload when a connection is paused or resumed."""

NOTIFY = Statement("SELECT lane", f"SELECT pg_notify('{PAUSES_CHANNEL}', '')")

MAX_PROBE_PAUSE: Final = 60.0  # seconds


class PostgresLanes:
    """The lanes, for operators."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, connections: Collection[str]) -> None:
        """Create the lanes of these connections that have none, so that whatever pauses all connections finds them."""
        await self._database.execute(OPEN, list(connections))

    async def list(self) -> Sequence[Lane]:
        """Return every lane, by connection."""
        return [msgspec.convert(dict(row), Lane) for row in await self._database.fetch(SELECT_ALL)]


async def throttle(transaction: Transaction, connection: str, reason: str, retry_after: float | None) -> None:
    """Block the lane for `retry_after` seconds, or for a growing time if the vendor names none."""
    row = await transaction.fetch_row(THROTTLE, connection, retry_after, reason)
    await transaction.execute(NOTIFY)
    if row is not None and row["was_going"]:
        await note_change(transaction, "connection.throttled", connection, seconds=round(row["seconds"], 3))


async def probe_succeeded(transaction: Transaction, job: Job) -> None:
    """Unblock the lane of a job that is its probe."""
    if await transaction.execute(PROBE_SUCCEEDED, job.connection, job.lease_token):
        await note_resumed(transaction, job.connection)


async def probe_undecided(transaction: Transaction, job: Job, seconds: float) -> None:
    """End this job's probe without a result. The next probe may run after `seconds`."""
    if job.probe:
        await transaction.execute(
            PROBE_UNDECIDED, job.connection, job.lease_token, min(max(seconds, 0.0), MAX_PROBE_PAUSE)
        )


async def note_resumed(transaction: Transaction, connection: str, *, actor: str = "lockstitch") -> None:
    """Note that a lane was unblocked, for the audit trail, the workers and the pauses in memory."""
    await transaction.execute(WAKE)
    await transaction.execute(NOTIFY)
    await note_change(transaction, "connection.resumed", connection, actor=actor)


async def note_change(
    transaction: Transaction, what: str, connection: str, *, actor: str = "lockstitch", **facts: object
) -> None:
    """Append a change of a lane to the audit trail."""
    entry = record.Entry(type=what, subject=connection, actor=actor, correlation_id=None, facts=facts)
    await record.append(transaction, entry)
