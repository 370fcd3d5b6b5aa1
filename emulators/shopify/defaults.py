"""Complete a record so that every non-null field of the schema has a value.

Records are stored in the shape of GraphQL's answers. Values of the payload stay, even null and invalid ones. Absent
fields get a neutral value: zero money, no entries, an id.
"""

from typing import Any

import msgspec
from graphql import (
    GraphQLEnumType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLUnionType,
    get_named_type,
)

from emulators.shopify.ids import new_gid
from emulators.shopify.schema import SCHEMA
from emulators.shopify.shapes import listed
from emulators.state import State

JsonRecord = dict[str, Any]

# Fields that resolvers compute: they are not part of a stored record.
COMPUTED = {
    "Customer": {"amountSpent", "metafield", "numberOfOrders"},
    "Order": {"customer", "metafield"},
}

_ENUM_DEFAULTS = {
    "CustomerEmailAddressMarketingState": "NOT_SUBSCRIBED",
    "CustomerSmsMarketingState": "NOT_SUBSCRIBED",
    "CustomerState": "DISABLED",
    "DiscountApplicationTargetType": "LINE_ITEM",
    "FulfillmentStatus": "SUCCESS",
    "OrderDisplayFulfillmentStatus": "UNFULFILLED",
    "OrderTransactionKind": "SALE",
    "OrderTransactionStatus": "SUCCESS",
}
_SCALAR_DEFAULTS: dict[str, Any] = {
    "Boolean": False,
    "Decimal": "0.0",
    "Float": 0.0,
    "Int": 0,
    "String": "",
}
_MEMBER_OF = {"DiscountApplication": "ManualDiscountApplication", "PaymentDetails": "CardPaymentDetails"}


class Filling(msgspec.Struct, frozen=True, kw_only=True):
    """The sources of neutral values: ids from `state`, the instant `at`, the order's currency."""

    state: State
    at: str
    currency: str = "USD"


def filled(kind: str, record: JsonRecord, filling: Filling) -> JsonRecord:
    """Return a copy of a record of this type (`Order`, `LineItem`, …) that the schema can answer. Unknown keys stay."""
    named = SCHEMA.type_map[kind]
    if not isinstance(named, GraphQLObjectType):
        raise TypeError(f"{kind} is no object type of the schema.")
    return _object(named, record, filling)


def _object(kind: GraphQLObjectType, record: JsonRecord, filling: Filling) -> JsonRecord:
    full = dict(record)
    for name, field in kind.fields.items():
        if name in COMPUTED.get(kind.name, ()):
            continue
        if name in full:
            full[name] = _completed(field.type, full[name], filling)
        elif isinstance(field.type, GraphQLNonNull):
            full[name] = "en" if name == "locale" else _neutral(field.type.of_type, kind.name, filling)
    return full


def _completed(kind: GraphQLOutputType, value: Any, filling: Filling) -> Any:
    """Return a value of the payload with its nested values completed."""
    if value is None:
        return None
    inner = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    if isinstance(inner, GraphQLList):
        items = value if isinstance(value, list) else [value]
        return [_completed(inner.of_type, item, filling) for item in items]
    named = get_named_type(inner)
    if named.name.endswith("Connection"):
        node = get_named_type(_fields(named)["nodes"].type)
        return {"nodes": [_completed(node, item, filling) for item in listed(value)]}
    if not isinstance(value, dict):
        return value
    if isinstance(named, (GraphQLInterfaceType, GraphQLUnionType)):
        member = value.get("__typename") or _member(named.name, value)
        named = SCHEMA.type_map[member]
        value = {**value, "__typename": member}
    return _object(named, value, filling) if isinstance(named, GraphQLObjectType) else value


def _neutral(kind: Any, owner: str, filling: Filling) -> Any:
    if isinstance(kind, GraphQLList):
        return []
    named = get_named_type(kind)
    if named.name.endswith("Connection"):
        return {"nodes": []}
    if named.name == "ID":
        return new_gid(filling.state, owner)
    if named.name == "DateTime":
        return filling.at
    if named.name == "CurrencyCode":
        return filling.currency
    if isinstance(named, GraphQLEnumType):
        return _ENUM_DEFAULTS.get(named.name) or next(iter(named.values))
    if named.name in _SCALAR_DEFAULTS:
        return _SCALAR_DEFAULTS[named.name]
    return _completed(named, {}, filling)


def _member(abstract: str, value: JsonRecord) -> str:
    """Return the member of a union or interface for a value without `__typename`."""
    if abstract == "PricingValue":
        return "PricingPercentageValue" if "percentage" in value else "MoneyV2"
    return _MEMBER_OF[abstract]


def _fields(named: Any) -> Any:
    return named.fields
