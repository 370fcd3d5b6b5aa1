"""Record drift: apply the connection's rules, store each change once, and publish an event for it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from app.audit.record import Entry, append
from app.drift import metrics
from app.drift.deps import DriftDeps
from app.drift.judge import Deviation, Sample
from app.drift.models import DriftFinding, DriftSubject, Noted, Trait
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


class DriftRecorder:
    """Record deviations as findings."""

    def __init__(self, deps: DriftDeps, rules: Mapping[str, Sequence[DriftRule]], public_url: str) -> None:
        self._deps = deps
        self._rules = rules
        self._public_url = public_url

    def policy(self, subject: DriftSubject, path: str) -> DriftPolicy:
        """Return the policy for drift at this path."""
        return policy_of(self._rules.get(subject.connection, ()), subject.object, path)

    def add(self, noted: dict[Change, Noted], sample: Sample, news: Sequence[Deviation]) -> None:
        """Add the deviations of one record to `noted`, except those that a rule discards."""
        for one in news:
            policy = self.policy(sample.subject, one.path)
            if policy == "discard":
                continue
            change = one.path, one.kind, one.found
            before = noted.get(change)
            if before is not None:
                noted[change] = msgspec.structs.replace(before, count=before.count + 1)
                continue
            noted[change] = Noted(
                subject=sample.subject,
                path=one.path,
                kind=one.kind,
                expected=one.expected,
                found=one.found,
                example=None if one.value is None else shape_of(one.value),
                policy=policy,
                count=1,
                correlation_id=sample.correlation_id,
                traceparent=sample.traceparent,
            )

    async def write_down(self, subject: DriftSubject, noted: Sequence[Noted], late: Sequence[Trait]) -> None:
        """Store these deviations, publish new findings, and add `late` to the baseline. Raises StoreUnavailable."""
        async with self._deps.database.transaction() as transaction:
            if late:
                await self._deps.drifts.extend(transaction, subject, late)
            new = await self._deps.drifts.note(transaction, noted) if noted else ()
            if new:
                await self._publish(transaction, new)
        for finding, _ in new:
            metrics.count_drift(finding.connection, finding.kind)

    async def _publish(self, transaction: Transaction, new: Sequence[tuple[DriftFinding, Noted]]) -> None:
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
