"""Lists that show the newest first, a page at a time."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from msgspec import Struct


class Page(Struct, frozen=True, kw_only=True):
    """The list envelope."""

    data: Sequence[Any]
    next_cursor: str | None
    has_more: bool


T = TypeVar("T")


def page_of(found: Sequence[T], limit: int, view: Callable[[T], Any] = lambda row: row) -> Page:
    """A page out of what was found when one more was asked for than `limit`: that one is not shown, it says that there
    are more. The cursor is the id of the last one shown."""
    shown = found[:limit]
    more = len(found) > limit
    last: Any = shown[-1] if more else None
    return Page(data=[view(row) for row in shown], next_cursor=None if last is None else str(last.id), has_more=more)


def whole_list(found: Sequence[Any]) -> Page:
    """All that there is, on one page."""
    return Page(data=found, next_cursor=None, has_more=False)
