"""Counts of the workers' upkeep."""

from prometheus_client import Counter

from app.telemetry.metrics import registry

rows_reaped = Counter("lockstitch_rows_reaped", "Expired rows removed.", ("kind",), registry=registry)


def count_reaped(kind: str, rows: int) -> None:
    """Count removed rows of one kind."""
    rows_reaped.labels(kind).inc(rows)
