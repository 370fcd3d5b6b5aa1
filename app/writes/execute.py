"""Carrying out one write: exactly one effect, whatever breaks in between.

    received ── prepare (reads only) ── mark sent, committed ── send ── settle, committed

An exception leaves the operation in the phase that it had: a worker goes on from there (`resolve_outcome`).
"""

import asyncio
import logging
import time

import msgspec

from app.errors import (
    ConnectionPaused,
    InvalidField,
    NotFound,
    Problem,
    UnsupportedAction,
    UnsupportedField,
    VendorProblem,
    VendorThrottled,
    VersionConflict,
    document_of,
)
from app.problem_document import PROBLEM_JSON, ProblemDocument
from app.records.refusals import problem_of_refusal
from app.records.resolve import choose_mapping
from app.telemetry import count_operation
from app.vendors.models import ReplyLost, VendorRefused
from app.writes.deps import WriteDeps
from app.writes.finish import finish, read_again_after
from app.writes.models import FOR_GOOD, Answer, Begun, Intent, Operation
from app.writes.prepare import PreparedWrite, ResolvedWrite, find_by_key, prepare, prepare_create, prepare_update
from app.writes.upsert_race import MOST_RACES, lost_upsert_race
from mappings.http import VendorRequest
from mappings.spec import Unmappable

_log = logging.getLogger("lockstitch.write")

# A queued write that was promised to a caller is tried this often before it is given up as failed; with the back-off
# below that is about an hour.
PATIENT_ATTEMPTS = 12
LONGEST_PAUSE = 600.0
# Waiting for another upsert of the same key, which is usually done in milliseconds; this share of the attempt's time is
# kept for the write itself.
UPSERT_PAUSE = 0.03
UPSERT_RESERVE = 0.4
UPSERT_RETRY = 1.0
# What was never right: of a request that meets one of these, no operation is left.
NEVER_RIGHT = (InvalidField, UnsupportedField, UnsupportedAction, VersionConflict, NotFound)


class Undecided(Exception):
    """The write is not decided yet; a worker will. The caller is told where to look.

    `because` is the problem that the vendor has, where it is the vendor who keeps it waiting.
    """

    def __init__(self, operation_id: str, because: Problem | None = None) -> None:
        super().__init__(operation_id)
        self.operation_id = operation_id
        self.because = because


def resolve_write(deps: WriteDeps, intent: Intent, deadline: float) -> ResolvedWrite:
    """Connection and mapping of an intent, at the revision it began with.

    Raises UnsupportedAction when the configuration no longer has them.
    """
    connection = deps.connections.by_name.get(intent.connection)
    if connection is None:
        raise UnsupportedAction(f"The connection {intent.connection} is no longer configured.")
    mapping = choose_mapping(deps, connection, intent.object, intent.revision)
    return ResolvedWrite(deps, connection, mapping, intent, deadline)


async def execute(deps: WriteDeps, begun: Begun, *, patient: bool = False) -> Answer:
    """Prepare and send a `received` operation that the lease of `begun` holds.

    `patient` is the worker: nobody is waiting, so what may pass is tried again later, and a refusal is kept for the
    one who asks. Raises the Problem that the caller is told, or Undecided.
    """
    operation = begun.operation
    deadline = time.monotonic() + deps.execution_limit
    try:
        resolved = resolve_write(deps, operation.intent, deadline)
        prepared = await _prepare(resolved, begun)
    except VendorThrottled as problem:
        await _postpone(deps, begun, problem.retry_after or 1.0)
        raise Undecided(operation.id, problem) from problem
    except Problem as problem:
        await _not_sent(deps, begun, problem, patient=patient)
        raise
    begun = await deps.operations.mark_sent(begun, effect=prepared.effect, remote_id=prepared.remote_id)
    return await send(resolved, begun, prepared, patient=patient)


