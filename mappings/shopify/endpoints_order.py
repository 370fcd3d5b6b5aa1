"""Requests for orders: by id, by unique metafields, in lists, and the mutations that write and cancel them."""

import dataclasses
from datetime import datetime
from typing import Final

import msgspec
from msgspec import UNSET, Raw, Struct

from canonical import values
from canonical.order_patch import OrderCancel, OrderPatch
from mappings.endpoints import Action, FieldRefusal, ListQuery, Product, Recovery, WriteResult
from mappings.http import VendorReply, VendorRequest
from mappings.kit.graphql import GraphQLCollection, data_of
from mappings.kit.recovery import by_state
from mappings.shopify import documents, related
from mappings.shopify.documents import ORDER_ASKED
from mappings.shopify.metadata import unique
from mappings.shopify.order_enums_r1 import WRITE_CANCEL_REASON
from mappings.shopify.requests import (
    BRIEF,
    EXTERNAL_ID,
    MUTATION_COST,
    OPERATION_ID,
    PAGE_COST,
    PATH,
    SORTS,
    WHOLE,
    by_custom_id,
    call,
    gid,
    metafield_variables,
    order_cost,
    order_price,
    page_cost,
    page_size,
    sort_key,
    tail,
)
from mappings.shopify.search import all_of, exactly, not_before, since
from mappings.shopify.wire_2026_07 import Account, MetafieldValue, Order
from mappings.shopify.wire_inputs_2026_07 import OrderWrite
from mappings.shopify.wire_variables_2026_07 import (
    ByIdentifier,
    Listed,
    MetafieldIdentifier,
    OrderCancellation,
    OrderCreate,
    OrderUpdate,
    RefundMethod,
    Sought,
)
from mappings.spec import Notes, Unmappable, decode

MAX_LIMIT: Final = 8
STATUS: Final[dict[str, str]] = {"open": "status:open", "completed": "status:closed", "cancelled": "status:cancelled"}
NOTHING: Final = "id:0"
"""The search for a status that no Shopify order has: it matches nothing."""
MOST_VARIANTS: Final = 250
"""The most records of one search."""
VARIANTS_EACH: Final = 4
"""Variants to read for each SKU: the search may match others, and a second one with the SKU makes it ambiguous."""
LONGEST_NOTE: Final = 255


class _Variant(Struct, frozen=True, kw_only=True):
    id: str
    sku: str | None = None


class _Variants(Struct, frozen=True, kw_only=True):
    nodes: tuple[_Variant, ...]


class _Job(Struct, frozen=True, kw_only=True):
    done: bool = False


class _Cancelled(Struct, frozen=True, kw_only=True):
    job: _Job | None = None


class NamedCustomer(Struct, frozen=True, kw_only=True):
    """The id of an order's customer."""

    id: str


class _Filtered(Struct, frozen=True, kw_only=True, rename="camel"):
    """The members that lists can be filtered by."""

    updated_at: datetime
    name: str | None
    email: str | None
    customer: NamedCustomer | None
    closed_at: datetime | None
    cancelled_at: datetime | None
    external: MetafieldValue | None


def holds(raw: Raw, query: ListQuery) -> bool:
    """Return whether an order matches every filter exactly."""
    order, wanted = decode(raw, _Filtered), query.filters
    status = "cancelled" if order.cancelled_at is not None else "open" if order.closed_at is None else "completed"
    external = None if order.external is None else order.external.value
    return (
        wanted.get("number", order.name) == order.name
        and wanted.get("status", status) == status
        and wanted.get("external_id", external) == external
        and ("customer" not in wanted or (order.customer is not None and tail(order.customer.id) == wanted["customer"]))
        and ("email" not in wanted or values.email(wanted["email"]) == values.email(order.email or ""))
        and not_before(order.updated_at, query.updated_since)
    )


def first_of(query: ListQuery, account: Account) -> int:
    """Return how many orders fit in one query."""
    return page_size(min(query.limit, MAX_LIMIT), order_price(account, BRIEF))


def find_products(order: OrderPatch, skus: tuple[str, ...], account: Account) -> VendorRequest:
    """Return the search for the variants with these SKUs. It matches words, so the whole SKU is compared afterwards."""
    search = " OR ".join(exactly("sku", sku) for sku in skus)
    sought = Sought(first=min(MOST_VARIANTS, len(skus) * VARIANTS_EACH), query=search)
    return call(documents.PRODUCT_VARIANTS, "productVariants", sought, cost=PAGE_COST + len(skus))


def products(reply: VendorReply) -> tuple[Product, ...]:
    """Return the variants of such a reply."""
    variants = data_of(reply).get("productVariants")
    nodes = () if variants is None else decode(variants, _Variants).nodes
    return tuple(Product(sku=one.sku, variant=tail(one.id)) for one in nodes if one.sku)


def window(query: ListQuery, account: Account) -> Listed:
    """Return the variables of a page. Lists use a search index that matches words and lags."""
    wanted = query.filters
    search = all_of(
        since(query.updated_since),
        exactly("name", wanted["number"]) if "number" in wanted else None,
        exactly("email", wanted["email"]) if "email" in wanted else None,
        f"customer_id:{wanted['customer']}" if "customer" in wanted else None,
        STATUS.get(wanted["status"], NOTHING) if "status" in wanted else None,
    )
    return Listed(
        first=first_of(query, account),
        after=query.after,
        query=search,
        sort_key=sort_key(query),
        reverse=query.descending,
    )


