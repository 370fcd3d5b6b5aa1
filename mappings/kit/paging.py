"""How lists are divided into pages, so that no record is missed while others change or go.

`Cursors` passes on the vendor's own cursor. Where there is none, a page number or an offset alone is not safe: one
record deleted before the page moves all behind it. `Keyset` goes on from the time of the last record; `Offsets` is for
lists that can be ordered by id and nothing else; `Pages` is for the rest. A vendor declares how a page is asked for and
how a record is placed, and nothing about the cursor.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from msgspec import Raw, Struct

from mappings.http import VendorReply
from mappings.spec import ListQuery

Query = tuple[tuple[str, str], ...]
Listed = tuple[tuple[Raw, ...], str | None]
"""The records of a page, and the cursor of the next page, None on the last."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SPOT: Final = re.compile(r"([0-9TZ:.-]{10,30})/(?:([0-9]{1,6})/)?((?:[0-9A-Za-z_]{1,99}(?:,[0-9A-Za-z_]{1,99})*)?)")
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,6}")
_OFFSET: Final = re.compile(r"([0-9]{1,10})-([0-9]{1,19})")


class Paging(Protocol):
    """How a list is divided into pages."""

    def window(self, query: ListQuery) -> Query:
        """Return the parameters of a page. Raises ValueError for a cursor that did not come from `page`."""
        ...

    def page(self, query: ListQuery, records: tuple[Raw, ...], reply: VendorReply) -> Listed:
        """Return the records of a reply that belong to the page, and the cursor of the next page."""
        ...


class Window(Struct, frozen=True, kw_only=True):
    """What a page of a keyset is asked for: `rows` records that changed (`by_change`) or were created since a moment,
    that moment included, oldest first. None is the beginning. `exclude` are ids that the vendor has to leave out;
    `number` is the page of this window, for vendors that cannot leave out ids."""

    since: datetime | None
    by_change: bool
    rows: int
    exclude: tuple[str, ...] = ()
    number: int = 1


class Spot(Struct, frozen=True, kw_only=True):
    """The moment of the last record that was listed, and the ids of that moment that were."""

    moment: str
    ids: tuple[str, ...] = ()
    number: int = 1

    @property
    def cursor(self) -> str:
        """The cursor that callers carry."""
        number = f"{self.number}/" if self.number > 1 else ""
        return f"{self.moment}/{number}{','.join(self.ids)}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Cursors:
    """A list with a cursor of the vendor's own. `ask` gives the parameters of a query for so many rows, its cursor
    `after` among them; `following` reads the next cursor from a reply, None on the last page. `keep` leaves out the
    records that a query does not ask for, of a vendor that lists more."""

    ask: Callable[[ListQuery, int], Query]
    following: Callable[[VendorReply], str | None]
    most: int
    keep: Callable[[tuple[Raw, ...], ListQuery], tuple[Raw, ...]] = lambda records, query: records

    def window(self, query: ListQuery) -> Query:
        """Return the parameters of a page."""
        return self.ask(query, min(query.limit, self.most))

    def page(self, query: ListQuery, records: tuple[Raw, ...], reply: VendorReply) -> Listed:
        """Return the records, and the vendor's next cursor."""
        return self.keep(records, query), self.following(reply)


@dataclass(frozen=True, kw_only=True, eq=False)
class Keyset:
    """A list by time that goes on from the last record seen.

    The moment of the last record is asked for again, because other records may share it. Those that were listed are
    left out here and not by the vendor, so that one which has changed since is listed again. `exclude` says that the
    vendor can leave out ids: it has to where they fill half a page. Otherwise the next page of the moment is asked for.

    `ask` gives the parameters of a window. `head` gives the id of a record and its time, by change or by creation.
    `spell` writes a time as precisely as the vendor compares it. `more` tells whether a reply of so many records is
    not the last, when so many were asked for.
    """

    ask: Callable[[Window], Query]
    head: Callable[[Raw, bool], tuple[str, datetime | None]]
    spell: Callable[[datetime], str]
    more: Callable[[VendorReply, int, int], bool]
    most: int
    exclude: bool

    def window(self, query: ListQuery) -> Query:
        """Return the parameters of a page. Raises ValueError for a foreign cursor."""
        spot = self._spot(query.after)
        return self.ask(
            Window(
                since=query.updated_since if spot is None else _time(spot.moment),
                by_change=query.updated_since is not None,
                rows=self._rows(query, spot),
                exclude=spot.ids if spot is not None and self._excludes(spot.ids) else (),
                number=1 if spot is None else spot.number,
            )
        )

    def page(self, query: ListQuery, records: tuple[Raw, ...], reply: VendorReply) -> Listed:
        """Return up to `limit` records that were not listed before, and the cursor behind them."""
        spot = self._spot(query.after)
        seen = frozenset(() if spot is None else spot.ids)
        fresh: list[tuple[Raw, str, str]] = []
        for record in records:
            id, time = self.head(record, query.updated_since is not None)
            moment = self.spell(time or EPOCH)
            if spot is None or moment != spot.moment or id not in seen:
                fresh.append((record, moment, id))
        kept = fresh[: query.limit]
        is_last = len(kept) == len(fresh) and not self.more(reply, len(records), self._rows(query, spot))
        following = None if is_last else self._after(spot, kept, exhausted=len(kept) == len(fresh))
        return tuple(record for record, _, _ in kept), None if following is None else following.cursor

    def _after(self, spot: Spot | None, kept: list[tuple[Raw, str, str]], *, exhausted: bool) -> Spot | None:
        if not kept:
            return None if spot is None or self.exclude else Spot(moment=spot.moment, number=spot.number + 1)
        last = kept[-1][1]
        ids = tuple(id for _, moment, id in kept if moment == last)
        if spot is None or last != spot.moment:
            return Spot(moment=last, ids=ids)
        if exhausted and not self.exclude:
            # The whole page changed in one moment.
            return Spot(moment=last, number=spot.number + 1)
        return Spot(moment=last, ids=spot.ids + ids, number=spot.number)

    def _spot(self, cursor: str | None) -> Spot | None:
        if cursor is None:
            return None
        found = _SPOT.fullmatch(cursor)
        if found is None or self.spell(_time(found[1])) != found[1]:
            raise ValueError("not a place in this list")
        ids = tuple(found[3].split(",")) if found[3] else ()
        return Spot(moment=found[1], ids=ids, number=int(found[2] or 1))

    def _excludes(self, ids: tuple[str, ...]) -> bool:
        return self.exclude and len(ids) > self.most // 2

    def _rows(self, query: ListQuery, spot: Spot | None) -> int:
        if not self.exclude:
            return self.most
        again = 0 if spot is None or self._excludes(spot.ids) else len(spot.ids)
        return min(query.limit + again, self.most)


