"""Finish a write that the vendor carried out: read the record back, render the answer, commit it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct

from app.errors import Erased, NotFound, StoreUnavailable
from app.events.models import RecordChange, SeenState, StateMoved
from app.events.record_changes import Watched, watched_in
from app.http.plurals import PLURAL
from app.links.models import NewRecord, RecordKnown
from app.problem_document import JSON, Problem
from app.records.compare import added_comment, compare, compare_deleted
from app.records.fetch import fetch_comment
from app.records.map_record import Reading, map_record
from app.records.resources import etag_of, name_new_record, name_records
from app.telemetry.metrics import operations_ended
from app.writes.accept_loss import filled, other_total, undecided
from app.writes.answer import Archived, document_for, problem_answer
from app.writes.copy_links import link_copy
from app.writes.copy_merge import is_mixed, lost_by, result_of
from app.writes.copy_outcome import other_sum
from app.writes.models import Answer, Begun, FieldChange, Intent, Operation, Success, Undecided
from app.writes.operation_view import changed_fields
from app.writes.resolved_write import ResolvedWrite
from canonical.order import Order
from canonical.parts import Loss, ResourceMeta, Skipped
from mappings.endpoints import Action, WriteResult
from mappings.spec import Mapped, Remote

_encoder = msgspec.json.Encoder()

# Looks at a vendor that answered "accepted, still working", before a worker takes over.
PENDING_PAUSE: Final = 0.2
PENDING_LOOKS: Final = 15
# Pauses after a write that cannot be read back yet. They grow, because drift lasts until a person fixes it.
READ_AGAIN_AFTER: Final = 1.0
LONGEST_READ_PAUSE: Final = 300.0


class CarriedOut(Struct, frozen=True, kw_only=True):
    """A write that the vendor carried out: the verb that was sent, its result, and what the write lost and skipped.
    `before` is the watched field before it, if known."""

    effect: Action
    result: WriteResult
    loss: tuple[Loss, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    before: Watched | None = None

    @property
    def is_new(self) -> bool:
        """Whether the record is new: by a create, or by an upsert that the vendor reports as one."""
        return self.effect in ("create", "comment") or (self.effect == "upsert" and self.result.created is True)


class _ReadBack(Struct, frozen=True, kw_only=True):
    """The record of a write as it was read back, the resource of it, and what the write lost in all. `new`: its
    canonical id is stored with the answer."""

    reading: Reading
    resource: Any
    loss: tuple[Loss, ...]
    new: NewRecord | None


class _Nothing(Struct, frozen=True, kw_only=True):
    """The data of an archived record."""

    id: str = ""
    meta: ResourceMeta | None = None


async def finish(resolved: ResolvedWrite, begun: Begun, done: CarriedOut) -> Answer:
    """Record the answer of a write that the vendor carried out. Raises LeaseLost, and Undecided if a worker has to read
    the record later."""
    operation, result = begun.operation, done.result
    remote_id = result.remote_id or operation.remote_id or resolved.intent.remote_id
    if done.effect == "archive":
        return await _finish_archived(resolved, begun, _required(remote_id))
    if remote_id is None and result.record is None:
        # The vendor accepted without naming the record: a worker finds it by its marker.
        raise await read_later(resolved, begun, first=0.0)
    if result.pending and not await _is_cancelled(resolved, _required(remote_id)):
        raise await read_later(resolved, begun)
    try:
        read = await _read_back(resolved, begun, done, remote_id)
    except StoreUnavailable:
        raise
    except Erased as erased:
        # The write stands, of a person who was erased meanwhile: nothing of it is kept.
        answer = problem_answer(document_for(resolved.deps, operation, erased))
        await resolved.deps.operations.succeed(begun, Success(answer=answer, remote_id=remote_id))
        return answer
    except Problem as problem:
        # The write stands; only reading it failed. A worker reads it again by its remote id.
        if remote_id is not None:
            await resolved.deps.operations.note_remote_id(begun, remote_id)
        raise await read_later(resolved, begun) from problem
    if read.new is None:
        return await _settle(resolved, begun, done, read)
    try:
        answer = await _settle(resolved, begun, done, read)
    except RecordKnown:
        named = await _named(resolved, read.reading)
        return await _settle(resolved, begun, done, msgspec.structs.replace(read, resource=named, new=None))
    resolved.deps.links.stored(read.new)
    resolved.deps.matches.stored(read.new)
    return answer


async def read_later(resolved: ResolvedWrite, begun: Begun, *, first: float = READ_AGAIN_AFTER) -> Undecided:
    """Postpone an operation until its record is read: by `first` seconds after the first attempt, then 1, 2, 4 …
    Return what to raise. Raises LeaseLost."""
    attempts, pause = begun.operation.attempts, first
    if attempts > 1:
        pause = min(LONGEST_READ_PAUSE, READ_AGAIN_AFTER * 2.0 ** min(attempts - 2, 20))
    await resolved.deps.operations.postpone(begun, seconds=pause, sent=True)
    return Undecided(begun.operation.id)


async def _read_back(resolved: ResolvedWrite, begun: Begun, done: CarriedOut, remote_id: str | None) -> _ReadBack:
    """Take the record from the result if it is complete there, else read it; link a copy, and name the record. Raises
    the vendor's problems."""
    result, copied = done.result, resolved.intent.copy_of
    if result.record is not None and not result.pending:
        account = await resolved.account()
        reading = await map_record(resolved.deps, resolved.connection, resolved.mapping, result.record, account)
    elif resolved.mapping.object == "comment":
        reading = await find_comment(resolved, _required(remote_id))
    else:
        reading = await resolved.fetch(_required(remote_id))
    loss = done.loss
    if copied is not None:
        loss += await lost_by(resolved, copied, reading.mapped)
        loss += await link_copy(resolved, copied, reading.mapped.remote.id, actor=begun.operation.principal)
    if done.is_new and resolved.intent.emptied:
        loss += filled(resolved, reading.mapped.data, loss)
    is_order = isinstance(reading.mapped.data, Order)
    if done.is_new and is_order:
        loss = undecided(resolved, reading.mapped.data.is_test, loss)
    differs = is_order and done.is_new and await _note_total(resolved, reading.mapped, loss)
    if done.is_new and copied is None and not differs:
        drawn = await name_new_record(resolved.deps, resolved.connection, reading)
        if drawn is not None:
            return _ReadBack(reading=reading, resource=drawn[0], loss=loss, new=drawn[1])
    resource = await _named(resolved, reading)
    if copied is not None and is_order and not done.is_new:
        loss += other_sum(resolved, copied.connection, reading.mapped.data, resource.meta.loss + loss)
    return _ReadBack(reading=reading, resource=resource, loss=loss, new=None)


