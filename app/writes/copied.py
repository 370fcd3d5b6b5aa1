"""What is special about a write that copies a record: it may end without effect, and its record shares an id."""

import hashlib
from typing import Final

import msgspec
from msgspec import Struct

from app.events.models import RecordChange, SeenState
from app.events.record_changes import CopiedFrom, read_state, with_copies
from app.problem_document import JSON
from app.telemetry import count_operation
from app.writes.deps import WriteDeps
from app.writes.models import Answer, Begun, CopyOf, Intent
from canonical.classes import NAMES
from canonical.parts import Loss
from mappings.spec import FieldRefusal

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


def note_copy(intent: Intent, change: RecordChange, loss: tuple[Loss, ...]) -> RecordChange:
    """Note in the state of a copy what was sent and what of it was lost. Fan-out never carries a loss back, and what is
    sent again unchanged is no change."""
    if intent.copy_of is None or change.state is None:
        return change
    fields, notes = read_state(change.state)
    known, source, sent = notes.copied_from, intent.copy_of.connection, _digests(intent.body)
    places = [place for one in loss for place in (one.path, one.place) if isinstance(place, str)]
    lost = sent.keys() & {place.split("/")[1] for place in places if place.startswith("/")}
    if lost & NAMES:
        lost |= NAMES  # one name is made of the others
    before = known.get(source, CopiedFrom()).without(sent)
    now = CopiedFrom(lost=tuple(sorted(lost.union(before.lost))), sent={**before.sent, **sent})
    return msgspec.structs.replace(change, state=with_copies(fields, notes, {**known, source: now}))


def not_copied_yet(
    intent: Intent, copied: CopyOf, seen: SeenState | None, refused: tuple[FieldRefusal, ...]
) -> tuple[FieldRefusal, ...]:
    """Return the refusals, without unsupported fields that the last copy from the source sent with the same value."""
    if seen is None or seen.deleted:
        return refused
    notes, sent = read_state(seen.data)[1], _digests(intent.body)
    before = notes.copied_from.get(copied.connection, CopiedFrom()).sent

    def is_copied(refusal: FieldRefusal) -> bool:
        name = refusal.pointer.split("/")[1]
        return refusal.kind == "unsupported" and name in sent and before.get(name) == sent[name]

    return tuple(one for one in refused if not is_copied(one))


def _digests(body: bytes) -> dict[str, str]:
    members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    return {name: hashlib.sha256(bytes(value)).hexdigest()[:16] for name, value in members.items()}


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
