"""Status, priority and visibility: Request Tracker's values and the canonical ones.

Statuses are those of the life cycle `default`. Those of another life cycle read as `unknown`. A priority is a number,
which Request Tracker 5 shows as Low, Medium or High by its default thresholds: 0, 50 and 100.
"""

from typing import Final

from canonical.ticket import AuthorKind, TicketPriority, TicketStatus, Visibility

STATUS: Final[dict[str, TicketStatus]] = {
    "new": "new",
    "open": "open",
    "stalled": "on_hold",  # it does not say why
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
_INITIAL: Final[tuple[TicketStatus, ...]] = ("new", "open", "resolved")
STATUS_CREATED: Final = {status: STATUS_WRITTEN[status] for status in _INITIAL}
"""Those that a new ticket may have."""
PRIORITY_WRITTEN: Final[dict[TicketPriority, int]] = {"low": 0, "normal": 50, "high": 100}
VISIBILITY: Final[dict[str, Visibility]] = {"Correspond": "public", "Comment": "private"}
AUTHOR: Final[dict[bool, AuthorKind]] = {True: "agent", False: "customer"}
"""By whether the user is privileged, that is an agent."""


def priority(sent: str | int | None) -> TicketPriority:
    """Return the priority of a number, as Request Tracker labels it. Below 0, and for other text, it is `unknown`."""
    try:
        number = int(sent) if sent is not None else -1
    except ValueError:
        return "unknown"
    if number < 0:
        return "unknown"
    return "low" if number < 50 else "normal" if number < 100 else "high"
