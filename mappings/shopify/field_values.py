"""Values that customers and orders share: the address in the admin, the shape of a record, times."""

from datetime import UTC, datetime
from typing import Final

from msgspec import UNSET, UnsetType

from canonical import values
from mappings.spec import Notes

DOMAIN: Final = ".myshopify.com"


def admin_url(domain: str | None, section: str, remote_id: str) -> str | None:
    """Return the record's address in the shop's admin, None until the shop's permanent domain is known."""
    if domain is None or not domain.endswith(DOMAIN):
        return None
    return f"https://admin.shopify.com/store/{domain.removesuffix(DOMAIN)}/{section}/{remote_id}"


def is_webhook(names: frozenset[str]) -> bool:
    """Return whether member names are those of a webhook's body. GraphQL's names contain no underscore."""
    return any("_" in name.strip("_") for name in names)


def tags(sent: tuple[str, ...] | None | UnsetType, notes: Notes) -> tuple[str, ...] | UnsetType:
    """Return tags to write. Shopify separates tags by commas, also within one of a list (`tagsAdd`)."""
    if isinstance(sent, UnsetType):
        return UNSET
    written: list[str] = []
    for place, tag in enumerate(sent or ()):
        parts = [part.strip() for part in tag.split(",") if part.strip()]
        if "," in tag:
            notes.lose(f"/tags/{place}", "coerced", f"Shopify separates tags by commas: it reads as {len(parts)}")
        written += parts
    return tuple(written)


def utc(moment: datetime | None) -> datetime | None:
    """Return a time in UTC. GraphQL sends UTC, hence the first test; webhooks have the shop's offset."""
    return moment if moment is None or moment.tzinfo is UTC else values.utc(moment)
