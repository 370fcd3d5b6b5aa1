"""Write for a caller: replay a known key, else execute the write once, and answer within the time that they wait.

The write runs in its own task, so a caller who disconnects does not stop it. Before the key is judged, nothing waits
for a vendor: account facts that are not cached are fetched after the intent is recorded.
"""

import time
from contextlib import suppress
from dataclasses import replace

import msgspec

from app.egress.named_targets import require_callback
from app.errors import NotSystemOfRecord, VendorProblem
from app.identifiers import new_id
from app.problem_document import Problem
from app.telemetry import current_traceparent
from app.writes.deps import WriteDeps
from app.writes.execute import execute
from app.writes.idempotency import KeyIsFree, Waits, Writers, Written, poll, replay, wait_for, waits_of
from app.writes.judge_ownership import note_refusal
from app.writes.models import NewOperation, Operation
from app.writes.prepare import PreparedWrite, prepare
from app.writes.queued import job_of
from app.writes.request import WriteRequest, new_operation
from app.writes.resolve_references import needs_look_up
from app.writes.resolved_write import ResolvedWrite, resolve_request


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
    except Problem as problem:
        recorded = await deps.operations.find_by_key(request.principal, request.key)
        if recorded is None:
            if isinstance(problem, NotSystemOfRecord):
                named = {"operation": operation_id, "actor": request.principal, "run": request.correlation_id}
                await note_refusal(deps, problem, resolved.intent, **named)
            raise
    if recorded is not None:
        return await replay(deps, writers, request, recorded, waits)
    new = new_operation(request, resolved.intent, operation_id, current_traceparent())
    if queued:
        return await _enqueue(deps, writers, request, new, waits)
    if prepared is not None:
        intent = msgspec.structs.replace(new.intent, references=prepared.references)
        new = msgspec.structs.replace(new, intent=intent, phase="sent", effect=prepared.effect)
    begun = await deps.operations.begin(new)
    if isinstance(begun, Operation):
        return await replay(deps, writers, request, begun, waits)
    return await wait_for(deps, writers, begun, execute(deps, begun, resolved, prepared), waits)


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
    new = msgspec.structs.replace(new, deferred=waits.own <= time.monotonic())
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
