"""Values of metafields: set through their owner, read by name, unique if the definition says so."""

from typing import Any

from emulators.shopify import definitions, records
from emulators.shopify.connections import of_list
from emulators.shopify.context import Context
from emulators.shopify.errors import Refused, user_error
from emulators.shopify.ids import kind_of, moment, new_gid
from emulators.shopify.metafield_types import flaw_of
from emulators.shopify.shapes import listed, parts

JsonRecord = dict[str, Any]


def with_values(
    context: Context, kind: str, record: JsonRecord, inputs: list[JsonRecord] | None, path: list[str]
) -> JsonRecord:
    """Return the owner with these inputs (`MetafieldInput`). `path` is their place in the
    arguments. Raises `Refused`: with code TAKEN, if the payload has codes, for a unique value of another owner."""
    stored = {_name(metafield): metafield for metafield in listed(record.get("metafields"))}
    for place, input in enumerate(inputs or ()):
        made = _made(context, kind, record, input, stored, [*path, str(place)])
        stored[_name(made)] = made
    return {**record, "metafields": {"nodes": list(stored.values())}}


def named(record: JsonRecord, key: str, namespace: str | None = None) -> JsonRecord | None:
    """`metafield(namespace:, key:)` of an owner."""
    return next((one for one in parts(record.get("metafields")) if _name(one) == (namespace, key)), None)


def page(record: JsonRecord, args: JsonRecord) -> JsonRecord:
    """`metafields(keys:, …)` of an owner. Each of `keys` is `<namespace>.<key>`."""
    nodes = parts(record.get("metafields"))
    if args.get("keys") is not None:
        nodes = [node for node in nodes if ".".join(_name(node)) in args["keys"]]
    return of_list(nodes, args)


def delete_many(context: Context, args: JsonRecord) -> JsonRecord:
    """`metafieldsDelete`. A missing one is no error."""
    for input in args["metafields"]:
        owner = _owner(context, input["ownerId"])
        value = named(owner, input["key"], input["namespace"]) if owner else None
        if owner is None or value is None:
            continue
        nodes = [one for one in listed(owner["metafields"]) if _name(one) != _name(value)]
        _save(context, {**owner, "metafields": {"nodes": nodes}})
    return {"userErrors": []}


def _made(
    context: Context,
    kind: str,
    owner: JsonRecord,
    input: JsonRecord,
    stored: dict[tuple[str, str], JsonRecord],
    path: list[str],
) -> JsonRecord:
    if not input.get("key"):
        raise Refused(user_error([*path, "key"], "Key can't be blank", "BLANK"))
    namespace, key = input.get("namespace") or "", input["key"]
    before = stored.get((namespace, key))
    definition = definitions.definition_of(context.state, kind, namespace, key)
    type_name = definition["type"]["name"] if definition else input.get("type") or (before or {}).get("type")
    if not type_name:
        raise Refused(user_error([*path, "type"], "Type can't be blank", "BLANK"))
    if definition and input.get("type") not in (None, type_name):
        message = f"Type '{input['type']}' must be consistent with the definition's type: '{type_name}'."
        raise Refused(user_error([*path, "type"], message, "INVALID_TYPE"))

    value = input.get("value") or ""
    flaw = flaw_of(type_name, value)
    if flaw is not None:
        raise Refused(user_error([*path, "value"], flaw, "INVALID_VALUE"))
    if definitions.unique(definition) and _is_anothers(context, kind, owner, namespace, key, value):
        raise Refused(user_error([*path, "value"], "Value has already been taken", "TAKEN"))
    return {
        "id": before["id"] if before else new_gid(context.state, "Metafield"),
        "namespace": namespace,
        "key": key,
        "type": type_name,
        "value": value,
    }


def _is_anothers(context: Context, kind: str, owner: JsonRecord, namespace: str, key: str, value: str) -> bool:
    holder = records.by_key(context.state, kind, records.metafield_key(namespace, key), value)
    return holder is not None and holder["id"] != owner.get("id")


def _owner(context: Context, gid: str) -> JsonRecord | None:
    kind = kind_of(gid)
    return records.load(context.state, kind, gid) if kind in definitions.OWNER_TYPES else None


def _save(context: Context, owner: JsonRecord) -> None:
    changed = {**owner, "updatedAt": moment(context.now)}
    records.save(context.state, kind_of(owner["id"]), changed, context.now)


def _name(metafield: JsonRecord) -> tuple[str, str]:
    return str(metafield.get("namespace")), str(metafield.get("key"))
