"""`lockstitch uploads`: send exports of legacy systems and follow their rows."""

import logging
import os
import sys
from io import BytesIO
from typing import Annotated, Final

from cyclopts import App, Parameter
from rich.console import Console
from rich.text import Text

from app import telemetry
from app.cli.database import find_settings
from app.cli.exits import usage
from app.cli.inputs import read_input
from app.cli.listing import Cells, check_limit, show_page
from app.cli.operators import actor, with_operators
from app.cli.printing import Flag, Json, write_json
from app.cli.tables import moment, table
from app.cli.upload_progress import UploadBar, follow_upload
from app.dead_letters.deps import DeadLetterDeps
from app.dead_letters.inspect import list_dead_letters
from app.dead_letters.models import DeadLetterFilter
from app.dead_letters.views import DeadLetterView
from app.http.plurals import counted
from app.identifiers import uuid7
from app.uploads.deps import ExportDeps
from app.uploads.record import MAX_BYTES, RecordedUpload, layout_of, take_upload
from app.uploads.views import UploadView, list_uploads, read_upload
from app.vendors.configured_connections import connections_of

BAD_ROWS_SHOWN: Final = 20

uploads = App(name="uploads", help="Send exports of legacy systems and follow their rows.")

# The command prints these log messages in its own words.
logging.getLogger("lockstitch.uploads").addHandler(logging.NullHandler())


@uploads.command(name="list")
def list_all(*, connection: str | None = None, limit: int = 20, cursor: str | None = None, json: Json = False) -> None:
    """List uploads, newest first.

    Parameters
    ----------
    connection
        Only uploads of this connection.
    limit
        The maximum number of uploads, up to 250.
    cursor
        Continue after this cursor.
    json
        Print JSON.
    """
    check_limit(limit)
    page = with_operators(ExportDeps, lambda deps: list_uploads(deps.uploads, connection, after=cursor, limit=limit))
    shown = table("upload", "sent", "connection", "state", "rows")
    show_page(page, shown, _row, none="No matching uploads.", json=json)


@uploads.command
def show(upload_id: Annotated[str, Parameter(name="ID")], /, *, follow: Flag = False, json: Json = False) -> None:
    """Show the outcomes of an upload's rows, and why rows were refused.

    Parameters
    ----------
    upload_id
        The id of the upload, upl_….
    follow
        Show the progress until every row is processed.
    json
        Print JSON.
    """
    seen = (
        follow_upload(upload_id)
        if follow
        else with_operators(ExportDeps, lambda deps: read_upload(deps.uploads, upload_id))
    )
    _show_upload(seen, json=json)


@uploads.command
def send(
    file: Annotated[str, Parameter(name="FILE", allow_leading_hyphen=True)],
    /,
    *,
    connection: str,
    key: str | None = None,
    follow: Flag = False,
    json: Json = False,
) -> None:
    """Record every new or changed row of an export. A worker processes them.

    You can send a file again, also after an interruption: no row is recorded twice. Exits with 3 if the file is refused
    as a whole.

    Parameters
    ----------
    file
        The export. - reads standard input.
    connection
        The connection that the export belongs to. Its vendor must be csv.
    key
        An idempotency key for this file. With it, an interrupted upload resumes, and a recorded one is not read again.
    follow
        Show the progress until every row is processed. Ctrl-C stops the display, not the upload.
    json
        Print JSON.
    """
    if key is not None and not 1 <= len(key) <= 255:
        usage("--key: must have 1 to 255 characters.")
    connections = connections_of(find_settings(os.environ))
    content = read_input(file)
    if len(content) > MAX_BYTES:
        usage(f"{file} has {len(content)} bytes; the maximum is {MAX_BYTES}. Split it, with the header in each part.")
    run = str(uuid7())

    async def take(deps: ExportDeps) -> RecordedUpload:
        found, layout = layout_of(connections, connection)
        with telemetry.bind(run), UploadBar("recording") as bar:
            return await take_upload(
                deps,
                found,
                layout,
                BytesIO(content),
                principal=actor(),
                key=key or run,
                correlation_id=run,
                watch=lambda upload: bar.show(upload.seen, upload.rows),
            )

    taken = with_operators(ExportDeps, take)
    if taken.replayed:
        sys.stderr.write(f"The file was already recorded under this key, as {taken.upload.id}.\n")
    _show_upload(follow_upload(taken.upload.id) if follow else taken.upload, json=json)


def _row(upload: UploadView) -> Cells:
    refused = f"\n{upload.refused} refused" if upload.refused else ""
    new = f"{upload.rows}, {upload.accepted} new{refused}"
    return upload.id, Text(moment(upload.created_at).replace(" ", "\n")), Text(upload.connection), upload.state, new


def _show_upload(upload: UploadView, *, json: bool) -> None:
    if json:
        write_json(upload)
        return
    facts = table("", "")
    facts.show_header = False
    for name, value in (
        ("upload", upload.id),
        ("connection", f"{upload.connection}, object {upload.object}"),
        ("state", upload.state),
        ("sent", moment(upload.created_at)),
        ("rows", f"{upload.rows}, {upload.seen} of them recorded"),
        ("new", f"{upload.accepted}, and {counted(upload.duplicates, 'duplicate')}"),
        ("done", f"{upload.settled}, and {upload.waiting} waiting"),
        ("refused", f"{upload.refused} open, {upload.discarded} discarded"),
        ("run", upload.correlation_id),
    ):
        facts.add_row(Text(name, style="bold"), Text(value))
    console = Console()
    console.print(facts)
    if upload.refused:
        _show_bad_rows(upload, console)


def _show_bad_rows(upload: UploadView, console: Console) -> None:
    which = DeadLetterFilter(connection=upload.connection, correlation_id=upload.correlation_id)
    page = with_operators(DeadLetterDeps, lambda deps: list_dead_letters(deps, which, after=None, limit=BAD_ROWS_SHOWN))
    shown = table("dead letter", "where", "why")
    letters: list[DeadLetterView] = list(page.data)
    for letter in letters:
        shown.add_row(letter.id, Text(letter.failure.path or ""), Text(letter.failure.reason))
    console.print()
    console.print(shown)
    if page.has_more:
        sys.stderr.write(f"More: lockstitch dead-letters list --correlation-id {upload.correlation_id}\n")
    sys.stderr.write(
        "To correct a row: lockstitch dead-letters show ID --json, then dead-letters redrive ID --payload FILE\n"
    )
