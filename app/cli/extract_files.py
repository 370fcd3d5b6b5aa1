"""Write the rows of an extract: JSON lines, or Parquet with scalar columns and JSON in text columns."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import ModuleType
from typing import IO, Any, Final, Literal

import msgspec
from msgspec import Raw

from app.errors import Complaint
from app.events.extract import ExtractColumn, Row

Format = Literal["jsonl", "parquet"]
COMPRESSION: Final = "zstd"


Writer = Callable[[Sequence[Row]], Any]
"""Writes a page of rows."""


@contextmanager
def json_rows(file: IO[bytes]) -> Iterator[Writer]:
    """Yield what writes one JSON object per line, with nested values as they are."""
    encoder = msgspec.json.Encoder()
    yield lambda rows: file.write(encoder.encode_lines(rows))


@contextmanager
def parquet_rows(file: IO[bytes], columns: Sequence[ExtractColumn]) -> Iterator[Writer]:
    """Yield what writes a page as a row group of Parquet, whose footer follows the block. Every file of an object has
    the same schema. Lists and objects are JSON texts, which DuckDB and BigQuery read with their JSON functions: a new
    member of an address changes no column."""
    arrow = import_pyarrow()
    types = {
        "text": arrow.string(),
        "json": arrow.string(),
        "flag": arrow.bool_(),
        "number": arrow.int64(),
        "time": arrow.timestamp("us", tz="UTC"),
    }
    schema = arrow.schema([arrow.field(column.name, types[column.kind]) for column in columns])

    def write(rows: Sequence[Row]) -> None:
        plain = [{name: _plain(value) for name, value in row.items()} for row in rows]
        writer.write_table(arrow.Table.from_pylist(plain, schema=schema))

    with arrow.parquet.ParquetWriter(file, schema, compression=COMPRESSION) as writer:
        yield write


def _plain(value: Any) -> Any:
    return bytes(value).decode() if isinstance(value, Raw) else value


def import_pyarrow() -> ModuleType:
    """Return pyarrow with its Parquet module. Raises Complaint without it."""
    try:
        import pyarrow  # type: ignore[import-untyped] # noqa: PLC0415 - an extra
        import pyarrow.parquet  # type: ignore[import-untyped] # noqa: PLC0415
    except ImportError:
        raise Complaint("Parquet needs pyarrow, which is an extra: pip install 'lockstitch[extract]'.") from None
    module: ModuleType = pyarrow
    return module


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Yield a file that appears at `path` when the block has succeeded, readable by its owner only. Otherwise what was
    there stays. Raises Complaint if it cannot be written."""
    try:
        with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            try:
                yield file.file
                file.flush()
                os.fsync(file.fileno())
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise Complaint(f"{path} cannot be written: {error.strerror}.") from error
