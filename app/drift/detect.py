"""Drift: what a vendor changed without telling, seen in the records that go by.

Whoever reads a record shows it here and goes on at once: a sample of the records waits in a short queue, and a task of
its own looks at them. What is new is written down once, counted, and told by the event `mapping.drift_detected`. Only
for a connection with a rule that rejects is every record looked at before it is accepted.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
from msgspec import Struct

from app import telemetry
from app.audit.models import Fact, Trail
from app.drift.baselines import Baselines
from app.drift.judge import Deviation, Sample, Seen, deviations, see, traits_of
from app.drift.models import Baseline, Drifts, DriftSource, DriftSubject, Learning, Noted, Trait
from app.drift.record import DriftRecorder
from app.errors import StoreUnavailable
from app.postgres.database import Transactions
from app.settings.file import DriftSettings
from app.telemetry.drift import DriftOutcome
from mappings.spec import VendorDrift, VendorMapping

AnyMapping = VendorMapping[Any, Any, Any, Any, Any]

MOST_WAITING: Final = 256
MOST_BYTES: Final = 256 * 1024
"""A record that is larger is not looked at: so many could wait that they would fill the memory."""
USUAL_BYTES: Final = 4096
AT_ONCE: Final = 64
GATHER_SECONDS: Final = 0.25
LAST_LOOK_SECONDS: Final = 5.0
REJECTED: Final = "drift that this connection rejects"
_log = logging.getLogger("lockstitch.drift")


class DriftDetection:
    """The lookout of one process."""

    def __init__(
        self,
        *,
        drifts: Drifts,
        transactions: Transactions,
        trail: Trail,
        notes: DriftRecorder,
        settings: DriftSettings,
    ) -> None:
        self._drifts = drifts
        self._transactions = transactions
        self._trail = trail
        self._notes = notes
        self._settings = settings
        self._baselines = Baselines(drifts)
        self._waiting: asyncio.Queue[Sample] = asyncio.Queue(MOST_WAITING)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["DriftDetection"]:
        """Look at what is shown, as long as the block; and once more at its end."""
        looking = asyncio.create_task(self._look_on(), name="drift")
        try:
            yield self
        finally:
            looking.cancel()
            await asyncio.wait({looking})
            try:
                async with asyncio.timeout(LAST_LOOK_SECONDS):
                    await self._settle_all(self._taken())
            except TimeoutError:
                _log.warning("the last records could not be looked at for drift")

    def show(self, connection: str, mapping: AnyMapping, record: msgspec.Raw, resource: Struct) -> None:
        """A record was read as this resource."""
        subject = _subject(connection, mapping, "record")
        if self._is_wanted(subject, record):
            self._offer(subject, record, mapping.record, resource=resource)

    def show_failure(
        self, connection: str, mapping: AnyMapping, record: msgspec.Raw | None, error: VendorDrift
    ) -> None:
        """A record, or the answer around it, could not be read."""
        subject = _subject(connection, mapping, "record")
        self._offer(subject, record or b"", mapping.record, failure=(error.path, error.reason))

    def show_webhook(self, connection: str, mapping: AnyMapping, payload: bytes) -> None:
        """A webhook about a record of this mapping came."""
        subject = _subject(connection, mapping, "webhook")
        if self._is_wanted(subject, payload):
            self._offer(subject, payload, _reader(mapping, payload))

    async def refuse(self, connection: str, mapping: AnyMapping, record: msgspec.Raw, resource: Struct) -> None:
        """Raises VendorDrift for a record with drift that the connection rejects, StoreUnavailable where that cannot be
        known. On other connections it does nothing."""
        if self._notes.may_reject(connection):
            subject = _subject(connection, mapping, "record")
            await self._refuse(Sample(subject=subject, record=record, read_by=mapping.record, resource=resource))

    async def refuse_webhook(self, connection: str, mapping: AnyMapping, payload: bytes) -> None:
        """Like `refuse`, for the body of a webhook."""
        if self._notes.may_reject(connection):
            subject = _subject(connection, mapping, "webhook")
            await self._refuse(Sample(subject=subject, record=payload, read_by=_reader(mapping, payload)))

    async def _refuse(self, sample: Sample) -> None:
        rejected = self._rejected(sample, await self._baselines.get(sample.subject))
        if rejected is not None:  # somebody may have acknowledged it a moment ago
            rejected = self._rejected(sample, await self._baselines.renew(sample.subject))
        if rejected is None:
            return
        self._offer(sample.subject, sample.record, sample.read_by, resource=sample.resource)
        raise VendorDrift(rejected.path, f"{REJECTED} ({rejected.kind})")

    def _rejected(self, sample: Sample, baseline: Baseline) -> Deviation | None:
        if not baseline.learned:
            return None
        news, _ = deviations(sample, see(sample), baseline)
        return next((one for one in news if self._notes.policy(sample.subject, one.path) == "reject"), None)

    def _is_wanted(self, subject: DriftSubject, record: msgspec.Raw | bytes) -> bool:
        """What is learned from is always wanted; then a share of the records, a smaller one of those that are large, so
        that looking costs about the same whatever a vendor sends. A rate of 1 means all."""
        rate = self._settings.sample_rate
        if rate in (0, 1) or not self._baselines.is_learned(subject):
            return rate > 0
        thrown = random.random()  # noqa: S311 - dice, no secret
        return thrown < rate and thrown < rate * USUAL_BYTES / max(memoryview(record).nbytes, 1)

    def _offer(
        self,
        subject: DriftSubject,
        record: msgspec.Raw | bytes,
        read_by: Any,
        *,
        resource: Struct | None = None,
        failure: tuple[str, str] | None = None,
    ) -> None:
        # A piece of an answer would keep the whole of it in memory, so it is copied.
        whole = bytes(record)
        if len(whole) > MOST_BYTES or self._waiting.full():
            telemetry.count_drift_looks(subject.connection, "dropped")
            return
        self._waiting.put_nowait(
            Sample(
                subject=subject,
                record=whole,
                read_by=read_by,
                resource=resource,
                failure=failure,
                correlation_id=telemetry.correlation_id.get() or None,
                traceparent=telemetry.current_traceparent(),
            )
        )

    async def _look_on(self) -> None:
        while True:
            first = await self._waiting.get()
            await asyncio.sleep(GATHER_SECONDS)
            await self._settle_all([first, *self._taken()])

    def _taken(self) -> list[Sample]:
        taken: list[Sample] = []
        while len(taken) < AT_ONCE and not self._waiting.empty():
            taken.append(self._waiting.get_nowait())
        return taken

    async def _settle_all(self, samples: Sequence[Sample]) -> None:
        """Look at these, subject by subject. Never raises: a lookout that falls over must not take anybody along."""
        by_subject: dict[DriftSubject, list[Sample]] = {}
        for sample in samples:
            by_subject.setdefault(sample.subject, []).append(sample)
        for subject, its in by_subject.items():
            outcome: DriftOutcome = "looked"
            try:
                await self._settle(subject, its)
            except StoreUnavailable:
                outcome = "dropped"
            except Exception:  # noqa: BLE001 - the last line of defence of a loop that must go on
                _log.exception("records of %s could not be looked at for drift", subject.mapping)
                outcome = "dropped"
            telemetry.count_drift_looks(subject.connection, outcome, len(its))

    async def _settle(self, subject: DriftSubject, samples: Sequence[Sample]) -> None:
        baseline = await self._baselines.get(subject)
        seen = []
        for sample in samples:
            seen.append((sample, see(sample)))
            await asyncio.sleep(0)  # others have their turn between two records
        learning: Learning = "over"
        if not baseline.learned:
            learning = await self._learn(subject, [(one, what) for one, what in seen if one.failure is None])
        if learning != "learning":
            baseline = await self._baselines.renew(subject)
        late: set[Trait] = set()
        noted: dict[tuple[str, str, str], Noted] = {}
        for sample, what in seen:
            if learning != "over" and sample.failure is None:
                continue
            news, more = deviations(sample, what, baseline)
            late.update(more)
            if not baseline.learned:  # of a record that could not be read, only what was in the way is certain
                news = [one for one in news if one.kind in ("changed_type", "missing_field")]
            self._notes.add(noted, sample, news)
        if noted or late:
            await self._notes.write_down(subject, list(noted.values()), sorted(late))

    async def _learn(self, subject: DriftSubject, seen: Sequence[tuple[Sample, Seen]]) -> Learning:
        if not seen:
            return "learning"
        traits = {trait for sample, what in seen for trait in traits_of(sample, what)}
        async with self._transactions.transaction() as transaction:
            learning = await self._drifts.learn(
                transaction,
                subject,
                sorted(traits),
                records=len(seen),
                most_records=self._settings.learn_records,
                most_hours=self._settings.learn_hours,
            )
            if learning == "learned":
                facts = {"mapping": subject.mapping, "revision": subject.revision, "source": subject.source}
                await self._trail.append(
                    transaction, Fact(type="drift.learned", subject=subject.connection, facts=facts)
                )
        return learning


def _subject(connection: str, mapping: AnyMapping, source: DriftSource) -> DriftSubject:
    return DriftSubject(
        connection=connection, object=mapping.object, mapping=mapping.name, revision=mapping.revision, source=source
    )


def _reader(mapping: AnyMapping, payload: bytes) -> Any:
    """The wire type of the form that this webhook has; None for a form that we only take a record's name from."""
    try:
        names = frozenset(msgspec.json.decode(payload, type=dict[str, msgspec.Raw]))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return next((shape.record for shape in mapping.shapes if shape.matches(names)), None)
