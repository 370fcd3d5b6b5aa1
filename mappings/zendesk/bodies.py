"""Tags and external ids in the writes of users and tickets."""

from msgspec import UNSET, UnsetType

from mappings.kit import patches
from mappings.spec import Notes


def tags(wanted: tuple[str, ...] | None | UnsetType, notes: Notes) -> tuple[str, ...] | UnsetType:
    """Return tags as Zendesk keeps them: in lower case, each once. Spaces and commas separate tags there."""
    if isinstance(wanted, UnsetType):
        return UNSET
    kept: dict[str, None] = {}
    for place, tag in enumerate(wanted or ()):
        word = "_".join(tag.lower().replace(",", " ").split())
        if not word:
            notes.invalid(f"/tags/{place}", "a Zendesk tag is one word without spaces and commas, such as needs_review")
            continue
        if word != tag:
            detail = "a Zendesk tag is one word in lower case: spaces and commas become underscores"
            notes.lose(f"/tags/{place}", "coerced", detail)
        kept[word] = None
    return tuple(kept)


def external_id(wanted: str | None | UnsetType, notes: Notes) -> str | None | UnsetType:
    """Return the caller's key. Refuse one that cannot be looked up, or that looks like a marker."""
    if isinstance(wanted, str) and ("," in wanted or not wanted):
        notes.invalid("/external_id", "a Zendesk external id must not be empty or contain a comma")
        return UNSET
    return patches.own_key(wanted, "Zendesk", notes)
