"""References to other records: add their connection in an answer, and remove other vendors' ids in a write. The rules
are those of the HTTP contract, "Portable bodies": a vendor id of one connection is never sent to another."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Final, TypeVar

from msgspec import UNSET, Struct
from msgspec.structs import fields, replace

from canonical.output_only import struct_in
from canonical.parts import Loss, ObjectName, ProductReference, ProductReferencePatch, Reference, ReferencePatch

S = TypeVar("S")

OBJECT: Final[Mapping[str, ObjectName]] = {
    "customer": "customer",
    "requester": "customer",
    "parent": "ticket",
    "merged_into": "ticket",
    "orders": "order",
}
"""The object that a reference names, by field. All others name records without a canonical id."""
PEOPLE: Final = ("customer", "requester")
"""The people that a write looks up by link or address."""
LINKED: Final = (*PEOPLE, "orders")
"""The records that a write looks up by link."""
_KINDS: Final = (Reference, ReferencePatch, ProductReference, ProductReferencePatch)
_IDS: Final = ("remote_id", "variant_remote_id")

Ids = Mapping[tuple[ObjectName, str], str]
"""Canonical ids by object and the vendor's id."""


def references_of(part: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the references in a record or patch, each with its JSON Pointer."""
    kind: Any = type(part)
    for name in _places(kind):
        value = getattr(part, name)
        many = isinstance(value, tuple)
        for index, one in enumerate(value if many else (value,)):
            at = f"{pointer}/{name}/{index}" if many else f"{pointer}/{name}"
            if isinstance(one, _KINDS):
                yield at, one
            elif isinstance(one, Struct):
                yield from references_of(one, at)


def named_records(data: Any) -> Iterator[tuple[ObjectName, str]]:
    """Yield object and vendor id of each record that a record refers to and that has a canonical id."""
    for name, object_name in OBJECT.items():
        value = getattr(data, name, None)
        for one in value if isinstance(value, tuple) else (value,):
            if one is not None and one.remote_id is not None:
                yield object_name, one.remote_id


def with_connection(data: S, connection: str, ids: Ids) -> S:
    """Return a record with the connection of each reference, and the canonical ids that are known."""

    def named(name: str, one: Any) -> Any:
        if one.remote_id is None and getattr(one, "variant_remote_id", None) is None:
            return one
        id = ids.get((OBJECT[name], one.remote_id)) if name in OBJECT else None
        return replace(one, connection=connection) if id is None else replace(one, connection=connection, id=id)

    return _changed(data, named)


def with_source(patch: S, source: str | None) -> S:
    """Return a patch with a connection in each reference that has a vendor's id: by default `source`."""

    def named(name: str, one: Any) -> Any:
        return replace(one, connection=source) if one.connection is None and vendor_ids(one) else one

    return patch if source is None else _changed(patch, named)


def without_canonical_ids(data: S) -> S:
    """Return a record whose references have no canonical id."""
    return _changed(data, lambda _, one: replace(one, id=None) if getattr(one, "id", None) is not None else one)


def vendor_ids(reference: Any) -> tuple[str, ...]:
    """Return the members of a reference that are set and valid at one connection only."""
    return tuple(name for name in _IDS if getattr(reference, name, None) is not None)


def at_target(patch: S, target: str) -> tuple[S, list[Loss]]:
    """Return the patch for the vendor of `target`, with the losses: without ids of other vendors, and without
    references that name nothing there. People and products keep their other keys, and records that can be linked keep
    their `id`."""
    loss: dict[str, Loss] = {}

    def placed(name: str, one: Any) -> Any:
        known, source = _own_ids(name, one, target)
        foreign = f"an id of {source}, which names nothing at {target}"
        if name == "product":
            if source is not None:
                detail = f"products are named without {foreign}"
                loss["line_items"] = Loss(path="/line_items", kind="coerced", detail=detail)
            return None if known == ProductReferencePatch() else known
        if name in PEOPLE or known.remote_id is not None or (name == "followers" and known.email is not None):
            return known
        if name in LINKED and known.id is not None:
            return known
        detail = f"it is known only by {foreign}" if source is not None else f"it is not known at {target}"
        loss[name] = Loss(path=f"/{name}", kind="dropped", detail=detail)
        return UNSET

    changed = _changed(patch, placed)
    return changed, list(loss.values())


def _own_ids(name: str, one: Any, target: str) -> tuple[Any, str | None]:
    """Return a reference with only the ids of the target, and the connection whose ids were removed. A person or order
    keeps an `id`, at least `<connection>:<vendor id>`, because a link may name the record here."""
    source = one.connection if vendor_ids(one) and one.connection not in (None, target) else None
    changes: dict[str, Any] = {"connection": None}
    if source is not None:
        changes |= {id: None for id in _IDS if hasattr(one, id)}
        if name in LINKED and one.id is None:
            changes["id"] = f"{source}:{one.remote_id}"
    if name not in PEOPLE and getattr(one, "id", None) is not None:
        connection, _, remote_id = one.id.partition(":")
        if name not in LINKED or connection == target:
            changes["id"] = None
        if connection == target and (source is not None or one.remote_id is None):
            changes["remote_id"] = remote_id
    return replace(one, **changes), source


def _changed(part: S, change: Callable[[str, Any], Any]) -> S:
    """Return a Struct with each of its references changed. An UNSET in a list removes the item."""
    changes: dict[str, Any] = {}
    kind: Any = type(part)
    for name in _places(kind):
        value = getattr(part, name)
        if not isinstance(value, tuple):
            new = _new(name, value, change)
            if new is not value:
                changes[name] = new
            continue
        items = [_new(name, item, change) for item in value]
        if any(one is not item for one, item in zip(items, value, strict=True)):
            changes[name] = tuple([one for one in items if one is not UNSET]) or UNSET
    return replace(part, **changes) if changes else part  # type: ignore[type-var]


def _new(name: str, value: Any, change: Callable[[str, Any], Any]) -> Any:
    if isinstance(value, _KINDS):
        return change(name, value)
    return _changed(value, change) if isinstance(value, Struct) else value


@cache
def _places(kind: Any) -> tuple[str, ...]:
    """Return the fields that are references, or hold some."""
    structs = ((field.name, struct_in(field.type)) for field in fields(kind))
    return tuple(name for name, inner in structs if inner is not None and (issubclass(inner, _KINDS) or _places(inner)))
