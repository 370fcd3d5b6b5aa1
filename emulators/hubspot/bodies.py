"""Read a call's body: JSON, the inputs of a batch, names and whole numbers."""

from typing import Any

from emulators.http import BadJson, Call
from emulators.hubspot.errors import Refusal

MOST_INPUTS = 100
MOST_DIGITS = 18


def decoded(call: Call) -> Any:
    """Return the body as JSON. Refuses anything else as HubSpot's parser does."""
    try:
        return call.json()
    except BadJson as error:
        raise _unreadable(str(error)) from error


def body_of(call: Call) -> dict[str, Any]:
    """Return the body as a JSON object. Refuses anything else."""
    data = decoded(call)
    if not isinstance(data, dict):
        raise _unreadable("Cannot deserialize")
    return data


def inputs_of(data: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the `inputs` of a batch: 1 to 100 objects."""
    inputs = data.get("inputs")
    if not isinstance(inputs, list) or not all(isinstance(one, dict) for one in inputs):
        raise fields_missing(["inputs"])
    if not 1 <= len(inputs) <= MOST_INPUTS:
        raise Refusal(400, f"A batch of {len(inputs)} inputs is out of range: between 1 and {MOST_INPUTS} are allowed")
    return inputs


def names_of(data: dict[str, Any]) -> list[str]:
    """Return the `properties` that a search or a batch read requests."""
    names = data.get("properties")
    if names is None:
        return []
    if not isinstance(names, list):
        raise _unreadable("Cannot deserialize properties")
    return [str(name) for name in names]


def whole(raw: Any) -> int | None:
    """Return a count, sent as a number or as text; None for anything else."""
    text = str(raw)
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS else None


def fields_missing(names: list[str]) -> Refusal:
    """Return the error for required members that are missing or have the wrong type."""
    message = f"Invalid input JSON on line 1, column 2. Some required fields were not set: [{', '.join(names)}]"
    return Refusal(400, message, category=None)


def _unreadable(why: str) -> Refusal:
    return Refusal(400, f"Invalid input JSON on line 1, column 1: {why}", category=None)
