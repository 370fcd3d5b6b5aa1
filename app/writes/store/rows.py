"""What is stored of operations: rows, whose intent, answer, problem and callback are encrypted, each bound to its row,
and audit entries, which say who did what to which record without its content."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import msgspec

from app.audit.record import Entry, values_of
from app.postgres.encryption import SealedColumn, Sealer
from app.problem_document import ProblemDocument
from app.writes.approval import Approval, ApprovalDetails
from app.writes.models import Answer, FieldChange, Intent, NewOperation, Operation


class OperationRows:
    """Encrypt the parts of an operation, and decrypt whole rows."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def intent(self, operation_id: str, intent: Intent) -> bytes:
        """Encrypt the intent."""
        return self._sealer.seal(msgspec.msgpack.encode(intent), f"operation.intent {operation_id}")

    def answer(self, operation_id: str, answer: Answer | None) -> bytes | None:
        """Encrypt the answer, if there is one."""
        if answer is None:
            return None
        return self._sealer.seal(msgspec.msgpack.encode(answer), f"operation.answer {operation_id}")

    def problem(self, operation_id: str, problem: ProblemDocument | None) -> bytes | None:
        """Encrypt the problem, if there is one."""
        if problem is None:
            return None
        return self._sealer.seal(msgspec.msgpack.encode(problem), f"operation.problem {operation_id}")

    def approval(self, operation_id: str, details: ApprovalDetails) -> bytes:
        """Encrypt the details of an approval."""
        return self._sealer.seal(msgspec.msgpack.encode(details), f"operation.approval_details {operation_id}")

    def callback(self, operation_id: str, url: str) -> bytes:
        """Encrypt the callback: its URL is often its only secret."""
        return self._sealer.seal(url.encode(), f"operation.callback {operation_id}")

    def new(self, new: NewOperation, token: str | None, lease: timedelta | None) -> dict[str, object]:
        """Return the values of `statements.INSERT`. A queued operation has no token and no lease."""
        intent = new.intent
        return {
            "id": new.id,
            "principal": new.principal,
            "key": new.key,
            "fingerprint": new.fingerprint,
            "object": intent.object,
            "action": intent.action,
            "connection": intent.connection,
            "correlation_id": new.correlation_id,
            "traceparent": new.traceparent,
            "intent": self.intent(new.id, intent),
            "phase": new.phase,
            "effect": new.effect,
            "token": token,
            "lease": lease,
            "callback": None if new.callback is None else self.callback(new.id, new.callback),
            "deferred": new.deferred,
            **values_of(first_entry(new, queued=token is None)),
        }

    def open(self, row: Any, *, intent: Intent | None = None) -> Operation:
        """Return the operation of a row with the columns of `statements.COLUMNS`. `intent` is the one in the row, if it
        is known. Raises SealBroken."""
        identity = row["id"]
        answer, callback = row["answer"], row["callback"]
        open_ = self._sealer.open
        return Operation(
            id=identity,
            principal=row["principal"],
            object=row["object"],
            action=row["action"],
            connection=row["connection"],
            phase=row["phase"],
            outcome=row["outcome"],
            attempts=row["attempts"],
            correlation_id=row["correlation_id"],
            traceparent=row["traceparent"],
            fingerprint=row["fingerprint"],
            intent=intent or msgspec.msgpack.decode(open_(row["intent"], f"operation.intent {identity}"), type=Intent),
            effect=row["effect"],
            remote_id=row["remote_id"],
            sent_at=row["sent_at"],
            lease_live=bool(row["lease_live"]),
            answer=None
            if answer is None
            else msgspec.msgpack.decode(open_(answer, f"operation.answer {identity}"), type=Answer),
            problem=None if row["problem"] is None else self.open_problem(row),
            created_at=row["created_at"],
            updated_at=row["updated_at"],
            age=row["age"],
            absent_for=row["absent_for"],
            resent_for=row["resent_for"],
            due_in=row["due_in"],
            queued=row["queued"],
            deferred=row["deferred"],
            redrives=row["redrives"],
            callback=None if callback is None else open_(callback, f"operation.callback {identity}").decode(),
            approval=None if row["approval"] is None else self._approval(row),
            key=row["idempotency_key"],
        )

    def open_problem(self, row: Any) -> ProblemDocument:
        """Return the problem of a row that has the columns `id` and `problem`. Raises SealBroken."""
        opened = self._sealer.open(row["problem"], f"operation.problem {row['id']}")
        return msgspec.msgpack.decode(opened, type=ProblemDocument)

    def _approval(self, row: Any) -> Approval:
        opened = self._sealer.open(row["approval_details"], f"operation.approval_details {row['id']}")
        details = msgspec.msgpack.decode(opened, type=ApprovalDetails)
        return Approval(state=row["approval"], expires_at=row["approve_by"], details=details)


def begun_operation(new: NewOperation, row: Any, lease: timedelta | None) -> Operation:
    """Return a new operation, with the times in the row of `statements.INSERT`. A queued one has no lease."""
    intent, leased = new.intent, lease is not None
    return Operation(
        id=new.id,
        principal=new.principal,
        object=intent.object,
        action=intent.action,
        connection=intent.connection,
        phase=new.phase,
        outcome=None,
        attempts=1 if leased else 0,
        correlation_id=new.correlation_id,
        traceparent=new.traceparent,
        fingerprint=new.fingerprint,
        intent=intent,
        effect=new.effect,
        remote_id=None,
        sent_at=row["sent_at"],
        lease_live=leased,
        answer=None,
        problem=None,
        created_at=row["created_at"],
        updated_at=row["created_at"],
        age=0.0,
        due_in=0.0 if lease is None else lease.total_seconds(),
        queued=not leased,
        deferred=new.deferred,
        callback=new.callback,
        key=new.key,
    )


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


def released_entry(new: NewOperation) -> Mapping[str, object]:
    """Return the values of the entry for a new operation that was released before anything was sent."""
    facts = {"object": new.intent.object, "action": new.intent.action, "connection": new.intent.connection}
    return values_of(
        Entry(
            type="operation.postponed",
            subject=new.id,
            actor=new.principal,
            correlation_id=new.correlation_id,
            facts={**facts, "seconds": 0.0, "phase": "received"},
        )
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


SEALED: Final = tuple(
    SealedColumn(
        table="operation",
        column=column,
        key={"id": "text"},
        belongs_to=lambda row, column=column: f"operation.{column} {row['id']}",  # type: ignore[misc]
    )
    for column in ("intent", "answer", "problem", "callback", "approval_details")
)
