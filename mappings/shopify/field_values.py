"""What customers and orders have in common when read: the page in the admin, the shape, the clock."""

from datetime import UTC, datetime
from typing import Final

from canonical import values

DOMAIN: Final = ".myshopify.com"


def admin_url(domain: str | None, section: str, remote_id: str) -> str | None:
    """The record's page in the shop's admin; None until the shop's permanent domain is known."""
    if domain is None or not domain.endswith(DOMAIN):
        return None
    return f"https://admin.shopify.com/store/{domain.removesuffix(DOMAIN)}/{section}/{remote_id}"


def is_webhook(names: frozenset[str]) -> bool:
    """Whether a record's member names are those of a webhook's body: GraphQL's have no underscore inside."""
    return any("_" in name.strip("_") for name in names)


def utc(moment: datetime | None) -> datetime | None:
    """A moment in UTC. GraphQL writes it so, which is what the first test is for; webhooks write the shop's offset."""
    return moment if moment is None or moment.tzinfo is UTC else values.utc(moment)
