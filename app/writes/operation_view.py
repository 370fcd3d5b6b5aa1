"""Operations as callers see them."""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec
from msgspec import UNSET

from app.errors import Erased, NotFound
from app.http.by_id import ID
from app.http.callers import Caller
from app.problem_document import ProblemDocument
from app.queue.models import BlockedReason, BudgetShare
from app.settings.ownership import COMMENTS
from app.writes.approval import APPROVES, Approval, ApprovalView
from app.writes.deps import OperationDeps, WriteDeps
from app.writes.models import Delay, Intent, Operation, OperationView, WaitingFor
from app.writes.store.queued import COUNTED
from app.writes.withhold import may_approve
from canonical.order_patch import OrderCancel
from canonical.parts import ObjectName

State = Literal["queued", "executing", "succeeded", "failed", "unknown"]
UNTIL_RESUMED: Final[dict[BlockedReason, str]] = {
    "auth": "{title} refuses the credential of {name}. An operator must replace it and resume the connection.",
    "account": "{name} opens another account than before. An operator must look at it and resume the connection.",
    "operator": "An operator paused {name}.",
}


def state_of(operation: Operation) -> State:
    """Return the public state: `received` is queued, or executing while its lease lives; `sent` is executing."""
    if operation.phase == "settled":
        return "failed" if operation.outcome == "failed" else "succeeded"
    if operation.phase == "unknown":
        return "unknown"
    return "executing" if operation.phase == "sent" or operation.lease_live else "queued"


async def views_of(deps: WriteDeps, operations: Sequence[Operation]) -> list[OperationView]:
    """Return operations as callers see them, with what they wait for."""
    undecided = [one for one in operations if one.phase in ("received", "sent") and not one.is_waiting_for_approval]
    delays = await deps.operations.delays([one.id for one in undecided]) if undecided else {}
    waiting = {
        one.id: waiting_for(deps, one, delays[one.id])
        for one in undecided
        if one.id in delays and (not one.lease_live or _is_kept_back(deps, one, delays[one.id]))
    }
    return [view_of(one, waiting.get(one.id)) for one in operations]


def waiting_for(deps: WriteDeps, operation: Operation, delay: Delay) -> WaitingFor:
    """Return what an undecided operation waits for. `delay` is what the database knows of it."""
    name, connection = operation.connection, deps.connections.by_name.get(operation.connection)
    title = name if connection is None else connection.vendor.title
    if delay.blocked is not None and delay.blocked_seconds is None:
        return WaitingFor(reason="vendor_paused", detail=UNTIL_RESUMED[delay.blocked].format(title=title, name=name))
    if delay.blocked is not None:
        when = _in_seconds(delay.blocked_seconds or 0.0)
        return WaitingFor(reason="vendor_paused", detail=f"{title} asks {name} to pause. It goes on {when}.")
    if delay.job == "behind" and delay.letter:
        detail = "An earlier write of the same record failed. An operator must redrive or discard its dead letter."
        return WaitingFor(reason="queue", detail=detail)
    if delay.job == "behind":
        return WaitingFor(reason="queue", detail="An earlier write of the same record goes first.")
    if operation.phase == "sent" and not operation.lease_live:
        when = _in_seconds(delay.due_in)
        detail = f"{title}'s reply was lost. Lockstitch looks there {when}, and again until it knows what happened."
        return WaitingFor(reason="retry", detail=detail)
    if delay.due_in > 0 and delay.job != "running" and not operation.lease_live:
        why = "" if delay.failed is None else f" ({delay.failed})"
        detail = f"The last attempt did not succeed{why}. The next one is {_in_seconds(delay.due_in)}."
        return WaitingFor(reason="retry", detail=detail)
    short = deps.vendors.allowances().get((name, BudgetShare.INTERACTIVE))
    if short is not None and not short.jobs:
        detail = f"The rate limit of {title} is used up. It goes on {_in_seconds(short.opens_in)}."
        return WaitingFor(reason="queue", detail=detail)
    more = "or more " if delay.ahead >= COUNTED else ""
    before = {0: "It is next.", 1: "1 write of the connection goes before it."}
    ahead = before.get(delay.ahead, f"{delay.ahead} {more}writes of the connection go before it.")
    return WaitingFor(reason="queue", detail=ahead)


