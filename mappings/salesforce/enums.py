"""Words of picklists and their canonical values. Every org changes its picklists: these are the words of a new org, and
a few with the same meaning everywhere. Any other word reads as `unknown`.

Words are compared in lower case. A write chooses from the values that the org has.
"""

from collections.abc import Mapping
from typing import Final, TypeVar

from msgspec import UnsetType

from canonical.order import OrderStatus
from canonical.ticket import STATUS_CATEGORY, TicketChannel, TicketPriority, TicketStatus, TicketType
from mappings.kit import patches
from mappings.salesforce.wire_v62 import Account
from mappings.spec import Notes

C = TypeVar("C", bound=str)

CASE_STATUS: Final[dict[str, TicketStatus]] = {
    "new": "new",
    "open": "open",
    "working": "open",
    "in progress": "open",
    "escalated": "open",
    "response received": "open",
    "waiting on customer": "waiting_on_customer",
    "on hold": "on_hold",
    "resolved": "resolved",
    "closed": "closed",
    "merged": "closed",
    "duplicate": "closed",
}
PRIORITY: Final[dict[str, TicketPriority]] = {
    "low": "low",
    "medium": "normal",
    "normal": "normal",
    "high": "high",
    "urgent": "urgent",
    "critical": "urgent",
}
TYPE: Final[dict[str, TicketType]] = {
    "question": "question",
    "problem": "problem",
    "incident": "incident",
    "task": "task",
    "bug": "bug",
    "feature request": "feature_request",
    "other": "other",
}
CHANNEL: Final[dict[str, TicketChannel]] = {
    "email": "email",
    "phone": "phone",
    "web": "web_form",
    "chat": "chat",
    "api": "api",
    "facebook": "social",
    "twitter": "social",
    "sms": "sms",
    "other": "other",
}
ORDER_STATUS: Final[dict[str, OrderStatus]] = {
    "on hold": "on_hold",
    "completed": "completed",
    "fulfilled": "completed",
    "cancelled": "cancelled",
    "canceled": "cancelled",
}
"""Statuses that orgs add. Their name says more than their code."""
ORDER_CODE: Final[dict[str, OrderStatus]] = {
    "Draft": "draft",
    "Activated": "open",
    "Canceled": "cancelled",
    "Expired": "archived",
}


def _as_spelled(words: Mapping[str, C]) -> dict[str, C]:
    """Add the words as Salesforce spells them, for a look-up without `casefold`."""
    return {word.title(): meaning for word, meaning in words.items()} | dict(words)


PRIORITY_SPELLED: Final = _as_spelled(PRIORITY)
TYPE_SPELLED: Final = _as_spelled(TYPE)
CHANNEL_SPELLED: Final = _as_spelled(CHANNEL)


def meaning(word: str | None, words: Mapping[str, C], unsaid: C, unknown: C) -> C:
    """Return the canonical value of a word in any spelling: `unsaid` without a word, `unknown` for another one."""
    return words.get(word.casefold(), unknown) if word else unsaid


def case_status(label: str, closed: bool) -> TicketStatus:
    """Return the status of a case status of the org. `closed` decides whether it is closed. An open status with another
    name is `open`."""
    named = CASE_STATUS.get(label.strip().casefold())
    if closed:
        return named if named is not None and STATUS_CATEGORY[named] == "done" else "closed"
    return "open" if named is None or STATUS_CATEGORY[named] == "done" else named


def order_status(value: str | None, code: str | None) -> OrderStatus:
    """Return the status of an order status, by its name or else by its code."""
    named = None if value is None else ORDER_STATUS.get(value.casefold())
    return named or ORDER_CODE.get(code or "", "unknown")


def available(words: Mapping[str, C], picklist: str, account: Account) -> dict[C, str]:
    """Return the canonical values that the org has, each with the org's first value for it."""
    values: dict[C, str] = {}
    for value in account.picklists.get(picklist, ()):
        ours = words.get(value.casefold())
        if ours is not None:
            values.setdefault(ours, value)
    return values


def chosen(
    wanted: C | UnsetType,
    words: Mapping[str, C],
    picklist: str,
    account: Account,
    pointer: str,
    notes: Notes,
    near: Mapping[C, tuple[C, ...]],
) -> str | None | UnsetType:
    """Return the org's value for a canonical one, or for the nearest one (`near`). `none` empties the field. Any other
    value that the org lacks is refused."""
    if wanted == "none":
        return None
    return patches.chosen(
        wanted, available(words, picklist, account), pointer, notes, f"{picklist} of this org has ", near
    )
