"""Compute which fields of a record differ from its last-seen state."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import replace

from app import telemetry
from app.audit.record import Entry
from app.events.models import Cause, NewEvent, RecordChange
from canonical.parts import Loss, ObjectName, Reference
from canonical.ticket import Ticket

NOT_COMPARED: Final = frozenset({"id", "meta", "raw", "updated_at", "order_stats", "subscriptions"})
"""`updated_at` differs every time. Other records change `order_stats` and `subscriptions`, which have Events of their
own. Lockstitch assigns `id`."""
WATCHED: Final[Mapping[ObjectName, str]] = {
    "customer": "lifecycle_stage",
    "order": "payment_status",
    "ticket": "assignee",
}
"""The field of each object whose history is audited: an enum value or an id, never personal data."""
PEOPLE: Final = frozenset({"customer", "requester"})
AT_ONCE: Final = timedelta(seconds=2)
"""A ticket and its first comment are created together. Vendors round the times."""
IN_ANY_ORDER: Final = frozenset({"tags"})
BY_ID: Final = frozenset({"owner", "assignee", "team", "company", "parent", "merged_into"})
"""References whose name and address are those of another record: only another `remote_id` is a change."""

Fields = Mapping[str, Any]


class StateOrigin(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept of the `meta` of a record, so that the state can be shown in its place."""

    url: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    loss: tuple[Loss, ...] = ()


