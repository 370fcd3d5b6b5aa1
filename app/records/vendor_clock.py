"""How far a vendor's clock is from ours, as the `Date` of its replies shows it."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from mappings.http import VendorReply

RESOLUTION: Final = timedelta(seconds=1)
NO_DIFFERENCE: Final = timedelta()


def clock_ahead(reply: VendorReply, sent_at: datetime) -> timedelta:
    """Return how far the vendor's clock is ahead of ours; negative if it is behind.

    `Date` has whole seconds, and is of a moment between `sent_at` and now: the least difference that explains it is
    returned, so zero for clocks that agree. Without a `Date` it is zero too.
    """
    try:
        date = parsedate_to_datetime(reply.headers["date"])
    except (KeyError, ValueError, OverflowError):
        return NO_DIFFERENCE
    if date.tzinfo is None:
        return NO_DIFFERENCE
    least, most = date - datetime.now(UTC), date + RESOLUTION - sent_at
    return max(least, min(most, NO_DIFFERENCE))
