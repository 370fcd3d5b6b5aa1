"""Connections: pages of a list whose cursors stay valid when the list changes."""

import base64
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from emulators.shopify.errors import top_error

JsonRecord = dict[str, Any]
Item = TypeVar("Item")
Place = tuple[str | None, int]

MOST_PER_PAGE = 250
BAD_CURSOR = "Invalid cursor for current pagination sort."


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a page: the last item's sort value and its number, which breaks ties."""

    last_value: str | None
    last_id: int


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Consecutive items of a list, the cursor of the last, and whether more follow."""

    items: list[Any]
    end: str | None
    has_next: bool


def cut(items: Sequence[Item], place_of: Callable[[Item], Place], args: JsonRecord) -> Page:
    """Return the page of `items` for `first` and `after`.

    `place_of` returns an item's sort value and number, by which the items are sorted here. Raises a top-level error
    with code BAD_REQUEST for invalid arguments.
    """
    size, reverse = _size(args), bool(args.get("reverse"))
    ordered = sorted(items, key=lambda item: _sortable(place_of(item)), reverse=reverse)
    places = [_sortable(place_of(item)) for item in ordered]

    start = 0
    if args.get("after") is not None:
        last = _sortable(_read(args["after"]))
        start = sum(1 for place in places if (place >= last if reverse else place <= last))

    on_page = ordered[start : start + size]
    return Page(
        items=on_page,
        end=_written(place_of(on_page[-1])) if on_page else None,
        has_next=start + size < len(ordered),
    )


def connection(page: Page, nodes: list[JsonRecord]) -> JsonRecord:
    """Return a page as a connection object. `nodes` are its items as records."""
    return {"nodes": nodes, "pageInfo": {"hasNextPage": page.has_next, "endCursor": page.end}}


def of_list(nodes: list[JsonRecord], args: JsonRecord) -> JsonRecord:
    """Return a connection over a list, in its order."""
    page = cut(list(enumerate(nodes)), lambda item: (None, item[0]), args)
    return connection(page, [node for _, node in page.items])


def _size(args: JsonRecord) -> int:
    size = args.get("first")
    if size is None:
        raise top_error("you must provide one of first or last", "BAD_REQUEST")
    if size < 0:
        raise top_error("first cannot be negative", "BAD_REQUEST")
    if size > MOST_PER_PAGE:
        raise top_error(f"first cannot exceed {MOST_PER_PAGE}", "BAD_REQUEST")
    return int(size)


def _sortable(place: Place) -> tuple[bool, str, int]:
    """Sort missing values first, as in an ascending list."""
    value, number = place
    return (value is not None, value or "", number)


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
