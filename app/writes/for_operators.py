"""Operations for operators, who see every object. They use the database only."""

from typing import Annotated, Final, Literal, get_args

from msgspec import Meta, Struct

from app.http.callers import Caller
from app.http.paging import Page, page_of
from app.writes.approval import APPROVES
from app.writes.deps import OperationDeps
from app.writes.models import OperationView
from app.writes.operation_view import find_visible, view_of
from canonical.parts import ObjectName

EVERY: Final[tuple[ObjectName, ...]] = get_args(ObjectName)


class OperationFilter(Struct, frozen=True, kw_only=True):
    """Which operations."""

    state: Literal["queued", "executing", "succeeded", "failed", "unknown", "approval"] | None = None
    """Only writes in this state. `unknown`: someone must decide. `approval`: they wait for one."""


class Resolution(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator found at the vendor: it happened, and this is the record; or it did not."""

    outcome: Literal["succeeded", "failed"]
    """What you found at the vendor. Example: `"succeeded"`"""
    remote_id: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    """The record's id at the vendor; required for `succeeded`. Example: `"1051"`"""


def operator_of(actor: str) -> Caller:
    """Return an operator on the command line as a caller."""
    return Caller(principal=actor, key=actor, name=actor, scopes=frozenset((APPROVES,)), expires_at=None)


async def list_operations(deps: OperationDeps, which: OperationFilter, *, after: str | None, limit: int) -> Page:
    """List operations, newest first. The cursor is the last id of the page."""
    listed = await deps.operations.list(state=which.state, objects=EVERY, approves=True, after=after, limit=limit + 1)
    return page_of(listed, limit, view_of)


async def read_operation(deps: OperationDeps, operation_id: str, *, actor: str) -> OperationView:
    """Return an operation. Raises NotFound."""
    return view_of(await find_visible(deps, operation_id, EVERY, operator_of(actor)))


async def list_waiting(deps: OperationDeps, *, after: str | None, limit: int) -> Page:
    """List operations that wait for an approval, newest first. The cursor is the last id of the page."""
    return await list_operations(deps, OperationFilter(state="approval"), after=after, limit=limit)
