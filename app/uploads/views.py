"""The views of uploads and their progress, for callers and operators."""

import re
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct

from app.errors import NotFound
from app.http.paging import Page, page_of
from app.identifiers import what_else
from app.uploads.models import Upload, UploadOutcome
from app.uploads.store import PostgresUploads
from canonical.parts import Instant, ObjectName

UPLOAD_ID: Final = re.compile(r"upl_[A-Za-z0-9]{1,64}")


class UploadView(Struct, frozen=True, kw_only=True):
    """The progress of an upload, in rows.

    `seen` of all `rows` are recorded; `accepted` of them were new. Of the accepted rows, `settled` are done, `refused`
    are open dead letters, `discarded` are dead letters that an operator discarded, and the rest are `waiting`.
    """

    id: str
    connection: str
    object: ObjectName
    state: Literal["recording", "working", "done"]
    rows: int
    seen: int
    accepted: int
    duplicates: int
    settled: int
    refused: int
    discarded: int
    waiting: int
    correlation_id: str
    created_at: Instant
    recorded_at: datetime | None


async def list_uploads(uploads: PostgresUploads, connection: str | None, *, after: str | None, limit: int) -> Page:
    """List uploads, newest first. The cursor is the last id of the page."""
    found = await uploads.list(connection, after=after, limit=limit + 1)
    outcomes = await uploads.outcomes(found)
    return page_of([view_of(upload, outcome) for upload, outcome in zip(found, outcomes, strict=True)], limit)


async def read_upload(uploads: PostgresUploads, upload_id: str, *, connection: str | None = None) -> UploadView:
    """Return the progress of an upload, if it is of `connection` (None: of any). Raises NotFound."""
    upload = await uploads.get(upload_id) if UPLOAD_ID.fullmatch(upload_id) else None
    if upload is None or connection not in (None, upload.connection):
        raise NotFound(
            what_else(upload_id, "upload") or f"Unknown upload {upload_id[:80]}.",
            next_step="Use the id that POST /v1/uploads/{connection} returned.",
        )
    (outcome,) = await uploads.outcomes([upload])
    return view_of(upload, outcome)


def view_of(upload: Upload, outcome: UploadOutcome) -> UploadView:
    """Combine an upload with the outcomes of its rows."""
    waiting = max(0, upload.accepted - outcome.settled - outcome.refused - outcome.discarded)
    return UploadView(
        id=upload.id,
        connection=upload.connection,
        object=upload.object,
        state="recording" if upload.ended_at is None else "working" if waiting else "done",
        rows=upload.rows,
        seen=upload.seen,
        accepted=upload.accepted,
        duplicates=upload.seen - upload.accepted,
        settled=outcome.settled,
        refused=outcome.refused,
        discarded=outcome.discarded,
        waiting=waiting,
        correlation_id=upload.correlation_id,
        created_at=upload.created_at,
        recorded_at=upload.ended_at,
    )
