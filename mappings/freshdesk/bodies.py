"""What the writes of contacts and tickets share: tags and the caller's key."""

from typing import Final

from msgspec import UNSET, UnsetType

from mappings.freshdesk.wire_v2 import MARK
from mappings.spec import Notes

LONGEST_TAG: Final = 32


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
