"""Counts of changed records. Labels are configured connections and objects."""

from collections.abc import Iterable

from prometheus_client import Counter

from app.events.types import OBJECTS
from app.telemetry.metrics import registry

changes = Counter(
    "lockstitch_record_changes",
    "Events of records that were created, updated or deleted.",
    ("connection", "object"),
    registry=registry,
)


def expect_changes(connections: Iterable[str]) -> None:
    """Create the series of these connections at 0, so that their first count is an increase."""
    for connection in connections:
        for name in OBJECTS:
            changes.labels(connection, name)
