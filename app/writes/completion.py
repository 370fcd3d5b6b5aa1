"""Publish the end of an operation: an Event for its subscribers, and the callback that its caller asked for."""

from typing import Final

import msgspec

from app.events.models import Callback, NewEvent
from app.postgres.database import Transaction
from app.writes.deps import CompletionDeps
from app.writes.models import Operation
from app.writes.operation_view import view_of
from app.writes.queued import dead_letter_job_of

FINISHED: Final = "operation.finished"


async def announce(deps: CompletionDeps, transaction: Transaction, operation: Operation) -> None:
    """Append the Event, whose data is the operation as `GET /v1/operations/{id}` shows it, and enqueue its deliveries.

    A refusal that becomes a dead letter gets its job here, if it has none. So a crash cannot leave one without the
    other.
    """
    event = NewEvent(
        type=FINISHED,
        data=msgspec.json.encode(view_of(operation)),
        connection=operation.connection,
        record=_record(operation),
        shows=(operation.object,),
        origin=operation.id,
        correlation_id=operation.correlation_id,
        traceparent=operation.traceparent,
        callback=None
        if operation.callback is None
        else Callback(target_url=operation.callback, principal=operation.principal),
    )
    jobs = [*await deps.events.append(transaction, event)]
    if operation.is_dead_letter and not operation.queued:
        jobs.append(dead_letter_job_of(operation))
    await deps.queue.enqueue(transaction, *jobs)


def _record(operation: Operation) -> str:
    """Return the record that orders the deliveries, or the operation's own id where no record is known."""
    if operation.object == "comment":
        return f"ticket:{operation.intent.parent}"
    if operation.remote_id is not None:
        return f"{operation.object}:{operation.remote_id}"
    return operation.id
