"""Fan-out: carry a change to one consumer.

A fan-out is a hint. When it runs, it supersedes those that wait behind it, reads the record as it is now, and copies
it by an ordinary write under a key of the Event and the consumer. One that fails for good becomes a dead letter; its
redrive reads the record again.
"""

import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final, Literal

import msgspec
from msgspec.structs import replace

from app.audit.record import Entry, append
from app.copies import FAN_OUT
from app.copies.consumers import CONSENTS, Consumer, FanOut
from app.copies.deps import CopyDeps
from app.copies.request import Copy, request_of
from app.copies.source import SourceRecord, read_source, unreadable_source
from app.dependencies import Dependencies
from app.errors import InvalidField, NotFound, UnsupportedField, VersionConflict
from app.http.plurals import PLURAL
from app.identifiers import new_id
from app.problem_document import Problem
from app.queue.enqueue import job_subject
from app.queue.finishing import Finishing
from app.queue.kinds import JobKind, Shown
from app.queue.models import (
    Conflict,
    DeadLetter,
    Deferred,
    Done,
    Job,
    JobOutcome,
    JobPolicy,
    Permanent,
    Retry,
)
from app.queue.supersede import supersede
from app.records.resolve import choose_mapping
from app.writes.copy_links import KnownCopy, known_copy, linked_record
from app.writes.copy_merge import ConsumerPaused, has_nothing_new
from app.writes.execute import execute
from app.writes.models import Begun, Operation, Undecided
from app.writes.queued import operation_of_key
from app.writes.request import WriteRequest, new_operation
from app.writes.resolved_write import ResolvedWrite, fingerprint, resolve_request
from canonical.parts import Link
from mappings.coverage import unsupported

DAY: Final = 86_400.0
POLICY: Final = JobPolicy(
    max_attempts=45, base_seconds=2.0, cap_seconds=5400.0, give_up_seconds=DAY, dead_head="skip", attempt_seconds=120.0
)
"""About a day of retries while a connection is down. A dead one blocks no later one, which carries the newest state."""
LEAST_PAUSE: Final = 0.2
UNKNOWN_PAUSE: Final = 60.0
"""Seconds until a fan-out looks again whether an operator has resolved an unknown operation."""
PAUSED: Final = "its consumer is paused"
PAUSE: Final = 30.0
"""Seconds until a fan-out looks again whether an operator has resumed its consumer."""
CORRECT: Final = "correct it where the record comes from, or leave it out of the `fields` of the consumer."
WITHDRAW: Final = (
    "record the consents there by hand. So that the person's other changes are carried again, leave consents out of the"
    " `fields` of the consumer."
)

FOLLOW: Final = "bring the record to this state there by hand, or discard this. What else has changed was written."

Consent = Literal["given", "withdrawn", "none"]


async def run_fan_out(deps: CopyDeps, job: Job, finishing: Finishing) -> JobOutcome:
    """Handle a `fan_out` job."""
    fan_out = msgspec.json.decode(job.payload, type=FanOut)
    consumer, source = deps.consumers.get(fan_out.consumer), deps.connections.by_name.get(fan_out.connection)
    if consumer is None or source is None:
        return await _skip(job, finishing, fan_out, "the consumer or its source is no longer configured")
    if await deps.removals.is_paused(consumer.name):
        return Deferred(reason=PAUSED, after=PAUSE)
    principal = _principal(fan_out)
    recorded = await deps.operations.find_by_key(principal, fan_out.event)
    if recorded is not None and (recorded.outcome != "failed" or recorded.is_dead_letter):
        return _outcome_of(deps, recorded)
    if recorded is not None:  # a redrive after a refusal
        await deps.operations.release(principal, fan_out.event)
    if fan_out.archives:
        return await _archive(deps, job, finishing, fan_out, consumer)
    async with deps.database.transaction() as transaction:
        await supersede(transaction, job)
    place = Link(connection=source.name, remote_id=fan_out.remote_id)
    known = await known_copy(deps, fan_out.object, place, consumer.connection)
    try:
        record = await read_source(deps, source, fan_out.object, fan_out.remote_id)
    except NotFound:
        return await _skip(job, finishing, fan_out, "the record no longer exists")
    except Problem as problem:
        return unreadable_source(problem)
    request = await request_copy(deps, fan_out, consumer, record, known, run=job.correlation_id)
    if isinstance(request, Deferred):
        return request
    if isinstance(request, str):
        return await _skip(job, finishing, fan_out, request)
    resolved = await resolve_request(deps, request, time.monotonic())
    if await has_nothing_new(resolved):
        return await _skip(job, finishing, fan_out, "nothing has changed since the last copy")
    if known.remote_id is not None:
        there, per_minute = (
            Link(connection=consumer.connection, remote_id=known.remote_id),
            consumer.most_writes_per_minute,
        )
        if not await deps.removals.may_write(consumer.name, there, fan_out.object, per_minute=per_minute):
            return Deferred(reason=PAUSED, after=PAUSE)
    return await _write(deps, job, request, resolved)


