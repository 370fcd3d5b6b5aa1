"""Upload models: exports, their progress, and the last recorded row of each record.

A row is recorded only if it differs from the last row of its record, so a repeated or overlapping export adds only what
is new. One transaction recognises rows, records them and advances the upload. The dedupe key of a row's receipt is the
record's identity and its generation, the count of its changes.
"""

from datetime import datetime
from typing import Final

from msgspec import Struct

from app.webhooks.models import Receipt
from canonical.parts import Instant, ObjectName

KIND: Final = "ingest_row"
"""The kind of job that ingests a row."""


class NewUpload(Struct, frozen=True, kw_only=True):
    """An export to record, identified by (principal, idempotency key).

    `digest` is the SHA-256 of its bytes; `rows` is the number of its rows.
    """

    principal: str
    idempotency_key: str
    connection: str
    object: ObjectName
    digest: bytes
    rows: int
    correlation_id: str


class UploadProgress(Struct, frozen=True, kw_only=True):
    """How far an export is."""

    id: str
    """The upload's id. Example: `"upl_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    connection: str
    """The connection of the export. Example: `"legacy"`"""
    object: ObjectName
    """The object that its rows hold. Example: `"customer"`"""
    rows: int
    """Rows in the file, without the header. Example: `10000`"""
    seen: int
    """Rows that are recorded, duplicates included. Example: `10000`"""
    accepted: int
    """Rows with new content. Example: `9800`"""
    correlation_id: str
    """The run that sent it. Use it to find its dead letters. Example: `"legacy-import-4711"`"""
    created_at: Instant
    """When the upload began. Example: `"2026-05-01T09:30:00Z"`"""


class Upload(UploadProgress, frozen=True, kw_only=True):
    """An export and its progress: `seen` rows are recorded, `accepted` of them were new, the others duplicates.

    `ended_at` is set when all rows are recorded.
    """

    digest: bytes
    ended_at: datetime | None


class UploadOutcome(Struct, frozen=True, kw_only=True):
    """Outcomes of the accepted rows.

    `settled`: published as an Event, or no change. `refused`: an open dead letter. `discarded`: a dead letter that an
    operator discarded.
    """

    settled: int
    refused: int
    discarded: int


class RowMark(Struct, frozen=True, kw_only=True):
    """The SHA-256 digests (32 bytes each) of a row: `identity` of its record, `digest` of its content."""

    identity: bytes
    digest: bytes


class UploadMoved(Exception):
    """Another request has recorded rows of this upload since it was read."""


def dedupe_key_of(identity: bytes, generation: int) -> str:
    """Return the dedupe key of a row."""
    return f"{key_of(identity)}{generation}"


def key_of(identity: bytes) -> str:
    """Return the prefix of the dedupe keys of all rows of a record."""
    return f"row:{identity.hex()}:"


def row_of(receipt: Receipt) -> tuple[bytes, int]:
    """Return identity and generation of a row from the dedupe key of its receipt."""
    _, identity, generation = receipt.dedupe_key.split(":")
    return bytes.fromhex(identity), int(generation)
