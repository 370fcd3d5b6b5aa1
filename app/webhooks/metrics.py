"""Counts of received webhooks. Labels are configured connections and fixed words."""

from prometheus_client import Counter

from app.telemetry.metrics import registry

received = Counter(
    "lockstitch_webhooks_received",
    "Events in verified webhooks: accepted, or duplicates.",
    ("connection", "outcome"),
    registry=registry,
)
refused = Counter(
    "lockstitch_webhooks_refused",
    "Webhooks with an invalid signature, by reason; `unknown` is an unknown connection.",
    ("connection", "reason"),
    registry=registry,
)
secrets_used = Counter(
    "lockstitch_webhook_secrets_used",
    "Verified webhooks by the place of the matching secret in the configuration, counted from 1.",
    ("connection", "place"),
    registry=registry,
)


def count_received(connection: str, *, accepted: int, duplicates: int) -> None:
    """Count the events of a recorded webhook."""
    if accepted:
        received.labels(connection, "accepted").inc(accepted)
    if duplicates:
        received.labels(connection, "duplicate").inc(duplicates)


def count_refused(connection: str, reason: str) -> None:
    """Count a webhook with an invalid signature."""
    refused.labels(connection, reason).inc()


def count_secret(connection: str, place: int) -> None:
    """Count a webhook by the place of its secret. An old secret that is no longer used can be removed."""
    secrets_used.labels(connection, str(place)).inc()
