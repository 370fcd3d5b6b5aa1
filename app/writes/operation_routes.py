"""HTTP operations of operations, the outcome of writes."""

from typing import Final

from app.errors import InvalidField
from app.http.headers import WAIT
from app.http.operation import VENDOR_READ, Call, JsonBody, Listing, operation
from app.http.paging import Page
from app.http.parameters import LIMIT, PathText, choice, cursor
from app.writes import operations
from app.writes.approval import APPROVES
from app.writes.decide_approval import DecisionNote, decide
from app.writes.deps import WriteDeps
from app.writes.for_operators import Resolution
from app.writes.idempotency import Writers
from app.writes.models import OperationView
from app.writes.operations import resolve_unknown
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
READERS: Final = (*SCOPES, APPROVES)
WAITING_FOR: Final = choice("waiting_for", "Only queued operations that wait for an approval.", ("approval",))
NOTE: Final = JsonBody(into=DecisionNote, example={"note": "Agreed with Ann by phone."}, optional=True)
STATE: Final = choice("state", "Only operations in this state.", STATES, example="unknown")
CURSOR: Final = cursor("op_.*", longest=64)
RESOLVE: Final = JsonBody(into=Resolution, example={"outcome": "succeeded", "remote_id": "1051"})


@operation(
    "GET",
    "/v1/operations",
    tag=TAG,
    scopes=READERS,
    query=(STATE, WAITING_FOR, LIMIT, CURSOR),
    answer=Listing(item=OperationView, meaning="A page of operations."),
)
async def list_operations(call: Call) -> Page:
    """List operations, newest first.

    Shows operations on objects that the key may see: any scope of an object suffices. With `approvals:write` it also
    shows those that need or needed an approval.
    """
    state = call.query(STATE)
    if call.query(WAITING_FOR) is not None:
        if state not in (None, "queued"):
            raise InvalidField.of("waiting_for", f"makes no sense with state={state}: only a queued operation waits")
        state = "approval"
    return await operations.list_operations(
        call.deps(WriteDeps),
        state=state,
        objects=_objects(call.granted),
        caller=call.caller,
        after=call.query(CURSOR),
        limit=call.query(LIMIT),
    )


@operation("GET", "/v1/operations/{id}", tag=TAG, scopes=READERS, parameters=(ID,))
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
    problems=(*VENDOR_READ, "state-conflict"),
)
async def check_operation(call: Call) -> OperationView:
    """Check an unknown outcome at the vendor. What did not happen is sent.

    Any other outcome is `state-conflict`, which says how it was decided: the vendor is not asked.
    """
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
    return await resolve_unknown(
        call.deps(WriteDeps),
        call.path("id"),
        call.body(RESOLVE),
        wait=call.header(WAIT),
        caller=call.caller,
        objects=_objects(tuple(SCOPES)),
    )


@operation(
    "POST",
    "/v1/operations/{id}/approve",
    tag=TAG,
    scopes=(APPROVES,),
    parameters=(ID,),
    body=NOTE,
    problems=("not-found", "state-conflict"),
)
async def approve_operation(call: Call) -> OperationView:
    """Approve a write that waits for that.

    A worker then carries it out. Not with the key that wants the write, nor with one that it was rotated to. The first
    decision counts; the same one again by the same key changes nothing. Audited.
    """
    return await decide(call.deps(WriteDeps), call.path("id"), "approved", call.body(NOTE).note, call.caller)


@operation(
    "POST",
    "/v1/operations/{id}/reject",
    tag=TAG,
    scopes=(APPROVES,),
    parameters=(ID,),
    body=NOTE,
    problems=("not-found", "state-conflict"),
)
async def reject_operation(call: Call) -> OperationView:
    """Reject a write that waits for an approval.

    It ends as `failed` with `approval-rejected`, which a repetition with its key gets too. The same rules apply as for
    `approve`.
    """
    return await decide(call.deps(WriteDeps), call.path("id"), "rejected", call.body(NOTE).note, call.caller)


def _objects(scopes: tuple[str, ...]) -> tuple[ObjectName, ...]:
    return tuple(dict.fromkeys(name for scope in scopes for name in SCOPES.get(scope, ())))
