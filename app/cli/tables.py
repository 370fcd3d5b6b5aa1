"""Tables for people: no frame, short times, ids that can be copied whole.

On a terminal, text wraps to its width (or to COLUMNS). Through a pipe, each row is one line, however long.
"""

import os
import re
import sys
import textwrap
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import fields

from app.cli.printing import CONTROL, REPLACEMENT, say, write_json
from app.http.paging import Page
from app.monitoring.advice import in_commands

T = TypeVar("T")
Cells = tuple[str, ...]

BOLD: Final = "1"
GAP: Final = "  "
LONGEST_WORD: Final = 40
"""Characters of a word that stays whole if there is room."""
NARROWEST: Final = 6
_ID: Final = re.compile(r"[a-z]+_[0-9a-f]{32,}")


def print_page(page: Page, columns: Sequence[str], row: Callable[[Any], Cells], *, none: str, json: bool) -> None:
    """Print one page of a list, or `none` if it is empty.

    The cursor goes to standard error, so that a pipe receives only the list.
    """
    if json:
        write_json(page)
    elif not page.data:
        sys.stdout.write(f"{none}\n")
    else:
        print_table(columns, page.data, row)
    if page.next_cursor is not None and not json:
        sys.stderr.write(f"More: --cursor {page.next_cursor}\n")


def print_table(columns: Sequence[str], items: Iterable[T], row: Callable[[T], Sequence[str]]) -> None:
    """Print a row of each item below a header. Columns without names have no header."""
    rows = [[CONTROL.sub(REPLACEMENT, cell) for cell in row(item)] for item in items]
    header = [list(columns)] if any(columns) else []
    width = screen()
    if width is None:
        rows = [[" ".join(cell.split("\n")) for cell in cells] for cells in rows]
    for number, line in enumerate(_lines(header + rows, len(columns), width)):
        say(line, style=BOLD if number < len(header) else "")


def print_facts(*named: tuple[str, Any]) -> None:
    """Print names and values, without those that are None, zero or empty. A value has a row for each of its lines."""
    facts = ((name, _fact(value).split("\n")) for name, value in named if value)
    rows = [("" if place else name, line) for name, lines in facts for place, line in enumerate(lines)]
    print_table(("", ""), rows, lambda one: one)


def print_view(view: Struct, **instead: str) -> None:
    """Print each field that says something, or the text instead of it, and JSON documents below."""
    values = {one.name: getattr(view, one.name) for one in fields(view)} | instead
    documents = {name: value for name, value in values.items() if isinstance(value, Raw)}
    print_facts(*((name.replace("_", " "), value) for name, value in values.items() if name not in documents))
    for name, document in documents.items():
        say("", name, *msgspec.json.format(document, indent=2).decode().splitlines())


def _fact(value: Any) -> str:
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, Raw):
        return bytes(value).decode()
    if isinstance(value, int):
        return "yes" if value is True else f"{value:,}"
    if isinstance(value, float):
        return f"{value:,g}"
    if isinstance(value, Struct):
        value = {one.name.replace("_", " "): getattr(value, one.name) for one in fields(value)}
    if isinstance(value, Mapping):
        return "\n".join(f"{name}: {_fact(one)}" for name, one in value.items() if one)
    if isinstance(value, str):
        return in_commands(value)
    between = "\n" if any(isinstance(one, Struct) for one in value) else ", "
    return between.join(_fact(one).replace("\n", ", ") for one in value)


def print_text(*paragraphs: str) -> None:
    """Print sentences, wrapped to the screen. For commands, which must stay whole, use `say`."""
    width = screen()
    for one in paragraphs:
        say(*([one] if width is None else _wrap(one, width)))


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


def screen() -> int | None:
    """Return the columns of the screen; None for a pipe or a file."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return int(columns)
    return os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else None


def _lines(rows: Sequence[Sequence[str]], columns: int, screen: int | None) -> Iterable[str]:
    """Yield the lines of a table."""
    widths = [max((_width(line) for cells in rows for line in cells[at : at + 1]), default=0) for at in range(columns)]
    if screen is not None:
        widths = _fit(rows, widths, screen)
    for cells in rows:
        wrapped = [_wrap(cell, width) for cell, width in zip(cells, widths, strict=False)]
        for at in range(max(map(len, wrapped))):
            parts = [lines[at] if at < len(lines) else "" for lines in wrapped]
            padded = (part + " " * (width - _width(part)) for part, width in zip(parts, widths, strict=False))
            yield GAP.join(padded).rstrip()


def _fit(rows: Sequence[Sequence[str]], widths: Sequence[int], screen: int) -> list[int]:
    """Narrow the widest columns until they fit: first to their longest words, then to their longest ids."""
    words = [[word for cells in rows for word in " ".join(cells[at : at + 1]).split()] for at in range(len(widths))]
    by_word = [min(LONGEST_WORD, max(map(_width, those), default=0)) for those in words]
    by_id = [max((len(word) for word in those if _ID.fullmatch(word)), default=NARROWEST) for those in words]
    fitted, excess = list(widths), sum(widths) + len(GAP) * (len(widths) - 1) - screen
    for floors in (by_word, by_id):
        while excess > 0:
            at = max(range(len(fitted)), key=lambda one: (fitted[one] > floors[one], fitted[one], one))
            if fitted[at] <= floors[at]:
                break
            fitted[at], excess = fitted[at] - 1, excess - 1
    return fitted


def _wrap(cell: str, width: int) -> list[str]:
    return [
        line
        for paragraph in cell.split("\n")
        for line in (
            textwrap.wrap(paragraph, max(width, 1), break_on_hyphens=False)
            if _width(paragraph) > width
            else [paragraph]
        )
    ]


def _width(text: str) -> int:
    """Return how many columns a text takes: the widest of its lines."""
    return max(map(_line_width, text.split("\n")))


def _line_width(line: str) -> int:
    if line.isascii():
        return len(line)
    wide = sum(unicodedata.east_asian_width(sign) in "WF" for sign in line)
    return len(line) + wide - sum(unicodedata.combining(sign) > 0 for sign in line)
