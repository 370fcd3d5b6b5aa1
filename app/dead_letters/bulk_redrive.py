"""Bulk redrives: preview, start, run in batches, show and cancel."""

from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from app.dead_letters.deps import DeadLetterDeps
from app.dead_letters.models import (
    DeadLetterFilter,
    DeadLetterGroup,
    NewRedrive,
    Redrive,
    RedriveFilter,
)
from app.errors import InvalidField, StateConflict
from app.http.by_id import find
from app.http.paging import Page, page_of

BATCH: Final = 50
GROUPS: Final = 20


class RedriveRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to redrive, how many per second (unlimited if missing), and whether only to preview."""

    filter: RedriveFilter
    """Which open dead letters to redrive; an empty filter matches all."""
    rate_per_second: Annotated[float, Meta(gt=0, le=10_000)] | None = None
    """Maximum rate per second; null if unlimited. Example: `20.0`"""
    dry_run: bool = False
    """Report what would be redriven, and change nothing. Example: `false`"""


class RedriveView(Redrive, frozen=True, kw_only=True):
    """A bulk redrive and its progress. `rate` is the number of letters processed per second so far; `eta_seconds` is
    the estimated time left."""

    left: int
    """Number that remain. Example: `858`"""
    rate: float | None
    """Actual rate per second so far; null before the first. Example: `19.8`"""
    eta_seconds: float | None
    """Remaining seconds at this rate; null if unknown. Example: `42.9`"""


class DryRun(Struct, frozen=True, kw_only=True):
    """What a redrive would do now: how many it would queue, of which kinds, how many it would skip, and its duration at
    the requested rate."""

    total: int
    """Number that would be redriven now. Example: `1200`"""
    skipped: int
    """Number that match and would stay open, because their work is queued already. Example: `2`"""
    groups: list[DeadLetterGroup]
    """Groups by failure of those that would be redriven, the most frequent first; at most 20."""
    seconds: float | None
    """Duration at the requested rate; null without a rate. Example: `60.0`"""
    dry_run: bool = True
    """Always true: nothing was changed. Example: `true`"""


async def preview_redrive(deps: DeadLetterDeps, request: RedriveRequest, *, most: int | None = None) -> DryRun:
    """Count and group what would be redriven, only of the newest `most`, if given. Changes nothing. Raises
    InvalidField."""
    which = _filter_of(request.filter)
    preview = await deps.dead_letters.preview(which, limit=GROUPS, newest=most)
    seconds = None if request.rate_per_second is None else round(preview.redriven / request.rate_per_second, 1)
    return DryRun(total=preview.redriven, skipped=preview.skipped, groups=list(preview.groups), seconds=seconds)


async def start_redrive(
    deps: DeadLetterDeps, request: RedriveRequest, *, actor: str, correlation_id: str
) -> RedriveView:
    """Start a redrive of the letters that match now. A worker runs it. Raises InvalidField."""
    new = NewRedrive(
        filter=_filter_of(request.filter),
        rate_per_second=request.rate_per_second,
        actor=actor,
        correlation_id=correlation_id,
    )
    async with deps.database.transaction() as transaction:
        return view_of(await deps.redrives.start(transaction, new))


async def list_redrives(deps: DeadLetterDeps, *, after: str | None, limit: int) -> Page:
    """List redrives, newest first. The cursor is the last id of the page."""
    redrives = await deps.redrives.list(after=after, limit=limit + 1)
    return page_of(redrives, limit, view_of)


async def read_redrive(deps: DeadLetterDeps, redrive_id: str) -> RedriveView:
    """Return one redrive. Raises NotFound."""
    return view_of(await _find(deps, redrive_id))


async def cancel_redrive(deps: DeadLetterDeps, redrive_id: str, *, actor: str) -> RedriveView:
    """Stop a redrive. Letters that were redriven stay so. Raises NotFound, StateConflict if it has ended."""
    redrive = await _find(deps, redrive_id)
    async with deps.database.transaction() as transaction:
        cancelled = await deps.redrives.cancel(transaction, redrive.id, actor=actor)
    redrive = await _find(deps, redrive_id)
    if not cancelled:
        raise StateConflict(
            f"{redrive.id} has been {redrive.state} since {redrive.ended_at:%Y-%m-%d %H:%M:%S} UTC.",
            next_step="Its jobs are in the queue: GET /ops/queue.",
        )
    return view_of(redrive)


async def run_due_redrives(deps: DeadLetterDeps) -> bool:
    """Run one batch of a due redrive in one transaction. Return whether there may be more to do at once."""
    async with deps.database.transaction() as transaction:
        batch = await deps.redrives.take_batch(transaction, BATCH)
        if batch is None:
            return False
        redriven = await deps.dead_letters.redrive_all(
            transaction, batch.dead_letters, actor=batch.redrive.actor, redrive=batch.redrive.id
        )
        await deps.redrives.note_batch(transaction, batch, redriven=len(redriven))
    return len(batch.dead_letters) == BATCH


def view_of(redrive: Redrive) -> RedriveView:
    """Return a redrive as operators see it."""
    handled = redrive.redriven + redrive.skipped
    left = redrive.total - handled
    took = (redrive.updated_at - redrive.created_at).total_seconds()
    rate = handled / took if handled and took > 0 else None
    pace = redrive.rate_per_second or rate
    figures = {
        "left": left,
        "rate": None if rate is None else round(rate, 2),
        "eta_seconds": round(left / pace, 1) if redrive.state == "running" and pace else None,
    }
    wanted = msgspec.convert(redrive.filter, RedriveFilter, from_attributes=True)
    return RedriveView(**{**msgspec.structs.asdict(redrive), **figures, "filter": wanted})


def _filter_of(wanted: RedriveFilter) -> DeadLetterFilter:
    times = {"since": _in_utc("since", wanted.since), "until": _in_utc("until", wanted.until)}
    return DeadLetterFilter(**{**msgspec.structs.asdict(wanted), **times})


def _in_utc(member: str, at: datetime | None) -> datetime | None:
    """Convert to UTC. Raises InvalidField for a time outside the years 1 to 9999."""
    try:
        return None if at is None else at.astimezone(UTC)
    except OverflowError as error:
        raise InvalidField.at(f"/filter/{member}", "a time between the years 1 and 9999 in UTC") from error


async def _find(deps: DeadLetterDeps, redrive_id: str) -> Redrive:
    return await find(deps.redrives.get, redrive_id, "redrive", next_step="GET /ops/redrives lists them.")