@dataclass(frozen=True, kw_only=True, eq=False)
class Pages:
    """A list by page number, for vendors that offer nothing else. It may miss records while others are deleted, so use
    `Keyset` or `Offsets` where the vendor can order its list.

    `ask` gives the parameters of a window, of which `number` is the page. `more` is that of `Keyset`.
    """

    ask: Callable[[Window], Query]
    more: Callable[[VendorReply, int, int], bool]
    most: int

    def window(self, query: ListQuery) -> Query:
        """Return the parameters of a page. Raises ValueError for a foreign cursor."""
        since, rows = query.updated_since, min(query.limit, self.most)
        return self.ask(Window(since=since, by_change=since is not None, rows=rows, number=page_number(query.after)))

    def page(self, query: ListQuery, records: tuple[Raw, ...], reply: VendorReply) -> Listed:
        """Return the records, and the number of the next page."""
        more = self.more(reply, len(records), min(query.limit, self.most))
        return records, str(page_number(query.after) + 1) if more else None


def page_number(cursor: str | None) -> int:
    """Return the page that a cursor names, 1 without one. Raises ValueError for a foreign cursor."""
    if cursor is None:
        return 1
    if _NUMBER.fullmatch(cursor) is None:
        raise ValueError("not the number of a page")
    return int(cursor)


@dataclass(frozen=True, kw_only=True, eq=False)
class Offsets:
    """A list by id and offset that notices when records before the page were deleted.

    Each page begins one row before the end of the last. Where it does not begin with a record that was listed, the
    list has moved, and the next page begins further up. Ids have to be numbers that only grow.

    `ask` gives the parameters for an offset and a number of rows. `id` gives the id of a record. `total` reads how many
    rows there are, None where the reply does not tell.
    """

    ask: Callable[[int, int], Query]
    id: Callable[[Raw], int]
    total: Callable[[VendorReply], int | None]
    most: int

    def window(self, query: ListQuery) -> Query:
        """Return the parameters of a page. Raises ValueError for a foreign cursor."""
        offset, _ = self._place(query.after)
        return self.ask(max(offset - 1, 0), self._rows(query))

    def page(self, query: ListQuery, records: tuple[Raw, ...], reply: VendorReply) -> Listed:
        """Return up to `limit` records behind the last one that was listed, and where the list goes on."""
        offset, last = self._place(query.after)
        rows = self._rows(query)
        ids = [self.id(record) for record in records]
        if offset > 0 and (not ids or ids[0] > last):
            return (), f"{max(offset - rows, 0)}-{last}"
        behind = [(id, record) for id, record in zip(ids, records, strict=True) if id > last][: query.limit]
        if not behind and not ids:
            return (), None
        last = behind[-1][0] if behind else last
        asked = max(offset - 1, 0)
        end = asked + ids.index(last) + 1 if last in ids else asked + len(ids)
        total = self.total(reply)
        more = end < total if total is not None else len(ids) >= rows
        return tuple(record for _, record in behind), f"{end}-{last}" if more else None

    def _place(self, cursor: str | None) -> tuple[int, int]:
        """The rows before the page, and the last id that was listed; 0 for none."""
        if cursor is None:
            return 0, 0
        found = _OFFSET.fullmatch(cursor)
        if found is None:
            raise ValueError("not a place in this list")
        return int(found[1]), int(found[2])

    def _rows(self, query: ListQuery) -> int:
        """One row more than is wanted: the one before the page."""
        return min(query.limit + 1, self.most)


def _time(moment: str) -> datetime:
    """A moment of a cursor. Vendors that write no offset mean UTC."""
    return datetime.fromisoformat(moment).replace(tzinfo=UTC)


def counted(header: str) -> Callable[[VendorReply], int | None]:
    """Return a function that reads the number of rows from a header. A proxy may have removed it."""

    def total(reply: VendorReply) -> int | None:
        text = reply.headers.get(header)
        return int(text) if text is not None and text.isascii() and text.isdecimal() else None

    return total
