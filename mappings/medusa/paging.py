"""Lists by time. Medusa orders by one member alone, and a page can have any size."""

import sys
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from mappings.http import VendorReply
from mappings.kit.paging import Keyset, Query, Window, head
from mappings.spec import decode


class _Counted(Struct, frozen=True, kw_only=True):
    count: int | None = None


def window(page: Window) -> Query:
    """Return the parameters of a page."""
    by = "updated_at" if page.by_change else "created_at"
    bound, sign = ("$lte", "-") if page.descending else ("$gte", "")
    since = () if page.since is None else ((f"{by}[{bound}]", iso(page.since)),)
    return (("order", f"{sign}{by}"), ("limit", str(page.rows)), *since)


def has_more(reply: VendorReply, records: int, rows: int = 0) -> bool:
    """Return whether Medusa has more records than the reply shows."""
    return (decode(reply.body, _Counted).count or 0) > records


def iso(moment: datetime) -> str:
    """Return a time as Medusa writes and accepts it: UTC, with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# A page grows by the records that are asked for again, so Medusa never has to leave out ids.
BY_TIME: Final = Keyset(
    ask=window,
    head=head(time="updated_at", created="created_at"),
    spell=iso,
    more=has_more,
    most=sys.maxsize,
    exclude=True,
)
