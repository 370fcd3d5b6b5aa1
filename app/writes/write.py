"""A caller's write: recognised if it was seen before, else carried out once, and answered in the time that he gives.

The request runs in a task of its own: a caller who stops waiting does not stop it.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from msgspec import Struct

from app.egress.named_targets import require_callback
from app.errors import IdempotencyInProgress, IdempotencyKeyReused, OutcomeUnknown, Problem, VendorProblem
from app.identifiers import new_id
from app.queue.models import LeaseLost
from app.records.resolve import choose_mapping
from app.telemetry import current_traceparent
from app.writes.deps import WriteDeps
from app.writes.execute import Undecided, execute, rendered, send
from app.writes.intent import WriteRequest, read_intent
from app.writes.models import Answer, Begun, Intent, NewOperation, Operation, OperationView
from app.writes.operation_view import view_of
from app.writes.prepare import PreparedWrite, ResolvedWrite, prepare
from app.writes.queued import is_queued, job_of

REPLAY_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 0.25
# How long a caller who does not want to wait may be kept while his fields are judged; the account's facts are cached.
FORESIGHT: Final = 2.0
_log = logging.getLogger("lockstitch.write")


class Written(Struct, frozen=True, kw_only=True):
    """Either the answer, fresh or replayed, or an operation that is not decided yet (202)."""

    answer: Answer | None = None
    operation: OperationView | None = None
    replayed: bool = False


class Writers:
    """The writes that are running in this process; `drain` waits for them at the end."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Answer]] = set()

    def start(self, work: Any) -> "asyncio.Task[Answer]":
        """Run a write in its own task; what it raises when nobody waits any more is expected or logged."""
        task: asyncio.Task[Answer] = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._done)
        return task

    async def drain(self, seconds: float) -> None:
        """Let running writes finish; after `seconds` the worker will."""
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)

    def _done(self, task: "asyncio.Task[Answer]") -> None:
        self._running.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, (Problem, Undecided, LeaseLost)):
            _log.error("a write ended in an unexpected error; a worker goes on with it", exc_info=error)


async def write(deps: WriteDeps, writers: Writers, request: WriteRequest, check: Callable[[], None]) -> Written:
    """Carry the request out, replay what it was answered before, or tell where its outcome will be.

    `check` raises what is wrong with the query. Raises the problems of the contract in its order: the recorded key is
    judged before the fields.
    """
    while True:
        # The key may come free while this request waits for it; then it is the first with it, and begins again.
        with suppress(_KeyIsFree):
            return await _write(deps, writers, request, check)


async def _write(deps: WriteDeps, writers: Writers, request: WriteRequest, check: Callable[[], None]) -> Written:
    try:
        intent = await read_intent(deps, request, check)
        queued = request.respond_async or is_queued(deps, intent)
        ready = None
        if queued:
            await _foresee(deps, intent)
        else:
            ready = await _ready(deps, intent)
        if request.callback is not None:
            await require_callback(deps.poster, request.callback)
    except Problem:
        existing = await deps.operations.find_by_key(request.principal, request.key)
        if existing is None:
            raise
        return await _judge(deps, writers, request, existing)
    if queued:
        return await _enlist(deps, writers, request, intent)
    begun = await deps.operations.begin(_new_operation(request, intent, ready))
    if begun.lease is None:
        return await _judge(deps, writers, request, begun.operation)
    work = execute(deps, begun) if ready is None else send(ready.resolved, begun, ready.prepared)
    return await _wait(deps, writers, request, begun, work)


class _Ready(Struct, frozen=True, kw_only=True):
    """A write that needed no choice: its request is drafted, so that one commit says intent and sending."""

    resolved: ResolvedWrite
    prepared: PreparedWrite
    marker: str


class _KeyIsFree(Exception):
    """The operation that held the key let go of it while this request waited."""


async def _ready(deps: WriteDeps, intent: Intent, seconds: float | None = None) -> _Ready | None:
    """Draft at once what only needs the cached account facts; what reads the record first comes after the intent."""
    connection = deps.connections.by_name[intent.connection]
    mapping = choose_mapping(deps, connection, intent.object, intent.revision)
    native = intent.upsert_on is not None and intent.upsert_on in mapping.endpoints.upsert
    if intent.action not in ("create", "comment") and not native:
        return None
    resolved = ResolvedWrite(deps, connection, mapping, intent, time.monotonic() + (seconds or deps.execution_limit))
    marker = new_id("op_")
    return _Ready(resolved=resolved, prepared=await prepare(resolved, marker), marker=marker)


async def _foresee(deps: WriteDeps, intent: Intent) -> None:
    """Judge a write that will be drafted again when its turn comes, as far as that can be done now; a vendor who is
    away does not keep it from being taken."""
    with suppress(VendorProblem):
        await _ready(deps, intent, min(FORESIGHT, deps.execution_limit))


