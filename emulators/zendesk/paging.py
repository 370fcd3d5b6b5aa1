"""Zendesk's two ways of paging: by cursor (`page[size]`, `page[after]`) and by offset (`page`, `per_page`)."""

import base64
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any
from urllib.parse import urlencode

import msgspec

from emulators.http import Answer, Call, json_answer
from emulators.state import JsonRecord
from emulators.zendesk.desk import Desk, whole_number
from emulators.zendesk.errors import bad_request

PAGE_SIZE = 100
OFFSET_DEPTH = 10_000

Row = tuple[int, JsonRecord]
Keep = Callable[[JsonRecord], bool]
RowsAfter = Callable[[int], Iterable[Row]]
Extra = Callable[[list[JsonRecord]], dict[str, Any]]


def by_cursor(call: Call) -> bool:
    """Return whether the caller requests cursor paging."""
    return any(name.startswith("page[") for name, _ in call.query)


def listed(desk: Desk, call: Call, object: str, *, keep: Keep | None = None, extra: Extra | None = None) -> Answer:
    """Return one page of the records of `object` for which `keep` holds, in the order of their creation, in the
    requested kind of paging. `extra` adds further members, such as side-loads, for the records of the page."""
    if by_cursor(call):
        return _cursor_page(desk, call, object, lambda after: _rows(desk, object, after, keep), extra)
    rows = [record for record in desk.state.all(object) if keep is None or keep(record)]
    return offset_page(desk, call, object, rows, extra)


def listed_few(desk: Desk, call: Call, name: str, records: list[JsonRecord], extra: Extra | None = None) -> Answer:
    """Return one page of a complete list, in the requested kind of paging."""
    if by_cursor(call):
        placed = list(enumerate(records, start=1))
        return _cursor_page(desk, call, name, lambda after: (row for row in placed if row[0] > after), extra)
    return offset_page(desk, call, name, records, extra)


def offset_page(
    desk: Desk, call: Call, name: str, records: list[JsonRecord], extra: Extra | None = None, depth: int = OFFSET_DEPTH
) -> Answer:
    """Return one page of `records` under `name`, with `count`, `next_page` and `previous_page`. 400 past `depth`
    records."""
    size = whole_number(call.param("per_page"), PAGE_SIZE, high=PAGE_SIZE)
    page = whole_number(call.param("page"), 1, high=1_000_000)
    if page * size > depth and (page - 1) * size >= depth:
        raise bad_request(
            "InvalidPaginationDepth", f"Number of records exceeds {depth}. Use cursor pagination instead."
        )

    on_page = records[(page - 1) * size : page * size]
    more = page * size < len(records)
    body: dict[str, Any] = {
        name: on_page,
        "next_page": link(desk, call, {"page": str(page + 1)}) if more else None,
        "previous_page": link(desk, call, {"page": str(page - 1)}) if page > 1 else None,
        "count": len(records),
    }
    return json_answer(200, {**body, **(extra(on_page) if extra else {})})


def seal(value: Any) -> str:
    """Return a value as an opaque cursor."""
    return base64.urlsafe_b64encode(msgspec.json.encode(value)).decode()


def unseal(cursor: str) -> Any:
    """Return the value of a cursor. Raises the vendor's 400 for a foreign one."""
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor.encode()))
    except (ValueError, msgspec.DecodeError) as error:
        raise bad_request("InvalidCursor", "page[after] and page[before] take a cursor of an earlier page") from error


def _cursor_page(desk: Desk, call: Call, name: str, rows_after: RowsAfter, extra: Extra | None) -> Answer:
    size = whole_number(call.param("page[size]"), PAGE_SIZE, high=PAGE_SIZE)
    before = call.param("page[before]")
    if before is not None:
        earlier = [row for row in rows_after(0) if row[0] < _place(before)]
        rows, more = earlier[-size:], len(earlier) > size
    else:
        after = call.param("page[after]")
        rows = list(islice(rows_after(_place(after) if after else 0), size + 1))
        rows, more = rows[:size], len(rows) > size

    on_page = [record for _, record in rows]
    first, last = (seal({"o": "id", "v": rows[0][0]}), seal({"o": "id", "v": rows[-1][0]})) if rows else (None, None)
    body: dict[str, Any] = {
        name: on_page,
        "meta": {"has_more": more, "after_cursor": last, "before_cursor": first},
        "links": {
            "prev": link(desk, call, {"page[before]": first, "page[size]": str(size)}) if first else None,
            "next": link(desk, call, {"page[after]": last, "page[size]": str(size)}) if last else None,
        },
    }
    return json_answer(200, {**body, **(extra(on_page) if extra else {})})


def _rows(desk: Desk, object: str, after: int, keep: Keep | None) -> Iterable[Row]:
    while True:
        chunk = desk.state.page(object, after=after, limit=4 * PAGE_SIZE)
        yield from (row for row in chunk if keep is None or keep(row[1]))
        if len(chunk) < 4 * PAGE_SIZE:
            return
        after = chunk[-1][0]


def _place(cursor: str) -> int:
    value = unseal(cursor)
    if not isinstance(value, dict) or not isinstance(value.get("v"), int):
        raise bad_request("InvalidCursor", "page[after] and page[before] take a cursor of an earlier page")
    place: int = value["v"]
    return place


def link(desk: Desk, call: Call, changed: dict[str, str]) -> str:
    """Return the URL of this call with some query parameters changed."""
    dropped = {"page[after]", "page[before]"} if any(name.startswith("page[") for name in changed) else set()
    kept = [(name, value) for name, value in call.query if name not in changed and name not in dropped]
    return f"{desk.base.removesuffix('/api/v2')}{call.path}?{urlencode([*kept, *changed.items()])}"
