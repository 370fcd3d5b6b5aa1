"""Expand an answer: replace ids by their objects, and add lists that are omitted by default."""

from collections.abc import Callable
from typing import Any

from emulators.state import JsonRecord
from emulators.stripe.desk import PREFIXES, Desk
from emulators.stripe.errors import invalid

DEEPEST = 4
EXPANDABLE = frozenset(
    {"customer", "payment_intent", "latest_charge", "invoice", "subscription", "default_source", "shipping_rate"}
)
Included = Callable[[Desk, JsonRecord], Any]


def expanded(desk: Desk, answer: Any, paths: list[str], included: dict[tuple[str, str], Included]) -> Any:
    """Return the answer with these paths expanded. Raises Refusal for one that is too deep or unknown. `included`
    builds the members that are omitted by default, by object and name."""
    for path in paths:
        if path.count(".") >= DEEPEST:
            raise invalid("expand", f"You cannot expand more than {DEEPEST} levels of a property.")
        _expand(desk, answer, path.split("."), path, included)
    return answer


def _expand(desk: Desk, node: Any, steps: list[str], path: str, included: dict[tuple[str, str], Included]) -> None:
    if isinstance(node, list):
        for one in node:
            _expand(desk, one, steps, path, included)
        return
    if not isinstance(node, dict):
        return
    step, rest = steps[0], steps[1:]
    make = included.get((str(node.get("object")), step))
    if make is not None:
        node[step] = make(desk, node)
    elif step not in node or (not rest and step not in EXPANDABLE):
        raise invalid("expand", f"This property cannot be expanded ({path}).")
    elif isinstance(node[step], str):
        node[step] = _behind(desk, node[step]) or node[step]
    if rest:
        _expand(desk, node[step], rest, path, included)


def _behind(desk: Desk, id: str) -> JsonRecord | None:
    for object, prefix in PREFIXES.items():
        if id.startswith(prefix):
            return desk.state.get(object, id)
    return None
