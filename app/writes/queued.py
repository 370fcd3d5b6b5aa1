"""Queued writes: one job each, in the lane of their connection, in order per record.

The transaction that records the intent enqueues the job, which ends when the operation is decided. Until then only the
job may execute it, so a crash cannot let a later write of the record overtake it. Attempts that the vendor delays are
deferred; only attempts that kill a worker count.

A write that is finally refused after its caller got 202 becomes a dead letter of its job. The job exists until then, so
a crash between the two leaves it to the next worker.
"""

import hashlib
from functools import partial
from typing import Any, Final

import msgspec
from msgspec import Struct

from app.dependencies import Dependencies
from app.errors import ConnectionPaused, OutcomeUnknown, VendorThrottled, VendorUnavailable
from app.problem_document import Problem, ProblemDocument
from app.queue.finishing import Finishing
from app.queue.kinds import JobKind, Shown, legible
from app.queue.models import (
    BudgetShare,
    Conflict,
    DeadLetter,
    Deferred,
    Done,
    Exhausted,
    Job,
    JobOutcome,
    JobPolicy,
    NewJob,
    Permanent,
    Throttled,
    Unauthorised,
)
from app.records.map_record import active_mapping
from app.writes.answer import document_for
from app.writes.deps import WriteDeps
from app.writes.execute import PATIENT_ATTEMPTS
from app.writes.models import Begun, Intent, Operation
from app.writes.recover import continue_operation
from app.writes.store.queued import reopen_refused
from app.writes.store.reader import OperationReader
from canonical.parts import ObjectName
from mappings.endpoints import Action
from mappings.registry import mapping_of

KIND: Final = "execute"
ABANDON: Final = "abandon"
# The lease of an operation bounds an attempt; the limit of the queue is only a safety net. A write that was given up
# blocks later writes of the record until an operator decides, because they build on it.
POLICY: Final = JobPolicy(max_attempts=5, dead_head="block", attempt_seconds=3600.0, share=BudgetShare.INTERACTIVE)
ABANDON_POLICY: Final = JobPolicy()
LEAST_PAUSE: Final = 0.05


class DeadWrite(Struct, frozen=True, kw_only=True):
    """`request` is the path that the caller called, `body` what they sent, `problem` the refusal, if there is one."""

    operation: str
    object: ObjectName
    action: Action
    connection: str
    remote_id: str | None
    request: str
    body: Any
    problem: ProblemDocument | None


def job_of(operation: Operation) -> NewJob:
    """Return the job that executes a new operation."""
    return NewJob(
        kind=KIND,
        payload=operation.id.encode(),
        connection=operation.connection,
        order_key=_order_key(operation.intent),
        dedupe_key=operation.id,
        correlation_id=operation.correlation_id,
        traceparent=operation.traceparent,
        origin=operation.id,
    )


def dead_letter_job_of(operation: Operation) -> NewJob:
    """Return the job that turns a direct write into a dead letter. Direct writes and their redrives have no order."""
    return msgspec.structs.replace(job_of(operation), order_key=None)


async def run_write_job(deps: WriteDeps, job: Job, finishing: Finishing) -> JobOutcome:
    """Continue the operation whose id is the payload. The job ends when the operation is decided."""
    operation_id = job.payload.decode()
    begun = await deps.operations.take_queued(operation_id)
    because = None
    if begun is not None:
        because = await continue_operation(deps, await _with_active_revision(deps, begun))
    operation = await deps.operations.get(operation_id)
    if operation is not None and operation.is_dead_letter:
        return _dead_letter_of(deps, operation)
    if operation is None or not operation.queued or operation.phase in ("settled", "unknown"):
        return Done()
    if because is None:
        return Deferred(reason="it is not decided yet", after=max(LEAST_PAUSE, operation.due_in))
    return _delayed_by(operation, because)


async def _with_active_revision(deps: WriteDeps, begun: Begun) -> Begun:
    """Draft a redriven or approved write by the active revision: the recorded one may be why it was refused, or have
    been replaced while the write waited for days. Nothing was sent."""
    operation = begun.operation
    connection = deps.connections.by_name.get(operation.connection)
    is_late = operation.redrives > 0 or operation.approval is not None
    if not is_late or operation.phase != "received" or connection is None:
        return begun
    intent = operation.intent
    mapping = active_mapping(deps, connection, intent.object)
    if mapping is None or mapping.revision == intent.revision:
        return begun
    return await deps.operations.revise(begun, msgspec.structs.replace(intent, revision=mapping.revision))


