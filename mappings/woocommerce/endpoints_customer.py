"""How customers are reached, and how a lost write of one is settled."""

from typing import Final

from msgspec import Raw

from mappings.http import VendorReply, VendorRequest
from mappings.spec import Action, Endpoints, ListQuery, Page, Receipt, Recovery, decode, decode_loosely
from mappings.woocommerce import requests
from mappings.woocommerce.paging_customer import page_at, place_in
from mappings.woocommerce.requests import Marked
from mappings.woocommerce.wire_v3 import OPERATION, Account, CustomerWrite, MetaWrite

CUSTOMERS: Final = "customers"
EVERYBODY: Final = ("role", "all")
"""Without it WooCommerce lists only users whose role is customer: administrators and subscribers buy, too."""


def read(remote_id: str, _account: Account) -> VendorRequest:
    """One customer by id."""
    return requests.read(CUSTOMERS, remote_id)


def by_email(email: str, _account: Account) -> VendorRequest:
    """The customer with this address, which is unique; WooCommerce looks for the whole of it in its table of users."""
    return requests.listed(CUSTOMERS, (("email", email), EVERYBODY))


def list_(query: ListQuery, account: Account) -> VendorRequest:
    """A page of customers, oldest first, from a place in the list.

    Raises ValueError for a place that did not come from `page`.
    """
    if "email" in query.filters:
        return by_email(query.filters["email"], account)
    place = place_in(query.after)
    window = (("offset", str(place.asked)), ("per_page", str(place.size(query.limit))))
    return requests.listed(CUSTOMERS, (EVERYBODY, ("orderby", "id"), ("order", "asc"), *window))


def page(reply: VendorReply, query: ListQuery, account: Account) -> Page[Account]:
    """The customers of one answer that were not listed before."""
    records = decode(reply.body, tuple[Raw, ...])
    if "email" in query.filters:
        return Page(records=records, next=None, account=account)
    records, following = page_at(place_in(query.after), records, reply.headers.get("x-wp-total"), query.limit)
    return Page(records=records, next=following, account=account)


def create(body: CustomerWrite, marker: str, _parent: str | None, _account: Account) -> VendorRequest:
    """A new customer that names its operation."""
    marked = requests.with_meta(body, MetaWrite(key=OPERATION, value=marker))
    return requests.create(CUSTOMERS, requests.encoded(marked))


def update(remote_id: str, body: CustomerWrite, _marker: str, _account: Account) -> VendorRequest:
    """Set these fields and leave the others. The marker stays that of the create."""
    return requests.update(CUSTOMERS, remote_id, requests.encoded(body))


def receipt(reply: VendorReply, action: Action) -> Receipt:
    """The answer to a write is the whole customer."""
    record = decode_loosely(reply.body, Marked)
    return Receipt(remote_id=str(record.id), record=Raw(reply.body), created=action == "create")


def find_marker(
    _marker: str, _parent: str | None, body: CustomerWrite | None, account: Account
) -> VendorRequest | None:
    """The customer with the address that the write was for: if it was done, he carries its marker."""
    return by_email(body.email, account) if body is not None and isinstance(body.email, str) else None


def marked(reply: VendorReply, marker: str) -> str | None:
    """The id of the customer that carries this marker."""
    for one in decode_loosely(reply.body, tuple[Marked, ...]):
        if requests.meta_text(one.meta_data, OPERATION) == marker:
            return str(one.id)
    return None


RECOVERY: Final[dict[Action, Recovery]] = {
    "create": Recovery(
        by="marker",
        strength="strong",
        note="WooCommerce has no idempotency keys, but refuses a second customer with the same e-mail address; he is "
        "looked up by it in the shop's database and carries our operation in his meta. A shop that is still at work on "
        "the lost request when it is looked up could let the repeat pass, and one that broke off between user and "
        "meta has a customer who does not name the operation: the repeat is then refused as a duplicate",
    ),
    "update": Recovery(
        by="state",
        strength="strong",
        note="the customer is read by his id and compared; setting the same values again changes nothing but the time, "
        "unless a plugin acts on every save",
    ),
}

ENDPOINTS: Final = Endpoints[CustomerWrite, Account](
    read=read,
    record=requests.record,
    list=list_,
    page=page,
    filters=frozenset({"email"}),
    max_limit=requests.MAX_PER_PAGE - 1,  # one more is asked for, to see whether the list moved
    updated_since=False,
    create=create,
    update=update,
    find={"email": by_email},
    receipt=receipt,
    find_marker=find_marker,
    marked=marked,
    recovery=RECOVERY,
)
