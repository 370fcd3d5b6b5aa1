"""Operations for callers and operators: read, list, and check an unknown outcome once more."""

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from app.errors import NotFound
from app.http.callers import Caller
from app.http.paging import Page, page_of
from app.identifiers import what_else
from app.writes.deps import WriteDeps
from app.writes.models import Operation, OperationView, Undecided
from app.writes.operation_view import views_of
from app.writes.recover import settle
from app.writes.waiting import Writers
from app.writes.withhold import view_for
from canonical.parts import ObjectName

OPERATION_ID: Final = re.compile(r"op_[A-Za-z0-9]{1,64}")


async def get_operation(
    deps: WriteDeps, operation_id: str, objects: Sequence[ObjectName], caller: Caller
) -> OperationView:
    """Return an operation on an object that the caller may see. Raises NotFound."""
    operation = await find_visible(deps, operation_id, objects)
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
    """List operations, newest first. The cursor is the last id of the page."""
    found = await deps.operations.list(state=state, objects=objects, after=after, limit=limit + 1)
    views = zip(found, await views_of(deps, found), strict=True)
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
    """Check an `unknown` operation at the vendor once more. Returns any other operation as it is, and also this one
    after `wait` seconds."""
    await find_visible(deps, operation_id, objects)
    begun = await deps.operations.reopen(operation_id, actor=caller.principal)
    if begun is not None:
        check = writers.start(settle(deps, begun, final=True))
        done, _ = await asyncio.wait({check}, timeout=wait)
        with suppress(Undecided):
            for ended in done:
                ended.result()
    return await get_operation(deps, operation_id, objects, caller)


async def find_visible(deps: WriteDeps, operation_id: str, objects: Sequence[ObjectName]) -> Operation:
    """Return an operation on an object that the caller may see. Raises NotFound."""
    operation = await deps.operations.get(operation_id) if OPERATION_ID.fullmatch(operation_id) else None
    if operation is None or operation.object not in objects:
        raise NotFound(what_else(operation_id, "operation") or f"No operation has the id {operation_id[:80]}.")
    return operation
