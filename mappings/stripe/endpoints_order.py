"""Requests for invoices and checkout sessions, and recovery of lost writes.

Their ids differ in the prefix. A list shows all invoices, then all checkouts, each newest first.
"""

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from msgspec import Raw, Struct
from msgspec.structs import replace

from canonical.order_patch import OrderCancel
from mappings.endpoints import Action, FieldRefusal, ListQuery, Recovery, VendorPage
from mappings.http import VendorReply, VendorRequest
from mappings.kit.paging import Query
from mappings.kit.recovery import by_state
from mappings.kit.rest import Collection, parameter
from mappings.spec import Notes, decode
from mappings.stripe import bodies, related, requests
from mappings.stripe.events import hinted, hints
from mappings.stripe.order_enums_r1 import INVOICE_OF_STATUS, SESSION_OF_STATUS
from mappings.stripe.requests import CREATED, MOST, expanding, keyed, keyed_by_body, made_since, next_page, pages
from mappings.stripe.wire_2026_10_28 import Account, Named
from mappings.stripe.wire_writes_2026_10_28 import DiscountWrite, InvoiceWrite, OrderWrite, SessionWrite

SESSION: Final = "cs_"
"""The prefix of the ids of checkout sessions."""
GUEST: Final = "guest"
THEN_GUESTS: Final = "guests:"
"""Begins the cursors of guests' checkouts."""
THEN_SESSIONS: Final = "sessions"
"""The cursor after the last invoice."""
SETUP: Final = "setup"
NO_MORE: Final = 10**6
COUPONS: Final = "/v1/coupons"
Orders = Collection[OrderWrite, Account]


class _Mode(Struct, frozen=True, kw_only=True):
    mode: str | None = None


class _Buyer(Struct, frozen=True, kw_only=True):
    customer: Any = None


def records(reply: VendorReply) -> tuple[Raw, ...]:
    """Return the orders of a reply. A checkout in mode `setup` sells nothing."""
    return tuple(raw for raw in requests.records(reply) if decode(raw, _Mode).mode != SETUP)


def mark(write: OrderWrite, marker: str, account: Account) -> OrderWrite:
    """Return the body of a new order with the id of its operation in the metadata."""
    marked = requests.MARKED.mark(write.body, marker, account)
    return OrderWrite(invoice=marked) if isinstance(marked, InvoiceWrite) else replace(write, session=marked)


def with_status(words: Mapping[str, str]) -> Callable[[str | None], Query]:
    """Return the filter by status. For a status that Stripe lacks it lists another one, and `page` drops the records:
    the other list may have such orders."""
    other = next(iter(words.values()))
    return lambda status: () if status is None else (("status", words.get(status, other)),)


def _collection(path: str, words: Mapping[str, str], *expand: str) -> Orders:
    return Orders(
        path=path,
        paging=pages("starting_after"),
        read_query=expanding(*expand),
        list_query=expanding(*(f"data.{member}" for member in expand)),
        records=records,
        filters={"status": with_status(words), "customer": parameter("customer")},
        change="POST",
        encode=lambda write: bodies.encoded(write.body, *expand),
        mark=mark,
        carries=requests.MARKED.carries,
        is_whole=related.has_all_lines,
    )


INVOICES: Final = _collection("/v1/invoices", INVOICE_OF_STATUS, "payments")
SESSIONS: Final = _collection(
    "/v1/checkout/sessions",
    SESSION_OF_STATUS,
    "line_items",
    "payment_intent.latest_charge",
    "shipping_cost.shipping_rate",
)


# An invoice always has a customer.
GUEST_SESSIONS: Final = dataclasses.replace(
    SESSIONS, filters={"status": with_status(SESSION_OF_STATUS), GUEST: parameter("customer_details[email]")}
)


def read(remote_id: str, account: Account) -> VendorRequest:
    """Build the request for an invoice with its payments, or for a checkout with lines and charge."""
    return _of(remote_id).read(remote_id, account)


def list_(query: ListQuery, account: Account) -> VendorRequest:
    """Build the request for a page of invoices or, after the last invoice, of checkouts."""
    collection, within = _part(query)
    return collection.list(within, account)


def page(reply: VendorReply, query: ListQuery, account: Account) -> VendorPage[Account]:
    """Return the orders of a page. Checkouts begin after the last invoice, and guests' checkouts after them, if they
    are requested."""
    collection, within = _part(query)
    listing = collection.page(reply, within, account)
    if collection is GUEST_SESSIONS:
        of_guests = tuple(raw for raw in listing.records if decode(raw, _Buyer).customer is None)
        listing = replace(listing, records=of_guests, next=None if listing.next is None else THEN_GUESTS + listing.next)
    words = INVOICE_OF_STATUS if collection is INVOICES else SESSION_OF_STATUS
    status = query.filters.get("status")
    if status is not None and status not in words:
        listing = replace(listing, records=(), next=None)
    if listing.next is None and collection is INVOICES:
        return replace(listing, next=THEN_SESSIONS)
    if listing.next is None and collection is SESSIONS and GUEST in query.filters:
        return replace(listing, next=THEN_GUESTS)
    return listing


