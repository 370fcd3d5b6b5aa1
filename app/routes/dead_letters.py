"""Dead letters: what has failed for good, and what a person decides about it."""

from typing import Any, Final, TypeVar, get_args

import msgspec
from litestar import route
from msgspec import Struct

from app.dead_letter_ports import DeadLetterFilter, DeadLetterState
from app.errors import UnsupportedMediaType
from app.flows.dead_letters import (
    DiscardOrder,
    RedriveOrder,
    discard_dead_letter,
    list_dead_letters,
    read_dead_letter,
    redrive_dead_letter,
)
from app.flows.decode import decode_patch
from app.problem_document import JSON
from app.queue_ports import DeathCategory
from app.routes.admission import AnyRequest, admit, read_body
from app.routes.answers import json_response, page_response
from app.routes.queries import Query
from app.routes.resources import Answered
from app.routes.services import services_of

S = TypeVar("S", bound=Struct)

STATES: Final[tuple[str, ...]] = (*get_args(DeadLetterState), "all")
FILTERS: Final = ("state", "connection", "kind", "category", "since", "correlation_id")


@route("/ops/dead-letters", http_method=["GET"], name="list dead letters")
async def list_all(request: AnyRequest) -> Answered:
    """Those that are open unless another state is asked for, newest first."""
    await admit(request, "ops:read")
    query = Query(request, (*FILTERS, "limit", "cursor"))
    which = read_filter(query)
    limit = query.whole("limit", 1, 250, 50)
    after = query.text("cursor", 80)
    if after is not None and not after.startswith("dl_"):
        query.complain("cursor", "is not a cursor of this list")
    query.check()
    return page_response(
        request, await list_dead_letters(services_of(request).operators, which, after=after, limit=limit)
    )


@route("/ops/dead-letters/{id:str}", http_method=["GET"], name="read dead letter")
async def read_one(request: AnyRequest) -> Answered:
    """One with its payload, every attempt, and what can be done about it."""
    await admit(request, "ops:read")
    Query(request, ()).check()
    services = services_of(request)
    return json_response(
        await read_dead_letter(services.operators, request.path_params["id"], trace_url=services.trace_url)
    )


@route("/ops/dead-letters/{id:str}/redrive", http_method=["POST"], name="redrive dead letter", status_code=200)
async def redrive(request: AnyRequest) -> Answered:
    """Run it again, with its own payload or an edited one."""
    admitted = await admit(request, "ops:write")
    order = await _read_optional(request, RedriveOrder)
    Query(request, ()).check()
    letter = await redrive_dead_letter(
        services_of(request).operators, request.path_params["id"], order, actor=admitted.caller.principal
    )
    return json_response(letter)


@route("/ops/dead-letters/{id:str}/discard", http_method=["POST"], name="discard dead letter", status_code=200)
async def discard(request: AnyRequest) -> Answered:
    """Let it go, for a reason."""
    admitted = await admit(request, "ops:write")
    order = decode_patch(await read_body(request, (JSON,)), DiscardOrder)
    Query(request, ()).check()
    letter = await discard_dead_letter(
        services_of(request).operators, request.path_params["id"], order, actor=admitted.caller.principal
    )
    return json_response(letter)


def read_filter(query: Query) -> DeadLetterFilter:
    """The filter that the parameters spell."""
    state = query.choice("state", STATES) or "open"
    return msgspec.convert(
        {
            "state": None if state == "all" else state,
            "connection": query.text("connection"),
            "kind": query.text("kind"),
            "category": query.choice("category", get_args(DeathCategory)),
            "since": query.instant("since"),
            "correlation_id": query.text("correlation_id", 128),
        },
        DeadLetterFilter,
    )


async def _read_optional(request: AnyRequest, into: type[S]) -> S:
    """A body that may be left out whole. Raises like `read_body` and `decode_patch`."""
    named: Any = request.headers.get("content-type")
    body = await read_body(request, () if named is None else (JSON,))
    if not body:
        return into()
    if named is None:
        raise UnsupportedMediaType(f"The body must be {JSON}.")
    return decode_patch(body, into)
