"""How customers are reached: by id, by a unique key, in lists, and through the mutations that write them."""

from datetime import datetime
from typing import Final

import msgspec
from msgspec import UNSET, Raw, Struct

from canonical import values
from mappings.http import VendorReply, VendorRequest
from mappings.shopify import documents
from mappings.shopify.metadata import unique
from mappings.shopify.requests import (
    EXTERNAL_ID,
    MUTATION_COST,
    NULL,
    OPERATION_ID,
    asked,
    by_custom_id,
    call,
    customer_cost,
    customer_price,
    data_of,
    gid,
    page_cost,
    page_size,
    present,
    tail,
)
from mappings.shopify.search import not_before, since
from mappings.shopify.wire_2026_07 import Account, CustomerEmailAddress, MetafieldValue, PageInfo
from mappings.shopify.wire_inputs_2026_07 import CustomerInput, CustomerWrite
from mappings.shopify.wire_variables_2026_07 import (
    ById,
    ByIdentifier,
    CustomerAddresses,
    CustomerCreate,
    CustomerUpdate,
    EmailConsent,
    Identifier,
    Listed,
    MetafieldIdentifier,
    SmsConsent,
)
from mappings.spec import Action, Endpoints, ListQuery, Page, Receipt, Recovery, Unmappable, decode

MAX_LIMIT: Final = 50
BY_KEY: Final = "customerByIdentifier"


class _Shown(Struct, frozen=True, kw_only=True):
    """What a mutation shows of the customer."""

    customer: Raw = NULL


class _Connection(Struct, frozen=True, kw_only=True, rename="camel"):
    nodes: tuple[Raw, ...]
    page_info: PageInfo


class _Named(Struct, frozen=True, kw_only=True):
    id: str


class _Filtered(Struct, frozen=True, kw_only=True, rename="camel"):
    """What lists can be filtered by."""

    updated_at: datetime
    default_email_address: CustomerEmailAddress | None
    external: MetafieldValue | None


def read(remote_id: str, account: Account) -> VendorRequest:
    """One customer by its number."""
    variables = ById(id=gid("Customer", remote_id))
    return call(documents.CUSTOMER, "customer", variables, asked(account, "customer"), cost=customer_cost(account))


def record(reply: VendorReply, account: Account) -> tuple[Raw | None, Account]:
    """The customer of a read or of a look-up; None where there is none."""
    data = data_of(reply)
    return data.get("customer", data.get(BY_KEY)), account


def list_(query: ListQuery, account: Account) -> VendorRequest:
    """A page of customers. One that a unique key names is looked up, which is exact and sees the latest; the search
    behind the list knows words of addresses, and lags."""
    if identifier := _identifier(query):
        return _find(identifier, account)
    first = page_size(min(query.limit, MAX_LIMIT), customer_price(account))
    listed = Listed(
        first=first,
        after=query.after,
        query=since(query.updated_since),
        sort_key="UPDATED_AT" if query.updated_since else "ID",
    )
    return call(
        documents.CUSTOMERS,
        "customers",
        listed,
        asked(account, "customer"),
        cost=page_cost(first, customer_cost(account)),
    )


def page(reply: VendorReply, query: ListQuery, account: Account) -> Page[Account]:
    """The customers of one answer."""
    data = data_of(reply)
    if _identifier(query):
        found = data.get(BY_KEY)
        kept = () if found is None or not _holds(found, query) else (found,)
        return Page(records=kept, next=None, account=account)
    connection = decode(data.get("customers", NULL), _Connection)
    following = connection.page_info.end_cursor if connection.page_info.has_next_page else None
    return Page(records=connection.nodes, next=following, account=account)


def find_email(address: str, account: Account) -> VendorRequest:
    """The customer with this e-mail address, which a shop knows once."""
    return _find(Identifier(email_address=address), account)


def find_external_id(key: str, account: Account) -> VendorRequest:
    """The customer that holds the caller's own key."""
    return _find(by_custom_id(EXTERNAL_ID, key), account)


def create(body: CustomerWrite, marker: str, parent: str | None, account: Account) -> VendorRequest:
    """One mutation for all of a new customer, our marker included."""
    fields = body.input.metafields
    new = msgspec.structs.replace(
        body.input,
        addresses=body.addresses or UNSET,
        email_marketing_consent=body.email_consent,
        sms_marketing_consent=body.sms_consent,
        metafields=(*(fields or ()), unique(OPERATION_ID, marker)),
    )
    cost = MUTATION_COST + customer_cost(account)
    variables = CustomerCreate(input=new)
    return call(
        documents.CUSTOMER_CREATE, "customerCreate", variables, asked(account, "customer"), cost=cost, effect=True
    )


