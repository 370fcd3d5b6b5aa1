"""Write for a caller: replay a known key, else execute the write once, and answer within the time that they wait.

The write runs in its own task, so a caller who disconnects does not stop it. Before the key is judged, nothing waits
for a vendor: account facts that are not cached are fetched after the intent is recorded.
"""

import asyncio
import logging
import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from app.egress.named_targets import require_callback
from app.errors import IdempotencyInProgress, IdempotencyKeyReused, OutcomeUnknown, Problem, VendorProblem
from app.identifiers import new_id
from app.queue.models import LeaseLost
from app.telemetry import current_traceparent
from app.writes.deps import WriteDeps
from app.writes.execute import Undecided, execute, problem_answer
from app.writes.models import Answer, Begun, Intent, NewOperation, Operation, OperationView
from app.writes.operation_view import view_of
from app.writes.prepare import PreparedWrite, prepare
from app.writes.queued import is_queued, job_of
from app.writes.resolve import ResolvedWrite, WriteRequest, resolve_request

REPLAY_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 0.25
# Default waits of a caller: for their own write, and for another request with the same key.
OWN_WAIT: Final = 10.0
OTHER_WAIT: Final = 2.0
# How long a write that is answered with 202 may wait for the account facts that validate its fields.
FACTS_WAIT: Final = 2.0
_log = logging.getLogger("lockstitch.write")
T = TypeVar("T")


class Written(Struct, frozen=True, kw_only=True):
    """Either the answer, fresh or replayed, or an undecided operation (202)."""

    operation_id: str
    answer: Answer | None = None
    operation: OperationView | None = None
    replayed: bool = False


