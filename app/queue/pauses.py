"""Pauses of connections: stored in `lane`, cached in memory. No request waits for the database."""

import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import get_args

import msgspec

from app.errors import StoreUnavailable
from app.postgres.cached_table import CachedTable
from app.postgres.database import Database, Statement, Transaction
from app.queue import lanes
from app.queue.models import Announcer, Pause, PauseReason

SELECT = Statement(
    "SELECT lane",
    """
    SELECT connection, blocked_reason AS reason, blocked_note AS note, blocked_at AS since,
           blocked_until = 'infinity' AS until_resumed, resumed_at,
           CASE WHEN blocked_reason = 'throttle'
                THEN greatest(0, extract(epoch FROM greatest(blocked_until, probing_until) - now()))::float8
           END AS throttled_seconds
      FROM lane
     WHERE blocked_reason IS NOT NULL OR resumed_at IS NOT NULL
    """,
)

# The pause of an operator takes the place of any other one, so that no mended credential ends it.
BLOCK = Statement(
    "INSERT lane",
    """
    INSERT INTO lane (connection, blocked_reason, blocked_until, blocked_note, blocked_at)
    VALUES ($1, $2, 'infinity', $3, now())
        ON CONFLICT (connection) DO UPDATE
       SET blocked_reason = excluded.blocked_reason, blocked_until = 'infinity',
           blocked_note = excluded.blocked_note, blocked_at = excluded.blocked_at, probe_token = NULL
     WHERE lane.blocked_until IS NULL OR lane.blocked_until < 'infinity'
        OR (excluded.blocked_reason = 'operator' AND lane.blocked_reason <> 'operator')
    """,
)

# A connection that is not blocked here may be throttled or failing in a process, which reads `resumed_at`. $2: only if
# it has been blocked since then; NULL: in any case.
RESUME = Statement(
    "INSERT lane",
    """
    WITH before AS (
        SELECT blocked_reason
          FROM lane
         WHERE connection = $1 AND ($2::timestamptz IS NULL OR blocked_at = $2)
           FOR NO KEY UPDATE
    ), resumed AS (
        INSERT INTO lane (connection, resumed_at)
        VALUES ($1, now())
            ON CONFLICT (connection) DO UPDATE
           SET blocked_reason = CASE WHEN lane.blocked_reason = 'auth' THEN lane.blocked_reason END,
               blocked_until = CASE WHEN lane.blocked_reason = 'auth' THEN now() END,
               blocked_note = CASE WHEN lane.blocked_reason = 'auth' THEN lane.blocked_note END,
               blocked_at = CASE WHEN lane.blocked_reason = 'auth' THEN lane.blocked_at END,
               throttles = 0, probe_token = NULL, resumed_at = excluded.resumed_at
         WHERE $2 IS NULL OR lane.blocked_at = $2
    )
    SELECT (SELECT blocked_reason FROM before) IS NOT NULL
    """,
)

# A request is the probe for as long as it may take. If its process dies, another one probes then.
PROBE = Statement(
    "UPDATE lane",
    """
    UPDATE lane
       SET probing_until = now() + make_interval(secs => $2)
     WHERE connection = $1 AND blocked_reason = 'throttle' AND greatest(blocked_until, probing_until) <= now()
    """,
)

PROBE_UNDECIDED = Statement(
    "UPDATE lane",
    """
    UPDATE lane
       SET blocked_until = now() + make_interval(secs => $2), probing_until = NULL
     WHERE connection = $1 AND blocked_reason = 'throttle'
    """,
)

THROTTLE_ENDED = Statement("UPDATE lane", f"{lanes.UNBLOCK} AND blocked_reason = 'throttle'")

# A request of the API counts as the probe.
CREDENTIAL_ACCEPTED = Statement(
    "UPDATE lane", f"{lanes.UNBLOCK} AND blocked_reason = 'auth' AND blocked_until < 'infinity'"
)


