"""The tags of contacts and tickets."""

from typing import Final

from msgspec import UNSET, UnsetType

from mappings.spec import Notes

LONGEST_TAG: Final = 32


def tags(wanted: tuple[str, ...] | UnsetType | None, notes: Notes) -> tuple[str, ...] | UnsetType:
    """Return each tag once. Freshdesk allows 32 characters and splits tags at commas."""
    if isinstance(wanted, UnsetType):
        return UNSET
    kept: dict[str, None] = {}
    for place, tag in enumerate(wanted or ()):
        written = " ".join(tag.replace(",", " ").split()) if "," in tag else tag.strip()
        if not written:
            notes.invalid(f"/tags/{place}", f"a Freshdesk tag has 1 to {LONGEST_TAG} characters and no comma")
            continue
        if written != tag:
            notes.lose(f"/tags/{place}", "coerced", "commas and spaces around the tag are removed")
        if len(written) > LONGEST_TAG:
            notes.lose(f"/tags/{place}", "truncated", f"a Freshdesk tag has at most {LONGEST_TAG} characters")
        kept[written[:LONGEST_TAG].strip()] = None
    return tuple(kept)
