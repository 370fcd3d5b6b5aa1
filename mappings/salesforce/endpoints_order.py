"""Endpoints of orders. A new order, its lines and its activation are one composite request, which Salesforce carries
out completely or not at all. The request also looks up the account of the buyer and the price book of the products."""

from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from canonical.order_patch import OrderPatch
from mappings.endpoints import Action, Endpoints, ListQuery, Product, VendorPage, WriteResult
from mappings.http import VendorReply, VendorRequest
from mappings.kit.markers import began
from mappings.salesforce import paging, related
from mappings.salesforce.endpoints_sobject import MARKED, MAX_LIMIT, NO_RECORD, SORTS, STATE, SObject, marked
from mappings.salesforce.enums import order_status
from mappings.salesforce.field_values import long_id
from mappings.salesforce.related import PRICE_BOOK
from mappings.salesforce.requests import API, Answer, query, sobject_path
from mappings.salesforce.search import quoted
from mappings.salesforce.wire_v62 import Account, MoreLines, OrderItem, OrderItems, OrderWrite
from mappings.spec import VendorDrift, decode

ORDERS: Final = SObject(object="order")
COMPOSITE: Final = f"{API}/composite"
UNFINISHED: Final = b'"done":false'
NOT_A_RETURN: Final = "IsReductionOrder = false"


class _Part(Struct, frozen=True, kw_only=True, rename="camel"):
    body: Raw
    reference_id: str


class _Composite(Struct, frozen=True, kw_only=True, rename="camel"):
    composite_response: tuple[_Part, ...]


class _Created(Struct, frozen=True, kw_only=True):
    id: str


class _Shape(Struct, frozen=True, kw_only=True, rename="pascal"):
    id: str
    order_items: OrderItems | None = None


class _Coded(Struct, frozen=True, kw_only=True, rename="pascal"):
    product_code: str


class _Entry(Struct, frozen=True, kw_only=True, rename="pascal"):
    id: str
    product2: _Coded


class _Lines(Struct, frozen=True, kw_only=True, rename="camel"):
    records: tuple[OrderItem, ...]
    done: bool = True
    next_records_url: str | None = None


def record(reply: VendorReply, account: Account) -> tuple[Raw | None, Account]:
    """Return the order of a read, and the locator of its further lines."""
    order, account = ORDERS.record(reply, account)
    return order, account if order is None else _with_more_lines((order,), account)


def page(reply: VendorReply, query: ListQuery, account: Account) -> VendorPage[Account]:
    """Return the orders of a page, and the locators of their further lines."""
    listing = ORDERS.page(reply, query, account)
    return replace(listing, account=_with_more_lines(listing.records, listing.account))


def conditions(query: ListQuery, account: Account) -> tuple[str, ...]:
    """Return the conditions of a list. A reduction order takes back a part of another order and is omitted."""
    wanted: list[str] = [NOT_A_RETURN] if account.has("Order", "IsReductionOrder") else []
    if (number := query.filters.get("number")) is not None:
        wanted.append(f"OrderNumber = {quoted(number)}")
    if (email := query.filters.get("email")) is not None:
        wanted.append(f"BillToContact.Email = {quoted(email)}")
    if (key := query.filters.get("external_id")) is not None:
        wanted.append(ORDERS.key_is(key, account))
    if (customer := query.filters.get("customer")) is not None:
        wanted.append(ORDERS.refers_to("BillToContactId", customer))
    if (status := query.filters.get("status")) is not None:
        statuses = account.order_statuses.items()
        values = [quoted(value) for value, code in statuses if order_status(value, code) == status]
        wanted.append(f"Status IN ({', '.join(values)})" if values else NO_RECORD)
    return tuple(wanted)


def side_load(records: tuple[Raw, ...], account: Account) -> VendorRequest | None:
    """Build the next read of further lines. None when all orders are complete."""
    for more in account.more_lines.values():
        if more.next is not None:
            return paging.follow(more.next)
    return None


def absorb(reply: VendorReply, account: Account) -> Account:
    """Return the account with the lines of such a reply. Raises VendorDrift for another shape."""
    answer = decode(reply.body, _Lines)
    for id, more in account.more_lines.items():
        if more.next is not None:
            url = None if answer.done else answer.next_records_url
            following = None if url is None else paging.locator_of(url)
            grown = MoreLines(lines=more.lines + answer.records, next=following)
            return replace(account, more_lines=account.more_lines | {id: grown})
    return account


def find_products(order: OrderPatch, skus: tuple[str, ...], account: Account) -> VendorRequest:
    """Build the query for the entries of the standard price book with these product codes."""
    wanted = ["IsActive = true", "Pricebook2.IsStandard = true"]
    wanted.append(f"Product2.ProductCode IN ({', '.join(quoted(sku) for sku in skus)})")
    if isinstance(order.currency, str) and account.has_currencies("Order"):
        wanted.append(f"CurrencyIsoCode = {quoted(order.currency)}")
    return query(f"SELECT Id, Product2.ProductCode FROM PricebookEntry WHERE {' AND '.join(wanted)}")  # noqa: S608


