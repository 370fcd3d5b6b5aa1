"""A caller's write: recognised if it was seen before, else carried out once, and answered in the time that they give.

The request runs in a task of its own: a caller who stops waiting does not stop it. Before the key is judged, nothing
waits for a vendor: what is not known about the account by then is fetched after the intent is recorded.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, TypeVar

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
# How long a caller waits who does not say: for a write of their own, and for another request with the same key.
OWN_WAIT: Final = 10.0
OTHER_WAIT: Final = 2.0
# A write that is answered before it is done may be kept so long while its fields are judged; account facts are cached.
FORESIGHT: Final = 2.0
_log = logging.getLogger("lockstitch.write")
T = TypeVar("T")


class Written(Struct, frozen=True, kw_only=True):
    """Either the answer, fresh or replayed, or an operation that is not decided yet (202)."""

    operation_id: str
    answer: Answer | None = None
    operation: OperationView | None = None
    replayed: bool = False


class Writers:
    """The writes that are running in this process; `drain` waits for them at the end."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Run a write in its own task; what it raises when nobody waits any more is expected or logged."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._done)
        return task

    async def drain(self, seconds: float) -> None:
        """Let running writes finish; after `seconds` the worker will."""
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)

    def _done(self, task: "asyncio.Task[Any]") -> None:
        self._running.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, (Problem, Undecided, LeaseLost)):
            _log.error("a write ended in an unexpected error; a worker goes on with it", exc_info=error)


async def write(deps: WriteDeps, writers: Writers, request: WriteRequest, check: Callable[[], None]) -> Written:
    """Carry the request out, replay what it was answered before, or tell where its outcome will be.

    `check` raises what is wrong with the query. Raises the problems of the contract in its order: the recorded key is
    judged before the fields.
    """
    waits = _waits(request)
    while True:
        # The key may come free while this request waits for it; then it is the first with it, and begins again.
        with suppress(_KeyIsFree):
            return await _write(deps, writers, request, check, waits)


class _Waits(Struct, frozen=True, kw_only=True):
    """Until when this caller waits, on the clock of time.monotonic.

    `own` is for a write that runs, `other` for another request with its key that runs, `facts` for what judges a write
    before a 202. `decision` is for a worker, whose decision takes longer than most callers wait.
    """

    own: float
    other: float
    facts: float
    decision: float


def _waits(request: WriteRequest) -> _Waits:
    now = time.monotonic()
    if request.wait is not None:
        end = now + request.wait
        return _Waits(own=end, other=end, facts=min(end, now + FORESIGHT), decision=end)
    own, other = (0.0, 0.0) if request.respond_async else (OWN_WAIT, OTHER_WAIT)
    return _Waits(own=now + own, other=now + other, facts=now + FORESIGHT, decision=now)


async def _write(
    deps: WriteDeps, writers: Writers, request: WriteRequest, check: Callable[[], None], waits: _Waits
) -> Written:
    existing, ready = None, None
    try:
        intent = await read_intent(deps, request, check)
        queued = request.respond_async or is_queued(deps, intent)
        at_once = _drafts_at_once(deps, intent)
        if at_once:
            ready = await _ready(deps, intent, time.monotonic())
        awaits_facts = queued and at_once and ready is None
        if awaits_facts or request.callback is not None:
            # What follows may take its time, and the key is judged before that.
            existing = await deps.operations.find_by_key(request.principal, request.key)
        if existing is None and awaits_facts:
            await _ready(deps, intent, waits.facts)
        if existing is None and request.callback is not None:
            await require_callback(deps.poster, request.callback)
    except Problem:
        existing = await deps.operations.find_by_key(request.principal, request.key)
        if existing is None:
            raise
    if existing is not None:
        return await _judge(deps, writers, request, existing, waits)
    if queued:
        return await _enlist(deps, writers, request, intent, waits)
    begun = await deps.operations.begin(_new_operation(request, intent, ready))
    if begun.lease is None:
        return await _judge(deps, writers, request, begun.operation, waits)
    work = execute(deps, begun) if ready is None else send(ready.resolved, begun, ready.prepared)
    return await _wait(deps, writers, begun, work, waits)


class _Ready(Struct, frozen=True, kw_only=True):
    """A write that needed no choice: its request is drafted, so that one commit says intent and sending."""

    resolved: ResolvedWrite
    prepared: PreparedWrite
    marker: str


