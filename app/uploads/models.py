"""Uploads as flows see them: which exports came in, how far each is recorded, and what was last said of each record.

A row is recorded when its record says something else than the last row did, so that an export that is sent again, or
that repeats the one before it, brings nothing but what is new. Recognising rows, recording them and noting how far the
upload has come are one transaction.
"""

from collections.abc import Sequence
from datetime import datetime
from io import BytesIO
from typing import Protocol

from msgspec import Struct

from app.postgres.database import Transaction
from canonical.parts import ObjectName


class NewUpload(Struct, frozen=True, kw_only=True):
    """An export that is about to be recorded. (principal, idempotency key) names it; `digest` is the SHA-256 of its
    bytes, `rows` how many it holds."""

    principal: str
    idempotency_key: str
    connection: str
    object: ObjectName
    digest: bytes
    rows: int
    correlation_id: str


class Upload(Struct, frozen=True, kw_only=True):
    """An export and how far it is recorded: `seen` rows, of which some were `accepted` and the others there already.
    `ended_at`: all are."""

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
    """What has become of the rows that were accepted: told of as Events or found to change nothing (`settled`), refused
    and waiting for a person, or let go by one."""

    settled: int
    refused: int
    discarded: int


class RowMark(Struct, frozen=True, kw_only=True):
    """What a row says of which record, as digests of 32 bytes."""

    identity: bytes
    digest: bytes


class UploadMoved(Exception):
    """Somebody else has recorded rows of this upload since it was looked at."""


class WaitingFile(Struct, frozen=True, kw_only=True):
    """A file that somebody has laid into a folder and is through with. `mark` differs between two of one name."""

    name: str
    mark: str
    size: int


class ExportFolder(Protocol):
    """A folder where exports are laid down. Whatever was taken is moved into its subfolder `taken`, what could not be
    into `refused`, with the reasons beside it."""

    async def waiting(self) -> Sequence[WaitingFile]:
        """The files that nobody has written to for a while, the oldest first. Raises OSError."""

    async def read(self, file: WaitingFile) -> BytesIO:
        """Its content. Raises OSError, also for one that another process has moved meanwhile."""

    async def put_away(self, file: WaitingFile, *reasons: str) -> None:
        """Move it out of the way: it was taken, or refused for these reasons. Raises OSError."""


class Uploads(Protocol):
    """The exports."""

    async def begin(self, new: NewUpload) -> Upload:
        """This upload, or the one that was begun under its name. Raises StoreUnavailable."""

    async def get(self, upload_id: str) -> Upload | None:
        """One by id."""

    async def list(self, connection: str | None, *, after: str | None, limit: int) -> Sequence[Upload]:
        """Newest first, those before the id `after`; of one connection where one is named."""

    async def outcomes(self, uploads: Sequence[Upload]) -> Sequence[UploadOutcome]:
        """What has become of the rows of each, in the same order, as long as their receipts are kept."""

    async def advance(self, transaction: Transaction, upload: Upload, *, seen: int, accepted: int) -> Upload:
        """So many more rows are recorded. Raises UploadMoved, in a transaction that then must not commit."""

    async def recognise(
        self, transaction: Transaction, connection: str, rows: Sequence[RowMark]
    ) -> Sequence[int | None]:
        """How often the record of each row has said something new, this time included; None where the row says what
        was said last. No two rows are of one record."""

    async def tell(
        self, transaction: Transaction, connection: str, row: tuple[bytes, int], received_at: datetime
    ) -> bool:
        """Whether this row, an identity and its generation, may be told: none that came later was told before."""

    async def tell_mended(
        self, transaction: Transaction, connection: str, identity: bytes, receipt_id: str, key: str
    ) -> bool:
        """Whether a row that was of no record, or of another one, when it was received, and was mended into one of this
        `identity`, may be told: none of that record that was received later was told. Those that were, and are still
        to be told, may be told after it; where there are none, it is the last that the record said. `key` is how the
        receipts of the record's rows begin."""
