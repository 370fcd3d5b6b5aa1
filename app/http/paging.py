"""Pages of lists."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from msgspec import Struct


class Page(Struct, frozen=True, kw_only=True):
    """The list envelope."""

    data: Sequence[Any]
    next_cursor: str | None
    has_more: bool


T = TypeVar("T")


def page_of(rows: Sequence[T], limit: int, view: Callable[[T], Any] = lambda row: row) -> Page:
    """Build a page from a query for `limit` + 1 rows. The extra row is not shown; it means that there are more. The
    cursor is the id of the last row shown."""
    page = rows[:limit]
    more = len(rows) > limit
    last: Any = page[-1] if more else None
    return Page(data=[view(row) for row in page], next_cursor=None if last is None else str(last.id), has_more=more)


def whole_list(rows: Sequence[Any]) -> Page:
    """Return a whole list as one page."""
    return Page(data=rows, next_cursor=None, has_more=False)
