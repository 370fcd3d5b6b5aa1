"""Write for a caller, once per key: replay the answer of a known key, wait for it, continue its write, or execute a new
one.

A write runs in its own task, so a caller who disconnects does not stop it. One who has waited long enough is answered
with 202 while it goes on. Before the key is judged, nothing waits for a vendor: account facts that are not cached are
fetched after the intent is recorded.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Coroutine
from contextlib import suppress
from math import ceil
from typing import Any, Final, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from app.egress.named_targets import require_callback
from app.errors import (
    IdempotencyInProgress,
    IdempotencyKeyReused,
    NotSystemOfRecord,
    OutcomeUnknown,
    StoreUnavailable,
    VendorProblem,
)
from app.identifiers import new_id
from app.problem_document import Problem
from app.queue.models import LeaseLost
from app.telemetry import current_traceparent
from app.writes.answer import problem_answer
from app.writes.deps import WriteDeps
from app.writes.execute import execute
from app.writes.judge_ownership import note_refusal
from app.writes.models import Answer, Begun, NewOperation, Operation, OperationView, Undecided, named_write
from app.writes.operation_view import views_of
from app.writes.outage import sent_without_outcome
from app.writes.prepare import PreparedWrite, prepare
from app.writes.queued import job_of
from app.writes.request import WriteRequest, new_operation
from app.writes.request_approval import request_approval
from app.writes.resolve_references import needs_look_up
from app.writes.resolved_write import ResolvedWrite, resolve_request

REPLAY_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 0.25
# Default waits of a caller: for their own write, and for another request with the same key.
OWN_WAIT: Final = 10.0
DEFER_SECONDS: Final = 2.0
"""How long a caller waits for the database after the wait that they asked for."""
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
        self._running: dict[asyncio.Task[Any], Operation | None] = {}
        self.by_key: dict[tuple[str, str | None], Operation] = {}
        """What they execute, by principal and key, also if the database has lost its row."""

    def start(self, work: Coroutine[Any, Any, T], operation: Operation | None = None) -> "asyncio.Task[T]":
        """Run a write in its own task. Unexpected errors are logged, even if no caller waits."""
        task = asyncio.create_task(work)
        self._running[task] = operation
        if operation is not None:
            self.by_key[operation.principal, operation.key] = operation
        task.add_done_callback(self._done)
        return task

    async def drain(self, seconds: float) -> None:
        """Wait for running writes for at most `seconds`. A worker finishes the rest."""
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)

    def _done(self, task: "asyncio.Task[Any]") -> None:
        operation = self._running.pop(task)
        if operation is not None and self.by_key.get((operation.principal, operation.key)) is operation:
            del self.by_key[operation.principal, operation.key]
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, (Problem, Undecided, LeaseLost)):
            _log.error("a write ended in an unexpected error; a worker continues it", exc_info=error)


class Waits(Struct, frozen=True, kw_only=True):
    """Until when this caller waits, on the clock of `time.monotonic`.

    `own`: for their write; `other`: for another running request with the same key; `facts`: for the account facts that
    validate a write before a 202; `decision`: for a worker, which takes longer than most callers wait.
    """

    own: float
    other: float
    facts: float
    decision: float


class KeyIsFree(Exception):
    """The operation that held the key released it while this request waited."""


async def write(deps: WriteDeps, writers: Writers, request: WriteRequest) -> Written:
    """Execute the request, replay its recorded answer, or return the operation that will have the outcome.

    Raises the problems of the contract in its order: the recorded key is judged before the fields.
    """
    waits = waits_of(request)
    while True:
        # If the key becomes free while this request waits, start again as the first request with it.
        with suppress(KeyIsFree):
            return await _write(deps, writers, request, waits)


async def _write(deps: WriteDeps, writers: Writers, request: WriteRequest, waits: Waits) -> Written:
    if request.needs_approval:
        return await _ask(deps, writers, request, waits)
    recorded, prepared, operation_id = None, None, new_id("op_")
    try:
        # The deadline is now: only cached account facts are used.
        resolved = await resolve_request(deps, request, time.monotonic())
        queued = request.respond_async or resolved.is_queued
        is_direct = resolved.needs_only_account and not (resolved.refers and needs_look_up(resolved))
        if is_direct:
            prepared = await _validate_early(resolved, operation_id)
        lacks_facts = queued and is_direct and prepared is None
        if lacks_facts or request.callback is not None:
            # What follows may take time, and the key is judged before that.
            recorded = await deps.operations.find_by_key(request.principal, request.key)
        if recorded is None and lacks_facts:
            await _validate_early(replace(resolved, deadline=waits.facts), operation_id)
        if recorded is None and request.callback is not None:
            await require_callback(deps.poster, request.callback)
    except StoreUnavailable:
        raise  # a look at the key would wait as long again
    except Problem as problem:
        recorded = await deps.operations.find_by_key(request.principal, request.key)
        if recorded is None:
            if isinstance(problem, NotSystemOfRecord):
                named = {"operation": operation_id, "actor": request.principal, "run": request.correlation_id}
                await note_refusal(deps, problem, resolved.intent, **named)
            raise
    recorded = recorded or writers.by_key.get((request.principal, request.key))
    if recorded is not None:
        return await replay(deps, writers, request, recorded, waits)
    new = new_operation(request, resolved.intent, operation_id, current_traceparent())
    if queued:
        return await _enqueue(deps, writers, request, new, waits)
    if prepared is not None:
        new = replace(new, phase="sent", effect=prepared.effect)
        if prepared.references is not None:
            intent = replace(new.intent, references=prepared.references)
            new = replace(new, intent=intent)
    begun = await deps.operations.begin(new)
    if isinstance(begun, Operation):
        return await replay(deps, writers, request, begun, waits)
    return await wait_for(deps, writers, begun, execute(deps, begun, resolved, prepared), waits)


async def _ask(deps: WriteDeps, writers: Writers, request: WriteRequest, waits: Waits) -> Written:
    """Record a write that a person has to approve, and answer 202. Raises what is wrong with it, and KeyIsFree."""
    recorded = await deps.operations.find_by_key(request.principal, request.key)
    if recorded is None:
        operation = await request_approval(deps, request)
        if operation is not None:
            return await outcome_of(deps, operation)
        recorded = await deps.operations.find_by_key(request.principal, request.key)
    if recorded is None:
        raise KeyIsFree
    return await replay(deps, writers, request, recorded, waits)


async def _validate_early(resolved: ResolvedWrite, operation_id: str) -> PreparedWrite | None:
    """Draft the request before it is recorded, so that one commit records the intent and the sending.

    Returns None if the account facts are not available before the deadline, or an operator has to review the write.
    Raises what is wrong with the fields.
    """
    try:
        return await prepare(resolved, operation_id)
    except VendorProblem:
        return None
    except NotSystemOfRecord as problem:
        if problem.review:
            return None
        raise


async def _enqueue(
    deps: WriteDeps, writers: Writers, request: WriteRequest, new: NewOperation, waits: Waits
) -> Written:
    """Record the intent and its job in one commit, and poll for the answer while the caller waits."""
    new = replace(new, deferred=waits.own <= time.monotonic())
    async with deps.database.transaction() as transaction:
        operation = await deps.operations.add_queued(transaction, new)
        if operation is not None:
            await deps.queue.enqueue(transaction, job_of(operation))
    if operation is not None:
        return await poll(deps, operation, waits.own)
    recorded = await deps.operations.find_by_key(request.principal, request.key)
    if recorded is None:
        raise KeyIsFree
    return await replay(deps, writers, request, recorded, waits)


async def replay(
    deps: WriteDeps, writers: Writers, request: WriteRequest, recorded: Operation, waits: Waits
) -> Written:
    """Answer by the operation of this key: replay it, wait for it, continue it, or refuse. Raises KeyIsFree."""
    current = recorded
    while True:
        if current.fingerprint != request.fingerprint:
            raise IdempotencyKeyReused(
                "This Idempotency-Key was used for another request "
                f"({named_write(current.action, current.object)}, operation {current.id}).",
                operation_id=current.id,
            )
        if current.phase == "settled" and current.answer is not None:
            return Written(operation_id=current.id, answer=current.answer, replayed=True)
        if current.phase == "unknown":
            raise outcome_unknown(current)
        if request.callback not in (None, current.callback):
            raise _other_callback(current)
        if current.is_waiting_for_approval:
            return await outcome_of(deps, current)
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
            raise _in_progress(current)
        await asyncio.sleep(REPLAY_PAUSE)
        current = await _present(deps, current, deps.operations.find_by_key(request.principal, request.key))


def _in_progress(operation: Operation) -> IdempotencyInProgress:
    """Return the refusal of a request whose key is in use. A process that lives answers within `OWN_WAIT` as a rule.
    If another process has been at it for longer, it may have died: then a retry continues its write after the lease."""
    is_late = operation.age > OWN_WAIT
    seconds = max(1, ceil(operation.due_in)) if is_late else 1
    return IdempotencyInProgress(
        "The first request with this Idempotency-Key is still running."
        + (f" If its process has died, a retry in {seconds} s continues it." if is_late else ""),
        operation_id=operation.id,
        retry_after=seconds,
    )


async def _present(deps: WriteDeps, last: Operation, look_up: Awaitable[Operation | None]) -> Operation:
    """Return the operation as it is now, or as it was if the database has lost it: who has sent it records it again.
    Raises KeyIsFree if it was refused or forgotten before anything was sent."""
    current = await look_up
    if current is None and not await deps.operations.was_lost(last.id):
        raise KeyIsFree
    return current or last


def _other_callback(operation: Operation) -> IdempotencyKeyReused:
    return IdempotencyKeyReused(
        f"The first request with this Idempotency-Key (operation {operation.id}) named another Lockstitch-Callback, or"
        " none. Only the first one is called.",
        operation_id=operation.id,
        next_step=f"Send the callback of the first request, or none and ask GET /v1/operations/{operation.id}.",
    )


def waits_of(request: WriteRequest) -> Waits:
    """Return the waits that the request asks for, or the defaults."""
    now = time.monotonic()
    if request.wait is not None:
        end = now + request.wait
        return Waits(own=end, other=end, facts=min(end, now + FACTS_WAIT), decision=end)
    own, other = (0.0, 0.0) if request.respond_async else (OWN_WAIT, OTHER_WAIT)
    return Waits(own=now + own, other=now + other, facts=now + FACTS_WAIT, decision=now)


async def wait_for(deps: WriteDeps, writers: Writers, begun: Begun, work: Any, waits: Waits) -> Written:
    """Start `work`, and wait for its answer while the caller does."""
    operation = begun.operation
    task = writers.start(work, operation)
    done, _ = await asyncio.wait({task}, timeout=max(0.0, waits.own - time.monotonic()))
    if not done:
        try:
            async with asyncio.timeout(DEFER_SECONDS):
                return await defer(deps, operation)
        except (StoreUnavailable, TimeoutError) as problem:
            raise sent_without_outcome(operation.id, operation.connection, problem) from problem
    try:
        return Written(operation_id=operation.id, answer=task.result())
    except Undecided:
        return await poll(deps, operation, waits.decision)
    except LeaseLost:
        current = await deps.operations.get(operation.id)
        if current is None:  # nothing was sent: else the row would have been recorded again
            raise KeyIsFree from None
        return await poll(deps, current, waits.decision)


async def poll(deps: WriteDeps, operation: Operation, until: float) -> Written:
    """Poll for the answer of a worker until a time of `time.monotonic`."""
    current, pause = operation, REPLAY_PAUSE
    while current.phase in ("received", "sent"):
        left = until - time.monotonic()
        if left <= 0:
            return await defer(deps, current)
        await asyncio.sleep(min(pause, left))
        pause = min(LONGEST_PAUSE, pause * 1.2)
        current = await _present(deps, current, deps.operations.get(operation.id))
    return await outcome_of(deps, current)


async def defer(deps: WriteDeps, current: Operation) -> Written:
    """Answer 202, and record that a caller got one. If the operation was decided meanwhile, answer its outcome. Raises
    KeyIsFree."""
    if current.deferred:
        return await outcome_of(deps, current)
    return await outcome_of(deps, await _present(deps, current, deps.operations.defer(current.id)))


async def outcome_of(deps: WriteDeps, operation: Operation) -> Written:
    """Return the operation's answer, or the operation for a 202. Raises OutcomeUnknown."""
    if operation.phase == "unknown":
        raise outcome_unknown(operation)
    if operation.phase != "settled":
        (view,) = await views_of(deps, [operation])
        return Written(operation_id=operation.id, operation=view)
    if operation.answer is not None:
        return Written(operation_id=operation.id, answer=operation.answer)
    assert operation.problem is not None  # noqa: S101 - a failed operation has its problem
    return Written(operation_id=operation.id, answer=problem_answer(operation.problem))


def outcome_unknown(operation: Operation) -> OutcomeUnknown:
    """Return the problem of an operation that a person must decide."""
    return OutcomeUnknown(
        f"Whether {operation.connection} carried out operation {operation.id} could not be found out. An operator"
        " decides it.",
        operation_id=operation.id,
    )
