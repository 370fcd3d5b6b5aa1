"""Counts of alarms that were told, and of those that could not be."""

from typing import Literal, get_args

from prometheus_client import Counter

from app.telemetry.metrics import registry

Way = Literal["url", "smtp", "heartbeat"]

told = Counter(
    "lockstitch_alerts_told",
    "Alarms by the way they took: url, smtp, heartbeat; and whether they arrived.",
    ("way", "outcome"),
    registry=registry,
)


def count_told(way: Way, arrived: bool) -> None:
    """An alarm, or a sign of life, was sent."""
    told.labels(way, "arrived" if arrived else "failed").inc()


def expect_told() -> None:
    """Let every series begin at zero: what is not there before its first count has no increase."""
    for way in get_args(Way):
        for outcome in ("arrived", "failed"):
            told.labels(way, outcome)
