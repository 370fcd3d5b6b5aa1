"""Compare the copies that a page lists with their sources, and read those that may differ."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import msgspec

from app.copies.consumers import Consumer, job_of_copy, order_key_of
from app.copies.differing import consumer_at, differing_fields, may_differ, sources_of
from app.errors import VersionConflict
from app.identifiers import new_id, new_run_id
from app.queue.finishing import Finishing
from app.queue.kinds import JobKind
from app.queue.models import Deferred, Done, Job, JobOutcome, NewJob, Retry
from app.records.append import Appended
from app.records.map_record import Reading
from app.records.models import ReportedChange, WriteUnderWay
from app.walks.deps import WalkDeps
from app.walks.metrics import differing
from app.walks.models import Walk
from app.walks.reconcile.check import conclude
from app.walks.reconcile.models import COMPARE, ComparePayload, Conclusion
from app.walks.store import record_key
from app.webhooks.ingest import POLICY
from canonical.parts import Link

UNDER_WAY_WAIT: Final = 5.0
"""Seconds until a comparison that came upon a write looks again."""


async def suspect_copies(
    deps: WalkDeps, walk: Walk, readings: Sequence[Reading], current: Collection[str]
) -> Mapping[str, Sequence[Link]]:
    """Return the records of a page that may differ from what they are copies of, with all of their sources. `current`
    are those of which the list shows only a part, and whose state is of the same time."""
    consumer = consumer_at(deps.copies, walk.object, walk.connection)
    if consumer is None:
        return {}
    listed = {one.mapped.remote.id: one for one in readings}
    suspects: dict[str, Sequence[Link]] = {}
    for remote_id, sources in (await sources_of(deps.copies, consumer, list(listed))).items():
        reading = listed[remote_id]
        is_known = reading.is_complete or remote_id in current
        present = reading.mapped.data if reading.is_complete else None
        for source in sources:
            if not is_known or await may_differ(deps.copies, consumer, source, remote_id, present):
                suspects[remote_id] = sources
                break
        await asyncio.sleep(0)  # yield to other jobs
    return suspects


def compare_job(walk: Walk, remote_id: str, source: Link, after: float) -> NewJob:
    """Return the job that reads a copy and its source, `after` seconds from now."""
    payload = ComparePayload(walk=walk.id, object=walk.object, remote_id=remote_id, source=source)
    return NewJob(
        kind=COMPARE,
        payload=msgspec.json.encode(payload),
        connection=walk.connection,
        dedupe_key=f"{record_key(walk.object, remote_id)} {source.connection}:{source.remote_id}",
        after=after,
        correlation_id=new_run_id(),
        origin=walk.id,
    )


async def compare_copy(deps: WalkDeps, job: Job, finishing: Finishing) -> JobOutcome:
    """Handle a `reconcile_copy` job: read both records, and record in which fields they differ. If the plan says so,
    the copy is made again. Nothing is concluded while a copy waits, and a young change of the source is waited for."""
    payload = msgspec.json.decode(job.payload, type=ComparePayload)
    connection, source = str(job.connection), payload.source
    consumer = consumer_at(deps.copies, payload.object, connection)
    plan = deps.reconciled.get((connection, payload.object))
    if consumer is None or plan is None or source.connection not in consumer.sources:
        return Done()
    if await deps.reconciliations.is_copied(connection, order_key_of(consumer, source)):
        return Done()
    before = datetime.now(UTC) - timedelta(seconds=plan.grace)
    try:
        fields = await differing_fields(deps.copies, consumer, source, payload.remote_id, before=before)
        if fields is None:
            return Deferred(reason="the source has just changed", after=plan.grace)
        finishing.answered()
        await _conclude(deps, consumer, payload, fields, finishing)
    except WriteUnderWay:
        return Deferred(reason="a write of the copy is under way", after=UNDER_WAY_WAIT)
    except VersionConflict:
        return Retry(reason="a copy has ended since the source was read", after=0.0)
    return Done()


async def _conclude(
    deps: WalkDeps, consumer: Consumer, payload: ComparePayload, fields: Mapping[str, str], finishing: Finishing
) -> None:
    """Record in which fields a copy differs, each with its owner, and copy the record again if the plan says so."""
    place, source = (consumer.connection, payload.object), payload.source
    finding_id, repairs = new_id("rec_"), bool(fields) and deps.reconciled[place].repair == "emit"
    visited = (source.connection, consumer.connection)
    again = job_of_copy(consumer, source, cause=finding_id, came=(source.connection,), visited=visited)
    reported = ReportedChange(
        connection=consumer.connection, object=payload.object, remote_id=payload.remote_id, received_at=None
    )
    found = Conclusion(
        connection=consumer.connection,
        object=payload.object,
        remote_id=payload.remote_id,
        kind="differing" if fields else None,
        walk=payload.walk,
        fields=tuple(fields),
        source=f"{source.connection}:{source.remote_id}",
        owners=tuple(fields.values()),
        is_repaired=repairs,
    )
    appended = Appended(reported=(reported,), jobs=(again,) if repairs else ())
    if await conclude(deps, finishing, found, [appended], finding_id):
        differing.labels(*place).inc()


COMPARISONS: Final = JobKind(
    name=COMPARE,
    policy=POLICY,
    bind=lambda dependencies: partial(compare_copy, dependencies.of(WalkDeps)),
    reads_again=True,
)
