"""Requests for customers, and recovery of lost writes.

Addresses are not unique at Stripe. Lists are consistent with writes and case-sensitive; Lockstitch writes addresses in
lower case. The caller's own key is found only through the search, which lags behind writes.
"""

import dataclasses
from functools import partial
from typing import Final

from msgspec import Raw, Struct
from msgspec.structs import replace

from canonical import values
from mappings.endpoints import Action, ListQuery, Recovery, VendorPage
from mappings.http import VendorReply, VendorRequest
from mappings.kit.paging import Query
from mappings.kit.recovery import same_values
from mappings.kit.rest import Collection
from mappings.spec import SeveralRecords, decode
from mappings.stripe import bodies
from mappings.stripe.events import hinted, hints
from mappings.stripe.requests import (
    CREATED,
    MARKED,
    MOST,
    clause,
    expanding,
    keyed,
    keyed_by_body,
    made_since,
    next_page,
    pages,
    records,
)
from mappings.stripe.wire_2026_10_28 import EXTERNAL_ID, Account
from mappings.stripe.wire_writes_2026_10_28 import CustomerWrite

EXPANDED: Final = ("subscriptions", "tax_ids")


class _Filtered(Struct, frozen=True, kw_only=True):
    email: str | None = None
    metadata: dict[str, str] | None = None


def with_email(email: str | None) -> Query:
    """Return the parameter for customers with an address."""
    return () if email is None else (("email", values.email(email)),)


def with_external_id(key: str | None) -> Query:
    """Return the search for customers with a key of the caller's."""
    return () if key is None else clause(EXTERNAL_ID, key)


CUSTOMERS: Final = Collection[CustomerWrite, Account](
    path="/v1/customers",
    paging=pages("starting_after"),
    read_query=expanding(*EXPANDED),
    list_query=expanding(*(f"data.{member}" for member in EXPANDED)),
    records=records,
    filters={"email": with_email},
    keys={"email": lambda email: (("email", email), ("limit", str(MOST)))},
    change="POST",
    encode=lambda body: bodies.encoded(body, *EXPANDED),
    mark=MARKED.mark,
    carries=MARKED.carries,
)
SEARCH: Final = dataclasses.replace(
    CUSTOMERS, path=f"{CUSTOMERS.path}/search", paging=pages("page"), filters={"external_id": with_external_id}, keys={}
)


def record(reply: VendorReply, account: Account) -> tuple[Raw | None, Account]:
    """Return the customer of a read or a look-up. Raises SeveralRecords if a look-up finds several."""
    customers = records(reply)
    if len(customers) > 1:
        raise SeveralRecords("$.data", "several customers have this e-mail address")
    return next(iter(customers), None), account


def list_(query: ListQuery, account: Account) -> VendorRequest:
    """Build the request for a page, newest first."""
    return (SEARCH if "external_id" in query.filters else CUSTOMERS).list(query, account)


def page(reply: VendorReply, query: ListQuery, account: Account) -> VendorPage[Account]:
    """Return the customers of a page that fit all filters exactly."""
    listing = CUSTOMERS.page(reply, query, account)
    return (
        replace(listing, records=tuple(raw for raw in listing.records if _fits(raw, query)))
        if query.filters
        else listing
    )


def create(body: CustomerWrite, marker: str, parent: str | None, account: Account) -> VendorRequest:
    """Build the request for a new customer. The operation is its marker and its idempotency key."""
    return keyed(CUSTOMERS.create(body, marker, parent, account), marker)


def update(remote_id: str, body: CustomerWrite, marker: str, account: Account) -> VendorRequest:
    """Build the request of an update."""
    return keyed_by_body(CUSTOMERS.update(remote_id, body, marker, account), marker)


def find_marker(marker: str, parent: str | None, body: CustomerWrite | None, account: Account) -> VendorRequest | None:
    """Return the request for the customers created since a lost create began. Its address would narrow the list, but a
    person may have changed it since."""
    return made_since(CUSTOMERS.path, marker)


def _fits(raw: Raw, query: ListQuery) -> bool:
    customer, wanted = decode(raw, _Filtered), query.filters
    key = (customer.metadata or {}).get(EXTERNAL_ID)
    email = wanted.get("email")
    return wanted.get("external_id", key) == key and (
        email is None or values.email(email) == values.email(customer.email or "")
    )


RECOVERY: Final[dict[Action, Recovery]] = {
    "create": CREATED,
    "update": same_values("customer"),
}

ENDPOINTS: Final = dataclasses.replace(
    CUSTOMERS.endpoints(recovery=RECOVERY, find_marker=find_marker, max_limit=MOST, updated_since=False),
    record=record,
    list=list_,
    page=page,
    filters=frozenset({"email", "external_id"}),
    sorts=frozenset({"-created_at"}),
    create=create,
    update=update,
    marker_page=next_page,
    hints=partial(hints, "customer"),
    hinted=hinted,
)