async def send(resolved: ResolvedWrite, begun: Begun, prepared: PreparedWrite, *, patient: bool = False) -> Answer:
    """The first sending of the one request with an effect, of an operation already marked as sent.

    Nothing has gone out before, so where the vendor was not reached the operation is back where it began. Raises like
    `execute`.
    """
    deps, operation = resolved.deps, begun.operation
    try:
        return await send_and_settle(resolved, begun, prepared)
    except VendorRefused as refused:
        if _lost_the_race(operation, prepared, refused):
            await _postpone(deps, begun, 0.0 if operation.attempts <= 1 else UPSERT_RETRY)
            raise Undecided(operation.id) from refused
        if await lost_upsert_race(resolved, operation, prepared.effect, refused):
            await _postpone(deps, begun, UPSERT_RETRY)
            raise Undecided(operation.id) from refused
        return await refuse(deps, begun, problem_of_refusal(resolved.connection, refused))
    except VendorThrottled as problem:
        await _postpone(deps, begun, problem.retry_after or 1.0)
        raise Undecided(operation.id, problem) from problem
    except VendorProblem as problem:
        await _not_sent(deps, begun, problem, patient=patient)
        raise


async def send_and_settle(resolved: ResolvedWrite, begun: Begun, prepared: PreparedWrite) -> Answer:
    """Send, and record what came of it when the vendor says yes.

    Raises Undecided when the reply was lost or cannot be read; and, with the operation untouched because only the
    caller knows what they mean for it, VendorRefused and the problems of a vendor that was not reached.
    """
    operations, operation = resolved.deps.operations, begun.operation
    try:
        request = _keyed(prepared.request, operation)
        reply = await resolved.deps.vendors.send(resolved.connection, request, deadline=resolved.deadline)
    except ReplyLost as lost:
        _log.warning("a reply was lost", extra=_named(operation) | {"code": lost.why})
        await operations.postpone(begun, seconds=resolved.deps.settle_margin, sent=True)
        raise Undecided(operation.id) from lost
    receipt_of = resolved.mapping.endpoints.receipt
    assert receipt_of is not None  # noqa: S101 - every mapping with a write has one
    try:
        receipt = receipt_of(reply, prepared.effect)
    except Unmappable as error:
        # It was done, but the answer cannot be read: the marker will tell which record it was.
        await operations.postpone(begun, seconds=read_again_after(operation, first=0.0), sent=True)
        raise Undecided(operation.id) from error
    answer = await finish(resolved, begun, prepared.effect, receipt, prepared.loss, prepared.before)
    if answer is None:
        raise Undecided(operation.id)
    return answer


def _named(operation: Operation) -> dict[str, object]:
    """The facts of a log line about an operation."""
    return {
        "operation_id": operation.id,
        "correlation_id": operation.correlation_id,
        "connection": operation.connection,
        "object": operation.object,
        "action": operation.action,
        "attempt": operation.attempts,
    }


def _keyed(request: VendorRequest, operation: Operation) -> VendorRequest:
    """The request under an idempotency key of its own for each redrive: under the first one a vendor such as Stripe
    repeats its refusal for a day."""
    if not operation.redrives:
        return request
    headers = tuple(
        (name, f"{value}-{operation.redrives}" if name.lower() == "idempotency-key" else value)
        for name, value in request.headers
    )
    return msgspec.structs.replace(request, headers=headers)


def document_for(deps: WriteDeps, operation: Operation, problem: Problem) -> ProblemDocument:
    """A problem of an operation, as the caller who began it is told."""
    return document_of(
        problem,
        public_url=deps.public_url,
        instance=operation.intent.instance,
        correlation_id=operation.correlation_id,
    )


def rendered(document: ProblemDocument) -> Answer:
    """A problem as an answer."""
    headers = {"content-type": PROBLEM_JSON}
    if document.retry_after is not None:
        headers["retry-after"] = str(document.retry_after)
    return Answer(status=document.status, headers=headers, body=msgspec.json.encode(document))


