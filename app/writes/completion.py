"""Publish the end of an operation: what it changed, an Event for its subscribers, and the callback of its caller."""

from typing import Final

import msgspec

from app.events.models import Callback, Cause, NewEvent, RecordChange
from app.events.record_changes import event_of
from app.postgres.database import Transaction
from app.queue.models import NewJob
from app.writes.deps import CompletionDeps
from app.writes.models import NextJob, Operation
from app.writes.operation_view import view_of
from app.writes.queued import dead_letter_job_of

FINISHED: Final = "operation.finished"


async def announce(
    deps: CompletionDeps,
    transaction: Transaction,
    operation: Operation,
    *,
    finished: bool,
    change: RecordChange | None = None,
) -> None:
    """Keep the state of the record that the write changed, append its Event and that of the operation, and enqueue
    their deliveries. Raises StateMoved.

    A refusal that becomes a dead letter gets its job here, if it has none. So a crash cannot leave one without the
    other.
    """
    events = [_finished(operation)] if finished else []
    if change is not None and not change.lags:
        await deps.states.replace(transaction, change)
        if change.type is not None:
            events.insert(0, _changed(operation, change))
    jobs = [*await deps.events.append(transaction, *events)]
    copied = operation.intent.copy_of
    if operation.outcome == "succeeded" and copied is not None and copied.next_job is not None:
        jobs.append(_next_job(operation, copied.next_job))
    if finished and operation.is_dead_letter and not operation.queued:
        jobs.append(dead_letter_job_of(operation))
    await deps.queue.enqueue(transaction, *jobs)


def _changed(operation: Operation, change: RecordChange) -> NewEvent:
    return msgspec.structs.replace(
        event_of(change, origin=operation.id),
        caused_by=Cause(operation_id=operation.id, correlation_id=operation.correlation_id),
        visited=() if operation.intent.copy_of is None else operation.intent.copy_of.visited,
        correlation_id=operation.correlation_id,
        traceparent=operation.traceparent,
    )


def _next_job(operation: Operation, following: NextJob) -> NewJob:
    return NewJob(
        kind=following.kind,
        payload=following.payload,
        connection=operation.connection,
        dedupe_key=operation.id,
        correlation_id=operation.correlation_id,
        traceparent=operation.traceparent,
        origin=operation.id,
    )


def _finished(operation: Operation) -> NewEvent:
    """Return the Event whose data is the operation as `GET /v1/operations/{id}` shows it."""
    return NewEvent(
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


def _record(operation: Operation) -> str:
    """Return the record that orders the deliveries, or the operation's own id where no record is known."""
    if operation.object == "comment":
        return f"ticket:{operation.intent.parent}"
    if operation.remote_id is not None:
        return f"{operation.object}:{operation.remote_id}"
    return operation.id
