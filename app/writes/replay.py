"""Answer a request whose Idempotency-Key has an operation: replay it, wait for it, continue it, or refuse."""

import asyncio
import time

from app.errors import IdempotencyInProgress, IdempotencyKeyReused
from app.writes.deps import WriteDeps
from app.writes.execute import execute
from app.writes.models import Operation
from app.writes.resolved_write import WriteRequest
from app.writes.waiting import REPLAY_PAUSE, KeyIsFree, Waits, Writers, Written, defer, outcome_unknown, wait_for


async def replay(
    deps: WriteDeps, writers: Writers, request: WriteRequest, recorded: Operation, waits: Waits
) -> Written:
    """Answer by the operation of this key: replay it, wait for it, continue it, or refuse. Raises KeyIsFree."""
    current: Operation | None = recorded
    while current is not None:
        if current.fingerprint != request.fingerprint:
            raise IdempotencyKeyReused(
                "This Idempotency-Key was used for another request "
                f"({current.action} {current.object}, operation {current.id}).",
                operation_id=current.id,
            )
        if current.phase == "settled" and current.answer is not None:
            return Written(operation_id=current.id, answer=current.answer, replayed=True)
        if current.phase == "unknown":
            raise outcome_unknown(current)
        if request.callback not in (None, current.callback):
            raise _other_callback(current)
        idle = not current.queued and not current.lease_live
        if idle and current.phase == "received" and current.due_in <= 0:
            # It was never sent. The caller's retry executes it, unless a worker comes first.
            taken = await deps.operations.take_over(current.id)
            if taken is not None:
                return await wait_for(deps, writers, taken, execute(deps, taken), waits)
        recovering = not current.queued and current.phase == "sent" and current.attempts > 1
        with_worker = idle or recovering
        if time.monotonic() >= (waits.decision if with_worker else waits.other):
            if with_worker or current.queued or current.deferred or request.respond_async:
                return await defer(deps, current)
            raise IdempotencyInProgress(
                "The first request with this Idempotency-Key is still running.",
                operation_id=current.id,
                retry_after=1,
            )
        await asyncio.sleep(REPLAY_PAUSE)
        current = await deps.operations.find_by_key(request.principal, request.key)
    raise KeyIsFree


def _other_callback(operation: Operation) -> IdempotencyKeyReused:
    return IdempotencyKeyReused(
        f"The first request with this Idempotency-Key (operation {operation.id}) named another Lockstitch-Callback, or"
        " none. Only the first one is called.",
        operation_id=operation.id,
        next_step=f"Send the callback of the first request, or none and ask GET /v1/operations/{operation.id}.",
    )
