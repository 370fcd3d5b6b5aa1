"""Divide lists into pages without missing records that stay while others change or are deleted.

`Cursors` uses the vendor's own cursor. Without one, a page number or an offset alone is unsafe: if a record before the
page is deleted, all later records move. `Keyset` continues from the time of the last record. `Offsets` is for lists
that can be ordered by id only. `Pages` is for the rest. A vendor declares the parameters of a page and the position of
a record; this module handles the cursor.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from urllib.parse import quote, unquote

from msgspec import Raw, Struct, defstruct

from canonical.parts import Instant
from mappings.http import VendorReply
from mappings.spec import ListQuery, decode

Query = tuple[tuple[str, str], ...]
Listed = tuple[tuple[Raw, ...], str | None]
"""The records of a page, and the cursor of the next page; None on the last page."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ID: Final = "[0-9A-Za-z_.~%-]{1,999}"  # quoted
_SPOT: Final = re.compile(rf"([0-9TZ:.-]{{10,30}})/(?:([0-9]{{1,6}})/)?((?:{_ID}(?:,{_ID})*)?)")
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,6}")
_OFFSET: Final = re.compile(r"([0-9]{1,10})-([0-9A-Za-z_-]{1,64})")


class Paging(Protocol):
    """A way to divide a list into pages."""

    def window(self, query: ListQuery) -> Query:
        """Return the parameters of a page. Raises ValueError for a cursor that did not come from `page`."""
        ...

    def page(self, query: ListQuery, records: tuple[Raw, ...], reply: VendorReply) -> Listed:
        """Return the records of a reply that belong to the page, and the cursor of the next page."""
        ...


class Window(Struct, frozen=True, kw_only=True):
    """One request of a keyset: `rows` records that changed (`by_change`) or were created at `since` or later, oldest
    first; None starts at the beginning. With `descending`, at `since` or earlier, newest first. `exclude` are ids
    that the vendor must omit. `number` is the page of this window, for vendors that cannot exclude ids."""

    since: datetime | None
    by_change: bool
    rows: int
    descending: bool = False
    exclude: tuple[str, ...] = ()
    number: int = 1


class Spot(Struct, frozen=True, kw_only=True):
    """The position in a keyset: the time of the last listed record, and the ids listed with that time."""

    moment: str
    ids: tuple[str, ...] = ()
    number: int = 1

    @property
    def cursor(self) -> str:
        """Return the position as a cursor for callers."""
        number = f"{self.number}/" if self.number > 1 else ""
        return f"{self.moment}/{number}{','.join(quote(id, safe='') for id in self.ids)}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Cursors:
    """A list with the vendor's own cursor. `ask` returns the parameters of a query for a number of rows, including its
    cursor `after`. `following` reads the next cursor from a reply; None on the last page. `keep` filters the records,
    for a vendor that lists more than the query selects."""

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
    """A list ordered by time, in either direction. Each page continues at the time of the last record.

    That time is requested again, because other records may share it. Records that were already listed are dropped here,
    not by the vendor, so a record that changed since is listed again. With `exclude`, the vendor omits the listed ids
    once they fill half a page. Without it, the next page of the same time is requested.

    `ask` returns the parameters of a window. `head` returns the id of a record and its time of change or creation.
    `spell` formats a time with the precision of the vendor's comparison. `more` returns whether another page exists,
    from a reply, its number of records and the number requested.
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
                by_change=query.by_change,
                rows=self._rows(query, spot),
                descending=query.descending,
                exclude=spot.ids if spot is not None and self._excludes(spot.ids) else (),
                number=1 if spot is None else spot.number,
            )
        )

    def page(self, query: ListQuery, records: tuple[Raw, ...], reply: VendorReply) -> Listed:
        """Return up to `limit` records that were not listed before, and the cursor after them."""
        spot = self._spot(query.after)
        listed = frozenset(() if spot is None else spot.ids)
        fresh: list[tuple[Raw, str, str]] = []
        for record in records:
            id, time = self.head(record, query.by_change)
            moment = self.spell(time or EPOCH)
            if spot is None or moment != spot.moment or id not in listed:
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
            # All records of the page have the same time.
            return Spot(moment=last, number=spot.number + 1)
        return Spot(moment=last, ids=spot.ids + ids, number=spot.number)

    def _spot(self, cursor: str | None) -> Spot | None:
        if cursor is None:
            return None
        match = _SPOT.fullmatch(cursor)
        if match is None or self.spell(_time(match[1])) != match[1]:
            raise ValueError("not a cursor of this list")
        ids = tuple(map(unquote, match[3].split(","))) if match[3] else ()
        return Spot(moment=match[1], ids=ids, number=int(match[2] or 1))

    def _excludes(self, ids: tuple[str, ...]) -> bool:
        return self.exclude and len(ids) > self.most // 2

    def _rows(self, query: ListQuery, spot: Spot | None) -> int:
        if not self.exclude:
            return self.most
        again = 0 if spot is None or self._excludes(spot.ids) else len(spot.ids)
        return min(query.limit + again, self.most)


@dataclass(frozen=True, kw_only=True, eq=False)
class Pages:
    """A list by page number, for vendors without an alternative. It may miss records while others are deleted: use
    `Keyset` or `Offsets` if the vendor can order its list.

    `ask` returns the parameters of a window; `number` is the page. `more` is that of `Keyset`.
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
    """Return the page number of a cursor; 1 without a cursor. Raises ValueError for a foreign cursor."""
    if cursor is None:
        return 1
    if _NUMBER.fullmatch(cursor) is None:
        raise ValueError("not the number of a page")
    return int(cursor)


