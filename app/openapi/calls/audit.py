"""The audit trail and the story of a run."""

from typing import Final

from app.openapi.calls.call import OWN_PROBLEMS, READ_HEADERS, Call

TAG: Final = "Operators"
LIST_PROBLEMS: Final = tuple(code for code in OWN_PROBLEMS if code != "not-found")

CALLS: Final[tuple[Call, ...]] = (
    Call(
        method="get",
        path="/ops/audit",
        tag=TAG,
        name="list_audit",
        summary="List audit events, newest first",
        description="Every state change: who made it, in which run, and its position in the chain. Audit events"
        " are never"
        " deleted.",
        scopes=("ops:read",),
        answer="AuditEventList",
        queries=(
            *("audit.type", "audit.record", "audit.actor", "audit.correlation_id", "audit.since"),
            *("limit", "cursor"),
        ),
        headers=READ_HEADERS,
        problems=LIST_PROBLEMS,
    ),
    Call(
        method="get",
        path="/ops/audit/verify",
        tag=TAG,
        name="verify_audit",
        summary="Verify that the audit trail is unchanged",
        description="Verifies up to 100,000 events of the chain per call; continue with `next_from`. A broken chain is"
        " still a 200: check `intact`.",
        scopes=("ops:read",),
        answer="AuditVerification",
        queries=("audit.from", "audit.anchor"),
        headers=READ_HEADERS,
        problems=LIST_PROBLEMS,
    ),
    Call(
        method="get",
        path="/ops/runs/{correlation_id}",
        tag=TAG,
        name="tell_run",
        summary="Show what happened in a run, oldest first",
        description="Everything with this correlation id: calls, receipts, operations, requests to vendors with the"
        " vendors' request ids, attempts, events, deliveries, dead letters, redrives, audit events.",
        scopes=("ops:read",),
        answer="Run",
        queries=("limit", "cursor"),
        headers=READ_HEADERS,
    ),
)
