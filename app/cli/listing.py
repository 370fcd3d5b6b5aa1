"""Lists that go on: one page as a table or as JSON, and how to come to the next."""

import sys
from collections.abc import Callable
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.cli.exits import usage
from app.cli.printing import write_json
from app.http.paging import Page

Cells = tuple[str | Text, ...]

MOST: Final = 250
"""Of a page, as at the API."""


def judge_limit(limit: int) -> None:
    """Ends the command for a page that is empty or too long."""
    if not 1 <= limit <= MOST:
        usage(f"--limit {limit}: 1 to {MOST}.")


def show_page(page: Page, shown: Table, row: Callable[[Any], Cells], *, none: str, json: bool) -> None:
    """Print `shown`, filled with a row of each; `none` where there are none. The cursor goes to standard error, so that
    what is piped is the list alone."""
    if json:
        write_json(page)
        return
    if not page.data:
        sys.stdout.write(f"{none}\n")
        return
    for each in page.data:
        shown.add_row(*row(each))
    Console().print(shown)
    if page.next_cursor is not None:
        sys.stderr.write(f"There are more: --cursor {page.next_cursor}\n")
