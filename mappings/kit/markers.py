"""Read the time from the marker of a write. A marker is the id of its operation: `op_` and a UUID of version 7."""

from datetime import UTC, datetime


def began(marker: str) -> datetime | None:
    """Return when the operation began: its id starts with the milliseconds since 1970 (RFC 9562, version 7). None for a
    marker without a time."""
    digits = marker.rpartition("_")[2][:12]
    try:
        return datetime.fromtimestamp(int(digits, 16) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
