"""Requests for orders and their drafts, and recovery of lost writes.

An order is created as a draft. A second request places it, and it keeps its id. Both have an effect, and the reply to
either can be lost. So they are two writes here: a create makes a draft, and a change of the status alone places it.
"""

import dataclasses
import re
from functools import partial
from typing import Final

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from canonical.order_patch import OrderCancel
from mappings.endpoints import Action, FieldRefusal, ListQuery, Recovery, VendorPage
from mappings.http import VendorReply, VendorRequest
from mappings.kit.paging import Query
from mappings.kit.recovery import by_state
from mappings.kit.rest import Collection
from mappings.medusa.order_enums_r1 import LISTED, STATUSES
from mappings.medusa.paging import BY_TIME
from mappings.medusa.requests import MARKED, made_since, marked
from mappings.medusa.wire_2_21 import Account, OrderBody, OrderWrite
from mappings.spec import Notes, VendorDrift, decode

FIELDS: Final = (
    "fields",
    "id,display_id,custom_display_id,status,is_draft_order,email,customer_id,currency_code,canceled_at,metadata,"
    "created_at,updated_at,total,tax_total,item_subtotal,original_item_total,discount_subtotal,discount_total,"
    "original_shipping_subtotal,original_shipping_total,credit_line_total,summary,payment_status,fulfillment_status,"
    "*items,*items.detail,*items.adjustments,*items.tax_lines,*shipping_methods,*shipping_methods.adjustments,"
    "*shipping_methods.tax_lines,*billing_address,*shipping_address,*credit_lines,*payment_collections,"
    "*payment_collections.payments,*payment_collections.payments.captures,*payment_collections.payments.refunds,"
    "*payment_collections.payments.refunds.refund_reason,*fulfillments,*fulfillments.items,*fulfillments.labels,"
    "sales_channel.name",
)
"""Medusa computes sums from the requested members: without the taxes of its lines, an order would have no tax."""
NONE: Final = ("id", "order_none")
"""No order has this id."""
_CURSOR: Final = re.compile(r"([12])(?:/(.+))?")
"""The list, 1 for drafts and 2 for orders, and the cursor in it."""


class _Status(Struct, frozen=True, kw_only=True):
    status: str


def records(reply: VendorReply) -> tuple[Raw, ...]:
    """Return the order or draft of a reply, or those of a list."""
    members = decode(reply.body, dict[str, Raw])
    for name in ("order", "draft_order"):
        if name in members:
            return (members[name],)
        if f"{name}s" in members:
            return decode(members[f"{name}s"], tuple[Raw, ...])
    raise VendorDrift("$.order", "the answer holds no order")


def with_status(status: str | None) -> Query:
    """Return the parameter for orders of a status."""
    if status is None:
        return ()
    return (("status", LISTED[status]) if status in LISTED else NONE,)


def with_customer(customer: str | None) -> Query:
    """Return the parameters for the orders of a customer. A former guest is two customers."""
    ids = () if customer is None else customer.split(",")
    return tuple(("customer_id" if len(ids) == 1 else "customer_id[]", one) for one in ids)


# Medusa shows drafts here too, but lists and changes them at a separate path.
ORDERS: Final = Collection[OrderWrite, Account](
    path="/admin/orders",
    paging=BY_TIME,
    read_query=(FIELDS,),
    list_query=(FIELDS,),
    write_query=(("fields", "id,metadata"),),
    records=records,
    filters={"status": with_status, "customer": with_customer},
    change="POST",
    encode=lambda write: msgspec.json.encode(write.body),
    mark=lambda write, marker, account: replace(write, body=MARKED.mark(write.body, marker)),
    carries=MARKED.carries,
    # Medusa computes the status of payment and fulfilment for reads only.
    is_whole=lambda record: False,
)
DRAFTS: Final = dataclasses.replace(ORDERS, path="/admin/draft-orders", filters={"customer": with_customer})


