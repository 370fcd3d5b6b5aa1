"""Record an export: parse it once to its end, then record its rows in batches.

validate the file → begin or find the upload by key → receipts and jobs for new rows → answer

Nothing is recorded of a file that cannot be parsed to its end. Jobs map the rows later: a bad row becomes a dead letter
and does not block the others.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import islice
from typing import Final

import msgspec
from msgspec import Struct

from app import telemetry
from app.errors import IdempotencyInProgress, IdempotencyKeyReused, InvalidField, NotFound
from app.problem_document import FieldError, sentence
from app.uploads import metrics
from app.uploads.deps import ExportDeps
from app.uploads.models import KIND, NewUpload, RowMark, Upload, UploadMoved, dedupe_key_of
from app.uploads.views import UploadView, view_of
from app.vendors.models import Connection, Connections
from app.webhooks.models import Arrival, NewReceipt
from mappings.csv.export import ReadRow, UnreadableExport, count_rows, read_rows
from mappings.csv.layout import Layout

MAX_BYTES: Final = 32 * 1024 * 1024
"""The maximum size of an export, in bytes."""
BATCH: Final = 256
"""Rows per transaction."""
NEXT_STEP: Final = "Correct the export, or its layout in lockstitch.toml, and send it again."


_log = logging.getLogger("lockstitch.uploads")


class RecordedUpload(Struct, frozen=True, kw_only=True):
    """A completely recorded export. `replayed`: an earlier request recorded it."""

    upload: UploadView
    replayed: bool


def layout_of(connections: Connections, name: str) -> tuple[Connection, Layout]:
    """Return a connection and its export layout. Raises NotFound for a connection without a layout."""
    connection = connections.by_name.get(name)
    if connection is None or connection.layout is None:
        able = ", ".join(sorted(one.name for one in connections.by_name.values() if one.layout)) or "none"
        raise NotFound(
            f"Unknown connection of vendor csv. Known connections: {able}.",
            next_step="POST /v1/uploads/{connection} with one of these names.",
        )
    return connection, connection.layout


async def take_upload(
    deps: ExportDeps,
    connection: Connection,
    layout: Layout,
    file: BytesIO,
    *,
    principal: str,
    key: str,
    correlation_id: str,
    watch: Callable[[Upload], None] = lambda upload: None,
) -> RecordedUpload:
    """Record every changed row, and resume an interrupted upload. `watch` is called after each batch.

    Raises InvalidField for a file that cannot be parsed to its end or lacks a column, IdempotencyKeyReused for a key
    used with another file, IdempotencyInProgress while another request records this upload, and StoreUnavailable.
    """
    try:
        digest, rows = await asyncio.to_thread(_validate, file, layout)
    except InvalidField as error:
        refuse_export(connection.name, *(one.detail for one in error.errors))
        raise
    upload = await deps.uploads.begin(
        NewUpload(
            principal=principal,
            idempotency_key=key,
            connection=connection.name,
            object=layout.object,
            digest=digest,
            rows=rows,
            correlation_id=correlation_id,
        )
    )
    if (upload.connection, upload.digest) != (connection.name, digest):
        raise IdempotencyKeyReused(f"This key was used for upload {upload.id}, which is another file.")
    replayed = upload.ended_at is not None and upload.rows > 0
    ahead = read_rows(file, layout)
    await asyncio.to_thread(_skip, ahead, upload.seen)
    while upload.ended_at is None:
        batch = await asyncio.to_thread(lambda: list(islice(ahead, BATCH)))
        try:
            upload = await _record(deps, upload, batch)
            watch(upload)
        except UploadMoved:
            raise IdempotencyInProgress("Another request is recording this upload.", retry_after=1) from None
    if not replayed:
        _report_recorded(upload)
    (outcome,) = await deps.uploads.outcomes([upload])
    return RecordedUpload(upload=view_of(upload, outcome), replayed=replayed)


def refuse_export(connection: str, *reasons: str) -> None:
    """Count and log a refused export. Reasons must not contain data from the export."""
    metrics.count_upload(connection, "refused")
    _log.warning("an export was refused", extra={"connection": connection, "reasons": reasons})


def _validate(file: BytesIO, layout: Layout) -> tuple[bytes, int]:
    """Parse a file to its end and return its SHA-256 and number of rows. Raises InvalidField."""
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").digest()
    try:
        return digest, count_rows(file, layout)
    except UnreadableExport as error:
        raise InvalidField(
            sentence(f"The file cannot be read: {error}"),
            errors=tuple(FieldError(pointer="", detail=reason) for reason in error.reasons),
            next_step=NEXT_STEP,
        ) from error


def _skip(rows: Iterator[ReadRow], count: int) -> None:
    for _ in islice(rows, count):
        pass


async def _record(deps: ExportDeps, upload: Upload, batch: list[ReadRow]) -> Upload:
    """Record a batch in one transaction: receipts and jobs of the new rows, and the progress of the upload."""
    fresh = list({row.identity: row for row in batch}.values())  # the last of several rows of one record
    traceparent = telemetry.current_traceparent()
    async with deps.database.transaction() as transaction:
        marks = [RowMark(identity=row.identity, digest=row.digest) for row in fresh]
        generations = await deps.uploads.recognise(transaction, upload.connection, marks)
        new = [(row, number) for row, number in zip(fresh, generations, strict=True) if number is not None]
        arrivals = [_arrival(upload, row, number, traceparent) for row, number in new]
        ids = await deps.receipts.record(transaction, [one.receipt for one in arrivals])
        jobs = [one.job(id) for one, id in zip(arrivals, ids, strict=True) if id is not None]
        await deps.queue.enqueue(transaction, *jobs)
        moved = await deps.uploads.advance(transaction, upload, number=len(batch), accepted=len(jobs))
    metrics.count_rows_received(upload.connection, accepted=len(jobs), duplicates=len(batch) - len(jobs))
    return moved


def _report_recorded(upload: Upload) -> None:
    metrics.count_upload(upload.connection, "recorded")
    figures = {"rows": upload.rows, "accepted": upload.accepted}
    _log.info("an export was recorded", extra={"connection": upload.connection, "upload": upload.id, **figures})


def _arrival(upload: Upload, row: ReadRow, generation: int, traceparent: str | None) -> Arrival:
    receipt = NewReceipt(
        connection=upload.connection,
        dedupe_key=dedupe_key_of(row.identity, generation),
        topic=upload.id,
        remote_object=upload.object,
        remote_id=row.remote_id,
        occurred_at=None,
        payload=msgspec.json.encode(row.row),
        digest=row.digest,
        correlation_id=upload.correlation_id,
    )
    order_key = None if row.remote_id is None else f"{upload.object}:{row.remote_id}"
    return Arrival(receipt=receipt, kind=KIND, order_key=order_key, traceparent=traceparent)
