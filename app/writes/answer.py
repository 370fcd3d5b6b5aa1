"""The answers to writes that are no resource: an archived record, a skipped copy, a problem."""

from typing import Final

import msgspec
from msgspec import Struct

from app.problem_document import JSON, PROBLEM_JSON, Problem, ProblemDocument, document_of
from app.writes.deps import ApprovalDeps
from app.writes.models import Answer, Operation
from canonical.parts import ResourceMeta

_encoder = msgspec.json.Encoder()
NO_MATCH: Final = "no record matches, and on_missing is ignore"


class Archived(Struct, frozen=True, kw_only=True):
    """The answer about an archived record."""

    id: str
    """Canonical id of the archived record. Example: `"cus_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    meta: ResourceMeta
    """Where the record is."""


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


def skipped_answer(operation: Operation) -> Answer:
    """Render the answer to a copy that found no record to change."""
    copied = operation.intent.copy_of
    assert copied is not None  # noqa: S101 - only a copy is skipped
    meta = SkippedMeta(
        connection=operation.connection,
        skipped=(SkippedRecord(pointer="", reason=NO_MATCH),),
        operation_id=operation.id,
        correlation_id=operation.correlation_id,
    )
    body = _encoder.encode(SkippedCopy(id=copied.canonical_id, meta=meta))
    return Answer(status=200, headers={"content-type": JSON}, body=body)


def document_for(deps: ApprovalDeps, operation: Operation, problem: Problem) -> ProblemDocument:
    """Return a problem of an operation as the document for the caller who began it."""
    return document_of(
        problem,
        public_url=deps.public_url,
        instance=operation.intent.instance,
        correlation_id=operation.correlation_id,
    )


def problem_answer(document: ProblemDocument) -> Answer:
    """Render a problem document as an answer."""
    headers = {"content-type": PROBLEM_JSON}
    if document.retry_after is not None:
        headers["retry-after"] = str(document.retry_after)
    return Answer(status=document.status, headers=headers, body=_encoder.encode(document))
