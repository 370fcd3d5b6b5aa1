"""Values that records of Stripe share: ids of expandable members, links to the dashboard, the kind of a customer."""

from typing import Final

from canonical.customer import CustomerKind
from mappings.stripe.wire_2026_10_28 import Named

DASHBOARD: Final = "https://dashboard.stripe.com"


def id_of(reference: str | Named | None) -> str | None:
    """Return the id of a member, expanded or not."""
    return reference.id if isinstance(reference, Named) else reference


def dashboard(livemode: bool, path: str) -> str:
    """Return the link to a record. Test data has separate pages."""
    return f"{DASHBOARD}/{'' if livemode else 'test/'}{path}"


def kind_of(individual_name: str | None, business_name: str | None) -> CustomerKind:
    """Return what a customer with these names is. Stripe keeps no kind."""
    return "person" if individual_name else "organization" if business_name else "unknown"
