"""Start backfills, show their progress, pause, resume and cancel them."""

import math
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final

from msgspec import convert
from msgspec.structs import asdict

from app.audit.record import Entry, append
from app.errors import InvalidField, StateConflict
from app.events.types import types_of
from app.http.by_id import find
from app.http.nearest_name import did_you_mean
from app.http.paging import Page, page_of
from app.http.plurals import PLURAL
from app.identifiers import new_id
from app.postgres.database import Transaction
from app.problem_document import FieldError
from app.walks.backfill.models import Backfill, BackfillRequest, BackfillView, NewBackfill
from app.walks.deps import BackfillDeps
from app.walks.models import ListPlan, NewWalk
from app.walks.start import page_job

CONSUMER: Final = "consumer:"
PAGE_SECONDS: Final = 10.0
"""A page holds the records of so many seconds at most, so that a low rate is kept in small steps."""


async def start_backfill(
    deps: BackfillDeps, request: BackfillRequest, *, actor: str, correlation_id: str
) -> BackfillView:
    """Start a backfill. A worker runs it. Raises InvalidField, and StateConflict while another one of the object and
    connection has not ended."""
    plan = _plan_of(deps, request)
    since = _since_of(request, plan)
    errors = [one async for one in _recipient_errors(deps, request)]
    if errors:
        raise InvalidField.listing(errors)
    new = NewBackfill(
        id=new_id("bf_"),
        connection=request.connection,
        object=request.object,
        since=since,
        rate=request.rate,
        deliver=None if request.deliver is None else tuple(dict.fromkeys(request.deliver)),
        dry_run=request.dry_run,
        actor=actor,
        correlation_id=correlation_id,
    )
    walk = NewWalk(
        id=new.id,
        connection=new.connection,
        object=new.object,
        purpose="backfill",
        since=since,
        is_baseline=True,
        page_size=plan.page_size if new.rate is None else min(plan.page_size, math.ceil(new.rate * PAGE_SECONDS)),
        correlation_id=correlation_id,
    )
    async with deps.database.transaction() as transaction:
        is_first = await deps.backfills.start(transaction, new)
        if is_first:
            await deps.walks.start(transaction, walk)
            facts = {"since": since, "rate": new.rate, "deliver": new.deliver, "dry_run": new.dry_run}
            await _note(transaction, "backfill.started", new, actor, **facts)
            await deps.queue.enqueue(transaction, page_job(walk))
    if not is_first:
        raise await _conflict(deps, new)
    return await read_backfill(deps, new.id)


async def list_backfills(deps: BackfillDeps, *, after: str | None, limit: int) -> Page:
    """List backfills, newest first. The cursor is the last id of the page."""
    return page_of(await deps.backfills.list(after=after, limit=limit + 1), limit, view_of)


async def read_backfill(deps: BackfillDeps, backfill_id: str) -> BackfillView:
    """Return one backfill. Raises NotFound."""
    return view_of(await _find(deps, backfill_id))


async def pause_backfill(deps: BackfillDeps, backfill_id: str, *, actor: str) -> BackfillView:
    """Pause a backfill after the page in progress. Raises NotFound, StateConflict if it does not run."""
    backfill = await _find(deps, backfill_id)
    async with deps.database.transaction() as transaction:
        is_paused = await deps.backfills.pause(transaction, backfill.id)
        if is_paused:
            await _note(transaction, "backfill.paused", backfill, actor)
    return await _decided(deps, backfill.id, is_done=is_paused)


async def resume_backfill(deps: BackfillDeps, backfill_id: str, *, actor: str) -> BackfillView:
    """Let a paused backfill go on after its last page, also if the job of the next one was discarded. Raises NotFound,
    StateConflict if it is not paused."""
    backfill = await _find(deps, backfill_id)
    walk = await deps.walks.get(backfill.id)
    async with deps.database.transaction() as transaction:
        is_resumed = await deps.backfills.resume(transaction, backfill.id)
        if is_resumed and walk is not None:
            await _note(transaction, "backfill.resumed", backfill, actor)
            await deps.queue.enqueue(transaction, page_job(walk, is_singly=backfill.failure is not None))
            await deps.backfills.hurry(transaction, backfill)
    return await _decided(deps, backfill.id, is_done=is_resumed)


async def cancel_backfill(deps: BackfillDeps, backfill_id: str, *, actor: str) -> BackfillView:
    """End a backfill after the page in progress. What it stored stays. Raises NotFound, StateConflict if it has
    ended."""
    backfill = await _find(deps, backfill_id)
    async with deps.database.transaction() as transaction:
        is_cancelled = await deps.backfills.cancel(transaction, backfill.id)
        if is_cancelled:
            await _note(transaction, "backfill.cancelled", backfill, actor, records=backfill.records)
    return await _decided(deps, backfill.id, is_done=is_cancelled)


