"""Reconcile: list all records of an object, and compare them with their last-seen states.

A page only says which records differ. Each of them is read by itself, once its change is older than the grace of
webhooks, and what then still differs is a finding. A state whose record was not listed is absent, and read too: only a
read shows that a record is gone, and only after a list that was read to its end. If more than 5 % are absent, the list
is doubted instead.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import msgspec
from msgspec import Struct

from app.audit.record import Entry
from app.audit.record import append as append_entry
from app.errors import InvalidField, VendorDrifted
from app.events.models import RecordChange, StateMoved
from app.events.record_changes import fields_of
from app.http.paging import Page, page_of
from app.identifiers import new_id, new_run_id
from app.problem_document import FieldError
from app.queue.finishing import Finishing
from app.queue.kinds import JobKind
from app.queue.models import Deferred, Done, Job, JobOutcome, NewJob, Retry
from app.records.append import Appended, find_outdated
from app.records.append import append as append_changes
from app.records.fetch import FetchedPage
from app.records.map_record import Reading
from app.records.models import WriteUnderWay
from app.records.resolve import active_mapping
from app.vendors.models import Connection
from app.walks.compare_page import compare_page
from app.walks.deps import ReconcileDeps, WalkDeps
from app.walks.metrics import count_page, missed
from app.walks.models import NewWalk, PageCounts, RefetchPayload, Walk
from app.walks.reconcile_models import (
    CHECK,
    Absentees,
    CheckPayload,
    DueReconcile,
    FindingKind,
    ReconcileFilter,
    ReconcilePlan,
    ReconcileRequest,
)
from app.walks.reconcile_store import CHECKED, PAGED
from app.walks.refetch import read_alone
from app.walks.start import page_job, walk_entry
from app.walks.store import record_key
from app.webhooks.ingest import LAG_SECONDS, LAGS_AT_MOST, LONGEST_WAIT, POLICY, WAIT_SECONDS

MOST_ABSENT: Final = 0.05
# Of the interval between two runs, the part over which the pages of a large account are spread.
SPREAD: Final = 0.5
LONGEST_PAUSE: Final = 10.0


async def start_due_reconciles(deps: ReconcileDeps) -> None:
    """Start the runs that are due. Raises StoreUnavailable."""
    plans = {(one.connection, one.object): one for one in deps.plans()}
    for due in await deps.reconciliations.due(tuple(plans.values())):
        await _start(deps, plans[due.connection, due.object], due)


async def _start(deps: ReconcileDeps, plan: ReconcilePlan, due: DueReconcile) -> None:
    walk = NewWalk(
        id=new_id("walk_"),
        connection=plan.connection,
        object=plan.object,
        purpose="reconcile",
        since=None,
        is_baseline=not due.has_baseline,
        page_size=plan.page_size,
        correlation_id=new_run_id(),
    )
    async with deps.database.transaction() as transaction:
        if not await deps.reconciliations.claim(transaction, due) or not await deps.walks.start(transaction, walk):
            return
        await append_entry(transaction, walk_entry("started", walk, is_baseline=walk.is_baseline))
        await deps.queue.enqueue(transaction, page_job(walk))


async def request_reconcile(deps: ReconcileDeps, request: ReconcileRequest, *, actor: str) -> ReconcileRequest:
    """Let a worker reconcile an object now. Audited. Raises InvalidField if the connection cannot list it."""
    if not any((one.connection, one.object) == (request.connection, request.object) for one in deps.plans()):
        detail = f"no connection {request.connection[:80]!r} lists the object {request.object}"
        raise InvalidField.listing([FieldError(pointer="/connection", detail=detail)])
    async with deps.database.transaction() as transaction:
        await deps.reconciliations.request(transaction, request)
        facts = {"object": request.object}
        await append_entry(
            transaction, Entry(type="reconcile.requested", subject=request.connection, actor=actor, facts=facts)
        )
    return request


async def list_findings(deps: ReconcileDeps, which: ReconcileFilter, *, after: str | None, limit: int) -> Page:
    """List findings, newest first. The cursor is the last id of the page."""
    return page_of(await deps.reconciliations.list(which, after=after, limit=limit + 1), limit)


class ListedPage(Struct, frozen=True, kw_only=True):
    """A page that was compared: the changes to append without Events, and the suspects, which differ from their states,
    with the vendor's time of the change."""

    quiet: Sequence[Appended]
    suspects: dict[str, datetime | None]