def update(remote_id: str, body: CustomerWrite, marker: str, account: Account) -> VendorRequest:
    """One request with a mutation for each part that changes. It has no place for a marker: only a create has."""
    owner = gid("Customer", remote_id)
    changes = CustomerUpdate(
        cleared=tuple(MetafieldIdentifier(owner_id=owner, namespace=space, key=key) for space, key in body.cleared)
        or UNSET,
        input=UNSET if body.input == CustomerInput() else msgspec.structs.replace(body.input, id=owner),
        identifier=UNSET if body.addresses is UNSET else ById(id=owner),
        addresses=UNSET if body.addresses is UNSET else CustomerAddresses(addresses=body.addresses),
        email_consent=UNSET
        if body.email_consent is UNSET
        else EmailConsent(customer_id=owner, email_marketing_consent=body.email_consent),
        sms_consent=UNSET
        if body.sms_consent is UNSET
        else SmsConsent(customer_id=owner, sms_marketing_consent=body.sms_consent),
    )
    parts = tuple(part for part in documents.CUSTOMER_PARTS if getattr(changes, part) is not UNSET)
    if parts in ((), ("cleared",)):
        # Something has to show the customer as it is afterwards.
        changes, parts = msgspec.structs.replace(changes, input=CustomerInput(id=owner)), (*parts, "input")
    cost = (MUTATION_COST + 1) * len(parts) + customer_cost(account)
    document = documents.customer_update(parts)
    return call(document, "customerUpdate", changes, asked(account, "customer"), cost=cost, effect=True)


def receipt(reply: VendorReply, action: Action) -> Receipt:
    """The customer as the last mutation of the answer shows it.

    Raises Unmappable where none is shown.
    """
    payloads = [present(decode(payload, _Shown).customer) for payload in data_of(reply).values()]
    shown = next((customer for customer in reversed(payloads) if customer is not None), None)
    if shown is None:
        raise Unmappable("$.data", "the answer shows no customer")
    return Receipt(remote_id=tail(decode(shown, _Named).id), record=shown, created=action == "create")


def find_marker(marker: str, parent: str | None, body: CustomerWrite | None, account: Account) -> VendorRequest:
    """The customer that carries our operation id."""
    variables = ByIdentifier(identifier=by_custom_id(OPERATION_ID, marker))
    return call(documents.CUSTOMER_MARKED, BY_KEY, variables, cost=1)


def marked(reply: VendorReply, marker: str) -> str | None:
    """Its number; None where no customer carries the marker."""
    found = data_of(reply).get(BY_KEY)
    return None if found is None else tail(decode(found, _Named).id)


def _find(identifier: Identifier, account: Account) -> VendorRequest:
    variables = ByIdentifier(identifier=identifier)
    cost = customer_cost(account)
    return call(documents.CUSTOMER_BY_IDENTIFIER, BY_KEY, variables, asked(account, "customer"), cost=cost)


def _identifier(query: ListQuery) -> Identifier | None:
    if "external_id" in query.filters:
        return by_custom_id(EXTERNAL_ID, query.filters["external_id"])
    if "email" in query.filters:
        return Identifier(email_address=query.filters["email"])
    return None


def _holds(found: Raw, query: ListQuery) -> bool:
    """Whether a customer that one key names fits the other conditions, too."""
    customer = decode(found, _Filtered)
    email, external = customer.default_email_address, customer.external
    address = None if email is None else values.email(email.email_address)
    wanted = query.filters
    return (
        ("email" not in wanted or values.email(wanted["email"]) == address)
        and ("external_id" not in wanted or (external is not None and external.value == wanted["external_id"]))
        and not_before(customer.updated_at, query.updated_since)
    )


ENDPOINTS: Final = Endpoints[CustomerWrite, Account](
    read=read,
    record=record,
    list=list_,
    page=page,
    filters=frozenset({"email", "external_id"}),
    max_limit=MAX_LIMIT,
    create=create,
    update=update,
    find={"email": find_email, "external_id": find_external_id},
    receipt=receipt,
    find_marker=find_marker,
    marked=marked,
    recovery={
        "create": Recovery(
            by="marker",
            strength="strong",
            note="the new customer carries the operation id in the metafield lockstitch.operation_id, whose values are "
            "unique in the shop and which is looked up in its database, not in its search index",
        ),
        "update": Recovery(
            by="state",
            strength="strong",
            note="the customer is read and compared; setting the same values again changes nothing",
        ),
    },
)
