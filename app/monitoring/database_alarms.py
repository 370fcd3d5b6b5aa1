"""The alarms about the database. They are sent from memory, because it may not be able to store one.

One worker sends them: the first, by a lock that its session at the database held while all was well. The second one
stands in later, because the first may have died together with the database.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from app.monitoring.models import Message, NoticeState
from app.monitoring.store.alarms import OF_SCHEMA, PostgresAlarms
from app.postgres.fault import DatabaseFault

if TYPE_CHECKING:
    from app.monitoring.notify import Alerting

# A restart of the database raises no alarm.
AWAY_SECONDS: Final = 15.0
STAND_IN_SECONDS: Final = 300.0
# After an outage, the first worker is back within this time, or has died.
SETTLE_SECONDS: Final = 30.0
OVER: Final = "Nothing more to do."
UNWRITABLE: Final = "database_unwritable"
AWAY: Final = DatabaseFault(
    why="the database does not answer",
    fix="Start PostgreSQL; if it stops again, its log says why, such as a full disk. Nothing else needs a restart:"
    " lockstitch doctor",
)


class DatabaseAlarms:
    """Times are in seconds; `clock` is monotonic. A worker without a way to people logs its own."""

    def __init__(
        self,
        alarms: PostgresAlarms,
        alerter: Alerting,
        link: str,
        repeat_seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self._alarms = alarms
        self._alerter = alerter
        self._clock = clock
        self._away, self._schema, self._unwritable = (
            OwnAlarm(name, alerter, link, repeat_seconds, clock)
            for name in ("database_away", "schema_differs", UNWRITABLE)
        )
        self._rank = 0
        self._lost_at = clock() - SETTLE_SECONDS

    async def refuses(self, fault: DatabaseFault | None) -> None:
        """Note that the database does not answer, or refuses everything because of a fault, such as a full disk."""
        self._lost_at = self._clock()
        if fault is None:
            await self._away.check(AWAY, self._rank)
        else:
            await self._unwritable.check(fault, self._rank)

    async def answers(self, schema: DatabaseFault | None, unwritable: DatabaseFault | None) -> None:
        """Note what is wrong with a database that answers. Raises StoreUnavailable."""
        sends = not self._alerter.reaches_people or schema is None or await self._alarms.leads(OF_SCHEMA)
        await self._schema.check(schema if sends else None)
        if self._rank == 0:
            await self._away.check(None)
        if unwritable is not None:
            self._lost_at = self._clock()
            await self._unwritable.check(unwritable, self._rank)
            return
        if self._rank and self._clock() < self._lost_at + SETTLE_SECONDS:
            return
        before = self._rank
        if self._alerter.reaches_people:
            self._rank = await self._alarms.rank()
        for alarm in (self._away, self._unwritable):
            await alarm.check(None, before and self._rank)


class OwnAlarm:
    """One such alarm: raised after AWAY_SECONDS, and repeated."""

    def __init__(
        self, name: str, alerter: Alerting, link: str, repeat_seconds: float, clock: Callable[[], float]
    ) -> None:
        self._name = name
        self._alerter = alerter
        self._link = link
        self._repeat_seconds = repeat_seconds
        self._clock = clock
        self._since: float | None = None
        self._sent: float | None = None
        self._stands = False
        self._summary = ""

    async def check(self, fault: DatabaseFault | None, rank: int = 0) -> None:
        """Raise, repeat or end the alarm. The worker of `rank` 0 sends it, that of 1 stands in, others are silent."""
        now = self._clock()
        if fault is None:
            if self._stands and self._since is not None and rank == 0:
                await self._send("over", OVER, now - self._since)
            self._since, self._sent, self._stands = None, None, False
            return
        self._since = now if self._since is None else self._since
        self._summary = fault.sentence
        if now - self._since < AWAY_SECONDS:
            return
        self._stands = self._stands or rank > 0  # the first worker has raised it
        due = self._since + STAND_IN_SECONDS * rank if self._sent is None else self._sent + self._repeat_seconds
        if rank > 1 or now < due:
            return
        if await self._send("standing" if self._stands else "raised", fault.fix, now - self._since):
            self._sent, self._stands = now, True

    async def _send(self, state: NoticeState, next_step: str, seconds: float) -> bool:
        return await self._alerter.send(
            Message(
                alarm=self._name,
                state=state,
                summary=self._summary,
                next_step=next_step,
                link=self._link,
                since=datetime.now(UTC) - timedelta(seconds=seconds),
            )
        )
