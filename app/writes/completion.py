"""Publish the end of an operation: what it changed, an Event for its subscribers, and the callback of its caller."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from app.events.models import Callback, Cause, NewEvent, OwnWrite, PreparedEvents, RecordChange, SeenState
from app.events.record_changes import events_of
from app.events.statements import EVENT_VALUES, STATE_VALUES
from app.events.types import APPROVAL_REQUESTED
from app.links.statements import NEW_RECORD_VALUES
from app.postgres.database import Database, Transaction
from app.queue.models import NewJob
from app.writes.copied_comments import name_copy
from app.writes.copy_models import CopyConflict, CopyResult, NextJob
from app.writes.deps import CompletionDeps
from app.writes.models import Operation, Publication, Success
from app.writes.operation_view import view_of
from app.writes.queued import dead_letter_job_of
from app.writes.withhold import withheld_view

FINISHED: Final = "operation.finished"
CONFLICT: Final = "copy.conflict"
NO_STATE: Final = dict.fromkeys(STATE_VALUES)
NO_EVENT: Final = dict.fromkeys(EVENT_VALUES)
NO_NEW_RECORD: Final = dict.fromkeys(NEW_RECORD_VALUES)


class Completion:
    """Implements `writes.models.Completes`. Remembers which types of Event had a subscriber, so that a write that none
    waits for is settled by one statement."""

    def __init__(self, deps: CompletionDeps) -> None:
        self._deps = deps
        self._wanted: set[tuple[str, str]] = set()

    async def request_approval(self, transaction: Transaction, operation: Operation) -> None:
        """Append the Event by which those who approve learn of an operation, and enqueue its deliveries."""
        event = _operational(APPROVAL_REQUESTED, operation)
        await self._deps.queue.enqueue(transaction, *await self._deps.events.append(transaction, event))

    async def announce(self, transaction: Transaction, operation: Operation, *, success: Success | None = None) -> None:
        """Keep the state of the record that the write changed, append its Event and that of the operation, and enqueue
        their deliveries. Raises StateMoved.

        A refusal that becomes a dead letter gets its job here, if it has none. So a crash cannot leave one without the
        other.
        """
        change, copied = (None, None) if success is None else (success.change, success.copied)
        kept = await self._keep(transaction, operation, copied)
        if change is not None and not change.lags:
            await self._deps.states.replace(transaction, _written(operation, change))
        changes = () if change is None else _changes(operation, change)
        events = (*changes, *kept, _finished(operation))
        jobs = await self._deps.events.append(transaction, *events)
        await self._enqueue(transaction, operation, jobs, finished=True)

    async def prepare(self, session: Database, operation: Operation, success: Success | None) -> Publication:
        """Return what the statement that settles a write publishes."""
        change = None if success is None else success.change
        new = None if success is None else success.new
        events = () if change is None else _changes(operation, change)
        prepared = await self._deps.events.prepare(session, *events[:1])
        kept = None if change is None or change.lags else self._deps.states.row_of(_written(operation, change))
        return Publication(
            values={
                **(NO_STATE if kept is None else dict(zip(STATE_VALUES, kept, strict=True))),
                **(NO_EVENT if not prepared.rows else dict(zip(EVENT_VALUES, prepared.rows[0], strict=True))),
                **(NO_NEW_RECORD if new is None else dict(zip(NEW_RECORD_VALUES, new.row(), strict=True))),
            },
            prepared=prepared,
            wanted=_is_announced(operation)
            or len(events) > 1
            or operation.intent.copy_of is not None  # its end may enqueue a job, which one statement does not
            or (self._deps.events.has_consumers and bool(events))
            or not self._wanted.isdisjoint(_kinds(prepared)),
            further=events[1:],
            copied=None if success is None else success.copied,
        )

    async def deliver(
        self, transaction: Transaction, operation: Operation, published: Publication, rows: Sequence[Any]
    ) -> None:
        """Enqueue the deliveries of a published change, `rows`, and append and deliver the Events that follow: further
        ones of the change, and that of the operation if its end is announced."""
        finished = _is_announced(operation)
        subscribed = any(row["subscription"] for row in rows)
        (self._wanted.update if subscribed else self._wanted.difference_update)(_kinds(published.prepared))
        events, appended = self._deps.events, [row for row in rows if row["number"] is not None]
        jobs = [*await events.deliver(transaction, published.prepared, appended)]
        kept = await self._keep(transaction, operation, published.copied)
        ends = [_finished(operation)] if finished else []
        jobs += await events.append(transaction, *published.further, *kept, *ends)
        await self._enqueue(transaction, operation, jobs, finished=finished)

    def last_state(self, row: Any, operation: Operation) -> SeenState | None:
        """Return the last-seen state of the record in a row that has it."""
        if operation.remote_id is None:
            return None
        return self._deps.states.open(row, operation.object, operation.connection, operation.remote_id)

    async def _keep(
        self, transaction: Transaction, operation: Operation, copied: CopyResult | None
    ) -> tuple[NewEvent, ...]:
        """Keep the base of a copy, and return the Event of its conflict, if it has one."""
        if copied is None:
            return ()
        await self._deps.bases.keep(transaction, copied)
        return () if copied.conflict is None else (_conflict(operation, copied.conflict),)

    async def _enqueue(
        self, transaction: Transaction, operation: Operation, jobs: Sequence[NewJob], *, finished: bool
    ) -> None:
        following = None if operation.intent.copy_of is None else operation.intent.copy_of.next_job
        if operation.outcome == "succeeded" and following is not None:
            jobs = (*jobs, _next_job(operation, following))
        if operation.object == "comment" and operation.outcome == "succeeded" and operation.remote_id is not None:
            await name_copy(transaction, operation.id, operation.remote_id)
        if finished and operation.is_dead_letter and not operation.queued:
            jobs = (*jobs, dead_letter_job_of(operation))
        await self._deps.queue.enqueue(transaction, *jobs)


def _is_announced(operation: Operation) -> bool:
    """Return whether an Event reports the end, because the caller may not have waited for it."""
    return operation.queued or operation.deferred or operation.callback is not None


def _kinds(prepared: PreparedEvents) -> set[tuple[str, str]]:
    return {(new.type, new.connection or "") for new in prepared.events}


def _written(operation: Operation, change: RecordChange) -> RecordChange:
    """Return the change with the write that made it, by which its webhooks are recognised as an echo."""
    write = OwnWrite(
        operation_id=operation.id,
        correlation_id=operation.correlation_id,
        traceparent=operation.traceparent,
        at=datetime.now(UTC),
    )
    return msgspec.structs.replace(change, written_by=write)


def _changes(operation: Operation, change: RecordChange) -> tuple[NewEvent, ...]:
    """Return the Events of the change, if it has any. What somebody else changed has not come through the connections
    that a copy has, so a mixed change goes to all of them. The bases of the copies stop the rest of it."""
    if change.lags:
        return ()
    copied = operation.intent.copy_of
    return events_of(
        change,
        origin=operation.id,
        caused_by=Cause(operation_id=operation.id, correlation_id=operation.correlation_id),
        visited=() if copied is None or change.is_mixed else copied.visited,
        traceparent=operation.traceparent,
    )


def _conflict(operation: Operation, conflict: CopyConflict) -> NewEvent:
    return NewEvent(
        type=CONFLICT,
        data=msgspec.json.encode(conflict),
        connection=conflict.connection,
        record=f"{conflict.object}:{conflict.remote_id}",
        shows=(conflict.object,),
        origin=operation.id,
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


def _operational(event_type: str, operation: Operation) -> NewEvent:
    """Return the Event whose data is the operation as `GET /v1/operations/{id}` shows it."""
    return NewEvent(
        type=event_type,
        data=msgspec.json.encode(view_of(operation)),
        connection=operation.connection,
        record=_record(operation),
        shows=(operation.object,),
        origin=operation.id,
        correlation_id=operation.correlation_id,
        traceparent=operation.traceparent,
    )


def _finished(operation: Operation) -> NewEvent:
    """Return the Event of an end, which the callback of the caller gets too."""
    return msgspec.structs.replace(
        _operational(FINISHED, operation),
        callback=None
        if operation.callback is None
        else Callback(
            target_url=operation.callback,
            principal=operation.principal,
            withheld=msgspec.json.encode(withheld_view(operation, view_of(operation), is_own=True)),
        ),
    )


def _record(operation: Operation) -> str:
    """Return the record that orders the deliveries, or the operation's own id where no record is known."""
    if operation.object == "comment":
        return f"ticket:{operation.intent.parent}"
    if operation.remote_id is not None:
        return f"{operation.object}:{operation.remote_id}"
    return operation.id
