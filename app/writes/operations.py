"""Operations for callers and operators: read, list, check an unknown outcome once more, or resolve it by hand."""

import asyncio
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from msgspec.structs import replace

from app.errors import Erased, InvalidField, StateConflict, VendorUnavailable
from app.http.callers import Caller
from app.http.paging import Page, page_of
from app.problem_document import FieldError, ProblemDocument
from app.records.resources import name_records
from app.writes.answer import document_for, problem_answer
from app.writes.approval import APPROVES
from app.writes.copy_links import link_copy
from app.writes.copy_merge import lost_by, result_of
from app.writes.deps import WriteDeps
from app.writes.find_lost import marker_lookup
from app.writes.finish import change_of, find_comment, last_state, of_operation, resource_answer
from app.writes.for_operators import Resolution
from app.writes.idempotency import Writers
from app.writes.models import Operation, OperationView, Success, Undecided
from app.writes.operation_view import find_visible, state_of, views_of
from app.writes.recover import settle
from app.writes.request import CREATING
from app.writes.resolved_write import resolve_recorded
from app.writes.withhold import view_for
from canonical.parts import ObjectName, Skipped

READ_IT: Final = "Read its outcome: GET /v1/operations/{0}."


async def get_operation(
    deps: WriteDeps, operation_id: str, objects: Sequence[ObjectName], caller: Caller
) -> OperationView:
    """Return an operation that the caller may see, as they may see it. Raises NotFound."""
    operation = await find_visible(deps, operation_id, objects, caller)
    (view,) = await views_of(deps, [operation])
    return view_for(caller, operation, view)


async def list_operations(
    deps: WriteDeps,
    *,
    state: str | None,
    objects: Sequence[ObjectName],
    caller: Caller,
    after: str | None,
    limit: int,
) -> Page:
    """List operations, newest first. `state` is a public one, or `approval` for those that wait for one. The cursor is
    the last id of the page."""
    approves = APPROVES in caller.scopes
    listed = await deps.operations.list(state=state, objects=objects, approves=approves, after=after, limit=limit + 1)
    views = zip(listed, await views_of(deps, listed), strict=True)
    return page_of([view_for(caller, operation, view) for operation, view in views], limit)


async def check_operation(
    deps: WriteDeps,
    writers: Writers,
    operation_id: str,
    *,
    wait: float | None,
    caller: Caller,
    objects: Sequence[ObjectName],
) -> OperationView:
    """Check an `unknown` operation at the vendor once more. Returns it as it is after `wait` seconds. Raises NotFound,
    and StateConflict if it is not `unknown`: then the vendor is not asked."""
    await find_visible(deps, operation_id, objects, caller)
    begun = await deps.operations.reopen(operation_id, actor=caller.principal)
    if begun is None:
        operation = await find_visible(deps, operation_id, objects, caller)
        detail = f"The vendor was not asked. {await _why_not(deps, operation)}"
        raise StateConflict(detail, next_step=READ_IT.format(operation_id))
    check = writers.start(settle(deps, begun, final=True))
    done, _ = await asyncio.wait({check}, timeout=wait)
    with suppress(Undecided):
        for ended in done:
            ended.result()
    return await get_operation(deps, operation_id, objects, caller)


async def resolve_unknown(
    deps: WriteDeps,
    operation_id: str,
    resolution: Resolution,
    *,
    wait: float | None,
    caller: Caller,
    objects: Sequence[ObjectName],
) -> OperationView:
    """Record what an operator found out about an `unknown` operation. Audited.

    `succeeded` needs the record's remote id. The record is read, within `wait` seconds if given, so that the caller's
    retry gets the real resource. Raises InvalidField if the operation is not `unknown`, and NotFound if the vendor has
    no such record.
    """
    deadline = time.monotonic() + (deps.execution_limit if wait is None else wait)
    operation = await find_visible(deps, operation_id, objects, caller)
    if operation.phase != "unknown":
        raise await _not_decided(deps, operation)
    if resolution.outcome == "failed" and resolution.remote_id is not None:
        raise InvalidField.at("/remote_id", "makes no sense when the outcome is failed")
    if resolution.outcome == "failed":
        problem = VendorUnavailable("A person found that the vendor did not carry this out.", operation_id=operation_id)
        await _decide(deps, operation, caller.principal, problem=document_for(deps, operation, problem))
        return await get_operation(deps, operation_id, objects, caller)
    if resolution.remote_id is None:
        detail = "is needed when the outcome is succeeded"
        raise InvalidField.at("/remote_id", detail)
    await _resolve_succeeded(deps, operation, resolution.remote_id, caller.principal, deadline)
    return await get_operation(deps, operation_id, objects, caller)


