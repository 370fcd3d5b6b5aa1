"""Requests for customers: by id, by a unique key, in lists, and the mutations that write them."""

import dataclasses
from datetime import datetime
from typing import Final

import msgspec
from msgspec import UNSET, Raw, Struct

from canonical import values
from mappings.endpoints import ListQuery, Recovery
from mappings.http import VendorRequest
from mappings.kit.graphql import ById, GraphQLCollection
from mappings.kit.recovery import by_state
from mappings.shopify import documents
from mappings.shopify.documents import CUSTOMER_ASKED
from mappings.shopify.metadata import unique
from mappings.shopify.requests import (
    EXTERNAL_ID,
    MUTATION_COST,
    OPERATION_ID,
    PATH,
    SORTS,
    by_custom_id,
    customer_cost,
    customer_price,
    gid,
    metafield_variables,
    page_cost,
    page_size,
    sort_key,
    tail,
)
from mappings.shopify.search import not_before, since
from mappings.shopify.wire_2026_07 import Account, Customer, CustomerEmailAddress, MetafieldValue
from mappings.shopify.wire_inputs_2026_07 import CustomerInput, CustomerWrite
from mappings.shopify.wire_variables_2026_07 import (
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
from mappings.spec import decode

MAX_LIMIT: Final = 50


class _Filtered(Struct, frozen=True, kw_only=True, rename="camel"):
    """The members that lists can be filtered by."""

    updated_at: datetime
    default_email_address: CustomerEmailAddress | None
    external: MetafieldValue | None


def holds(raw: Raw, query: ListQuery) -> bool:
    """Return whether a customer found by one key matches the other filters too."""
    customer = decode(raw, _Filtered)
    email, external = customer.default_email_address, customer.external
    address = None if email is None else values.email(email.email_address)
    wanted = query.filters
    return (
        ("email" not in wanted or values.email(wanted["email"]) == address)
        and ("external_id" not in wanted or (external is not None and external.value == wanted["external_id"]))
        and not_before(customer.updated_at, query.updated_since)
    )


def fields_asked(account: Account) -> tuple[Struct, ...]:
    """Return the variables in the selection of a customer."""
    return (metafield_variables(account, "customer"),)


def first_of(query: ListQuery, account: Account) -> int:
    """Return how many customers fit in one query."""
    return page_size(min(query.limit, MAX_LIMIT), customer_price(account))


def window(query: ListQuery, account: Account) -> Listed:
    """Return the variables of a page. Lists use a search index that lags."""
    return Listed(
        first=first_of(query, account),
        after=query.after,
        query=since(query.updated_since),
        sort_key=sort_key(query),
        reverse=query.descending,
    )


CUSTOMERS: Final = GraphQLCollection[Account](
    path=PATH,
    one="customer",
    many="customers",
    record_type=Customer,
    arguments={
        "first": "Int!",
        "after": "String",
        "query": "String",
        "sortKey": "CustomerSortKeys!",
        "reverse": "Boolean!",
    },
    window=window,
    keyed="customerByIdentifier",
    key={"identifier": "CustomerIdentifierInput!"},
    keys={
        "email": lambda email: ByIdentifier(identifier=Identifier(email_address=email)),
        "external_id": lambda key: ByIdentifier(identifier=by_custom_id(EXTERNAL_ID, key)),
    },
    inside=CUSTOMER_ASKED,
    whole=fields_asked,
    brief=fields_asked,
    cost=customer_cost,
    page_cost=lambda query, account: page_cost(first_of(query, account), customer_cost(account)),
    global_id=lambda remote_id: gid("Customer", remote_id),
    remote_id=tail,
    fits=holds,
)
CREATE: Final = CUSTOMERS.mutation("customerCreate", {"input": "CustomerInput!"}, errors="userErrors { field message }")


def create(body: CustomerWrite, marker: str, parent: str | None, account: Account) -> VendorRequest:
    """Return one mutation for all of a new customer, with the marker."""
    fields = body.input.metafields
    new = msgspec.structs.replace(
        body.input,
        addresses=body.addresses or UNSET,
        email_marketing_consent=body.email_consent,
        sms_marketing_consent=body.sms_consent,
        metafields=(*(fields or ()), unique(OPERATION_ID, marker)),
    )
    return CUSTOMERS.write(CREATE, "customerCreate", CustomerCreate(input=new), cost=MUTATION_COST, account=account)


def update(remote_id: str, body: CustomerWrite, marker: str, account: Account) -> VendorRequest:
    """Return one request with a mutation for each part that changes. Only a create has a marker."""
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
        # At least one mutation has to return the changed customer.
        changes, parts = msgspec.structs.replace(changes, input=CustomerInput(id=owner)), (*parts, "input")
    document, cost = documents.customer_update(parts), (MUTATION_COST + 1) * len(parts)
    return CUSTOMERS.write(document, "customerUpdate", changes, cost=cost, account=account)


def find_marker(marker: str, parent: str | None, body: CustomerWrite | None, account: Account) -> VendorRequest:
    """Return the request for the customer with this marker."""
    return CUSTOMERS.find_marked(ByIdentifier(identifier=by_custom_id(OPERATION_ID, marker)))


ENDPOINTS: Final = dataclasses.replace(
    CUSTOMERS.endpoints(max_limit=MAX_LIMIT),
    sorts=SORTS,
    create=create,
    update=update,
    write_result=CUSTOMERS.write_result,
    find_marker=find_marker,
    marked=CUSTOMERS.marked,
    recovery={
        "create": Recovery(
            by="marker",
            strength="strong",
            note="the new customer has the operation id in the metafield lockstitch.operation_id. Its values are "
            "unique in the shop, and the look-up uses the database, not the search index",
        ),
        "update": by_state("the customer is read and compared; sending the same values again changes nothing"),
    },
)