def list_(query: ListQuery, account: Account) -> VendorRequest:
    """Build the request for a page of drafts or, after the last draft, of orders. A draft that is placed meanwhile is
    listed twice rather than never. Raises ValueError for a cursor that did not come from `page`."""
    collection, within = _part(query)
    return collection.list(within, account)


def page(reply: VendorReply, query: ListQuery, account: Account) -> VendorPage[Account]:
    """Return the orders of a page. Orders begin after the last draft."""
    collection, within = _part(query)
    listing = collection.page(reply, within, account)
    if collection is ORDERS:
        return replace(listing, next=None if listing.next is None else f"2/{listing.next}")
    listed, status = listing.records, query.filters.get("status")
    if status is not None:
        # Medusa cannot list drafts by status. Cancelled drafts are among them.
        listed = tuple(raw for raw in listed if STATUSES.get(decode(raw, _Status).status) == status)
    return replace(listing, records=listed, next="2" if listing.next is None else f"1/{listing.next}")


def update(remote_id: str, body: OrderWrite, marker: str, account: Account) -> VendorRequest:
    """Build the request that changes the fields of the body, or moves the order to its next status."""
    request = (DRAFTS if body.is_draft else ORDERS).update(remote_id, body, marker, account)
    step = body.step or ""
    return replace(request, path=request.path + step, route=request.route + step)


def cancel(
    remote_id: str, cancellation: OrderCancel, marker: str, account: Account
) -> tuple[VendorRequest, tuple[FieldRefusal, ...]]:
    """Build the request that cancels an order or a draft. Medusa accepts no reason, and refuses once goods are sent."""
    notes = Notes()
    if not cancellation.restock:
        notes.unsupported("/restock", "Medusa always releases reserved stock when it cancels: send true")
    if not cancellation.refund:
        notes.unsupported("/refund", "Medusa always refunds payments when it cancels: send true")
    if cancellation.notify:
        notes.unsupported("/notify", "the shop's own code decides whether the buyer gets a message")
    if cancellation.note is not None:
        notes.unsupported("/note", "Medusa keeps no note with a cancellation")
    write = OrderWrite(body=OrderBody(), is_draft=False, step="/cancel")
    return update(remote_id, write, marker, account), tuple(notes.refused)


def find_marker(marker: str, parent: str | None, body: OrderWrite | None, account: Account) -> VendorRequest | None:
    """Return the request for the drafts created since the write began. None for a marker without a time."""
    return made_since(DRAFTS.path, marker)


def _part(query: ListQuery) -> tuple[Collection[OrderWrite, Account], ListQuery]:
    """Return the list that a cursor belongs to, and the query of a page of it."""
    match = _CURSOR.fullmatch("1" if query.after is None else query.after)
    if match is None:
        raise ValueError("not a cursor of this list")
    return DRAFTS if match[1] == "1" else ORDERS, replace(query, after=match[2])


RECOVERY: Final[dict[Action, Recovery]] = {
    "create": Recovery(
        by="marker",
        strength="listed",
        note="Medusa has no idempotency keys, and no field of a draft is unique. Each draft carries the operation id "
        "in its metadata. Medusa cannot search for it, so all drafts created since the write began are read. A repeat "
        "creates a second draft if the shop still processes the lost request ten minutes later, or if a person places "
        "the draft at once. Nothing of that draft is reserved, paid or sent",
    ),
    "update": by_state(
        "the order is read and compared; sending the same values again changes only its modification time, and "
        "Medusa refuses to place or archive an order twice"
    ),
    "cancel": by_state("the order is read until it is cancelled; Medusa refuses to cancel an order twice"),
}

ENDPOINTS: Final = dataclasses.replace(
    ORDERS.endpoints(recovery=RECOVERY, find_marker=find_marker),
    list=list_,
    takes_people=True,
    page=page,
    create=DRAFTS.create,
    update=update,
    cancel=cancel,
    marked=partial(marked, DRAFTS),
)
