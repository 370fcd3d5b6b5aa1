"""Deciding what nobody saw the end of: the worker's story for operations whose owner is gone or whose reply was lost.

A lost reply is never followed by a blind resend. What may be done is what the mapping's `recovery` states for the verb:
the vendor's idempotency key, a unique constraint, reading back our marker, or comparing the record's state.
"""

import time
from typing import Final

import msgspec

from app.errors import NotFound, OutcomeUnknown, Problem
from app.queue.models import LeaseLost
from app.records.fetch import fetch_record
from app.records.map_record import as_vendor_drift
from app.records.refusals import problem_of_refusal
from app.telemetry import count_operation, operation_span
from app.vendors.models import VendorRefused
from app.writes.deps import WriteDeps
from app.writes.execute import Undecided, document_for, execute, refuse, resolve_write, send_and_settle
from app.writes.finish import finish
from app.writes.matches_intent import matches_intent
from app.writes.models import Answer, Begun
from app.writes.prepare import PreparedWrite, ResolvedWrite, marker_lookup, prepare, prepare_create, prepare_update
from app.writes.upsert_race import lost_upsert_race
from mappings.http import VendorRequest
from mappings.spec import Action, Receipt, Recovery

# Of a vendor's idempotency key's lifetime this much is not used: clocks differ, requests take time.
LIFETIME_MARGIN: Final = 300.0
# How often an outcome is looked for before a person has to: with the pauses below, about a day.
MOST_ATTEMPTS: Final = 100
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 900.0
MAKING: Final = ("create", "comment", "upsert")
# The vendor looked at what was sent. One that recognises a repeat would have repeated its yes, so it said no before;
# a permission, on the other hand, comes and goes.
JUDGED: Final = ("rejected", "duplicate", "version_conflict")
NO_RECOVERY: Final = Recovery(by="none", note="the mapping states no way to find out")


async def resolve(deps: WriteDeps, begun: Begun) -> None:
    """Go on with one undecided operation, as part of the run that it belongs to.

    Its own problems are recorded with it, not raised.
    """
    operation = begun.operation
    first = operation.phase == "received" and operation.attempts <= 2  # the first owner, then us
    name = f"resolve {operation.action} {operation.object}"
    with operation_span(name, operation.correlation_id, operation.traceparent, first=first):
        await continue_operation(deps, begun)


async def continue_operation(deps: WriteDeps, begun: Begun) -> Problem | None:
    """Take an undecided operation as far as it goes now. What the vendor has that keeps it waiting, if that is why."""
    try:
        if begun.operation.phase == "received":
            await execute(deps, begun, patient=True)
        else:
            await settle(deps, begun)
    except Undecided as undecided:
        return undecided.because
    except (Problem, LeaseLost):
        return None  # recorded by whoever raised it, or the lease runs out and it is looked at again
    return None


async def settle(deps: WriteDeps, begun: Begun, *, final: bool = False) -> Answer | None:
    """Find out what became of a `sent` operation, and record it. None while it stays open.

    `final`: a person asked for one more look, so "not found yet" is `unknown` at once. Raises Undecided where it stays
    open because the vendor cannot be asked.
    """
    operation = begun.operation
    resolved = resolve_write(deps, operation.intent, time.monotonic() + deps.execution_limit)
    effect: Action = operation.effect or operation.action
    recovery = resolved.mapping.endpoints.recovery.get(effect, NO_RECOVERY)
    try:
        if recovery.by == "state":
            return await _by_state(resolved, begun, effect)
        if operation.remote_id is not None and effect in MAKING:
            # The vendor named what it made; only reading it had failed.
            return await finish(
                resolved, begun, effect, Receipt(remote_id=operation.remote_id, created=effect == "create")
            )
        if recovery.by == "unique" or (recovery.by == "key" and _key_lives(begun, recovery)):
            return await _send_again(resolved, begun, effect)
        if recovery.strength != "none":
            return await _by_marker(resolved, begun, effect, recovery, final=final)
        await _unknown(deps, begun, recovery.note)
    except VendorRefused as refused:
        await _look_again(deps, begun, problem_of_refusal(resolved.connection, refused))
    except Problem as problem:
        await _look_again(deps, begun, problem)
    return None


def _key_lives(begun: Begun, recovery: Recovery) -> bool:
    """Whether the vendor still recognises the request. Counted from the first possible sending, so from creation."""
    age = (begun.operation.updated_at - begun.operation.created_at).total_seconds()
    return age < recovery.lifetime - LIFETIME_MARGIN


async def _send_again(resolved: ResolvedWrite, begun: Begun, effect: Action) -> Answer | None:
    """Safe to repeat: the vendor recognises it, or its unique constraint does, or it is known not to have happened.

    It may have happened all the same, so nothing that meets this request takes the operation back to its beginning.
    """
    prepared = await _same_request(resolved, begun, effect)
    begun = await resolved.deps.operations.mark_sent(begun, effect=effect, remote_id=begun.operation.remote_id)
    try:
        return await send_and_settle(resolved, begun, prepared)
    except VendorRefused as refused:
        if effect not in MAKING:
            return await refuse(resolved.deps, begun, problem_of_refusal(resolved.connection, refused))
        return await _after_refusal(resolved, begun, effect, refused)


