"""What each process observes at its connections, stored so that all processes and commands show the same.

Throttles and failures end by themselves in the process that has them. It reports them once a second while they last; a
report that is no longer renewed belongs to a process that is gone.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final, Literal
from uuid import uuid4

import msgspec
from msgspec import Struct

from app.periodic import repeating
from app.postgres.database import Database, Statement

ObservedState = Literal["throttled", "failing"]
REPORT_SECONDS: Final = 1.0
# A report that lasts is written this often, or if its end moves by more than TOLERANCE.
RENEW_SECONDS: Final = 10.0
TOLERANCE: Final = 1.0

# A pause whose time is over ends with the next request. Without one, it is no longer shown: a throttle after 5 s,
# failures after 30 s. `resumed_at`: an operator ended it, which the process will notice.
CURRENT: Final = """
    SELECT observed.connection, observed.state, min(since) AS since, max(until) AS until,
           (array_agg(observed.note ORDER BY until DESC))[1] AS note
      FROM connection_observation AS observed
      LEFT JOIN lane ON lane.connection = observed.connection
     WHERE seen_at > now() - interval '30 seconds'
       AND until > now() - CASE state WHEN 'throttled' THEN interval '5 seconds' ELSE interval '30 seconds' END
       AND (resumed_at IS NULL OR since > resumed_at)
     GROUP BY observed.connection, observed.state
"""
"""The present observations of all processes, by connection and state, as SQL."""

# A throttle holds back more than failures of one kind of request.
SELECT = Statement(
    "SELECT connection_observation",
    f"""
    SELECT DISTINCT ON (connection) *
      FROM ({CURRENT}) AS observation
     ORDER BY connection, state DESC
    """,  # noqa: S608 - no caller's text is in it
)

REPORT = Statement(
    "INSERT connection_observation",
    """
    WITH gone AS (
        DELETE FROM connection_observation
         WHERE (process = $1 AND connection <> ALL ($2::text[])) OR seen_at < now() - interval '1 hour'
    )
    INSERT INTO connection_observation (process, connection, state, note, since, until)
    SELECT $1, connection, state, note, now() - make_interval(secs => elapsed), now() + make_interval(secs => seconds)
      FROM unnest($2::text[], $3::text[], $4::text[], $5::float8[], $6::float8[])
           AS reported (connection, state, note, elapsed, seconds)
     ORDER BY connection
        ON CONFLICT (process, connection) DO UPDATE
       SET state = excluded.state, note = excluded.note, since = excluded.since, until = excluded.until, seen_at = now()
    """,
)


class LiveObservation(Struct, frozen=True, kw_only=True):
    """A state of a connection in this process: since so many seconds, and for so many more."""

    state: ObservedState
    note: str | None
    elapsed: float
    seconds: float


class Observation(Struct, frozen=True, kw_only=True):
    """What the processes observe at a connection: since the first one, until the last one tries again."""

    state: ObservedState
    since: datetime
    until: datetime
    note: str | None


class Observations:
    """Reports the observations of this process, and reads those of all. `observe` returns its own by connection; a
    command has none."""

    def __init__(
        self, database: Database, observe: Callable[[], Mapping[str, LiveObservation]] = dict[str, Any]
    ) -> None:
        self._database = database
        self._observe = observe
        self._process = uuid4().hex
        self._reported: Mapping[str, LiveObservation] = {}
        self._reported_at = 0.0
        self._turn = asyncio.Lock()

    async def read(self) -> Mapping[str, Observation]:
        """Return the present observations by connection, those of this process included. Raises StoreUnavailable."""
        await self._report()
        return {
            row["connection"]: msgspec.convert(dict(row), Observation) for row in await self._database.fetch(SELECT)
        }

    @asynccontextmanager
    async def reporting(self) -> AsyncIterator[None]:
        """Report regularly during the block, and withdraw the reports at its end."""
        async with repeating("states of connections", REPORT_SECONDS, self._report):
            yield
            self._observe = dict

    async def _report(self) -> None:
        async with self._turn:
            now, present = time.monotonic(), self._observe()
            elapsed = now - self._reported_at
            renewed = elapsed < RENEW_SECONDS or not present
            if renewed and _same(self._reported, present, elapsed):
                return
            await self._database.execute(
                REPORT,
                self._process,
                list(present),
                [one.state for one in present.values()],
                [one.note for one in present.values()],
                [one.elapsed for one in present.values()],
                [one.seconds for one in present.values()],
            )
            self._reported, self._reported_at = present, now


def _same(reported: Mapping[str, LiveObservation], present: Mapping[str, LiveObservation], elapsed: float) -> bool:
    """Return whether the last report, so many seconds ago, still holds."""
    if reported.keys() != present.keys():
        return False
    return all(
        (was.state, was.note) == (present[name].state, present[name].note)
        and abs(max(0.0, was.seconds - elapsed) - present[name].seconds) <= TOLERANCE
        for name, was in reported.items()
    )
