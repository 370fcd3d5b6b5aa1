"""Counts of drift: labels are connections of ours and words from fixed sets."""

from collections.abc import Iterable
from typing import Literal, get_args

from prometheus_client import Counter

from app.settings.drift import DriftKind
from app.telemetry.metrics import registry

DriftOutcome = Literal["looked", "dropped"]

findings = Counter(
    "lockstitch_drift_findings",
    "Changes at a vendor that were not there before, by what kind of change it is.",
    ("connection", "kind"),
    registry=registry,
)
records = Counter(
    "lockstitch_drift_records",
    "Records that were to be looked at for drift: looked at, or dropped as there was no room or no database.",
    ("connection", "outcome"),
    registry=registry,
)


def count_drift(connection: str, kind: str) -> None:
    """A vendor changed something."""
    findings.labels(connection, kind).inc()


def count_drift_looks(connection: str, outcome: DriftOutcome, number: int = 1) -> None:
    """So many records were looked at, or could not be."""
    records.labels(connection, outcome).inc(number)


def expect_drift(connections: Iterable[str]) -> None:
    """Let the series of these connections begin at zero: what is not there before its first count has no increase."""
    for connection in connections:
        for kind in get_args(DriftKind):
            findings.labels(connection, kind)
        for outcome in get_args(DriftOutcome):
            records.labels(connection, outcome)
