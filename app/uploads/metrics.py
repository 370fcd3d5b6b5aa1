"""Counts of exports and their rows. Labels are configured connections and fixed words."""

from collections.abc import Iterable
from typing import Literal, get_args

from prometheus_client import Counter

from app.telemetry.metrics import registry

UploadOutcome = Literal["recorded", "refused"]
ReceivedRow = Literal["accepted", "duplicate"]
ProcessedRow = Literal["applied", "unchanged", "overtaken", "bad", "erased"]

uploads = Counter(
    "lockstitch_uploads",
    "Exports: recorded to the last row, or refused as a whole.",
    ("connection", "outcome"),
    registry=registry,
)
rows_received = Counter(
    "lockstitch_upload_rows_received",
    "Rows of exports: accepted (new or changed), or duplicates.",
    ("connection", "outcome"),
    registry=registry,
)
rows_processed = Counter(
    "lockstitch_upload_rows_processed",
    "Processed rows: applied as an event, unchanged in meaning, overtaken by a later row, bad, or erased.",
    ("connection", "outcome"),
    registry=registry,
)


def count_upload(connection: str, outcome: UploadOutcome) -> None:
    """Count an export that was recorded or refused."""
    uploads.labels(connection, outcome).inc()


def count_rows_received(connection: str, *, accepted: int, duplicates: int) -> None:
    """Count recorded rows of an export."""
    rows_received.labels(connection, "accepted").inc(accepted)
    rows_received.labels(connection, "duplicate").inc(duplicates)


def count_row_processed(connection: str, outcome: ProcessedRow) -> None:
    """Count a processed row. A redriven row counts again."""
    rows_processed.labels(connection, outcome).inc()


def expect_uploads(connections: Iterable[str]) -> None:
    """Create the series of these connections at 0, so that their first count is an increase."""
    for connection in connections:
        for outcome in get_args(UploadOutcome):
            uploads.labels(connection, outcome)
        for outcome in get_args(ReceivedRow):
            rows_received.labels(connection, outcome)
        for outcome in get_args(ProcessedRow):
            rows_processed.labels(connection, outcome)
