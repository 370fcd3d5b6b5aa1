"""Recover a write whose owner is gone or whose reply was lost: find out the outcome, and never resend blindly.

The mapping's `recovery` says how for each verb: by the vendor's idempotency key, by a unique constraint, by reading
back the marker, or by comparing the record's state.
"""

import time
from typing import Final

from msgspec.structs import replace

from app.errors import NotFound, OutcomeUnknown, VersionConflict
from app.problem_document import Problem
from app.queue.models import LeaseLost
from app.telemetry import operation_span
from app.telemetry.metrics import operations_ended
from app.vendors.models import VendorRefused
from app.writes.answer import document_for
from app.writes.copy_merge import ConsumerPaused
from app.writes.deps import WriteDeps
from app.writes.draft import patch_of
from app.writes.execute import execute, record_refusal, send_and_settle
from app.writes.find_lost import MarkerLookup, find_lost, has_reached, marker_lookup, matches_patch
from app.writes.find_record import lost_upsert_race
from app.writes.finish import CarriedOut, finish
from app.writes.models import Begun, Operation, Undecided
from app.writes.prepare import (
    PreparedWrite,
    RecordFound,
    prepare,
    prepare_create,
    prepare_update,
    prepare_upsert,
)
from app.writes.request import CREATING
from app.writes.resolved_write import ResolvedWrite, resolve_recorded
from mappings.endpoints import Action, Recovery, WriteResult
from mappings.registry import AnyMapping

# Seconds at the end of a vendor's idempotency key's lifetime that are not used: clocks differ, requests take time.
LIFETIME_MARGIN: Final = 300.0
# Attempts before the outcome is `unknown`: about a day with the pauses below.
MOST_ATTEMPTS: Final = 100
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 900.0
# Refusals of the request itself. A vendor that recognises a repeat would have repeated its acceptance, so it refused
# the first request too. A permission, in contrast, comes and goes.
DEFINITE: Final = ("rejected", "duplicate", "version_conflict")
# Look-ups whose absence counts.
PROVING: Final = ("strong", "listed")
NO_RECOVERY: Final = Recovery(by="none", note="the mapping states no way to find out")


async def recover(deps: WriteDeps, begun: Begun) -> None:
    """Continue one undecided operation in the trace of its run. Its own problems are recorded with it, not raised."""
    operation = begun.operation
    first = operation.attempts <= 2 and not operation.redrives  # the first owner, then this one
    name = f"resolve {operation.action} {operation.object}"
    with operation_span(name, operation.correlation_id, operation.traceparent, first=first):
        await continue_operation(deps, begun)


async def continue_operation(deps: WriteDeps, begun: Begun) -> Problem | None:
    """Take an undecided operation as far as possible. Returns the vendor's problem if that delays it."""
    try:
        if begun.operation.phase == "received" and _is_repeated(begun.operation):
            await deps.operations.forget(begun, because="its fan-out reads the record again")
        elif begun.operation.phase == "received":
            await execute(deps, begun, patient=True)
        else:
            await settle(deps, begun)
    except Undecided as undecided:
        return undecided.because
    except (Problem, LeaseLost, RecordFound, ConsumerPaused):
        return None  # recorded already, or another worker tries again when the lease ends
    return None


def _is_repeated(operation: Operation) -> bool:
    """Return whether a fan-out waits for the operation, and copies the record as it is then if this one fails."""
    copied = operation.intent.copy_of
    return copied is not None and copied.consumer is not None and not (operation.queued or operation.deferred)


async def settle(deps: WriteDeps, begun: Begun, *, final: bool = False) -> None:
    """Find out and record the outcome of a `sent` operation, or postpone it.

    `final`: an operator asked for one more look, so "not found yet" becomes `unknown` at once. Raises Undecided if it
    stays open because its record, or the vendor, cannot be read now.
    """
    operation = begun.operation
    resolved = resolve_recorded(deps, operation.intent, time.monotonic() + deps.execution_limit)
    resolved = replace(resolved, redriven=operation.redrives > 0, resends=True).as_planned
    effect: Action = operation.effect or operation.action
    recovery = recovery_of(resolved.mapping, effect)
    try:
        if recovery.by == "state":
            await _by_state(resolved, begun, effect)
        elif operation.remote_id is not None and effect in CREATING:
            # The vendor named the record; only reading it failed.
            lookup = await marker_lookup(resolved, operation.id, effect)
            await _finish_found(resolved, begun, effect, operation.remote_id, lookup, created=effect == "create")
        elif recovery.by == "unique" or (recovery.by == "key" and _key_helps(begun, recovery)):
            await _send_again(resolved, begun, effect)
        elif recovery.strength != "none":
            await _by_marker(resolved, begun, effect, recovery, final=final)
        else:
            await _mark_unknown(deps, begun, recovery.note)
    except VendorRefused as refused:
        await _retry_later(deps, begun, resolved.problem_of(refused))
    except Problem as problem:
        await _retry_later(deps, begun, problem)


