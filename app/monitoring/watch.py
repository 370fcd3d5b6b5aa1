"""The watcher: checks the database every few seconds and sends alarms.

It uses neither the queue nor Events nor subscriptions.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from app.audit.models import ChainBreak
from app.audit.trail import PostgresAuditTrail
from app.credentials.token_set import SUFFIX
from app.errors import StoreUnavailable
from app.http.plurals import counted
from app.monitoring.database_alarms import OVER, DatabaseAlarms
from app.monitoring.models import (
    Alarm,
    AlarmFigures,
    AlarmNotice,
    Beat,
    Message,
    NoticeState,
    Trouble,
)
from app.monitoring.store.alarms import PostgresAlarms
from app.monitoring.store.heartbeats import SILENT_SECONDS
from app.monitoring.store.vitals import PostgresAlarmFigures, Subject
from app.postgres.database import Session
from app.postgres.fault import fault_of
from app.queue.models import CONNECT
from app.vendors import refused_webhooks

if TYPE_CHECKING:
    from app.monitoring.notify import Alerting

UNSEALED_SECONDS: Final = 120.0
# Events of the audit chain that are verified per round; then again from the start.
VERIFY_EVENTS: Final = 2_000
PAUSED: Final = "connection_paused"
HINDERED: Final = "connection_throttled"
FAILING: Final = "connection_failing"
REFUSED: Final = "connection_webhooks_refused"
MISSING: Final = "credential_missing"
CONSUMER_PAUSED: Final = "consumer_paused"
PAGES: Final = {
    "subscription_failing": "/subscribers/{name}",
    "erasure_running": "/erasures/{name}",
    CONSUMER_PAUSED: "",
    **dict.fromkeys((REFUSED, MISSING, "credential_refused", "credential_expired", "credential_due"), "/connections"),
}
"""Where the console shows a kind of trouble, unless on the page of its connection."""
CHECKED_BY_NAME: Final[Mapping[str, Subject]] = {
    **dict.fromkeys((PAUSED, HINDERED, FAILING, REFUSED), "connection"),
    CONSUMER_PAUSED: "consumer",
    MISSING: "secret",
}
"""Alarms about what a worker's own settings name. All workers check the others."""
_log = logging.getLogger("lockstitch.alerts")
ROLLING_SECONDS: Final = 120.0
"""How long the hosts of a new configuration may differ from the others."""


