"""Audit entries of operations: who did what to which record, without the content of the record."""

from app.audit.record import Entry
from app.writes.models import FieldChange, NewOperation, Operation


def entry(what: str, operation: Operation, *, actor: str, **facts: object) -> Entry:
    """Return the entry for a change of an operation's state by `actor`."""
    return Entry(
        type=what,
        subject=operation.id,
        actor=actor,
        correlation_id=operation.correlation_id,
        facts={
            "object": operation.object,
            "action": operation.action,
            "connection": operation.connection,
            "revision": operation.intent.revision,
            "effect": operation.effect,
            "remote_id": operation.remote_id or operation.intent.remote_id,
            "attempts": operation.attempts,
            **facts,
        },
    )


def first_entry(new: NewOperation, *, queued: bool) -> Entry:
    """Return the entry for a new operation: received, or sent if one commit records both."""
    intent = new.intent
    return Entry(
        type=f"operation.{new.phase}",
        subject=new.id,
        actor=new.principal,
        correlation_id=new.correlation_id,
        facts={
            "object": intent.object,
            "action": intent.action,
            "connection": intent.connection,
            "revision": intent.revision,
            "remote_id": intent.remote_id,
            "queued": queued,
            "callback": new.callback is not None,
            **({} if intent.part_of is None else {"part_of": intent.part_of}),
            **({} if new.phase == "received" else {"effect": new.effect, "attempts": 1}),
        },
    )


def entry_of_change(operation: Operation, change: FieldChange) -> Entry:
    """Return the entry for a watched field that a write changed. The caller is the writer, also if a worker ran it; the
    workflow is the correlation id."""
    return Entry(
        type="field.changed",
        subject=change.record,
        actor=operation.principal,
        correlation_id=operation.correlation_id,
        facts={
            "object": operation.object,
            "connection": operation.connection,
            "field": change.field,
            "before": change.before,
            "after": change.after,
            "writer": operation.principal,
            "workflow": operation.correlation_id,
            "operation": operation.id,
        },
    )
