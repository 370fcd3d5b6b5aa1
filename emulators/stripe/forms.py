"""Form bodies and queries with brackets, as Stripe reads them: `a[b][0][c]=d`, `expand[]=x`."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

from emulators.stripe.errors import invalid

NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
PART = re.compile(r"\[([^\[\]]*)\]")
Values = dict[str, Any]


def read_body(body: bytes) -> Values:
    """Return the fields of a form. Raises Refusal for names that do not parse or contradict each other."""
    return nested(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def nested(pairs: Iterable[tuple[str, str]]) -> Values:
    """Return bracketed names as a tree: hashes, and lists if all names are numbers or empty."""
    tree: Values = {}
    for name, value in pairs:
        match = NAME.fullmatch(name)
        if match is None:
            raise invalid(name, f"Invalid parameter name: {name}")
        _put(tree, [match[1], *PART.findall(match[2])], value, name)
    return {name: _listed(value) for name, value in tree.items()}


def _put(tree: Values, path: list[str], value: str, name: str) -> None:
    for place, step in enumerate(path[:-1]):
        key = step if step else str(len(tree))
        inner = tree.setdefault(key, {})
        if not isinstance(inner, dict):
            raise invalid(name, f"Invalid hash: {'.'.join(path[: place + 1])}")
        tree = inner
    last = path[-1] if path[-1] else str(len(tree))
    tree[last] = value


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _listed(one) for name, one in value.items()}
    if inner and all(name.isdecimal() for name in inner):
        return [inner[name] for name in sorted(inner, key=int)]
    return inner
