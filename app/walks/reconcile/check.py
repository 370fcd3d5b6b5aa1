"""Read one record that differs from its last-seen state, or that a list does not show, and report what is found."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import msgspec
from msgspec.structs import replace

from app.copies.consumers import fan_out_to, job_of, order_key_of
from app.copies.differing import consumer_at, differing_fields
from app.errors import VendorDrifted, VersionConflict
from app.events.models import RecordChange, StateMoved
from app.identifiers import new_id, new_run_id
from app.queue.finishing import Finishing
from app.queue.kinds import JobKind
from app.queue.models import BudgetShare, Deferred, Done, Job, JobOutcome, NewJob, Retry
from app.records.append import Appended, append_all
from app.records.map_record import active_mapping
from app.records.models import WriteUnderWay, record_key
from app.walks.deps import WalkDeps
from app.walks.metrics import count_found
from app.walks.models import RefetchPayload
from app.walks.reconcile.models import CHECK, CheckPayload, Conclusion, FindingKind, ReconcilePlan
from app.walks.reconcile.store import CHECKED
from app.walks.refetch import read_alone
from app.webhooks.ingest import LAG_SECONDS, LAGS_AT_MOST, POLICY, again

MOST_WAITS: Final = 4
"""How many times a check waits for the grace until what is under way has ended. A copy may wait for ever, as that of a
consumer that is paused."""
ANY_TIME: Final = datetime.max.replace(tzinfo=UTC)


def check_job(connection: str, payload: CheckPayload, *, after: float = 0.0) -> NewJob:
    """Return the job that reads a record and what it is a copy of, `after` seconds from now."""
    return NewJob(
        kind=CHECK,
        payload=msgspec.json.encode(payload),
        connection=connection,
        dedupe_key=record_key(payload.object, payload.remote_id),
        after=after,
        correlation_id=new_run_id(),
        origin=payload.walk,
    )


async def check_record(deps: WalkDeps, job: Job, finishing: Finishing) -> JobOutcome:
    """Handle a `reconcile` job: read a record, and find whether it still differs from its state, or from a source."""
    payload = msgspec.json.decode(job.payload, type=CheckPayload)
    connection = deps.connections.by_name.get(str(job.connection))
    plan = deps.reconciled.get((str(job.connection), payload.object))
    if connection is None or plan is None or active_mapping(deps, connection, payload.object) is None:
        return Done()
    read = RefetchPayload(
        walk=payload.walk, object=payload.object, remote_id=payload.remote_id, is_baseline=payload.is_baseline
    )
    try:
        changed = await read_alone(deps, connection, read)
        change = None if changed is None else changed.change
        if change is not None and change.lags and job.attempt - job.deferred < LAGS_AT_MOST:
            return Retry(reason="the vendor returned an older state than the last-seen one", after=LAG_SECONDS)
        copies = await _compare_copies(deps, plan, payload, is_patient=job.deferred < MOST_WAITS)
        if copies is None:
            return Deferred(reason="its source has just changed, or a copy is under way", after=plan.grace)
        finishing.answered()
        await _conclude(deps, plan, payload, changed, copies, finishing)
    except (WriteUnderWay, StateMoved, VersionConflict) as why:
        return again(job, why)
    except VendorDrifted:
        pass  # drift detection has reported it
    return Done()


async def _compare_copies(
    deps: WalkDeps, plan: ReconcilePlan, payload: CheckPayload, *, is_patient: bool
) -> Sequence[tuple[Conclusion, NewJob | None]] | None:
    """Return in what a record differs from its sources, with the job of the next copy, unless one waits. None if
    `is_patient` and a source has changed within the grace, or a copy waits."""
    consumer = consumer_at(deps.copies, payload.object, plan.connection)
    before = datetime.now(UTC) - timedelta(seconds=plan.grace) if is_patient else ANY_TIME
    findings: list[tuple[Conclusion, NewJob | None]] = []
    for source in payload.sources:
        if consumer is None or source.connection not in consumer.sources:
            continue
        visited = (source.connection, plan.connection)
        fan_out = fan_out_to(consumer, source, cause=new_id("rec_"), visited=visited)
        waits = await deps.reconciliations.is_copied(plan.connection, order_key_of(fan_out))
        fields = (
            None
            if waits and is_patient
            else await differing_fields(deps.copies, fan_out, payload.remote_id, before=before)
        )
        if fields is None:
            return None
        if fields:
            one = Conclusion(
                id=fan_out.event,
                kind="differing",
                fields=tuple(fields),
                source=f"{source.connection}:{source.remote_id}",
                owners=tuple(fields.values()),
            )
            following = None if waits else job_of(fan_out, plan.connection, came=(source.connection,))
            findings.append((one, following))
    return findings


async def _conclude(
    deps: WalkDeps,
    plan: ReconcilePlan,
    payload: CheckPayload,
    changed: Appended | None,
    copies: Sequence[tuple[Conclusion, NewJob | None]],
    finishing: Finishing,
) -> None:
    """Record the findings about a record, close those that are gone, and repair it if the plan says so. Nothing is
    concluded about a change that is younger than the grace. Nothing is repaired while a copy waits."""
    change = None if changed is None else changed.change
    jobs = [job for _, job in copies if job is not None]
    findings, repairs = [one for one, _ in copies], plan.repair == "emit" and len(jobs) == len(copies)
    if change is not None and changed is not None and changed.events and change.remote_id == payload.remote_id:
        if _is_young(change, plan.grace):
            return
        findings.append(
            Conclusion(
                id=new_id("rec_"),
                kind=_kind_of(change),
                fields=change.changed or (),
                changed_at=change.occurred_at,
            )
        )
        if not repairs:
            changed = Appended(reported=changed.reported)  # its state and Events stay as they are
    appended = [Appended(jobs=tuple(jobs) if repairs else ())]
    if changed is not None:
        appended.append(changed)
    record = (plan.connection, plan.object, payload.remote_id)
    known = await deps.reconciliations.open_of(*record)
    await append_all(
        *(deps, finishing, appended, CHECKED),
        *(*record, payload.walk, repairs, msgspec.json.encode(findings).decode()),
    )
    count_found(plan, (one.kind for one in findings if (one.kind, one.source) not in known))


def _is_young(change: RecordChange, grace: float) -> bool:
    if change.occurred_at is None or change.read_at is None:
        return False
    return change.read_at - change.occurred_at < timedelta(seconds=grace)


def _kind_of(change: RecordChange) -> FindingKind:
    if change.deleted:
        return "absent"
    return "extra" if change.last_state is None or change.last_state.deleted else "missed"


CHECKS: Final = JobKind(
    name=CHECK,
    policy=replace(POLICY, share=BudgetShare.PULL),
    bind=lambda dependencies: partial(check_record, dependencies.of(WalkDeps)),
    reads_again=True,
)
