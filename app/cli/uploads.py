"""`lockstitch uploads`: exports of legacy systems, sent and followed."""

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
from app.cli.listing import Cells, judge_limit, show_page
from app.cli.operators import actor, with_operators
from app.cli.printing import Flag, Json, write_json
from app.cli.tables import moment, table
from app.cli.upload_progress import UploadBar, follow_upload
from app.dead_letters.deps import DeadLetterDeps
from app.dead_letters.inspect import list_dead_letters
from app.dead_letters.models import DeadLetterFilter
from app.dead_letters.views import DeadLetterView
from app.identifiers import uuid7
from app.uploads.deps import ExportDeps
from app.uploads.record import LARGEST, RecordedUpload, layout_of, take_upload
from app.uploads.views import UploadView, list_uploads, read_upload
from app.wiring import connections_of

BAD_ROWS_SHOWN: Final = 20

uploads = App(name="uploads", help="Send exports of legacy systems, and see what became of their rows.")

# What it says for the logs of processes, the command itself says to whoever is at the keyboard.
logging.getLogger("lockstitch.uploads").addHandler(logging.NullHandler())


@uploads.command(name="list")
def list_all(*, connection: str | None = None, limit: int = 20, cursor: str | None = None, json: Json = False) -> None:
    """Show uploads, newest first.

    Parameters
    ----------
    connection
        Only of this connection.
    limit
        At most so many, up to 250.
    cursor
        Go on behind this one.
    json
        As JSON.
    """
    judge_limit(limit)
    page = with_operators(ExportDeps, lambda deps: list_uploads(deps.uploads, connection, after=cursor, limit=limit))
    shown = table("upload", "sent", "connection", "state", "rows")
    show_page(page, shown, _row, none="There are no such uploads.", json=json)


@uploads.command
def show(upload_id: Annotated[str, Parameter(name="ID")], /, *, follow: Flag = False, json: Json = False) -> None:
    """Show what became of the rows of one, and why rows were refused.

    Parameters
    ----------
    upload_id
        Which one, upl_….
    follow
        Show how it goes on until every row had its turn.
    json
        As JSON.
    """
    seen = (
        follow_upload(upload_id)
        if follow
        else with_operators(ExportDeps, lambda deps: read_upload(deps.uploads, upload_id))
    )
    _tell(seen, json=json)


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
    """Record every row of an export that says something new; a worker works them off.

    It may be sent again as often as you like, also after it broke off: what is recorded is not recorded twice. Ends
    with 3 when the file is refused as a whole.

    Parameters
    ----------
    file
        The export; - is standard input.
    connection
        Whose export it is, a connection of the vendor csv.
    key
        A name for this file. Under it one that broke off goes on, and one that was taken is not gone through again.
    follow
        Show how it goes on until every row had its turn; Ctrl-C stops looking, not the work.
    json
        As JSON.
    """
    if key is not None and not 1 <= len(key) <= 255:
        usage("--key: 1 to 255 characters.")
    connections = connections_of(find_settings(os.environ))
    content = read_input(file)
    if len(content) > LARGEST:
        usage(f"{file} has {len(content)} bytes; at most {LARGEST} are taken: split it, each part with the header.")
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
        sys.stderr.write(f"It was taken before under this key, as {taken.upload.id}.\n")
    _tell(follow_upload(taken.upload.id) if follow else taken.upload, json=json)


def _row(upload: UploadView) -> Cells:
    bad = f"\n{upload.refused} bad" if upload.refused else ""
    new = f"{upload.rows}, {upload.accepted} new{bad}"
    return upload.id, Text(moment(upload.created_at).replace(" ", "\n")), Text(upload.connection), upload.state, new


def _tell(upload: UploadView, *, json: bool) -> None:
    if json:
        write_json(upload)
        return
    facts = table("", "")
    facts.show_header = False
    for name, value in (
        ("upload", upload.id),
        ("of", f"{upload.connection}, each row {upload.object}"),
        ("state", upload.state),
        ("sent", moment(upload.created_at)),
        ("rows", f"{upload.rows}, of which {upload.seen} are recorded"),
        ("new", f"{upload.accepted}; {upload.duplicates} say what was said last"),
        ("through", f"{upload.settled} told or without effect, {upload.waiting} waiting"),
        ("bad", f"{upload.refused} to be decided about, {upload.discarded} discarded"),
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
        sys.stderr.write(f"There are more: lockstitch dead-letters list --correlation-id {upload.correlation_id}\n")
    sys.stderr.write("Mend one: lockstitch dead-letters show ID --json, then redrive ID --payload FILE.\n")
