"""Connections: pages of a list whose cursors stay valid when the list changes."""

import base64
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from emulators.shopify.errors import top_error

JsonRecord = dict[str, Any]
Item = TypeVar("Item")
Place = tuple[Any, int]

MOST_PER_PAGE = 250
BAD_CURSOR = "Invalid cursor for current pagination sort."


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a page: the last item's sort value and its number, which breaks ties."""

    last_value: str | float | None
    last_id: int


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Consecutive items of a list, and whether there are more on either side."""

    items: list[Any]
    cursors: list[str]
    has_next: bool
    has_previous: bool


def cut(items: Sequence[Item], place_of: Callable[[Item], Place], args: JsonRecord) -> Page:
    """Return the page of `items` for `first`/`after` or `last`/`before`.

    `place_of` returns an item's sort value and number, by which the items are sorted here. Raises a top-level error
    with code BAD_REQUEST for invalid arguments.
    """
    size, forwards = _size(args)
    reverse = bool(args.get("reverse"))
    ordered = sorted(items, key=lambda item: _sortable(place_of(item)), reverse=reverse)
    places = [_sortable(place_of(item)) for item in ordered]

    start, end = 0, len(ordered)
    try:
        if args.get("after") is not None:
            last = _sortable(_read(args["after"]))
            start = sum(1 for place in places if (place >= last if reverse else place <= last))
        if args.get("before") is not None:
            last = _sortable(_read(args["before"]))
            end = sum(1 for place in places if (place > last if reverse else place < last))
    except TypeError as error:
        # The cursor belongs to a list with another sort.
        raise top_error(BAD_CURSOR, "BAD_REQUEST") from error

    low, high = (start, min(end, start + size)) if forwards else (max(start, end - size), end)
    on_page = list(ordered[low:high])
    return Page(
        items=on_page,
        cursors=[_written(place_of(item)) for item in on_page],
        has_next=high < len(ordered),
        has_previous=low > 0,
    )


def connection(page: Page, nodes: list[JsonRecord]) -> JsonRecord:
    """Return a page as a connection object. `nodes` are its items as records."""
    cursors = page.cursors
    return {
        "edges": [{"cursor": cursor, "node": node} for cursor, node in zip(cursors, nodes, strict=True)],
        "nodes": nodes,
        "pageInfo": {
            "hasNextPage": page.has_next,
            "hasPreviousPage": page.has_previous,
            "startCursor": cursors[0] if cursors else None,
            "endCursor": cursors[-1] if cursors else None,
        },
    }


def of_list(nodes: list[JsonRecord], args: JsonRecord) -> JsonRecord:
    """Return a connection over a list, in its order."""
    page = cut(list(enumerate(nodes)), lambda item: (item[0], item[0]), args)
    return connection(page, [node for _, node in page.items])


def _size(args: JsonRecord) -> tuple[int, bool]:
    first, last = args.get("first"), args.get("last")
    if first is None and last is None:
        raise top_error("you must provide one of first or last", "BAD_REQUEST")
    if first is not None and last is not None:
        raise top_error("providing both first and last is not supported", "BAD_REQUEST")
    name, size = ("first", int(first)) if first is not None else ("last", int(last or 0))
    if size < 0:
        raise top_error(f"{name} cannot be negative", "BAD_REQUEST")
    if size > MOST_PER_PAGE:
        raise top_error(f"{name} cannot exceed {MOST_PER_PAGE}", "BAD_REQUEST")
    return size, first is not None


def _sortable(place: Place) -> tuple[bool, Any, int]:
    """Sort missing values first, as in an ascending list."""
    value, number = place
    return (value is not None, value if value is not None else 0, number)


def _written(place: Place) -> str:
    value, number = place
    cursor = Cursor(last_value=value, last_id=number)
    return base64.b64encode(msgspec.json.encode(cursor)).decode()


def _read(text: str) -> Place:
    try:
        cursor = msgspec.json.decode(base64.b64decode(text, validate=True), type=Cursor)
    except (ValueError, msgspec.DecodeError) as error:
        raise top_error(BAD_CURSOR, "BAD_REQUEST") from error
    return cursor.last_value, cursor.last_id
