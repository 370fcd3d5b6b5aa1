"""Approve or reject a write that waits for that, and end those that no one has decided in time."""

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from app.errors import ApprovalExpired, ApprovalRejected, Forbidden, NotFound, StateConflict
from app.http.callers import Caller
from app.problem_document import Problem
from app.telemetry.metrics import operations_ended
from app.writes.answer import document_for, problem_answer
from app.writes.approval import Approval, ApprovalDecision, ApprovalDetails
from app.writes.deps import ApprovalDeps, WriteDeps
from app.writes.for_operators import operator_of
from app.writes.models import Operation, OperationView
from app.writes.operation_view import find_visible, view_of

AT_ONCE: Final = 100
Verdict = Literal["approved", "rejected"]


class DecisionNote(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a write is approved or rejected."""

    note: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None
    """What the caller of the write shall know, shown with the operation. Example: `"Agreed with Ann by phone."`"""


async def decide(
    deps: WriteDeps, operation_id: str, verdict: Verdict, note: str | None, caller: Caller
) -> OperationView:
    """Approve or reject a write. The same decision by the same principal once more changes nothing.

    Raises NotFound for an operation that needs no approval, Forbidden for the principal that wants the write, and
    StateConflict if it was decided otherwise, or by another one.
    """
    from app.writes.operations import get_operation  # noqa: PLC0415 - it calls vendors, which a list does not

    await _decide(deps, operation_id, verdict, note, caller)
    return await get_operation(deps, operation_id, (), caller)


async def approve_write(deps: ApprovalDeps, operation_id: str, note: DecisionNote, *, actor: str) -> OperationView:
    """Approve a write as an operator. Raises NotFound, and StateConflict if it was decided otherwise."""
    return view_of(await _decide(deps, operation_id, "approved", note.note, operator_of(actor)))


async def reject_write(deps: ApprovalDeps, operation_id: str, note: DecisionNote, *, actor: str) -> OperationView:
    """Reject a write as an operator. Raises NotFound, and StateConflict if it was decided otherwise."""
    return view_of(await _decide(deps, operation_id, "rejected", note.note, operator_of(actor)))


async def _decide(
    deps: ApprovalDeps, operation_id: str, verdict: Verdict, note: str | None, caller: Caller
) -> Operation:
    """Decide, and return the operation as it is now. An approved one gets its job in the same transaction."""
    operation = await find_visible(deps, operation_id, (), caller)
    approval = _approval_of(operation)
    if operation.principal == caller.principal:
        raise Forbidden(
            f"The API key {caller.name!r} wants this write, so another one must decide.",
            next_step="Use a key of another principal with the scope approvals:write. A rotated key is the same one.",
        )
    decision = ApprovalDecision(principal=caller.principal, by=caller.name, at=datetime.now(UTC), note=note)
    details = msgspec.structs.replace(approval.details, decision=decision)
    done = await (_approve if verdict == "approved" else _reject)(deps, operation, details)
    decided = await deps.operations.get(operation_id)
    if decided is None:
        raise NotFound("The operation is gone: retention has removed it.")
    if not done:
        _refuse_unless_same(decided, verdict, caller)
    return decided


async def _approve(deps: ApprovalDeps, operation: Operation, details: ApprovalDetails) -> bool:
    from app.writes.queued import job_of  # noqa: PLC0415

    async with deps.database.transaction() as transaction:
        approved = await deps.approvals.approve(transaction, operation, details)
        if approved is not None:
            await deps.queue.enqueue(transaction, job_of(approved))
    return approved is not None


async def _reject(deps: ApprovalDeps, operation: Operation, details: ApprovalDetails) -> bool:
    decision = details.decision
    assert decision is not None  # noqa: S101 - it is being rejected
    why = "" if decision.note is None else f" Their note: {decision.note}"
    problem = ApprovalRejected(f"{decision.by} rejected this write.{why}", operation_id=operation.id)
    return await _end(deps, operation, "rejected", details, problem)


async def end_expired(deps: ApprovalDeps) -> bool:
    """End writes that no one has decided in time, and return whether there may be more."""
    expired = await deps.approvals.expired(AT_ONCE)
    for operation in expired:
        until = _approval_of(operation).expires_at
        problem = ApprovalExpired(f"No one decided about this write until {until:%Y-%m-%d %H:%M} UTC.")
        problem.operation_id = operation.id
        await _end(deps, operation, "expired", _approval_of(operation).details, problem)
    return len(expired) == AT_ONCE


async def _end(
    deps: ApprovalDeps,
    operation: Operation,
    state: Literal["rejected", "expired"],
    details: ApprovalDetails,
    problem: Problem,
) -> bool:
    document = document_for(deps, operation, problem)
    done = await deps.approvals.end(operation, state, details, problem=document, answer=problem_answer(document))
    if done:
        operations_ended(operation.object, operation.action, "failed").inc()
    return done


def _approval_of(operation: Operation) -> Approval:
    if operation.approval is None:
        raise NotFound(f"The operation {operation.id} needs no approval.")
    return operation.approval


def _refuse_unless_same(operation: Operation, verdict: Verdict, caller: Caller) -> None:
    """Raise StateConflict unless the caller has decided the same before."""
    approval = _approval_of(operation)
    decision = approval.details.decision
    if decision is None:
        raise StateConflict(
            f"The approval expired at {approval.expires_at:%Y-%m-%d %H:%M} UTC; nothing was sent.",
            operation_id=operation.id,
        )
    if (decision.principal, approval.state) != (caller.principal, verdict):
        raise StateConflict(
            f"{decision.by} has {approval.state} this write at {decision.at:%Y-%m-%d %H:%M} UTC already.",
            operation_id=operation.id,
        )
