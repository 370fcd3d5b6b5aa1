"""Approvals of operations. A decision touches a waiting row once: of two that come together, one finds nothing."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, Literal

from app.audit import record
from app.postgres.database import Database, Statement, Transaction
from app.postgres.encryption import Sealer
from app.problem_document import ProblemDocument
from app.writes.approval import ApprovalDetails
from app.writes.models import Answer, Completes, Operation
from app.writes.store.rows import OperationRows, entry
from app.writes.store.statements import COLUMNS

REQUEST = Statement(
    "UPDATE operation",
    f"""
    UPDATE operation
       SET approval = 'waiting', approve_by = now() + $2::interval, approval_details = $3
     WHERE id = $1
    RETURNING {COLUMNS}
    """,  # noqa: S608 - no caller's text is in it
)

APPROVE = Statement(
    "UPDATE operation",
    f"""
    UPDATE operation
       SET approval = 'approved', approval_details = $2, due_at = now(), updated_at = now()
     WHERE id = $1 AND approval = 'waiting' AND approve_by > now()
    RETURNING {COLUMNS}
    """,  # noqa: S608
)

# Only an expiry comes after the time, and only a person's decision before it.
END = Statement(
    "UPDATE operation",
    f"""
    UPDATE operation
       SET approval = $2, approval_details = $3, problem = $4, answer = $5, phase = 'settled', outcome = 'failed',
           due_at = NULL, updated_at = now()
     WHERE id = $1 AND approval = 'waiting' AND (approve_by > now()) = ($2 = 'rejected')
    RETURNING {COLUMNS}
    """,  # noqa: S608
)

EXPIRED = Statement(
    "SELECT operation",
    f"""
    SELECT {COLUMNS}
      FROM operation
     WHERE approval = 'waiting' AND approve_by <= now()
     LIMIT $1
    """,  # noqa: S608
)

AUDITED: Final = {"rejected": "operation.rejected", "expired": "operation.expired"}


class PostgresApprovals:
    """Approvals. `wait` is how long an operation waits. Every step is audited and announced with it."""

    def __init__(self, database: Database, sealer: Sealer, *, wait: timedelta, completion: Completes) -> None:
        self._database = database
        self._rows = OperationRows(sealer)
        self._wait = wait
        self._completion = completion

    async def request(self, transaction: Transaction, operation: Operation, details: ApprovalDetails) -> Operation:
        """Let an operation that this transaction has added wait for an approval, and announce it."""
        sealed = self._rows.approval(operation.id, details)
        row = await transaction.fetch_row(REQUEST, operation.id, self._wait, sealed)
        waiting = self._rows.open(row, intent=operation.intent)
        noted = entry("operation.approval_requested", waiting, actor=operation.principal, by=details.requested_by)
        await record.append(transaction, noted)
        await self._completion.request_approval(transaction, waiting)
        return waiting

    async def approve(
        self, transaction: Transaction, operation: Operation, details: ApprovalDetails
    ) -> Operation | None:
        """Approve an operation, whose job the caller enqueues. None if it does not wait any more."""
        row = await transaction.fetch_row(APPROVE, operation.id, self._rows.approval(operation.id, details))
        if row is None:
            return None
        approved = self._rows.open(row)
        await self._note(transaction, "operation.approved", approved)
        return approved

    async def end(
        self,
        operation: Operation,
        state: Literal["rejected", "expired"],
        details: ApprovalDetails,
        *,
        problem: ProblemDocument,
        answer: Answer,
    ) -> bool:
        """End an operation without sending it. Its key stays, so that a retry gets the answer and asks no one again.
        False if it does not wait any more."""
        rows = self._rows
        values = (
            rows.approval(operation.id, details),
            rows.problem(operation.id, problem),
            rows.answer(operation.id, answer),
        )
        async with self._database.transaction() as transaction:
            row = await transaction.fetch_row(END, operation.id, state, *values)
            if row is None:
                return False
            ended = rows.open(row)
            await self._note(transaction, AUDITED[state], ended)
            await self._completion.announce(transaction, ended)
        return True

    async def expired(self, limit: int) -> Sequence[Operation]:
        """Return operations that no one has decided in time."""
        return [self._rows.open(row) for row in await self._database.fetch(EXPIRED, limit)]

    async def _note(self, transaction: Transaction, what: str, operation: Operation) -> None:
        assert operation.approval is not None  # noqa: S101 - it has just been decided
        decision = operation.approval.details.decision
        actor = "lockstitch" if decision is None else decision.principal
        facts = {} if decision is None else {"by": decision.by}
        await record.append(transaction, entry(what, operation, actor=actor, **facts))
