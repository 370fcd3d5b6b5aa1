"""The views of uploads and their progress, for callers and operators."""

from datetime import datetime
from typing import Literal

from msgspec.structs import asdict

from app.errors import NotFound
from app.http.by_id import ID
from app.http.paging import Page, page_of
from app.uploads.models import Upload, UploadOutcome, UploadProgress
from app.uploads.store import PostgresUploads


class UploadView(UploadProgress, frozen=True, kw_only=True):
    """The progress of an upload, in rows.

    `seen` of all `rows` are recorded; `accepted` of them were new. Of the accepted rows, `settled` are done, `refused`
    are open dead letters, `discarded` are dead letters that an operator discarded, and the rest are `waiting`.
    """

    state: Literal["recording", "working", "done"]
    """`recording` while rows are recorded, `working` while rows wait to be processed, then `done`.
    Example: `"working"`"""
    duplicates: int
    """Rows that equal the last row of their record. Example: `200`"""
    settled: int
    """Accepted rows that became events, or changed nothing. Example: `9000`"""
    refused: int
    """Accepted rows that are now dead letters. Example: `37`"""
    discarded: int
    """Accepted rows that an operator discarded. Example: `0`"""
    waiting: int
    """Accepted rows that still wait to be processed. Example: `763`"""
    recorded_at: datetime | None
    """When all rows were recorded; null before. Example: `"2026-05-01T09:30:09Z"`"""


async def list_uploads(uploads: PostgresUploads, connection: str | None, *, after: str | None, limit: int) -> Page:
    """List uploads, newest first. The cursor is the last id of the page."""
    listed = await uploads.list(connection, after=after, limit=limit + 1)
    outcomes = await uploads.outcomes(listed)
    return page_of([view_of(upload, outcome) for upload, outcome in zip(listed, outcomes, strict=True)], limit)


async def read_upload(uploads: PostgresUploads, upload_id: str, *, connection: str | None = None) -> UploadView:
    """Return the progress of an upload, if it is of `connection` (None: of any). Raises NotFound."""
    upload = await uploads.get(upload_id) if ID.fullmatch(upload_id) else None
    if upload is None or connection not in (None, upload.connection):
        next_step = "Use the id that POST /v1/uploads/{connection} returned."
        raise NotFound.unknown(upload_id, "upload", next_step=next_step)
    (outcome,) = await uploads.outcomes([upload])
    return view_of(upload, outcome)


def view_of(upload: Upload, outcome: UploadOutcome) -> UploadView:
    """Combine an upload with the outcomes of its rows."""
    waiting = max(0, upload.accepted - outcome.settled - outcome.refused - outcome.discarded)
    return UploadView(
        **{name: getattr(upload, name) for name in UploadProgress.__struct_fields__},
        **asdict(outcome),
        state="recording" if upload.ended_at is None else "working" if waiting else "done",
        duplicates=upload.seen - upload.accepted,
        waiting=waiting,
        recorded_at=upload.ended_at,
    )
