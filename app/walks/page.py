"""Read one page of a walk. Its states, its Events, the position of the walk and the job of the next page are committed
together, so a worker that is killed leaves a walk that goes on after its last committed page.

A page of a pull whose records are all known has nothing to commit but the position. Then the job goes on with the next
page for a moment, under its lease, which the statement that moves the position checks.
"""

import logging
import time
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Final

import msgspec

from app.audit.record import Entry, append
from app.errors import StoreUnavailable, VendorDrifted
from app.events.models import StateMoved
from app.problem_document import Problem
from app.queue.finishing import Finishing
from app.queue.kinds import JobKind
from app.queue.models import BudgetShare, Deferred, Done, Job, JobOutcome, JobPolicy, NewJob, Retry
from app.queue.places import KEEPS_UP_SECONDS
from app.records.append import Appended, without_outdated
from app.records.append import append as append_changes
from app.records.deps import RecordDeps
from app.records.fetch import FetchedPage, fetch_ids, fetch_page, send_read
from app.records.map_record import active_mapping, as_vendor_drift
from app.records.read import without_rejected
from app.stock.read_levels import events_of, fetch_levels
from app.vendors.models import Connection
from app.walks.backfill.compare import compare_backfill
from app.walks.backfill.store import BACKFILLED
from app.walks.compare_page import ComparedPage, compare_page, refetch_job
from app.walks.deps import WalkDeps
from app.walks.metrics import count_missed, count_page
from app.walks.models import PAGE, AnyWalk, PageCounts, PagePayload, StockWalk, Walk
from app.walks.reconcile.page import commit_listed
from app.walks.start import completed_entry, page_job, walk_entry
from app.walks.store import ENDED, PAGED
from mappings.endpoints import ListQuery
from mappings.registry import AnyMapping
from mappings.stock import StockPage

READ_LIMIT: Final = 60.0
"""Seconds for reading a page and its related records."""
PREEMPTED_SECONDS: Final = 2.0
PAUSED_SECONDS: Final = 300.0
"""Seconds until a paused walk looks again whether it goes on. Resuming it does not wait for that."""
# Attempts to read a page. Then the run has failed, and the next one begins when it is due.
MOST_FAILURES: Final = 8
MOST_RESTARTS: Final = 1
# Attempts to process a page that fail by a fault of ours or end their worker. Then each record is read by itself, so
# that one cannot stop the others, and the page gets shorter with each further one.
MOST_DEATHS: Final = 2
TRIES: Final = 5
# Pause between the pages of a list of everything, which is only compared, so that it takes a small part of the budget.
FULL_PAUSE: Final = 2.0
# Seconds after which a job reads no further page. Shorter than the time after which a lane counts as slow.
GOES_ON_SECONDS: Final = KEEPS_UP_SECONDS * 0.8

_log = logging.getLogger("lockstitch.walks")

POLICY: Final = JobPolicy(
    max_attempts=20,
    base_seconds=2.0,
    cap_seconds=300.0,
    dead_head="skip",
    attempt_seconds=120.0,
    share=BudgetShare.PULL,
)


async def walk_page(deps: WalkDeps, job: Job, finishing: Finishing) -> JobOutcome:
    """Handle a `walk` job. The job of a walk that has ended is done."""
    payload = msgspec.json.decode(job.payload, type=PagePayload)
    walk = await deps.walks.get(payload.walk, job.id)
    if walk is None:
        return Done()
    if walk.is_paused:
        return Deferred(reason="the backfill is paused", after=PAUSED_SECONDS)
    if walk.is_preempted:
        return Deferred(reason="another walk of the object goes first", after=PREEMPTED_SECONDS)
    connection = deps.connections.by_name.get(walk.connection)
    if isinstance(walk, StockWalk):
        return await _stock_page(deps, connection, walk, job, finishing)
    mapping = None if connection is None else active_mapping(deps, connection, walk.object)
    if connection is None or mapping is None or mapping.endpoints.list is None:
        return await _fail(deps, walk, "cannot-list", finishing)
    is_singly = payload.is_singly or walk.deaths >= MOST_DEATHS
    if is_singly:
        _log.warning("the records of a page are read one by one: its job keeps failing", extra={"walk": walk.id})
    # After a failure, the next page has a job with all of its attempts.
    goes_on = job.attempt - job.deferred == 1 and not is_singly
    until = time.monotonic() + (GOES_ON_SECONDS if goes_on else 0.0)
    while True:
        began = time.monotonic()
        try:
            page = await _fetch(deps, connection, mapping, walk, began + READ_LIMIT, is_singly=is_singly)
        except (Problem, ValueError) as error:  # ValueError: the mapping refuses the cursor
            return await _after_failure(deps, walk, error, job, finishing)
        counts = PageCounts(records=page.known)
        is_more = page.is_known and page.next is not None and _pause(walk, counts, 0.0) <= 0
        if not is_more or time.monotonic() >= until:
            break
        walk = await deps.walks.go_on(walk, page.next, page.known, job)
        count_page(walk, counts)
    finishing.answered()
    readings, unreadable = await without_rejected(deps, connection, page)
    page = msgspec.structs.replace(page, readings=readings, unreadable=unreadable)
    walk = msgspec.structs.replace(walk, clock_ahead=page.clock_ahead)
    if walk.purpose == "reconcile":
        return await commit_listed(deps, connection, walk, page, finishing)
    compare = compare_backfill if walk.purpose == "backfill" else compare_page
    compared = await compare(deps, connection, walk, readings)
    return await _commit(deps, walk, page, compared, began, finishing)


