"""Counts of alarms and of removed rows."""

from typing import Literal, get_args

from prometheus_client import Counter

from app.telemetry.metrics import registry

Way = Literal["url", "smtp", "heartbeat"]

sent = Counter(
    "lockstitch_alerts_sent",
    "Alarms and heartbeats by way and outcome.",
    ("way", "outcome"),
    registry=registry,
)
rows_reaped = Counter("lockstitch_rows_reaped", "Expired rows removed.", ("kind",), registry=registry)


def count_sent(way: Way, arrived: bool) -> None:
    """Count an alarm or heartbeat."""
    sent.labels(way, "arrived" if arrived else "failed").inc()


def expect_alerts() -> None:
    """Create every series at 0, so that its first count is an increase."""
    for way in get_args(Way):
        for outcome in ("arrived", "failed"):
            sent.labels(way, outcome)


def count_reaped(kind: str, rows: int) -> None:
    """Count removed rows of one kind."""
    rows_reaped.labels(kind).inc(rows)
