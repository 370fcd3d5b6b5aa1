"""Lists by time. Medusa orders by one member alone."""

from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Struct

from mappings.http import VendorReply
from mappings.kit.paging import Keyset, Query, Window, head
from mappings.spec import decode

MOST: Final = 250
"""The most records of a request. Medusa sets no limit."""
MILLISECOND: Final = timedelta(milliseconds=1)


class _Counted(Struct, frozen=True, kw_only=True):
    count: int | None = None


def window(page: Window) -> Query:
    """Return the parameters of a page."""
    by, sign = "updated_at" if page.by_change else "created_at", "-" if page.descending else ""
    query = [("order", f"{sign}id" if page.ties else f"{sign}{by}"), ("limit", str(page.rows))]
    if page.since is not None and (page.ties or not page.descending):
        query.append((f"{by}[$gte]", iso(page.since)))
    if page.since is not None and (page.ties or page.descending):
        # Medusa stores microseconds and shows milliseconds.
        query.append((f"{by}[$lt]", iso(page.since + MILLISECOND)))
    return (*query, ("offset", str(page.offset))) if page.ties else tuple(query)


def count(reply: VendorReply) -> int | None:
    """Return the number of all records that the list finds."""
    return decode(reply.body, _Counted).count


def iso(moment: datetime) -> str:
    """Return a time as Medusa writes and accepts it: UTC, with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


BY_TIME: Final = Keyset(
    ask=window,
    head=head(time="updated_at", created="created_at"),
    spell=iso,
    total=count,
    most=MOST,
    tick=MILLISECOND,
    of=str,
)
