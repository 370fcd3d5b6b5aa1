"""Times as vendors send them."""

from datetime import UTC, datetime
from typing import overload

from mappings.spec import VendorDrift


@overload
def from_seconds(seconds: float, path: str = "$") -> datetime: ...
@overload
def from_seconds(seconds: float | None, path: str = "$") -> datetime | None: ...
def from_seconds(seconds: float | None, path: str = "$") -> datetime | None:
    """Return the time of seconds since 1970 in UTC, None for None. Raises VendorDrift at `path` for a time outside the
    calendar."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise VendorDrift(path, "a time is invalid") from error
