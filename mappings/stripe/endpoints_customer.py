"""How customers are reached: by id, by e-mail address, in lists, by our marker."""

from typing import Final

from msgspec import UNSET, Raw, Struct, UnsetType
from msgspec.structs import replace

from canonical import values
from mappings.http import VendorReply, VendorRequest
from mappings.spec import Action, Endpoints, ListQuery, Page, Receipt, Recovery, decode
from mappings.stripe import bodies, requests
from mappings.stripe.wire_2026_10_28 import EXTERNAL_ID, OPERATION_ID, Account
from mappings.stripe.wire_writes_2026_10_28 import CustomerWrite

CUSTOMERS: Final = "/v1/customers"
ONE: Final = f"{CUSTOMERS}/{{id}}"
SEARCH: Final = f"{CUSTOMERS}/search"
BESIDE: Final = ("subscriptions", "tax_ids")
IN_LIST: Final = tuple(f"data.{member}" for member in BESIDE)


class _Filtered(Struct, frozen=True, kw_only=True):
    email: str | None = None
    metadata: dict[str, str] | None = None


class _Answer(Struct, frozen=True, kw_only=True):
    """A list, newest first; a single customer has no such member."""

    data: tuple[Raw, ...] | UnsetType = UNSET


def read(remote_id: str, account: Account) -> VendorRequest:
    """One customer, with what is billed to it."""
    query = requests.expanding(*BESIDE)
    return VendorRequest(method="GET", path=requests.path_of(CUSTOMERS, remote_id), route=ONE, query=query)


def record(reply: VendorReply, account: Account) -> tuple[Raw | None, Account]:
    """The customer of an answer about one, or the oldest of a look-up: addresses are not unique at Stripe, and the
    oldest stays the same whoever comes later."""
    found = decode(reply.body, _Answer)
    if isinstance(found.data, UnsetType):
        return requests.one(reply), account
    return (found.data[-1] if found.data else None), account


def list_(query: ListQuery, account: Account) -> VendorRequest:
    """A page of customers, newest first; by the caller's own key through the search, which lags behind writes."""
    limit = ("limit", str(min(query.limit, requests.MOST)))
    if (key := query.filters.get("external_id")) is not None:
        clause = requests.searching(f'metadata["{EXTERNAL_ID}"]', key)
        paging = () if query.after is None else (("page", query.after),)
        search = (("query", clause), limit, *paging, *requests.expanding(*IN_LIST))
        return VendorRequest(method="GET", path=SEARCH, route=SEARCH, query=search)
    more: requests.Query = () if query.after is None else (("starting_after", query.after),)
    if (email := query.filters.get("email")) is not None:
        more = (("email", values.email(email)), *more)
    return VendorRequest(
        method="GET", path=CUSTOMERS, route=CUSTOMERS, query=(limit, *more, *requests.expanding(*IN_LIST))
    )


def page(reply: VendorReply, query: ListQuery, account: Account) -> Page[Account]:
    """The customers of a page that fit the filters to the letter."""
    answer = decode(reply.body, requests.Listed)
    following = None
    if answer.has_more:
        following = answer.next_page if "external_id" in query.filters else requests.last_id(answer.data)
    kept = tuple(raw for raw in answer.data if _fits(raw, query)) if query.filters else answer.data
    return Page(records=kept, next=following, account=account)


def find_email(address: str, account: Account) -> VendorRequest:
    """Customers with this address. The list is consistent with writes and compares case: we write in lower case."""
    query = (("email", address), ("limit", str(requests.MOST)), *requests.expanding(*IN_LIST))
    return VendorRequest(method="GET", path=CUSTOMERS, route=CUSTOMERS, query=query)


def create(body: CustomerWrite, marker: str, parent: str | None, account: Account) -> VendorRequest:
    """A new customer, which names its operation; the operation is its idempotency key, too."""
    kept = {} if isinstance(body.metadata, UnsetType) else body.metadata
    marked = replace(body, metadata={**kept, OPERATION_ID: marker})
    return requests.post(CUSTOMERS, CUSTOMERS, bodies.encoded(marked, *BESIDE), marker)


def update(remote_id: str, body: CustomerWrite, marker: str, account: Account) -> VendorRequest:
    """Change what is sent."""
    encoded = bodies.encoded(body, *BESIDE)
    return requests.post(requests.path_of(CUSTOMERS, remote_id), ONE, encoded, requests.changing_key(marker, encoded))


def receipt(reply: VendorReply, action: Action) -> Receipt:
    """The customer as the answer shows it, whole."""
    remote_id, whole = requests.made(reply)
    return Receipt(remote_id=remote_id, record=whole, created=action == "create")


def find_marker(marker: str, parent: str | None, body: CustomerWrite | None, account: Account) -> VendorRequest:
    """The customer that a lost create may have made: among those with its address, in a list that does not lag; one
    without an address through the search."""
    if body is not None and isinstance(body.email, str):
        return find_email(body.email, account)
    clause = requests.searching(f'metadata["{OPERATION_ID}"]', marker)
    return VendorRequest(method="GET", path=SEARCH, route=SEARCH, query=(("query", clause),))


def _fits(raw: Raw, query: ListQuery) -> bool:
    customer, wanted = decode(raw, _Filtered), query.filters
    key = (customer.metadata or {}).get(EXTERNAL_ID)
    email = wanted.get("email")
    return wanted.get("external_id", key) == key and (
        email is None or values.email(email) == values.email(customer.email or "")
    )


RECOVERY: Final[dict[Action, Recovery]] = {
    "create": Recovery(
        by="key",
        lifetime=requests.KEY_LIFETIME,
        strength="search",
        search_lag=requests.SEARCH_LAG,
        note="Stripe answers the same request again under its idempotency key for a day; after that, and where it "
        "answers with an error of its own again, the customer is looked up by the operation id in its metadata, among "
        "those with its e-mail address or, without one, through a search that lags",
    ),
    "update": Recovery(
        by="state", strength="strong", note="the customer is read; setting the same values again is harmless"
    ),
}

ENDPOINTS: Final = Endpoints[CustomerWrite, Account](
    read=read,
    record=record,
    list=list_,
    page=page,
    filters=frozenset({"email", "external_id"}),
    max_limit=requests.MOST,
    updated_since=False,
    create=create,
    update=update,
    find={"email": find_email},
    receipt=receipt,
    find_marker=find_marker,
    marked=requests.marked,
    recovery=RECOVERY,
)
