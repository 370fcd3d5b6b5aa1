"""Dead letters and bulk redrives."""

from typing import Any, Final, TypeVar, get_args

import msgspec
from litestar import route
from msgspec import Struct

from app.dead_letters.bulk_redrive import (
    RedriveRequest,
    cancel_redrive,
    list_redrives,
    preview_redrive,
    read_redrive,
    start_redrive,
)
from app.dead_letters.deps import DeadLetterDeps
from app.dead_letters.discard import DiscardOrder, discard_dead_letter
from app.dead_letters.inspect import list_dead_letters, read_dead_letter
from app.dead_letters.models import DeadLetterFilter
from app.dead_letters.redrive import RedriveOrder, redrive_dead_letter
from app.errors import UnsupportedMediaType
from app.http.admission import AnyRequest, admit, read_body
from app.http.body import decode_patch
from app.http.deps import HttpDeps, deps_of
from app.http.query import Query
from app.http.responses import Answered, json_response, page_response
from app.problem_document import JSON
from app.queue.models import DeadLetterState, DeathCategory

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
        request, await list_dead_letters(deps_of(request, DeadLetterDeps), which, after=after, limit=limit)
    )


@route("/ops/dead-letters/{id:str}", http_method=["GET"], name="read dead letter")
async def read_one(request: AnyRequest) -> Answered:
    """One with its payload, every attempt, and what can be done about it."""
    await admit(request, "ops:read")
    Query(request, ()).check()
    return json_response(
        await read_dead_letter(
            deps_of(request, DeadLetterDeps),
            request.path_params["id"],
            trace_url=deps_of(request, HttpDeps).trace_url,
        )
    )


@route("/ops/dead-letters/{id:str}/redrive", http_method=["POST"], name="redrive dead letter", status_code=200)
async def redrive(request: AnyRequest) -> Answered:
    """Run it again, with its own payload or an edited one."""
    admitted = await admit(request, "ops:write")
    order = await _read_optional(request, RedriveOrder)
    Query(request, ()).check()
    letter = await redrive_dead_letter(
        deps_of(request, DeadLetterDeps), request.path_params["id"], order, actor=admitted.caller.principal
    )
    return json_response(letter)


@route("/ops/dead-letters/{id:str}/discard", http_method=["POST"], name="discard dead letter", status_code=200)
async def discard(request: AnyRequest) -> Answered:
    """Let it go, for a reason."""
    admitted = await admit(request, "ops:write")
    order = decode_patch(await read_body(request, (JSON,)), DiscardOrder)
    Query(request, ()).check()
    letter = await discard_dead_letter(
        deps_of(request, DeadLetterDeps), request.path_params["id"], order, actor=admitted.caller.principal
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


PATH: Final = "/ops/redrives"


@route(PATH, http_method=["POST"], name="start redrive", status_code=201)
async def start_bulk(request: AnyRequest) -> Answered:
    """Begin one that a worker carries on, or only tell what it would take."""
    admitted = await admit(request, "ops:write")
    wanted = decode_patch(await read_body(request, (JSON,)), RedriveRequest)
    Query(request, ()).check()
    deps = deps_of(request, DeadLetterDeps)
    if wanted.dry_run:
        return json_response(await preview_redrive(deps, wanted))
    redrive = await start_redrive(deps, wanted, actor=admitted.caller.principal, correlation_id=admitted.correlation_id)
    return json_response(redrive, status=201, headers={"location": f"{PATH}/{redrive.id}"})


@route(PATH, http_method=["GET"], name="list redrives")
async def list_bulk(request: AnyRequest) -> Answered:
    """Every redrive, newest first."""
    await admit(request, "ops:read")
    query = Query(request, ("limit", "cursor"))
    limit = query.whole("limit", 1, 250, 50)
    after = query.text("cursor", 80)
    if after is not None and not after.startswith("rdv_"):
        query.complain("cursor", "is not a cursor of this list")
    query.check()
    return page_response(request, await list_redrives(deps_of(request, DeadLetterDeps), after=after, limit=limit))


@route("/ops/redrives/{id:str}", http_method=["GET"], name="read redrive")
async def read_bulk(request: AnyRequest) -> Answered:
    """How far it has come, and when it will be through."""
    await admit(request, "ops:read")
    Query(request, ()).check()
    return json_response(await read_redrive(deps_of(request, DeadLetterDeps), request.path_params["id"]))


@route("/ops/redrives/{id:str}/cancel", http_method=["POST"], name="cancel redrive", status_code=200)
async def cancel_bulk(request: AnyRequest) -> Answered:
    """Go on no more."""
    admitted = await admit(request, "ops:write")
    await read_body(request, ())
    Query(request, ()).check()
    redrive = await cancel_redrive(
        deps_of(request, DeadLetterDeps), request.path_params["id"], actor=admitted.caller.principal
    )
    return json_response(redrive)


HANDLERS: Final = (
    list_all,
    read_one,
    redrive,
    discard,
    start_bulk,
    list_bulk,
    read_bulk,
    cancel_bulk,
)
