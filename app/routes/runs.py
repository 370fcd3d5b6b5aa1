"""One run: everything that is known of a correlation id, in order."""

from typing import Final

from litestar import route

from app.flows.runs import tell_run
from app.routes.admission import AnyRequest, admit
from app.routes.answers import json_response, link_next
from app.routes.edge import path_of
from app.routes.queries import Query
from app.routes.resources import Answered
from app.routes.services import services_of

BASE: Final = "/ops/runs/"


@route("/ops/runs/{correlation_id:path}", http_method=["GET"], name="tell run")
async def tell(request: AnyRequest) -> Answered:
    """The story of a run, oldest first, with the vendors' request ids and the way into its trace."""
    await admit(request, "ops:read")
    query = Query(request, ("limit", "cursor"))
    limit = query.whole("limit", 1, 250, 50)
    cursor = query.text("cursor", 2000)
    query.check()
    services = services_of(request)
    story = await tell_run(
        services.operators.runs,
        path_of(request.scope).removeprefix(BASE),  # the whole rest, as a correlation id may hold slashes
        trace_url=services.trace_url,
        cursors=services.cursors,
        cursor=cursor,
        limit=limit,
    )
    link_next(request, story.next_cursor)
    return json_response(story)