async def _resolve_succeeded(
    deps: WriteDeps, operation: Operation, remote_id: str, actor: str, deadline: float
) -> None:
    resolved = resolve_recorded(deps, operation.intent, deadline)
    remote_id = resolved.connection.vendor.remote_id_form(remote_id)
    if not re.fullmatch(resolved.connection.vendor.remote_id, remote_id):
        detail = f"is not an id as {resolved.connection.vendor.title} gives them"
        raise InvalidField.at("/remote_id", detail)
    try:
        if resolved.mapping.endpoints.read is None:
            reading = await find_comment(resolved, remote_id)
        else:
            reading = await resolved.fetch(remote_id)
    except Erased as erased:  # nothing of the write is kept, and the erasure can end
        answer = problem_answer(document_for(deps, operation, erased))
        await _decide(deps, operation, actor, success=Success(answer=answer, remote_id=remote_id))
        return
    effect = operation.effect or operation.action
    made, loss = effect in CREATING, resolved.as_planned.intent.lost
    skipped: tuple[Skipped, ...] = ()
    if made:
        sent = replace(resolved, redriven=operation.redrives > 0, resends=True)
        lookup = await marker_lookup(sent, operation.id, effect)
        loss, skipped = lookup.loss, lookup.skipped
    copied = None
    if resolved.intent.copy_of is not None:
        copy_of = resolved.intent.copy_of
        loss += await lost_by(resolved, copy_of, reading.mapped)
        loss += await link_copy(resolved, copy_of, remote_id, actor=operation.principal)
        copied = await result_of(resolved.as_planned, reading.mapped, is_new=effect == "create", operation=operation.id)
    (resource,) = await name_records(deps, resolved.connection, [reading], ticket=resolved.intent.parent)
    state = await last_state(resolved, remote_id)
    change = await change_of(resolved, reading, resource, state, operation.sent_at, created=made)
    answer = resource_answer(of_operation(resource, operation, loss, skipped), resolved.intent, is_new=made)
    success = Success(answer=answer, remote_id=remote_id, change=change, copied=copied)
    await _decide(deps, operation, actor, success=success)


async def _decide(
    deps: WriteDeps,
    operation: Operation,
    actor: str,
    *,
    success: Success | None = None,
    problem: ProblemDocument | None = None,
) -> None:
    """Record a decision. Raises InvalidField if another one was faster."""
    if not await deps.operations.resolve(operation.id, actor=actor, success=success, problem=problem):
        raise await _not_decided(deps, await deps.operations.get(operation.id) or operation)


async def _not_decided(deps: WriteDeps, operation: Operation) -> InvalidField:
    why = await _why_not(deps, operation)
    error = FieldError(pointer="/outcome", detail="was not recorded: the outcome is not unknown")
    return InvalidField(why, errors=(error,), next_step=READ_IT.format(operation.id))


async def _why_not(deps: WriteDeps, operation: Operation) -> str:
    """Return why there is nothing to find out or to decide about an operation that is not `unknown`."""
    state = state_of(operation)
    if state in ("queued", "executing"):
        return f"{operation.id} is {state}: Lockstitch finds out its outcome."
    by, at = await deps.operations.resolved_by(operation.id) or ("Lockstitch", operation.updated_at)
    return f"{operation.id} is decided already: {by} recorded at {at:%Y-%m-%d %H:%M:%S} UTC that it {state}."
