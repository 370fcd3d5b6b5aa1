"""Values of metafields: set through their owner or by themselves, read by name, unique if the definition says so."""

from typing import Any

from emulators.shopify import definitions, records
from emulators.shopify.connections import of_list
from emulators.shopify.context import Context
from emulators.shopify.errors import Refused, user_error
from emulators.shopify.ids import kind_of, moment, new_gid, number_of
from emulators.shopify.metafield_types import flaw_of
from emulators.shopify.shapes import listed, parts

JsonRecord = dict[str, Any]

# The most inputs of one `metafieldsSet`.
MOST_AT_ONCE = 25


def with_values(
    context: Context, kind: str, record: JsonRecord, inputs: list[JsonRecord] | None, path: list[str]
) -> JsonRecord:
    """Return the owner with these inputs (`MetafieldInput`, `MetafieldsSetInput`). `path` is their place in the
    arguments. Raises `Refused`: with code TAKEN, if the payload has codes, for a unique value of another owner."""
    stored = {_name(metafield): metafield for metafield in listed(record.get("metafields"))}
    for place, input in enumerate(inputs or ()):
        made = _made(context, kind, record, input, stored, [*path, str(place)])
        stored[_name(made)] = made
    return {**record, "metafields": {"nodes": list(stored.values())}}


def with_custom_id(context: Context, kind: str, record: JsonRecord, custom: tuple[str, str, str]) -> JsonRecord:
    """Return the owner with the custom id (namespace, key, value) that it was created with."""
    namespace, key, value = custom
    input = {"namespace": namespace, "key": key, "value": value}
    return with_values(context, kind, record, [input], ["identifier", "customId"])


def named(record: JsonRecord, namespace: str | None, key: str) -> JsonRecord | None:
    """`metafield(namespace:, key:)` of an owner."""
    wanted = (definitions.resolved(namespace), key)
    return next((one for one in parts(record.get("metafields")) if _name(one) == wanted), None)


def page(record: JsonRecord, args: JsonRecord) -> JsonRecord:
    """`metafields(namespace:, keys:, …)` of an owner. Each of `keys` is `<namespace>.<key>`."""
    nodes = parts(record.get("metafields"))
    if args.get("namespace"):
        namespace = definitions.resolved(args["namespace"])
        nodes = [node for node in nodes if node.get("namespace") == namespace]
    if args.get("keys") is not None:
        keys = {_resolved_key(key) for key in args["keys"]}
        nodes = [node for node in nodes if f"{node.get('namespace')}.{node.get('key')}" in keys]
    return of_list(nodes, args)


def set_many(context: Context, args: JsonRecord) -> JsonRecord:
    """`metafieldsSet`: all of them or none."""
    inputs: list[JsonRecord] = args["metafields"]
    if len(inputs) > MOST_AT_ONCE:
        message = f"Exceeded the maximum metafields input limit of {MOST_AT_ONCE}."
        raise Refused(user_error(["metafields"], message, "LESS_THAN_OR_EQUAL_TO"))

    owners: dict[str, JsonRecord] = {}
    for place, input in enumerate(inputs):
        path = ["metafields", str(place)]
        owner = owners.get(input["ownerId"]) or _owner(context, input["ownerId"])
        if owner is None:
            raise Refused(user_error([*path, "ownerId"], "Owner does not exist.", "INVALID_VALUE"))
        stored = {_name(metafield): metafield for metafield in listed(owner.get("metafields"))}
        made = _made(context, kind_of(owner["id"]), owner, input, stored, path)
        stored[_name(made)] = made
        owners[owner["id"]] = {**owner, "metafields": {"nodes": list(stored.values())}}
    for owner in owners.values():
        _save(context, owner)
    values = [named(owners[input["ownerId"]], input.get("namespace"), input["key"]) for input in inputs]
    return {"metafields": values, "userErrors": []}


def delete_many(context: Context, args: JsonRecord) -> JsonRecord:
    """`metafieldsDelete`. A missing one is null in the list, without an error."""
    gone: list[JsonRecord | None] = []
    for input in args["metafields"]:
        owner = _owner(context, input["ownerId"])
        value = named(owner, input["namespace"], input["key"]) if owner else None
        if owner is None or value is None:
            gone.append(None)
            continue
        nodes = [one for one in listed(owner["metafields"]) if _name(one) != _name(value)]
        _save(context, {**owner, "metafields": {"nodes": nodes}})
        gone.append({"ownerId": owner["id"], "namespace": value["namespace"], "key": value["key"]})
    return {"deletedMetafields": gone, "userErrors": []}


def _made(
    context: Context,
    kind: str,
    owner: JsonRecord,
    input: JsonRecord,
    stored: dict[tuple[str, str], JsonRecord],
    path: list[str],
) -> JsonRecord:
    if input.get("id"):
        before = next((one for one in stored.values() if one["id"] == input["id"]), None)
        if before is None:
            raise Refused(user_error([*path, "id"], "Metafield does not exist", "INVALID_VALUE"))
        namespace, key = _name(before)
    else:
        if not input.get("key"):
            raise Refused(user_error([*path, "key"], "Key can't be blank", "BLANK"))
        namespace, key = definitions.resolved(input.get("namespace")), input["key"]
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
    gid = before["id"] if before else new_gid(context.state, "Metafield")
    return {
        "id": gid,
        "legacyResourceId": number_of(gid),
        "namespace": namespace,
        "key": key,
        "type": type_name,
        "value": value,
        "ownerType": definitions.OWNER_TYPES[kind],
        "createdAt": before["createdAt"] if before else moment(context.now),
        "updatedAt": moment(context.now),
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


def _resolved_key(text: str) -> str:
    namespace, _, key = text.rpartition(".")
    return f"{definitions.resolved(namespace)}.{key}"
