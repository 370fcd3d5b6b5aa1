"""What vendors changed without telling."""

from typing import Final

from app.openapi.calls.call import OWN_PROBLEMS, READ_HEADERS, Call

TAG: Final = "Operators"
ACKNOWLEDGE_PROBLEMS: Final = (*OWN_PROBLEMS, "malformed-body", "body-too-large", "state-conflict")

CALLS: Final[tuple[Call, ...]] = (
    Call(
        method="get",
        path="/ops/drift",
        tag=TAG,
        name="list_drift",
        summary="List what vendors changed, newest first",
        description="One finding for each change that was met in a vendor's records or webhooks, however often.",
        scopes=("ops:read",),
        answer="DriftFindingList",
        queries=("drift.connection", "drift.kind", "drift.acknowledged", "limit", "cursor"),
        headers=READ_HEADERS,
    ),
    Call(
        method="get",
        path="/ops/drift/{id}",
        tag=TAG,
        name="read_drift",
        summary="Look at one change",
        scopes=("ops:read",),
        answer="DriftFinding",
        headers=READ_HEADERS,
    ),
    Call(
        method="post",
        path="/ops/drift/{id}/acknowledge",
        tag=TAG,
        name="acknowledge_drift",
        summary="Say that a change is seen",
        description="It is no news any more: the alarm of a frozen path ends, and a connection that rejects it accepts"
        " such records again; dead letters that it made can be redriven. Audited.",
        scopes=("ops:write",),
        answer="DriftFinding",
        headers=READ_HEADERS,
        problems=ACKNOWLEDGE_PROBLEMS,
    ),
)
