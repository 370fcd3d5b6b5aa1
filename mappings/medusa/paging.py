"""Lists by time. Medusa orders by one member alone, and a page can have any size."""

import sys
from datetime import UTC, datetime
from typing import Final

from msgspec import Raw, Struct

from mappings.http import VendorReply
from mappings.kit.paging import Keyset, Query, Window
from mappings.spec import decode


class _Timed(Struct, frozen=True, kw_only=True):
    id: str
    created_at: datetime | None = None
    updated_at: datetime | None = None


class _Counted(Struct, frozen=True, kw_only=True):
    count: int | None = None


def window(asked: Window) -> Query:
    """Return the parameters of a page."""
    by = "updated_at" if asked.by_change else "created_at"
    bound, sign = ("$lte", "-") if asked.descending else ("$gte", "")
    since = () if asked.since is None else ((f"{by}[{bound}]", iso(asked.since)),)
    return (("order", f"{sign}{by}"), ("limit", str(asked.rows)), *since)


def placed(record: Raw, by_change: bool) -> tuple[str, datetime | None]:
    """Return the id of a record, and when it changed or was created."""
    timed = decode(record, _Timed)
    return timed.id, timed.updated_at if by_change else timed.created_at


def has_more(reply: VendorReply, records: int, rows: int = 0) -> bool:
    """Return whether Medusa has more records than the reply shows."""
    return (decode(reply.body, _Counted).count or 0) > records


def iso(moment: datetime) -> str:
    """Return a time as Medusa writes and accepts it: UTC, with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# A page grows by the records that are asked for again, so Medusa never has to leave out ids.
BY_TIME: Final = Keyset(ask=window, head=placed, spell=iso, more=has_more, most=sys.maxsize, exclude=True)
