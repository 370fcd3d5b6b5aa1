"""Raised alarms, in the table `alert`: raised once for all workers, notified by one worker at a time."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final
from uuid import uuid4

from app.monitoring.models import Alarm, AlarmNotice
from app.postgres.database import Database, Statement, Transaction

CLAIM_SECONDS: Final = 60.0
LEADING: Final = 20195
"""The first number of the advisory locks of workers that lead; the second is their rank, or:"""
OF_SCHEMA: Final = 9
"""That of the alarm about the schema, which not every worker may see."""

RAISE = Statement(
    "INSERT alert",
    """
    INSERT INTO alert (name, summary)
    SELECT *
      FROM unnest($1::text[], $2::text[]) AS raised (name, summary)
     ORDER BY name
        ON CONFLICT (name) DO UPDATE
       SET summary = excluded.summary, ended_at = NULL, seen_at = now()
    """,
)

# Rounds of several workers follow each other, so that one does not end by older figures what another has raised. A
# worker that stops in the middle of its round loses it.
TURN = Statement(
    "SELECT alert",
    """
    SELECT set_config('idle_in_transaction_session_timeout', '15s', true), pg_try_advisory_xact_lock(20194) AS ours
    """,
)

OURS: Final = f"""
      FROM pg_locks
     WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND classid = {LEADING} AND objid::integer = $1
"""

# A session keeps the lock until it ends, or leaves it to another.
LEADS = Statement(
    "SELECT pg_locks",
    f"SELECT CASE WHEN EXISTS (SELECT {OURS}) THEN true ELSE pg_try_advisory_lock({LEADING}, $1) END",
)
LEAVE = Statement("SELECT pg_locks", f"SELECT pg_advisory_unlock({LEADING}, $1) {OURS}")

# What this worker checks and did not find, and what no worker checks any more: $1 are the names of what it found, $2
# the kinds of which it checks only the names $3.
OVER: Final = """
    name <> ALL ($1::text[])
    AND (split_part(name, '.', 1) <> ALL ($2::text[]) OR name = ANY ($3::text[])
         OR seen_at < now() - interval '1 minute')
"""

# An alarm that was never notified needs no end.
FORGET = Statement(
    "DELETE alert",
    f"DELETE FROM alert WHERE {OVER} AND reported_at IS NULL AND (claimed_until IS NULL OR claimed_until < now())",  # noqa: S608
)

END = Statement("UPDATE alert", f"UPDATE alert SET ended_at = now() WHERE {OVER} AND ended_at IS NULL")  # noqa: S608

CLAIM = Statement(
    "UPDATE alert",
    """
    UPDATE alert
       SET claim_token = $1, claimed_until = now() + make_interval(secs => $2)
     WHERE name IN (SELECT name
                      FROM alert
                     WHERE (claimed_until IS NULL OR claimed_until < now())
                       AND (reported_at IS NULL OR ended_at IS NOT NULL
                            OR reported_at < now() - make_interval(secs => $3))
                       FOR UPDATE SKIP LOCKED)
    RETURNING name, summary, raised_at,
              CASE WHEN ended_at IS NOT NULL AND reported_at IS NOT NULL THEN 'over'
                   WHEN reported_at IS NULL THEN 'raised' ELSE 'standing' END AS state
    """,
)

NOTIFIED = Statement(
    "UPDATE alert",
    """
    UPDATE alert
       SET reported_at = now(), claim_token = NULL, claimed_until = NULL
     WHERE name = $1 AND claim_token = $2
    """,
)

END_NOTIFIED = Statement(
    "DELETE alert", "DELETE FROM alert WHERE name = $1 AND claim_token = $2 AND ended_at IS NOT NULL"
)

# The end was notified, but the alarm is back: raise it anew.
RAISE_AGAIN = Statement(
    "UPDATE alert",
    """
    UPDATE alert
       SET raised_at = now(), reported_at = NULL, claim_token = NULL, claimed_until = NULL
     WHERE name = $1 AND claim_token = $2
    """,
)

# The next worker that looks retries a failed notification.
NOTIFY_LATER = Statement(
    "UPDATE alert", "UPDATE alert SET claim_token = NULL, claimed_until = NULL WHERE name = $1 AND claim_token = $2"
)


class PostgresAlarms:
    """The store of raised alarms, shared by all workers. The database is of one connection, of this worker alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Transaction | None]:
        """Open the transaction of one round of checks; None while another worker has its round."""
        async with self._database.transaction() as session:
            row = await session.fetch_row(TURN)
            yield session if row is not None and row["ours"] else None

    async def rank(self) -> int:
        """Return 0 for the first worker, 1 for the second one, 2 for others. Raises StoreUnavailable."""
        if not await self.leads(0):
            return 1 if await self.leads(1) else 2
        await self._database.execute(LEAVE, 1)  # it was the second one until the first died
        return 0

    async def leads(self, number: int) -> bool:
        """Return whether this worker, of all, has a lock. It needs the same session each time. Raises
        StoreUnavailable."""
        return bool(await self._database.fetch_value(LEADS, number))

    async def due(
        self,
        session: Transaction,
        raised: Sequence[Alarm],
        checked: Mapping[str, Sequence[str]],
        *,
        repeat_seconds: float,
    ) -> Sequence[AlarmNotice]:
        """Record in a `turn` that these alarms stand, and return the notifications for this worker to send.

        `checked` has the subjects that this worker checks, by kinds of alarms of which it does not check all. Another
        worker sends what is not settled within a minute. Raises StoreUnavailable.
        """
        names, token = [alarm.name for alarm in raised], str(uuid4())
        own = [f"{kind}.{subject}" for kind, subjects in checked.items() for subject in subjects]
        await session.execute(RAISE, names, [alarm.summary for alarm in raised])
        await session.execute(FORGET, names, list(checked), own)
        await session.execute(END, names, list(checked), own)
        rows = await session.fetch(CLAIM, token, CLAIM_SECONDS, repeat_seconds)
        return [
            AlarmNotice(
                name=row["name"], state=row["state"], summary=row["summary"], since=row["raised_at"], token=token
            )
            for row in rows
        ]

    async def settle(self, notice: AlarmNotice, *, reported: bool) -> None:
        """Record that a notification was sent, or failed and must be retried. Raises StoreUnavailable."""
        if not reported:
            await self._database.execute(NOTIFY_LATER, notice.name, notice.token)
            return
        if notice.state != "over":
            await self._database.execute(NOTIFIED, notice.name, notice.token)
            return
        if not await self._database.execute(END_NOTIFIED, notice.name, notice.token):
            await self._database.execute(RAISE_AGAIN, notice.name, notice.token)
