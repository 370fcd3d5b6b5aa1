"""Execute a write: exactly one effect, even across crashes.

    received ── prepare (reads only) ── mark sent, committed ── send ── settle, committed

An exception leaves the operation in its phase. A worker continues from there (`recover`).
"""

import asyncio
import logging
import time
from functools import partial

from msgspec.structs import replace

from app.errors import (
    ConnectionPaused,
    InvalidField,
    NotFound,
    NotSystemOfRecord,
    StoreUnavailable,
    UnsupportedAction,
    UnsupportedField,
    VendorProblem,
    VendorThrottled,
    VersionConflict,
)
from app.problem_document import Problem, ProblemDocument
from app.telemetry.metrics import operations_ended
from app.vendors.models import ReplyLost, VendorRefused
from app.writes.answer import document_for, problem_answer, skipped_answer
from app.writes.copy_merge import ConsumerPaused
from app.writes.create_person import create_person
from app.writes.deps import WriteDeps
from app.writes.find_record import lost_to_a_create, lost_upsert_race
from app.writes.finish import CarriedOut, finish, read_later
from app.writes.judge_ownership import note_refusal, note_verdict
from app.writes.models import FOR_GOOD, Answer, Begun, Operation, References, Success, Undecided
from app.writes.outage import outlast, release_unsent
from app.writes.prepare import (
    NothingToCopyTo,
    Parts,
    PreparedWrite,
    RecordFound,
    prepare,
    prepare_create,
    prepare_update,
)
from app.writes.resolved_write import ResolvedWrite, resolve_recorded
from mappings.endpoints import WriteResult
from mappings.http import VendorRequest
from mappings.spec import Unmappable

_log = logging.getLogger("lockstitch.write")

# A write that a worker executes is attempted this often before it fails; with the back-off, about an hour.
PATIENT_ATTEMPTS = 12
LONGEST_PAUSE = 600.0
# Another upsert of the same key usually takes milliseconds. This share of the attempt's time is kept for the write.
UPSERT_PAUSE = 0.03
UPSERT_RESERVE = 0.4
UPSERT_RETRY = 1.0
PERSON_PAUSE = 1.0
"""Seconds until a write is tried again whose person is being created."""
ANEW = "-anew"
"""The end of the idempotency key of a request that is sent again because the record does not exist."""
# A request with one of these problems leaves no operation.
INVALID = (InvalidField, UnsupportedField, UnsupportedAction, VersionConflict, NotFound, NotSystemOfRecord)


async def execute(
    deps: WriteDeps,
    begun: Begun,
    resolved: ResolvedWrite | None = None,
    prepared: PreparedWrite | None = None,
    *,
    patient: bool = False,
    until: float | None = None,
) -> Answer:
    """Carry out an operation that the lease of `begun` holds and that was never sent.

    `resolved` comes from the caller's request. Without it, the recorded intent is resolved. A `prepared` operation is
    already marked as sent. `patient`: a worker runs it and no caller waits, so transient problems are retried later and
    a refusal is kept. `until` is an earlier end of the attempt, by `time.monotonic`. Raises the Problem for the caller,
    Undecided, or RecordFound or ConsumerPaused for an operation that is not needed.
    """
    operation, deadline = begun.operation, time.monotonic() + deps.execution_limit
    deadline = deadline if until is None else min(deadline, until)
    try:
        if resolved is None:
            resolved = resolve_recorded(deps, operation.intent, deadline)
        resolved = replace(resolved, deadline=deadline, redriven=operation.redrives > 0)
        drafted = await _prepare(resolved, begun) if prepared is None else prepared
    except NothingToCopyTo:
        return await _record_skipped(deps, begun)
    except ConsumerPaused:
        await deps.operations.forget(begun, because="the consumer is paused")
        raise
    except NotSystemOfRecord as problem:
        return await _record_not_owned(deps, begun, problem, patient=patient)
    except StoreUnavailable:
        await release_unsent(deps, begun, deadline)
        raise
    except Problem as problem:
        await _record_unsent(deps, begun, problem, patient=patient)
        raise
    if drafted.skipped:
        pointers = tuple(one.pointer for one in drafted.skipped)
        await note_verdict(deps, "skipped", operation.intent, **_named(operation), pointers=pointers)
    if drafted.plan is not None:
        resolved = replace(resolved, intent=resolved.intent.with_plan(drafted.plan))
    if prepared is None and drafted.request is not None:
        try:
            begun = await deps.operations.mark_sent(
                begun,
                effect=drafted.effect,
                remote_id=drafted.remote_id,
                references=drafted.references,
                plan=drafted.plan,
            )
        except StoreUnavailable:
            await release_unsent(deps, begun, deadline)
            raise
    try:
        return await send_and_settle(resolved, begun, drafted)
    except VendorRefused as refused:
        if await lost_to_a_create(resolved, operation, drafted.effect, refused):
            await _postpone(deps, begun, 0.0 if operation.attempts <= 1 else UPSERT_RETRY)
            raise Undecided(operation.id) from refused
        if await lost_upsert_race(resolved, operation, drafted.effect, refused):
            await _postpone(deps, begun, UPSERT_RETRY)
            raise Undecided(operation.id) from refused
        refusal = resolved.problem_of(refused)
        return await outlast(resolved.deps, begun, resolved.deadline, partial(record_refusal, deps, begun, refusal))
    except VendorProblem as problem:
        await _record_unsent(deps, begun, problem, patient=patient)
        raise


