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

from app.errors import NotFound
from app.events.models import RecordChange, SeenState, StateMoved
from app.events.record_changes import Watched, watched_in
from app.links.models import NewRecord, RecordKnown
from app.problem_document import JSON, Problem
from app.records.compare import added_comment, compare, compare_deleted
from app.records.fetch import fetch_comment
from app.records.map_record import Reading, map_record
from app.records.resources import name_new_record, name_records
from app.telemetry import count_operation
from app.writes.accept_total import other_total
from app.writes.copy_links import link_copy
from app.writes.copy_merge import as_planned, result_of
from app.writes.models import Answer, Begun, CopyResult, FieldChange, Operation
from app.writes.resolved_write import ResolvedWrite, changed_fields
from app.writes.resource_answer import of_operation, resource_answer
from canonical.order import Order
from canonical.parts import Loss, ResourceMeta, Skipped
from mappings.spec import Action, Mapped, Remote, WriteResult

# Looks at a vendor that answered "accepted, still working", before a worker takes over.
PENDING_PAUSE: Final = 0.2
PENDING_LOOKS: Final = 15
# Pauses after a write that cannot be read back yet. They grow, because drift lasts until a person fixes it.
READ_AGAIN_AFTER: Final = 1.0
LONGEST_READ_PAUSE: Final = 300.0
CREATED: Final = 201