async def _enlist(deps: WriteDeps, writers: Writers, request: WriteRequest, intent: Intent) -> Written:
    """Intent and job are one commit; whoever waits looks for the answer."""
    async with deps.transactions.transaction() as transaction:
        operation = await deps.operations.enlist(
            transaction, _new_operation(request, intent, None, deferred=request.wait_own <= 0)
        )
        if operation is not None:
            await deps.queue.enqueue(transaction, job_of(operation))
    if operation is not None and request.wait_own <= 0:
        return Written(operation=view_of(operation))
    if operation is not None:
        return await _look(deps, operation.id, request.wait_own)
    existing = await deps.operations.find_by_key(request.principal, request.key)
    if existing is None:
        raise _KeyIsFree
    return await _judge(deps, writers, request, existing)


async def _look(deps: WriteDeps, operation_id: str, seconds: float) -> Written:
    """Look for an answer that the queue's worker gives."""
    deadline, pause = time.monotonic() + seconds, REPLAY_PAUSE
    while True:
        written = _present(await deps.operations.get(operation_id))
        if written.operation is None:
            return written
        if time.monotonic() >= deadline:
            return await _undecided(deps, operation_id)
        await asyncio.sleep(min(pause, max(0.0, deadline - time.monotonic())))
        pause = min(LONGEST_PAUSE, pause * 1.2)


def _new_operation(
    request: WriteRequest, intent: Intent, ready: _Ready | None, *, deferred: bool = False
) -> NewOperation:
    return NewOperation(
        id=new_id("op_") if ready is None else ready.marker,
        principal=request.principal,
        key=request.key,
        fingerprint=request.fingerprint,
        correlation_id=request.correlation_id,
        traceparent=current_traceparent(),
        intent=intent,
        phase="received" if ready is None else "sent",
        effect=None if ready is None else ready.prepared.effect,
        deferred=deferred,
        callback=request.callback,
    )


async def _wait(deps: WriteDeps, writers: Writers, request: WriteRequest, begun: Begun, work: Any) -> Written:
    task = writers.start(work)
    done, _ = await asyncio.wait({task}, timeout=request.wait_own)
    if not done:
        return await _undecided(deps, begun.operation.id)
    try:
        return Written(answer=task.result())
    except (Undecided, LeaseLost):
        return await _undecided(deps, begun.operation.id)


async def _judge(deps: WriteDeps, writers: Writers, request: WriteRequest, existing: Operation) -> Written:
    """The key stands for an operation: replay it, wait for it, go on with it, or say why not. Raises _KeyIsFree."""
    deadline = time.monotonic() + request.wait_other
    current: Operation | None = existing
    while current is not None:
        if current.fingerprint != request.fingerprint:
            raise IdempotencyKeyReused(
                "This Idempotency-Key was used for another request "
                f"({current.action} {current.object}, operation {current.id}).",
                operation_id=current.id,
            )
        if current.phase == "settled" and current.answer is not None:
            return Written(answer=current.answer, replayed=True)
        if current.phase == "unknown":
            raise _outcome_unknown(current)
        if request.callback not in (None, current.callback):
            raise _other_callback(current)
        if not current.queued and not current.lease_live:
            return await _go_on(deps, writers, request, current)
        if not current.queued and current.phase == "sent" and current.attempts > 1:
            return await _later(deps, current)  # a worker is looking into it
        if time.monotonic() >= deadline:
            if current.queued or current.deferred or request.respond_async:
                return await _later(deps, current)
            raise IdempotencyInProgress(
                "The first request with this Idempotency-Key is still running.",
                operation_id=current.id,
                retry_after=1,
            )
        await asyncio.sleep(REPLAY_PAUSE)
        current = await deps.operations.find_by_key(request.principal, request.key)
    raise _KeyIsFree


async def _go_on(deps: WriteDeps, writers: Writers, request: WriteRequest, current: Operation) -> Written:
    """Nobody holds it: the caller's retry executes what was never sent, if it comes before the worker."""
    taken = await deps.operations.take_over(current.id) if current.phase == "received" else None
    if taken is None:
        return await _undecided(deps, current.id)
    return await _wait(deps, writers, request, taken, execute(deps, taken))


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
        " none, and nobody else is called back.",
        operation_id=operation.id,
        next_step=f"Send the callback of the first request, or none and ask GET /v1/operations/{operation.id}.",
    )


async def _later(deps: WriteDeps, current: Operation) -> Written:
    """202 for an operation that others decide; where nobody has been told so yet, that is noted."""
    if current.deferred:
        return Written(operation=view_of(current))
    return await _undecided(deps, current.id)


async def _undecided(deps: WriteDeps, operation_id: str) -> Written:
    """Say that it is decided later, unless it was decided in this very moment."""
    return _present(await deps.operations.defer(operation_id))


def _present(operation: Operation | None) -> Written:
    """Where an operation stands: its answer, or 202. Raises OutcomeUnknown, and _KeyIsFree when it is gone."""
    if operation is None:
        raise _KeyIsFree
    if operation.phase == "unknown":
        raise _outcome_unknown(operation)
    if operation.phase != "settled":
        return Written(operation=view_of(operation))
    if operation.answer is not None:
        return Written(answer=operation.answer)
    assert operation.problem is not None  # noqa: S101 - what has failed says why
    return Written(answer=rendered(operation.problem))