def create(body: OrderWrite, marker: str, parent: str | None, account: Account) -> VendorRequest:
    """Build the request for a new checkout or draft invoice. The operation is its marker and its idempotency key."""
    collection = SESSIONS if body.invoice is None else INVOICES
    return keyed(collection.create(body, marker, parent, account), marker)


def without_products(request: VendorRequest, account: Account) -> Account | None:
    """Return the account for a key that may not read products: the lines of others have no SKU then."""
    return replace(account, product_pages=NO_MORE, has_skus=False) if request.path == related.PRODUCTS else None


def parts(body: OrderWrite, marker: str, account: Account) -> VendorRequest | None:
    """Build the request for the coupon of a new checkout. None without one."""
    if body.coupon is None:
        return None
    coupon = requests.MARKED.mark(body.coupon, marker, account)
    request = VendorRequest(method="POST", path=COUPONS, route=COUPONS, body=bodies.encoded(coupon), effect=True)
    return keyed(request, f"{marker}-coupon")


def with_parts(body: OrderWrite, reply: VendorReply) -> OrderWrite:
    """Return the checkout with its coupon. Raises VendorDrift for a reply without an id."""
    discount = DiscountWrite(coupon=decode(reply.body, Named).id)
    session = body.session or SessionWrite()
    return replace(body, session=replace(session, discounts=(discount,)))


def update(remote_id: str, body: OrderWrite, marker: str, account: Account) -> VendorRequest:
    """Build the request of an update."""
    return keyed_by_body(_of(remote_id).update(remote_id, body, marker, account), marker)


def cancel(
    remote_id: str, cancellation: OrderCancel, marker: str, account: Account
) -> tuple[VendorRequest, tuple[FieldRefusal, ...]]:
    """Build the request that voids an open invoice or ends an open checkout. Stripe accepts no reason and refunds
    nothing."""
    notes = Notes()
    if cancellation.refund:
        notes.unsupported("/refund", "Stripe refunds payments with a refund or a credit note: send false")
    if cancellation.restock:
        notes.unsupported("/restock", "Stripe has no stock")
    if cancellation.notify:
        notes.unsupported("/notify", "Stripe sends the buyer no message about it")
    if cancellation.note is not None:
        notes.unsupported("/note", "Stripe keeps no note with it")
    collection = _of(remote_id)
    verb = "/void" if collection is INVOICES else "/expire"
    request = collection.update(remote_id, OrderWrite(), marker, account)
    request = replace(request, path=request.path + verb, route=request.route + verb)
    return keyed(request, marker), tuple(notes.refused)


def find_marker(marker: str, parent: str | None, body: OrderWrite | None, account: Account) -> VendorRequest | None:
    """Return the request for the checkouts, or the invoices, created since a lost create began."""
    return made_since((SESSIONS if body is None or body.invoice is None else INVOICES).path, marker)


def _of(remote_id: str) -> Orders:
    return SESSIONS if remote_id.startswith(SESSION) else INVOICES


def _part(query: ListQuery) -> tuple[Orders, ListQuery]:
    """Return the list that a cursor belongs to, and the query of a page of it."""
    after = query.after or ""
    if GUEST in query.filters and ("customer" not in query.filters or after.startswith(THEN_GUESTS)):
        return GUEST_SESSIONS, replace(query, after=after.removeprefix(THEN_GUESTS) or None)
    if query.after == THEN_SESSIONS:
        return SESSIONS, replace(query, after=None)
    return _of(query.after or ""), query


RECOVERY: Final[dict[Action, Recovery]] = {
    # Neither a checkout nor a draft invoice collects money by itself.
    "create": CREATED,
    "update": by_state("the order is read; sending the same values again is harmless"),
    "cancel": by_state(
        "the order is read until it is cancelled; Stripe refuses to void an invoice or end a checkout twice"
    ),
}

ENDPOINTS: Final = dataclasses.replace(
    INVOICES.endpoints(recovery=RECOVERY, find_marker=find_marker, max_limit=MOST, updated_since=False),
    read=read,
    list=list_,
    page=page,
    finds_guests=True,
    person=lambda order: "id" if order.status == "draft" else "copy",
    side_load=related.side_load,
    absorb=related.absorb,
    do_without=without_products,
    parts=parts,
    with_parts=with_parts,
    create=create,
    update=update,
    cancel=cancel,
    marker_page=next_page,
    hints=partial(hints, "order"),
    hinted=hinted,
)
