"""Lists by time, in which nobody is missed while others change or go.

Pages by number move whenever a record before them changes its place. So a page is what was made, or changed, since the
moment of the last record of the page before, without those of that moment which were listed already: these are asked
for once more, and left out. Medusa orders by one member alone and has no upper limit for a page.

A list may have two parts, which Medusa keeps apart: it begins with the first, and the second begins where that ends.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from msgspec import Raw, Struct

from mappings.spec import ListQuery, decode

MOMENT: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z"
_CURSOR: Final = re.compile(rf"([12])(?:/({MOMENT})/([a-z]+_[0-9A-Za-z]+(?:,[a-z]+_[0-9A-Za-z]+)*))?")
AT_THE_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
Query = tuple[tuple[str, str], ...]


class _Timed(Struct, frozen=True, kw_only=True):
    id: str
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Place(Struct, frozen=True, kw_only=True):
    """Which part of the list, the moment of the last record that was listed of it, and which of that moment were."""

    part: int = 1
    moment: str | None = None
    ids: tuple[str, ...] = ()

    @property
    def cursor(self) -> str:
        """The place as callers carry it."""
        return str(self.part) if self.moment is None else f"{self.part}/{self.moment}/{','.join(self.ids)}"


def place_in(cursor: str | None) -> Place:
    """The place that a cursor names, the beginning without one. Raises ValueError for a foreign cursor."""
    if cursor is None:
        return Place()
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise ValueError("not a place in this list")
    if found[2] is None:
        return Place(part=int(found[1]))
    datetime.fromisoformat(found[2])
    return Place(part=int(found[1]), moment=found[2], ids=tuple(found[3].split(",")))


def window(query: ListQuery) -> Query:
    """What a page is asked for: since when, in which order, how many. Raises ValueError for a foreign cursor."""
    place, by = place_in(query.after), "created_at" if query.updated_since is None else "updated_at"
    asked: list[tuple[str, str]] = [("order", by), ("limit", str(query.limit + len(place.ids)))]
    since = place.moment
    if since is None and query.updated_since is not None:
        since = iso(query.updated_since)
    if since is not None:
        asked.append((f"{by}[$gte]", since))
    return tuple(asked)


def fresh(query: ListQuery, records: Sequence[Raw]) -> tuple[Raw, ...]:
    """The records of an answer that were not listed before."""
    seen = frozenset(place_in(query.after).ids)
    if not seen:
        return tuple(records)
    return tuple(record for record in records if decode(record, _Timed).id not in seen)[: query.limit]


def following(query: ListQuery, records: Sequence[Raw], listed: Sequence[Raw], count: int) -> Place | None:
    """Where this part of the list goes on behind the records `listed` of an answer; None at its end. `count` is how
    many there are since the moment that the page was asked from."""
    if not listed or count <= len(records):
        return None
    place = place_in(query.after)
    timed = [decode(record, _Timed) for record in listed]
    seen = [(_moment(one, query), one.id) for one in timed]
    last = seen[-1][0]
    ids = tuple(id for moment, id in seen if moment == last)
    return Place(part=place.part, moment=last, ids=place.ids + ids if place.moment == last else ids)


def iso(moment: datetime) -> str:
    """A time as Medusa writes and takes it: UTC, with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _moment(timed: _Timed, query: ListQuery) -> str:
    moment = timed.created_at if query.updated_since is None else timed.updated_at
    return iso(moment or AT_THE_BEGINNING)
