"""How orders and their drafts are reached, and how a lost write of one is settled.

An order is made as a draft and placed by a second call, which keeps its id: two effects, each with an answer that may
be lost. So they are two writes here: a create makes a draft, and a change of its status alone places it.
"""

from typing import Final

from msgspec import Raw, Struct
from msgspec.structs import replace

from canonical.order_patch import OrderCancel
from mappings.http import VendorReply, VendorRequest
from mappings.medusa import paging, requests
from mappings.medusa.order_enums_r1 import LISTED, STATUSES
from mappings.medusa.paging import Place
from mappings.medusa.requests import DRAFTS, ORDERS, Answer, Marked, Query
from mappings.medusa.wire_2_21 import Account, OrderBody, OrderWrite
from mappings.spec import (
    Action,
    Endpoints,
    FieldRefusal,
    ListQuery,
    Notes,
    Page,
    Receipt,
    Recovery,
    VendorDrift,
    decode,
)

FIELDS: Final = (
    "id,display_id,custom_display_id,status,is_draft_order,email,customer_id,currency_code,canceled_at,metadata,"
    "created_at,updated_at,total,tax_total,item_subtotal,original_item_total,discount_subtotal,discount_total,"
    "original_shipping_subtotal,original_shipping_total,credit_line_total,summary,payment_status,fulfillment_status,"
    "*items,*items.detail,*items.adjustments,*items.tax_lines,*shipping_methods,*shipping_methods.adjustments,"
    "*shipping_methods.tax_lines,*billing_address,*shipping_address,*credit_lines,*payment_collections,"
    "*payment_collections.payments,*payment_collections.payments.captures,*payment_collections.payments.refunds,"
    "*payment_collections.payments.refunds.refund_reason,*fulfillments,*fulfillments.items,*fulfillments.labels,"
    "sales_channel.name"
)
"""A sum is worked out of what is asked for: without the taxes of its lines an order would have none."""
FEW: Final = "id,metadata"
NOBODY: Final = ("id", "order_none")
"""No order has this id."""
SECOND: Final = Place(part=2)


class _Status(Struct, frozen=True, kw_only=True):
    status: str


def read(remote_id: str, _account: Account) -> VendorRequest:
    """One order, or the draft of one: Medusa shows both here."""
    return requests.read(ORDERS, remote_id, FIELDS)


def record(reply: VendorReply, account: Account) -> tuple[Raw | None, Account]:
    """The order of an answer."""
    return decode(reply.body, Answer).one, account


def list_(query: ListQuery, _account: Account) -> VendorRequest:
    """A page of drafts, oldest first, or, once those are through, of orders: one that is placed in between is listed
    twice rather than never. Raises ValueError for a cursor that did not come from `page`."""
    window = (("fields", FIELDS), *paging.window(query))
    if paging.place_in(query.after).part == 1:
        return requests.listed(DRAFTS, window)
    return requests.listed(ORDERS, (*window, *_of_status(query.filters.get("status"))))


def page(reply: VendorReply, query: ListQuery, account: Account) -> Page[Account]:
    """The orders of a page that were not listed before. After the last draft the orders begin."""
    answer = decode(reply.body, Answer)
    found = answer.several
    listed = paging.fresh(query, found)
    following = paging.following(query, found, listed, answer.count or 0)
    if paging.place_in(query.after).part == 1:
        following = following or SECOND
        status = query.filters.get("status")
        if status is not None:
            # Medusa lists drafts by no status; those that were cancelled are among them.
            listed = tuple(raw for raw in listed if STATUSES.get(decode(raw, _Status).status) == status)
    return Page(records=listed, next=None if following is None else following.cursor, account=account)


def create(body: OrderWrite, marker: str, _parent: str | None, _account: Account) -> VendorRequest:
    """A new draft that names its operation."""
    told = body.body
    return requests.create(DRAFTS, replace(told, metadata=requests.marking(told.metadata, marker)), FEW)


def update(remote_id: str, body: OrderWrite, _marker: str, _account: Account) -> VendorRequest:
    """Set these fields and leave the others, or take the order a step further. The marker stays that of the create."""
    collection = DRAFTS if body.is_draft else ORDERS
    return requests.change(collection, remote_id, body.body, FEW, body.step or "")


def cancel(
    remote_id: str, asked: OrderCancel, _marker: str, _account: Account
) -> tuple[VendorRequest, tuple[FieldRefusal, ...]]:
    """Cancel an order or a draft, which Medusa takes no reason for. It refuses where goods are on their way."""
    notes = Notes()
    if not asked.restock:
        notes.unsupported("/restock", "Medusa frees what was reserved for an order that it cancels: send true")
    if not asked.refund:
        notes.unsupported("/refund", "Medusa pays back what it has received when it cancels: send true")
    if asked.notify:
        notes.unsupported("/notify", "whether a Medusa shop writes to the buyer is the shop's own code")
    if asked.note is not None:
        notes.unsupported("/note", "Medusa keeps no note with a cancellation")
    return requests.change(ORDERS, remote_id, OrderBody(), FEW, "/cancel"), tuple(notes.refused)


def receipt(reply: VendorReply, action: Action) -> Receipt:
    """The id; the order itself is read, for Medusa works out payment and goods for reads alone.

    Raises VendorDrift for an answer without one.
    """
    found = decode(reply.body, Answer).one
    if found is None:
        raise VendorDrift("$.order", "the answer to a write holds no order")
    return Receipt(remote_id=decode(found, Marked).id, created=action == "create")


def find_marker(marker: str, _parent: str | None, _body: OrderWrite | None, _account: Account) -> VendorRequest | None:
    """The drafts made since the write began. None for a marker that tells no time."""
    return requests.made_since(DRAFTS, marker)


def _of_status(status: str | None) -> Query:
    if status is None:
        return ()
    word = LISTED.get(status)
    return (NOBODY,) if word is None else (("status", word),)


RECOVERY: Final[dict[Action, Recovery]] = {
    "create": Recovery(
        by="marker",
        strength="strong",
        note="Medusa has no idempotency keys and nothing about a draft is unique. Each that we make carries its "
        "operation in the metadata, which cannot be searched for: all drafts made since the write began are looked "
        "through in the shop's database. A shop that is still at work on the lost request when it is looked for, or "
        "somebody who places the draft at once, could let a repeat pass: there would be a second draft, of which "
        "nothing is reserved, paid or sent",
    ),
    "update": Recovery(
        by="state",
        strength="strong",
        note="the order is read by its id and compared; setting the same values again changes nothing but the time, "
        "and Medusa refuses to place what is placed, or to archive what is archived",
    ),
    "cancel": Recovery(
        by="state",
        strength="strong",
        note="the order is read until it is cancelled; Medusa refuses to cancel it twice",
    ),
}

ENDPOINTS: Final = Endpoints[OrderWrite, Account](
    read=read,
    record=record,
    list=list_,
    page=page,
    filters=frozenset({"status"}),
    max_limit=requests.MAX_PER_PAGE,
    create=create,
    update=update,
    cancel=cancel,
    receipt=receipt,
    find_marker=find_marker,
    marked=requests.marked,
    recovery=RECOVERY,
)
