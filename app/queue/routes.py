"""HTTP operation of the queue."""

from app.http.operation import Call, operation
from app.queue import state
from app.queue.deps import QueueDeps
from app.queue.state import QueueView


@operation("GET", "/ops/queue", tag="Operators", scopes=("ops:read",))
async def read_queue(call: Call) -> QueueView:
    """Show the state of the queue.

    Depth, age and lag by connection and kind, blocked records, and closed lanes.
    """
    return await state.read_queue(call.deps(QueueDeps))