class _KeyIsFree(Exception):
    """The operation that held the key let go of it while this request waited."""


def _drafts_at_once(deps: WriteDeps, intent: Intent) -> bool:
    """Whether facts about the account are all that drafting needs; a change reads the record, after the intent."""
    mapping = choose_mapping(deps, deps.connections.by_name[intent.connection], intent.object, intent.revision)
    native = intent.upsert_on is not None and intent.upsert_on in mapping.endpoints.upsert
    return intent.action in ("create", "comment") or native


async def _ready(deps: WriteDeps, intent: Intent, until: float) -> _Ready | None:
    """Draft the request by facts about the account; None where they cannot be had until then.

    Raises what is wrong with the fields.
    """
    connection = deps.connections.by_name[intent.connection]
    mapping = choose_mapping(deps, connection, intent.object, intent.revision)
    marker = new_id("op_")
    try:
        prepared = await prepare(ResolvedWrite(deps, connection, mapping, intent, until), marker)
    except VendorProblem:
        return None
    sending = ResolvedWrite(deps, connection, mapping, intent, time.monotonic() + deps.execution_limit)
    return _Ready(resolved=sending, prepared=prepared, marker=marker)


async def _enlist(deps: WriteDeps, writers: Writers, request: WriteRequest, intent: Intent, waits: _Waits) -> Written:
    """Record the intent and its job in one commit, and look for the answer as long as the caller waits."""
    async with deps.database.transaction() as transaction:
        operation = await deps.operations.enlist(
            transaction, _new_operation(request, intent, None, deferred=waits.own <= time.monotonic())
        )
        if operation is not None:
            await deps.queue.enqueue(transaction, job_of(operation))
    if operation is not None:
        return await _look(deps, operation, waits.own)
    existing = await deps.operations.find_by_key(request.principal, request.key)
    if existing is None:
        raise _KeyIsFree
    return await _judge(deps, writers, request, existing, waits)


async def _look(deps: WriteDeps, operation: Operation, until: float) -> Written:
    """Look for an answer that a worker gives."""
    current: Operation | None = operation
    pause = REPLAY_PAUSE
    while current is not None and current.phase in ("received", "sent"):
        left = until - time.monotonic()
        if left <= 0:
            return await _later(deps, current)
        await asyncio.sleep(min(pause, left))
        pause = min(LONGEST_PAUSE, pause * 1.2)
        current = await deps.operations.get(operation.id)
    return _present(current)


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


async def _wait(deps: WriteDeps, writers: Writers, begun: Begun, work: Any, waits: _Waits) -> Written:
    task = writers.start(work)
    done, _ = await asyncio.wait({task}, timeout=max(0.0, waits.own - time.monotonic()))
    if not done:
        return await _undecided(deps, begun.operation.id)
    try:
        return Written(operation_id=begun.operation.id, answer=task.result())
    except (Undecided, LeaseLost):
        return await _look(deps, begun.operation, waits.decision)


async def _judge(
    deps: WriteDeps, writers: Writers, request: WriteRequest, existing: Operation, waits: _Waits
) -> Written:
    """The key stands for an operation: replay it, wait for it, go on with it, or say why not. Raises _KeyIsFree."""
    current: Operation | None = existing
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
            # The caller's retry executes what was never sent, if it comes before the worker.
            taken = await deps.operations.take_over(current.id)
            if taken is not None:
                return await _wait(deps, writers, taken, execute(deps, taken), waits)
        looked_into = not current.queued and current.phase == "sent" and current.attempts > 1
        with_worker = idle or looked_into
        if time.monotonic() >= (waits.decision if with_worker else waits.other):
            if with_worker or current.queued or current.deferred or request.respond_async:
                return await _later(deps, current)
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
        " none, and nobody else is called back.",
        operation_id=operation.id,
        next_step=f"Send the callback of the first request, or none and ask GET /v1/operations/{operation.id}.",
    )


async def _later(deps: WriteDeps, current: Operation) -> Written:
    """202 for an operation that others decide; where nobody has been told so yet, that is noted."""
    if current.deferred:
        return Written(operation_id=current.id, operation=view_of(current))
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
        return Written(operation_id=operation.id, operation=view_of(operation))
    if operation.answer is not None:
        return Written(operation_id=operation.id, answer=operation.answer)
    assert operation.problem is not None  # noqa: S101 - what has failed says why
    return Written(operation_id=operation.id, answer=rendered(operation.problem))
