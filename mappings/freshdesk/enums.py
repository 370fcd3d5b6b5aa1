"""Enum tables of tickets: priority, source and type. Each account has its own statuses: see `account`."""

from collections.abc import Mapping
from typing import Final

from canonical.ticket import TicketChannel, TicketPriority, TicketStatus, TicketType
from mappings.freshdesk.wire_v2 import Account

PRIORITY: Final[dict[int | None, TicketPriority]] = {1: "low", 2: "normal", 3: "high", 4: "urgent"}
PRIORITY_WRITTEN: Final[dict[TicketPriority, int]] = {"low": 1, "normal": 2, "high": 3, "urgent": 4}
SOURCE: Final[dict[int | None, TicketChannel]] = {
    1: "email",
    2: "web_form",  # the portal
    3: "phone",
    4: "other",  # a forum
    5: "social",  # Twitter
    6: "social",  # Facebook
    7: "chat",
    8: "in_app",  # MobiHelp
    9: "web_form",  # the feedback widget
    10: "email",  # written by an agent
    11: "other",  # a shop
    12: "other",  # a bot
    13: "social",  # WhatsApp
}
"""The channel of a ticket. Numbers from 100 are custom sources, with unknown meaning."""
SOURCE_WRITTEN: Final[dict[TicketChannel, int]] = {"email": 1, "web_form": 2, "phone": 3, "chat": 7}
TYPE: Final[dict[str | None, TicketType]] = {
    "Question": "question",
    "Incident": "incident",
    "Problem": "problem",
    "Task": "task",
    "Bug": "bug",
    "Feature Request": "feature_request",
    "Other": "other",
}
"""A ticket without a type is `unknown` with a raw value of null: the canonical model has no "none"."""
TYPE_WRITTEN: Final[dict[TicketType, str]] = {
    "question": "Question",
    "incident": "Incident",
    "problem": "Problem",
    "task": "Task",
    "bug": "Bug",
    "feature_request": "Feature Request",
    "other": "Other",
}
PREFERRED: Final[tuple[TicketStatus, ...]] = (
    "new",
    "open",
    "waiting_on_customer",
    "waiting_on_third_party",
    "on_hold",
    "resolved",
    "closed",
)


def types_written(account: Account) -> Mapping[TicketType, str]:
    """Return the types of this account that have a canonical value."""
    return {kind: name for kind, name in TYPE_WRITTEN.items() if name in account.types}


def statuses_written(account: Account, current: int | None) -> Mapping[TicketStatus, int]:
    """Return the number to write for each canonical status. If several numbers mean the same, it is the ticket's
    current one, so that nothing changes, else the lowest, which is Freshdesk's own."""
    numbers: dict[TicketStatus, int] = {}
    for code in sorted(account.statuses, reverse=True):
        numbers[account.statuses[code]] = code
    if current is not None and current in account.statuses:
        numbers[account.statuses[current]] = current
    return {status: numbers[status] for status in PREFERRED if status in numbers}
