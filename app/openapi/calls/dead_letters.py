"""Dead letters, bulk redrives and the queue."""

from typing import Final

from app.openapi.calls.call import OWN_PROBLEMS, READ_HEADERS, Call

TAG: Final = "Operators"
DECISION_PROBLEMS: Final = (
    *OWN_PROBLEMS,
    *("malformed-body", "body-too-large", "unsupported-media-type", "state-conflict"),
)
START_PROBLEMS: Final = tuple(code for code in DECISION_PROBLEMS if code not in ("state-conflict", "not-found"))
CANCEL_PROBLEMS: Final = tuple(code for code in DECISION_PROBLEMS if code != "unsupported-media-type")
FILTERS: Final = tuple(
    f"dead_letter.{name}" for name in ("state", "connection", "kind", "category", "since", "correlation_id")
)

CALLS: Final[tuple[Call, ...]] = (
    Call(
        method="get",
        path="/ops/dead-letters",
        tag=TAG,
        name="list_dead_letters",
        summary="List dead letters, newest first",
        description="Work that was given up and waits for a decision; with `state` also what was decided about before.",
        scopes=("ops:read",),
        answer="DeadLetterList",
        queries=(*FILTERS, "limit", "cursor"),
        headers=READ_HEADERS,
    ),
    Call(
        method="get",
        path="/ops/dead-letters/{id}",
        tag=TAG,
        name="read_dead_letter",
        summary="Look into a dead letter",
        description="Its payload, decoded; every attempt with its outcome and trace; what can be done now. The payload"
        " holds personal data.",
        scopes=("ops:read",),
        answer="DeadLetterDetail",
        headers=READ_HEADERS,
    ),
    Call(
        method="post",
        path="/ops/dead-letters/{id}/redrive",
        tag=TAG,
        name="redrive_dead_letter",
        summary="Run a dead letter again",
        description="In its old place in the order of its record, under its old keys, with as many attempts as at"
        " first; with another payload where one is sent and the letter is `editable`. Audited.",
        scopes=("ops:write",),
        answer="DeadLetter",
        body="RedriveOrder",
        body_optional=True,
        headers=READ_HEADERS,
        problems=DECISION_PROBLEMS,
    ),
    Call(
        method="post",
        path="/ops/dead-letters/{id}/discard",
        tag=TAG,
        name="discard_dead_letter",
        summary="Let a dead letter go",
        description="Its work is not done; what it held up goes on. Audited, with the reason.",
        scopes=("ops:write",),
        answer="DeadLetter",
        body="DiscardOrder",
        headers=READ_HEADERS,
        problems=DECISION_PROBLEMS,
    ),
    Call(
        method="post",
        path="/ops/redrives",
        tag=TAG,
        name="start_redrive",
        summary="Redrive many dead letters",
        description="Those that are open and match now, oldest job first; one that dies again is not taken a second"
        " time. A worker carries it on, also after a restart. With `dry_run` nothing is changed, and 200 tells what it"
        " would take. Audited.",
        scopes=("ops:write",),
        status=201,
        also=(200,),
        answer="Redrive",
        other_answers={200: "DryRun"},
        body="RedriveRequest",
        headers=READ_HEADERS,
        problems=START_PROBLEMS,
    ),
    Call(
        method="get",
        path="/ops/redrives",
        tag=TAG,
        name="list_redrives",
        summary="List redrives, newest first",
        scopes=("ops:read",),
        answer="RedriveList",
        queries=("limit", "cursor"),
        headers=READ_HEADERS,
    ),
    Call(
        method="get",
        path="/ops/redrives/{id}",
        tag=TAG,
        name="read_redrive",
        summary="How far a redrive has come",
        scopes=("ops:read",),
        answer="Redrive",
        headers=READ_HEADERS,
    ),
    Call(
        method="post",
        path="/ops/redrives/{id}/cancel",
        tag=TAG,
        name="cancel_redrive",
        summary="Cancel a redrive",
        description="A batch that is under way ends; what has been redriven stays so. Audited.",
        scopes=("ops:write",),
        answer="Redrive",
        headers=READ_HEADERS,
        problems=CANCEL_PROBLEMS,
    ),
    Call(
        method="get",
        path="/ops/queue",
        tag=TAG,
        name="read_queue",
        summary="What waits and runs",
        description="Depth, age and lag of each connection and kind, what is held up, and which lanes are closed.",
        scopes=("ops:read",),
        answer="QueueState",
        headers=READ_HEADERS,
    ),
)
