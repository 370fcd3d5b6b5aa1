"""Writes of unknown outcome, for the person who decides: what was sent, the evidence, what the vendor has now."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Raw, Struct

from app.http.callers import Caller
from app.records.side_by_side import SideBySide, read_side_by_side
from app.writes.deps import WriteDeps
from app.writes.models import Intent, Operation
from app.writes.operation_view import find_visible
from app.writes.recover import recovery_of
from app.writes.withhold import SENDING
from canonical.field_kinds import fields_of
from canonical.parts import ObjectName
from canonical.same_value import same
from mappings.registry import mapping_of


class SentField(Struct, frozen=True, kw_only=True):
    """A field that was sent, and the value that the vendor's record has now. `equal` as Lockstitch compares them."""

    name: str
    sent: Any
    present: Any
    equal: bool


class Evidence(Struct, frozen=True, kw_only=True):
    """A sentence that speaks for the write having happened, against it, or for neither."""

    speaks: Literal["for", "against", "neither"]
    text: str


class UndecidedWrite(Struct, frozen=True, kw_only=True):
    """A write with what a person needs to decide. `record` is the vendor's record that was looked at, `remote_id` its
    id; `fields` compares it with what was sent."""

    operation: Operation
    sent: Raw | None
    evidence: Sequence[Evidence]
    remote_id: str | None = None
    record: SideBySide | None = None
    fields: Sequence[SentField] = ()


async def read_undecided(
    deps: WriteDeps, operation_id: str, objects: Sequence[ObjectName], caller: Caller, *, remote_id: str | None
) -> UndecidedWrite:
    """Return an operation with the evidence, and the vendor's record of this id, or that which it changes. Raises
    NotFound."""
    operation = await find_visible(deps, operation_id, objects, caller)
    intent = operation.intent
    sent = Raw(intent.body) if intent.body else None
    at = remote_id or operation.remote_id or intent.remote_id
    evidence = [*_recorded(deps, operation)]
    if at is None or operation.phase != "unknown":
        return UndecidedWrite(operation=operation, sent=sent, evidence=evidence, remote_id=at)
    record = await read_side_by_side(deps, operation.connection, operation.object, at)
    fields = [] if record.data is None else _compared(deps, intent, record.data)
    evidence += _of_fields(fields, at)
    return UndecidedWrite(operation=operation, sent=sent, evidence=evidence, remote_id=at, record=record, fields=fields)


def _recorded(deps: WriteDeps, operation: Operation) -> list[Evidence]:
    """Return what the operation itself tells."""
    effect, name = operation.effect or operation.action, operation.connection
    evidence = []
    if operation.problem is not None:
        evidence.append(Evidence(speaks="neither", text=operation.problem.detail))
    if operation.remote_id is not None and operation.intent.remote_id is None:
        evidence.append(Evidence(speaks="for", text=f"{name} named the new record: {operation.remote_id}."))
    if operation.absent_for is not None:
        text = f"A list of {name}, read to its end, lacked the record. A request that still ran there is not in it."
        evidence.append(Evidence(speaks="against", text=text))
    connection = deps.connections.by_name.get(name)
    mapping = None if connection is None else mapping_of(connection.vendor, operation.object, operation.intent.revision)
    if mapping is not None:
        evidence.append(
            Evidence(
                speaks="neither", text=f"How it can be found out: {recovery_of(mapping, effect).note.rstrip('.')}."
            )
        )
    return evidence


def _compared(deps: WriteDeps, intent: Intent, data: Any) -> list[SentField]:
    """Compare the fields that were sent with the record's. Nothing where the body has no fields of the record."""
    connection = deps.connections.by_name.get(intent.connection)
    mapping = None if connection is None else mapping_of(connection.vendor, intent.object, intent.revision)
    if mapping is None or intent.edits_tags or intent.action not in SENDING or not intent.body:
        return []
    patch: Struct = msgspec.json.decode(intent.body, type=mapping.patch)
    return [
        SentField(
            name=name,
            sent=value,
            present=getattr(data, name, None),
            equal=same(getattr(data, name, None), value, field),
        )
        for name, field in fields_of(type(patch)).items()
        if (value := getattr(patch, name)) is not UNSET
    ]


def _of_fields(fields: Sequence[SentField], remote_id: str) -> list[Evidence]:
    if not fields:
        return []
    others = [one.name for one in fields if not one.equal]
    if not others:
        text = f"Record {remote_id} has every value that was sent. It may have had them before."
        return [Evidence(speaks="for", text=text)]
    text = f"Record {remote_id} has other values than were sent: {', '.join(others)}."
    return [Evidence(speaks="against", text=text)]