class Archived(Struct, frozen=True, kw_only=True):
    """The answer about an archived record."""

    id: str
    """Canonical id of the archived record. Example: `"cus_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    meta: ResourceMeta
    """Where the record is."""


async def finish(
    resolved: ResolvedWrite,
    begun: Begun,
    effect: Action,
    result: WriteResult,
    loss: tuple[Loss, ...] = (),
    before: Watched | None = None,
    skipped: tuple[Skipped, ...] = (),
) -> Answer | None:
    """Record the answer of a write that the vendor carried out. None if a worker has to read the record later.

    `before` is the watched field before the write, if known. Raises LeaseLost.
    """
    operation, operations = begun.operation, resolved.deps.operations
    remote_id = result.remote_id or operation.remote_id or resolved.intent.remote_id
    if effect == "archive":
        answer = await _archived(resolved, begun, _required(remote_id))
        await _succeed(resolved, begun, answer, _required(remote_id), partial(_deleted, resolved, remote_id))
        return answer
    if remote_id is None and result.record is None:
        # The vendor accepted without naming the record: a worker finds it by its marker.
        await operations.postpone(begun, seconds=read_again_after(operation, first=0.0), sent=True)
        return None
    if result.pending and not await _is_cancelled(resolved, _required(remote_id)):
        await operations.postpone(begun, seconds=read_again_after(operation), sent=True)
        return None
    status, new = _status(effect, result), None
    try:
        reading = await _read_back(resolved, result, remote_id)
        loss += await link_copy(resolved, reading.mapped.remote.id, actor=operation.principal)
        differs = status == CREATED and await _note_total(resolved, reading, loss)
        if status == CREATED and resolved.intent.copy_of is None and not differs:
            new = await name_new_record(resolved.deps, resolved.connection, reading)
        resource = await _named(resolved, reading) if new is None else new[0]
    except Problem:
        # The write stands; only reading it failed. A worker reads it again by its remote id.
        if remote_id is not None:
            await operations.note_remote_id(begun, remote_id)
        await operations.postpone(begun, seconds=read_again_after(operation), sent=True)
        return None
    settle = partial(_settle_read, resolved, begun, reading, status=status, loss=loss, before=before, skipped=skipped)
    if new is None:
        return await settle(resource)
    try:
        answer = await settle(resource, new=new[1])
    except RecordKnown:
        return await settle(await _named(resolved, reading))
    resolved.deps.links.stored(new[1])
    resolved.deps.matches.stored(new[1])
    return answer


async def _named(resolved: ResolvedWrite, reading: Reading) -> Any:
    (resource,) = await name_records(resolved.deps, resolved.connection, [reading], ticket=resolved.intent.parent)
    return resource


async def _settle_read(
    resolved: ResolvedWrite,
    begun: Begun,
    reading: Reading,
    resource: Any,
    *,
    status: int,
    loss: tuple[Loss, ...],
    before: Watched | None,
    skipped: tuple[Skipped, ...],
    new: NewRecord | None = None,
) -> Answer:
    """Commit the answer about a record that was read back. Raises LeaseLost, RecordKnown."""
    shown = of_operation(resource, begun.operation, loss, skipped)
    answer = resource_answer(
        shown,
        status=status,
        object_name=resolved.mapping.object,
        named=None if resolved.intent.copy_of is None else resolved.connection.name,
    )
    await _succeed(
        *(resolved, begun, answer, reading.mapped.remote.id),
        partial(change_of, resolved, reading, resource, created=status == CREATED),
        _changes(resolved, resource, before, reading.mapped.data),
        new,
        await result_of(
            *(resolved, reading.mapped.data, reading.mapped.remote.id),
            is_new=status == CREATED,
            operation=begun.operation.id,
        ),
    )
    return answer


async def _succeed(
    resolved: ResolvedWrite,
    begun: Begun,
    answer: Answer,
    remote_id: str,
    compare_with: Callable[[SeenState | None, datetime], Awaitable[RecordChange]],
    changes: tuple[FieldChange, ...] = (),
    new: NewRecord | None = None,
    copied: CopyResult | None = None,
) -> None:
    """Commit the answer together with the record's state and its Event. If a webhook stored another state meanwhile,
    compare again. Raises LeaseLost, RecordKnown."""
    operation = begun.operation
    # A new record was hardly seen before. If it was, its state cannot be inserted.
    seen = None if answer.status == CREATED else await _seen_before(resolved, begun, remote_id)
    while True:
        # Without anything to send, the record was read after the operation began.
        change = await compare_with(seen, operation.sent_at or operation.created_at)
        with suppress(StateMoved):
            await resolved.deps.operations.succeed(
                begun, answer=answer, remote_id=remote_id, changes=changes, change=change, new=new, copied=copied
            )
            break
        seen = await last_seen(resolved, remote_id)
    count_operation(operation.object, operation.action, "succeeded")


async def _seen_before(resolved: ResolvedWrite, begun: Begun, remote_id: str) -> SeenState | None:
    """Return the last-seen state as it was when the write was sent, if that was looked up, else as it is now."""
    if begun.seen is UNSET or begun.operation.remote_id != remote_id:
        return await last_seen(resolved, remote_id)
    return begun.seen


async def last_seen(resolved: ResolvedWrite, remote_id: str) -> SeenState | None:
    """Return the last-seen state of the record; None also for a comment, of which no state is kept."""
    if resolved.mapping.object == "comment":
        return None
    return await resolved.deps.states.get(resolved.mapping.object, resolved.connection.name, remote_id)


async def change_of(
    resolved: ResolvedWrite,
    reading: Reading,
    resource: Any,
    seen: SeenState | None,
    read_at: datetime | None,
    *,
    created: bool,
) -> RecordChange:
    """Return what the write changed. The request was sent at `read_at`: webhooks that arrived before are older."""
    if resolved.mapping.object == "comment":
        return added_comment(resolved.connection, reading, resource, ticket=_required(resolved.intent.parent))
    return await compare(
        *(resolved.deps, resolved.connection, reading, resource),
        seen=seen,
        read_at=read_at,
        created=created,
        written=changed_fields(as_planned(resolved).intent),
    )


async def _deleted(
    resolved: ResolvedWrite, remote_id: str | None, seen: SeenState | None, read_at: datetime
) -> RecordChange:
    return await compare_deleted(
        *(resolved.deps, resolved.connection, resolved.mapping, _required(remote_id)), seen=seen, read_at=read_at
    )


def read_again_after(operation: Operation, *, first: float = READ_AGAIN_AFTER) -> float:
    """Return the seconds until the record is read again: `first` after the first attempt, then 1, 2, 4 …"""
    if operation.attempts <= 1:
        return first
    return min(LONGEST_READ_PAUSE, READ_AGAIN_AFTER * 2.0 ** min(operation.attempts - 2, 20))


def _changes(resolved: ResolvedWrite, resource: Any, before: Watched | None, data: Any) -> tuple[FieldChange, ...]:
    """Return the change of the watched field, for the audit trail."""
    after = None if before is None else watched_in(resolved.mapping.object, data)
    if before is None or after is None or after.value == before.value:
        return ()
    return (FieldChange(record=resource.id, field=after.field, before=before.value, after=after.value),)


async def _note_total(resolved: ResolvedWrite, reading: Reading, accepted: tuple[Loss, ...]) -> bool:
    """Keep with the link that the vendor computed another total for a new order than the one that was asked for.
    Return whether it did."""
    record: Mapped[Any] = reading.mapped
    differing = other_total(resolved, record.data, accepted) if isinstance(record.data, Order) else None
    if differing is None:
        return False
    await resolved.deps.links.note_total("order", resolved.connection.name, record.remote.id, differing)
    return True


def _status(effect: Action, result: WriteResult) -> int:
    """Return 201 for a new record: by a create, or by an upsert that the vendor reports as one."""
    if effect in ("create", "comment"):
        return 201
    return 201 if effect == "upsert" and result.created else 200


async def _read_back(resolved: ResolvedWrite, result: WriteResult, remote_id: str | None) -> Reading:
    """Take the record from the result if it is complete there, else read it."""
    if result.record is not None and not result.pending:
        account = await resolved.account()
        return await map_record(resolved.deps, resolved.connection, resolved.mapping, result.record, account)
    if resolved.mapping.object == "comment":
        return await find_comment(resolved, _required(remote_id))
    return await resolved.fetch(_required(remote_id))


async def find_comment(resolved: ResolvedWrite, remote_id: str) -> Reading:
    """Find a comment among those of its ticket. Raises NotFound if it is not listed."""
    deps, ticket = resolved.deps, _required(resolved.intent.parent)
    found = await fetch_comment(deps, resolved.connection, resolved.mapping, ticket, remote_id, resolved.deadline)
    if found is None:
        raise NotFound(f"The comment {remote_id} is not listed at its ticket yet.")
    return found


async def _is_cancelled(resolved: ResolvedWrite, remote_id: str) -> bool:
    """Return whether an accepted cancellation has been carried out, after polling for a short while."""
    for _ in range(PENDING_LOOKS):
        try:
            seen = await resolved.fetch(remote_id)
        except Problem:
            return False
        if seen.mapped.data.cancelled_at is not None:
            return True
        if time.monotonic() + PENDING_PAUSE > resolved.deadline:
            return False
        await asyncio.sleep(PENDING_PAUSE)
    return False


async def _archived(resolved: ResolvedWrite, begun: Begun, remote_id: str) -> Answer:
    """Return `{"id", "meta"}`: the record itself may no longer be readable."""
    intent = resolved.intent
    canonical = intent.canonical_id
    if canonical is None:
        canonical = (await resolved.deps.links.ensure(intent.object, resolved.connection.name, [remote_id]))[remote_id]
    blank = Mapped(data=_Nothing(), remote=Remote(id=remote_id))
    gone = Reading(mapped=blank, mapping=resolved.mapping, raw=msgspec.Raw(b"{}"))
    (resource,) = await name_records(resolved.deps, resolved.connection, [gone])
    named: Any = of_operation(resource, begun.operation)
    body = msgspec.json.encode(Archived(id=canonical, meta=named.meta))
    return Answer(status=200, headers={"content-type": JSON}, body=body)


class _Nothing(Struct, frozen=True, kw_only=True):
    """The data of an archived record."""

    id: str = ""
    meta: ResourceMeta | None = None


def _required(remote_id: str | None) -> str:
    assert remote_id is not None  # noqa: S101 - a result or an intent names the record
    return remote_id
