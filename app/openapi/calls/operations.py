"""What became of a write."""

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
        description="Those on objects that the key may see: any scope of an object shows its operations.",
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
        summary="What became of a write",
        scopes=tuple(SCOPES),
        answer="Operation",
        headers=READ_HEADERS,
    ),
    Call(
        method="post",
        path="/v1/operations/{id}/check",
        tag="Operations",
        name="check_operation",
        summary="Look at the vendor once more for an unknown outcome",
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
        summary="Decide an unknown outcome",
        description="`succeeded` with the record's remote id, or `failed`, which frees the key. Audited.",
        scopes=("ops:write",),
        answer="Operation",
        body="Resolution",
        headers=WAITING_HEADERS,
        problems=DECISION_PROBLEMS,
    ),
)
