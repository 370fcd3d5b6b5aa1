"""Commit a page of stock levels: the levels, the Events of what became low, and the position of the walk, together."""

from app.audit.record import append
from app.queue.finishing import Finishing
from app.stock.read_levels import events_of
from app.walks.deps import WalkDeps
from app.walks.models import PageCounts, StockWalk
from app.walks.start import completed_entry, page_job
from mappings.stock import StockPage


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
