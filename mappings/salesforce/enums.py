"""What the words of picklists mean. Every org changes its picklists, so these are the words that Salesforce itself
begins an org with, and a few that mean the same everywhere; a word that is not here reads as `unknown`.

Compared in lower case. Writing goes the other way round, through the values that the org really has.
"""

from collections.abc import Mapping
from typing import Final, TypeVar

from msgspec import UNSET, UnsetType

from canonical.order import OrderStatus
from canonical.ticket import STATUS_CATEGORY, TicketChannel, TicketPriority, TicketStatus, TicketType
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
"""Statuses that orgs add say more than their code, which every one of them has."""
ORDER_CODE: Final[dict[str, OrderStatus]] = {
    "Draft": "draft",
    "Activated": "open",
    "Canceled": "cancelled",
    "Expired": "archived",
}


def _as_spelled(words: Mapping[str, C]) -> dict[str, C]:
    """The same words as Salesforce itself spells them, for a look-up that needs no other."""
    return {word.title(): meaning for word, meaning in words.items()} | dict(words)


PRIORITY_SPELLED: Final = _as_spelled(PRIORITY)
TYPE_SPELLED: Final = _as_spelled(TYPE)
CHANNEL_SPELLED: Final = _as_spelled(CHANNEL)


def meaning(word: str | None, words: Mapping[str, C], unsaid: C, unknown: C) -> C:
    """What a word means, however it is spelled."""
    return words.get(word.casefold(), unknown) if word else unsaid


def case_status(label: str, closed: bool) -> TicketStatus:
    """What a status that the org has described means. Whether it counts as closed is Salesforce's own word and
    overrules ours; an open one that is nobody's word but the org's is `open`."""
    named = CASE_STATUS.get(label.strip().casefold())
    if closed:
        return named if named is not None and STATUS_CATEGORY[named] == "done" else "closed"
    return "open" if named is None or STATUS_CATEGORY[named] == "done" else named


def order_status(value: str | None, code: str | None) -> OrderStatus:
    """What a status of orders means, by its word or else by its code."""
    named = None if value is None else ORDER_STATUS.get(value.casefold())
    return named or ORDER_CODE.get(code or "", "unknown")


def held(words: Mapping[str, C], picklist: str, account: Account) -> dict[C, str]:
    """Those of our values that the org can hold, each with the first of its own that means it."""
    values: dict[C, str] = {}
    for value in account.picklists.get(picklist, ()):
        ours = words.get(value.casefold())
        if ours is not None:
            values.setdefault(ours, value)
    return values


def chosen(
    wanted: C | UnsetType, words: Mapping[str, C], picklist: str, account: Account, pointer: str, notes: Notes
) -> str | None | UnsetType:
    """The org's value for one of ours: the first active one that reads so. `none` empties the field. Another is refused
    with those that this org can hold."""
    if isinstance(wanted, UnsetType):
        return UNSET
    if wanted == "none":
        return None
    values = held(words, picklist, account)
    if wanted in values:
        return values[wanted]
    detail = f"{picklist} of this org holds one of: {', '.join(values) or 'nothing that we have a word for'}"
    notes.invalid(pointer, detail)
    return UNSET
