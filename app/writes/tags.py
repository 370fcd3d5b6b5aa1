"""Add and remove tags: a change that needs the present tags, so it is merged when it is executed."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from app.errors import InvalidField
from app.http.decode_body import decode_patch
from app.problem_document import FieldError
from canonical.parts import Line
from canonical.same_value import fold_tag
from mappings.coverage import coverage
from mappings.registry import AnyMapping
from mappings.spec import Draft


class TagsChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tags to add to a record and to remove from it. The record keeps its other tags. Case does not matter."""

    add: tuple[Line, ...] | UnsetType = UNSET
    """Tags to add. Those that the record has stay. Example: `["vip"]`"""
    remove: tuple[Line, ...] | UnsetType = UNSET
    """Tags to remove. Those that the record lacks are ignored. Example: `["prospect"]`"""


def read_change(body: bytes) -> TagsChange:
    """Decode the body of a change of tags. Raises MalformedBody and InvalidField."""
    change = decode_patch(body, TagsChange)
    if change.add is UNSET and change.remove is UNSET:
        raise InvalidField.at("", "send add, remove or both")
    removed = _folded(_listed(change.remove))
    errors = [
        FieldError(pointer=f"/{name}/{place}", detail="a tag has at least one character")
        for name in ("add", "remove")
        for place, tag in enumerate(_listed(getattr(change, name)))
        if not tag.strip()
    ]
    errors += [
        FieldError(pointer=f"/add/{place}", detail="is in remove too; send it in one of the two")
        for place, tag in enumerate(_listed(change.add))
        if tag.strip() and fold_tag(tag) in removed
    ]
    if errors:
        raise InvalidField.listing(errors)
    return change


def can_write_tags(mapping: AnyMapping) -> bool:
    """Return whether an update through this mapping can change tags."""
    return any(row.field == "tags" and row.updates for row in coverage(mapping))


def merge_tags(body: bytes, present: Sequence[str]) -> tuple[str, ...]:
    """Return the tags after the change: the present ones in their order without the removed ones, then the new ones."""
    change = msgspec.json.decode(body, type=TagsChange)
    removed = _folded(_listed(change.remove))
    merged = {fold_tag(tag): tag for tag in present if fold_tag(tag) not in removed}
    for tag in _listed(change.add):
        merged.setdefault(fold_tag(tag), tag.strip())
    return tuple(merged.values())


def with_own_pointers(draft: Draft[Any], body: bytes, merged: Sequence[str]) -> Draft[Any]:
    """Return the draft with refusals that point into the caller's body, not into the merged list."""
    added = [tag.strip() for tag in _listed(msgspec.json.decode(body, type=TagsChange).add)]

    def own(pointer: str) -> str:
        _, _, place = pointer.removeprefix("/").partition("/")
        tag = merged[int(place)] if place.isdecimal() and int(place) < len(merged) else None
        return f"/add/{added.index(tag)}" if tag in added else pointer

    refused = tuple(msgspec.structs.replace(one, pointer=own(one.pointer)) for one in draft.refused)
    return msgspec.structs.replace(draft, refused=refused)


def _listed(tags: tuple[str, ...] | UnsetType) -> tuple[str, ...]:
    return () if isinstance(tags, UnsetType) else tags


def _folded(tags: Sequence[str]) -> frozenset[str]:
    return frozenset(fold_tag(tag) for tag in tags)
