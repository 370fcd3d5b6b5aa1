"""Values that all records of Stripe share: times, ids of expandable members, links to the dashboard."""

from datetime import UTC, datetime
from typing import Final

from mappings.spec import VendorDrift
from mappings.stripe.wire_2026_10_28 import Named

DASHBOARD: Final = "https://dashboard.stripe.com"


def instant(seconds: int | None) -> datetime | None:
    """Return a time of seconds since 1970. Raises VendorDrift for a time that does not exist."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise VendorDrift("$", "a time is invalid") from error


def id_of(reference: str | Named | None) -> str | None:
    """Return the id of a member, expanded or not."""
    return reference.id if isinstance(reference, Named) else reference


def dashboard(livemode: bool, path: str) -> str:
    """Return the link to a record. Test data has separate pages."""
    return f"{DASHBOARD}/{'' if livemode else 'test/'}{path}"
