"""Plurals: of each object, as in URLs and scopes, and of a counted noun."""

from typing import Final

from canonical.parts import ObjectName

PLURAL: Final[dict[ObjectName, str]] = {
    "customer": "customers",
    "order": "orders",
    "ticket": "tickets",
    "comment": "comments",
}


def counted(number: int, noun: str) -> str:
    """Return `1 job` or `2 jobs`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def read_scope(object_name: ObjectName) -> str:
    """Return the scope that reads an object; a comment is read with its ticket."""
    return f"{PLURAL['ticket' if object_name == 'comment' else object_name]}:read"
