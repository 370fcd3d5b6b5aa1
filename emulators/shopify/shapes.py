"""Reading members of records that may be of any shape: what is placed from outside is not what the schema says."""

from decimal import Decimal, InvalidOperation
from typing import Any

JsonRecord = dict[str, Any]


def listed(value: Any) -> list[Any]:
    """The nodes of a connection-shaped value: `{"nodes": […]}`, `{"edges": [{"node": …}]}` or a plain list; of
    anything else none."""
    if isinstance(value, dict) and isinstance(value.get("edges"), list):
        return [edge.get("node") if isinstance(edge, dict) else None for edge in value["edges"]]
    nodes = value.get("nodes") if isinstance(value, dict) else value
    return nodes if isinstance(nodes, list) else []


def parts(value: Any) -> list[JsonRecord]:
    """The nodes that are objects."""
    return [node for node in listed(value) if isinstance(node, dict)]


def part(record: JsonRecord, name: str) -> JsonRecord:
    """A member that is an object; an empty one where it is missing or something else."""
    value = record.get(name)
    return value if isinstance(value, dict) else {}


def text(value: Any) -> str | None:
    """A value as text; null stays null."""
    return None if value is None else str(value)


def texts(value: Any) -> list[str]:
    """The items of a list as texts, without nulls."""
    return [str(item) for item in value if item is not None] if isinstance(value, list) else []


def amount(bag: Any) -> Decimal:
    """The shop's side of a `MoneyBag`; zero where there is none."""
    try:
        number = Decimal(str(bag["shopMoney"]["amount"]))
    except (TypeError, KeyError, InvalidOperation):
        return Decimal(0)
    return number if number.is_finite() else Decimal(0)


def whole(value: Any) -> int | None:
    """A whole number, None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