async def commit_listed(
    deps: WalkDeps, connection: Connection, walk: Walk, page: FetchedPage, finishing: Finishing
) -> JobOutcome:
    """Compare a page of a reconciliation, and commit it with the jobs that read its suspects."""
    listed = await _compare(deps, connection, walk, page.readings)
    plan = deps.reconciled[walk.connection, walk.object]
    unreadable = [one.remote_id for one in page.unreadable if one.remote_id is not None]
    ids = tuple({one.mapped.remote.id: None for one in page.readings} | dict.fromkeys(unreadable))
    absent = Absentees(remote_ids=(), states=0)
    if page.next is None:
        absent = await deps.reconciliations.absent(walk, ids)
    doubted = len(absent.remote_ids) > MOST_ABSENT * absent.states
    jobs = [_check_job(walk, one, _wait(walk, plan, at)) for one, at in listed.suspects.items()]
    if not doubted:
        jobs += [_check_job(walk, remote_id, plan.grace) for remote_id in absent.remote_ids]
    counts = PageCounts(
        records=len(page.readings) + len(page.unreadable),
        changed=0,
        unreadable=len(page.unreadable),
        read_again=len(listed.suspects),
    )
    keep = [*listed.suspects, *absent.remote_ids, *([""] if doubted else [])]
    rest = await _rest(deps, walk, plan, page, counts, jobs, len(absent.remote_ids))
    try:
        await append_changes(
            *(deps, [finishing], [*listed.quiet, rest], PAGED),
            *(
                walk.id,
                page.next,
                counts.records,
                counts.unreadable,
                list(ids),
                [one in listed.suspects for one in ids],
            ),
            *(keep, len(absent.remote_ids) if doubted else 0, new_id("rec_")),
        )
    except StateMoved:
        return Retry(reason="other jobs process the records of the page at the same time", after=0.0)
    count_page(walk, counts)
    return Done()


async def _rest(
    deps: WalkDeps,
    walk: Walk,
    plan: ReconcilePlan,
    page: FetchedPage,
    counts: PageCounts,
    jobs: Sequence[NewJob],
    absent: int,
) -> Appended:
    if page.next is None:
        entry = walk_entry(
            *("completed", walk), pages=walk.pages + 1, records=walk.records + counts.records, absent=absent
        )
        return Appended(entries=(entry,), jobs=tuple(jobs))
    pages = max(1.0, await deps.reconciliations.expected(walk) / walk.page_size)
    pause = LONGEST_PAUSE if plan.every is None else min(LONGEST_PAUSE, plan.every * SPREAD / pages)
    return Appended(jobs=(*jobs, page_job(walk, after=pause)))


async def _compare(deps: WalkDeps, connection: Connection, walk: Walk, readings: Sequence[Reading]) -> ListedPage:
    """Return which records differ from their states. Of those that do not, a state may get its new digest."""
    known = await asyncio.gather(*(_has_state_of_then(deps, walk, one) for one in readings))
    doubtful = [one for one, is_known in zip(readings, known, strict=True) if not is_known]
    compared = await compare_page(deps, connection, walk, doubtful)
    times = {one.mapped.remote.id: one.mapped.remote.updated_at for one in doubtful}
    suspects = [*compared.read_again, *(one.change.remote_id for one in compared.changes if one.change and one.events)]
    quiet = [one for one in compared.changes if not one.events]
    outdated = await find_outdated(deps.own_writes, quiet)
    return ListedPage(
        quiet=[one for one, why in zip(quiet, outdated, strict=True) if why is None],
        suspects={one: times.get(one) for one in suspects},
    )


async def _has_state_of_then(deps: WalkDeps, walk: Walk, reading: Reading) -> bool:
    """Return whether a record of which a list shows only a part has a state of the same time of change."""
    if reading.is_complete:
        return False
    state = await deps.states.get(walk.object, walk.connection, reading.mapped.remote.id)
    updated_at = fields_of(msgspec.json.encode(reading.mapped.data)).get("updated_at")
    if state is None or state.deleted or updated_at is None:
        return False
    return bool(fields_of(state.data).get("updated_at") == updated_at)


def _wait(walk: Walk, plan: ReconcilePlan, changed_at: datetime | None) -> float:
    """Return the seconds until a change is as old as the grace."""
    if changed_at is None:
        return plan.grace
    return max(0.0, plan.grace - (walk.looked_at - changed_at).total_seconds())


def _check_job(walk: Walk, remote_id: str, after: float) -> NewJob:
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
    for why in await find_outdated(deps.own_writes, appended):
        if why is not None:
            raise why
    record = (plan.connection, plan.object, payload.remote_id)
    is_new = kind is not None and not await deps.reconciliations.is_open(*record[:2], kind, payload.remote_id)
    fields = None if kind is None or change is None else list(change.changed or ())
    changed_at = None if kind is None or change is None else change.occurred_at
    await append_changes(
        *(deps, [finishing], appended, CHECKED),
        *(new_id("rec_"), *record, kind, fields, changed_at, payload.walk, repairs),
    )
    if is_new and plan.sends_webhooks:
        missed.labels(plan.connection, plan.object).inc()


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
