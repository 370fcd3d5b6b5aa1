"""Request Tracker's words for the state of a ticket and its numbers for how urgent it is, and ours.

Statuses are those of the life cycle `default`; a queue may have another one, whose own words read as `unknown`. A
priority is a number that Request Tracker 5 shows as Low, Medium or High, by the thresholds that it is delivered with:
0, 50 and 100.
"""

from collections.abc import Mapping
from typing import Final, TypeVar

from msgspec import UNSET, UnsetType

from canonical.ticket import AuthorKind, TicketPriority, TicketStatus, Visibility
from mappings.spec import Notes

K = TypeVar("K")
V = TypeVar("V")

STATUS: Final[dict[str, TicketStatus]] = {
    "new": "new",
    "open": "open",
    "stalled": "on_hold",  # it does not say what for
    "resolved": "resolved",
    "rejected": "closed",
    "deleted": "deleted",
}
STATUS_WRITTEN: Final[dict[TicketStatus, str]] = {
    "new": "new",
    "open": "open",
    "on_hold": "stalled",
    "resolved": "resolved",
    "closed": "rejected",
    "deleted": "deleted",
}
PRIORITY_WRITTEN: Final[dict[TicketPriority, int]] = {"low": 0, "normal": 50, "high": 100}
VISIBILITY: Final[dict[str, Visibility]] = {"Correspond": "public", "Comment": "private"}
PRIVATE: Final[dict[Visibility, bool]] = {"public": False, "private": True}
AUTHOR: Final[dict[bool, AuthorKind]] = {True: "agent", False: "customer"}
"""By whether Request Tracker calls the user privileged, that is one who works at the desk."""


def priority(told: str | int | None) -> TicketPriority:
    """The label that Request Tracker shows for a number; `unknown` for what is none, and for less than its lowest."""
    try:
        number = int(told) if told is not None else -1
    except ValueError:
        return "unknown"
    if number < 0:
        return "unknown"
    return "low" if number < 50 else "normal" if number < 100 else "high"


def chosen(wanted: K | UnsetType, words: Mapping[K, V], pointer: str, notes: Notes) -> V | UnsetType:
    """Request Tracker's value for one of ours; for one that it has no value for, those that it has are named."""
    if isinstance(wanted, UnsetType):
        return UNSET
    if wanted not in words:
        notes.invalid(pointer, f"one of: {', '.join(map(str, words))}")
        return UNSET
    return words[wanted]
