"""Record drift: apply the connection's rules, store each change once, and publish an event for it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from app.audit.record import Entry, append
from app.drift import metrics
from app.drift.deps import DriftDeps
from app.drift.judge import Deviation, Sample, emptier
from app.drift.models import DriftFinding, DriftSubject, Noted, Trait
from app.drift.shares import ValueCounts, judge
from app.drift.store_shares import add_counts, settle_shares
from app.events.models import NewEvent
from app.postgres.database import Transaction
from app.redaction import shape_of
from app.settings.drift import DriftPolicy, DriftRule, policy_of

DETECTED: Final = "mapping.drift_detected"
PUBLISHED: Final = (
    *("id", "connection", "object", "mapping", "revision", "source", "path", "kind", "expected", "found"),
    *("example", "policy", "count", "first_seen"),
)
AUDITED: Final = ("connection", "mapping", "revision", "source", "path", "kind", "policy")

Change = tuple[str, str, str]
"""Path, kind and found value. With the subject, it identifies a finding."""
New = Sequence[tuple[DriftFinding, Noted]]


class DriftRecorder:
    """Record deviations as findings."""

    def __init__(self, deps: DriftDeps, rules: Mapping[str, Sequence[DriftRule]], public_url: str) -> None:
        self._deps = deps
        self._rules = rules
        self._public_url = public_url

    def policy(self, subject: DriftSubject, path: str) -> DriftPolicy:
        """Return the policy for drift at this path."""
        return policy_of(self._rules.get(subject.connection, ()), subject.object, path)

    def add(
        self, noted: dict[Change, Noted], subject: DriftSubject, news: Sequence[Deviation], sample: Sample | None
    ) -> None:
        """Add deviations to `noted`, except those that a rule discards. `sample` is the record that shows them."""
        for one in news:
            policy = self.policy(subject, one.path)
            if policy == "discard":
                continue
            change = one.path, one.kind, one.found
            before = noted.get(change)
            if before is not None:
                noted[change] = msgspec.structs.replace(before, count=before.count + one.count)
                continue
            noted[change] = Noted(
                subject=subject,
                path=one.path,
                kind=one.kind,
                expected=one.expected,
                found=one.found,
                example=None if one.value is None else shape_of(one.value),
                policy=policy,
                count=one.count,
                correlation_id=None if sample is None else sample.correlation_id,
                traceparent=None if sample is None else sample.traceparent,
            )

    async def write_down(self, subject: DriftSubject, noted: Sequence[Noted], late: Sequence[Trait]) -> None:
        """Store these deviations, publish new findings, and add `late` to the baseline. Raises StoreUnavailable."""
        async with self._deps.database.transaction() as transaction:
            if late:
                await self._deps.drifts.extend(transaction, subject, late)
            new = await self._note(transaction, noted)
        _count(new)

    async def write_counts(self, subject: DriftSubject, counts: ValueCounts, sample: Sample | None = None) -> None:
        """Store how many records had values, judge the windows that are complete, and record the members that are empty
        more often. `sample` is the last record. Raises StoreUnavailable."""
        noted: dict[Change, Noted] = {}
        async with self._deps.database.transaction() as transaction:
            shares = await add_counts(transaction, subject, counts)
            judged = [(share, *judge(share)) for share in shares]
            self.add(noted, subject, [emptier(share) for share, _, deviates in judged if deviates], sample)
            settled = [after for share, after, _ in judged if after is not share]
            if settled:
                await settle_shares(transaction, subject, settled, listed=counts.listed)
            new = await self._note(transaction, list(noted.values()))
        _count(new)

    async def _note(self, transaction: Transaction, noted: Sequence[Noted]) -> New:
        new = await self._deps.drifts.note(transaction, noted) if noted else ()
        if new:
            await self._publish(transaction, new)
        return new

    async def _publish(self, transaction: Transaction, new: New) -> None:
        events = [
            NewEvent(
                type=DETECTED,
                data=msgspec.json.encode(self._data(finding)),
                connection=finding.connection,
                origin=finding.id,
                correlation_id=noted.correlation_id,
                traceparent=noted.traceparent,
            )
            for finding, noted in new
        ]
        await self._deps.queue.enqueue(transaction, *await self._deps.events.append(transaction, *events))
        facts = [
            Entry(type="drift.found", subject=finding.id, facts={name: getattr(finding, name) for name in AUDITED})
            for finding, _ in new
        ]
        await append(transaction, *facts)

    def _data(self, finding: DriftFinding) -> dict[str, Any]:
        return {name: getattr(finding, name) for name in PUBLISHED} | {
            "link": f"{self._public_url}/ops/drift/{finding.id}"
        }


def _count(new: New) -> None:
    for finding, _ in new:
        metrics.count_drift(finding.connection, finding.kind)