async def send_and_settle(resolved: ResolvedWrite, begun: Begun, prepared: PreparedWrite) -> Answer:
    """Send the request, and settle the operation if the vendor accepts.

    Raises Undecided if the reply was lost or cannot be read. VendorRefused and the problems of a vendor that was not
    reached leave the operation as it is: their meaning depends on whether it was sent before.
    """
    request, effect = prepared.request, prepared.effect
    result = WriteResult(remote_id=prepared.remote_id)
    if request is None:
        effect = "update"
    else:
        result = await _send(resolved, begun, prepared, request)
    done = CarriedOut(
        effect=effect, result=result, loss=prepared.loss, skipped=prepared.skipped, before=prepared.before
    )
    return await outlast(resolved.deps, begun, resolved.deadline, partial(finish, resolved, begun, done))


async def _send(resolved: ResolvedWrite, begun: Begun, prepared: PreparedWrite, request: VendorRequest) -> WriteResult:
    """Send the request, after its parts, and return what the vendor did. Raises like `send_and_settle`."""
    operation = begun.operation
    try:
        if prepared.parts is not None:
            request = await _with_parts(resolved, operation, prepared.parts)
        if operation.redrives or operation.resent_for is not None:
            request = _with_own_key(request, operation)
        reply = await resolved.send(request)
    except ReplyLost as lost:
        _log.warning("a reply was lost", extra=_log_facts(operation) | {"code": lost.why})
        margin = resolved.deps.settle_margin
        wait = partial(resolved.deps.operations.postpone, begun, seconds=margin, sent=True)
        await outlast(resolved.deps, begun, resolved.deadline, wait)
        raise Undecided(operation.id) from lost
    result_of = resolved.mapping.endpoints.write_result
    assert result_of is not None  # noqa: S101 - every mapping with a write has one
    try:
        return result_of(reply, prepared.effect)
    except Unmappable as error:
        # The vendor did it, but the answer cannot be read: the marker will find the record.
        raise await read_later(resolved, begun, first=0.0) from error


async def _with_parts(resolved: ResolvedWrite, operation: Operation, parts: Parts) -> VendorRequest:
    """Return the request to send, with its parts, which are created now. Raises like `VendorClient.send`, and
    VendorDrifted if the reply about the parts cannot be read."""
    reply = await resolved.send(_with_own_key(parts.request, operation))
    with resolved.as_drift():
        return parts.completed(reply)


def _log_facts(operation: Operation) -> dict[str, object]:
    return {
        "operation_id": operation.id,
        "correlation_id": operation.correlation_id,
        "connection": operation.connection,
        "object": operation.object,
        "action": operation.action,
        "attempt": operation.attempts,
    }


def _with_own_key(request: VendorRequest, operation: Operation) -> VendorRequest:
    """Give each redrive, and a request that is sent anew, its own idempotency key: under the first one, Stripe repeats
    its refusal or its server error for a day."""
    suffix = f"-{operation.redrives}" if operation.redrives else ""
    suffix += ANEW if operation.resent_for is not None else ""
    if not suffix:
        return request
    headers = tuple(
        (name, value + suffix if name.lower() == "idempotency-key" else value) for name, value in request.headers
    )
    return replace(request, headers=headers)


async def _prepare(resolved: ResolvedWrite, begun: Begun) -> PreparedWrite:
    if resolved.lock is not None or resolved.intent.copy_of is not None:
        await _lock(resolved, begun)
    # References are resolved anew: an earlier attempt may have found what is no longer there.
    resolved = _with_references(resolved, None)
    try:
        drafted = await prepare(resolved, begun.operation.id)
    except RecordFound as existing:
        is_part = resolved.intent.part_of is not None
        if is_part and await resolved.deps.operations.forget(begun, because="the record exists"):
            raise
        # A caller or a job waits for its end: the record is the result.
        return PreparedWrite(effect="update", request=None, remote_id=existing.remote_id)
    if drafted.references is None or not drafted.references.is_missing:
        return drafted
    # The vendor would accept the draft, so the person is created now.
    try:
        person = await create_person(resolved, begun.operation, drafted.references, execute)
    except Undecided as undecided:
        await _postpone(resolved.deps, begun, PERSON_PAUSE)
        raise Undecided(begun.operation.id, undecided.because) from undecided
    known = _with_references(resolved, replace(drafted.references, person=person, is_missing=False))
    if drafted.effect == "update" and drafted.remote_id is not None:
        return await prepare_update(known, begun.operation.id, drafted.remote_id)
    return await prepare_create(known, begun.operation.id)