async def _named(resolved: ResolvedWrite, reading: Reading) -> Any:
    (resource,) = await name_records(resolved.deps, resolved.connection, [reading], ticket=resolved.intent.parent)
    return resource


async def _settle(resolved: ResolvedWrite, begun: Begun, done: CarriedOut, read: _ReadBack) -> Answer:
    """Commit the answer about a record that was read back. Raises LeaseLost, RecordKnown."""
    data, remote_id = read.reading.mapped.data, read.reading.mapped.remote.id
    resource = of_operation(read.resource, begun.operation, read.loss, done.skipped)
    answer = resource_answer(resource, resolved.intent, is_new=done.is_new)
    copied = None
    if resolved.intent.copy_of is not None:
        mapped, operation_id = read.reading.mapped, begun.operation.id
        copied = await result_of(resolved, mapped, is_new=done.is_new, operation=operation_id, loss=done.loss)
    success = Success(
        answer=answer,
        remote_id=remote_id,
        changes=() if done.before is None else _changes(resolved, read.resource, done.before, data),
        new=read.new,
        copied=copied,
    )
    # A new record was hardly seen before. If it was, its state cannot be inserted.
    state = None if done.is_new else await _state_before(resolved, begun, remote_id)
    compare_with = partial(change_of, resolved, read.reading, read.resource, created=done.is_new)
    await _commit(resolved, begun, success, state, compare_with)
    return answer


def of_operation(
    resource: Any, operation: Operation, loss: tuple[Loss, ...] = (), skipped: tuple[Skipped, ...] = ()
) -> Any:
    """Add the operation, the correlation id, and what the write ignored, skipped and lost to `meta`."""
    meta = msgspec.structs.replace(
        resource.meta,
        operation_id=operation.id,
        correlation_id=operation.correlation_id,
        ignored=operation.intent.ignored,
        skipped=skipped,
        loss=resource.meta.loss + loss,
    )
    return msgspec.structs.replace(resource, meta=meta)


def resource_answer(resource: Any, intent: Intent, *, is_new: bool) -> Answer:
    """Render the answer: body, `ETag`, and for a new record its `Location`, with the connection that a copy names."""
    headers, plan = {"content-type": JSON}, None if intent.copy_of is None else intent.copy_of.plan
    if intent.object != "comment":
        headers["etag"] = etag_of(resource)
        if is_new:
            query = "" if intent.copy_of is None else f"?connection={intent.connection}"
            headers["location"] = f"/v1/{PLURAL[intent.object]}/{resource.id}{query}"
    unfollowed = None if plan is None else plan.unfollowed
    return Answer(status=201 if is_new else 200, headers=headers, body=_encoder.encode(resource), unfollowed=unfollowed)


async def _commit(
    resolved: ResolvedWrite,
    begun: Begun,
    success: Success,
    state: SeenState | None,
    compare_with: Callable[[SeenState | None, datetime], Awaitable[RecordChange]],
) -> None:
    """Commit a success together with the record's state and its Event. If a webhook stored another state meanwhile,
    compare again. Raises LeaseLost, RecordKnown."""
    operation = begun.operation
    while True:
        # Without anything to send, the record was read after the operation began.
        change = await compare_with(state, operation.sent_at or operation.created_at)
        with suppress(StateMoved):
            await resolved.deps.operations.succeed(begun, msgspec.structs.replace(success, change=change))
            break
        state = await last_state(resolved, _required(success.remote_id))
    operations_ended(operation.object, operation.action, "succeeded").inc()


