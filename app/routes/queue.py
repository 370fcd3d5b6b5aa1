"""The queue as it is now."""

from litestar import route

from app.flows.queue_state import read_queue
from app.routes.admission import AnyRequest, admit
from app.routes.answers import json_response
from app.routes.queries import Query
from app.routes.resources import Answered
from app.routes.services import services_of


@route("/ops/queue", http_method=["GET"], name="read queue")
async def read(request: AnyRequest) -> Answered:
    """Depth, age and lag of each connection and kind, what is held up, and which lanes are closed."""
    await admit(request, "ops:read")
    Query(request, ()).check()
    return json_response(await read_queue(services_of(request).operators))
