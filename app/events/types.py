"""The types of Events (contract, Events out), and the patterns with which subscriptions name them."""

from typing import Final

RECORD_TYPES: Final = tuple(
    f"{name}.{what}" for name in ("customer", "order", "ticket") for what in ("created", "updated", "deleted")
)
"""The types whose data is a record."""

EVENT_TYPES: Final = (
    *RECORD_TYPES,
    *("ticket.comment_added", "webhook.received", "operation.finished", "dead_letter.created", "connection.paused"),
    *("mapping.drift_detected", "link.joined", "link.split", "secret.due"),
)
"""Every type."""

EVENT_PATTERNS: Final = ("*", *dict.fromkeys(f"{name.partition('.')[0]}.*" for name in EVENT_TYPES), *EVENT_TYPES)
"""What a subscription may name: everything, all types of one subject, or one type."""


def patterns_of(event_type: str) -> tuple[str, str, str]:
    """Return the patterns that match this type."""
    return ("*", f"{event_type.partition('.')[0]}.*", event_type)


def is_update(event_type: str) -> bool:
    """Return whether the type is an `updated` one, to which a filter of changed fields applies."""
    return event_type.endswith(".updated")


def types_of(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """Return the types that match any of these patterns."""
    return tuple(name for name in EVENT_TYPES if not set(patterns).isdisjoint(patterns_of(name)))