class PostgresPauses(CachedTable):
    """The pauses of the installation, in memory, at most about a second old. While the database is down, the last known
    pauses apply. `announcer` makes Events of pauses."""

    what = "pauses of connections"
    channel = lanes.PAUSES_CHANNEL
    content = SELECT

    def __init__(self, database: Database, announcer: Announcer | None = None) -> None:
        super().__init__()
        self._database = database
        self._announcer = announcer
        self.known: Mapping[str, Pause] = {}
        """The pause of each connection that has one."""
        self.resumed: Mapping[str, datetime | None] = {}
        """When an operator last resumed a connection."""
        self.throttled: Mapping[str, float] = {}
        """Until when a vendor throttles a connection, on the clock of time.monotonic. Past that time, one request
        probes."""
        self._refusals = 0

    async def throttle(self, connection: str, reason: str, retry_after: float | None) -> None:
        """Pause the connection in all processes for so many seconds, or longer each time if the vendor names none. If
        the database is away, only this process knows."""
        with suppress(StoreUnavailable):
            async with self._database.transaction() as session:
                await session.execute(lanes.OPEN, [connection])
                await lanes.throttle(session, connection, reason, retry_after)
            await self.refresh()

    async def begin_probe(self, connection: str, seconds: float) -> bool:
        """Return whether a request of this process may probe a throttled connection, for so many seconds. True if the
        database is away."""
        with suppress(StoreUnavailable):
            if await self._database.execute(PROBE, connection, seconds):
                return True
            await self.refresh()
            return connection not in self.throttled
        return True

    async def probe_undecided(self, connection: str, seconds: float) -> None:
        """End a probe without a result. The next one may begin after so many seconds."""
        with suppress(StoreUnavailable):
            await self._database.execute(PROBE_UNDECIDED, connection, seconds)
            await self.refresh()

    async def throttle_ended(self, connection: str) -> None:
        """End a throttle in all processes: the vendor answered the probe."""
        with suppress(StoreUnavailable):
            async with self._database.transaction() as session:
                if await session.execute(THROTTLE_ENDED, connection):
                    await lanes.note_resumed(session, connection)
            await self.refresh()

    async def pause(self, connection: str, *, actor: str, note: str) -> bool:
        """Start no more jobs until `resume`, also if a refused credential or another account has paused it. False if an
        operator has: then that pause and its note stay."""
        async with self._database.transaction() as session:
            return await _block(session, connection, "operator", note, self._announcer, actor=actor)

    async def resume(self, connection: str, *, actor: str, only: Pause | None = None) -> bool:
        """Resume the lane; after a refused credential, one job probes first. Every process also forgets throttles and
        failures. False if it was not blocked. `only`: do nothing if the lane has another pause by now."""
        async with self._database.transaction() as session:
            blocked = bool(await session.fetch_value(RESUME, connection, None if only is None else only.since))
            if only is not None and not blocked:
                return False
            await lanes.note_resumed(session, connection, actor=actor)
            return blocked

    async def refuse(self, connection: str, reason: str, why: PauseReason = "auth") -> bool:
        """Pause the connection in all processes, once. False if that could not be stored."""
        known = self.known.get(connection)
        if known is not None and known.until_resumed:
            return True
        try:
            async with self._database.transaction() as session:
                await _block(session, connection, why, reason, self._announcer)
        except StoreUnavailable:
            return False
        self._refusals += 1  # a refresh in progress may not have read it
        pause = Pause(reason=why, note=reason, since=datetime.now(UTC), until_resumed=True)
        self.known = {**self.known, connection: pause}
        return True

    async def credential_accepted(self, connection: str) -> None:
        """End the pause, because the vendor accepted the credential."""
        try:
            async with self._database.transaction() as session:
                await credential_accepted(session, connection)
            await self.refresh()
        except StoreUnavailable:
            return  # the next success retries

    async def _read(self) -> None:
        refusals = -1
        while refusals != self._refusals:
            refusals = self._refusals
            rows = await self._database.fetch(SELECT)
        now = time.monotonic()
        self.resumed = {row["connection"]: row["resumed_at"] for row in rows}
        self.throttled = {
            row["connection"]: now + row["throttled_seconds"] for row in rows if row["throttled_seconds"] is not None
        }
        self.known = {
            row["connection"]: msgspec.convert(dict(row), Pause)
            for row in rows
            if row["reason"] in get_args(PauseReason)
        }


async def refuse(transaction: Transaction, connection: str, reason: str, announcer: Announcer | None) -> None:
    """Pause the connection, because the vendor refuses its credential."""
    await _block(transaction, connection, "auth", reason, announcer)


async def credential_accepted(transaction: Transaction, connection: str) -> None:
    """Unblock a resumed connection, because the vendor accepted its credential."""
    if await transaction.execute(CREDENTIAL_ACCEPTED, connection):
        await lanes.note_resumed(transaction, connection)


async def _block(
    transaction: Transaction,
    connection: str,
    why: PauseReason,
    note: str,
    announcer: Announcer | None,
    *,
    actor: str = "lockstitch",
) -> bool:
    """Pause a connection until an operator resumes it. False if an operator has paused it already, or if another pause
    stays in place."""
    if not await transaction.execute(BLOCK, connection, why, note):
        return False
    await transaction.execute(lanes.NOTIFY)
    await lanes.note_change(transaction, "connection.paused", connection, actor=actor, reason=why)
    if announcer is not None:
        await announcer.connection_paused(transaction, connection, why, note=note)
    return True
