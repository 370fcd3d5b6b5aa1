"""Values that all records of Stripe share: ids of expandable members, links to the dashboard."""

from typing import Final

from mappings.stripe.wire_2026_10_28 import Named

DASHBOARD: Final = "https://dashboard.stripe.com"


def id_of(reference: str | Named | None) -> str | None:
    """Return the id of a member, expanded or not."""
    return reference.id if isinstance(reference, Named) else reference


def dashboard(livemode: bool, path: str) -> str:
    """Return the link to a record. Test data has separate pages."""
    return f"{DASHBOARD}/{'' if livemode else 'test/'}{path}"
