"""Read one record by itself: it left a page of a walk, because its state moved, a write of ours was under way, it is a
ticket that may have new comments, or it could not be read in the page."""

import time
from functools import partial
from typing import Final

import msgspec
from msgspec.structs import replace

from app.errors import VendorDrifted
from app.events.models import NewEvent, RecordChange, StateMoved
from app.events.record_changes import events_of, fields_of, history_of, is_first_comment, read_state, with_notes
from app.identifiers import new_run_id
from app.queue.finishing import Finishing
from app.queue.kinds import JobKind
from app.queue.models import BudgetShare, DeadLetter, Done, Job, JobOutcome, Retry
from app.records.append import Appended, append_all
from app.records.compare import is_untold
from app.records.map_record import Reading, active_mapping
from app.records.models import REFETCH, ReportedChange, WriteUnderWay
from app.records.resolve import choose_mapping
from app.records.statements import appending
from app.vendors.models import Connection
from app.walks.backfill.compare import backfilled, without_repeated
from app.walks.compare_page import as_baseline, source_jobs
from app.walks.deps import WalkDeps
from app.walks.metrics import count_missed
from app.walks.models import RefetchPayload
from app.webhooks.comments import events_of_comments, new_comments
from app.webhooks.ingest import LAG_SECONDS, LAGS_AT_MOST, POLICY, READ_LIMIT, again
from app.webhooks.refetch import permanent_of, refetch_record
from mappings.webhooks import Notice

NO_EFFECT: Final = appending("nothing AS (SELECT)")


async def refetch(deps: WalkDeps, job: Job, finishing: Finishing) -> JobOutcome:
    """Handle a `refetch` job."""
    payload = msgspec.json.decode(job.payload, type=RefetchPayload)
    connection = deps.connections.by_name.get(str(job.connection))
    mapping = None if connection is None else active_mapping(deps, connection, payload.object)
    if connection is None or mapping is None:
        return Done()
    try:
        changed = await read_alone(deps, connection, payload)
        if changed is None:
            return Done()
        assert changed.change is not None  # noqa: S101 - `read_alone` returns one
        if changed.change.lags and job.attempt - job.deferred < LAGS_AT_MOST:
            return Retry(reason="the vendor returned an older state than the last-seen one", after=LAG_SECONDS)
        finishing.answered()
        await append_all(deps, finishing, [changed], NO_EFFECT)
        count_missed(deps.reconciled.get((connection.name, payload.object)), changed.change)
    except (WriteUnderWay, StateMoved) as why:
        return again(job, why)
    except VendorDrifted as drifted:
        return permanent_of(mapping, drifted)
    return Done()


async def read_alone(deps: WalkDeps, connection: Connection, payload: RefetchPayload) -> Appended | None:
    """Read the record and compare it. None if there is nothing to store: it is unchanged, or gone and was never seen,
    or a backfill has nothing to do. Raises WriteUnderWay and VendorDrifted."""
    deadline = time.monotonic() + READ_LIMIT
    reported = ReportedChange(
        connection=connection.name, object=payload.object, remote_id=payload.remote_id, received_at=None
    )
    last = await deps.own_writes.look(reported)
    if last.is_under_way and last.state is not None:
        raise WriteUnderWay
    is_news = payload.is_news and is_untold(last.state, by_pulls=False)
    is_new: Final = is_news or (last.state is None and not payload.is_baseline)
    happened: Final = "created" if is_new else "updated"
    notice = Notice(object=payload.object, remote_id=payload.remote_id, happened=happened)
    pulls = not payload.is_backfill
    mapping = choose_mapping(deps, connection, payload.object)
    refetched = await refetch_record(
        *(deps, connection, mapping, notice, None, last, deadline), with_comments=pulls, is_news=is_news
    )
    change = refetched.change
    if change.last_state is None and change.deleted:
        return None
    reported = replace(reported, remote_id=change.remote_id, created_at=refetched.created_at)
    if payload.is_backfill:
        if change.deleted or (change.last_state is not None and payload.deliver is None):
            return None
        appended = backfilled(payload.walk, payload.deliver, change, reported)
        return next(iter(await without_repeated(deps, [appended])), None)
    if payload.is_baseline and change.last_state is None:
        change = as_baseline(change, pulled=True)
        if payload.object == "ticket":
            change, _ = await _with_comments(deps, connection, change, payload.walk, deadline)
        return Appended(change=change, reported=(reported,))
    comments: tuple[NewEvent, ...] = ()
    if payload.object == "ticket" and not change.deleted:
        change, comments = await _with_comments(deps, connection, change, payload.walk, deadline)
    events = (*events_of(change, origin=payload.walk), *comments)
    if not events and _is_stored(change):
        return None
    return Appended(
        change=change,
        reported=(reported,),
        events=tuple(replace(one, correlation_id=new_run_id()) for one in events),
        entries=history_of(change, payload.walk, new_run_id()),
        jobs=source_jobs(change, payload.walk),
    )


def _is_stored(change: RecordChange) -> bool:
    """Return whether the last-seen state is that of the change already."""
    last = change.last_state
    return last is not None and (last.data, last.deleted, last.digest) == (change.state, change.deleted, change.digest)


async def _with_comments(
    deps: WalkDeps, connection: Connection, change: RecordChange, walk: str, deadline: float
) -> tuple[RecordChange, tuple[NewEvent, ...]]:
    """Return the change of a ticket with its newest comment noted, and the Events of the comments that are new.

    The first comment of a ticket may be its description, which is no news.
    """
    if active_mapping(deps, connection, "comment") is None or change.state is None:
        return change, ()
    added, newest = await new_comments(deps, connection, change.remote_id, change.last_state, deadline)
    ticket = fields_of(change.state)
    others = [one for one in added if not _is_description(ticket, one)]
    events = await events_of_comments(deps, connection, change.remote_id, others, origin=walk)
    notes = replace(read_state(change.state)[1], newest_comment=newest, announced_comments=())
    return replace(change, state=with_notes(change.state, notes)), events


def _is_description(ticket: object, comment: Reading) -> bool:
    data = comment.mapped.data
    return is_first_comment(ticket, data.body_text, data.created_at)  # type: ignore[arg-type]


def _advice(letter: DeadLetter) -> str | None:
    if letter.category != "poison":
        return None
    return (
        "This record ended each worker that read it. Pulls, backfills and reconciliations leave it out until you"
        " decide. Find the cause in the worker's log before you redrive it."
    )


REFETCHES: Final = JobKind(
    name=REFETCH,
    policy=replace(POLICY, share=BudgetShare.PULL),
    bind=lambda dependencies: partial(refetch, dependencies.of(WalkDeps)),
    reads_again=True,
    advise=_advice,
)