class StateNotes(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept with the fields of a state: the mapping revision and the `origin`, if it was stored, and what is
    known of a ticket's comments.

    `newest_comment`: those up to it were looked at. `announced_comments`: later ones of which there is an Event.
    `baseline_at`: a walk read the record then, for the first time, and stored it without an Event, a pull if `pulled`.
    Until a comment was looked at, those that were added before are no news.
    """

    mapping_revision: int | None = None
    origin: StateOrigin | None = None
    newest_comment: str | None = None
    announced_comments: tuple[str, ...] = ()
    baseline_at: datetime | None = None
    pulled: bool = False


class Watched(Struct, frozen=True, kw_only=True):
    """The watched field of a record at one moment."""

    field: str
    value: str | None


def watched_in(object_name: ObjectName, data: Any) -> Watched | None:
    """Return the watched field of a canonical record; None if its object has none."""
    name = WATCHED.get(object_name)
    if name is None:
        return None
    value = getattr(data, name)
    return Watched(field=name, value=value.remote_id if isinstance(value, Reference) else value)


def history_of(change: RecordChange, receipt: str | None, run: str) -> list[Entry]:
    """Return the audit entry of the watched field, if it has changed: a receipt of this run says so. The known writer
    is the vendor."""
    name = WATCHED.get(change.object)
    if name is None or name not in (change.changed or ()) or change.state is None:
        return []
    before = {} if change.last_state is None or change.last_state.deleted else fields_of(change.last_state.data)
    writer = f"vendor:{change.connection}"
    facts = {
        "object": change.object,
        "connection": change.connection,
        "field": name,
        "before": _watched_value(name, before),
        "after": _watched_value(name, fields_of(change.state)),
        "writer": writer,
        "workflow": run,
        "receipt": receipt,
    }
    return [Entry(type="field.changed", subject=f"{change.object}:{change.remote_id}", actor=writer, facts=facts)]


def events_of(
    change: RecordChange,
    *,
    origin: str,
    caused_by: Cause | None = None,
    visited: tuple[str, ...] = (),
    traceparent: str | None = None,
) -> tuple[NewEvent, ...]:
    """Return the Events of a change: its own, if it has one, then those of its transitions. `origin` is the id of its
    cause. They belong to the run of the write `caused_by`, or else to the current one."""
    shared = NewEvent(
        type="",
        data=change.data,
        connection=change.connection,
        record=f"{change.object}:{change.remote_id}",
        origin=origin,
        correlation_id=telemetry.correlation_id.get() or None if caused_by is None else caused_by.correlation_id,
        traceparent=telemetry.current_traceparent() if caused_by is None else traceparent,
        occurred_at=change.occurred_at,
        caused_by=caused_by,
        visited=visited,
    )
    further = tuple(replace(shared, type=name, merged=change.merged) for name in change.transitions)
    if change.type is None:
        return further
    return (replace(shared, type=change.type, changed=change.changed, previous=change.previous), *further)


def state_of(resource: Any) -> bytes:
    """Return the state to keep of a resource: its canonical fields, the mapping revision and the origin, as JSON."""
    fields, meta = msgspec.json.encode(replace(resource, meta=UNSET, raw=UNSET)), resource.meta
    if meta is UNSET:
        return fields
    origin = StateOrigin(
        url=meta.remote_url, created_at=meta.remote_created_at, updated_at=meta.remote_updated_at, loss=meta.loss
    )
    return b'%b,"mapping_revision":%d,"origin":%b}' % (fields[:-1], meta.mapping.revision, msgspec.json.encode(origin))


def with_notes(state: bytes, notes: StateNotes) -> bytes:
    """Return the state with what is known of comments, if anything is. It keeps its own mapping revision and origin."""
    if notes == StateNotes(mapping_revision=notes.mapping_revision, origin=notes.origin):
        return state
    fields, own = read_state(state)
    noted = replace(notes, mapping_revision=own.mapping_revision, origin=own.origin)
    return msgspec.json.encode({**fields, **msgspec.to_builtins(noted)})


def read_state(state: bytes) -> tuple[Fields, StateNotes]:
    """Return the canonical fields of a kept state, and what is kept with them."""
    fields = msgspec.json.decode(state, type=dict[str, Any])
    notes = {name: fields.pop(name) for name in StateNotes.__struct_fields__ if name in fields}
    return fields, msgspec.convert(notes, StateNotes)


def fields_of(state: bytes) -> Fields:
    """Return the canonical fields of a kept state."""
    fields = msgspec.json.decode(state, type=dict[str, Any])
    for name in StateNotes.__struct_fields__:
        fields.pop(name, None)
    return fields


def changed(before: Fields | None, after: Fields, model: type[Struct]) -> tuple[str, ...]:
    """Return the top-level fields that differ, in the order of the model; without a last-seen state, those with a
    value."""
    if not before:
        return tuple(name for name in _compared(model) if _value(name, after) is not None)
    return tuple(name for name in _compared(model) if _value(name, before) != _value(name, after))


def previous_values(before: Fields | None, names: Iterable[str]) -> bytes | None:
    """Return the old values of these fields as a JSON object, null for an empty one. None without a last-seen state."""
    if not before:
        return None
    return msgspec.json.encode({name: None if before.get(name) in (None, [], {}) else before[name] for name in names})


@cache
def not_digested(model: type[Struct]) -> dict[str, Any]:
    """Return the fields that the digest of a record leaves out, empty: those that are not compared.

    The time of a ticket's last change is in the digest: it says that there may be new comments.
    """
    names = NOT_COMPARED - ({"updated_at"} if model is Ticket else set())
    return {field.name: field.default for field in msgspec.structs.fields(model) if field.encode_name in names}


@cache
def _compared(model: type[Struct]) -> tuple[str, ...]:
    names = (field.encode_name for field in msgspec.structs.fields(model))
    return tuple(name for name in names if name not in NOT_COMPARED)


def shows(state: bytes, moment: datetime) -> bool:
    """Return whether the vendor says that the record changed at this time or later."""
    changed_at = _moment(fields_of(state).get("updated_at"))
    return changed_at is not None and changed_at >= moment


def is_older(before: Fields, after: Fields) -> bool:
    """Return whether the vendor returned an older state than the last-seen one."""
    known, current = _moment(before.get("updated_at")), _moment(after.get("updated_at"))
    return known is not None and current is not None and current < known


def is_first_comment(ticket: Fields, text: str | None, added_at: datetime | None) -> bool:
    """Return whether a comment is the description of its ticket, which help desks also list as the first comment."""
    opened = _moment(ticket.get("created_at"))
    if opened is None or added_at is None or added_at - opened > AT_ONCE:
        return False
    return (text or "").strip() == (ticket.get("description") or "").strip()


def _value(name: str, fields: Fields) -> Any:
    """Return a field's value, and None for every form of no value. So a field that a newer version of Lockstitch adds
    is not a change."""
    value = fields.get(name)
    if value is None:
        return None
    if name in BY_ID and isinstance(value, dict):
        return value.get("remote_id")
    if name in PEOPLE and isinstance(value, dict):
        value = {key: one for key, one in value.items() if key != "id"}  # a join changes it, and not the record
    if value in (None, [], {}) or (value == "unknown" and fields.get(f"{name}_raw") is None):
        return None
    if name in IN_ANY_ORDER and isinstance(value, list):
        return sorted(value)
    return value


def _watched_value(name: str, fields: Fields) -> Any:
    """Return the value of the watched field in a kept state; of a reference the vendor's id."""
    value = fields.get(name)
    return value.get("remote_id") if isinstance(value, dict) else value


def _moment(text: Any) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
