"""Requests for customers, and recovery of lost writes."""

import dataclasses
from typing import Final

from msgspec import Raw, Struct

from mappings.endpoints import Action, Recovery
from mappings.http import VendorRequest
from mappings.kit.paging import Offsets
from mappings.kit.recovery import by_state
from mappings.kit.rest import Collection
from mappings.spec import decode_loosely
from mappings.woocommerce.requests import API, MAX_PER_PAGE, carries, mark, remote_id, total
from mappings.woocommerce.wire_v3 import Account, CustomerWrite

ANY_ROLE: Final = ("role", "all")
"""Without it WooCommerce lists only users with the role customer, but administrators and subscribers buy too."""
STAFF: Final = ("administrator", "shop_manager")


class _Role(Struct, frozen=True, kw_only=True):
    role: str | None = None


def is_staff(record: Raw) -> bool:
    """Return whether a user manages the shop."""
    return decode_loosely(record, _Role).role in STAFF


CUSTOMERS: Final = Collection[CustomerWrite, Account](
    path=f"{API}/customers",
    paging=Offsets(
        ask=lambda offset, rows: (
            ANY_ROLE,
            ("orderby", "id"),
            ("order", "asc"),
            ("offset", str(offset)),
            ("per_page", str(rows)),
        ),
        id=lambda record: int(remote_id(record)),
        total=total,
        most=MAX_PER_PAGE,
    ),
    id=remote_id,
    # The address is unique. WooCommerce matches all of it in its table of users.
    keys={"email": lambda email: (("email", email), ANY_ROLE)},
    mark=mark,
    carries=carries,
)


def find_marker(marker: str, parent: str | None, body: CustomerWrite | None, account: Account) -> VendorRequest | None:
    """Return the request for the customer with the write's e-mail address. It has the marker if the write was done."""
    return CUSTOMERS.find("email", body.email) if body is not None and isinstance(body.email, str) else None


RECOVERY: Final[dict[Action, Recovery]] = {
    "create": Recovery(
        by="marker",
        strength="strong",
        note="WooCommerce has no idempotency keys, but refuses a second customer with the same e-mail address. The "
        "customer is looked up by it in the shop's database and has the operation id in its meta. A shop still "
        "processing the lost request at the look-up could accept the repeat. A shop that failed between saving "
        "user and meta has a customer without the operation id: it refuses the repeat as a duplicate",
    ),
    "update": by_state(
        "the customer is read by id and compared; sending the same values again changes only the modification "
        "time, unless a plugin acts on every save"
    ),
}

ENDPOINTS: Final = dataclasses.replace(
    CUSTOMERS.endpoints(
        recovery=RECOVERY,
        find_marker=find_marker,
        max_limit=MAX_PER_PAGE - 1,  # one more record, to see whether the list moved
        updated_since=False,
    ),
    is_staff=is_staff,
)
