"""Telling of the end of operations: an Event for whoever subscribes, and the callback that the caller has asked for."""

from typing import Final

import msgspec

from app.events.models import Callback, Events, NewEvent
from app.postgres.database import Transaction
from app.queue.models import Enqueuer
from app.writes.models import Operation
from app.writes.operation_view import view_of
from app.writes.queued import letter_job_of

FINISHED: Final = "operation.finished"


class CompletionEvents:
    """`operation_ports.OperationAnnouncer`: Events, and the jobs that deliver them, in the decision's transaction."""

    def __init__(self, events: Events, queue: Enqueuer) -> None:
        self._events = events
        self._queue = queue

    async def operation_finished(self, transaction: Transaction, operation: Operation) -> None:
        """The Event's data is the operation as `GET /v1/operations/{id}` shows it. A refusal that becomes a dead letter
        gets a job for that, where it has none: so neither is without the other, whoever dies in between."""
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
        jobs = [*await self._events.append(transaction, event)]
        if operation.is_letter and not operation.queued:
            jobs.append(letter_job_of(operation))
        await self._queue.enqueue(transaction, *jobs)


def _record(operation: Operation) -> str:
    """What the deliveries are in order with: the record's other Events, or nothing but themselves."""
    if operation.object == "comment":
        return f"ticket:{operation.intent.parent}"
    if operation.remote_id is not None:
        return f"{operation.object}:{operation.remote_id}"
    return operation.id
