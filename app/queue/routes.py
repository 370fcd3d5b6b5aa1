"""HTTP operation of the queue."""

from typing import Final

from app.http.operation import Call, operation
from app.http.responses import Answered, json_response
from app.queue import state
from app.queue.deps import QueueDeps
from app.queue.state import QueueView


@operation("GET", "/ops/queue", tag="Operators", scopes=("ops:read",), answer=QueueView)
async def read_queue(call: Call) -> Answered:
    """Show the state of the queue.

    Depth, age and lag by connection and kind, blocked records, and closed lanes.
    """
    return json_response(await state.read_queue(call.deps(QueueDeps)))


HANDLERS: Final = (read_queue,)
