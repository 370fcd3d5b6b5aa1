"""`/crm/v3/properties/{type}`: list, read and create property definitions."""

import re
from typing import Any

from emulators.http import Answer, Call, json_answer
from emulators.hubspot.bodies import body_of, fields_missing
from emulators.hubspot.definitions import define, option
from emulators.hubspot.errors import Refusal
from emulators.hubspot.kinds import Kind
from emulators.hubspot.objects import wants_archived
from emulators.hubspot.records import unique_properties
from emulators.hubspot.seed import keep_definition
from emulators.hubspot.values import instant_at
from emulators.state import State

FIELD_TYPES = {
    "string": ("text", "textarea", "phonenumber", "html", "file"),
    "number": ("number", "calculation_equation"),
    "date": ("date",),
    "datetime": ("date",),
    "bool": ("booleancheckbox",),
    "enumeration": ("select", "radio", "checkbox", "booleancheckbox"),
}
REQUIRED = ("name", "label", "type", "fieldType", "groupName")
MOST_UNIQUE = 10
_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")


def listed(kind: Kind, call: Call, state: State) -> Answer:
    """200 with all definitions in one page."""
    archived = wants_archived(call)
    return json_answer(200, {"results": state.find(kind.definitions, lambda one: one["archived"] == archived)})


def read(kind: Kind, name: str, state: State) -> Answer:
    """200 with one definition, or 404."""
    definition = state.get(kind.definitions, name)
    if definition is None:
        raise Refusal(
            404,
            f'Property "{name}" does not exist',
            category="OBJECT_NOT_FOUND",
            more={"subCategory": "PROPERTY_DOESNT_EXIST"},
        )
    return json_answer(200, definition)


def read_many(kind: Kind, call: Call, state: State) -> Answer:
    """200 with the definitions; 207 with an error for unknown names."""
    data = body_of(call)
    inputs = data.get("inputs")
    if not isinstance(inputs, list) or not all(isinstance(one, dict) for one in inputs):
        raise fields_missing(["inputs"])
    names = [str(one.get("name")) for one in inputs]
    definitions = [definition for name in names if (definition := state.get(kind.definitions, name)) is not None]
    missing = [name for name in names if state.get(kind.definitions, name) is None]
    answer: dict[str, Any] = {"status": "COMPLETE", "results": definitions}
    if not missing:
        return json_answer(200, answer)
    errors = [
        {
            "status": "error",
            "category": "OBJECT_NOT_FOUND",
            "message": f"No properties were found for: {', '.join(missing)}",
            "context": {"name": missing},
        }
    ]
    return json_answer(207, answer | {"numErrors": len(errors), "errors": errors})


def create(kind: Kind, call: Call, state: State, now: float) -> Answer:
    """201 with the new definition; 409 if the name is taken. HubSpot lower-cases names."""
    return json_answer(201, _made(kind, body_of(call), state, now))


def create_many(kind: Kind, call: Call, state: State, now: float) -> Answer:
    """201 with the new definitions. One invalid definition refuses them all."""
    inputs = body_of(call).get("inputs")
    if not isinstance(inputs, list) or not all(isinstance(one, dict) for one in inputs):
        raise fields_missing(["inputs"])
    with state.savepoint():
        return json_answer(201, {"status": "COMPLETE", "results": [_made(kind, one, state, now) for one in inputs]})


def _made(kind: Kind, data: dict[str, Any], state: State, now: float) -> dict[str, Any]:
    missing = [key for key in REQUIRED if not data.get(key)]
    if missing:
        raise fields_missing(missing)
    name, type = str(data["name"]).lower(), str(data["type"])
    unique = data.get("hasUniqueValue") is True
    _ensure_sound(kind, name, type, str(data["fieldType"]), unique, state)
    definition = define(
        name,
        str(data["label"]),
        type,
        str(data["fieldType"]),
        group=str(data["groupName"]),
        options=_options(type, data),
        unique=unique,
        description=str(data.get("description") or ""),
        by_hubspot=False,
        at=instant_at(now),
    )
    keep_definition(kind, definition, state)
    return definition


def _ensure_sound(kind: Kind, name: str, type: str, field_type: str, unique: bool, state: State) -> None:
    if state.get(kind.definitions, name) is not None:
        raise Refusal(
            409,
            f"A property named '{name}' already exists.",
            category="OBJECT_ALREADY_EXISTS",
            more={"subCategory": "Properties.PROPERTY_EXISTS"},
        )
    if not _NAME.fullmatch(name):
        raise Refusal(400, f"Property name '{name}' is not valid: letters, digits and underscores, a letter first")
    if field_type not in FIELD_TYPES.get(type, ()):
        raise Refusal(400, f"Field type {field_type} is not valid for a property of type {type}")
    if unique and type not in ("string", "number"):
        raise Refusal(400, f"A property of type {type} cannot have unique values")
    custom = [one for one in unique_properties(kind, state) if one != "hs_ticket_id"]
    if unique and len(custom) >= MOST_UNIQUE:
        raise Refusal(400, f"{kind.label} has {MOST_UNIQUE} unique properties, and cannot have more")


def _options(type: str, data: dict[str, Any]) -> list[dict[str, Any]]:
    entries = data.get("options") or []
    if type == "bool" and not entries:
        return [option("true", "Yes", 0), option("false", "No", 1)]
    try:
        options = [option(str(one["value"]), str(one["label"]), int(one.get("displayOrder", -1))) for one in entries]
    except (KeyError, TypeError, ValueError) as error:
        raise Refusal(400, "Every option needs a label and a value") from error
    if type == "enumeration" and not options:
        raise Refusal(400, "An enumeration needs options")
    return options
