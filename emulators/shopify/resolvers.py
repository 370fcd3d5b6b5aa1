"""The resolvers of fields. A field without one is the member of the stored record with the same name."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from graphql import GraphQLList, GraphQLNonNull, GraphQLObjectType, GraphQLSchema, get_named_type

from emulators.shopify import (
    cancel,
    customers,
    definitions,
    inventory,
    lists,
    metafields,
    order_changes,
    orders,
    records,
    variants,
)
from emulators.shopify.connections import of_list
from emulators.shopify.context import Context, Info
from emulators.shopify.errors import Refused, top_error
from emulators.shopify.fields import FIELDS, SHOP
from emulators.shopify.ids import is_gid, kind_of
from emulators.shopify.shapes import listed

JsonRecord = dict[str, Any]
Resolver = Callable[..., Any]
Mutation = Callable[[Context, JsonRecord], JsonRecord]

MUTATIONS: dict[str, Mutation] = {
    "customerCreate": customers.create,
    "customerDelete": customers.delete,
    "customerEmailMarketingConsentUpdate": customers.consent_by_email,
    "customerSet": customers.set_one,
    "customerSmsMarketingConsentUpdate": customers.consent_by_sms,
    "customerUpdate": customers.update,
    "inventorySetQuantities": inventory.set_quantities,
    "metafieldDefinitionCreate": definitions.create,
    "metafieldsDelete": metafields.delete_many,
    "orderCancel": cancel.cancel,
    "orderCreate": orders.create,
    "orderUpdate": order_changes.update,
}


def equip(schema: GraphQLSchema) -> GraphQLSchema:
    """Return the schema with its resolvers."""
    for kind in schema.type_map.values():
        if not isinstance(kind, GraphQLObjectType) or kind.name.startswith("__"):
            continue
        for name, field in kind.fields.items():
            if kind.name == "QueryRoot":
                field.resolve = ROOT_FIELDS[name]
            elif kind.name == "Mutation":
                field.resolve = _mutation(name)
            elif (known := FIELDS.get(f"{kind.name}.{name}")) is not None:
                field.resolve = _of_object(known)
            elif get_named_type(field.type).name.endswith("Connection"):
                field.resolve = _of_object(_stored_connection(name))
            elif "first" in field.args and _is_list(field.type):
                field.resolve = _of_object(_first_of(name))
    return schema


def _of_object(resolver: Resolver) -> Resolver:
    """Wrap a resolver: a placed record may have another value in place of an object."""
    return lambda source, info, **args: resolver(source, info, **args) if isinstance(source, dict) else None


def _mutation(name: str) -> Resolver:
    does = MUTATIONS[name]

    @wraps(does)
    def resolve(root: Any, info: Info, **args: Any) -> JsonRecord:
        try:
            return does(info.context, args)
        except Refused as refused:
            return {"userErrors": refused.errors, "orderCancelUserErrors": refused.errors}

    return resolve


def _stored_connection(name: str) -> Resolver:
    def resolve(source: JsonRecord, info: Info, **args: Any) -> JsonRecord:
        return of_list(listed(source.get(name)), args)

    return resolve


def _first_of(name: str) -> Resolver:
    def resolve(source: JsonRecord, info: Info, **args: Any) -> Any:
        value = source.get(name)
        return value[: args["first"]] if isinstance(value, list) and args.get("first") is not None else value

    return resolve


def _is_list(kind: Any) -> bool:
    return isinstance(kind.of_type if isinstance(kind, GraphQLNonNull) else kind, GraphQLList)


def _by_id(kind: str) -> Resolver:
    def resolve(root: Any, info: Info, id: str) -> JsonRecord | None:
        return _record(info.context, kind, id)

    return resolve


def _record(context: Context, kind: str, gid: str) -> JsonRecord | None:
    if not is_gid(gid):
        raise top_error(f"Invalid global id '{gid}'", "argumentLiteralsIncompatible")
    if kind_of(gid) != kind:
        raise top_error("Invalid id", "RESOURCE_NOT_FOUND")
    return records.load(context.state, kind, gid)


def _list_of(kind: str) -> Resolver:
    def resolve(root: Any, info: Info, **args: Any) -> JsonRecord:
        return lists.of_kind(info.context, kind, args)

    return resolve


def _order_by_identifier(root: Any, info: Info, identifier: JsonRecord) -> JsonRecord | None:
    context: Context = info.context
    namespace, key, value = definitions.custom_id(context.state, records.ORDER, identifier["customId"])
    return records.by_key(context.state, records.ORDER, records.metafield_key(namespace, key), value)


ROOT_FIELDS: dict[str, Resolver] = {
    "customer": _by_id(records.CUSTOMER),
    "customerByIdentifier": lambda root, info, identifier: customers.by_identifier(info.context, identifier),
    "customers": _list_of(records.CUSTOMER),
    "locations": lambda root, info, **args: inventory.locations(info.context, args),
    "metafieldDefinitions": lambda root, info, **args: definitions.listed(info.context, args),
    "order": _by_id(records.ORDER),
    "orderByIdentifier": _order_by_identifier,
    "orders": _list_of(records.ORDER),
    "productVariants": lambda root, info, **args: variants.listed(info.context, args),
    "shop": lambda root, info: SHOP,
}
