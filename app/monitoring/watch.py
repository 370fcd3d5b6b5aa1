"""The watcher: looks at how things are every few seconds, and tells a person what he has to look at.

It reads the database itself, and neither the queue, the Events nor the subscriptions carry what it tells. While the
database is away it tells that from memory; then each worker speaks for itself.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from app.audit.models import AuditTrail, ChainBreak
from app.errors import StoreUnavailable
from app.monitoring.models import (
    Alarm,
    AlarmFigureReader,
    AlarmFigures,
    AlarmNotice,
    Alarms,
    Alerter,
    Message,
    NoticeState,
    StoppedConnection,
)

# A restart of the database is no alarm.
AWAY_SECONDS: Final = 15.0
UNSEALED_SECONDS: Final = 120.0
# So much of the audit chain is walked along in each round; then again from its beginning.
WALK: Final = 2_000
OVER: Final = "Nothing more to do."
_log = logging.getLogger("lockstitch.alerts")


class Watch:
    """One worker's watcher. Times are in seconds, `clock` is a monotonic one."""

    def __init__(
        self,
        vitals: AlarmFigureReader,
        alarms: Alarms,
        trail: AuditTrail,
        alerter: Alerter,
        *,
        public_url: str,
        repeat_seconds: float,
        job_lag_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._vitals = vitals
        self._alarms = alarms
        self._chain = ChainWatch(trail)
        self._alerter = alerter
        self._url = public_url
        self._repeat_seconds = repeat_seconds
        self._job_lag_seconds = job_lag_seconds
        self._clock = clock
        self._away_since: float | None = None
        self._away_told: float | None = None
        self._written: dict[str, Alarm] = {}
        self.well = False
        """Whether the last round could look at everything."""

    async def look(self) -> bool:
        """One round. Never raises for a database that is away; always False: the next round may wait."""
        try:
            standing = self._standing(await self._vitals.read())
            standing += await self._chain.look(f"{self._url}/ops/audit/verify")
            notices: Sequence[AlarmNotice] = ()
            if self._alerter.reaches_people:
                notices = await self._alarms.due(standing, repeat_seconds=self._repeat_seconds)
        except StoreUnavailable:
            self.well = False
            await self._database_away()
            return False
        except Exception:
            self.well = False  # nobody is told anything meanwhile, so the dead man's switch has to
            raise
        self.well = True
        await self._database_back()
        by_name = {alarm.name: alarm for alarm in standing}
        for notice in notices:
            await self._tell(notice, by_name.get(notice.name))
        if not self._alerter.reaches_people:
            await self._write_down(by_name)
        return False

    async def _write_down(self, standing: Mapping[str, Alarm]) -> None:
        """A worker that has only its log takes no alarm from one that can tell somebody."""
        for name in standing.keys() - self._written.keys():
            await self._alerter.tell(_message(standing[name], "raised"))
        for name in self._written.keys() - standing.keys():
            await self._alerter.tell(_message(self._written[name], "over"))
        self._written = dict(standing)

    async def _tell(self, notice: AlarmNotice, alarm: Alarm | None) -> None:
        over = notice.state == "over" or alarm is None
        told = await self._alerter.tell(
            Message(
                alarm=notice.name,
                state=notice.state,
                summary=notice.summary,
                next_step=OVER if over or alarm is None else alarm.next_step,
                link=None if alarm is None else alarm.link,
                since=notice.since,
            )
        )
        try:
            await self._alarms.settle(notice, reported=told)
        except StoreUnavailable:
            _log.warning("that an alarm was told could not be written down; it may be told twice")

    def _standing(self, vitals: AlarmFigures) -> list[Alarm]:
        found = [_stopped(self._url, one) for one in vitals.stopped]
        if vitals.dead_letters:
            found.append(
                Alarm(
                    name="dead_letters",
                    summary=f"{vitals.dead_letters} dead letters wait for a decision.",
                    next_step="lockstitch dead-letters list; then redrive or discard them.",
                    link=f"{self._url}/ops/dead-letters",
                )
            )
        if vitals.job_lag > self._job_lag_seconds:
            found.append(
                Alarm(
                    name="job_lag",
                    summary=f"Jobs wait for more than {self._job_lag_seconds / 60:.0f} minutes ({vitals.lagging}).",
                    next_step="lockstitch queue; is a worker running, and is the vendor or the target fast enough?",
                    link=f"{self._url}/ops/queue",
                )
            )
        if vitals.unknown_operations:
            found.append(
                Alarm(
                    name="unknown_operations",
                    summary=f"Of {vitals.unknown_operations} writes nobody knows whether they happened.",
                    next_step="Look at the vendor, then POST /v1/operations/{id}/resolve with what you found.",
                    link=f"{self._url}/v1/operations?state=unknown",
                )
            )
        if vitals.disabled_subscriptions:
            found.append(
                Alarm(
                    name="disabled_subscriptions",
                    summary=f"{vitals.disabled_subscriptions} subscriptions are disabled; their deliveries wait.",
                    next_step="Mend the target, then POST /v1/subscriptions/{id}/enable.",
                    link=f"{self._url}/v1/subscriptions",
                )
            )
        if vitals.frozen_drift:
            found.append(
                Alarm(
                    name="drift",
                    summary=f"Vendors made {vitals.frozen_drift} changes where a rule says that nothing changes.",
                    next_step="lockstitch drift list; then acknowledge what may stay.",
                    link=f"{self._url}/ops/drift?acknowledged=false",
                )
            )
        return found

    async def _database_away(self) -> None:
        now = self._clock()
        self._away_since = now if self._away_since is None else self._away_since
        if now - self._away_since < AWAY_SECONDS:
            return
        if self._away_told is not None and now - self._away_told < self._repeat_seconds:
            return
        state: NoticeState = "raised" if self._away_told is None else "standing"
        if await self._alerter.tell(self._about_database(state, now - self._away_since)):
            self._away_told = now

    async def _database_back(self) -> None:
        if self._away_told is not None and self._away_since is not None:
            await self._alerter.tell(self._about_database("over", self._clock() - self._away_since))
        self._away_since = self._away_told = None

    def _about_database(self, state: NoticeState, seconds: float) -> Message:
        return Message(
            alarm="database_away",
            state=state,
            summary="The database does not answer.",
            next_step=OVER if state == "over" else "Bring PostgreSQL back; nothing else has to be restarted.",
            link=f"{self._url}/health/ready",
            since=datetime.now(UTC) - timedelta(seconds=seconds),
        )


class ChainWatch:
    """Walks along the audit chain, a stretch in each round, and begins anew at its end; stays where it is broken."""

    def __init__(self, trail: AuditTrail) -> None:
        self._trail = trail
        self._next = 1

    async def look(self, link: str) -> list[Alarm]:
        """The alarms of a break, and of events that are not sealed. Raises StoreUnavailable."""
        found = await self._trail.verify(start=self._next, at_most=WALK, anchor=None)
        alarms = [] if found.first_break is None else [_broken(found.first_break, link)]
        if not alarms:
            self._next = found.next_from or 1
        if (found.unsealed.oldest_age_seconds or 0.0) > UNSEALED_SECONDS:
            alarms.append(
                Alarm(
                    name="audit_tail",
                    summary=f"Audit events older than {UNSEALED_SECONDS / 60:.0f} minutes are not sealed.",
                    next_step="Is a worker running? Else a transaction stays open: look at pg_stat_activity.",
                    link=link,
                )
            )
        return alarms


def _message(alarm: Alarm, state: NoticeState) -> Message:
    return Message(
        alarm=alarm.name,
        state=state,
        summary=alarm.summary,
        next_step=OVER if state == "over" else alarm.next_step,
        link=alarm.link,
        since=datetime.now(UTC),
    )


def _broken(broken: ChainBreak, link: str) -> Alarm:
    return Alarm(
        name="audit_broken",
        summary=f"The audit trail was changed: {broken.what} at position {broken.position}.",
        next_step="lockstitch audit verify; keep the database as it is, and find out who had access.",
        link=link,
    )


def _stopped(url: str, stopped: StoppedConnection) -> Alarm:
    resume = f"POST /ops/connections/{stopped.connection}/resume"
    why = "its credential is refused" if stopped.reason == "auth" else "an operator has paused it"
    return Alarm(
        name=f"connection_paused.{stopped.connection}",
        summary=f"The connection {stopped.connection} is stopped: {why}.",
        next_step=f"Renew the credential, then {resume}."
        if stopped.reason == "auth"
        else f"{resume}, when it may go on.",
        link=f"{url}/ops/connections",
    )