class Writers:
    """The running writes of this process. `drain` waits for them at shutdown."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Run a write in its own task. Unexpected errors are logged, even if no caller waits."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._done)
        return task

    async def drain(self, seconds: float) -> None:
        """Wait for running writes for at most `seconds`. A worker finishes the rest."""
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)

    def _done(self, task: "asyncio.Task[Any]") -> None:
        self._running.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, (Problem, Undecided, LeaseLost)):
            _log.error("a write ended in an unexpected error; a worker continues it", exc_info=error)


async def write(deps: WriteDeps, writers: Writers, request: WriteRequest) -> Written:
    """Execute the request, replay its recorded answer, or return the operation that will have the outcome.

    Raises the problems of the contract in its order: the recorded key is judged before the fields.
    """
    waits = _waits(request)
    while True:
        # If the key becomes free while this request waits, start again as the first request with it.
        with suppress(_KeyIsFree):
            return await _write(deps, writers, request, waits)


class _Waits(Struct, frozen=True, kw_only=True):
    """Until when this caller waits, on the clock of `time.monotonic`.

    `own`: for their write; `other`: for another running request with the same key; `facts`: for the account facts that
    validate a write before a 202; `decision`: for a worker, which takes longer than most callers wait.
    """

    own: float
    other: float
    facts: float
    decision: float


def _waits(request: WriteRequest) -> _Waits:
    now = time.monotonic()
    if request.wait is not None:
        end = now + request.wait
        return _Waits(own=end, other=end, facts=min(end, now + FACTS_WAIT), decision=end)
    own, other = (0.0, 0.0) if request.respond_async else (OWN_WAIT, OTHER_WAIT)
    return _Waits(own=now + own, other=now + other, facts=now + FACTS_WAIT, decision=now)


async def _write(deps: WriteDeps, writers: Writers, request: WriteRequest, waits: _Waits) -> Written:
    recorded, prepared, operation_id = None, None, new_id("op_")
    try:
        # The deadline is now: only cached account facts are used.
        resolved = await resolve_request(deps, request, time.monotonic())
        queued = request.respond_async or is_queued(deps, resolved.intent)
        if resolved.needs_only_account:
            prepared = await _validate_early(resolved, operation_id)
        lacks_facts = queued and resolved.needs_only_account and prepared is None
        if lacks_facts or request.callback is not None:
            # What follows may take time, and the key is judged before that.
            recorded = await deps.operations.find_by_key(request.principal, request.key)
        if recorded is None and lacks_facts:
            await _validate_early(replace(resolved, deadline=waits.facts), operation_id)
        if recorded is None and request.callback is not None:
            await require_callback(deps.poster, request.callback)
    except Problem:
        recorded = await deps.operations.find_by_key(request.principal, request.key)
        if recorded is None:
            raise
    if recorded is not None:
        return await _decide_by_recorded(deps, writers, request, recorded, waits)
    if queued:
        return await _enqueue(deps, writers, request, _new_operation(request, resolved.intent, operation_id), waits)
    begun = await deps.operations.begin(_new_operation(request, resolved.intent, operation_id, prepared))
    if begun.lease is None:
        return await _decide_by_recorded(deps, writers, request, begun.operation, waits)
    return await _wait(deps, writers, begun, execute(deps, begun, resolved, prepared), waits)


class _KeyIsFree(Exception):
    """The operation that held the key released it while this request waited."""


async def _validate_early(resolved: ResolvedWrite, operation_id: str) -> PreparedWrite | None:
    """Draft the request before it is recorded, so that one commit records the intent and the sending.

    Returns None if the account facts are not available before the deadline. Raises what is wrong with the fields.
    """
    try:
        return await prepare(resolved, operation_id)
    except VendorProblem:
        return None


async def _enqueue(
    deps: WriteDeps, writers: Writers, request: WriteRequest, new: NewOperation, waits: _Waits
) -> Written:
    """Record the intent and its job in one commit, and poll for the answer while the caller waits."""
    new = msgspec.structs.replace(new, deferred=waits.own <= time.monotonic())
    async with deps.database.transaction() as transaction:
        operation = await deps.operations.add_queued(transaction, new)
        if operation is not None:
            await deps.queue.enqueue(transaction, job_of(operation))
    if operation is not None:
        return await _poll(deps, operation, waits.own)
    recorded = await deps.operations.find_by_key(request.principal, request.key)
    if recorded is None:
        raise _KeyIsFree
    return await _decide_by_recorded(deps, writers, request, recorded, waits)


async def _poll(deps: WriteDeps, operation: Operation, until: float) -> Written:
    """Poll for the answer of a worker."""
    current: Operation | None = operation
    pause = REPLAY_PAUSE
    while current is not None and current.phase in ("received", "sent"):
        left = until - time.monotonic()
        if left <= 0:
            return await _defer(deps, current)
        await asyncio.sleep(min(pause, left))
        pause = min(LONGEST_PAUSE, pause * 1.2)
        current = await deps.operations.get(operation.id)
    return _outcome_of(current)


def _new_operation(
    request: WriteRequest, intent: Intent, operation_id: str, prepared: PreparedWrite | None = None
) -> NewOperation:
    return NewOperation(
        id=operation_id,
        principal=request.principal,
        key=request.key,
        fingerprint=request.fingerprint,
        correlation_id=request.correlation_id,
        traceparent=current_traceparent(),
        intent=intent,
        phase="received" if prepared is None else "sent",
        effect=None if prepared is None else prepared.effect,
        callback=request.callback,
    )


async def _wait(deps: WriteDeps, writers: Writers, begun: Begun, work: Any, waits: _Waits) -> Written:
    task = writers.start(work)
    done, _ = await asyncio.wait({task}, timeout=max(0.0, waits.own - time.monotonic()))
    if not done:
        return _outcome_of(await deps.operations.defer(begun.operation.id))
    try:
        return Written(operation_id=begun.operation.id, answer=task.result())
    except (Undecided, LeaseLost):
        return await _poll(deps, begun.operation, waits.decision)


async def _decide_by_recorded(
    deps: WriteDeps, writers: Writers, request: WriteRequest, recorded: Operation, waits: _Waits
) -> Written:
    """Answer by the operation of this key: replay it, wait for it, continue it, or refuse. Raises _KeyIsFree."""
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
            raise _outcome_unknown(current)
        if request.callback not in (None, current.callback):
            raise _other_callback(current)
        idle = not current.queued and not current.lease_live
        if idle and current.phase == "received" and current.due_in <= 0:
            # It was never sent. The caller's retry executes it, unless a worker comes first.
            taken = await deps.operations.take_over(current.id)
            if taken is not None:
                return await _wait(deps, writers, taken, execute(deps, taken), waits)
        recovering = not current.queued and current.phase == "sent" and current.attempts > 1
        with_worker = idle or recovering
        if time.monotonic() >= (waits.decision if with_worker else waits.other):
            if with_worker or current.queued or current.deferred or request.respond_async:
                return await _defer(deps, current)
            raise IdempotencyInProgress(
                "The first request with this Idempotency-Key is still running.",
                operation_id=current.id,
                retry_after=1,
            )
        await asyncio.sleep(REPLAY_PAUSE)
        current = await deps.operations.find_by_key(request.principal, request.key)
    raise _KeyIsFree


def _outcome_unknown(operation: Operation) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"Whether the vendor carried out operation {operation.id} could not be found out.",
        operation_id=operation.id,
        next_step=(
            f"Look at the vendor, then POST /v1/operations/{operation.id}/resolve with what you found, "
            f"or POST /v1/operations/{operation.id}/check to look again."
        ),
    )


def _other_callback(operation: Operation) -> IdempotencyKeyReused:
    return IdempotencyKeyReused(
        f"The first request with this Idempotency-Key (operation {operation.id}) named another Lockstitch-Callback, or"
        " none. Only the first one is called.",
        operation_id=operation.id,
        next_step=f"Send the callback of the first request, or none and ask GET /v1/operations/{operation.id}.",
    )


async def _defer(deps: WriteDeps, current: Operation) -> Written:
    """Answer 202, and record that a caller got one. If the operation was decided meanwhile, answer its outcome."""
    if current.deferred:
        return Written(operation_id=current.id, operation=view_of(current))
    return _outcome_of(await deps.operations.defer(current.id))


def _outcome_of(operation: Operation | None) -> Written:
    """Return the operation's answer, or the operation for a 202. Raises OutcomeUnknown, and _KeyIsFree for None."""
    if operation is None:
        raise _KeyIsFree
    if operation.phase == "unknown":
        raise _outcome_unknown(operation)
    if operation.phase != "settled":
        return Written(operation_id=operation.id, operation=view_of(operation))
    if operation.answer is not None:
        return Written(operation_id=operation.id, answer=operation.answer)
    assert operation.problem is not None  # noqa: S101 - a failed operation has its problem
    return Written(operation_id=operation.id, answer=problem_answer(operation.problem))
