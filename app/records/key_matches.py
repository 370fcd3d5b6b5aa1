"""Compare what a vendor found with the key it was asked for, before anything is answered or written.

A vendor may match parts of texts, fold more than case, or match values that a list or any read leaves out
(`VendorMapping.hidden_keys`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from app.errors import NotFound
from app.records.deps import RecordDeps
from app.records.fetch import fetch_record
from app.records.map_record import Reading
from app.vendors.models import Connection
from canonical.customer import Customer
from canonical.field_kinds import ComparedField, Kind
from canonical.parts import ObjectName
from canonical.same_value import same
from mappings.coverage import PERSON

MOST_READ_AGAIN: Final = 5
"""Records of a page that are read one by one, because the list leaves out some of their values."""
KINDS: Final[Mapping[str, ComparedField]] = {
    "email": ComparedField(kind=Kind.EMAIL),
    "external_id": ComparedField(),
    "number": ComparedField(),
}
"""The filters that name a record, and how their values are compared."""


class KeyMatches(Struct, frozen=True, kw_only=True):
    """The records that have the key, and those that may have it in a value that Lockstitch does not read."""

    equal: list[Reading]
    unsure: list[Reading]


def has_keys(object_name: ObjectName, data: Any, filters: Mapping[str, str]) -> bool:
    """Return whether a record holds the value of each filter that names a record."""
    return all(
        any(same(value, filters[name], kind) for value in _values(object_name, data, name))
        for name, kind in KINDS.items()
        if name in filters
    )


async def match_keys(
    deps: RecordDeps,
    connection: Connection,
    readings: Sequence[Reading],
    filters: Mapping[str, str],
    deadline: float,
) -> KeyMatches:
    """Compare the records that a vendor found by these filters. Raises the vendor's problems."""
    equal, unsure, others = list[Reading](), list[Reading](), list[Reading]()
    for one in readings:
        hidden = {one.mapping.hidden_keys.get(name) for name in filters}
        if has_keys(one.mapping.object, one.mapped.data, filters):
            equal.append(one)
        elif "always" in hidden:
            unsure.append(one)
        elif "in_lists" in hidden:
            others.append(one)
    for one in others[:MOST_READ_AGAIN]:
        try:
            whole = await fetch_record(deps, connection, one.mapping, one.mapped.remote.id, deadline)
        except NotFound:
            continue
        if has_keys(whole.mapping.object, whole.mapped.data, filters):
            equal.append(whole)
    return KeyMatches(equal=equal, unsure=unsure)


def _values(object_name: ObjectName, data: Any, name: str) -> Sequence[str | None]:
    """Return what a record holds of a key: of a customer all addresses, else that of its person."""
    if name != "email":
        return (getattr(data, name, None),)
    if isinstance(data, Customer):
        return [one.address for one in data.emails]
    person = getattr(data, PERSON.get(object_name, ""), None)
    return () if person is None else (person.email,)