def view_of(backfill: Backfill) -> BackfillView:
    """Return a backfill as operators see it.

    More records than expected say that the expectation was wrong, so then nothing is known of what is left.
    """
    done = backfill.records
    total = done if backfill.state == "completed" else backfill.total
    if total is not None and done >= total and backfill.state != "completed":
        total = None
    share = None if total is None else round(done / total, 4) if total else 1.0
    seconds = None if total is None else _seconds_left(backfill, total - done)
    values = {**asdict(backfill), "total": total, "share": share, "eta_seconds": seconds}
    return convert(values, BackfillView)


def _seconds_left(backfill: Backfill, left: int) -> float | None:
    """Return the seconds left at the pace since it began or last went on, or else at its rate."""
    if backfill.state != "running":
        return None
    took = (backfill.updated_at - backfill.resumed_at).total_seconds()
    done = backfill.records - backfill.resumed_with
    paces = [done / took] if done and took > 0 else []
    if backfill.rate is not None:
        paces.append(backfill.rate)
    return round(left / min(paces), 1) if paces else None


def _plan_of(deps: BackfillDeps, request: BackfillRequest) -> ListPlan:
    lists = deps.lists()
    plan = lists.get((request.connection, request.object))
    if plan is not None:
        return plan
    of_connection = [name for connection, name in lists if connection == request.connection]
    if of_connection:
        raise InvalidField.at("/object", f"{request.connection} lists only: {', '.join(of_connection)}")
    names = sorted({connection for connection, _ in lists})
    raise InvalidField.at(
        "/connection",
        f"no connection of this name lists records.{did_you_mean(request.connection, names)}"
        f" Those that do: {', '.join(names) or 'none'}",
    )


def _since_of(request: BackfillRequest, plan: ListPlan) -> datetime | None:
    if request.since is None:
        return None
    if not plan.by_change:
        raise InvalidField.at("/since", f"{request.connection} does not list {PLURAL[request.object]} by change")
    try:
        return request.since.astimezone(UTC)
    except OverflowError as error:
        raise InvalidField.at("/since", "a time between the years 1 and 9999 in UTC") from error


async def _recipient_errors(deps: BackfillDeps, request: BackfillRequest) -> AsyncIterator[FieldError]:
    for place, name in enumerate(request.deliver or ()):
        if name.startswith(CONSUMER):
            wrong = _wrong_consumer(deps, request, name.removeprefix(CONSUMER))
        else:
            wrong = await _wrong_subscription(deps, request, name)
        if wrong is not None:
            yield FieldError(pointer=f"/deliver/{place}", detail=wrong)


def _wrong_consumer(deps: BackfillDeps, request: BackfillRequest, name: str) -> str | None:
    consumer = next((one for one in deps.consumers if one.name == name), None)
    if consumer is None:
        return f"no consumer has this name; there are: {', '.join(one.name for one in deps.consumers) or 'none'}"
    is_source = not consumer.sources or request.connection in consumer.sources
    if consumer.object != PLURAL[request.object] or consumer.connection == request.connection or not is_source:
        return f"this consumer gets no {PLURAL[request.object]} of {request.connection}"
    return None


async def _wrong_subscription(deps: BackfillDeps, request: BackfillRequest, subscription_id: str) -> str | None:
    subscription = await deps.subscriptions.get(subscription_id)
    if subscription is None:
        return "is neither the id of a subscription nor consumer: and the name of a consumer"
    event_type = f"{request.object}.created"
    if event_type in types_of(subscription.events) and subscription.connection in (None, request.connection):
        return None
    return f"this subscription does not get {event_type} of {request.connection}"


async def _conflict(deps: BackfillDeps, new: NewBackfill) -> StateConflict:
    active = await deps.backfills.active(new.connection, new.object)
    if active is None:
        return StateConflict("Another backfill has just ended.", next_step="Send the request again.")
    return StateConflict(
        f"{active.id}, which is {active.state}, already backfills {PLURAL[new.object]} of {new.connection}.",
        next_step=f"Wait for its end, or cancel it: GET /v1/backfills/{active.id} shows it.",
    )


async def _decided(deps: BackfillDeps, backfill_id: str, *, is_done: bool) -> BackfillView:
    """Return a backfill after a decision. Raises StateConflict if its state did not allow the decision."""
    backfill = await _find(deps, backfill_id)
    if not is_done:
        raise StateConflict(f"{backfill.id} is {backfill.state}.")
    return view_of(backfill)


async def _note(transaction: Transaction, what: str, backfill: NewBackfill, actor: str, **facts: object) -> None:
    named = {"connection": backfill.connection, "object": backfill.object}
    entry = Entry(
        type=what, subject=backfill.id, actor=actor, correlation_id=backfill.correlation_id, facts=named | facts
    )
    await append(transaction, entry)


async def _find(deps: BackfillDeps, backfill_id: str) -> Backfill:
    return await find(deps.backfills.get, backfill_id, "backfill", next_step="GET /v1/backfills lists them.")