@dataclass(frozen=True, kw_only=True, eq=False)
class Offsets:
    """A list by id and offset that detects deletions before the page.

    Each page starts with the last row of the previous page. If its first record was not listed yet, the rows have
    moved, and the next page starts further up. The list is ordered by id, upwards or `descending`: by number, or by
    text (`of=str`) such as a UUID. In a descending list, records that are created meanwhile are not listed.

    `ask` returns the parameters for an offset and a number of rows. `id` returns the id of a record. `total` reads the
    number of all rows from a reply, or None.
    """

    ask: Callable[[int, int], Query]
    id: Callable[[Raw], int | str]
    most: int
    total: Callable[[VendorReply], int | None] = lambda reply: None
    of: type[int] | type[str] = int
    descending: bool = False

    def window(self, query: ListQuery) -> Query:
        """Return the parameters of a page. Raises ValueError for a foreign cursor."""
        offset, _ = self._place(query.after)
        return self.ask(max(offset - 1, 0), self._rows(query))

    def page(self, query: ListQuery, records: tuple[Raw, ...], reply: VendorReply) -> Listed:
        """Return up to `limit` records after the last listed one, and the next cursor."""
        offset, last = self._place(query.after)
        rows = self._rows(query)
        ids = [self.id(record) for record in records]
        if offset > 0 and (not ids or self._is_later(ids[0], last)):
            return (), f"{max(offset - rows, 0)}-{last}"
        fresh = [(id, record) for id, record in zip(ids, records, strict=True) if self._is_later(id, last)]
        fresh = fresh[: query.limit]
        if not fresh and not ids:
            return (), None
        last = fresh[-1][0] if fresh else last
        start = max(offset - 1, 0)
        end = start + ids.index(last) + 1 if last in ids else start + len(ids)
        total = self.total(reply)
        more = end < total if total is not None else len(ids) >= rows
        return tuple(record for _, record in fresh), f"{end}-{last}" if more else None

    def _place(self, cursor: str | None) -> tuple[int, Any]:
        """Return the number of rows before the page, and the last listed id; None for none."""
        if cursor is None:
            return 0, None
        match = _OFFSET.fullmatch(cursor)
        if match is None:
            raise ValueError("not a cursor of this list")
        return int(match[1]), self.of(match[2])

    def _is_later(self, id: Any, last: Any) -> bool:
        """Return whether a record comes after the last listed one."""
        return last is None or (id < last if self.descending else id > last)

    def _rows(self, query: ListQuery) -> int:
        """Return the rows to request: one more than wanted, for the row before the page."""
        return min(query.limit + 1, self.most)


def _time(moment: str) -> datetime:
    """Parse the time in a cursor. A time without an offset is UTC."""
    return datetime.fromisoformat(moment).replace(tzinfo=UTC)


def head(
    id: str = "id", *, time: str, created: str | None = None
) -> Callable[[Raw, bool], tuple[str, datetime | None]]:
    """Return a function that reads the id of a record, and its time of change or creation (`Keyset.head`), from the
    members with these names. Times have an offset. Without `created`, `time` is that of both."""
    names = {"id": id, "time": time, "created": created or time}
    fields: list[Any] = [("id", int | str), ("time", Instant | None, None), ("created", Instant | None, None)]
    shape = defstruct("Head", fields if created else fields[:2], rename=names, frozen=True, kw_only=True)

    def read(record: Raw, by_change: bool) -> tuple[str, datetime | None]:
        members: Any = decode(record, shape)
        return str(members.id), members.time if by_change or not created else members.created

    return read


def counted(header: str) -> Callable[[VendorReply], int | None]:
    """Return a function that reads the number of all rows from a header, or None: a proxy may remove the header."""

    def total(reply: VendorReply) -> int | None:
        text = reply.headers.get(header)
        return int(text) if text is not None and text.isascii() and text.isdecimal() else None

    return total
