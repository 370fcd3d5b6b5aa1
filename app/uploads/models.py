"""Upload models: exports, their progress, and the last recorded row of each record.

A row is recorded only if it differs from the last row of its record, so a repeated or overlapping export adds only what
is new. One transaction recognises rows, records them and advances the upload.
"""

from datetime import datetime

from msgspec import Struct

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
