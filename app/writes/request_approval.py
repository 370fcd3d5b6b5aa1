"""Request the approval of a write: judge it first, so that a person sees a write that the vendor would take."""

import time
from typing import Final

import msgspec
from msgspec import UNSET

from app.egress.named_targets import require_callback
from app.errors import NotSystemOfRecord
from app.identifiers import new_id
from app.telemetry import current_traceparent
from app.writes.approval import ApprovalDetails
from app.writes.copy_merge import version_of
from app.writes.create_person import judge_person
from app.writes.deps import WriteDeps
from app.writes.judge_ownership import note_refusal
from app.writes.models import Operation
from app.writes.prepare import NothingToCopyTo, PreparedWrite, RecordFound, prepare
from app.writes.request import WriteRequest, new_operation
from app.writes.resolved_write import ResolvedWrite, resolve_request

LONGEST: Final = 25.0
"""Seconds that all reads before the draft may take, unless the caller says."""
SHORTEST: Final = 2.0
"""Seconds that they may take at least: no write can be judged without facts about the account."""


async def request_approval(deps: WriteDeps, request: WriteRequest) -> Operation | None:
    """Record a write that waits for an approval. It has no job until somebody approves it. None if its key names an
    operation already.

    Raises what the write itself would raise before it is sent, also the vendor's problems.
    """
    deadline = time.monotonic() + max(SHORTEST, LONGEST if request.wait is None else request.wait)
    operation_id = new_id("op_")
    resolved = await resolve_request(deps, request, deadline, dry=True)
    prepared = await _judge(resolved, request, operation_id)
    if request.callback is not None:
        await require_callback(deps.poster, request.callback)
    intent = resolved.intent
    if resolved.base is not UNSET:
        intent = msgspec.structs.replace(intent, base=version_of(resolved.base))
    new = msgspec.structs.replace(new_operation(request, intent, operation_id, current_traceparent()), deferred=True)
    details = ApprovalDetails(
        requested_by=request.caller, effect=prepared.effect, remote_id=prepared.remote_id, loss=prepared.loss
    )
    async with deps.database.transaction() as transaction:
        operation = await deps.operations.add_queued(transaction, new)
        return None if operation is None else await deps.approvals.request(transaction, operation, details)


async def _judge(resolved: ResolvedWrite, request: WriteRequest, operation_id: str) -> PreparedWrite:
    """Draft the write. Its references are resolved again when it is executed."""
    intent = resolved.intent
    as_it_is = PreparedWrite(effect=intent.action, request=None, remote_id=intent.remote_id)
    try:
        prepared = await prepare(resolved, operation_id)
        if prepared.references is not None and prepared.references.is_missing:
            await judge_person(resolved, operation_id, prepared.references)
    except NotSystemOfRecord as problem:
        named = {"operation": operation_id, "actor": request.principal, "run": request.correlation_id}
        await note_refusal(resolved.deps, problem, intent, **named)
        if problem.review:
            return as_it_is
        raise
    except NothingToCopyTo:
        return as_it_is
    except RecordFound as existing:
        return PreparedWrite(effect="update", request=None, remote_id=existing.remote_id)
    return prepared