async def _state_before(resolved: ResolvedWrite, begun: Begun, remote_id: str) -> SeenState | None:
    """Return the last-seen state as it was when the write was sent, if that was looked up, else as it is now."""
    if begun.last_state is UNSET or begun.operation.remote_id != remote_id:
        return await last_state(resolved, remote_id)
    return begun.last_state


async def last_state(resolved: ResolvedWrite, remote_id: str) -> SeenState | None:
    """Return the last-seen state of the record; None also for a comment, of which no state is kept."""
    if resolved.mapping.object == "comment":
        return None
    return await resolved.deps.states.get(resolved.mapping.object, resolved.connection.name, remote_id)


async def change_of(
    resolved: ResolvedWrite,
    reading: Reading,
    resource: Any,
    state: SeenState | None,
    read_at: datetime | None,
    *,
    created: bool,
) -> RecordChange:
    """Return what the write changed. The request was sent at `read_at`: webhooks that arrived before are older."""
    if resolved.mapping.object == "comment":
        return added_comment(resolved.connection, reading, resource, ticket=_required(resolved.intent.parent))
    # What is new was written as a whole.
    written = () if created else changed_fields(resolved.as_planned.intent)
    change = await compare(
        resolved.deps,
        resolved.connection,
        reading,
        resource,
        last_state=state,
        read_at=read_at,
        created=created,
        written=written,
    )
    copied = resolved.intent.copy_of
    if copied is None or state is None or not is_mixed(resolved, change.changed or (), written):
        return change
    return msgspec.structs.replace(change, is_mixed=True)


def _changes(resolved: ResolvedWrite, resource: Any, before: Watched, data: Any) -> tuple[FieldChange, ...]:
    """Return the change of the watched field, for the audit trail."""
    after = watched_in(resolved.mapping.object, data)
    if after is None or after.value == before.value:
        return ()
    return (FieldChange(record=resource.id, field=after.field, before=before.value, after=after.value),)


async def _note_total(resolved: ResolvedWrite, record: Mapped[Any], accepted: tuple[Loss, ...]) -> bool:
    """Keep with the link that the vendor computed another total for a new order than the one that was asked for.
    Return whether it did."""
    differing = other_total(resolved, record.data, accepted)
    if differing is None:
        return False
    await resolved.deps.links.note_total("order", resolved.connection.name, record.remote.id, differing)
    return True


async def find_comment(resolved: ResolvedWrite, remote_id: str) -> Reading:
    """Find a comment among those of its ticket. Raises NotFound if it is not listed."""
    deps, ticket = resolved.deps, _required(resolved.intent.parent)
    comment = await fetch_comment(deps, resolved.connection, resolved.mapping, ticket, remote_id, resolved.deadline)
    if comment is None:
        raise NotFound(f"The comment {remote_id} is not listed at its ticket yet.")
    return comment


async def _is_cancelled(resolved: ResolvedWrite, remote_id: str) -> bool:
    """Return whether an accepted cancellation has been carried out, after polling for a short while."""
    for _ in range(PENDING_LOOKS):
        try:
            order = await resolved.fetch(remote_id)
        except Problem:
            return False
        if order.mapped.data.cancelled_at is not None:
            return True
        if time.monotonic() + PENDING_PAUSE > resolved.deadline:
            return False
        await asyncio.sleep(PENDING_PAUSE)
    return False


async def _finish_archived(resolved: ResolvedWrite, begun: Begun, remote_id: str) -> Answer:
    """Commit the answer `{"id", "meta"}`: the record itself may no longer be readable. Raises LeaseLost."""
    deps, connection, mapping = resolved.deps, resolved.connection, resolved.mapping
    canonical = resolved.intent.canonical_id
    if canonical is None:
        canonical = (await deps.links.ensure(mapping.object, connection.name, [remote_id]))[remote_id]
    blank = Mapped(data=_Nothing(), remote=Remote(id=remote_id))
    (resource,) = await name_records(deps, connection, [Reading(mapped=blank, mapping=mapping, raw=msgspec.Raw(b"{}"))])
    body = msgspec.json.encode(Archived(id=canonical, meta=of_operation(resource, begun.operation).meta))
    answer = Answer(status=200, headers={"content-type": JSON}, body=body)
    state = await _state_before(resolved, begun, remote_id)

    async def deletion(state: SeenState | None, read_at: datetime) -> RecordChange:
        return await compare_deleted(deps, connection, mapping, remote_id, last_state=state, read_at=read_at)

    await _commit(resolved, begun, Success(answer=answer, remote_id=remote_id), state, deletion)
    return answer


def _required(remote_id: str | None) -> str:
    assert remote_id is not None  # noqa: S101 - a result or an intent names the record
    return remote_id