async def _archive(deps: CopyDeps, job: Job, finishing: Finishing, fan_out: FanOut, consumer: Consumer) -> JobOutcome:
    """Archive the copy of a customer who was deleted at the source, unless another source still has the customer."""
    named = (await deps.links.name(fan_out.object, fan_out.connection, [fan_out.remote_id]))[fan_out.remote_id]
    linked = await linked_record(deps, named.canonical_id, fan_out.object, consumer.connection)
    if linked is None:
        return await _skip(job, finishing, fan_out, "the record is not linked there")
    sources = await deps.bases.sources_of(fan_out.object, consumer.connection, linked)
    others = [one for one in sources if one.connection in consumer.sources and one.connection != fan_out.connection]
    if others:
        return await _skip(job, finishing, fan_out, f"{others[0].connection} still has the customer")
    request = replace(
        _request_of(fan_out, job.correlation_id),
        action="archive",
        identifier=f"{consumer.connection}:{linked}",
        writer=fan_out.connection,
    )
    try:
        return await _write(deps, job, request, await resolve_request(deps, request, time.monotonic()))
    except NotFound:
        return await _skip(job, finishing, fan_out, "the copy no longer exists")


async def request_copy(
    deps: CopyDeps,
    fan_out: FanOut,
    consumer: Consumer,
    record: SourceRecord,
    known: KnownCopy,
    *,
    run: str,
    among: Collection[str] | None = None,
) -> WriteRequest | Deferred | str:
    """Return the write of the copy, only of the fields `among` if given; why nothing is copied; or that it waits until
    an operator knows whether there is a copy."""
    target, linked = deps.connections.by_name[consumer.connection], known.remote_id
    consent, why = consent_in(record.fields, consumer.requires_consent), "the consent is withdrawn"
    if record.fields.get("status") == "erasure_requested":
        consent, why = "withdrawn", "the person's erasure is requested"
    if consent == "none":
        return "there is no consent"
    if consent == "withdrawn":
        if linked is None:
            return f"{why}, and the person is not linked there"
        if CONSENTS in unsupported(choose_mapping(deps, target, fan_out.object)):
            return f"{why}, and the vendor keeps no consents"
        if not record.fields.get(CONSENTS):
            return f"{why}, and the record has no consents"
    elif linked is None and not consumer.creates and consumer.match_on is None:
        return "the record is not linked there"
    if linked is None:
        unknown = await deps.operations.unknown_copy(target.name, fan_out.object, record.id)
        if unknown is not None:
            return Deferred(reason=f"{unknown} may have created its copy", after=UNKNOWN_PAUSE)
    only = {CONSENTS} if consent == "withdrawn" else consumer.fields or None
    copy = Copy(
        target=target,
        known=known,
        match_on=consumer.match_on,
        creates=consumer.creates and consent == "given",
        visited=fan_out.visited,
        only=only if among is None else {*among}.intersection(only or among),
        consumer=consumer.name,
        follows_logins=consumer.follows_logins,
    )
    missing = "create" if copy.creates else "refuse"
    return request_of(deps, replace(_request_of(fan_out, run), missing=missing), record, copy)


def consent_in(fields: Mapping[str, Any], channel: str | None) -> Consent:
    """Return whether a customer agreed to a channel; "given" if none is required. Only `opted_in` is a consent."""
    if channel is None:
        return "given"
    states = {one["state"] for one in fields.get(CONSENTS) or () if one["channel"] == channel}
    if "opted_out" in states:
        return "withdrawn"
    return "given" if "opted_in" in states else "none"


def _request_of(fan_out: FanOut, run: str) -> WriteRequest:
    """Return what all writes of a fan-out have in common. The key is the event."""
    principal = _principal(fan_out)
    return WriteRequest(
        principal=principal,
        key=fan_out.event,
        fingerprint=fingerprint(principal.encode(), fan_out.event.encode()),
        correlation_id=run,
        instance=f"/v1/{PLURAL[fan_out.object]}/{fan_out.connection}:{fan_out.remote_id}/copies",
        object=fan_out.object,
        action="update",
    )