def recovery_of(mapping: AnyMapping, effect: Action) -> Recovery:
    """Return how the outcome of a write can be found out."""
    return mapping.endpoints.recovery.get(effect, NO_RECOVERY)


def _key_helps(begun: Begun, recovery: Recovery) -> bool:
    """Return whether the vendor still recognises the request by its key, and does not only repeat a server error."""
    operation = begun.operation
    if operation.absent_for is not None:
        return False
    age = operation.resent_for
    if age is None:
        age = (operation.updated_at - operation.created_at).total_seconds()
    return age < recovery.lifetime - LIFETIME_MARGIN


async def _send_again(resolved: ResolvedWrite, begun: Begun, effect: Action, *, anew: bool = False) -> None:
    """Repeat the request. The vendor or its unique constraint recognises it, or it is known not to have happened. It is
    sent `anew`, under another idempotency key, if the vendor's list lacks the record.

    The first request may have had its effect all the same, so the operation never goes back to `received`.
    """
    prepared = await _prepare_again(resolved, begun, effect)
    remote_id = begun.operation.remote_id
    begun = await resolved.deps.operations.mark_sent(begun, effect=effect, remote_id=remote_id, anew=anew)
    try:
        await send_and_settle(resolved, begun, prepared)
    except VendorRefused as refused:
        if effect in CREATING:
            await _after_refusal(resolved, begun, effect, refused)
        else:
            await _record_refusal(resolved, begun, refused)


async def _after_refusal(resolved: ResolvedWrite, begun: Begun, effect: Action, refused: VendorRefused) -> None:
    """Decide after a refusal of the second request. The first may have succeeded and even be the cause.

    Raises the refusal if neither a look-up nor the refusal itself decides. Then it is tried again later.
    """
    recovery = recovery_of(resolved.mapping, effect)
    # Without any strength the write carries no marker to look for.
    lookup = MarkerLookup(request=None, body=None)
    if recovery.strength != "none":
        lookup = await marker_lookup(resolved, begun.operation.id, effect)
    match = await find_lost(resolved, begun, lookup)
    if match.remote_id is not None:
        await _finish_found(resolved, begun, effect, match.remote_id, lookup)
    elif match.contested:
        await _pause(resolved.deps, begun, FIRST_PAUSE)
    elif not refused.refusal.conclusive and recovery.strength in PROVING and lookup.request is not None:
        await _when_absent(resolved, begun, effect, recovery, final=False)
    elif not refused.refusal.conclusive:
        await _search_later(resolved, begun, recovery)
    elif (lookup.request is None or recovery.strength == "search") and refused.refusal.kind not in DEFINITE:
        raise refused
    elif await lost_upsert_race(resolved, begun.operation, effect, refused):
        await _pause(resolved.deps, begun, FIRST_PAUSE)
    else:
        await _record_refusal(resolved, begun, refused)


async def _record_refusal(resolved: ResolvedWrite, begun: Begun, refused: VendorRefused) -> None:
    problem = resolved.problem_of(refused)
    await record_refusal(resolved.deps, begun, problem)


async def _search_later(resolved: ResolvedWrite, begun: Begun, recovery: Recovery) -> None:
    """Search again for as long as the vendor's index may lag. After that the outcome is unknown."""
    pause = FIRST_PAUSE * 2.0 ** min(begun.operation.attempts, 20)
    if pause < recovery.search_lag:
        await _pause(resolved.deps, begun, pause)
    else:
        await _mark_unknown(resolved.deps, begun, recovery.note)


async def _by_marker(resolved: ResolvedWrite, begun: Begun, effect: Action, recovery: Recovery, *, final: bool) -> None:
    """Look for the record that carries the operation id."""
    lookup = await marker_lookup(resolved, begun.operation.id, effect)
    if lookup.request is None:
        await _mark_unknown(resolved.deps, begun, recovery.note)
        return
    match = await find_lost(resolved, begun, lookup)
    age, margin = begun.operation.age, resolved.deps.settle_margin
    is_listed = recovery.strength == "listed" or not recovery.refuses_repeat(lookup.body)
    if match.remote_id is not None:
        await _finish_found(resolved, begun, effect, match.remote_id, lookup)
    elif match.contested:
        await _pause(resolved.deps, begun, FIRST_PAUSE)
    elif is_listed or begun.operation.absent_for is not None:
        await _when_absent(resolved, begun, effect, recovery, final=final)
    elif recovery.strength == "strong" and age < margin:
        await _pause(resolved.deps, begun, margin - age)
    elif recovery.strength == "strong":
        # If it still runs there, the vendor refuses one of the two.
        await _send_again(resolved, begun, effect)
    elif age < recovery.search_lag and not final:
        await _pause(resolved.deps, begun, min(recovery.search_lag - age, FIRST_PAUSE * 2.0**begun.operation.attempts))
    else:
        await _mark_unknown(resolved.deps, begun, recovery.note)


