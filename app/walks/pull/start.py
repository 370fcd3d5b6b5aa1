"""Start pulls that are due."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from app.identifiers import new_id, new_run_id
from app.records.compare import CLOCK_SKEW
from app.walks.deps import PullDeps
from app.walks.models import DuePull, NewWalk, PullPlan
from app.walks.start import start_walk

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
    walk = NewWalk(
        id=new_id("walk_"),
        connection=plan.connection,
        object=plan.object,
        purpose="pull",
        since=None if is_baseline else _since(plan, due),
        is_baseline=is_baseline,
        page_size=plan.page_size,
        correlation_id=new_run_id(),
    )
    await start_walk(deps, walk, claim=partial(deps.walks.claim, due=due))


def _since(plan: PullPlan, due: DuePull) -> datetime | None:
    """Return the time from which on changes are read; None to list all records. Hints have no times: they are read from
    the start of the last run that completed."""
    overlap = timedelta(seconds=plan.overlap)
    if plan.by_hints and due.started_at is not None:
        since = due.started_at - CLOCK_SKEW - overlap
        return since if since > datetime.now(UTC) - HINTED_FOR else None
    return due.watermark - overlap if plan.by_change and due.watermark is not None else None
