"""Lists of orders by time, in which nobody is missed while others change or go.

Pages by number move whenever an order before them changes its place. So a page is what was created, or changed,
since the second of the last order of the page before, without those of that second which were listed already.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Raw, Struct

from mappings.spec import ListQuery, decode
from mappings.woocommerce.asking import gmt

_PLACE: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})/([0-9]{1,19}(?:,[0-9]{1,19})*)")
SECOND: Final = timedelta(seconds=1)
Query = tuple[tuple[str, str], ...]


class _Timed(Struct, frozen=True, kw_only=True):
    id: int
    date_created_gmt: datetime | None = None
    date_modified_gmt: datetime | None = None


class Place(Struct, frozen=True, kw_only=True):
    """The second of the last order that was listed, and which orders of that second were."""

    second: str
    ids: tuple[str, ...]


def place_in(cursor: str | None) -> Place | None:
    """The place that a cursor names. Raises ValueError for a foreign cursor."""
    if cursor is None:
        return None
    found = _PLACE.fullmatch(cursor)
    if found is None:
        raise ValueError("not a place in this list")
    datetime.fromisoformat(found[1])
    return Place(second=found[1], ids=tuple(found[2].split(",")))


def window(query: ListQuery) -> Query:
    """What a page is asked for: since when, without whom, in which order. WooCommerce's bounds are not part of what
    they bound. Raises ValueError for a foreign cursor."""
    by_change = query.updated_since is not None
    place = place_in(query.after)
    asked: list[tuple[str, str]] = [("orderby", "modified" if by_change else "date"), ("order", "asc")]
    since = query.updated_since
    if place is not None:
        since = datetime.fromisoformat(place.second).replace(tzinfo=UTC)
    if since is not None:
        before = since.astimezone(UTC).replace(microsecond=0) - SECOND
        asked += [("modified_after" if by_change else "after", gmt(before)), ("dates_are_gmt", "true")]
    if place is not None:
        asked.append(("exclude", ",".join(place.ids)))
    return tuple(asked)


def following(query: ListQuery, records: Sequence[Raw], total: str | None) -> str | None:
    """Where the list goes on behind these records, None at its end. `total` is the answer's `X-WP-Total`; something
    before the shop may take it away."""
    if not records:
        return None
    rows = int(total) if total is not None and total.isdecimal() else None
    if rows is not None and rows <= len(records):
        return None
    if rows is None and len(records) < query.limit:
        return None
    place = place_in(query.after)
    seen = [(_second(decode(record, _Timed), query), str(decode(record, _Timed).id)) for record in records]
    last = seen[-1][0]
    ids = tuple(id for second, id in seen if second == last)
    if place is not None and place.second == last:
        ids = place.ids + ids
    return f"{last}/{','.join(ids)}"


def _second(timed: _Timed, query: ListQuery) -> str:
    moment = timed.date_created_gmt if query.updated_since is None else timed.date_modified_gmt
    # An order without a time of its own is at the very beginning of a list by time.
    return (moment or datetime(1970, 1, 1, tzinfo=UTC)).strftime("%Y-%m-%dT%H:%M:%S")
