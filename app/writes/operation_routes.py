"""HTTP operations of operations, the outcome of writes."""

from typing import Final

from app.errors import InvalidField
from app.http.headers import WAIT
from app.http.operation import VENDOR_READ, Call, JsonBody, Listing, operation
from app.http.paging import Page
from app.http.parameters import LIMIT, PathText, choice, cursor
from app.writes import operations
from app.writes.deps import WriteDeps
from app.writes.idempotency import Writers
from app.writes.models import OperationView
from app.writes.operations import Resolution, resolve_unknown
from canonical.parts import ObjectName

TAG: Final = "Operations"
ID: Final = PathText("id", "The operation's id.", "op_0198f0a2b7c47d3c9a51f2e80b6c4d17")
STATES: Final = ("queued", "executing", "succeeded", "failed", "unknown")
SCOPES: Final[dict[str, tuple[ObjectName, ...]]] = {
    "customers:read": ("customer",),
    "customers:write": ("customer",),
    "orders:read": ("order",),
    "orders:write": ("order",),
    "tickets:read": ("ticket", "comment"),
    "tickets:write": ("ticket", "comment"),
}
STATE: Final = choice("state", "Only operations in this state.", STATES, example="unknown")
CURSOR: Final = cursor("op_.*", longest=64)
RESOLVE: Final = JsonBody(into=Resolution, example={"outcome": "succeeded", "remote_id": "1051"})


@operation(
    "GET",
    "/v1/operations",
    tag=TAG,
    scopes=tuple(SCOPES),
    query=(STATE, LIMIT, CURSOR),
    answer=Listing(item=OperationView, meaning="A page of operations."),
)
async def list_operations(call: Call) -> Page:
    """List operations, newest first.

    Shows operations on objects that the key may see: any scope of an object suffices.
    """
    return await operations.list_operations(
        call.deps(WriteDeps),
        state=call.query(STATE),
        objects=_objects(call.granted),
        caller=call.caller,
        after=call.query(CURSOR),
        limit=call.query(LIMIT),
    )


@operation("GET", "/v1/operations/{id}", tag=TAG, scopes=tuple(SCOPES), parameters=(ID,))
async def read_operation(call: Call) -> OperationView:
    """Read an operation."""
    return await operations.get_operation(call.deps(WriteDeps), call.path("id"), _objects(call.granted), call.caller)


@operation(
    "POST",
    "/v1/operations/{id}/check",
    tag=TAG,
    scopes=("ops:write",),
    parameters=(ID,),
    headers=(WAIT,),
    problems=VENDOR_READ,
)
async def check_operation(call: Call) -> OperationView:
    """Check an unknown outcome at the vendor."""
    return await operations.check_operation(
        call.deps(WriteDeps),
        call.deps(Writers),
        call.path("id"),
        wait=call.header(WAIT),
        caller=call.caller,
        objects=_objects(tuple(SCOPES)),
    )


@operation(
    "POST",
    "/v1/operations/{id}/resolve",
    tag=TAG,
    scopes=("ops:write",),
    parameters=(ID,),
    headers=(WAIT,),
    body=RESOLVE,
    problems=VENDOR_READ,
)
async def resolve_operation(call: Call) -> OperationView:
    """Resolve an unknown outcome.

    Send `succeeded` with the record's remote id, or `failed`, which frees the idempotency key. Audited.
    """
    resolution = call.body(RESOLVE)
    if resolution.outcome == "failed" and resolution.remote_id is not None:
        raise InvalidField.at("/remote_id", "makes no sense when the outcome is failed")
    return await resolve_unknown(
        call.deps(WriteDeps),
        call.path("id"),
        resolution,
        wait=call.header(WAIT),
        caller=call.caller,
        objects=_objects(tuple(SCOPES)),
    )


def _objects(scopes: tuple[str, ...]) -> tuple[ObjectName, ...]:
    return tuple(dict.fromkeys(name for scope in scopes for name in SCOPES[scope]))


HANDLERS: Final = (list_operations, read_operation, check_operation, resolve_operation)
