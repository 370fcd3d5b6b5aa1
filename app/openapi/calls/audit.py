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
        description="Every state change, by whom and in which run, with its place in the chain; kept for ever.",
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
        summary="Prove that the audit trail was not changed",
        description="Walks along the chain, up to 100,000 events in one call; `next_from` says where to go on. A break"
        " is told in the answer, which is 200 all the same: look at `intact`.",
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
        summary="Tell what happened in a run, oldest first",
        description="Everything that carries the correlation id: calls, receipts, operations, requests to vendors with"
        " the vendors' own request ids, attempts, events, deliveries, dead letters, redrives, audit events.",
        scopes=("ops:read",),
        answer="Run",
        queries=("limit", "cursor"),
        headers=READ_HEADERS,
    ),
)
