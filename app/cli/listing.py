"""Print one page of a list as a table or as JSON, and the cursor of the next page."""

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
"""The maximum page size, like in the API."""


def check_limit(limit: int) -> None:
    """Exit unless the limit is 1 to MOST."""
    if not 1 <= limit <= MOST:
        usage(f"--limit {limit}: must be 1 to {MOST}.")


def show_page(page: Page, shown: Table, row: Callable[[Any], Cells], *, none: str, json: bool) -> None:
    """Print `shown` with a row of each item, or `none` for an empty page.

    The cursor goes to standard error, so that a pipe receives only the list.
    """
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
        sys.stderr.write(f"More: --cursor {page.next_cursor}\n")
