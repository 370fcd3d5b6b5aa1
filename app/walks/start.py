"""Start pulls that are due, and enqueue the job of a page."""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from app.audit.record import Entry, append
from app.identifiers import new_id, new_run_id
from app.queue.models import NewJob
from app.records.compare import CLOCK_SKEW
from app.walks.deps import PullDeps
from app.walks.models import PAGE, DuePull, NewWalk, PagePayload, PullPlan

HINTED_FOR: Final = timedelta(days=29)
"""How far back hints are asked for. Stripe keeps its events for 30 days."""


async def start_due_pulls(deps: PullDeps) -> bool:
    """Start the pulls that are due. Return False: there is nothing more to do until the next call."""
    if deps.plans:
        plans = {(one.connection, one.object): one for one in deps.plans}
        for due in await deps.walks.due(deps.plans):
            await _start(deps, plans[due.connection, due.object], due)
    return False


async def _start(deps: PullDeps, plan: PullPlan, due: DuePull) -> None:
    is_baseline = not due.has_baseline
    since = None if is_baseline else _since(plan, due)
    walk = NewWalk(
        id=new_id("walk_"),
        connection=plan.connection,
        object=plan.object,
        purpose="pull",
        since=since,
        is_baseline=is_baseline,
        page_size=plan.page_size,
        correlation_id=new_run_id(),
    )
    async with deps.database.transaction() as transaction:
        if not await deps.walks.claim(transaction, due) or not await deps.walks.start(transaction, walk):
            return
        await append(transaction, walk_entry("started", walk, since=since, is_baseline=is_baseline))
        await deps.queue.enqueue(transaction, page_job(walk))


def _since(plan: PullPlan, due: DuePull) -> datetime | None:
    """Return the time from which on changes are read; None to list all records. Hints have no times: they are read from
    the start of the last run that completed."""
    overlap = timedelta(seconds=plan.overlap)
    if plan.by_hints and due.started_at is not None:
        since = due.started_at - CLOCK_SKEW - overlap
        return since if since > datetime.now(UTC) - HINTED_FOR else None
    return due.watermark - overlap if plan.by_change and due.watermark is not None else None


def page_job(walk: NewWalk, *, after: float = 0.0) -> NewJob:
    """Return the job of the next page of a walk, `after` seconds from now. A walk has one at a time. That of a backfill
    that was cancelled may still wait beside the next backfill's."""
    return NewJob(
        kind=PAGE,
        payload=msgspec.json.encode(PagePayload(walk=walk.id)),
        connection=walk.connection,
        dedupe_key=walk.id if walk.purpose == "backfill" else f"{walk.purpose} {walk.object}",
        after=after,
        correlation_id=walk.correlation_id,
        origin=walk.id,
    )


def walk_entry(what: str, walk: NewWalk, **facts: object) -> Entry:
    """Return an audit entry of a walk: `walk.started` and so on, or `backfill.started`."""
    named = {"connection": walk.connection, "object": walk.object, "purpose": walk.purpose}
    subject = "backfill" if walk.purpose == "backfill" else "walk"
    return Entry(
        type=f"{subject}.{what}", subject=walk.id, correlation_id=walk.correlation_id, facts={**named, **facts}
    )
