"""Read members of records of any shape: placed records need not follow the schema."""

from decimal import Decimal, InvalidOperation
from typing import Any

JsonRecord = dict[str, Any]


def listed(value: Any) -> list[Any]:
    """Return the nodes of a connection, `{"nodes": […]}` or a plain list; none for anything else."""
    nodes = value.get("nodes") if isinstance(value, dict) else value
    return nodes if isinstance(nodes, list) else []


def parts(value: Any) -> list[JsonRecord]:
    """Return the nodes that are objects."""
    return [node for node in listed(value) if isinstance(node, dict)]


def part(record: JsonRecord, name: str) -> JsonRecord:
    """Return a member that is an object; an empty one if it is missing or something else."""
    value = record.get(name)
    return value if isinstance(value, dict) else {}


def text(value: Any) -> str | None:
    """Return a value as text; null stays null."""
    return None if value is None else str(value)


def texts(value: Any) -> list[str]:
    """Return the items of a list as text, without nulls."""
    return [str(item) for item in value if item is not None] if isinstance(value, list) else []


def amount(bag: Any) -> Decimal:
    """Return the shop's amount of a `MoneyBag`; zero without one."""
    try:
        number = Decimal(str(bag["shopMoney"]["amount"]))
    except (TypeError, KeyError, InvalidOperation):
        return Decimal(0)
    return number if number.is_finite() else Decimal(0)


def whole(value: Any) -> int | None:
    """Return a whole number, None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