def _with_references(resolved: ResolvedWrite, references: References | None) -> ResolvedWrite:
    return replace(resolved, intent=replace(resolved.intent, references=references))


async def _lock(resolved: ResolvedWrite, begun: Begun) -> None:
    """Wait until no other undecided operation holds what this one locks. Two copies at once would create two records,
    or merge with one base. Raises Undecided on a timeout."""
    operations, place = resolved.deps.operations, (resolved.connection.name, resolved.intent.object)
    give_up = resolved.deadline - UPSERT_RESERVE * resolved.deps.execution_limit
    while not await operations.lock_upsert(*place, resolved.lock, resolved.intent.copy_of, begun.lease):
        if time.monotonic() > give_up:
            await _postpone(resolved.deps, begun, UPSERT_RETRY)
            raise Undecided(begun.operation.id)
        await asyncio.sleep(UPSERT_PAUSE)


async def _record_skipped(deps: WriteDeps, begun: Begun) -> Answer:
    """Record the success of a copy that found no record to change. Raises LeaseLost."""
    answer = skipped_answer(begun.operation)
    await deps.operations.succeed(begun, Success(answer=answer))
    operations_ended(begun.operation.object, begun.operation.action, "succeeded").inc()
    return answer


async def record_refusal(deps: WriteDeps, begun: Begun, problem: Problem, *, sent: bool = True) -> Answer:
    """Record a final refusal, in general by the vendor. It is replayed like a success."""
    document = document_for(deps, begun.operation, problem)
    answer = problem_answer(document)
    await deps.operations.fail(begun, problem=document, answer=answer, sent=sent)
    operations_ended(begun.operation.object, begun.operation.action, "failed").inc()
    return answer


async def _record_not_owned(deps: WriteDeps, begun: Begun, problem: NotSystemOfRecord, *, patient: bool) -> Answer:
    """Record a write of a field that another system owns. One to review becomes a dead letter, and its caller's retries
    get the same answer until it is redriven. Raises the problem of any other."""
    operation = begun.operation
    await note_refusal(deps, problem, operation.intent, **_named(operation))
    if problem.review:
        # Deferred operations keep their key after a refusal, and become dead letters.
        deferred = await deps.operations.defer(operation.id)
        begun = replace(begun, operation=deferred or operation)
        problem.operation_id = operation.id
        return await record_refusal(deps, begun, problem, sent=False)
    await _record_unsent(deps, begun, problem, patient=patient)
    raise problem


def _named(operation: Operation) -> dict[str, str]:
    return {"operation": operation.id, "actor": operation.principal, "run": operation.correlation_id}


async def _record_unsent(deps: WriteDeps, begun: Begun, problem: Problem, *, patient: bool) -> None:
    """Record the outcome of an attempt that sent nothing.

    If a caller waits, release the key. Otherwise retry later while that may help; a queued write retries until its job
    gives up. Raises Undecided for a retry.
    """
    operation = begun.operation
    if isinstance(problem, VendorThrottled):
        await _postpone(deps, begun, problem.retry_after or 1.0)
        raise Undecided(operation.id, problem) from problem
    document = document_for(deps, operation, problem)
    if not patient and await _release_key(deps, begun, problem, document):
        return
    attempts = operation.attempts
    waits = problem.category == "auth" or problem.retryable if operation.queued else problem.retryable
    # A paused connection was not called, so this is no failed attempt.
    is_paused = isinstance(problem, ConnectionPaused) and problem.is_no_failure
    if waits and (operation.queued or is_paused or attempts < PATIENT_ATTEMPTS):
        await _postpone(deps, begun, min(LONGEST_PAUSE, 2.0 ** min(attempts, PATIENT_ATTEMPTS)))
        raise Undecided(operation.id, problem) from problem
    # A caller who got 202 finds a final refusal as the answer, until a redrive replaces it.
    answer = problem_answer(document) if problem.category in FOR_GOOD else None
    await deps.operations.fail(begun, problem=document, answer=answer)
    operations_ended(operation.object, operation.action, "failed").inc()


async def _release_key(deps: WriteDeps, begun: Begun, problem: Problem, document: ProblemDocument) -> bool:
    """End the operation and free its key. False if a caller got 202 for it meanwhile."""
    if isinstance(problem, INVALID):
        return await deps.operations.forget(begun, because=problem.code)
    if not await deps.operations.fail(begun, problem=document, answer=None, unless_deferred=True):
        return False
    operations_ended(begun.operation.object, begun.operation.action, "failed").inc()
    return True


async def _postpone(deps: WriteDeps, begun: Begun, seconds: float) -> None:
    await deps.operations.postpone(begun, seconds=seconds, sent=False)
