"""Events for those who come and ask: the change feed, feeds for polling triggers, samples for trigger editors."""

import hashlib
from datetime import UTC, datetime
from typing import Final

from litestar import route
from msgspec import Raw

from app.errors import NotFound
from app.event_types import EVENT_PATTERNS, EVENT_TYPES
from app.flows.feeds import EVENT_ID, newest_of, read_events
from app.flows.locate import PLURAL
from app.flows.samples import sample_event
from app.routes.admission import AnyRequest, admit
from app.routes.answers import json_response, link_next, resource_response
from app.routes.queries import Query
from app.routes.resources import Answered
from app.routes.services import services_of
from canonical.parts import ObjectName

SAMPLED_AT: Final = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)
FEEDS: Final[dict[str, ObjectName]] = {PLURAL[name]: name for name in ("customer", "order", "ticket")}


@route("/v1/events", http_method=["GET"], name="list events")
async def list_events(request: AnyRequest) -> Answered:
    """The change feed, oldest first."""
    await admit(request, "events:read")
    query = Query(request, ("type", "after", "limit"), repeatable=("type",))
    patterns = query.choices("type", EVENT_PATTERNS)
    after = query.text("after")
    if after is not None and not EVENT_ID.fullmatch(after):
        query.complain("after", "is not the id of an event, which is evt_ and 36 hexadecimal digits")
    limit = query.whole("limit", 1, 250, 50)
    query.check()
    page = await read_events(services_of(request).seam, patterns=patterns, after=after, limit=limit)
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
    return json_response(await newest_of(services_of(request).seam, name, patterns=patterns, limit=limit))


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
