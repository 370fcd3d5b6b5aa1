"""Lists of orders by time, in which nobody is missed while others change or go.

Pages by number move whenever an order before them changes its place. So a page is what was created, or changed,
since the second of the last order of the page before, without those of that second which were listed already. These
are left out by us and not by the shop, for one that changes meanwhile is news: by its number the shop would leave it
out as well. Only where there are very many of them the shop has to do it.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Raw, Struct

from mappings.spec import ListQuery, decode_loosely
from mappings.woocommerce.requests import MAX_PER_PAGE, gmt

_PLACE: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})/([0-9]{1,19}(?:,[0-9]{1,19})*)")
SECOND: Final = timedelta(seconds=1)
MOST_LEFT_OUT: Final = MAX_PER_PAGE // 2
"""So many orders of one second are asked for once more and left out here: the other half of a page is new."""
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
    """What a page is asked for: since when, how many, in which order. WooCommerce's bounds are not part of what they
    bound. Raises ValueError for a foreign cursor."""
    by_change = query.updated_since is not None
    place = place_in(query.after)
    asked: list[tuple[str, str]] = [("orderby", "modified" if by_change else "date"), ("order", "asc")]
    since = query.updated_since
    if place is not None:
        since = datetime.fromisoformat(place.second).replace(tzinfo=UTC)
    if since is not None:
        before = since.astimezone(UTC).replace(microsecond=0) - SECOND
        asked += [("modified_after" if by_change else "after", gmt(before)), ("dates_are_gmt", "true")]
    if place is not None and len(place.ids) > MOST_LEFT_OUT:
        asked.append(("exclude", ",".join(place.ids)))
    return (*asked, ("per_page", str(_size(query, place))))


def page_of(query: ListQuery, records: Sequence[Raw], total: str | None) -> tuple[tuple[Raw, ...], str | None]:
    """Up to `limit` of the records of an answer that were not listed before, and where the list goes on behind them,
    None at its end. `total` is the answer's `X-WP-Total`; something before the shop may take it away."""
    place = place_in(query.after)
    fresh: list[tuple[Raw, str, str]] = []
    for record in records:
        timed = decode_loosely(record, _Timed)
        second, id = _second(timed, query), str(timed.id)
        if place is None or second != place.second or id not in place.ids:
            fresh.append((record, second, id))
    kept = fresh[: query.limit]
    rows = int(total) if total is not None and total.isdecimal() else None
    more = rows > len(records) if rows is not None else len(records) >= _size(query, place)
    if not kept or not (more or len(kept) < len(fresh)):
        return tuple(record for record, _, _ in kept), None
    last = kept[-1][1]
    ids = tuple(id for _, second, id in kept if second == last)
    if place is not None and place.second == last:
        ids = place.ids + ids
    return tuple(record for record, _, _ in kept), f"{last}/{','.join(ids)}"


def _size(query: ListQuery, place: Place | None) -> int:
    """How many rows are asked for: as many as are wanted, and those that are left out."""
    again = 0 if place is None or len(place.ids) > MOST_LEFT_OUT else len(place.ids)
    return min(query.limit + again, MAX_PER_PAGE)


def _second(timed: _Timed, query: ListQuery) -> str:
    moment = timed.date_created_gmt if query.updated_since is None else timed.date_modified_gmt
    # An order without a time of its own is at the very beginning of a list by time.
    return (moment or datetime(1970, 1, 1, tzinfo=UTC)).strftime("%Y-%m-%dT%H:%M:%S")
