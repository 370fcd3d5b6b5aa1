"""Operations as callers see them."""

from typing import Literal

import msgspec
from msgspec import UNSET

from app.writes.models import Operation, OperationView

State = Literal["queued", "executing", "succeeded", "failed", "unknown"]


def state_of(operation: Operation) -> State:
    """Return the public state: `received` is queued, or executing while its lease lives; `sent` is executing."""
    if operation.phase == "settled":
        return "failed" if operation.outcome == "failed" else "succeeded"
    if operation.phase == "unknown":
        return "unknown"
    return "executing" if operation.phase == "sent" or operation.lease_live else "queued"


def view_of(operation: Operation) -> OperationView:
    """Return the operation with its `result` (the resource) if it succeeded, or its `problem`."""
    succeeded = operation.outcome == "succeeded" and operation.answer is not None
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
        part_of=operation.intent.part_of or UNSET,
        result=msgspec.Raw(operation.answer.body) if succeeded and operation.answer is not None else UNSET,
        problem=UNSET if operation.problem is None or succeeded else operation.problem,
    )
