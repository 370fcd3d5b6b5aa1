"""Resolve an unknown operation by hand: an operator reports what they found at the vendor."""

import re
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal

from msgspec import Meta, Struct

from app.errors import InvalidField, VendorUnavailable
from app.http.callers import Caller
from app.records.resources import name_records
from app.writes.copy_links import link_copy
from app.writes.copy_merge import as_planned, result_of
from app.writes.deps import WriteDeps
from app.writes.execute import document_for
from app.writes.finish import change_of, find_comment, last_seen
from app.writes.models import Operation, OperationView
from app.writes.operation_view import state_of
from app.writes.operations import find_visible, get_operation
from app.writes.prepare import marker_lookup
from app.writes.resolved_write import CREATING, resolve_recorded
from app.writes.resource_answer import of_operation, resource_answer
from canonical.parts import ObjectName, Skipped


class Resolution(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator found at the vendor: it happened, and this is the record; or it did not."""

    outcome: Literal["succeeded", "failed"]
    """What you found at the vendor. Example: `"succeeded"`"""
    remote_id: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    """The record's id at the vendor; required for `succeeded`. Example: `"1051"`"""


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
    operation = await find_visible(deps, operation_id, objects)
    if operation.phase != "unknown":
        detail = f"is not unknown but {state_of(operation)}: there is nothing to decide"
        raise InvalidField.at("/outcome", detail)
    if resolution.outcome == "failed":
        problem = VendorUnavailable("A person found that the vendor did not carry this out.", operation_id=operation_id)
        document = document_for(deps, operation, problem)
        await deps.operations.resolve(
            operation_id, outcome="failed", remote_id=None, actor=caller.principal, answer=None, problem=document
        )
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
    if resolved.mapping.endpoints.read is None:
        reading = await find_comment(resolved, remote_id)
    else:
        reading = await resolved.fetch(remote_id)
    effect = operation.effect or operation.action
    made, loss = effect in CREATING, operation.intent.lost
    skipped: tuple[Skipped, ...] = ()
    if made:
        sent = replace(resolved, redriven=operation.redrives > 0, resends=True)
        lookup = await marker_lookup(sent, operation.id, effect)
        loss, skipped = lookup.loss, lookup.skipped
    loss += await link_copy(resolved, remote_id, actor=operation.principal)
    (resource,) = await name_records(deps, resolved.connection, [reading], ticket=resolved.intent.parent)
    change = await change_of(
        *(resolved, reading, resource, await last_seen(resolved, remote_id), operation.sent_at), created=made
    )
    copied = await result_of(
        *(as_planned(resolved), reading.mapped.data, remote_id), is_new=effect == "create", operation=operation.id
    )
    answer = resource_answer(
        of_operation(resource, operation, loss, skipped),
        status=201 if made else 200,
        object_name=resolved.mapping.object,
        named=None if resolved.intent.copy_of is None else resolved.connection.name,
    )
    await deps.operations.resolve(
        operation.id,
        outcome="succeeded",
        remote_id=remote_id,
        actor=actor,
        answer=answer,
        problem=None,
        change=change,
        copied=copied,
    )
