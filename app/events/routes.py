"""The change feed, polling feeds, samples and subscriptions."""

import hashlib
from datetime import UTC, datetime
from typing import Final

from litestar import Response, route
from msgspec import Raw

from app.errors import NotFound
from app.events.deps import EventDeps
from app.events.feed import EVENT_ID, newest_of, read_events
from app.events.samples import sample_event
from app.events.subscriptions import (
    SubscriptionRequest,
    deliver_test,
    enable,
    get_subscription,
    list_subscriptions,
    rotate_secret,
    subscribe,
    unsubscribe,
)
from app.events.types import EVENT_PATTERNS, EVENT_TYPES
from app.http.admission import AnyRequest, admit, read_body
from app.http.body import decode_patch
from app.http.deps import deps_of
from app.http.plurals import PLURAL
from app.http.query import Query
from app.http.responses import Answered, json_response, link_next, page_response, resource_response
from app.problem_document import JSON
from canonical.parts import ObjectName

SAMPLED_AT: Final = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)
FEEDS: Final[dict[str, ObjectName]] = {PLURAL[name]: name for name in ("customer", "order", "ticket")}


@route("/v1/events", http_method=["GET"], name="list events")
async def list_events(request: AnyRequest) -> Answered:
    """The change feed, oldest first."""
    admitted = await admit(request, "events:read")
    query = Query(request, ("type", "after", "limit"), repeatable=("type",))
    patterns = query.choices("type", EVENT_PATTERNS)
    after = query.text("after")
    if after is not None and not EVENT_ID.fullmatch(after):
        query.complain("after", "is not the id of an event, which is evt_ and 36 hexadecimal digits")
    limit = query.whole("limit", 1, 250, 50)
    query.check()
    deps = deps_of(request, EventDeps)
    page = await read_events(deps, patterns=patterns, after=after, limit=limit, caller=admitted.caller)
    if page.has_more:
        link_next(request, page.next_cursor, "after")
    return json_response(page)


@route("/v1/feeds/{objects:str}", http_method=["GET"], name="read feed")
async def read_feed(request: AnyRequest) -> Answered:
    """The newest Events of one object as a bare array, newest first."""
    objects = request.path_params["objects"]
    name = FEEDS.get(objects)
    if name is None:
        await admit(request, None)
        raise NotFound(f"There is no feed of {objects[:80]!r}; there are: {', '.join(FEEDS)}.")
    await admit(request, f"{objects}:read")
    query = Query(request, ("type", "limit"), repeatable=("type",))
    patterns = query.choices("type", tuple(kind for kind in EVENT_PATTERNS if kind.startswith(f"{name}.")))
    limit = query.whole("limit", 1, 250, 50)
    query.check()
    return json_response(await newest_of(deps_of(request, EventDeps), name, patterns=patterns, limit=limit))


@route("/v1/samples/{event_type:str}", http_method=["GET"], name="read sample")
async def read_sample(request: AnyRequest) -> Answered:
    """One realistic Event of a type."""
    await admit(request, None)
    Query(request, ()).check()
    kind = request.path_params["event_type"]
    if kind not in EVENT_TYPES:
        raise NotFound(f"There is no event {kind[:80]!r}; there are: {', '.join(EVENT_TYPES)}.")
    sample = sample_event(kind, timestamp=SAMPLED_AT)
    return resource_response(request, Raw(sample), f'"{hashlib.sha256(sample).hexdigest()[:32]}"')


READ = "subscriptions:read"
WRITE = "subscriptions:write"


@route("/v1/subscriptions", http_method=["GET"], name="list subscriptions")
async def list_all(request: AnyRequest) -> Answered:
    """All subscriptions, newest first."""
    await admit(request, READ)
    query = Query(request, ("limit", "cursor"))
    limit = query.whole("limit", 1, 250, 50)
    after = query.text("cursor", 80)
    if after is not None and not after.startswith("sub_"):
        query.complain("cursor", "is not a cursor of this list")
    query.check()
    return page_response(request, await list_subscriptions(deps_of(request, EventDeps), after=after, limit=limit))


@route("/v1/subscriptions", http_method=["POST"], name="create subscription", status_code=201)
async def create(request: AnyRequest) -> Answered:
    """A new subscription, with the only sight of its secret."""
    admitted = await admit(request, WRITE)
    wanted = decode_patch(await read_body(request, (JSON,)), SubscriptionRequest)
    Query(request, ()).check()
    made = await subscribe(deps_of(request, EventDeps), wanted, admitted.caller)
    return json_response(made, status=201, headers={"location": f"/v1/subscriptions/{made.id}"})


@route("/v1/subscriptions/{id:str}", http_method=["GET"], name="read subscription")
async def read_one(request: AnyRequest) -> Answered:
    """One subscription, and how it stands with it."""
    await admit(request, READ)
    Query(request, ()).check()
    return json_response(await get_subscription(deps_of(request, EventDeps), request.path_params["id"]))


@route("/v1/subscriptions/{id:str}", http_method=["DELETE"], name="delete subscription", status_code=200)
async def delete(request: AnyRequest) -> Answered:
    """No subscription of this id is left, whether there was one or not."""
    admitted = await admit(request, WRITE)
    await read_body(request, ())
    Query(request, ()).check()
    await unsubscribe(deps_of(request, EventDeps), request.path_params["id"], principal=admitted.caller.principal)
    return Response(b"", status_code=204)


@route("/v1/subscriptions/{id:str}/rotate-secret", http_method=["POST"], name="rotate secret", status_code=200)
async def rotate(request: AnyRequest) -> Answered:
    """Another secret; the old one signs for a day more."""
    admitted = await admit(request, WRITE)
    await read_body(request, ())
    Query(request, ()).check()
    view = await rotate_secret(
        deps_of(request, EventDeps), request.path_params["id"], principal=admitted.caller.principal
    )
    return json_response(view)


@route("/v1/subscriptions/{id:str}/test", http_method=["POST"], name="test subscription", status_code=200)
async def test(request: AnyRequest) -> Answered:
    """A sample Event is sent at once; the answer tells what came of it."""
    admitted = await admit(request, WRITE)
    await read_body(request, ())
    Query(request, ()).check()
    deps = deps_of(request, EventDeps)
    return json_response(await deliver_test(deps, request.path_params["id"], correlation_id=admitted.correlation_id))


@route("/v1/subscriptions/{id:str}/enable", http_method=["POST"], name="enable subscription", status_code=200)
async def enable_again(request: AnyRequest) -> Answered:
    """What has waited is delivered, and what comes."""
    admitted = await admit(request, WRITE)
    await read_body(request, ())
    Query(request, ()).check()
    view = await enable(deps_of(request, EventDeps), request.path_params["id"], admitted.caller)
    return json_response(view)


HANDLERS: Final = (
    list_events,
    read_feed,
    read_sample,
    list_all,
    create,
    read_one,
    delete,
    rotate,
    test,
    enable_again,
)