async def _after_refusal(
    resolved: ResolvedWrite, begun: Begun, effect: Action, refused: VendorRefused
) -> Answer | None:
    """A no to the second request: the first may have arrived after all, and even be what is in the way.

    Raises the refusal where neither a look-up nor the refusal itself tells, so that it is looked at again later.
    """
    strength = resolved.mapping.endpoints.recovery.get(effect, NO_RECOVERY).strength
    # Without any strength the write carries no mark that could be looked for.
    lookup, loss = await marker_lookup(resolved, begun.operation.id) if strength != "none" else (None, ())
    found = None if lookup is None else await _look_up(resolved, begun, lookup)
    if found is not None:
        return await finish(resolved, begun, effect, Receipt(remote_id=found, created=True), loss)
    if not refused.refusal.conclusive:
        await _unless_found_later(resolved, begun, effect)
        return None
    if (lookup is None or strength == "search") and refused.refusal.kind not in JUDGED:
        raise refused
    if await lost_upsert_race(resolved, begun.operation, effect, refused):
        await _pause(resolved.deps, begun, FIRST_PAUSE)
        return None
    return await refuse(resolved.deps, begun, problem_of_refusal(resolved.connection, refused))


async def _unless_found_later(resolved: ResolvedWrite, begun: Begun, effect: Action) -> None:
    """Neither the refusal nor the look-up tells: it is looked for again for as long as an index may lag, and then
    nobody knows."""
    recovery = resolved.mapping.endpoints.recovery.get(effect, NO_RECOVERY)
    pause = FIRST_PAUSE * 2.0 ** min(begun.operation.attempts, 20)
    if pause < recovery.search_lag:
        await _pause(resolved.deps, begun, pause)
    else:
        await _unknown(resolved.deps, begun, recovery.note)


async def _by_marker(
    resolved: ResolvedWrite, begun: Begun, effect: Action, recovery: Recovery, *, final: bool
) -> Answer | None:
    """Look for the record that carries our operation id."""
    lookup, loss = await marker_lookup(resolved, begun.operation.id)
    if lookup is None:
        await _unknown(resolved.deps, begun, recovery.note)
        return None
    found = await _look_up(resolved, begun, lookup)
    if found is not None:
        return await finish(resolved, begun, effect, Receipt(remote_id=found, created=True), loss)
    age = begun.operation.age_since_sent
    if recovery.strength == "strong":
        if age < resolved.deps.settle_margin:
            await _pause(resolved.deps, begun, resolved.deps.settle_margin - age)
            return None
        # A strongly consistent read does not show it: it did not happen.
        return await _send_again(resolved, begun, effect)
    if age < recovery.search_lag and not final:
        await _pause(resolved.deps, begun, min(recovery.search_lag - age, FIRST_PAUSE * 2.0**begun.operation.attempts))
        return None
    await _unknown(resolved.deps, begun, recovery.note)
    return None


async def _look_up(resolved: ResolvedWrite, begun: Begun, lookup: VendorRequest) -> str | None:
    """The remote id of the record that carries the marker, or None."""
    marked = resolved.mapping.endpoints.marked
    assert marked is not None  # noqa: S101 - stands beside find_marker
    try:
        reply = await resolved.deps.vendors.send(resolved.connection, lookup, deadline=resolved.deadline)
    except VendorRefused as refused:
        if refused.refusal.kind == "not_found":
            return None
        raise
    with as_vendor_drift(resolved.deps, resolved.connection, resolved.mapping):
        return marked(reply, begun.operation.id)


async def _by_state(resolved: ResolvedWrite, begun: Begun, effect: Action) -> Answer | None:
    """Read the record: if it already is as the caller wanted, it is done; else the same values are sent again."""
    remote_id = begun.operation.remote_id or resolved.intent.remote_id
    assert remote_id is not None  # noqa: S101 - a change names its record
    try:
        present = await fetch_record(
            resolved.deps, resolved.connection, resolved.mapping, remote_id, resolved.deadline, pinned=True
        )
        done = matches_intent(resolved.intent, effect, resolved.mapping.patch, present.mapped.data)
    except NotFound as gone:
        if effect != "archive":
            return await refuse(resolved.deps, begun, gone)
        done = True
    if done:
        return await finish(resolved, begun, effect, Receipt(remote_id=remote_id))
    if begun.operation.age_since_sent < resolved.deps.settle_margin:
        await _pause(resolved.deps, begun, resolved.deps.settle_margin)
        return None
    return await _send_again(resolved, begun, effect)


async def _same_request(resolved: ResolvedWrite, begun: Begun, effect: Action) -> PreparedWrite:
    """The request of the first time once more; an If-Match was judged then and would fail on our own change now."""
    marker = begun.operation.id
    free = ResolvedWrite(
        resolved.deps,
        resolved.connection,
        resolved.mapping,
        msgspec.structs.replace(resolved.intent, if_match=None),
        resolved.deadline,
    )
    if effect in ("create", "comment"):
        return await prepare_create(free, marker)
    remote_id = begun.operation.remote_id or resolved.intent.remote_id
    if effect == "update" and remote_id is not None:
        return await prepare_update(free, marker, remote_id)
    return await prepare(free, marker)


async def _unknown(deps: WriteDeps, begun: Begun, note: str) -> None:
    problem = OutcomeUnknown(
        f"The vendor's reply was lost, and whether it did the write cannot be found out: {note}.",
        operation_id=begun.operation.id,
    )
    await deps.operations.mark_unknown(begun, problem=document_for(deps, begun.operation, problem))
    count_operation(begun.operation.object, begun.operation.action, "unknown")


async def _look_again(deps: WriteDeps, begun: Begun, problem: Problem) -> None:
    """The vendor cannot be asked now. Raises Undecided, or it is `unknown` after all this time."""
    attempts = begun.operation.attempts
    if attempts >= MOST_ATTEMPTS:
        await _unknown(deps, begun, "the vendor could not be asked for a day")
        return
    pause = max(problem.retry_after or 0.0, min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(attempts, 20)))
    await _pause(deps, begun, pause)
    raise Undecided(begun.operation.id, problem) from problem


async def _pause(deps: WriteDeps, begun: Begun, seconds: float) -> None:
    await deps.operations.postpone(begun, seconds=max(seconds, 0.05), sent=True)