def products(reply: VendorReply) -> tuple[Product, ...]:
    """Return the entries of such a reply."""
    entries = [decode(one, _Entry) for one in decode(reply.body, Answer).records]
    return tuple(Product(sku=one.product2.product_code, variant=long_id(one.id)) for one in entries)


def create(body: OrderWrite, marker: str, parent: str | None, account: Account) -> VendorRequest:
    """Build the request for a new order, its lines and its activation."""
    order = ORDERS.marked_body(body, marker, account)
    if "EffectiveDate" not in order:
        order["EffectiveDate"] = (began(marker) or datetime.now(UTC)).date().isoformat()
    parts: list[dict[str, Any]] = []
    if body.new_account is not None:
        parts.append(_part("POST", sobject_path("Account"), "account", {"Name": body.new_account}))
        order["AccountId"] = "@{account.id}"
    if "AccountId" not in order:
        buyer = sobject_path("Contact", order.get("BillToContactId") or "")
        parts.append(_part("GET", f"{buyer}?fields=AccountId", "buyer"))
        order["AccountId"] = "@{buyer.AccountId}"
    price_book = account.related.get(PRICE_BOOK, "")
    for one in body.products:
        product = {"Name": one.name, "IsActive": True} | ({"ProductCode": one.code} if one.code else {})
        parts.append(_part("POST", sobject_path("Product2"), f"product_{one.entry}", product))
        entry_of = {"Pricebook2Id": price_book, "Product2Id": f"@{{product_{one.entry}.id}}", "IsActive": True}
        parts.append(_part("POST", sobject_path("PricebookEntry"), one.entry, entry_of | {"UnitPrice": one.unit_price}))
    if body.products and "Pricebook2Id" not in order:
        order["Pricebook2Id"] = price_book
    if body.lines and "Pricebook2Id" not in order:
        entry = sobject_path("PricebookEntry", body.lines[0].pricebook_entry_id)
        parts.append(_part("GET", f"{entry}?fields=Pricebook2Id", "price"))
        order["Pricebook2Id"] = "@{price.Pricebook2Id}"
    parts.append(_part("POST", sobject_path("Order"), "order", order))
    if body.lines:
        lines = [{"attributes": {"type": "OrderItem"}, "OrderId": "@{order.id}"} | _members(one) for one in body.lines]
        parts.append(_part("POST", f"{COMPOSITE}/sobjects", "lines", {"allOrNone": True, "records": lines}))
    if isinstance(body.activate, str):
        parts.append(_part("PATCH", f"{sobject_path('Order')}/@{{order.id}}", "activation", {"Status": body.activate}))
    return VendorRequest(
        method="POST",
        path=COMPOSITE,
        route=COMPOSITE,
        body=msgspec.json.encode({"allOrNone": True, "compositeRequest": parts}),
        effect=True,
    )


def write_result(reply: VendorReply, action: Action) -> WriteResult:
    """Return the id of the new order, from its part of the composite reply."""
    if action != "create":
        return WriteResult()
    try:
        parts = decode(reply.body, _Composite).composite_response
        made = next((part.body for part in parts if part.reference_id == "order"), None)
        return WriteResult(created=True) if made is None else _made(made)
    except VendorDrift:
        return WriteResult(created=True)


def _made(body: Raw) -> WriteResult:
    return WriteResult(remote_id=long_id(decode(body, _Created).id), created=True)


def _part(method: str, url: str, reference: str, body: Any = None) -> dict[str, Any]:
    part = {"method": method, "url": url, "referenceId": reference}
    return part if body is None else part | {"body": body}


def _members(line: Struct) -> dict[str, Any]:
    members: dict[str, Any] = msgspec.to_builtins(line, builtin_types=(Raw,))
    return members


def _with_more_lines(records: tuple[Raw, ...], account: Account) -> Account:
    """Return the account with the orders that have further lines, and no others."""
    more: dict[str, MoreLines] = {}
    for one in records:
        if UNFINISHED not in bytes(one):
            continue
        shape = decode(one, _Shape)
        url = None if shape.order_items is None or shape.order_items.done else shape.order_items.next_records_url
        if url is not None:
            more[long_id(shape.id)] = MoreLines(next=paging.locator_of(url))
    return replace(account, more_lines=more) if more or account.more_lines else account


ENDPOINTS: Final = Endpoints[OrderWrite, Account](
    read=ORDERS.read,
    record=record,
    list=partial(ORDERS.list, conditions),
    page=page,
    filters=frozenset({"number", "status", "email", "external_id", "customer"}),
    sorts=SORTS,
    max_limit=MAX_LIMIT,
    side_load=side_load,
    absorb=absorb,
    person=lambda order: "id_or_text",
    find_related=related.find_related,
    related=related.related,
    with_related=related.with_related,
    find_products=find_products,
    products=products,
    create=create,
    update=ORDERS.update,
    find={"external_id": ORDERS.by_key},
    write_result=write_result,
    find_marker=ORDERS.find_marker,
    marked=marked,
    recovery={"create": MARKED, "update": STATE},
)