def _dead_letter_of(deps: WriteDeps, operation: Operation) -> JobOutcome:
    """Return a dead letter that blocks nothing: later writes of the record do not build on one that never happened."""
    problem, connection = operation.problem, deps.connections.by_name.get(operation.connection)
    assert problem is not None  # noqa: S101 - a refused operation has its problem
    revision = operation.intent.revision
    mapping = None if connection is None else mapping_of(connection.vendor, operation.object, revision)
    outcome = Conflict if problem.category == "conflict" else Permanent
    return outcome(
        reason=problem.code,
        path=next((error.pointer for error in problem.errors or () if isinstance(error.pointer, str)), None),
        mapping=None if mapping is None else mapping.name,
        revision=None if mapping is None else revision,
        skip=True,
    )


def abandonment_of(letter: DeadLetter) -> NewJob | None:
    """Return the job that ends the operation of a discarded dead letter."""
    if letter.origin is None:
        return None
    return NewJob(
        kind=ABANDON,
        payload=letter.origin.encode(),
        dedupe_key=letter.origin,
        correlation_id=letter.correlation_id,
        origin=letter.origin,
    )


async def abandon(deps: WriteDeps, job: Job, finishing: Finishing) -> JobOutcome:
    """End an operation whose dead letter was discarded: as failed if nothing was sent, else as unknown."""
    begun = await deps.operations.take_queued(job.payload.decode())
    if begun is None:
        operation = await deps.operations.get(job.payload.decode())
        if operation is None or not operation.queued or operation.phase in ("settled", "unknown"):
            return Done()
        return Deferred(reason="it is still held", after=max(LEAST_PAUSE, operation.due_in))
    operation = begun.operation
    if operation.phase == "received":
        never = VendorUnavailable("An operator discarded this write; nothing was sent.", operation_id=operation.id)
        await deps.operations.fail(begun, problem=document_for(deps, operation, never), answer=None)
    else:
        in_doubt = OutcomeUnknown(
            "An operator discarded this write after it was sent, and whether the vendor did it was not found out.",
            operation_id=operation.id,
        )
        await deps.operations.mark_unknown(begun, problem=document_for(deps, operation, in_doubt))
    return Done()


def _delayed_by(operation: Operation, because: Problem) -> JobOutcome:
    """Return the job outcome for a vendor's problem: it concerns the whole connection, or this write only."""
    is_paused = isinstance(because, ConnectionPaused) and because.is_no_failure
    if because.category == "throttle" and not (isinstance(because, VendorThrottled) and because.is_ours):
        return Throttled(reason=because.code, retry_after=because.retry_after)
    if because.category == "auth" and not is_paused:
        return Unauthorised(reason=because.code)
    # Counted in rounds, so that a redrive has as many attempts as the first run.
    was_tried = because.category != "throttle" and not is_paused
    if operation.phase == "received" and operation.attempts % PATIENT_ATTEMPTS == 0 and was_tried:
        return Exhausted(reason=because.code)
    return Deferred(reason=because.code, after=max(LEAST_PAUSE, operation.due_in))


def _order_key(intent: Intent) -> str | None:
    """Return the key of writes that keep their order: a record, a ticket with its comments, or a unique key.

    A unique key is hashed, because it may be an e-mail address. The prefix separates writes from webhooks, which need
    not wait for them.
    """
    if intent.object == "comment":
        return f"write:ticket:{intent.parent}"
    if intent.remote_id is not None:
        return f"write:{intent.object}:{intent.remote_id}"
    if intent.upsert_value is None:
        return None
    digest = hashlib.sha256(f"{intent.upsert_on}\0{intent.upsert_value}".encode()).hexdigest()
    return f"write:{intent.object}:{intent.upsert_on}:{digest[:32]}"


async def operation_of_key(dependencies: Dependencies, principal: str, key: str) -> Operation | None:
    """Return the operation of a key, to show it to operators. Raises SealBroken."""
    return await dependencies.of(OperationReader).find_by_key(principal, key)


async def show_write(dependencies: Dependencies, payload: bytes) -> Shown:
    """Show the operation that a payload names. Raises SealBroken."""
    operation = await dependencies.of(OperationReader).get(payload.decode())
    if operation is None:
        return Shown(payload=legible(payload), note="Its operation is gone: retention has removed it.")
    intent = operation.intent
    return Shown(
        payload=DeadWrite(
            operation=operation.id,
            object=operation.object,
            action=operation.action,
            connection=operation.connection,
            remote_id=intent.remote_id or intent.parent,
            request=intent.instance,
            body=legible(intent.body) if intent.body else None,
            problem=operation.problem,
        ),
        note=f"GET /v1/operations/{operation.id} shows how far it has come.",
    )


KINDS: Final = (
    JobKind(
        name=KIND,
        policy=POLICY,
        bind=lambda dependencies: partial(run_write_job, dependencies.of(WriteDeps)),
        show=show_write,
        abandon=abandonment_of,
        reopen=reopen_refused,
    ),
    JobKind(
        name=ABANDON,
        policy=ABANDON_POLICY,
        bind=lambda dependencies: partial(abandon, dependencies.of(WriteDeps)),
    ),
)
