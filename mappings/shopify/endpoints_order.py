"""How orders are reached: by id, by our own keys, in lists, and through the mutations that write and cancel them."""

from datetime import datetime
from typing import Final

import msgspec
from msgspec import UNSET, Raw, Struct

from canonical import values
from canonical.order_patch import OrderCancel
from mappings.http import VendorReply, VendorRequest
from mappings.shopify import documents, related
from mappings.shopify.metadata import unique
from mappings.shopify.order_enums_r1 import WRITE_CANCEL_REASON
from mappings.shopify.requests import (
    BRIEF,
    EXTERNAL_ID,
    MUTATION_COST,
    NULL,
    OPERATION_ID,
    WHOLE,
    asked,
    by_custom_id,
    call,
    data_of,
    gid,
    order_cost,
    order_price,
    page_cost,
    page_size,
    present,
    tail,
)
from mappings.shopify.search import all_of, exactly, not_before, since
from mappings.shopify.wire_2026_07 import Account, MetafieldValue, PageInfo
from mappings.shopify.wire_inputs_2026_07 import OrderWrite
from mappings.shopify.wire_variables_2026_07 import (
    ById,
    ByIdentifier,
    Identifier,
    Listed,
    MetafieldIdentifier,
    OrderCancellation,
    OrderCreate,
    OrderUpdate,
    RefundMethod,
)
from mappings.spec import (
    Action,
    Endpoints,
    FieldRefusal,
    ListQuery,
    Notes,
    Page,
    Receipt,
    Recovery,
    Unmappable,
    decode,
)

MAX_LIMIT: Final = 8
BY_KEY: Final = "orderByIdentifier"
STATUS: Final[dict[str, str]] = {"open": "status:open", "completed": "status:closed", "cancelled": "status:cancelled"}
NOTHING: Final = "id:0"
"""No order has this number: the search for a status that Shopify's orders never have."""
LONGEST_NOTE: Final = 255


class _Shown(Struct, frozen=True, kw_only=True):
    order: Raw = NULL


class _Job(Struct, frozen=True, kw_only=True):
    done: bool = False


class _Cancelled(Struct, frozen=True, kw_only=True):
    job: _Job | None = None


class _Connection(Struct, frozen=True, kw_only=True, rename="camel"):
    nodes: tuple[Raw, ...]
    page_info: PageInfo


class _Named(Struct, frozen=True, kw_only=True):
    id: str


class _Filtered(Struct, frozen=True, kw_only=True, rename="camel"):
    """What lists can be filtered by."""

    updated_at: datetime
    name: str | None
    email: str | None
    closed_at: datetime | None
    cancelled_at: datetime | None
    external: MetafieldValue | None


def read(remote_id: str, account: Account) -> VendorRequest:
    """One order by its number, whole."""
    variables = ById(id=gid("Order", remote_id))
    cost = order_cost(account)
    return call(documents.ORDER, "order", variables, asked(account, "order"), WHOLE, cost=cost)


def record(reply: VendorReply, account: Account) -> tuple[Raw | None, Account]:
    """The order of a read or of a look-up; None where there is none."""
    data = data_of(reply)
    found = data.get("order", data.get(BY_KEY))
    return found, account if found is None else related.shown(found, account)


def list_(query: ListQuery, account: Account) -> VendorRequest:
    """A page of orders. One that the caller's own key names is looked up, which is exact and sees the latest; the
    search behind the list knows words, and lags."""
    wanted = query.filters
    if "external_id" in wanted:
        return find_external_id(wanted["external_id"], account)
    search = all_of(
        since(query.updated_since),
        exactly("name", wanted["number"]) if "number" in wanted else None,
        exactly("email", wanted["email"]) if "email" in wanted else None,
        STATUS.get(wanted["status"], NOTHING) if "status" in wanted else None,
    )
    first = page_size(min(query.limit, MAX_LIMIT), order_price(account, BRIEF))
    listed = Listed(
        first=first, after=query.after, query=search, sort_key="UPDATED_AT" if query.updated_since else "ID"
    )
    return call(
        documents.ORDERS, "orders", listed, asked(account, "order"), BRIEF, cost=page_cost(first, order_cost(account))
    )


def page(reply: VendorReply, query: ListQuery, account: Account) -> Page[Account]:
    """The orders of one answer that really fit the filters, and which of them have to be read whole."""
    data = data_of(reply)
    if "external_id" in query.filters:
        found = data.get(BY_KEY)
        if found is None or not _holds(found, query):
            return Page(records=(), next=None, account=account)
        return Page(records=(found,), next=None, account=related.shown(found, account))
    connection = decode(data.get("orders", NULL), _Connection)
    kept = connection.nodes
    if query.filters:
        kept = tuple(node for node in kept if _holds(node, query))
    following = connection.page_info.end_cursor if connection.page_info.has_next_page else None
    return Page(records=kept, next=following, account=related.listed(kept, account))


def find_external_id(key: str, account: Account) -> VendorRequest:
    """The order that holds the caller's own key."""
    return _find(by_custom_id(EXTERNAL_ID, key), account)


def create(body: OrderWrite, marker: str, parent: str | None, account: Account) -> VendorRequest:
    """One mutation for all of a new order, our marker included."""
    fields = body.create.metafields
    new = msgspec.structs.replace(body.create, metafields=(*(fields or ()), unique(OPERATION_ID, marker)))
    cost = MUTATION_COST + order_cost(account)
    variables = OrderCreate(order=new)
    return call(
        documents.ORDER_CREATE, "orderCreate", variables, asked(account, "order"), WHOLE, cost=cost, effect=True
    )


