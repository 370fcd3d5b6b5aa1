"""The types of Events (contract, Events out), the patterns with which subscriptions name them, and the scopes that they
need: those of the data that an Event shows, so that the feed reveals nothing that a read refuses."""

from collections.abc import Collection, Iterable
from functools import cache
from typing import Final, cast

from app.http.plurals import PLURAL
from canonical.parts import ObjectName

TRANSITIONS: Final = (
    *("order.paid", "order.cancelled", "order.refunded", "order.fulfilled"),
    *("ticket.resolved", "ticket.reopened", "customer.merged"),
)
"""What a change means to a business. They stand next to `created` and `updated`, and carry the record too."""

OBJECTS: Final[tuple[ObjectName, ...]] = ("customer", "order", "ticket")
CHANGES: Final = {f"{name}.{what}": name for name in OBJECTS for what in ("created", "updated", "deleted")}
"""The types that a change of a record has one of, and their objects."""

RECORD_TYPES: Final = (*CHANGES, *TRANSITIONS)
"""The types whose data is a record."""

COPIES: Final = ("copy.conflict", "copy.source_deleted")
"""What becomes of copies."""

APPROVAL_REQUESTED: Final = "operation.approval_requested"
CUSTOMER_ERASED: Final = "customer.erased"
"""A person was erased. Subscribers that stored the ids should erase them too."""
STOCK_LOW: Final = "stock_level.low"
"""The available pieces of an item fell to its threshold or below."""

EVENT_TYPES: Final = (
    *RECORD_TYPES,
    *("ticket.comment_added", "webhook.received", "operation.finished", "dead_letter.created", "connection.paused"),
    *("mapping.drift_detected", "link.joined", "link.split", "secret.due"),
    *("freshness.breached", "freshness.restored"),
    *COPIES,
    APPROVAL_REQUESTED,
    STOCK_LOW,
    CUSTOMER_ERASED,
)
"""Every type."""

BY_NAME_ONLY: Final = frozenset((*TRANSITIONS, *COPIES, APPROVAL_REQUESTED, STOCK_LOW, CUSTOMER_ERASED))
"""Types that no wildcard matches, so that a workflow that named a wildcard before they existed runs no second time."""

EVENT_PATTERNS: Final = (
    "*",
    *dict.fromkeys(f"{name.partition('.')[0]}.*" for name in EVENT_TYPES if name not in BY_NAME_ONLY),
    *EVENT_TYPES,
)
"""What a subscription may name: everything, all types of one subject, or one type."""


@cache
def wildcard_of(event_type: str) -> str | None:
    """Return the wildcard that matches this type next to `*`; None if no wildcard matches it, not even `*`."""
    return None if event_type in BY_NAME_ONLY else f"{event_type.partition('.')[0]}.*"


def types_of(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """Return the types that match any of these patterns."""
    return tuple(name for name in EVENT_TYPES if name in patterns or _matches_wildcard(name, patterns))


def _matches_wildcard(event_type: str, patterns: tuple[str, ...]) -> bool:
    wildcard = wildcard_of(event_type)
    return wildcard is not None and ("*" in patterns or wildcard in patterns)


EVENTS_READ: Final = "events:read"
READS: Final = tuple(f"{PLURAL[name]}:read" for name in OBJECTS)
BY_OBJECT: Final = ("operation.finished", APPROVAL_REQUESTED, "link.joined", "link.split", *COPIES)
"""Types whose Events concern one object each: that of the operation, link or copy."""
SHOWING_OBJECTS: Final = (*BY_OBJECT, "webhook.received")
"""Types whose objects differ between Events: their own, or those of the webhook's connection."""


@cache
def scopes_of(event_type: str, shows: tuple[ObjectName, ...] = ()) -> tuple[str, ...]:
    """Return the scopes that an Event of this type needs, all of them.

    `shows` are the objects in its data, if the type does not say. A comment needs its ticket's scope, and stock that of
    orders. An Event without an object needs `events:read`.
    """
    subject = event_type.partition(".")[0]
    if event_type == STOCK_LOW:
        return ("orders:read",)
    if subject in OBJECTS:
        return (f"{PLURAL[subject]}:read",)
    objects = {"ticket" if name == "comment" else name for name in shows} if event_type in SHOWING_OBJECTS else ()
    return tuple(sorted(f"{PLURAL[cast(ObjectName, name)]}:read" for name in objects)) or (EVENTS_READ,)


def scopes_of_types(types: Iterable[str], shows: Iterable[ObjectName]) -> tuple[str, ...]:
    """Return the scopes for all Events of these types, if webhooks and operations may show these objects."""
    objects = tuple(shows)
    return tuple(sorted({scope for name in types for scope in scopes_of(name, objects)}))


def may_read(event_type: str, scopes: Collection[str]) -> bool:
    """Return whether a key with these scopes, including `events:read`, can read any Event of this type."""
    if event_type in BY_OBJECT:
        return any(scope in scopes for scope in READS)
    return event_type == "webhook.received" or set(scopes_of(event_type)) <= set(scopes)
