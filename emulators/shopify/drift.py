"""Unannounced changes in Shopify's answers."""

from collections.abc import Callable, Iterator
from typing import Any

from emulators.http import Answer, BadJson

JsonRecord = dict[str, Any]

UNKNOWN_VALUE = "QUANTUM_ENTANGLED"
GONE = "updatedAt"
_ENUMS = (
    "displayFinancialStatus",
    "displayFulfillmentStatus",
    "state",
    "marketingState",
    "kind",
    "status",
    "cancelReason",
)
# Members by the type that they change to. The first one in an answer is changed everywhere.
_TYPES: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("amount", lambda text: {"value": text, "scale": 2}),
    ("createdAt", lambda text: {"iso": text}),
    ("id", lambda text: {"gid": text}),
)


def bent(kind: str, answer: Answer) -> Answer:
    """Return the answer with an unknown `enum` value, another `type`, a new `field`, or one `missing`. An answer
    without records (an error, an empty list) stays."""
    try:
        body = answer.json()
    except BadJson:
        return answer
    data = body.get("data") if isinstance(body, dict) else None
    if not data:
        return answer
    _BENDS[kind](data)
    return answer.with_json(body)


def _bend_enum(data: JsonRecord) -> None:
    for name in _ENUMS:
        objects = [one for one in _objects(data) if isinstance(one.get(name), str)]
        for one in objects:
            one[name] = UNKNOWN_VALUE
        if objects:
            return


def _bend_type(data: JsonRecord) -> None:
    for name, change in _TYPES:
        objects = [one for one in _objects(data) if isinstance(one.get(name), str)]
        for one in objects:
            one[name] = change(one[name])
        if objects:
            return


def _bend_field(data: JsonRecord) -> None:
    for one in list(_objects(data)):
        if "id" in one:
            one["carbonFootprint"] = {"grams": 1200}


def _bend_missing(data: JsonRecord) -> None:
    for one in list(_objects(data)):
        if "id" in one:
            one.pop(GONE, None)


_BENDS: dict[str, Callable[[JsonRecord], None]] = {
    "enum": _bend_enum,
    "type": _bend_type,
    "field": _bend_field,
    "missing": _bend_missing,
}


def _objects(value: Any) -> Iterator[JsonRecord]:
    if isinstance(value, dict):
        yield value
        for one in value.values():
            yield from _objects(one)
    elif isinstance(value, list):
        for one in value:
            yield from _objects(one)
