"""Metafield definitions: the custom fields, their types, and whether their values are unique."""

import re
from typing import Any

from emulators.shopify.connections import connection, cut
from emulators.shopify.context import Context
from emulators.shopify.errors import Refused, top_error, user_error
from emulators.shopify.ids import new_gid, number_of
from emulators.shopify.metafield_types import TYPES
from emulators.state import State

JsonRecord = dict[str, Any]

DEFINITION = "MetafieldDefinition"
OWNER_TYPES = {"Customer": "CUSTOMER", "Order": "ORDER"}

_NAME = re.compile(r"[A-Za-z0-9_-]+")


def definition_of(state: State, kind: str, namespace: str, key: str) -> JsonRecord | None:
    """Return the definition for this owner kind (`Customer`, `Order`), or None."""
    definitions = state.lookup(DEFINITION, "place", f"{OWNER_TYPES[kind]} {namespace}.{key}")
    return definitions[0] if definitions else None


def unique(definition: JsonRecord | None) -> bool:
    """Return whether the values of a definition are unique among owners."""
    return definition is not None and definition["type"]["name"] == "id"


def custom_id(state: State, kind: str, custom: JsonRecord) -> tuple[str, str, str]:
    """Return a `customId` identifier as (namespace, key, value). Raises a top-level NOT_FOUND without a definition of
    type `id`: then no record can be identified, which differs from a record that does not exist."""
    namespace, key = custom.get("namespace") or "", custom["key"]
    definition = definition_of(state, kind, namespace, key)
    if not unique(definition):
        raise top_error("Metafield definition of type 'id' is required when using custom ids.", "NOT_FOUND")
    return namespace, key, custom["value"]


def create(context: Context, args: JsonRecord) -> JsonRecord:
    """`metafieldDefinitionCreate`."""
    state, input = context.state, args["definition"]
    namespace = input.get("namespace") or ""
    _check(state, input, namespace)
    record = {
        "id": new_gid(state, DEFINITION),
        "name": input["name"],
        "namespace": namespace,
        "key": input["key"],
        "ownerType": input["ownerType"],
        "description": input.get("description"),
        "type": {"name": input["type"]},
        "validations": input.get("validations") or [],
    }
    state.put(DEFINITION, record["id"], record, keys={"place": _place(record)})
    return {"createdDefinition": record, "userErrors": []}


def listed(context: Context, args: JsonRecord) -> JsonRecord:
    """`metafieldDefinitions`."""
    page = cut(
        context.state.find(DEFINITION, lambda record: record["ownerType"] == args["ownerType"]),
        lambda record: (None, int(number_of(record["id"]))),
        args,
    )
    # Definitions stored by an earlier version have none.
    return connection(page, [{"validations": []} | one for one in page.items])


def _check(state: State, input: JsonRecord, namespace: str) -> None:
    """Check a new definition. Raises `Refused`."""
    kind = next(name for name, owner in OWNER_TYPES.items() if owner == input["ownerType"])
    if input["type"] not in TYPES:
        known = ", ".join(sorted(TYPES))
        raise Refused(
            user_error(["definition", "type"], f"Type name {input['type']} is not a valid type: {known}.", "INCLUSION")
        )
    for field, text in (("namespace", namespace), ("key", input["key"])):
        if not _NAME.fullmatch(text):
            message = f"{field.capitalize()} contains one or more invalid characters."
            raise Refused(user_error(["definition", field], message, "INVALID_CHARACTER"))
        if len(text) < 3:
            message = f"{field.capitalize()} is too short (minimum is 3 characters)"
            raise Refused(user_error(["definition", field], message, "TOO_SHORT"))
        if len(text) > 255:
            message = f"{field.capitalize()} is too long (maximum is 255 characters)"
            raise Refused(user_error(["definition", field], message, "TOO_LONG"))
    if not input["name"].strip():
        raise Refused(user_error(["definition", "name"], "Name can't be blank", "BLANK"))
    if definition_of(state, kind, namespace, input["key"]) is not None:
        message = f"Key is in use for {kind} metafields on the '{namespace}' namespace."
        raise Refused(user_error(["definition", "key"], message, "TAKEN"))


def _place(record: JsonRecord) -> str:
    return f"{record['ownerType']} {record['namespace']}.{record['key']}"
