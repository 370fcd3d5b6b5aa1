"""Counts of alarms that were told, and of those that could not be."""

from typing import Literal

from prometheus_client import Counter

from app.telemetry.metrics import registry

told = Counter(
    "lockstitch_alerts_told",
    "Alarms by the way they took: url, smtp, heartbeat; and whether they arrived.",
    ("way", "outcome"),
    registry=registry,
)


def count_told(way: Literal["url", "smtp", "heartbeat"], arrived: bool) -> None:
    """An alarm, or a sign of life, was sent."""
    told.labels(way, "arrived" if arrived else "failed").inc()
