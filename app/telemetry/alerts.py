"""Counts of alarms that were told, and of those that could not be."""

from typing import Literal, get_args

from prometheus_client import Counter

from app.telemetry.metrics import registry

Way = Literal["url", "smtp", "heartbeat"]

sent = Counter(
    "lockstitch_alerts_sent",
    "Alarms by the way they took: url, smtp, heartbeat; and whether they arrived.",
    ("way", "outcome"),
    registry=registry,
)


def count_sent(way: Way, arrived: bool) -> None:
    """An alarm, or a sign of life, was sent."""
    sent.labels(way, "arrived" if arrived else "failed").inc()


def start_at_zero() -> None:
    """Let every series begin at zero: what is not there before its first count has no increase."""
    for way in get_args(Way):
        for outcome in ("arrived", "failed"):
            sent.labels(way, outcome)
