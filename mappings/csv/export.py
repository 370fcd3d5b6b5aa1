"""Read an export file: its header, its rows, and the identity of each row.

The file is read as a stream, to keep it in memory only once. Python's `csv` reads it (RFC 4180) in strict mode: after
an unclosed quote, the start of the next row is unknown.

The reason of a refusal never repeats the file's content. Even the first row may hold personal data, if the header is
missing.
"""

import csv
import hashlib
import io
from collections.abc import Iterator
from typing import BinaryIO, Final

import msgspec
from msgspec import Struct

from mappings.csv.cells import DAMAGED
from mappings.csv.layout import Layout
from mappings.csv.rows_r1 import Row, remote_id_of

MOST_ROWS: Final = 100_000
LONGEST_CELL: Final = csv.field_size_limit()
"""Characters of a cell that Python's `csv` accepts."""
DOS_END: Final = "\x1a"
"""Control-Z, with which programs of DOS end a file."""
DELIMITERS: Final = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}
KINDS: Final = {
    b"PK\x03\x04": "a ZIP archive, as .xlsx files are",
    b"\xd0\xcf\x11\xe0": "an .xls file",
    b"\x1f\x8b": "compressed with gzip",
    b"%PDF": "a PDF",
    b"\xef\xbb\xbf": "UTF-8",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
"""Formats and encodings by their first bytes. They are uploaded by mistake, unless the layout names the encoding."""


class UnreadableExport(Exception):
    """The file cannot be read. `reasons` never hold the content of a cell."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class ReadRow(Struct, frozen=True, kw_only=True):
    """One row of the file. `identity` identifies its record (32 bytes). `digest` identifies its content (SHA-256 over
    the layout and the read cells). `remote_id` is None if the row identifies no record or has a fault."""

    row: Row
    identity: bytes
    digest: bytes
    remote_id: str | None


def count_rows(file: BinaryIO, layout: Layout) -> int:
    """Return the number of rows, reading the whole file. Raises UnreadableExport."""
    records = _records(file, layout)
    _places(records, layout)
    return sum(1 for _ in records)


def read_rows(file: BinaryIO, layout: Layout) -> Iterator[ReadRow]:
    """Yield every row. A second row of the same record with other content has a fault.

    Raises UnreadableExport.
    """
    records = _records(file, layout)
    places, width = _places(records, layout)
    first_rows: dict[bytes, tuple[bytes, int]] = {}
    for number, cells in records:
        read = _row(number, cells, places, width, layout)
        digest, first = first_rows.setdefault(read.identity, (read.digest, number))
        if digest != read.digest:
            fault = f"contradicts row {first}, which is about the same record"
            row = Row(row=number, cells=read.row.cells, fault=fault)
            read = _faulty(row, read.digest)
        yield read


def _row(number: int, cells: list[str], places: dict[str, int], width: int, layout: Layout) -> ReadRow:
    named = {name: cells[place] if place < len(cells) else "" for name, place in places.items()}
    if len(cells) != width:
        digest = _digest(layout, cells)
        fault = f"has {len(cells)} cells, but the header has {width}"
        return _faulty(Row(row=number, cells=named, fault=fault), digest)
    row = Row(row=number, cells=named)
    digest = _digest(layout, [named[name] for name in layout.names])
    remote_id = remote_id_of(named, layout.key)
    if remote_id is None:
        return _faulty(row, digest)
    return ReadRow(row=row, identity=identity_of(remote_id), digest=digest, remote_id=remote_id)


def identity_of(remote_id: str) -> bytes:
    """Return 32 bytes that identify a record."""
    return hashlib.sha256(remote_id.encode()).digest()


def _faulty(row: Row, digest: bytes) -> ReadRow:
    """Return a row without a record; its content is its identity."""
    return ReadRow(row=row, identity=hashlib.sha256(b"faulty " + digest).digest(), digest=digest, remote_id=None)


def _digest(layout: Layout, cells: list[str]) -> bytes:
    return hashlib.sha256(layout.fingerprint + msgspec.json.encode(cells)).digest()


def _records(file: BinaryIO, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows with any filled cell, with their numbers. Raises UnreadableExport."""
    encoding = "utf-8-sig" if layout.encoding == "utf-8" else layout.encoding
    kind = _kind_of(file)
    if kind is not None and not layout.encoding.startswith(kind.lower()):
        raise UnreadableExport(f"it is {kind}, not CSV in {layout.encoding}")
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=encoding, errors="replace", newline="")
    number = 0
    try:
        for number, cells in enumerate(csv.reader(text, delimiter=layout.delimiter, strict=True), 1):
            if number > MOST_ROWS + 1:
                raise UnreadableExport(f"it has more than {MOST_ROWS} rows: split it, with the header in each part")
            if any(cell.strip().strip(DOS_END) for cell in cells):
                yield number, cells
    except csv.Error as error:
        if "field limit" in str(error):
            fault = f"has a cell of more than {LONGEST_CELL} characters: is a quote left open?"
        else:
            fault = f"is not quoted as RFC 4180 requires: {error}"
        raise UnreadableExport(f"row {number + 1} {fault}") from error
    except UnicodeError as error:
        raise UnreadableExport(f"it is not valid {layout.encoding}") from error
    finally:
        if not file.closed:
            text.detach()  # keep the file open for the next reader


def _kind_of(file: BinaryIO) -> str | None:
    """Return the format or the encoding of a file by its first bytes. None if unknown."""
    file.seek(0)
    beginning = file.read(4)
    return next((kind for mark, kind in KINDS.items() if beginning.startswith(mark)), None)


def _places(records: Iterator[tuple[int, list[str]]], layout: Layout) -> tuple[dict[str, int], int]:
    """Return the position of each read column, and the number of all columns. Raises UnreadableExport."""
    _, header = next(records, (0, []))
    if not header:
        raise UnreadableExport("it is empty: it needs at least a header")
    names = [name.strip() for name in header]
    missing = [name for name in layout.names if name not in names]
    reasons = [f"the header has no column {name!r}" for name in missing]
    if len(missing) == len(layout.names):
        reasons = [f"the header has none of the columns {', '.join(map(repr, missing))}"]
    if missing:
        reasons += _guesses(header, layout)
    reasons += [f"the header has the column {name!r} twice" for name in layout.names if names.count(name) > 1]
    if reasons:
        raise UnreadableExport(*reasons)
    return {name: names.index(name) for name in layout.names}, len(names)


def _guesses(header: list[str], layout: Layout) -> list[str]:
    """Return possible reasons for missing columns."""
    if any("\0" in name or DAMAGED in name for name in header):
        return [f"its first row is not valid {layout.encoding}: check the encoding"]
    line = layout.delimiter.join(header)
    for delimiter, title in DELIMITERS.items():
        if delimiter != layout.delimiter and set(layout.names) <= {name.strip() for name in line.split(delimiter)}:
            return [f"with {title} as the delimiter it has them all, but the layout says {layout.delimiter!r}"]
    guess = f"its first row has {len(header)} cell{'' if len(header) == 1 else 's'}"
    return [guess if any(name.strip() in layout.names for name in header) else f"{guess}: is it the header?"]
