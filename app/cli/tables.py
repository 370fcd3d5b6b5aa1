"""Tables that fit 80 columns: no frame, short times, and unbroken ids that can be copied."""

import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.cli.printing import write_json
from app.http.paging import Page

T = TypeVar("T")
Cells = tuple[str, ...]


def table(*columns: str) -> Table:
    """Make a table whose first column never wraps. Without any names it has no header."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", show_header=any(columns))
    for number, column in enumerate(columns):
        made.add_column(column, no_wrap=number == 0, overflow="fold")
    return made


def print_page(page: Page, columns: Sequence[str], row: Callable[[Any], Cells], *, none: str, json: bool) -> None:
    """Print one page of a list, or `none` if it is empty.

    The cursor goes to standard error, so that a pipe receives only the list.
    """
    if json:
        write_json(page)
        return
    if not page.data:
        sys.stdout.write(f"{none}\n")
        return
    Console().print(filled_table(columns, page.data, row))
    if page.next_cursor is not None:
        sys.stderr.write(f"More: --cursor {page.next_cursor}\n")


def filled_table(columns: Sequence[str], items: Iterable[T], row: Callable[[T], Cells]) -> Table:
    """Return a table with a row of each item. Its cells are printed as they are, without markup."""
    filled = table(*columns)
    for item in items:
        filled.add_row(*map(Text, row(item)))
    return filled


def facts(*named: tuple[str, str | None]) -> Table:
    """Make a table of names and values, without those that are None or empty."""
    made = table("", "")
    for name, value in named:
        if value:
            made.add_row(Text(name, style="bold"), Text(value))
    return made


def moment(at: datetime) -> str:
    """Format a time in UTC, to the minute."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"


def span(seconds: float) -> str:
    """Format a duration in one unit: `0.4 s`, `41 s`, `12 min`, `3.2 h`, `4.0 d`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.1f} d"
