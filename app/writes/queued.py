"""Writes that wait for their turn: one job each, in the lane of their connection, in order per record.

The job is enqueued in the transaction that records the intent, and ends when the operation is decided. Meanwhile nobody
else may begin it, so that a later write of the same record cannot get in front, whoever dies. Attempts of the job are
deferred as long as it is the vendor who keeps it waiting; what is counted are workers that die over it.

A write that was refused for good after its caller was told to come back ends as a dead letter of its job. The job is
there until then, so a worker that dies between the two leaves it to the next one.
"""

import hashlib
from functools import partial
from typing import Final

import msgspec

from app.errors import ConnectionPaused, OutcomeUnknown, Problem, VendorUnavailable
from app.queue.kinds import JobKind
from app.queue.models import (
    Conflict,
    DeadLetter,
    Deferred,
    Done,
    Exhausted,
    Finishing,
    Job,
    JobOutcome,
    JobPolicy,
    NewJob,
    Permanent,
    Throttled,
    Unauthorised,
)
from app.records.map_record import choose_writer
from app.records.resolve import active_mapping
from app.writes.deps import WriteDeps
from app.writes.execute import PATIENT_ATTEMPTS, document_for
from app.writes.models import Begun, Intent, Operation
from app.writes.recover import continue_operation
from app.writes.show import show_write
from app.writes.store.redrive import reopen_refused
from mappings.registry import mapping_of

KIND: Final = "execute"
ABANDON: Final = "abandon"
# The lease of an operation bounds an attempt; the queue's own limit is for what has gone astray. A write that was given
# up holds up those of the same record, until a person has decided: they were meant to come after it.
POLICY: Final = JobPolicy(max_attempts=5, dead_head="block", attempt_seconds=3600.0)
ABANDON_POLICY: Final = JobPolicy()
LEAST_PAUSE: Final = 0.05


def is_queued(deps: WriteDeps, intent: Intent) -> bool:
    """Whether writes like this always wait for their turn; comments do with their tickets."""
    return ("ticket" if intent.object == "comment" else intent.object) in deps.queued_writes


def job_of(operation: Operation) -> NewJob:
    """The job that will begin a new operation."""
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


def letter_job_of(operation: Operation) -> NewJob:
    """The job that makes a dead letter of a direct write. Such writes have no order to keep, nor has their redrive."""
    return msgspec.structs.replace(job_of(operation), order_key=None)


async def run_write_job(deps: WriteDeps, job: Job, finishing: Finishing) -> JobOutcome:
    """Go on with the operation whose id is the payload; the job ends with the operation's decision."""
    operation_id = job.payload.decode()
    begun = await deps.operations.take_turn(operation_id)
    because = None
    if begun is not None:
        because = await continue_operation(deps, await _at_its_revision(deps, begun))
    operation = await deps.operations.get(operation_id)
    if operation is not None and operation.is_letter:
        return _refused(deps, operation)
    if operation is None or not operation.queued or operation.phase in ("settled", "unknown"):
        return Done()
    if because is None:
        return Deferred(reason="it is not decided yet", after=max(LEAST_PAUSE, operation.due_in))
    return _held_up(operation, because)


async def _at_its_revision(deps: WriteDeps, begun: Begun) -> Begun:
    """A redriven write is drafted by the revision that is at work now: the one that it began with may be why it was
    refused. Nothing of it has been sent."""
    operation = begun.operation
    connection = deps.connections.by_name.get(operation.connection)
    if not operation.redrives or operation.phase != "received" or connection is None:
        return begun
    intent = operation.intent
    mapping = active_mapping(deps, connection, intent.object)
    if mapping is None:
        return begun
    mapping = choose_writer(deps, connection, mapping, intent.remote_id or intent.parent or operation.id)
    if mapping.revision == intent.revision:
        return begun
    return await deps.operations.revise(begun, msgspec.structs.replace(intent, revision=mapping.revision))


def _refused(deps: WriteDeps, operation: Operation) -> JobOutcome:
    """A dead letter that holds nobody up: later writes of the record do not build on one that never happened."""
    problem, connection = operation.problem, deps.connections.by_name.get(operation.connection)
    assert problem is not None  # noqa: S101 - what is refused says why
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
    """What follows when a dead letter is let go: the operation of a write has to end all the same."""
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
    """End an operation whose job was given up and let go: nothing was sent, or nobody knows."""
    begun = await deps.operations.take_turn(job.payload.decode())
    if begun is None:
        operation = await deps.operations.get(job.payload.decode())
        if operation is None or not operation.queued or operation.phase in ("settled", "unknown"):
            return Done()
        return Deferred(reason="it is still held", after=max(LEAST_PAUSE, operation.due_in))
    operation = begun.operation
    if operation.phase == "received":
        never = VendorUnavailable("An operator let this write go; nothing was sent.", operation_id=operation.id)
        await deps.operations.fail(begun, problem=document_for(deps, operation, never), answer=None)
    else:
        in_doubt = OutcomeUnknown(
            "An operator let this write go after it was sent, and whether the vendor did it was not found out.",
            operation_id=operation.id,
        )
        await deps.operations.mark_unknown(begun, problem=document_for(deps, operation, in_doubt))
    return Done()


def _held_up(operation: Operation, because: Problem) -> JobOutcome:
    """What the vendor's problem is to the queue: a matter of the whole connection, or of this write."""
    held = isinstance(because, ConnectionPaused) and because.held
    if because.category == "throttle":
        return Throttled(reason=because.code, retry_after=because.retry_after)
    if because.category == "auth" and not held:
        return Unauthorised(reason=because.code)
    # Counted in rounds, so that a redrive has as many attempts as the first run had.
    if operation.phase == "received" and operation.attempts % PATIENT_ATTEMPTS == 0 and not held:
        return Exhausted(reason=because.code)
    return Deferred(reason=because.code, after=max(LEAST_PAUSE, operation.due_in))


def _order_key(intent: Intent) -> str | None:
    """What is written one after the other: a record, a ticket with its comments, or a unique key, as a digest because
    it may be somebody's address. A name space of its own: what is learned of a record need not wait for what is
    written."""
    if intent.object == "comment":
        return f"write:ticket:{intent.parent}"
    if intent.remote_id is not None:
        return f"write:{intent.object}:{intent.remote_id}"
    if intent.upsert_value is None:
        return None
    digest = hashlib.sha256(f"{intent.upsert_on}\0{intent.upsert_value}".encode()).hexdigest()
    return f"write:{intent.object}:{intent.upsert_on}:{digest[:32]}"


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
