"""Write the rows of an extract: JSON lines, or Parquet with scalar columns and JSON in text columns."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import ModuleType
from typing import IO, Any, Final, Literal, Protocol

import msgspec
from msgspec import Raw

from app.errors import Complaint
from app.events.extract import ExtractColumn, Row

Format = Literal["jsonl", "parquet"]
COMPRESSION: Final = "zstd"


class RowWriter(Protocol):
    """Writes rows to a file."""

    def write(self, rows: Sequence[Row]) -> None:
        """Write a page of rows."""

    def close(self) -> None:
        """Write what belongs at the end of the file, which stays open."""


class JsonRows:
    """One JSON object per line, with nested values as they are."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._encoder = msgspec.json.Encoder()

    def write(self, rows: Sequence[Row]) -> None:
        """Write a page of rows."""
        self._file.write(self._encoder.encode_lines(rows))

    def close(self) -> None:
        """Lines have no end."""


class Parquet:
    """Parquet. Every file of an object has the same schema. Lists and objects are JSON texts, which DuckDB and BigQuery
    read with their JSON functions: a new member of an address changes no column."""

    def __init__(self, file: IO[bytes], columns: Sequence[ExtractColumn]) -> None:
        self._arrow = import_pyarrow()
        arrow = self._arrow
        types = {
            "text": arrow.string(),
            "json": arrow.string(),
            "flag": arrow.bool_(),
            "number": arrow.int64(),
            "time": arrow.timestamp("us", tz="UTC"),
        }
        self._schema = arrow.schema([arrow.field(column.name, types[column.kind]) for column in columns])
        self._writer = arrow.parquet.ParquetWriter(file, self._schema, compression=COMPRESSION)

    def write(self, rows: Sequence[Row]) -> None:
        """Write a page of rows as a row group."""
        plain = [{name: _plain(value) for name, value in row.items()} for row in rows]
        self._writer.write_table(self._arrow.Table.from_pylist(plain, schema=self._schema))

    def close(self) -> None:
        """Write the footer."""
        self._writer.close()


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
