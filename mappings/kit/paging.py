"""Divide lists into pages without missing records that stay while others change or are deleted.

`Cursors` uses the vendor's own cursor. Without one, a page number or an offset alone is unsafe: if a record before the
page is deleted, all later records move. `Keyset` continues from the time of the last record. `Offsets` reads the last
listed row again to see whether the rows have moved; `FixedPages` reads the page before. A vendor declares the
parameters of a page and the position of a record; this module handles the cursor. Cursors and requests have a bounded
length, however many records share a time.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol
from urllib.parse import quote, unquote

from msgspec import Raw, Struct, defstruct
from msgspec.structs import replace

from canonical.parts import Instant
from mappings.endpoints import ListQuery
from mappings.http import VendorReply
from mappings.spec import VendorDrift, decode

Query = tuple[tuple[str, str], ...]
Listed = tuple[tuple[Raw, ...], str | None]
"""The records of a page, and the cursor of the next page; None on the last page."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
SECOND: Final = timedelta(seconds=1)
_SPOT: Final = re.compile(r"([0-9TZ:.-]{10,30})(?:/(.*))?")
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,6}")
_PAGE: Final = re.compile(r"([1-9][0-9]{0,8})/([0-9A-Za-z_.~%-]{0,240})(?:/([0-9]{1,9})/([0-9A-Za-z_.~%-]{0,240}))?")
_OFFSET: Final = re.compile(r"([0-9]{1,10})-([0-9A-Za-z_.~%-]{0,240})")  # the id is quoted


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
    first; None starts at the beginning. With `descending`, at `since` or earlier, newest first. With `ties`, those of
    exactly `since`, ordered by id, after the first `offset`."""

    since: datetime | None
    by_change: bool
    rows: int
    descending: bool = False
    ties: bool = False
    offset: int = 0


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
    """A list ordered by time, in either direction. The order of records with the same time need not be known.

    A page ends before the time of its last record, because further records may share that time. The next page begins
    at it, so a record that changes meanwhile is listed again. If all records of a page have the same time, they are
    listed by id and offset instead (`Offsets`); the list then continues after that time.

    `ask` returns the parameters of a window. `head` returns the id of a record and its time of change or creation.
    `spell` formats a time with the precision of the vendor's comparison, which is `tick`. `total`, `of` and `numbered`
    are those of `Offsets`. `is_exact`: the vendor can list the records of one time alone, by id. Otherwise, a window of
    `ties` has the order of any other, and later records follow.
    """

    ask: Callable[[Window], Query]
    head: Callable[[Raw, bool], tuple[str, datetime | None]]
    spell: Callable[[datetime], str]
    most: int
    tick: timedelta = SECOND
    total: Callable[[VendorReply], int | None] = lambda reply: None
    of: type[int] | type[str] = int
    is_exact: bool = True
    numbered: bool = False

    def window(self, query: ListQuery) -> Query:
        """Return the parameters of a page. Raises ValueError for a foreign cursor."""
        since, place = self._spot(query)
        if since is not None and place is not None:
            return self._ties(since, query).window(replace(query, after=place or None))
        return self.ask(
            Window(since=since, by_change=query.by_change, rows=self._rows(query), descending=query.descending)
        )

    def page(self, query: ListQuery, records: tuple[Raw, ...], reply: VendorReply) -> Listed:
        """Return up to `limit` records, and the cursor after them. Raises VendorDrift if the vendor ignores the time at
        which a page begins."""
        since, place = self._spot(query)
        moments = [self.spell(self.head(record, query.by_change)[1] or EPOCH) for record in records]
        if since is not None and place is not None:
            return self._tied_page(since, place, query, records, moments, reply)
        total, rows = self.total(reply), self._rows(query)
        has_more = len(records) < total if total is not None else len(records) >= rows
        if not records or (len(records) <= query.limit and not has_more):
            return records, None
        last = moments[min(query.limit, len(moments) - 1)]
        if query.after is not None and _is_stuck(last, moments[0], query.after, descending=query.descending):
            raise VendorDrift("$", "the list does not begin at the requested time")
        if moments[0] != last:
            return records[: moments.index(last)], last
        if self.is_exact:
            return (), f"{last}/"
        return self._tied_page(_time(last), "", query, records, moments, reply)

    def _tied_page(
        self,
        since: datetime,
        place: str,
        query: ListQuery,
        records: tuple[Raw, ...],
        moments: list[str],
        reply: VendorReply,
    ) -> Listed:
        """Return a page of the records of one time, and the next cursor: beyond that time after the last."""
        spelled = self.spell(since)
        tied = tuple(record for record, moment in zip(records, moments, strict=True) if moment == spelled)
        listed, following = self._ties(since, query).page(replace(query, after=place or None), tied, reply)
        beyond = self.spell(since - self.tick if query.descending else since + self.tick)
        return listed, beyond if following is None else f"{spelled}/{following}"

    def _ties(self, since: datetime, query: ListQuery) -> "Offsets":
        """Return the list of the records of one time."""
        window = Window(since=since, by_change=query.by_change, rows=0, descending=query.descending, ties=True)
        return Offsets(
            ask=lambda offset, rows: self.ask(replace(window, offset=offset, rows=rows)),
            id=lambda record: self.of(self.head(record, query.by_change)[0]),
            most=self.most,
            total=self.total if self.is_exact else lambda reply: None,
            of=self.of,
            descending=query.descending,
            is_ordered=self.is_exact,
            numbered=self.numbered,
        )

    def _spot(self, query: ListQuery) -> tuple[datetime | None, str | None]:
        """Return the time at which a page begins, and the place among the records of that time; None if the page begins
        with all of them."""
        if query.after is None:
            return query.updated_since, None
        match = _SPOT.fullmatch(query.after)
        if match is None or self.spell(_time(match[1])) != match[1]:
            raise ValueError("not a cursor of this list")
        return _time(match[1]), match[2]

    def _rows(self, query: ListQuery) -> int:
        """Return the rows to request: one more than wanted, because the last one belongs to the next page."""
        return min(query.limit + 1, self.most)


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

    If the order is unknown (`is_ordered=False`), a page continues after the last listed record. Without that record,
    the previous page is listed again. Records are missed only if more than a page is deleted between two requests.

    `ask` returns the parameters for an offset and a number of rows. `id` returns the id of a record. `total` reads the
    number of all rows from a reply, or None. `numbered`: the vendor has page numbers instead of offsets, so the offset
    is a multiple of the number of rows. `since` returns the parameters that limit the list to changes since a time.
    """

    ask: Callable[[int, int], Query]
    id: Callable[[Raw], int | str]
    most: int
    total: Callable[[VendorReply], int | None] = lambda reply: None
    of: type[int] | type[str] = int
    descending: bool = False
    is_ordered: bool = True
    numbered: bool = False
    since: Callable[[datetime], Query] = lambda moment: ()

    def window(self, query: ListQuery) -> Query:
        """Return the parameters of a page. Raises ValueError for a foreign cursor."""
        changed = () if query.updated_since is None else self.since(query.updated_since)
        return (*self.ask(*self._span(query)), *changed)

    def page(self, query: ListQuery, records: tuple[Raw, ...], reply: VendorReply) -> Listed:
        """Return up to `limit` records after the last listed one, and the next cursor."""
        (offset, last), (start, rows) = self._place(query.after), self._span(query)
        ids = [self.id(record) for record in records]
        if offset > 0 and self._has_moved(ids, last):
            return (), _cursor(max(start - rows, 0), last if self.is_ordered else "")
        fresh = self._after(ids, last)[: query.limit]
        if not fresh and not ids:
            return (), None
        last = ids[fresh[-1]] if fresh else last
        end = start + ids.index(last) + 1 if last in ids else start + len(ids)
        total = self.total(reply)
        more = end < total if total is not None else len(ids) >= rows or end < start + len(ids)
        return tuple(records[place] for place in fresh), _cursor(end, last) if more else None

    def _place(self, cursor: str | None) -> tuple[int, Any]:
        """Return the number of rows before the page, and the last listed id; None for none."""
        if cursor is None:
            return 0, None
        match = _OFFSET.fullmatch(cursor)
        if match is None:
            raise ValueError("not a cursor of this list")
        return int(match[1]), self.of(unquote(match[2])) if match[2] else None

    def _has_moved(self, ids: list[Any], last: Any) -> bool:
        """Return whether rows may have moved up, so that the page begins too far down."""
        if self.is_ordered:
            return not ids or self._is_later(ids[0], last)
        return last is not None and last not in ids

    def _after(self, ids: list[Any], last: Any) -> list[int]:
        """Return the places of the records after the last listed one."""
        if self.is_ordered:
            return [place for place, id in enumerate(ids) if self._is_later(id, last)]
        return [*range(ids.index(last) + 1 if last in ids else 0, len(ids))]

    def _is_later(self, id: Any, last: Any) -> bool:
        """Return whether a record comes after the last listed one."""
        return last is None or (id < last if self.descending else id > last)

    def _span(self, query: ListQuery) -> tuple[int, int]:
        """Return the offset and the rows to request: one more than wanted, for the row before the page."""
        start, rows = max(self._place(query.after)[0] - 1, 0), min(query.limit + 1, self.most)
        if not self.numbered or start == 0:
            return start, rows
        # Of several large page sizes, take the one whose page with the first row ends last.
        sizes = range(min(self.most * 5 // 6, self.most - 3), self.most + 1)
        rows = max(sizes, key=lambda size: start // size * size + size)
        return start // rows * rows, rows


@dataclass(frozen=True, kw_only=True, eq=False)
class FixedPages:
    """A list by page number whose pages have a fixed `size`: none can begin with the last row of the page before.

    The list is ordered by id, upwards: by number, or by text (`of=str`). After each page that begins with a new record,
    the page before is read again. If it does not end with the last listed record, the rows have moved up, and the list
    goes on from there. So no record is missed; some may be listed twice.

    A list in another order, such as by time of creation, misses records only if as many as fill a page are deleted
    while two pages are read.

    `ask` returns the parameters of a page, the first of which is 1. `id` returns the id of a record.
    """

    size: int
    id: Callable[[Raw], int | str]
    ask: Callable[[int], Query] = lambda page: (("page", str(page)),)
    of: type[int] | type[str] = int

    def window(self, query: ListQuery) -> Query:
        """Return the parameters of a page. Raises ValueError for a foreign cursor."""
        return self.ask(self._place(query.after)[0])

    def page(self, query: ListQuery, records: tuple[Raw, ...], reply: VendorReply) -> Listed:
        """Return up to `limit` records after the last listed one, and the next cursor."""
        page, last, resumed = self._place(query.after)
        ids: list[Any] = [self.of(self.id(record)) for record in records]
        if resumed is not None and ids and ids[-1] == last:
            return (), _unless_end(resumed)
        fresh = range(ids.index(last) + 1 if last in ids else 0, len(ids))
        listed = fresh[: query.limit]
        end = ids[listed[-1]] if listed else last
        following = page if len(fresh) > len(listed) else page + 1 if len(ids) >= self.size else 0
        after = f"{following}/{_quoted(end)}"
        if page > 1 and last not in ids and (resumed is None or not ids or last is None or ids[0] > last):
            after = f"{page - 1}/{_quoted(last)}/{after}"
        return tuple(records[place] for place in listed), _unless_end(after)

    def _place(self, cursor: str | None) -> tuple[int, Any, str | None]:
        """Return the page, the last listed id or None, and for a page that is read again the cursor to go on with."""
        if cursor is None:
            return 1, None, None
        match = _PAGE.fullmatch(cursor)
        if match is None:
            raise ValueError("not a cursor of this list")
        resumed = None if match[3] is None else f"{match[3]}/{match[4]}"
        return int(match[1]), self.of(unquote(match[2])) if match[2] else None, resumed


def _is_stuck(last: str, first: str, begin: str, *, descending: bool) -> bool:
    """Return whether the next page would not begin after this one, by times as the vendor spells them."""
    return (last > begin if descending else last < begin) or last == begin != first


def _cursor(offset: int, last: Any) -> str:
    return f"{offset}-{_quoted(last)}"


def _unless_end(cursor: str) -> str | None:
    """Return the cursor of a fixed page, or None for page 0, which is the end of the list."""
    return None if cursor.startswith("0/") else cursor


def _quoted(id: Any) -> str:
    return "" if id is None else quote(str(id), safe="")


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
