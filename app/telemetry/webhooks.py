"""The counts of webhooks that came in: labels are connections of ours and words from fixed sets."""

from prometheus_client import Counter

from app.telemetry.metrics import registry

received = Counter(
    "lockstitch_webhooks_received",
    "Events in verified webhooks: accepted, or duplicates of what was there.",
    ("connection", "outcome"),
    registry=registry,
)
refused = Counter(
    "lockstitch_webhooks_refused",
    "Webhooks that were not proven, by what was wrong with the signature; `unknown` is for no connection of ours.",
    ("connection", "reason"),
    registry=registry,
)
secrets_used = Counter(
    "lockstitch_webhook_secrets_used",
    "Verified webhooks by the place of the proving secret in the configuration, counted from 1.",
    ("connection", "place"),
    registry=registry,
)


def count_received(connection: str, *, accepted: int, duplicates: int) -> None:
    """One webhook is recorded."""
    if accepted:
        received.labels(connection, "accepted").inc(accepted)
    if duplicates:
        received.labels(connection, "duplicate").inc(duplicates)


def count_refused(connection: str, reason: str) -> None:
    """One webhook was turned away."""
    refused.labels(connection, reason).inc()


def count_secret(connection: str, place: int) -> None:
    """One webhook was proven by the secret at this place: an old one that still counts can be taken out when it is
    used no longer."""
    secrets_used.labels(connection, str(place)).inc()
