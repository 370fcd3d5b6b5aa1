"""How customers are reached, and how a lost write of one is settled."""

from typing import Final

from msgspec import Raw
from msgspec.structs import replace

from mappings.http import VendorReply, VendorRequest
from mappings.medusa import paging, requests
from mappings.medusa.requests import CUSTOMERS, Answer, Marked
from mappings.medusa.wire_2_21 import Account, CustomerWrite
from mappings.spec import Action, Endpoints, ListQuery, Page, Receipt, Recovery, VendorDrift, decode

FIELDS: Final = (
    "id,email,first_name,last_name,company_name,phone,has_account,metadata,created_at,updated_at,"
    "addresses.id,addresses.address_name,addresses.is_default_billing,addresses.is_default_shipping,"
    "addresses.first_name,addresses.last_name,addresses.company,addresses.address_1,addresses.address_2,"
    "addresses.city,addresses.province,addresses.postal_code,addresses.country_code,addresses.phone"
)


def read(remote_id: str, _account: Account) -> VendorRequest:
    """One customer by id, with the addresses."""
    return requests.read(CUSTOMERS, remote_id, FIELDS)


def record(reply: VendorReply, account: Account) -> tuple[Raw | None, Account]:
    """The customer of a read by id, or the first of a look-up."""
    return decode(reply.body, Answer).one, account


def by_email(email: str, _account: Account) -> VendorRequest:
    """The customers with this very address, who registered before who did not. Medusa compares case, and we write small
    letters."""
    return requests.listed(CUSTOMERS, (("fields", FIELDS), ("email", email), ("order", "-has_account")))


def list_(query: ListQuery, account: Account) -> VendorRequest:
    """A page of customers, oldest first. Raises ValueError for a cursor that did not come from `page`."""
    if "email" in query.filters:
        return by_email(query.filters["email"], account)
    return requests.listed(CUSTOMERS, (("fields", FIELDS), *paging.window(query)))


def page(reply: VendorReply, query: ListQuery, account: Account) -> Page[Account]:
    """The customers of one answer that were not listed before."""
    answer = decode(reply.body, Answer)
    if "email" in query.filters:
        return Page(records=answer.customers, next=None, account=account)
    records = paging.fresh(query, answer.customers)
    following = paging.following(query, answer.customers, records, answer.count or 0)
    return Page(records=records, next=None if following is None else following.cursor, account=account)


def create(body: CustomerWrite, marker: str, _parent: str | None, _account: Account) -> VendorRequest:
    """A new customer that names its operation."""
    return requests.create(CUSTOMERS, replace(body, metadata=requests.marking(body.metadata, marker)), FIELDS)


def update(remote_id: str, body: CustomerWrite, _marker: str, _account: Account) -> VendorRequest:
    """Set these fields and leave the others. The marker stays that of the create."""
    return requests.change(CUSTOMERS, remote_id, body, FIELDS)


def archive(remote_id: str, _account: Account) -> VendorRequest:
    """Delete the customer, whose row Medusa keeps; the orders stay."""
    return requests.delete(CUSTOMERS, remote_id)


def receipt(reply: VendorReply, action: Action) -> Receipt:
    """The answer to a write is the whole customer; to a deletion, the id. Raises VendorDrift for another one."""
    if action == "archive":
        return Receipt(remote_id=decode(reply.body, Marked).id)
    found = decode(reply.body, Answer).one
    if found is None:
        raise VendorDrift("$.customer", "the answer to a write holds no customer")
    return Receipt(remote_id=decode(found, Marked).id, record=found, created=action == "create")


def find_marker(marker: str, _parent: str | None, body: CustomerWrite | None, account: Account) -> VendorRequest | None:
    """The customers with the address that the write was for; for one without, those made since the write began."""
    if body is not None and isinstance(body.email, str):
        return by_email(body.email, account)
    return requests.made_since(CUSTOMERS, marker)


RECOVERY: Final[dict[Action, Recovery]] = {
    "create": Recovery(
        by="marker",
        strength="strong",
        note="Medusa has no idempotency keys, but refuses a second customer of the same kind with the same e-mail "
        "address; the customer is looked up by it in the shop's database and carries our operation in the metadata. "
        "One without an address is looked for among those made since the write began, and only there a shop that is "
        "still at work on the lost request could let a repeat pass",
    ),
    "update": Recovery(
        by="state",
        strength="strong",
        note="the customer is read by id and compared; setting the same values again changes nothing but the time",
    ),
    "archive": Recovery(by="state", strength="strong", note="the customer is read by id: one that is gone was deleted"),
}

ENDPOINTS: Final = Endpoints[CustomerWrite, Account](
    read=read,
    record=record,
    list=list_,
    page=page,
    filters=frozenset({"email"}),
    max_limit=requests.MAX_PER_PAGE,
    create=create,
    update=update,
    find={"email": by_email},
    archive=archive,
    receipt=receipt,
    find_marker=find_marker,
    marked=requests.marked,
    recovery=RECOVERY,
)