def update(remote_id: str, body: OrderWrite, marker: str, account: Account) -> VendorRequest:
    """The mutation that changes what was sent, after one that removes metafields where some are to go. It has no place
    for a marker: only a create has."""
    owner = gid("Order", remote_id)
    cleared = tuple(MetafieldIdentifier(owner_id=owner, namespace=space, key=key) for space, key in body.cleared)
    changes = OrderUpdate(input=msgspec.structs.replace(body.update, id=owner), cleared=cleared or UNSET)
    document = documents.ORDER_UPDATE_CLEARING if cleared else documents.ORDER_UPDATE
    cost = MUTATION_COST * (2 if cleared else 1) + order_cost(account)
    return call(document, "orderUpdate", changes, asked(account, "order"), WHOLE, cost=cost, effect=True)


def cancel(
    remote_id: str, asked_: OrderCancel, marker: str, account: Account
) -> tuple[VendorRequest, tuple[FieldRefusal, ...]]:
    """Shopify takes a cancellation and works on it; a cancelled order cannot be cancelled twice."""
    notes = Notes()
    reason = WRITE_CANCEL_REASON.get(asked_.reason)
    if reason is None:
        notes.invalid("/reason", f"Shopify needs a reason; one of: {', '.join(WRITE_CANCEL_REASON)}")
    if asked_.note is not None and len(asked_.note) > LONGEST_NOTE:
        notes.invalid("/note", f"Shopify keeps at most {LONGEST_NOTE} characters")
    variables = OrderCancellation(
        order_id=gid("Order", remote_id),
        reason=reason or WRITE_CANCEL_REASON["other"],
        restock=asked_.restock,
        notify_customer=asked_.notify,
        staff_note=asked_.note,
        refund_method=RefundMethod(original_payment_methods_refund=asked_.refund),
    )
    request = call(documents.ORDER_CANCEL, "orderCancel", variables, cost=MUTATION_COST, effect=True)
    return request, tuple(notes.refused)


def receipt(reply: VendorReply, action: Action) -> Receipt:
    """The order as the mutation shows it; a cancellation shows only the job that carries it out.

    Raises Unmappable where neither is shown.
    """
    data = data_of(reply)
    if action == "cancel":
        if "orderCancel" not in data:
            raise Unmappable("$.data.orderCancel", "the answer shows no cancellation")
        job = decode(data["orderCancel"], _Cancelled).job
        return Receipt(pending=job is not None and not job.done)
    payloads = [present(decode(payload, _Shown).order) for payload in data.values()]
    order = next((one for one in reversed(payloads) if one is not None), None)
    if order is None:
        raise Unmappable("$.data", "the answer shows no order")
    return Receipt(remote_id=tail(decode(order, _Named).id), record=order, created=action == "create")


def find_marker(marker: str, parent: str | None, body: OrderWrite | None, account: Account) -> VendorRequest:
    """The order that carries our operation id."""
    variables = ByIdentifier(identifier=by_custom_id(OPERATION_ID, marker))
    return call(documents.ORDER_MARKED, BY_KEY, variables, cost=1)


def marked(reply: VendorReply, marker: str) -> str | None:
    """Its number; None where no order carries the marker."""
    found = data_of(reply).get(BY_KEY)
    return None if found is None else tail(decode(found, _Named).id)


def _find(identifier: Identifier, account: Account) -> VendorRequest:
    variables = ByIdentifier(identifier=identifier)
    cost = order_cost(account)
    return call(documents.ORDER_BY_IDENTIFIER, BY_KEY, variables, asked(account, "order"), WHOLE, cost=cost)


def _holds(found: Raw, query: ListQuery) -> bool:
    """Whether an order fits every filter to the letter."""
    order, wanted = decode(found, _Filtered), query.filters
    status = "cancelled" if order.cancelled_at is not None else "open" if order.closed_at is None else "completed"
    external = None if order.external is None else order.external.value
    return (
        wanted.get("number", order.name) == order.name
        and wanted.get("status", status) == status
        and wanted.get("external_id", external) == external
        and ("email" not in wanted or values.email(wanted["email"]) == values.email(order.email or ""))
        and not_before(order.updated_at, query.updated_since)
    )


ENDPOINTS: Final = Endpoints[OrderWrite, Account](
    read=read,
    record=record,
    list=list_,
    page=page,
    filters=frozenset({"number", "status", "email", "external_id"}),
    max_limit=MAX_LIMIT,
    side_load=related.side_load,
    absorb=related.absorb,
    create=create,
    update=update,
    find={"external_id": find_external_id},
    cancel=cancel,
    receipt=receipt,
    find_marker=find_marker,
    marked=marked,
    recovery={
        "create": Recovery(
            by="marker",
            strength="strong",
            note="the new order carries the operation id in the metafield lockstitch.operation_id, whose values are "
            "unique in the shop and which is looked up in its database, not in its search index",
        ),
        "update": Recovery(
            by="state",
            strength="strong",
            note="the order is read and compared; setting the same values again changes nothing",
        ),
        "cancel": Recovery(
            by="state",
            strength="strong",
            note="the order is read until it is cancelled; Shopify refuses to cancel one twice, so nothing is refunded "
            "or restocked twice",
        ),
    },
)
