"""Find the records in an answer of Shopify: GraphQL's envelope, REST's, a webhook's body, or a bare record."""

import re
from typing import Final

from msgspec import Raw

from canonical.parts import ObjectName
from mappings.kit.graphql import NULL, present
from mappings.kit.unwrap import PayloadObject, candidate, candidates
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


def unwrap(payload: bytes, object_name: ObjectName) -> tuple[Raw, ...]:
    """Return the records of one object, each as its own bytes.

    Raises Unmappable with path and reason for an error, a stub, a request, or another object.
    """
    if object_name not in ONE:
        raise Unmappable("$", f"Shopify has no {object_name}s")
    if payload.lstrip()[:1] == b"[":
        return _records(candidates(Raw(payload)), object_name)
    whole = candidate(Raw(payload), "$")
    if "data" in whole.members:
        return _graphql(whole, object_name)
    if "errors" in whole.members or "error" in whole.members:
        raise Unmappable("$.errors", "an error, not a record")
    one, many = ONE[object_name], MANY[object_name]
    if many in whole.members:
        return _records(_listed(whole, many), object_name)
    if len(whole.members) == 1:
        (name,) = whole.members
        if name == one:
            return _records(candidates(whole.members[one], path=f"$.{one}"), object_name)
        if name in OTHER:
            raise whole.refused(f"this is Shopify's {name}; expected: {object_name}", name)
    return _records((whole,), object_name)


def _graphql(whole: PayloadObject, object_name: ObjectName) -> tuple[Raw, ...]:
    """Return the records under `data`: in a root field, in a connection, or in the answer to a mutation."""
    data = present(whole.members["data"])
    roots = {} if data is None else candidate(data, "$.data").members
    one = ONE[object_name]
    for name, raw in roots.items():
        if bytes(raw).lstrip()[:1] != b"{":
            continue
        root = candidate(raw, f"$.data.{name}")
        if "nodes" in root.members or "edges" in root.members:
            if name == MANY[object_name]:
                return _connection(root, object_name)
        elif "userErrors" in root.members or "orderCancelUserErrors" in root.members:
            record = present(root.members.get(one))
            if record is not None:
                return _records((candidate(record, f"{root.path}.{one}"),), object_name)
        elif name in (one, f"{one}ByIdentifier"):
            return _records((root,), object_name)
    if "errors" in whole.members:
        raise Unmappable("$.errors", "an error, not a record")
    raise Unmappable("$.data", f"no {object_name} in this answer; it has: {', '.join(roots) or 'nothing'}")


def _connection(root: PayloadObject, object_name: ObjectName) -> tuple[Raw, ...]:
    if "nodes" in root.members:
        return _records(_listed(root, "nodes"), object_name)
    edges = _listed(root, "edges")
    nodes = tuple(candidate(edge.members.get("node", NULL), f"{edge.path}.node") for edge in edges)
    return _records(nodes, object_name)


def _listed(whole: PayloadObject, name: str) -> tuple[PayloadObject, ...]:
    if bytes(whole.members[name]).lstrip()[:1] != b"[":
        raise whole.refused("not a JSON list", name)
    return candidates(whole.members[name], path=f"{whole.path}.{name}")


def _records(records: tuple[PayloadObject, ...], object_name: ObjectName) -> tuple[Raw, ...]:
    for one in records:
        _check(one, object_name)
    return tuple(one.raw for one in records)


def _check(one: PayloadObject, object_name: ObjectName) -> None:
    if "id" not in one.members:
        raise one.refused("no id: a request to Shopify, or part of a record", "id")
    names = frozenset(one.members) - {"admin_graphql_api_id", "__typename"}
    if len(names) < STUB:
        raise one.refused(f"only the id of a {object_name}, as in a deletion notice")
    if object_name == "customer" and (names.isdisjoint(OF_CUSTOMERS) or not names.isdisjoint(OF_ORDERS)):
        raise one.refused("not a customer: an order, or only a reference")
    for name in ("id", "admin_graphql_api_id"):
        kind = _GID.fullmatch(bytes(one.members[name]).strip()) if name in one.members else None
        if kind is not None and kind[1].decode() != TYPES[object_name]:
            raise one.refused(f"this is Shopify's {kind[1].decode()}; expected: {object_name}", name)
    if object_name == "order" and not names.isdisjoint(DRAFT):
        raise one.refused("a draft order, which becomes an order once it is completed")
    if object_name == "order" and CHECKOUT in names:
        raise one.refused("an abandoned checkout, not an order", CHECKOUT)
    if object_name == "order" and names >= CART and not names & {"currency", "financial_status", "total_price"}:
        raise one.refused("a cart, not an order yet")
