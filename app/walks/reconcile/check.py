"""Read one record that differs from its last-seen state, or that a list does not show, and report what is found."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Final

import msgspec

from app.errors import VendorDrifted
from app.events.models import RecordChange, StateMoved
from app.identifiers import new_id, new_run_id
from app.queue.finishing import Finishing
from app.queue.kinds import JobKind
from app.queue.models import Deferred, Done, Job, JobOutcome, NewJob, Retry
from app.records.append import Appended, append_all
from app.records.models import WriteUnderWay
from app.records.resolve import active_mapping
from app.walks.deps import WalkDeps
from app.walks.metrics import missed
from app.walks.models import RefetchPayload, Walk
from app.walks.reconcile.models import CHECK, CheckPayload, Conclusion, FindingKind, ReconcilePlan
from app.walks.reconcile.store import CHECKED
from app.walks.refetch import read_alone
from app.walks.store import record_key
from app.webhooks.ingest import LAG_SECONDS, LAGS_AT_MOST, LONGEST_WAIT, POLICY, WAIT_SECONDS


def check_job(walk: Walk, remote_id: str, after: float) -> NewJob:
    """Return the job that reads a record, `after` seconds from now."""
    payload = CheckPayload(walk=walk.id, object=walk.object, remote_id=remote_id, is_baseline=walk.is_baseline)
    return NewJob(
        kind=CHECK,
        payload=msgspec.json.encode(payload),
        connection=walk.connection,
        dedupe_key=record_key(walk.object, remote_id),
        after=after,
        correlation_id=new_run_id(),
        origin=walk.id,
    )


async def check_record(deps: WalkDeps, job: Job, finishing: Finishing) -> JobOutcome:
    """Handle a `reconcile` job: read a record, and find whether it still differs from its state."""
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
        finishing.answered()
        await _conclude(deps, plan, payload, changed, finishing)
    except WriteUnderWay:
        wait = min(LONGEST_WAIT, WAIT_SECONDS * 2.0 ** min(job.deferred, 10))
        return Deferred(reason="a write of the record is under way", after=wait)
    except StateMoved:
        return Retry(reason="another job processed the record at the same time", after=0.0)
    except VendorDrifted:
        pass  # drift detection has reported it
    return Done()


async def _conclude(
    deps: WalkDeps, plan: ReconcilePlan, payload: CheckPayload, changed: Appended | None, finishing: Finishing
) -> None:
    """Record the finding about a record, close those that are gone, and repair it if the plan says so. Nothing is
    concluded about a change that is younger than the grace."""
    change = None if changed is None else changed.change
    kind = None
    if change is not None and changed is not None and changed.events and change.remote_id == payload.remote_id:
        if _is_young(change, plan.grace):
            return
        kind = _kind_of(change)
    repairs = kind is not None and plan.repair == "emit"
    if changed is not None and kind is not None and not repairs:
        changed = Appended(reported=changed.reported)  # its state and Events stay as they are
    appended = [] if changed is None else [changed]
    found = Conclusion(
        connection=plan.connection,
        object=plan.object,
        remote_id=payload.remote_id,
        kind=kind,
        walk=payload.walk,
        fields=() if kind is None or change is None else change.changed or (),
        changed_at=None if kind is None or change is None else change.occurred_at,
        is_repaired=repairs,
    )
    if await conclude(deps, finishing, found, appended) and plan.sends_webhooks:
        missed.labels(plan.connection, plan.object).inc()


async def conclude(
    deps: WalkDeps, finishing: Finishing, found: Conclusion, appended: Sequence[Appended], finding_id: str | None = None
) -> bool:
    """Record what was found, with what follows from it, and return whether it is a new finding. Raises WriteUnderWay
    and StateMoved."""
    is_new = found.kind is not None and not await deps.reconciliations.is_open(found)
    await append_all(
        *(deps, finishing, appended, CHECKED),
        *(finding_id or new_id("rec_"), found.connection, found.object, found.remote_id, found.kind, found.walk),
        *(list(found.fields), found.changed_at, found.source, list(found.owners), found.is_repaired),
    )
    return is_new


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
    policy=POLICY,
    bind=lambda dependencies: partial(check_record, dependencies.of(WalkDeps)),
    reads_again=True,
)
