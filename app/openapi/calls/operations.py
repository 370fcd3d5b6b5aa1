"""Operations: the outcome of writes."""

from typing import Final

from app.openapi.calls.call import CHECK_PROBLEMS, DECISION_PROBLEMS, READ_HEADERS, WAITING_HEADERS, Call
from app.writes.routes import SCOPES

CALLS: Final[tuple[Call, ...]] = (
    Call(
        method="get",
        path="/v1/operations",
        tag="Operations",
        name="list_operations",
        summary="List operations, newest first",
        description="Shows operations on objects that the key may see: any scope of an object suffices.",
        scopes=tuple(SCOPES),
        answer="OperationList",
        queries=("state", "limit", "cursor"),
        headers=READ_HEADERS,
    ),
    Call(
        method="get",
        path="/v1/operations/{id}",
        tag="Operations",
        name="read_operation",
        summary="Read an operation",
        scopes=tuple(SCOPES),
        answer="Operation",
        headers=READ_HEADERS,
    ),
    Call(
        method="post",
        path="/v1/operations/{id}/check",
        tag="Operations",
        name="check_operation",
        summary="Check an unknown outcome at the vendor",
        scopes=("ops:write",),
        answer="Operation",
        headers=WAITING_HEADERS,
        problems=CHECK_PROBLEMS,
    ),
    Call(
        method="post",
        path="/v1/operations/{id}/resolve",
        tag="Operations",
        name="resolve_operation",
        summary="Resolve an unknown outcome",
        description="Send `succeeded` with the record's remote id, or `failed`, which frees the idempotency key."
        " Audited.",
        scopes=("ops:write",),
        answer="Operation",
        body="Resolution",
        headers=WAITING_HEADERS,
        problems=DECISION_PROBLEMS,
    ),
)
