"""The types of Events (contract, Events out), and the patterns with which subscriptions name them."""

from typing import Final

TRANSITIONS: Final = (
    *("order.paid", "order.cancelled", "order.refunded", "order.fulfilled"),
    *("ticket.resolved", "ticket.reopened", "customer.merged"),
)
"""What a change means to a business. They stand next to `created` and `updated`, and carry the record too."""

RECORD_TYPES: Final = (
    *(f"{name}.{what}" for name in ("customer", "order", "ticket") for what in ("created", "updated", "deleted")),
    *TRANSITIONS,
)
"""The types whose data is a record."""

COPIES: Final = ("copy.conflict", "copy.source_deleted")
"""What becomes of copies."""

EVENT_TYPES: Final = (
    *RECORD_TYPES,
    *("ticket.comment_added", "webhook.received", "operation.finished", "dead_letter.created", "connection.paused"),
    *("mapping.drift_detected", "link.joined", "link.split", "secret.due"),
    *COPIES,
)
"""Every type."""

BY_NAME_ONLY: Final = frozenset(TRANSITIONS + COPIES)
"""Types that no wildcard matches, so that a workflow that named a wildcard before they existed runs no second time."""

EVENT_PATTERNS: Final = (
    "*",
    *dict.fromkeys(f"{name.partition('.')[0]}.*" for name in EVENT_TYPES if name not in BY_NAME_ONLY),
    *EVENT_TYPES,
)
"""What a subscription may name: everything, all types of one subject, or one type."""


def wildcard_of(event_type: str) -> str | None:
    """Return the wildcard that matches this type next to `*`; None if no wildcard matches it, not even `*`."""
    return None if event_type in BY_NAME_ONLY else f"{event_type.partition('.')[0]}.*"


def is_update(event_type: str) -> bool:
    """Return whether the type is an `updated` one, to which a filter of changed fields applies."""
    return event_type.endswith(".updated")


def types_of(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """Return the types that match any of these patterns."""
    return tuple(name for name in EVENT_TYPES if name in patterns or _matches_wildcard(name, patterns))


def _matches_wildcard(event_type: str, patterns: tuple[str, ...]) -> bool:
    wildcard = wildcard_of(event_type)
    return wildcard is not None and ("*" in patterns or wildcard in patterns)
