"""Drift: changes that vendors did not announce."""

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
        summary="List drift findings, newest first",
        description="One finding for each change observed in a vendor's records or webhooks, regardless of how often it"
        " occurs.",
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
        summary="Read a drift finding",
        scopes=("ops:read",),
        answer="DriftFinding",
        headers=READ_HEADERS,
    ),
    Call(
        method="post",
        path="/ops/drift/{id}/acknowledge",
        tag=TAG,
        name="acknowledge_drift",
        summary="Acknowledge a drift finding",
        description="Ends the alarm of a frozen path. A connection that rejects the change accepts such records again;"
        " redrive the dead letters that it caused. Audited.",
        scopes=("ops:write",),
        answer="DriftFinding",
        headers=READ_HEADERS,
        problems=ACKNOWLEDGE_PROBLEMS,
    ),
)
