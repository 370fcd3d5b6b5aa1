"""Measure what drift detection costs: CPU a record at the default rate, relative to receiving a webhook.

A worker looks for drift when it reads the record of a webhook; the receiver never does. So the cost of the record is
compared with the cost of receiving its webhook.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, cast

import msgspec

from app.drift.deps import DriftDeps
from app.drift.detect import AT_ONCE, GATHER_SECONDS, MOST_WAITING, DriftDetection
from app.drift.judge import Sample, inspect, traits_of
from app.drift.models import Baseline, DriftSubject
from app.drift.store import PostgresDrifts
from app.postgres.database import Database
from app.settings.drift import DriftSettings
from benchmarks import figures
from benchmarks.records import Subject, subjects

TARGET: Final = 0.03
ROUNDS: Final = 3
RATE: Final = DriftSettings().sample_rate
RECORDS: Final = int(MOST_WAITING / 2 / RATE)
"""Records of one round: half of the possible backlog is expected, so none is dropped."""


class _Learned:
    """A store of baselines that knows the record, so nothing is ever written."""

    def __init__(self, record: Sample) -> None:
        known: dict[str, set[str]] = {}
        for path, trait in traits_of(record, inspect(record)):
            known.setdefault(path, set()).add(trait)
        self._baseline = Baseline(learned=True, known={path: frozenset(traits) for path, traits in known.items()})

    async def baseline(self, subject: DriftSubject) -> Baseline:
        """Return the fixed baseline."""
        return self._baseline


class _Unstored:
    """A database that keeps no counts, so that only the work of this process is measured."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["_Unstored"]:
        """Begin nothing."""
        yield self

    async def fetch(self, *_: object) -> Sequence[Any]:
        """Return no shares."""
        return []


async def measure(webhook_cpu: float | None) -> None:
    """Print the cost for each kind of record. `webhook_cpu` is the µs of CPU of receiving one webhook."""
    print(f"Look for drift in {RATE:.0%} of the records ({ROUNDS} rounds of {RECORDS} records)")
    for subject in subjects():
        costs = await _costs(subject)
        figures.raw(f"{subject.title}, {len(subject.record)} bytes", costs, "us")
        if webhook_cpu:
            figures.ratio("of taking a webhook", costs, [webhook_cpu] * len(costs), "at most", TARGET)
    print()


async def _costs(subject: Subject) -> Sequence[float]:
    """Return the CPU of this process in µs a record, for each round."""
    mapping, record = subject.mapping, msgspec.Raw(subject.record)
    resource = mapping.read(record, subject.account).data
    costs = []
    async with _lookout(subject, resource) as lookout:
        for _ in range(2 * AT_ONCE):  # until it is known that all is learned
            lookout.show("bench", mapping, record, resource)
        await asyncio.sleep(4 * GATHER_SECONDS)
        for _ in range(ROUNDS):
            began = time.process_time()
            for _ in range(RECORDS):
                lookout.show("bench", mapping, record, resource)
            await asyncio.sleep((MOST_WAITING / AT_ONCE + 1) * GATHER_SECONDS)
            costs.append((time.process_time() - began) / RECORDS * 1e6)
    return costs


@asynccontextmanager
async def _lookout(subject: Subject, resource: Any) -> AsyncIterator[DriftDetection]:
    seen_by = DriftSubject(
        connection="bench",
        object=subject.mapping.object,
        mapping=subject.mapping.name,
        revision=subject.mapping.revision,
        source="record",
    )
    sample = Sample(subject=seen_by, record=subject.record, read_by=subject.mapping.record, resource=resource)
    nothing: Any = None  # only needed to record something
    detection = DriftDetection(
        DriftDeps(
            drifts=cast(PostgresDrifts, _Learned(sample)),
            database=cast(Database, _Unstored()),
            events=nothing,
            queue=nothing,
        ),
        DriftSettings(),
        rules={},
        public_url="",
    )
    async with detection.running():
        yield detection


if __name__ == "__main__":
    asyncio.run(measure(None))