async def _stock_page(
    deps: WalkDeps, connection: Connection | None, walk: StockWalk, job: Job, finishing: Finishing
) -> JobOutcome:
    """Read and commit a page of stock levels. It has no records to name, compare or read again."""
    reads = None if connection is None else connection.stock_reads
    if connection is None or reads is None:
        return await _fail(deps, walk, "cannot-list", finishing)
    deadline = time.monotonic() + READ_LIMIT
    try:
        page = await fetch_levels(deps, connection, reads, after=walk.cursor, limit=walk.page_size, deadline=deadline)
    except Problem as error:
        return await _after_failure(deps, walk, error, job, finishing)
    finishing.answered()
    count_page(walk, await commit_levels(deps, walk, page, finishing, pause=0.0 if walk.is_baseline else FULL_PAUSE))
    return Done()


async def _fetch(
    deps: WalkDeps, connection: Connection, mapping: AnyMapping, walk: Walk, deadline: float, *, is_singly: bool
) -> FetchedPage:
    limit = min(walk.page_size, mapping.endpoints.max_limit) >> max(0, walk.deaths - MOST_DEATHS)
    query = ListQuery(limit=max(1, limit), after=walk.cursor, updated_since=walk.since)
    args = (deps, connection, mapping, query, deadline)
    if names_changed(mapping, query):
        return await fetch_hints(*args)
    if is_singly:
        return await fetch_ids(*args, poison=walk.poison)
    # A ticket may have new comments.
    skips_known = walk.purpose == "pull" and walk.object != "ticket"
    return await fetch_page(*args, skips_known=skips_known, poison=walk.poison)


async def _commit(
    deps: WalkDeps, walk: Walk, page: FetchedPage, compared: ComparedPage, began: float, finishing: Finishing
) -> JobOutcome:
    """Commit a page. A record whose state has moved since it was compared leaves the page."""
    unreadable = await _to_report(deps, walk, page)
    for _ in range(TRIES):
        changes, outdated = await without_outdated(deps.own_writes, compared.changes)
        moved = [one.change.remote_id for one in outdated if one.change is not None]
        read_again = (*page.hinted, *compared.read_again, *moved)
        counts = PageCounts(
            records=len(page.readings) + len(page.unreadable) + len(page.hinted) + page.known,
            changed=len(changes),
            unreadable=len(page.unreadable),
            read_again=len(read_again),
            new=compared.new,
            differing=compared.differing,
        )
        singly = () if walk.is_dry_run else (*read_again, *unreadable)
        jobs = [refetch_job(walk, remote_id, is_news=remote_id in compared.news | page.created) for remote_id in singly]
        try:
            pause = _pause(walk, counts, time.monotonic() - began)
            await _append(deps, walk, page, counts, [*changes, _rest(walk, page, counts, jobs, pause)], finishing)
        except StateMoved:
            continue
        count_page(walk, counts)
        count_missed(deps.reconciled.get((walk.connection, walk.object)), *(one.change for one in changes))
        return Done()
    return Retry(reason="other jobs process the records of the page at the same time", after=0.0)


async def _append(
    deps: WalkDeps,
    walk: Walk,
    page: FetchedPage,
    counts: PageCounts,
    changes: Sequence[Appended],
    finishing: Finishing,
) -> None:
    if walk.purpose == "backfill":
        known = counts.records - counts.unreadable - counts.new - counts.differing
        figures = (counts.records, counts.changed, counts.new, known, counts.differing, counts.unreadable)
        await append_changes(deps, [finishing], changes, BACKFILLED, walk.id, page.next, *figures)
        return
    newest = _newest(page)
    if page.next is None:
        await append_changes(deps, [finishing], changes, ENDED, walk.id, newest)
        return
    values = (page.next, counts.records, counts.changed, counts.unreadable)
    await append_changes(deps, [finishing], changes, PAGED, walk.id, newest, *values)


def _pause(walk: Walk, counts: PageCounts, elapsed: float) -> float:
    """Return the seconds to wait before the next page, `elapsed` seconds after this one was asked for."""
    if walk.rate is not None:
        return max(0.0, counts.records / walk.rate - elapsed)
    return FULL_PAUSE if walk.since is None and not walk.is_baseline else 0.0


