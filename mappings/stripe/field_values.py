"""Small things that records of Stripe have in common: times, ids behind expandable members, links for people."""

from datetime import UTC, datetime
from typing import Final

from mappings.spec import VendorDrift
from mappings.stripe.wire_2026_10_28 import Named

DASHBOARD: Final = "https://dashboard.stripe.com"


def instant(seconds: int | None) -> datetime | None:
    """A time; Stripe counts seconds since 1970. Raises VendorDrift for one that no calendar has."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise VendorDrift("$", "a time is none") from error


def id_of(reference: str | Named | None) -> str | None:
    """The id of what may be expanded."""
    return reference.id if isinstance(reference, Named) else reference


def dashboard(livemode: bool, path: str) -> str:
    """Where a person sees a record; test data has pages of its own."""
    return f"{DASHBOARD}/{'' if livemode else 'test/'}{path}"
