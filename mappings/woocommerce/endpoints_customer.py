"""How customers are reached, and how a lost write of one is settled."""

from typing import Final

from mappings.http import VendorRequest
from mappings.kit.paging import Offsets
from mappings.kit.rest import Collection
from mappings.spec import Action, Recovery
from mappings.woocommerce.requests import API, MAX_PER_PAGE, carries, mark, remote_id, total
from mappings.woocommerce.wire_v3 import Account, CustomerWrite

EVERYBODY: Final = ("role", "all")
"""Without it WooCommerce lists only users whose role is customer: administrators and subscribers buy, too."""

CUSTOMERS: Final = Collection[CustomerWrite, Account](
    path=f"{API}/customers",
    paging=Offsets(
        ask=lambda offset, rows: (
            EVERYBODY,
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
    # The address is unique; WooCommerce looks for the whole of it in its table of users.
    keys={"email": lambda email: (("email", email), EVERYBODY)},
    mark=mark,
    carries=carries,
)


def find_marker(marker: str, parent: str | None, body: CustomerWrite | None, account: Account) -> VendorRequest | None:
    """Return the request for the customer with the address of the write: if it was done, its record has the marker."""
    return CUSTOMERS.find("email", body.email) if body is not None and isinstance(body.email, str) else None


RECOVERY: Final[dict[Action, Recovery]] = {
    "create": Recovery(
        by="marker",
        strength="strong",
        note="WooCommerce has no idempotency keys, but refuses a second customer with the same e-mail address; the "
        "customer is looked up by it in the shop's database and carries our operation in its meta. A shop still "
        "at work on the lost request when it is looked up could let the repeat pass, and one that broke off between "
        "user and meta has a customer who does not name the operation: the repeat is then refused as a duplicate",
    ),
    "update": Recovery(
        by="state",
        strength="strong",
        note="the customer is read by his id and compared; setting the same values again changes nothing but the time, "
        "unless a plugin acts on every save",
    ),
}

ENDPOINTS: Final = CUSTOMERS.endpoints(
    recovery=RECOVERY,
    find_marker=find_marker,
    max_limit=MAX_PER_PAGE - 1,  # one more is asked for, to see whether the list moved
    updated_since=False,
)