class Watch:
    """One worker's watcher. Times are in seconds; `clock` is monotonic."""

    def __init__(
        self,
        vitals: PostgresAlarmFigures,
        alarms: PostgresAlarms,
        alerter: Alerting,
        *,
        public_url: str,
        repeat_seconds: float,
        job_lag_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._vitals = vitals
        self._alarms = alarms
        self._alerter = alerter
        self._url = public_url
        self._repeat_seconds = repeat_seconds
        self._job_lag_seconds = job_lag_seconds
        self._database = DatabaseAlarms(alarms, alerter, f"{public_url}/health/ready", repeat_seconds, clock)
        self._logged: dict[str, Alarm] = {}
        self.well = False
        """Whether the last round could check at everything."""

    async def check(self) -> bool:
        """Run one round. Never raises for a database that is down. Always returns False: the next round may wait."""
        try:
            well = await self._check_database()
            raised, notices = await self._check_all()
        except StoreUnavailable as error:
            self.well = False
            await self._database.refuses(fault_of(error))
            return False
        except Exception:
            self.well = False  # no alarm is sent, so the dead man's switch must raise one
            raise
        self.well = well
        if raised is None:
            return False
        by_name = {alarm.name: alarm for alarm in raised}
        for notice in notices:
            await self._notify(notice, by_name.get(notice.name))
        if not self._alerter.reaches_people:
            await self._log_changes(by_name)
        return False

    async def _check_all(self) -> tuple[Sequence[Alarm] | None, Sequence[AlarmNotice]]:
        """Return the alarms that stand, and the notices to send. No alarms: another worker has its round."""
        async with self._alarms.turn() as session:
            if session is None:
                return None, ()
            figures = await self._vitals.read_within(session)
            raised = [*alarms_of(figures, self._url, self._job_lag_seconds)]
            raised += await check_chain(session, f"{self._url}/console/changes")
            if not self._alerter.reaches_people:
                return raised, ()
            subjects = self._vitals.checked
            checked = {kind: subjects[subject] for kind, subject in CHECKED_BY_NAME.items()}
            return raised, await self._alarms.due(session, raised, checked, repeat_seconds=self._repeat_seconds)

    async def _check_database(self) -> bool:
        """Raise and end the alarms about the database, and return whether it can be used. Raises StoreUnavailable if it
        does not answer."""
        schema = await self._vitals.schema_fault()
        unwritable = await self._vitals.write_fault()
        await self._database.answers(schema, unwritable)
        return schema is None and unwritable is None

    async def _log_changes(self, raised: Mapping[str, Alarm]) -> None:
        """Log raised and ended alarms. A worker without a configured way must not claim alarms from one that can send
        them."""
        for name in raised.keys() - self._logged.keys():
            await self._alerter.send(_message(raised[name], "raised"))
        for name in self._logged.keys() - raised.keys():
            await self._alerter.send(_message(self._logged[name], "over"))
        self._logged = dict(raised)

    async def _notify(self, notice: AlarmNotice, alarm: Alarm | None) -> None:
        over = notice.state == "over" or alarm is None
        reported = await self._alerter.send(
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
            await self._alarms.settle(notice, reported=reported)
        except StoreUnavailable:
            _log.warning("a sent alarm could not be recorded; it may be sent twice")


def alarms_of(figures: AlarmFigures, url: str, job_lag_seconds: float) -> Iterator[Alarm]:
    """Yield the alarms that these figures raise. `url` is the public one."""
    for one in figures.troubles:
        yield _trouble(url, one)
    for first, second in figures.sent_twice:
        yield Alarm(
            name=f"sent_twice.{first}",
            summary=f"The operations {first} and {second} have one idempotency key, and both were sent.",
            next_step="Compare their records at the vendor, and remove one if both exist. This ends after a day.",
            link=f"{url}/console/runs?find={first}",
        )
    yield from process_alarms(figures.beats, f"{url}/health/ready")
    if figures.dead_letters:
        yield Alarm(
            name="dead_letters",
            summary=f"{counted(figures.dead_letters, 'open dead letter')}.",
            next_step="Redrive or discard them: lockstitch dead-letters list",
            link=f"{url}/console/dead-letters",
            since=figures.dead_letters_since,
        )
    if figures.job_lag > job_lag_seconds:
        yield Alarm(
            name="job_lag",
            summary=f"Jobs have waited for over {job_lag_seconds / 60:.0f} min ({figures.lagging}).",
            next_step="Check that a worker runs, and that the vendor or target works: lockstitch queue",
            link=f"{url}/console",
            since=datetime.now(UTC) - timedelta(seconds=figures.job_lag),
        )
    for connection, object_name, since in figures.too_old:
        yield Alarm(
            name=f"freshness_breached.{connection}.{object_name}",
            summary=f"The {object_name} data of {connection} are older than their limit: no pull completes.",
            next_step=f"What stops its pulls: lockstitch doctor; lockstitch verify {connection}",
            link=f"{url}/console/connections/{connection}",
            since=since,
        )
    if figures.unknown_operations:
        yield Alarm(
            name="unknown_operations",
            summary=f"{counted(figures.unknown_operations, 'write')} with an unknown outcome.",
            next_step="Look at the vendor, then decide each: lockstitch operations list --state unknown",
            link=f"{url}/console/writes",
            since=figures.unknown_since,
        )
    if figures.late_approvals:
        yield Alarm(
            name="late_approvals",
            summary=f"{counted(figures.late_approvals, 'write')} waiting long for an approval.",
            next_step="Decide: lockstitch approvals list; then lockstitch approvals approve|reject ID",
            link=f"{url}/console",
            since=figures.approvals_since,
        )
    if figures.disabled_subscriptions:
        yield Alarm(
            name="disabled_subscriptions",
            summary=f"{counted(figures.disabled_subscriptions, 'disabled subscription')}: deliveries wait.",
            next_step="Do what each needs: lockstitch subscriptions list; then lockstitch subscriptions show ID",
            link=f"{url}/console/subscribers",
            since=figures.disabled_since,
        )
    if figures.alarming_drift:
        yield Alarm(
            name="drift",
            summary=f"{counted(figures.alarming_drift, 'drift finding')} at frozen or rejected paths.",
            next_step="Acknowledge what is acceptable: lockstitch drift list",
            link=f"{url}/console/connections",
            since=figures.drift_since,
        )


async def check_chain(session: Session, link: str) -> list[Alarm]:
    """Verify the next part of the audit chain. Return the alarms of a break and of unsealed events. Raises
    StoreUnavailable."""
    verified = await PostgresAuditTrail(session).verify_next(VERIFY_EVENTS)
    alarms = [] if verified.first_break is None else [_broken(verified.first_break, link)]
    if (verified.unsealed.oldest_age_seconds or 0.0) > UNSEALED_SECONDS:
        alarms.append(
            Alarm(
                name="audit_tail",
                summary=f"Audit events older than {UNSEALED_SECONDS / 60:.0f} minutes are not sealed.",
                next_step="Check that a worker runs; check pg_stat_activity for a long transaction.",
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
        next_step="lockstitch audit verify; preserve the database, and find out who had access.",
        link=link,
    )


def _trouble(url: str, one: Trouble) -> Alarm:
    resume = f"POST /ops/connections/{one.name}/resume"
    connect = f"lockstitch connect {one.name.removesuffix(SUFFIX)}"
    rotate = f"lockstitch secrets rotate {one.name}"
    removed = "is stopped: its copies would have removed more than 20 values within an hour"
    release = f"Has a source lost data? If not: lockstitch consumers resume {one.name}."
    unwind = f"What changes the record after each copy? Stop that, then: lockstitch consumers resume {one.name}."
    renew = connect if CONNECT in (one.why or "") else f"Renew it, then {resume}."
    wait = "Lockstitch continues by itself: lockstitch connections"
    kind, sentence, step = {
        "auth": (PAUSED, "is stopped: its credential is refused", renew),
        "account": (PAUSED, "is stopped: it opens another account than before", f"lockstitch verify {one.name}"),
        "operator": (PAUSED, "is stopped: an operator has paused it", f"To resume it: {resume}."),
        "throttled": (HINDERED, "is throttled by its vendor", f"{wait}; lower its pacing if it happens often."),
        "failing": (FAILING, "fails: its vendor does not answer, or only with errors", f"{wait}; see its status page."),
        "webhooks": (REFUSED, f"refuses its webhooks ({one.why}), and verifies none", refused_webhooks.step(one.why)),
        "removals": (CONSUMER_PAUSED, removed, release),
        "loop": (CONSUMER_PAUSED, "is stopped: it wrote one record again and again", unwind),
        "undelivered": (
            "subscription_failing",
            f"gets nothing: {one.why or 'the last attempts failed'}",
            f"Fix its target. Then deliver what waits at once: lockstitch subscriptions enable {one.name}",
        ),
        "unerased": (
            "erasure_running",
            f"is not done after an hour: {f'it waits for {one.why}' if one.why else 'no pass of it has ended'}",
            f"Decide the writes, resume the connections of the jobs: lockstitch person status {one.name}",
        ),
        "missing": (MISSING, "is not in the vault", f"lockstitch secrets set {one.name}"),
        "refused": ("credential_refused", f"is refused ({one.why})", connect),
        "expired": ("credential_expired", "has expired", connect),
        "due": ("credential_due", "has reached its maximum age", rotate),
    }[one.problem]
    return Alarm(
        name=f"{kind}.{one.name}",
        summary=f"The {kind.partition('_')[0]} {one.name} {sentence}.",
        next_step=step,
        link=f"{url}/console{PAGES.get(kind, '/connections/{name}').format(name=one.name)}",
        since=one.since,
    )


def process_alarms(beats: Sequence[Beat], link: str) -> Iterator[Alarm]:
    """Yield the alarms that these heartbeats raise."""
    for dead in (beat for beat in beats if beat.silent > SILENT_SECONDS and beat.role == "worker"):
        yield Alarm(
            name=f"worker_gone.{dead.process}",
            summary=f"The worker {dead.process} has died, or its host is cut off.",
            next_step="Start one in its place: lockstitch worker. Without, this ends after a day.",
            link=link,
        )
    living = [beat for beat in beats if beat.silent <= SILENT_SECONDS and beat.age > ROLLING_SECONDS]
    groups: dict[str, list[str]] = {}
    for beat in living:
        groups.setdefault(beat.settings, []).append(beat.process)
    if len(groups) > 1:
        *fewer, most = sorted(groups.values(), key=len)
        yield Alarm(
            name="settings_differ",
            summary=f"The settings of {_names(name for group in fewer for name in group)} differ from those of"
            f" {_names(most)}.",
            next_step="Give all hosts the same lockstitch.toml and LOCKSTITCH_… variables, and restart them.",
            link=link,
        )
    used = {beat.keys[0] for beat in living if beat.keys}
    lacking = {beat.process: sorted(used.difference(beat.keys)) for beat in living}
    if any(lacking.values()):
        named = "; ".join(f"{process} lacks {', '.join(keys)}" for process, keys in lacking.items() if keys)
        yield Alarm(
            name="encryption_keys_differ",
            summary=f"Not every process can read what others encrypt: {named}.",
            next_step="Give all hosts the same LOCKSTITCH_ENCRYPTION_KEYS, and restart them.",
            link=link,
        )


def _names(processes: Iterator[str] | Sequence[str]) -> str:
    return ", ".join(sorted(processes))
