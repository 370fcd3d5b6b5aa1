"""The counts of exports that came in: labels are connections of ours and words from fixed sets."""

from collections.abc import Iterable
from typing import Literal, get_args

from prometheus_client import Counter

from app.telemetry.metrics import registry

UploadOutcome = Literal["recorded", "refused"]
ReceivedRow = Literal["accepted", "duplicate"]
ProcessedRow = Literal["applied", "unchanged", "overtaken", "bad"]

uploads = Counter(
    "lockstitch_uploads",
    "Exports that came in: recorded to their last row, or refused as a whole.",
    ("connection", "outcome"),
    registry=registry,
)
rows_received = Counter(
    "lockstitch_upload_rows_received",
    "Rows of exports: accepted as they say something new, or duplicates.",
    ("connection", "outcome"),
    registry=registry,
)
rows_processed = Counter(
    "lockstitch_upload_rows_processed",
    "Accepted rows that had their turn: applied as an event, unchanged in what they mean, overtaken by a later row of"
    " their record, or bad.",
    ("connection", "outcome"),
    registry=registry,
)


def count_upload(connection: str, outcome: UploadOutcome) -> None:
    """An export is through, in one way or the other."""
    uploads.labels(connection, outcome).inc()


def count_rows_received(connection: str, *, accepted: int, duplicates: int) -> None:
    """So many rows of an export are recorded."""
    rows_received.labels(connection, "accepted").inc(accepted)
    rows_received.labels(connection, "duplicate").inc(duplicates)


def count_row_processed(connection: str, outcome: ProcessedRow) -> None:
    """A row had its turn; one that is redriven has it again."""
    rows_processed.labels(connection, outcome).inc()


def expect_uploads(connections: Iterable[str]) -> None:
    """Let the series of these connections begin at zero: what is not there before its first count has no increase."""
    for connection in connections:
        for outcome in get_args(UploadOutcome):
            uploads.labels(connection, outcome)
        for outcome in get_args(ReceivedRow):
            rows_received.labels(connection, outcome)
        for outcome in get_args(ProcessedRow):
            rows_processed.labels(connection, outcome)