async def _write(deps: CopyDeps, job: Job, request: WriteRequest, resolved: ResolvedWrite) -> JobOutcome:
    """Write the copy as an operation. Raises the problems of a write that was not sent."""
    begun = await deps.operations.begin(new_operation(request, resolved.intent, new_id("op_"), job.traceparent))
    if isinstance(begun, Begun):
        with suppress(Undecided):  # a worker decides it, and the fan-out waits for that
            try:
                await execute(deps, begun, resolved)
            except ConsumerPaused:
                return Deferred(reason=PAUSED, after=PAUSE)
            except VersionConflict:
                return Deferred(reason="another copy has ended since the record was read", after=LEAST_PAUSE)
    operation_id = begun.operation.id if isinstance(begun, Begun) else begun.id
    operation = await deps.operations.get(operation_id)
    if operation is None and await deps.operations.was_lost(operation_id):
        return Retry(reason="the database has lost its operation")
    return Done() if operation is None else _outcome_of(deps, operation)


def _outcome_of(deps: CopyDeps, operation: Operation) -> JobOutcome:
    """Return what the state of its operation means for a fan-out. If the copy left a state or a fixed field, the
    fan-out becomes a dead letter, although the rest was written: otherwise no one would learn of the loss. With it the
    key is released, so that a redrive copies again."""
    problem, answer = operation.problem, operation.answer
    if operation.outcome == "succeeded" and answer is not None and answer.unfollowed is not None:
        released = partial(deps.operations.release, operation.principal, operation.key)
        return Conflict(reason=UnsupportedField.code, path=answer.unfollowed, record=released)
    if operation.outcome == "succeeded" or operation.is_dead_letter:  # one to review is a dead letter of its own
        return Done()
    if operation.phase == "unknown":
        return Conflict(reason="outcome-unknown")
    if operation.outcome is None or problem is None:
        return Deferred(reason="its write is not decided yet", after=max(LEAST_PAUSE, operation.due_in))
    path = next((error.pointer for error in problem.errors or () if isinstance(error.pointer, str)), None)
    if problem.category == "conflict":
        return Conflict(reason=problem.code, path=path)
    return Permanent(reason=problem.code, path=path) if problem.category == "permanent" else Retry(reason=problem.code)


def _principal(fan_out: FanOut) -> str:
    """Return the principal of the writes of a consumer. The key is the event."""
    return f"consumer:{fan_out.consumer}"


async def show_fan_out(dependencies: Dependencies, payload: bytes) -> Shown:
    """Show a fan-out, and the refusal of its write if it came to one. Raises SealBroken."""
    fan_out = msgspec.json.decode(payload, type=FanOut)
    operation = await operation_of_key(dependencies, _principal(fan_out), fan_out.event)
    if operation is None:
        return Shown(payload=fan_out)
    return Shown(
        payload=msgspec.to_builtins(fan_out) | {"operation": operation.id, "problem": operation.problem},
        note=f"GET /v1/operations/{operation.id} shows how far it has come.",
    )


async def _skip(job: Job, finishing: Finishing, fan_out: FanOut, why: str) -> JobOutcome:
    """End a fan-out that sends nothing, audited."""
    facts = {"event": fan_out.event, "consumer": fan_out.consumer, "because": why}
    async with finishing() as transaction:
        await append(
            transaction, Entry(type="fan_out.skipped", subject=job_subject(job.id), actor="lockstitch", facts=facts)
        )
    return Done()


def _advice(letter: DeadLetter) -> str | None:
    """Return what to do about a field that the consumer refused."""
    if letter.reason not in (InvalidField.code, UnsupportedField.code) or letter.path is None:
        return None
    fix = WITHDRAW if letter.path.startswith(f"/{CONSENTS}") else CORRECT
    if letter.category == "conflict":
        fix = FOLLOW
    return f"{letter.connection} refused {letter.path}: {fix} A redrive reads the record again."


KINDS: Final = (
    JobKind(
        name=FAN_OUT,
        policy=POLICY,
        bind=lambda dependencies: partial(run_fan_out, dependencies.of(CopyDeps)),
        show=show_fan_out,
        reads_again=True,
        advise=_advice,
    ),
)
