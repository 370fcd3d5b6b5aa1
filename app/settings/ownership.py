"""`[ownership.<objects>]`: who owns each field, who may write it, and what happens to a change by anyone else."""

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct, field

from app.errors import Complaint
from canonical.customer import Customer
from canonical.order import Order
from canonical.parts import FieldOwnership, ObjectName
from canonical.ticket import Ticket

PERSON: Final = "person"
"""The writer of a change that an operator makes or releases."""
KEY: Final = "key:"
"""Precedes the name of an API key among writers, because a connection may have the same name."""
COMMENTS: Final = "comments"
"""What a new comment changes of its ticket."""
OBJECTS: Final[tuple[ObjectName, ...]] = ("customer", "order", "ticket")
_MODELS: Final[Mapping[str, type[Struct]]] = {"customer": Customer, "order": Order, "ticket": Ticket}
_ENVELOPE: Final = frozenset({"id", "meta", "raw"})


class Severity(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One severity of the incident handling in a data contract."""

    level: Annotated[int, Meta(ge=1, le=9)]
    means: str
    respond_within: str
    first_step: str | None = None


class _FieldTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[ownership.<objects>.fields.<field>]` as written in the file. A missing member is that of the object."""

    owner: str | None = None
    writers: tuple[str, ...] | None = None
    freshness_seconds: Annotated[int, Meta(ge=1)] | None = None
    anyone_else: Literal["reject", "skip", "review"] | None = None
    among_writers: Literal["owner_wins", "newest", "fill_empty"] | None = None
    team: str | None = None


class _ObjectTable(_FieldTable, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[ownership.<objects>]` as written in the file."""

    contact: str | None = None
    severities: tuple[Severity, ...] = ()
    fields: dict[str, _FieldTable] = field(default_factory=dict)


class ObjectOwnership(Struct, frozen=True, kw_only=True):
    """The ownership of an object: of every field, and by default. `is_checked`: changes of some field are checked.
    `contact` and `severities` are for its contract."""

    default: FieldOwnership = FieldOwnership()
    fields: Mapping[str, FieldOwnership] = {}
    is_checked: bool = False
    contact: str | None = None
    severities: tuple[Severity, ...] = ()

    def freshness_of(self, connection: str) -> int | None:
        """Return how old the data of a connection may be, in seconds: the strictest of the fields that it owns."""
        owned = (one.freshness_seconds for one in self.fields.values() if one.owner == connection)
        return min((seconds for seconds in owned if seconds is not None), default=None)


Ownership = Mapping[ObjectName, ObjectOwnership]


def field_names(object_name: ObjectName) -> tuple[str, ...]:
    """Return the names of what an object's ownership is about: its fields, and the comments of a ticket."""
    names = (one.encode_name for one in msgspec.structs.fields(_MODELS[object_name]))
    fields = [name for name in names if name not in _ENVELOPE and not name.endswith("_raw")]
    return (*fields, COMMENTS) if object_name == "ticket" else tuple(fields)


def read_ownership(
    object_name: ObjectName, table: Any, *, system_of_record: str | None, connections: Collection[str]
) -> ObjectOwnership:
    """Return the ownership of an object from its table. Raises Complaint with everything that is wrong."""
    try:
        read = msgspec.convert(table, _ObjectTable)
    except msgspec.ValidationError as error:
        raise Complaint(f"is invalid: {error}.") from None
    default = _with_default(read, FieldOwnership(owner=system_of_record))
    names = field_names(object_name)
    fields = {name: _with_default(read.fields[name], default) if name in read.fields else default for name in names}
    wrong = [
        f"has no field {name!r} of a {object_name}; the fields are {', '.join(names)}."
        for name in read.fields
        if name not in names
    ]
    # The object's members are defaults of its fields, so they need no policy of their own if a field has one.
    is_default = any(one.anyone_else is not None for one in read.fields.values())
    wrong += _complaints("", default, connections, is_default=is_default)
    if any(one.freshness_seconds is not None for one in fields.values() if one.owner is None):
        wrong.append("freshness_seconds needs an owner: set owner, or the object's connection in [systems_of_record].")
    for name in read.fields.keys() & fields.keys():
        wrong += _complaints(f"fields.{name}: ", fields[name], connections)
    if wrong:
        raise Complaint("; ".join(dict.fromkeys(wrong)))
    return ObjectOwnership(
        default=default,
        fields=fields,
        is_checked=any(one.anyone_else is not None for one in fields.values()),
        contact=read.contact,
        severities=read.severities,
    )


def without_owners() -> Ownership:
    """Return the ownership where nothing is configured."""
    return {name: read_ownership(name, {}, system_of_record=None, connections=()) for name in OBJECTS}


def _with_default(table: _FieldTable, default: FieldOwnership) -> FieldOwnership:
    values = {name: getattr(table, name) for name in FieldOwnership.__struct_fields__}
    return msgspec.structs.replace(default, **{name: value for name, value in values.items() if value is not None})


def _complaints(
    place: str, policy: FieldOwnership, connections: Collection[str], *, is_default: bool = False
) -> Iterator[str]:
    if policy.owner is not None and policy.owner not in connections:
        yield f"{place}owner names {policy.owner!r}, which is not a connection."
    for writer in policy.writers or ():
        if writer not in connections and writer != PERSON and not writer.startswith(KEY):
            yield f"{place}writers names {writer!r}: name a connection, an API key as {KEY}<name>, or {PERSON}."
    if (
        not is_default
        and policy.anyone_else is None
        and (policy.writers is not None or policy.among_writers is not None)
    ):
        yield f"{place}writers and among_writers need anyone_else: reject, skip or review."
    if policy.anyone_else is not None and policy.owner is None:
        yield f"{place}anyone_else needs an owner: set owner, or the object's connection in [systems_of_record]."