def _is_kept_back(deps: WriteDeps, operation: Operation, delay: Delay) -> bool:
    """Return whether a process that has the lease of a write waits with it: for the vendor, or for the rate limit. What
    is recorded as sent is at the vendor, unless a request of its run waits in this process."""
    if operation.phase == "sent":
        return deps.vendors.keeps_back(operation.connection, operation.correlation_id)
    short = deps.vendors.allowances().get((operation.connection, BudgetShare.INTERACTIVE))
    return delay.blocked is not None or (short is not None and not short.jobs)


def _in_seconds(seconds: float) -> str:
    return "now" if seconds < 1 else f"in {round(seconds)} s"


def _approval_wait(operation: Operation) -> WaitingFor:
    assert operation.approval is not None  # noqa: S101 - it waits for one
    until = f"{operation.approval.expires_at:%Y-%m-%d %H:%M} UTC"
    detail = f"Another key with the scope {APPROVES} must approve it until {until}: POST /v1/operations/{{id}}/approve."
    return WaitingFor(reason="approval", detail=detail.replace("{id}", operation.id))


def _approval_view(intent: Intent, approval: Approval) -> ApprovalView:
    details, decision = approval.details, approval.details.decision
    return ApprovalView(
        state=approval.state,
        requested_by=details.requested_by,
        expires_at=approval.expires_at,
        effect=details.effect,
        remote_id=details.remote_id,
        fields=changed_fields(intent),
        values=msgspec.Raw(intent.sent or intent.body or b"{}"),
        loss=details.loss,
        decided_by=UNSET if decision is None else decision.by,
        decided_at=UNSET if decision is None else decision.at,
        note=UNSET if decision is None or decision.note is None else decision.note,
    )


def view_of(operation: Operation, waiting: WaitingFor | None = None) -> OperationView:
    """Return the operation with its `result` (the resource) if it succeeded, or its `problem`: also if the person
    was erased."""
    succeeded = operation.outcome == "succeeded" and operation.answer is not None
    erased = (
        operation.answer.body if operation.answer is not None and operation.answer.status == Erased.status else None
    )
    return OperationView(
        id=operation.id,
        state=state_of(operation),
        object=operation.object,
        action=operation.action,
        connection=operation.connection,
        attempts=operation.attempts,
        correlation_id=operation.correlation_id,
        created_at=operation.created_at,
        updated_at=operation.updated_at,
        redriven=operation.redrives > 0,
        waiting_for=waiting or (_approval_wait(operation) if operation.is_waiting_for_approval else UNSET),
        approval=UNSET if operation.approval is None else _approval_view(operation.intent, operation.approval),
        part_of=operation.intent.part_of or UNSET,
        result=msgspec.Raw(operation.answer.body) if succeeded and operation.answer and not erased else UNSET,
        problem=msgspec.json.decode(erased, type=ProblemDocument)
        if erased
        else UNSET
        if operation.problem is None or succeeded
        else operation.problem,
    )


async def find_visible(
    deps: OperationDeps, operation_id: str, objects: Sequence[ObjectName], caller: Caller
) -> Operation:
    """Return an operation on one of these objects, or one that the caller may approve. Raises NotFound."""
    operation = await deps.operations.get(operation_id) if ID.fullmatch(operation_id) else None
    if operation is None or not (operation.object in objects or may_approve(caller, operation)):
        raise NotFound.unknown(operation_id, "operation")
    return operation


def changed_fields(intent: Intent) -> tuple[str, ...]:
    """Return the names of the fields that a write changes."""
    if intent.action == "comment":
        return (COMMENTS,)
    if intent.action == "archive":
        return ("status",)
    if intent.action == "cancel":
        refunds = msgspec.json.decode(intent.body, type=OrderCancel).refund
        return ("status", "payment_status") if refunds else ("status",)
    return ("tags",) if intent.edits_tags else tuple(msgspec.json.decode(intent.body, type=dict[str, msgspec.Raw]))
