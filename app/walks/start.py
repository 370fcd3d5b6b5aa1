"""Start a walk, and enqueue the job of its next page."""

from collections.abc import Awaitable, Callable

import msgspec

from app.audit.record import Entry, append
from app.postgres.database import Transaction
from app.queue.models import NewJob
from app.walks.deps import StartDeps
from app.walks.models import PAGE, AnyWalk, NewWalk, PageCounts, PagePayload


async def start_walk(deps: StartDeps, new: NewWalk, *, claim: Callable[[Transaction], Awaitable[bool]]) -> None:
    """Start a walk, or let the one of its purpose go on that has died, unless another process has: `claim` says so.
    Audited."""
    async with deps.database.transaction() as transaction:
        if not await claim(transaction):
            return
        walk = await deps.walks.start(transaction, new)
        if walk is None:
            return
        what = "started" if walk.id == new.id else "resumed"
        await append(transaction, walk_entry(what, walk, since=walk.since, is_baseline=walk.is_baseline))
        await deps.queue.enqueue(transaction, page_job(walk, is_singly=what == "resumed"))


def page_job(walk: NewWalk, *, after: float = 0.0, is_singly: bool = False) -> NewJob:
    """Return the job of the next page of a walk, `after` seconds from now. A walk has one at a time. That of a backfill
    that was cancelled may still wait beside the next backfill's."""
    return NewJob(
        kind=PAGE,
        payload=msgspec.json.encode(PagePayload(walk=walk.id, is_singly=is_singly)),
        connection=walk.connection,
        dedupe_key=walk.id if walk.purpose == "backfill" else f"{walk.purpose} {walk.object}",
        after=after,
        correlation_id=walk.correlation_id,
        origin=walk.id,
        share=walk.share,
    )


def completed_entry(walk: AnyWalk, last: PageCounts) -> Entry:
    """Return the audit entry of a walk that ends with this page."""
    return walk_entry(
        *("completed", walk),
        pages=walk.pages + 1,
        records=walk.records + last.records,
        changed=walk.changed + last.changed,
        unreadable=walk.unreadable + last.unreadable,
    )


def walk_entry(what: str, walk: NewWalk, **facts: object) -> Entry:
    """Return an audit entry of a walk: `walk.started` and so on, or `backfill.started`."""
    named = {"connection": walk.connection, "object": walk.object, "purpose": walk.purpose}
    subject = "backfill" if walk.purpose == "backfill" else "walk"
    return Entry(
        type=f"{subject}.{what}", subject=walk.id, correlation_id=walk.correlation_id, facts={**named, **facts}
    )
