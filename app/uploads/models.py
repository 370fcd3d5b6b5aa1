"""Upload models: exports, their progress, and the last recorded row of each record.

A row is recorded only if it differs from the last row of its record, so a repeated or overlapping export adds only what
is new. One transaction recognises rows, records them and advances the upload.
"""

from collections.abc import Sequence
from datetime import datetime
from io import BytesIO
from typing import Protocol

from msgspec import Struct

from app.postgres.database import Transaction
from canonical.parts import ObjectName


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


class Upload(Struct, frozen=True, kw_only=True):
    """An export and its progress: `seen` rows are recorded, `accepted` of them were new, the others duplicates.

    `ended_at` is set when all rows are recorded.
    """

    id: str
    connection: str
    object: ObjectName
    digest: bytes
    rows: int
    seen: int
    accepted: int
    correlation_id: str
    created_at: datetime
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


class WaitingFile(Struct, frozen=True, kw_only=True):
    """A complete file in an export folder. `mark` differs between two files of one name."""

    name: str
    mark: str
    size: int


class ExportFolder(Protocol):
    """A folder that receives exports.

    Recorded files move to its subfolder `taken`. Refused files move to `refused`, each with a file of reasons.
    """

    async def waiting(self) -> Sequence[WaitingFile]:
        """List the complete files, oldest first. Raises OSError."""

    async def read(self, file: WaitingFile) -> BytesIO:
        """Read a file. Raises OSError, also if another process has moved it meanwhile."""

    async def put_away(self, file: WaitingFile, *reasons: str) -> None:
        """Move a file to `taken`, or to `refused` with its reasons. Raises OSError."""


class Uploads(Protocol):
    """The store of uploads."""

    async def begin(self, new: NewUpload) -> Upload:
        """Start this upload, or return the one with the same principal and key. Raises StoreUnavailable."""

    async def get(self, upload_id: str) -> Upload | None:
        """Return an upload by id."""

    async def list(self, connection: str | None, *, after: str | None, limit: int) -> Sequence[Upload]:
        """List uploads, newest first, below the id `after`. `connection` None lists all connections."""

    async def outcomes(self, uploads: Sequence[Upload]) -> Sequence[UploadOutcome]:
        """Return the row outcomes of each upload, in order. Counts only receipts that are still retained."""

    async def advance(self, transaction: Transaction, upload: Upload, *, seen: int, accepted: int) -> Upload:
        """Add recorded rows to the progress. Raises UploadMoved; the transaction must then roll back."""

    async def recognise(
        self, transaction: Transaction, connection: str, rows: Sequence[RowMark]
    ) -> Sequence[int | None]:
        """Return the new generation of each row's record, or None for a row that repeats the last one.

        The generation counts the changes of the record, this one included. No two rows may be of one record.
        """

    async def publish(
        self, transaction: Transaction, connection: str, row: tuple[bytes, int], received_at: datetime
    ) -> bool:
        """Mark a row (identity, generation) as published. False if a later row of the record already is."""

    async def publish_edited(
        self, transaction: Transaction, connection: str, identity: bytes, receipt_id: str, key: str
    ) -> bool:
        """Mark an edited row as published for the record `identity`, to which it did not belong when it was received.

        False if a row of that record that was received later is already published. Later rows that are not yet
        published may follow it; without any, it becomes the record's last row. `key` is the prefix of the dedupe keys
        of the record's rows.
        """
