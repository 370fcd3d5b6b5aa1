"""A copy that ends without effect: no record matches, and none is created."""

from typing import Final

import msgspec
from msgspec import Struct

from app.problem_document import JSON
from app.telemetry import count_operation
from app.writes.deps import WriteDeps
from app.writes.models import Answer, Begun

NO_MATCH: Final = "no record matches, and on_missing is ignore"


class SkippedRecord(Struct, frozen=True, kw_only=True):
    """A record that was not written."""

    pointer: str
    """JSON Pointer to the part; empty for the whole record. Example: `""`"""
    reason: str
    """Why. Example: `"no record matches, and on_missing is ignore"`"""


class SkippedMeta(Struct, frozen=True, kw_only=True):
    """Where nothing was written, and why."""

    connection: str
    """The connection that was asked for. Example: `"hubspot"`"""
    skipped: tuple[SkippedRecord, ...]
    """What was not written."""
    operation_id: str
    """Id of the write operation. Example: `"op_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    correlation_id: str
    """Correlation id of the write. Example: `"orders-4711-1767225600000"`"""


class SkippedCopy(Struct, frozen=True, kw_only=True):
    """The answer to a copy that changed nothing."""

    id: str
    """Canonical id of the record that was to be copied. Example: `"cus_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    meta: SkippedMeta
    """Where nothing was written, and why."""


async def finish_skipped(deps: WriteDeps, begun: Begun) -> Answer:
    """Record the success of a copy that found nothing to change. Raises LeaseLost."""
    operation = begun.operation
    copied = operation.intent.copy_of
    assert copied is not None  # noqa: S101 - only a copy is skipped
    meta = SkippedMeta(
        connection=operation.connection,
        skipped=(SkippedRecord(pointer="", reason=NO_MATCH),),
        operation_id=operation.id,
        correlation_id=operation.correlation_id,
    )
    body = msgspec.json.encode(SkippedCopy(id=copied.canonical_id, meta=meta))
    answer = Answer(status=200, headers={"content-type": JSON}, body=body)
    await deps.operations.succeed(begun, answer=answer, remote_id=None, change=None)
    count_operation(operation.object, operation.action, "succeeded")
    return answer
