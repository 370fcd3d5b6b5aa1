"""`lockstitch extract`: write records to a file for a warehouse."""

import os
import sys
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import IO, Annotated, Final, Literal

from cyclopts import Parameter

from app.cli.commands import AGE
from app.cli.database import find_keys, find_settings, require_connection, with_database
from app.cli.exits import usage
from app.cli.extract_files import Format, import_pyarrow, json_rows, parquet_rows, whole_file
from app.cli.operators import read_time
from app.events.deps import ExtractDeps
from app.events.extract import Scope, columns_of, extract, next_since
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
