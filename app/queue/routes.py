"""The queue as it is now."""

from typing import Final

from litestar import route

from app.http.admission import AnyRequest, admit
from app.http.deps import deps_of
from app.http.query import Query
from app.http.responses import Answered, json_response
from app.queue.deps import QueueDeps
from app.queue.state import read_queue


@route("/ops/queue", http_method=["GET"], name="read queue")
async def read(request: AnyRequest) -> Answered:
    """Depth, age and lag of each connection and kind, what is held up, and which lanes are closed."""
    await admit(request, "ops:read")
    Query(request, ()).check()
    return json_response(await read_queue(deps_of(request, QueueDeps)))


HANDLERS: Final = (read,)
