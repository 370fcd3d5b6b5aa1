"""What the writes of users and tickets share: fields without a place, tags, external ids, ids of other records."""

from typing import Final

from msgspec import UNSET, Struct, UnsetType

from mappings.spec import Notes
from mappings.zendesk.wire_v2 import MARK

MOST_DIGITS: Final = 18
"""Zendesk's ids are 64-bit integers; every one of this many digits fits."""


def refuse_without_place(patch: Struct, fields: tuple[tuple[str, str], ...], notes: Notes) -> None:
    """Note each of `fields` (name and reason) that the patch names: what cannot be held cannot be emptied either."""
    for name, reason in fields:
        if not isinstance(getattr(patch, name), UnsetType):
            notes.unsupported(f"/{name}", reason)


def tags(wanted: tuple[str, ...], notes: Notes) -> tuple[str, ...]:
    """Tags as Zendesk keeps them: in lower case, each once. A tag cannot hold a space or a comma, which part tags."""
    kept: dict[str, None] = {}
    for place, tag in enumerate(wanted):
        if not tag or "," in tag or any(letter.isspace() for letter in tag):
            notes.invalid(f"/tags/{place}", "a Zendesk tag is one word without spaces and commas, such as needs_review")
            continue
        lowered = tag.lower()
        if lowered != tag:
            notes.lose(f"/tags/{place}", "coerced", "lower-cased")
        kept[lowered] = None
    return tuple(kept)


def external_id(wanted: str | None | UnsetType, notes: Notes) -> str | None | UnsetType:
    """The caller's own key, unless it cannot be looked up again or could be taken for one of our marks."""
    if not isinstance(wanted, str):
        return wanted
    if wanted.startswith(MARK):
        notes.invalid("/external_id", f"what begins with {MARK} is kept for marks of our own")
        return UNSET
    if "," in wanted or wanted != wanted.strip() or not wanted:
        notes.invalid("/external_id", "Zendesk looks external ids up in lists: no comma, no space at the ends")
        return UNSET
    return wanted


def record_id(wanted: str | None | UnsetType, pointer: str, notes: Notes) -> int | None | UnsetType:
    """The id of another record, or None to take it away."""
    if not isinstance(wanted, str):
        return wanted
    if not (wanted.isascii() and wanted.isdecimal()) or len(wanted) > MOST_DIGITS:
        notes.invalid(pointer, "a Zendesk id is a whole number")
        return UNSET
    return int(wanted)
