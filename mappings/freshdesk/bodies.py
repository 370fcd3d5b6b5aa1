"""What the writes of contacts and tickets share: fields without a place, choices, tags, ids of other records."""

from collections.abc import Mapping
from typing import Final, TypeVar

from msgspec import UNSET, Struct, UnsetType

from mappings.freshdesk.wire_v2 import MARK
from mappings.spec import Notes

K = TypeVar("K")
V = TypeVar("V")

MOST_DIGITS: Final = 18
"""Freshdesk's ids are 64-bit integers; every one of this many digits fits."""
LONGEST_TAG: Final = 32


def refuse_without_place(patch: Struct, fields: tuple[tuple[str, str], ...], notes: Notes) -> None:
    """Note each of `fields` (name and reason) that the patch names: what cannot be held cannot be emptied either."""
    for name, reason in fields:
        if not isinstance(getattr(patch, name), UnsetType):
            notes.unsupported(f"/{name}", reason)


def chosen(wanted: K | UnsetType, words: Mapping[K, V], pointer: str, notes: Notes) -> V | UnsetType:
    """Freshdesk's value for one of ours; for one that it has no value for, those that it has are named."""
    if isinstance(wanted, UnsetType):
        return UNSET
    if wanted not in words:
        notes.invalid(pointer, f"one of: {', '.join(map(str, words))}")
        return UNSET
    return words[wanted]


def tags(wanted: tuple[str, ...] | UnsetType | None, notes: Notes) -> tuple[str, ...] | UnsetType:
    """Each tag once; Freshdesk takes 32 characters, and a comma parts two tags."""
    if isinstance(wanted, UnsetType):
        return UNSET
    kept: dict[str, None] = {}
    for place, tag in enumerate(wanted or ()):
        if not tag.strip() or "," in tag or len(tag) > LONGEST_TAG:
            notes.invalid(f"/tags/{place}", f"a Freshdesk tag has 1 to {LONGEST_TAG} characters and no comma")
            continue
        if tag != tag.strip():
            notes.lose(f"/tags/{place}", "coerced", "trimmed")
        kept[tag.strip()] = None
    return tuple(kept)


def external_id(wanted: str | None | UnsetType, notes: Notes) -> str | None | UnsetType:
    """The caller's own key, unless it could be taken for one of our marks."""
    if isinstance(wanted, str) and wanted.startswith(MARK):
        notes.invalid("/external_id", f"what begins with {MARK} is kept for marks of our own")
        return UNSET
    if isinstance(wanted, str) and wanted != wanted.strip():
        notes.invalid("/external_id", "no space at the ends: Freshdesk would cut it off")
        return UNSET
    return wanted


def record_id(wanted: str | None | UnsetType, pointer: str, notes: Notes) -> int | None | UnsetType:
    """The id of another record, or None to take it away."""
    if not isinstance(wanted, str):
        return wanted
    if not (wanted.isascii() and wanted.isdecimal()) or len(wanted) > MOST_DIGITS:
        notes.invalid(pointer, "a Freshdesk id is a whole number")
        return UNSET
    return int(wanted)
