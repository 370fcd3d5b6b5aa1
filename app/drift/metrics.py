"""Counts of drift. Labels are configured connections and fixed words."""

from collections.abc import Iterable
from typing import Literal, get_args

from prometheus_client import Counter

from app.settings.drift import DriftKind
from app.telemetry.metrics import registry

DriftOutcome = Literal["looked", "dropped"]

findings = Counter(
    "lockstitch_drift_findings",
    "New changes at a vendor, by kind.",
    ("connection", "kind"),
    registry=registry,
)
records = Counter(
    "lockstitch_drift_records",
    "Records sampled for drift: looked (checked), or dropped because the queue was full or the database was down.",
    ("connection", "outcome"),
    registry=registry,
)


def count_drift(connection: str, kind: str) -> None:
    """Count a new finding."""
    findings.labels(connection, kind).inc()


def count_drift_looks(connection: str, outcome: DriftOutcome, number: int = 1) -> None:
    """Count sampled records."""
    records.labels(connection, outcome).inc(number)


def expect_drift(connections: Iterable[str]) -> None:
    """Create the series of these connections at 0, so that their first count is an increase."""
    for connection in connections:
        for kind in get_args(DriftKind):
            findings.labels(connection, kind)
        for outcome in get_args(DriftOutcome):
            records.labels(connection, outcome)
