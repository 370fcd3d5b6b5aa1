"""`lockstitch extract`: write records to a file for a warehouse."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import ModuleType
from typing import IO, Annotated, Any, Final, Literal

import msgspec
from cyclopts import Parameter
from msgspec import Raw

from app.cli.commands import AGE
from app.cli.database import find_keys, find_settings, require_connection, with_database
from app.cli.exits import usage
from app.cli.operators import read_time
from app.errors import Complaint
from app.events.deps import ExtractDeps
from app.events.extract import ExtractColumn, Row, Scope, columns_of, extract, next_since
from app.http.plurals import counted
from app.settings.environment import Settings
from app.wiring.operators import operators_on

PAGE_SECONDS: Final = 600.0
"""How long PostgreSQL may look for one page of records."""
Extracted = Literal["customer", "order", "ticket"]
OBJECT = Parameter(name="OBJECT", help="customer, order or ticket.")
SINCE = Parameter(help=f"Only records that were seen at this time or later. {AGE}")
UNTIL = Parameter(help=f"Only records that were seen before this time. {AGE}")
CONNECTION = Parameter(help="Only records of this connection.")
FORMAT = Parameter(name="--format", help="jsonl, or parquet, which needs the extra `extract`.")
FILE = Parameter(name=("--output", "-o"), help="The file, replaced once it is complete. Without it, standard output.")
Format = Literal["jsonl", "parquet"]
COMPRESSION: Final = "zstd"


Writer = Callable[[Sequence[Row]], Any]
"""Writes a page of rows."""


def extract_records(
    object_name: Annotated[Extracted, OBJECT],
    /,
    *,
    since: Annotated[str | None, SINCE] = None,
    until: Annotated[str | None, UNTIL] = None,
    connection: Annotated[str | None, CONNECTION] = None,
    file_format: Annotated[Format, FORMAT] = "jsonl",
    output: Annotated[Path | None, FILE] = None,
) -> None:
    """Write the last-seen records of an object, for a warehouse.

    The last line on standard error, and with `-o` standard output alone, names the `--since` of the next extract.
    A record may be in both: keep the row with the highest `version` of each `connection` and `remote_id`.
    """
    settings = find_settings(os.environ)
    if connection is not None:
        require_connection(settings, connection)
    scope = Scope(
        object=object_name,
        connection=connection,
        since=read_time("--since", since),
        until=read_time("--until", until),
    )
    if file_format == "parquet":
        import_pyarrow()
        if output is None:
            usage("--format parquet needs a file: name it with -o.")
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))  # it removes the unfinished file too
    with nullcontext(sys.stdout.buffer) if output is None else whole_file(output) as file:
        number, following = _extract(settings, scope, file, file_format)
    moment = f"{following:%Y-%m-%dT%H:%M:%S.%fZ}"
    sys.stderr.write(f"{counted(number, scope.object)}. To continue: --since {moment}\n")
    if output is not None:
        sys.stdout.write(f"{moment}\n")


def _extract(settings: Settings, scope: Scope, file: IO[bytes], file_format: Format) -> tuple[int, datetime]:
    """Return the number of records that were written, and the `since` of the next extract."""

    async def write_pages(deps: ExtractDeps) -> tuple[int, datetime]:
        following, number = await next_since(deps, scope), 0
        writing = parquet_rows(file, columns_of(scope.object)) if file_format == "parquet" else json_rows(file)
        with writing as write:
            async for rows in extract(deps, scope):
                write(rows)
                number += len(rows)
        return number, following

    keys = find_keys(os.environ)
    return with_database(
        lambda database: write_pages(operators_on(database, settings, keys).of(ExtractDeps)), seconds=PAGE_SECONDS
    )


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