ORDERS: Final = GraphQLCollection[Account](
    path=PATH,
    one="order",
    many="orders",
    record_type=Order,
    arguments={
        "first": "Int!",
        "after": "String",
        "query": "String",
        "sortKey": "OrderSortKeys!",
        "reverse": "Boolean!",
    },
    window=window,
    keyed="orderByIdentifier",
    key={"identifier": "OrderIdentifierInput!"},
    keys={"external_id": lambda key: ByIdentifier(identifier=by_custom_id(EXTERNAL_ID, key))},
    inside=ORDER_ASKED,
    whole=lambda account: (metafield_variables(account, "order"), WHOLE),
    brief=lambda account: (metafield_variables(account, "order"), BRIEF),
    cost=order_cost,
    page_cost=lambda query, account: page_cost(first_of(query, account), order_cost(account)),
    global_id=lambda remote_id: gid("Order", remote_id),
    remote_id=tail,
    fits=holds,
    enrich=related.with_further_lines,
    listed=related.listed,
)
CREATE: Final = ORDERS.mutation(
    "orderCreate", {"order": "OrderCreateOrderInput!"}, errors="userErrors { code field message }"
)
UPDATE: Final = ORDERS.mutation("orderUpdate", {"input": "OrderInput!"}, errors="userErrors { field message }")


def side_load(records: tuple[Raw, ...], account: Account) -> VendorRequest | None:
    """Return the next read that completes an order, None when all are complete."""
    for order_id, known in account.orders.items():
        if known.brief:
            return ORDERS.read(tail(order_id), account)
        if known.lines_after is not None:
            return related.further_lines(order_id, known.lines_after)
    return None


def create(body: OrderWrite, marker: str, parent: str | None, account: Account) -> VendorRequest:
    """Return one mutation for all of a new order, with the marker."""
    fields = body.create.metafields
    new = msgspec.structs.replace(body.create, metafields=(*(fields or ()), unique(OPERATION_ID, marker)))
    return ORDERS.write(CREATE, "orderCreate", OrderCreate(order=new), cost=MUTATION_COST, account=account)


def update(remote_id: str, body: OrderWrite, marker: str, account: Account) -> VendorRequest:
    """Return the mutation that changes an order, after one that removes metafields if needed. Only a create has a
    marker."""
    owner = gid("Order", remote_id)
    cleared = tuple(MetafieldIdentifier(owner_id=owner, namespace=space, key=key) for space, key in body.cleared)
    changes = OrderUpdate(input=msgspec.structs.replace(body.update, id=owner), cleared=cleared or UNSET)
    document = documents.ORDER_UPDATE_CLEARING if cleared else UPDATE
    cost = MUTATION_COST * (2 if cleared else 1)
    return ORDERS.write(document, "orderUpdate", changes, cost=cost, account=account)


def cancel(
    remote_id: str, cancellation: OrderCancel, marker: str, account: Account
) -> tuple[VendorRequest, tuple[FieldRefusal, ...]]:
    """Return the cancellation, which Shopify runs as a job. It refuses to cancel an order twice."""
    notes = Notes()
    reason = WRITE_CANCEL_REASON.get(cancellation.reason)
    if reason is None:
        notes.invalid("/reason", f"Shopify needs a reason; one of: {', '.join(WRITE_CANCEL_REASON)}")
    if cancellation.note is not None and len(cancellation.note) > LONGEST_NOTE:
        notes.invalid("/note", f"Shopify allows at most {LONGEST_NOTE} characters")
    variables = OrderCancellation(
        order_id=gid("Order", remote_id),
        reason=reason or WRITE_CANCEL_REASON["other"],
        restock=cancellation.restock,
        notify_customer=cancellation.notify,
        staff_note=cancellation.note,
        refund_method=RefundMethod(original_payment_methods_refund=cancellation.refund),
    )
    request = call(documents.ORDER_CANCEL, "orderCancel", variables, cost=MUTATION_COST, effect=True)
    return request, tuple(notes.refused)


def write_result(reply: VendorReply, action: Action) -> WriteResult:
    """Return the result with the order in the answer, unless that has more lines than the answer shows. The answer to a
    cancellation has only the id of its job.

    Raises Unmappable if it has neither.
    """
    if action != "cancel":
        result = ORDERS.write_result(reply, action)
        if result.record is not None and related.has_further_lines(result.record):
            return msgspec.structs.replace(result, record=None)
        return result
    data = data_of(reply)
    if "orderCancel" not in data:
        raise Unmappable("$.data.orderCancel", "the answer has no cancellation job")
    job = decode(data["orderCancel"], _Cancelled).job
    return WriteResult(pending=job is not None and not job.done)


def find_marker(marker: str, parent: str | None, body: OrderWrite | None, account: Account) -> VendorRequest:
    """Return the request for the order with this marker."""
    return ORDERS.find_marked(ByIdentifier(identifier=by_custom_id(OPERATION_ID, marker)))


ENDPOINTS: Final = dataclasses.replace(
    ORDERS.endpoints(filters=frozenset({"number", "status", "email", "customer"}), max_limit=MAX_LIMIT),
    sorts=SORTS,
    side_load=side_load,
    absorb=related.absorb,
    find_products=find_products,
    products=products,
    create=create,
    update=update,
    cancel=cancel,
    write_result=write_result,
    find_marker=find_marker,
    marked=ORDERS.marked,
    recovery={
        "create": Recovery(
            by="marker",
            strength="strong",
            note="the new order has the operation id in the metafield lockstitch.operation_id. Its values are "
            "unique in the shop, and the look-up uses the database, not the search index",
        ),
        "update": by_state("the order is read and compared; sending the same values again changes nothing"),
        "cancel": by_state(
            "the order is read until it is cancelled. Shopify refuses to cancel one twice, so nothing is refunded or "
            "restocked twice"
        ),
    },
)
