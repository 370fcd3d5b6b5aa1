"""The Retry-After header, in both of its forms: seconds and date."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def seconds_asked(value: str) -> float | None:
    """Return seconds from now, never negative (RFC 9110, section 10.2.3). None if neither seconds nor a date."""
    value = value.strip()
    if value.isascii() and value.isdecimal() and len(value) < 10:
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    now = datetime.now(UTC)
    return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now.timestamp())
