"""`lockstitch uploads`: send exports of legacy systems and follow their rows."""

import logging
import os
import sys
from io import BytesIO
from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter

from app import telemetry
from app.cli.commands import declare_list, operators
from app.cli.database import find_settings
from app.cli.exits import usage
from app.cli.inputs import read_input
from app.cli.operators import actor, with_operators
from app.cli.printing import Flag, Json
from app.cli.progress import FOLLOW, IS_WORKER_RUNNING, Bar, Followed
from app.cli.tables import Cells, moment, print_table, print_view
from app.dead_letters.deps import DeadLetterDeps
from app.dead_letters.inspect import list_dead_letters
from app.dead_letters.models import DeadLetterFilter
from app.dead_letters.views import DeadLetterView
from app.identifiers import new_run_id
from app.uploads.deps import ExportDeps
from app.uploads.record import MAX_BYTES, RecordedUpload, layout_of, take_upload
from app.uploads.views import UploadView, list_uploads, read_upload

BAD_ROWS_SHOWN: Final = 20

uploads = App(name="uploads")
opened = operators(ExportDeps)
FILE = Parameter(name="FILE", help="The export. - reads standard input.", allow_leading_hyphen=True)
ID = Parameter(name="ID", help="The id of the upload, upl_….")
OF_CONNECTION = Parameter(help="Only uploads of this connection.")
KEY = Parameter(
    help="An idempotency key for this file. With it, an interrupted upload resumes, and a recorded one is not read"
    " again."
)

# The command prints these log messages in its own words.
logging.getLogger("lockstitch.uploads").addHandler(logging.NullHandler())


@declare_list(
    uploads,
    lambda do: opened(lambda deps: do(deps.uploads)),
    list_uploads,
    ("upload", "sent", "connection", "state", "rows"),
    none="No matching uploads.",
    connection=OF_CONNECTION,
)
def list_row(upload: UploadView) -> Cells:
    """List uploads, newest first."""
    refused = f"\n{upload.refused} refused" if upload.refused else ""
    new = f"{upload.rows}, {upload.accepted} new{refused}"
    return upload.id, moment(upload.created_at).replace(" ", "\n"), upload.connection, upload.state, new


@uploads.command
def show(upload_id: Annotated[str, ID], /, *, follow: Annotated[Flag, FOLLOW] = False, json: Json = False) -> None:
    """Show the outcomes of an upload's rows, and why rows were refused."""
    WORK.print(upload_id, follow=follow, json=json)


@uploads.command
def send(
    file: Annotated[Path, FILE],
    /,
    *,
    connection: Annotated[str, Parameter(help="The connection that the export belongs to. Its vendor must be csv.")],
    key: Annotated[str | None, KEY] = None,
    follow: Annotated[Flag, FOLLOW] = False,
    json: Json = False,
) -> None:
    """Record every new or changed row of an export. A worker processes them.

    You can send a file again, also after an interruption: no row is recorded twice. Exits with 3 if the file is refused
    as a whole.
    """
    if key is not None and not 1 <= len(key) <= 255:
        usage("--key: must have 1 to 255 characters.")
    from app.vendors.configured_connections import connections_of  # noqa: PLC0415 - they import every mapping

    connections = connections_of(find_settings(os.environ))
    content = read_input(file)
    if len(content) > MAX_BYTES:
        usage(f"{file} has {len(content)} bytes; the maximum is {MAX_BYTES}. Split it, with the header in each part.")
    run = new_run_id()

    async def take(deps: ExportDeps) -> RecordedUpload:
        sender, layout = layout_of(connections, connection)
        with telemetry.bind(run), Bar("recording") as bar:
            return await take_upload(
                deps,
                sender,
                layout,
                BytesIO(content),
                principal=actor(),
                key=key or run,
                correlation_id=run,
                watch=lambda upload: bar.show(upload.seen, upload.rows),
            )

    taken = opened(take)
    if taken.replayed:
        sys.stderr.write(f"The file was already recorded under this key, as {taken.upload.id}.\n")
    WORK.print(taken.upload.id, follow=follow, json=json)


def _stuck(upload: UploadView) -> str:
    if upload.state == "recording":
        return "No progress. If the upload was interrupted, send its file again."
    return IS_WORKER_RUNNING


def _show(upload: UploadView) -> None:
    print_view(upload)
    if upload.refused:
        _show_bad_rows(upload)


def _show_bad_rows(upload: UploadView) -> None:
    which = DeadLetterFilter(connection=upload.connection, correlation_id=upload.correlation_id)
    page = with_operators(DeadLetterDeps, lambda deps: list_dead_letters(deps, which, after=None, limit=BAD_ROWS_SHOWN))
    sys.stdout.write("\n")
    print_table(("dead letter", "where", "why"), page.data, _bad_row)
    if page.has_more:
        sys.stderr.write(f"More: lockstitch dead-letters list --correlation-id {upload.correlation_id}\n")
    sys.stderr.write(
        "To correct a row: lockstitch dead-letters show ID --json, then dead-letters redrive ID --payload FILE\n"
    )


def _bad_row(letter: DeadLetterView) -> Cells:
    return letter.id, letter.failure.path or "", letter.failure.reason


WORK: Final = Followed(
    opened=opened,
    read=lambda deps, upload_id: read_upload(deps.uploads, upload_id),
    show=_show,
    progress=lambda upload: (upload.accepted - upload.waiting, upload.accepted),
    is_over=lambda upload: upload.state == "done",
    doing="processing",
    command="uploads show",
    stuck=_stuck,
)
