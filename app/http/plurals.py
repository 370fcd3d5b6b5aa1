"""Plurals: of each object, as in URLs and scopes, and of a counted noun."""

from typing import Final

from canonical.parts import ObjectName

PLURAL: Final[dict[ObjectName, str]] = {
    "customer": "customers",
    "order": "orders",
    "ticket": "tickets",
    "comment": "comments",
}
READ_SCOPE: Final[dict[ObjectName, str]] = {
    **{name: f"{plural}:read" for name, plural in PLURAL.items()},
    "comment": "tickets:read",
}
"""The scope that reads each object; a comment is read with its ticket."""

WRITE_SCOPES: Final = tuple(f"{plural}:write" for name, plural in PLURAL.items() if name != "comment")
"""The scopes of all writes; a comment is written with its ticket."""


def counted(number: int, noun: str) -> str:
    """Return `1 job` or `2,000 jobs`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
