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
        description="Work that was given up and waits for a decision. Use `state` to list decided ones too.",
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
        summary="Read a dead letter",
        description="Shows the decoded payload, every attempt with its outcome and trace, and the possible next steps."
        " The payload contains personal data.",
        scopes=("ops:read",),
        answer="DeadLetterDetail",
        headers=READ_HEADERS,
    ),
    Call(
        method="post",
        path="/ops/dead-letters/{id}/redrive",
        tag=TAG,
        name="redrive_dead_letter",
        summary="Redrive a dead letter",
        description="Runs it again in its old place in the order of its record, under its old keys, with a full"
        " number of"
        " attempts. Send a payload to replace the old one, if the dead letter is `editable`. Audited.",
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
        summary="Discard a dead letter",
        description="Its work is not done. Work that it blocked continues. Audited, with the reason.",
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
        description="Redrives open dead letters that match now, oldest job first. One that fails again is not redriven"
        " twice. A worker continues the redrive, also after a restart. With `dry_run` nothing changes, and a"
        " 200 reports what would be redriven. Audited.",
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
        summary="Read the progress of a redrive",
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
        description="The batch in progress ends. Dead letters that were redriven stay redriven. Audited.",
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
        summary="Show the state of the queue",
        description="Depth, age and lag by connection and kind, blocked records, and closed lanes.",
        scopes=("ops:read",),
        answer="QueueState",
        headers=READ_HEADERS,
    ),
)
