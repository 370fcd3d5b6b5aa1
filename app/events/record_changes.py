"""What has changed of a record: the fields that differ from what was last seen of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct

from app.audit.models import Fact
from app.queue.models import Job
from canonical.parts import ObjectName

# `updated_at` tells when and not what, and differs each time. `id` is given by us and never changes.
BESIDE: Final = frozenset({"id", "meta", "raw", "updated_at"})
WATCHED: Final[Mapping[ObjectName, str]] = {
    "customer": "lifecycle_stage",
    "order": "payment_status",
    "ticket": "assignee_remote_id",
}
"""The field of each object whose history is kept: a word of ours or an id, nothing personal."""
IN_ANY_ORDER: Final = frozenset({"tags"})

REVISION: Final = "mapping_revision"

Fields = Mapping[str, Any]


class _Noted(Struct, frozen=True, kw_only=True):
    mapping_revision: int | None = None


class Watched(Struct, frozen=True, kw_only=True):
    """The watched field of a record at one moment."""

    field: str
    value: str | None


def watched_in(object_name: ObjectName, data: Any) -> Watched | None:
    """The watched field as a canonical record has it; None for an object without one."""
    name = WATCHED.get(object_name)
    return None if name is None else Watched(field=name, value=getattr(data, name))


def field_changed(
    connection: str, object_name: ObjectName, remote_id: str, job: Job, *, field: str, before: Any, after: Any
) -> Fact:
    """What the audit trail keeps of a watched field, with who changed it as far as we know: its vendor."""
    writer = f"vendor:{connection}"
    facts = {
        "object": object_name,
        "connection": connection,
        "field": field,
        "before": before,
        "after": after,
        "writer": writer,
        "workflow": job.correlation_id,
        "receipt": job.origin,
    }
    return Fact(type="field.changed", subject=f"{object_name}:{remote_id}", actor=writer, facts=facts)


def state_of(resource: Any) -> bytes:
    """What is kept of a resource to compare the next one with: its canonical fields as a JSON object, and the revision
    that read them."""
    fields = msgspec.to_builtins(msgspec.structs.replace(resource, meta=UNSET, raw=UNSET))
    if resource.meta is not UNSET:
        fields[REVISION] = resource.meta.mapping.revision
    return msgspec.json.encode(fields)


def fields_of(state: bytes) -> Fields:
    """The fields of a kept state."""
    fields = msgspec.json.decode(state, type=dict[str, Any])
    fields.pop(REVISION, None)
    return fields


def revision_of(state: bytes) -> int | None:
    """The revision that read what is kept; None where that was not noted."""
    return msgspec.json.decode(state, type=_Noted).mapping_revision


def changed(before: Fields | None, after: Fields, model: type[Struct]) -> tuple[str, ...]:
    """The top-level fields that differ, in the order of the model; without a state before, those that have a value."""
    seen = before or {}
    return tuple(
        field.encode_name
        for field in msgspec.structs.fields(model)
        if field.encode_name not in BESIDE and _differ(field.encode_name, seen, after)
    )


def is_older(before: Fields, after: Fields) -> bool:
    """Whether the vendor has answered with a state from before the one that was last seen."""
    known, told = _moment(before.get("updated_at")), _moment(after.get("updated_at"))
    return known is not None and told is not None and told < known


def _differ(name: str, before: Fields, after: Fields) -> bool:
    return bool(_value(name, before) != _value(name, after))


def _value(name: str, fields: Fields) -> Any:
    """A field's value; None for all the ways of having none, so that a field which a newer version of Lockstitch has
    and an older one had not is no change."""
    value = fields.get(name)
    if value in (None, [], {}) or (value == "unknown" and fields.get(f"{name}_raw") is None):
        return None
    if name in IN_ANY_ORDER and isinstance(value, list):
        return sorted(value)
    return value


def _moment(text: Any) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