def _rest(walk: Walk, page: FetchedPage, counts: PageCounts, jobs: Sequence[NewJob], pause: float) -> Appended:
    """Return what follows from a page as a whole: the jobs of single records, and the next page or the end."""
    if page.next is None:
        return Appended(entries=(completed_entry(walk, counts),), jobs=tuple(jobs))
    return Appended(jobs=(*jobs, page_job(walk, after=pause)))


async def _to_report(deps: WalkDeps, walk: Walk, page: FetchedPage) -> Sequence[str]:
    """Return the unreadable records that become dead letters, as after a webhook: those that are none yet. In a
    baseline they are counted only."""
    named = [one.remote_id for one in page.unreadable if one.remote_id is not None]
    if not named or walk.is_baseline:
        return ()
    reported = await deps.walks.reported(walk.connection, walk.object, named)
    return [remote_id for remote_id in named if remote_id not in reported]


def _newest(page: FetchedPage) -> datetime | None:
    times = (one.mapped.remote.updated_at for one in page.readings)
    return max((at for at in times if at is not None), default=None)


async def _after_failure(
    deps: WalkDeps, walk: AnyWalk, error: Problem | ValueError, job: Job, finishing: Finishing
) -> JobOutcome:
    """Begin again if the vendor may have refused the cursor; else let the run fail, once waiting does not help."""
    if isinstance(error, StoreUnavailable):
        raise error
    if isinstance(error, Problem) and error.category in ("transient", "throttle", "auth"):
        is_long = walk.purpose == "pull" and walk.is_baseline  # it would begin again at its first page
        if is_long or error.category != "transient" or job.attempt - job.deferred < MOST_FAILURES:
            raise error
        return await _fail(deps, walk, error.code, finishing)
    if walk.cursor is not None and walk.restarts < MOST_RESTARTS and not isinstance(error, VendorDrifted):
        async with finishing() as transaction:
            await deps.walks.restart(transaction, walk)
            await append(transaction, walk_entry("restarted", walk))
            await deps.queue.enqueue(transaction, page_job(walk))
        return Done()
    return await _fail(deps, walk, error.code if isinstance(error, Problem) else "cursor-refused", finishing)


async def _fail(deps: WalkDeps, walk: AnyWalk, reason: str, finishing: Finishing) -> JobOutcome:
    """End a walk that cannot go on. The next one starts when it is due, from the same watermark."""
    async with finishing() as transaction:
        await deps.walks.fail(transaction, walk, reason)
        await append(transaction, _failed(walk, reason))
    return Done()


def _failed(walk: AnyWalk, reason: str) -> Entry:
    return walk_entry("failed", walk, reason=reason, pages=walk.pages, records=walk.records)


WALK: Final = JobKind(
    name=PAGE,
    policy=POLICY,
    bind=lambda dependencies: partial(walk_page, dependencies.of(WalkDeps)),
    reads_again=True,
)


def names_changed(mapping: AnyMapping, query: ListQuery) -> bool:
    """Return whether hints answer the query: it is for changes, and the vendor does not list them."""
    endpoints = mapping.endpoints
    return query.updated_since is not None and not endpoints.updated_since and endpoints.hints is not None


async def fetch_hints(
    deps: RecordDeps, connection: Connection, mapping: AnyMapping, query: ListQuery, deadline: float
) -> FetchedPage:
    """Fetch one page of hints, at vendors that do not list changed records but name them (Stripe's events). It has no
    records, only ids of records that are to be read.

    Raises the vendor's problems, and VendorDrifted if the page cannot be read.
    """
    endpoints = mapping.endpoints
    assert endpoints.hints is not None and endpoints.hinted is not None  # noqa: S101, PT018 - checked by the caller
    assert query.updated_since is not None  # noqa: S101
    reply = await send_read(deps, connection, endpoints.hints(query.updated_since, query.after), deadline)
    with as_vendor_drift(deps, connection, mapping):
        page = endpoints.hinted(reply)
    return FetchedPage(readings=[], unreadable=[], next=page.next, hinted=page.remote_ids, created=page.created)


async def commit_levels(
    deps: WalkDeps, walk: StockWalk, page: StockPage, finishing: Finishing, *, pause: float
) -> PageCounts:
    """Commit a page, and enqueue the job of the next one after `pause` seconds. Raises LeaseLost."""
    async with finishing() as transaction:
        kept = await deps.stock.keep(transaction, walk.connection, page.levels, walk.looked_at)
        counts = PageCounts(
            records=len(page.levels) + page.unreadable, changed=kept.changed, unreadable=page.unreadable, read_again=0
        )
        jobs = await deps.events.append(transaction, *events_of(walk.connection, kept.low, origin=walk.id))
        if page.next is None:
            await deps.stock.forget(transaction, walk.connection)
            await append(transaction, completed_entry(walk, counts))
        await deps.walks.move_on(transaction, walk, page.next, counts)
        await deps.queue.enqueue(transaction, *jobs, *([] if page.next is None else [page_job(walk, after=pause)]))
    return counts