async def _finish_found(
    resolved: ResolvedWrite,
    begun: Begun,
    effect: Action,
    remote_id: str,
    lookup: MarkerLookup,
    *,
    created: bool = True,
) -> None:
    result = WriteResult(remote_id=remote_id, created=created)
    await finish(resolved, begun, CarriedOut(effect=effect, result=result, loss=lookup.loss, skipped=lookup.skipped))


async def _when_absent(
    resolved: ResolvedWrite, begun: Begun, effect: Action, recovery: Recovery, *, final: bool
) -> None:
    """Decide after a list that lacks the record, read to its end: look again until a request that may still run at the
    vendor must have ended, then send it once more."""
    operations, operation = resolved.deps.operations, begun.operation
    left = resolved.deps.resend_margin - (operation.absent_for or 0.0)
    if left > 0 and not final:
        pause = min(left, FIRST_PAUSE * 2.0 ** min(operation.attempts, 20))
        await operations.postpone(begun, seconds=pause, sent=True, absent=True)
    elif left > 0 or operation.resent_for is not None:
        await _mark_unknown(resolved.deps, begun, recovery.note)
    else:
        await _send_again(resolved, begun, effect, anew=True)


async def _by_state(resolved: ResolvedWrite, begun: Begun, effect: Action) -> None:
    """Read the record. If it matches the intent, finish; else send the same values again. The fan-out of a copy merges
    again instead: somebody may have changed the record since."""
    remote_id = begun.operation.remote_id or resolved.intent.remote_id
    assert remote_id is not None  # noqa: S101 - a change names its record
    lost = resolved.intent.lost
    try:
        present = (await resolved.fetch(remote_id)).mapped
        if effect in ("archive", "cancel"):
            done = has_reached(effect, present.data)
        else:
            patch, changed = patch_of(resolved, present, as_sent=True)
            done, lost = matches_patch(patch, present.data), lost + changed
    except NotFound as gone:
        if effect != "archive":
            await record_refusal(resolved.deps, begun, gone)
            return
        done = True
    if done:
        await finish(resolved, begun, CarriedOut(effect=effect, result=WriteResult(remote_id=remote_id), loss=lost))
    elif begun.operation.age < resolved.deps.settle_margin:
        await _pause(resolved.deps, begun, resolved.deps.settle_margin)
    elif _is_repeated(begun.operation):
        differs = VersionConflict("The record is not as the copy would leave it, so the two are compared again.")
        await record_refusal(resolved.deps, begun, differs)
    else:
        await _send_again(resolved, begun, effect)


async def _prepare_again(resolved: ResolvedWrite, begun: Begun, effect: Action) -> PreparedWrite:
    """Draft the first request again, without If-Match: it was checked then, and our own change would fail it now. What
    the ownership of fields forbids now is left out, because the request may have had its effect."""
    marker = begun.operation.id
    unguarded = replace(resolved, intent=replace(resolved.intent, if_match=None))
    if effect in ("create", "comment"):
        return await prepare_create(unguarded, marker)
    remote_id = begun.operation.remote_id or resolved.intent.remote_id
    if effect == "update" and remote_id is not None:
        return await prepare_update(unguarded, marker, remote_id)
    if effect == "upsert":
        return await prepare_upsert(unguarded, marker)
    return await prepare(unguarded, marker)


async def _mark_unknown(deps: WriteDeps, begun: Begun, note: str) -> None:
    problem = OutcomeUnknown(
        f"The vendor's reply was lost, and whether it did the write cannot be found out: {note}.",
        operation_id=begun.operation.id,
    )
    await deps.operations.mark_unknown(begun, problem=document_for(deps, begun.operation, problem))
    operations_ended(begun.operation.object, begun.operation.action, "unknown").inc()


async def _retry_later(deps: WriteDeps, begun: Begun, problem: Problem) -> None:
    """The vendor cannot be asked now. Raises Undecided, or marks the outcome unknown after the last attempt."""
    attempts = begun.operation.attempts
    if attempts >= MOST_ATTEMPTS:
        await _mark_unknown(deps, begun, "the vendor could not be asked for a day")
        return
    pause = max(problem.retry_after or 0.0, min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(attempts, 20)))
    await _pause(deps, begun, pause)
    raise Undecided(begun.operation.id, problem) from problem


async def _pause(deps: WriteDeps, begun: Begun, seconds: float) -> None:
    await deps.operations.postpone(begun, seconds=max(seconds, 0.05), sent=True)
