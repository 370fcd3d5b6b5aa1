"""Counts of the worker's upkeep."""

from prometheus_client import Counter

from app.telemetry.metrics import registry

rows_reaped = Counter(
    "lockstitch_rows_reaped", "Rows removed because they had outlived their retention.", ("kind",), registry=registry
)


def count_reaped(kind: str, rows: int) -> None:
    """So many rows of one kind are gone."""
    rows_reaped.labels(kind).inc(rows)