async def _prepare(resolved: ResolvedWrite, begun: Begun) -> PreparedWrite:
    intent, marker = resolved.intent, begun.operation.id
    if intent.action != "upsert" or intent.upsert_on in resolved.mapping.endpoints.upsert:
        return await prepare(resolved, marker)
    # No upsert at this vendor: find, then create or update, one operation a key at a time.
    assert intent.upsert_on is not None and intent.upsert_value is not None  # noqa: S101, PT018
    await _take_turn(resolved, begun, f"{intent.upsert_on}={intent.upsert_value}")
    remote_id = await find_by_key(resolved, intent.upsert_on, intent.upsert_value)
    if remote_id is None:
        return await prepare_create(resolved, marker)
    return await prepare_update(resolved, marker, remote_id)


async def _take_turn(resolved: ResolvedWrite, begun: Begun, value: str) -> None:
    """Wait until no other undecided operation works on this unique key. Raises Undecided when time runs out."""
    locked = resolved.deps.operations.lock_upsert
    give_up = resolved.deadline - UPSERT_RESERVE * resolved.deps.execution_limit
    while not await locked(resolved.connection.name, resolved.intent.object, value, begun.held()):
        if time.monotonic() > give_up:
            await _postpone(resolved.deps, begun, UPSERT_RETRY)
            raise Undecided(begun.operation.id)
        await asyncio.sleep(UPSERT_PAUSE)


def _lost_the_race(operation: Operation, prepared: PreparedWrite, refused: VendorRefused) -> bool:
    """Whether an upsert found nothing because somebody outside made the record a moment later: it becomes an update.

    Where it meets the same refusal again and again, another unique value of the record is in the way.
    """
    return (
        operation.action == "upsert"
        and prepared.effect == "create"
        and refused.refusal.kind == "duplicate"
        and operation.attempts < MOST_RACES
    )


async def refuse(deps: WriteDeps, begun: Begun, problem: Problem) -> Answer:
    """The vendor's final no is recorded like a success, and replayed like one."""
    document = document_for(deps, begun.operation, problem)
    answer = rendered(document)
    await deps.operations.fail(begun, problem=document, answer=answer, sent=True)
    count_operation(begun.operation.object, begun.operation.action, "failed")
    return answer


async def _not_sent(deps: WriteDeps, begun: Begun, problem: Problem, *, patient: bool) -> None:
    """Nothing went out. A caller who waits is told: what was never right is forgotten, and a key is let go. What was
    promised for later is tried again later, where that may help; what is queued, until its job has had enough."""
    operation, document = begun.operation, document_for(deps, begun.operation, problem)
    if not patient and await _let_go(deps, begun, problem, document):
        return
    attempts = operation.attempts
    waits = problem.category == "auth" or problem.retryable if operation.queued else problem.retryable
    held = isinstance(problem, ConnectionPaused) and problem.held  # it had no chance: no attempt has failed
    if waits and (operation.queued or held or attempts < PATIENT_ATTEMPTS):
        await _postpone(deps, begun, min(LONGEST_PAUSE, 2.0 ** min(attempts, PATIENT_ATTEMPTS)))
        raise Undecided(operation.id, problem) from problem
    # Whoever was told to come back gets a refusal for good as the answer, until a redrive brings another one.
    await deps.operations.fail(begun, problem=document, answer=rendered(document) if _is_for_good(problem) else None)
    count_operation(operation.object, operation.action, "failed")


def _is_for_good(problem: Problem) -> bool:
    return problem.category in FOR_GOOD


async def _let_go(deps: WriteDeps, begun: Begun, problem: Problem, document: ProblemDocument) -> bool:
    """False where somebody was told meanwhile that it would be decided later."""
    if isinstance(problem, NEVER_RIGHT):
        return await deps.operations.forget(begun, because=problem.code)
    if not await deps.operations.fail(begun, problem=document, answer=None, unless_deferred=True):
        return False
    count_operation(begun.operation.object, begun.operation.action, "failed")
    return True


async def _postpone(deps: WriteDeps, begun: Begun, seconds: float) -> None:
    await deps.operations.postpone(begun, seconds=seconds, sent=False)
