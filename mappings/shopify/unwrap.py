"""Find the records in an answer of Shopify: GraphQL's envelope, REST's, a webhook's body, or a bare record."""

import re
from typing import Final

import msgspec
from msgspec import Raw

from canonical.parts import ObjectName
from mappings.kit.graphql import NULL, present
from mappings.spec import Unmappable

ONE: Final[dict[ObjectName, str]] = {"customer": "customer", "order": "order"}
MANY: Final[dict[ObjectName, str]] = {"customer": "customers", "order": "orders"}
OTHER: Final = frozenset(
    {"refund", "refunds", "draft_order", "draft_orders", "transactions", "addresses", "shop", "webhook", "webhooks"}
    | {"fulfillment", "fulfillments", "product", "products", "customer", "customers", "order", "orders"}
)
"""Envelopes of other records."""
OF_ORDERS: Final = frozenset({"line_items", "lineItems", "financial_status", "total_price", "totalPriceSet"})
OF_CUSTOMERS: Final = frozenset(
    {"state", "first_name", "last_name", "default_address", "addresses", "verified_email", "tax_exempt"}
    | {"firstName", "lastName", "displayName", "defaultEmailAddress", "defaultPhoneNumber"}
)
"""Members that identify a customer. Orders have some of them too. Other vendors' customers have none of them."""
CART: Final = frozenset({"token", "line_items"})
DRAFT: Final = frozenset({"invoice_url", "invoice_sent_at"})
CHECKOUT: Final = "abandoned_checkout_url"
TYPES: Final[dict[ObjectName, str]] = {"customer": "Customer", "order": "Order"}
"""The types in the global ids of records."""
_GID: Final = re.compile(rb'"gid://shopify/(\w+)/[^"]*"')
STUB: Final = 2
"""A record with at most this many members is only a reference."""

Members = dict[str, Raw]


def unwrap(payload: bytes, object_name: ObjectName) -> tuple[Raw, ...]:
    """Return the records of one object, each as its own bytes.

    Raises Unmappable with path and reason for an error, a stub, a request, or another object.
    """
    if object_name not in ONE:
        raise Unmappable("$", f"Shopify has no {object_name}s")
    if payload.lstrip()[:1] == b"[":
        return tuple(_record(raw, f"$[{at}]", object_name) for at, raw in enumerate(_list(Raw(payload), "$")))
    members = _members(Raw(payload), "$")
    if "data" in members:
        return _graphql(members, object_name)
    if "errors" in members or "error" in members:
        raise Unmappable("$.errors", "an error, not a record")
    one, many = ONE[object_name], MANY[object_name]
    if one in members and len(members) == 1:
        return (_record(members[one], f"$.{one}", object_name),)
    if many in members:
        listed = _list(members[many], f"$.{many}")
        return tuple(_record(raw, f"$.{many}[{at}]", object_name) for at, raw in enumerate(listed))
    if len(members) == 1 and not OTHER.isdisjoint(members):
        name = next(iter(members))
        raise Unmappable(f"$.{name}", f"this is Shopify's {name}; expected: {object_name}")
    return (_record(Raw(payload), "$", object_name),)


def _graphql(members: Members, object_name: ObjectName) -> tuple[Raw, ...]:
    """Return the records under `data`: in a root field, in a connection, or in the answer to a mutation."""
    data = present(members["data"])
    roots = {} if data is None else _members(data, "$.data")
    one = ONE[object_name]
    for name, raw in roots.items():
        path = f"$.data.{name}"
        if present(raw) is None or not _is_object(raw):
            continue
        root = _members(raw, path)
        if "nodes" in root or "edges" in root:
            if name == MANY[object_name]:
                return _connection(root, path, object_name)
        elif "userErrors" in root or "orderCancelUserErrors" in root:
            shown = present(root.get(one))
            if shown is not None:
                return (_record(shown, f"{path}.{one}", object_name),)
        elif name in (one, f"{one}ByIdentifier"):
            return (_record(raw, path, object_name),)
    if "errors" in members:
        raise Unmappable("$.errors", "an error, not a record")
    raise Unmappable("$.data", f"no {object_name} in this answer; it has: {', '.join(roots) or 'nothing'}")


def _connection(root: Members, path: str, object_name: ObjectName) -> tuple[Raw, ...]:
    if "nodes" in root:
        nodes = _list(root["nodes"], f"{path}.nodes")
        return tuple(_record(raw, f"{path}.nodes[{at}]", object_name) for at, raw in enumerate(nodes))
    found = []
    for at, edge in enumerate(_list(root["edges"], f"{path}.edges")):
        where = f"{path}.edges[{at}]"
        found.append(_record(_members(edge, where).get("node", NULL), f"{where}.node", object_name))
    return tuple(found)


def _record(raw: Raw, path: str, object_name: ObjectName) -> Raw:
    members = _members(raw, path)
    if "id" not in members:
        raise Unmappable(f"{path}.id", "no id: a request to Shopify, or part of a record")
    names = frozenset(members) - {"admin_graphql_api_id", "__typename"}
    if len(names) < STUB:
        raise Unmappable(path, f"only the id of a {object_name}, as in a deletion notice")
    if object_name == "customer" and (names.isdisjoint(OF_CUSTOMERS) or not names.isdisjoint(OF_ORDERS)):
        raise Unmappable(path, "not a customer: an order, or only a reference")
    for name in ("id", "admin_graphql_api_id"):
        kind = _GID.fullmatch(bytes(members[name]).strip()) if name in members else None
        if kind is not None and kind[1].decode() != TYPES[object_name]:
            raise Unmappable(f"{path}.{name}", f"this is Shopify's {kind[1].decode()}; expected: {object_name}")
    if object_name == "order" and not names.isdisjoint(DRAFT):
        raise Unmappable(path, "a draft order, which becomes an order once it is completed")
    if object_name == "order" and CHECKOUT in names:
        raise Unmappable(f"{path}.{CHECKOUT}", "an abandoned checkout, not an order")
    if object_name == "order" and names >= CART and not names & {"currency", "financial_status", "total_price"}:
        raise Unmappable(path, "a cart, not an order yet")
    return raw


def _is_object(raw: Raw) -> bool:
    return bytes(raw).lstrip()[:1] == b"{"


def _members(raw: Raw, path: str) -> Members:
    try:
        return msgspec.json.decode(raw, type=Members)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unmappable(path, "not a JSON object") from error


def _list(raw: Raw, path: str) -> list[Raw]:
    try:
        return msgspec.json.decode(raw, type=list[Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unmappable(path, "not a JSON list") from error
