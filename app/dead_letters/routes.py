"""HTTP operations of dead letters and bulk redrives."""

from typing import Final, get_args

from app.dead_letters import bulk_redrive, decide, inspect
from app.dead_letters.bulk_redrive import DryRun, RedriveRequest, RedriveView
from app.dead_letters.decide import DiscardOrder, RedriveOrder
from app.dead_letters.deps import DeadLetterDeps
from app.dead_letters.models import DeadLetterFilter
from app.dead_letters.views import DeadLetterDetail, DeadLetterView
from app.http.deps import HttpDeps
from app.http.operation import Call, JsonBody, Listing, operation
from app.http.paging import Page
from app.http.parameters import LIMIT, PathText, choice, cursor, instant, text
from app.http.responses import Answered, json_response
from app.queue.models import DeadLetterState, DeathCategory
from app.vendors.models import Connections

TAG: Final = "Operators"
READ: Final = ("ops:read",)
WRITE: Final = ("ops:write",)
DECIDED: Final = ("state-conflict",)
ID: Final = PathText("id", "The dead letter's id.", "dl_0198f0a2b7c47d3c9a51f2e80b6c4d17")
REDRIVE_ID: Final = PathText("id", "The redrive's id.", "rdv_0198f0a2b7c47d3c9a51f2e80b6c4d17")
FILTERS: Final = (
    choice(
        "state",
        "Only dead letters in this state.",
        (*get_args(DeadLetterState), "all"),
        example="open",
        default="open",
    ),
    text("connection", "Only this connection.", "hubspot"),
    text("kind", "Only this kind of work.", "ingest"),
    choice("category", "Only this kind of failure.", get_args(DeathCategory), example="transient"),
    instant("since", "Only those given up at or after this time"),
    text("correlation_id", "Only this run.", "orders-4711-1767225600000", longest=128),
    text("reason", "Only this reason.", "vendor-unavailable", longest=1000),
    text(
        "path",
        "Only failures at this place; `[*]` is every row or item, `-` no place.",
        "$.properties.email",
        longest=1000,
    ),
)
CURSOR: Final = cursor("dl_.*")
REDRIVE_CURSOR: Final = cursor("rdv_.*")
REDRIVE: Final = JsonBody(
    into=RedriveOrder,
    example={"payload": {"receipt": "in_0198f0a2b7c47d3c9a51f2e80b6c4d17", "payload": {"objectId": 1051}}},
    optional=True,
)
DISCARD: Final = JsonBody(into=DiscardOrder, example={"because": "the customer was merged by hand"})
START: Final = JsonBody(
    into=RedriveRequest,
    example={"filter": {"connection": "hubspot", "category": "transient"}, "rate_per_second": 20},
)


@operation(
    "GET",
    "/ops/dead-letters",
    tag=TAG,
    scopes=READ,
    query=(*FILTERS, LIMIT, CURSOR),
    answer=Listing(item=DeadLetterView, meaning="A page of dead letters."),
)
async def list_dead_letters(call: Call) -> Page:
    """List dead letters, newest first.

    Work that was given up and waits for a decision. Use `state` to list decided ones too.
    """
    deps, which = call.deps(DeadLetterDeps), call.filter(DeadLetterFilter, FILTERS)
    page = await inspect.list_dead_letters(deps, which, after=call.query(CURSOR), limit=call.query(LIMIT))
    if not page.data:
        await inspect.refuse_unknown(deps, call.deps(Connections), which.connection)
    return page


@operation("GET", "/ops/dead-letters/{id}", tag=TAG, scopes=READ, parameters=(ID,))
async def read_dead_letter(call: Call) -> DeadLetterDetail:
    """Read a dead letter.

    Shows the decoded payload, every attempt with its outcome and trace, and the possible next steps. The payload
    contains personal data.
    """
    trace_url = call.deps(HttpDeps).trace_url
    return await inspect.read_dead_letter(call.deps(DeadLetterDeps), call.path("id"), trace_url=trace_url)


@operation(
    "POST", "/ops/dead-letters/{id}/redrive", tag=TAG, scopes=WRITE, parameters=(ID,), body=REDRIVE, problems=DECIDED
)
async def redrive_dead_letter(call: Call) -> DeadLetterView:
    """Redrive a dead letter.

    Runs it again in its old place in the order of its record, under its old keys, with a full number of attempts. Send
    a payload to replace the old one, if the dead letter is `editable`. Audited.
    """
    deps, order = call.deps(DeadLetterDeps), call.body(REDRIVE)
    return await decide.redrive_dead_letter(deps, call.path("id"), order, actor=call.caller.principal)


@operation(
    "POST", "/ops/dead-letters/{id}/discard", tag=TAG, scopes=WRITE, parameters=(ID,), body=DISCARD, problems=DECIDED
)
async def discard_dead_letter(call: Call) -> DeadLetterView:
    """Discard a dead letter.

    Its work is not done. Work that it blocked continues. Audited, with the reason.
    """
    deps, order = call.deps(DeadLetterDeps), call.body(DISCARD)
    return await decide.discard_dead_letter(deps, call.path("id"), order, actor=call.caller.principal)


@operation(
    "POST",
    "/ops/redrives",
    tag=TAG,
    scopes=WRITE,
    body=START,
    status=201,
    answer=RedriveView,
    also={200: DryRun},
    sends=("Location",),
)
async def start_redrive(call: Call) -> Answered:
    """Redrive many dead letters.

    Redrives open dead letters that match now, oldest job first. One that fails again is not redriven twice. A worker
    continues the redrive, also after a restart. With `dry_run` nothing changes, and a 200 reports what would be
    redriven. Audited.
    """
    deps, wanted = call.deps(DeadLetterDeps), call.body(START)
    await inspect.refuse_unknown(deps, call.deps(Connections), wanted.filter.connection)
    if wanted.dry_run:
        return json_response(await bulk_redrive.preview_redrive(deps, wanted))
    started = await bulk_redrive.start_redrive(
        deps, wanted, actor=call.caller.principal, correlation_id=call.correlation_id
    )
    return json_response(started, status=201, headers={"location": f"/ops/redrives/{started.id}"})


@operation(
    "GET",
    "/ops/redrives",
    tag=TAG,
    scopes=READ,
    query=(LIMIT, REDRIVE_CURSOR),
    answer=Listing(item=RedriveView, meaning="A page of redrives."),
)
async def list_redrives(call: Call) -> Page:
    """List redrives, newest first."""
    after, limit = call.query(REDRIVE_CURSOR), call.query(LIMIT)
    return await bulk_redrive.list_redrives(call.deps(DeadLetterDeps), after=after, limit=limit)


@operation("GET", "/ops/redrives/{id}", tag=TAG, scopes=READ, parameters=(REDRIVE_ID,))
async def read_redrive(call: Call) -> RedriveView:
    """Read the progress of a redrive."""
    return await bulk_redrive.read_redrive(call.deps(DeadLetterDeps), call.path("id"))


@operation("POST", "/ops/redrives/{id}/cancel", tag=TAG, scopes=WRITE, parameters=(REDRIVE_ID,), problems=DECIDED)
async def cancel_redrive(call: Call) -> RedriveView:
    """Cancel a redrive.

    The batch in progress ends. Dead letters that were redriven stay redriven. Audited.
    """
    deps, actor = call.deps(DeadLetterDeps), call.caller.principal
    return await bulk_redrive.cancel_redrive(deps, call.path("id"), actor=actor)
