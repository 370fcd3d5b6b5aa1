"""Detect drift: unannounced vendor changes, found in the records that Lockstitch reads.

Callers offer each record and continue at once. A background task checks a sample from a short queue. A new deviation is
stored once, counted, and published as the event `mapping.drift_detected`. For a connection with a `reject` rule, every
record is checked before it is accepted.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
from msgspec import Struct

from app import telemetry
from app.audit.record import Entry, append
from app.drift import metrics
from app.drift.deps import DriftDeps
from app.drift.judge import Deviation, Inspected, Sample, deviations, inspect, traits_of
from app.drift.metrics import DriftOutcome
from app.drift.models import Baseline, DriftSource, DriftSubject, Learning, Noted, Trait
from app.drift.shares import ValueCounts
from app.drift.store import Baselines
from app.drift.store_findings import DriftRecorder
from app.errors import StoreUnavailable
from app.settings.drift import DriftRule, DriftSettings
from mappings.registry import AnyMapping
from mappings.spec import VendorDrift

MOST_WAITING: Final = 256
MOST_BYTES: Final = 256 * 1024
"""Larger records are not checked, because a full queue of them would exhaust memory."""
USUAL_BYTES: Final = 4096
AT_ONCE: Final = 64
GATHER_SECONDS: Final = 0.25
STORED_AT_ONCE: Final = 25
"""The sampled records of a subject whose counts are stored together. A killed process loses fewer."""
LAST_LOOK_SECONDS: Final = 5.0
REJECTED: Final = "drift that this connection rejects"
_log = logging.getLogger("lockstitch.drift")


class DriftDetection:
    """The drift detection of one process. `rules` maps connection names to their drift rules."""

    def __init__(
        self, deps: DriftDeps, settings: DriftSettings, rules: Mapping[str, Sequence[DriftRule]], public_url: str
    ) -> None:
        self._deps = deps
        self._settings = settings
        self._notes = DriftRecorder(deps, rules, public_url)
        self._rejecting = {name for name, own in rules.items() if any(rule.policy == "reject" for rule in own)}
        self._baselines = Baselines(deps.drifts)
        self._waiting: asyncio.Queue[Sample] = asyncio.Queue(MOST_WAITING)
        self._counts: dict[tuple[DriftSubject, bool], ValueCounts] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator["DriftDetection"]:
        """Check offered records for the duration of the block, and those still queued at its end."""
        checking = asyncio.create_task(self._check_queued(), name="drift")
        try:
            yield self
        finally:
            checking.cancel()
            await asyncio.wait({checking})
            try:
                async with asyncio.timeout(LAST_LOOK_SECONDS):
                    await self._check_all(self._dequeue())
                    for (subject, _), counts in self._counts.items():
                        await self._notes.write_counts(subject, counts)
            except (TimeoutError, StoreUnavailable):
                _log.warning("shutdown: queued records were not checked for drift in time")

    def samples(self, connection: str, mapping: AnyMapping, record: msgspec.Raw) -> bool:
        """Return whether this record is one to look at."""
        return self._sampled(connection, mapping, "record", record) is not None

    def show(
        self,
        connection: str,
        mapping: AnyMapping,
        record: msgspec.Raw,
        resource: Struct,
        *,
        listed: bool = False,
        sampled: bool = False,
    ) -> None:
        """Offer a record that was read as `resource`, in a list or by itself. It is looked at if it is `sampled`
        already; else chance decides."""
        subject = (
            _subject(connection, mapping, "record") if sampled else self._sampled(connection, mapping, "record", record)
        )
        if subject is not None:
            self._offer(subject, record, mapping.record, resource=resource, listed=listed)

    def show_failure(
        self, connection: str, mapping: AnyMapping, record: msgspec.Raw | None, error: VendorDrift
    ) -> None:
        """Offer a record that could not be read. `record` None: the answer that contains it could not be read."""
        subject = _subject(connection, mapping, "record")
        self._offer(subject, record or b"", mapping.record, failure=(error.path, error.reason))

    async def refuse(self, connection: str, mapping: AnyMapping, record: msgspec.Raw, resource: Struct) -> None:
        """Check a record before it is accepted. Does nothing for a connection without a `reject` rule.

        Raises VendorDrift for drift that the connection rejects, and StoreUnavailable.
        """
        if connection in self._rejecting:
            subject = _subject(connection, mapping, "record")
            await self._refuse(Sample(subject=subject, record=record, read_by=mapping.record, resource=resource))

    async def show_webhook(self, connection: str, mapping: AnyMapping, payload: bytes) -> None:
        """Take a webhook's payload as a sample of what this mapping reads. Raises like `refuse` if it has drifted."""
        subject = self._sampled(connection, mapping, "webhook", payload)
        if subject is not None:
            self._offer(subject, payload, _reader(mapping, payload))
        if connection in self._rejecting:
            subject = _subject(connection, mapping, "webhook")
            await self._refuse(Sample(subject=subject, record=payload, read_by=_reader(mapping, payload)))

    async def _refuse(self, sample: Sample) -> None:
        rejected = self._rejected(sample, await self._baselines.get(sample.subject))
        if rejected is not None:  # it may have been acknowledged since the baseline was cached
            rejected = self._rejected(sample, await self._baselines.renew(sample.subject))
        if rejected is None:
            return
        self._offer(sample.subject, sample.record, sample.read_by, resource=sample.resource)
        raise VendorDrift(rejected.path, f"{REJECTED} ({rejected.kind})")

    def _rejected(self, sample: Sample, baseline: Baseline) -> Deviation | None:
        if not baseline.learned:
            return None
        news, _ = deviations(sample, inspect(sample), baseline)
        return next((one for one in news if self._notes.policy(sample.subject, one.path) == "reject"), None)

    def _sampled(
        self, connection: str, mapping: AnyMapping, source: DriftSource, record: msgspec.Raw | bytes
    ) -> DriftSubject | None:
        """Return the subject of a record to sample; None for one that is not sampled.

        Every record is sampled while the baseline is learned. Afterwards large records are sampled less often, so that
        the cost does not depend on the vendor's record size. A rate of 1 samples all records.
        """
        rate = self._settings.sample_rate
        if rate == 0:
            return None
        subject = _subject(connection, mapping, source)
        if rate == 1 or not self._baselines.is_learned(subject):
            return subject
        thrown = random.random()  # noqa: S311 - dice, no secret
        is_wanted = thrown < rate and thrown < rate * USUAL_BYTES / max(memoryview(record).nbytes, 1)
        return subject if is_wanted else None

    def _offer(
        self,
        subject: DriftSubject,
        record: msgspec.Raw | bytes,
        read_by: Any,
        *,
        resource: Struct | None = None,
        failure: tuple[str, str] | None = None,
        listed: bool = False,
    ) -> None:
        # Copy, because a slice would keep the whole vendor answer in memory.
        whole = bytes(record)
        if len(whole) > MOST_BYTES or self._waiting.full():
            metrics.count_drift_looks(subject.connection, "dropped")
            return
        self._waiting.put_nowait(
            Sample(
                subject=subject,
                record=whole,
                read_by=read_by,
                resource=resource,
                failure=failure,
                listed=listed,
                correlation_id=telemetry.correlation_id.get() or None,
                traceparent=telemetry.current_traceparent(),
            )
        )

    async def _check_queued(self) -> None:
        while True:
            first = await self._waiting.get()
            await asyncio.sleep(GATHER_SECONDS)
            await self._check_all([first, *self._dequeue()])

    def _dequeue(self) -> list[Sample]:
        taken: list[Sample] = []
        while len(taken) < AT_ONCE and not self._waiting.empty():
            taken.append(self._waiting.get_nowait())
        return taken

    async def _check_all(self, samples: Sequence[Sample]) -> None:
        """Check samples, subject by subject. Never raises: drift detection must not stop other work."""
        by_subject: dict[DriftSubject, list[Sample]] = {}
        for sample in samples:
            by_subject.setdefault(sample.subject, []).append(sample)
        for subject, its in by_subject.items():
            outcome: DriftOutcome = "looked"
            try:
                await self._check(subject, its)
            except StoreUnavailable:
                outcome = "dropped"
            except Exception:  # noqa: BLE001 - the loop must continue
                _log.exception("cannot check records of %s for drift", subject.mapping)
                outcome = "dropped"
            metrics.count_drift_looks(subject.connection, outcome, len(its))

    async def _check(self, subject: DriftSubject, samples: Sequence[Sample]) -> None:
        baseline = await self._baselines.get(subject)
        looks = []
        for sample in samples:
            looks.append((sample, inspect(sample)))
            await asyncio.sleep(0)  # yield to other tasks between records
        learning: Learning = "over"
        if not baseline.learned:
            learning = await self._learn(subject, [(one, what) for one, what in looks if one.failure is None])
        if learning != "learning":
            baseline = await self._baselines.renew(subject)
        late: set[Trait] = set()
        noted: dict[tuple[str, str, str], Noted] = {}
        for sample, what in looks:
            if learning != "over" and sample.failure is None:
                continue
            news, more = deviations(sample, what, baseline)
            late.update(more)
            if not baseline.learned:  # then only the cause of a failed reading is certain to be drift
                news = [one for one in news if one.kind in ("changed_type", "missing_field")]
            self._notes.add(noted, subject, news, sample)
        if noted or late:
            await self._notes.write_down(subject, list(noted.values()), sorted(late))
        if learning == "over" and baseline.learned and subject.source == "record":
            await self._count_values(subject, [(one, what) for one, what in looks if one.failure is None])

    async def _count_values(self, subject: DriftSubject, looks: Sequence[tuple[Sample, Inspected]]) -> None:
        """Count the members with a value in memory, and store the counts of every `STORED_AT_ONCE` records."""
        for sample, what in looks:
            key = subject, sample.listed
            counts = self._counts.setdefault(key, ValueCounts(listed=sample.listed))
            counts.add(what.has_value)
            if counts.samples >= STORED_AT_ONCE:
                await self._notes.write_counts(subject, counts, sample)
                del self._counts[key]

    async def _learn(self, subject: DriftSubject, looks: Sequence[tuple[Sample, Inspected]]) -> Learning:
        if not looks:
            return "learning"
        traits = {trait for sample, what in looks for trait in traits_of(sample, what)}
        async with self._deps.database.transaction() as transaction:
            learning = await self._deps.drifts.learn(
                transaction,
                subject,
                sorted(traits),
                records=len(looks),
                most_records=self._settings.learn_records,
                most_hours=self._settings.learn_hours,
            )
            if learning == "learned":
                facts = {"mapping": subject.mapping, "revision": subject.revision, "source": subject.source}
                await append(transaction, Entry(type="drift.learned", subject=subject.connection, facts=facts))
        return learning


def _subject(connection: str, mapping: AnyMapping, source: DriftSource) -> DriftSubject:
    return DriftSubject(
        connection=connection, object=mapping.object, mapping=mapping.name, revision=mapping.revision, source=source
    )


def _reader(mapping: AnyMapping, payload: bytes) -> Any:
    """Return the wire type of this webhook's shape, or None for a shape that only names a record."""
    try:
        names = frozenset(msgspec.json.decode(payload, type=dict[str, msgspec.Raw]))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return next((shape.record for shape in mapping.shapes if shape.matches(names)), None)
