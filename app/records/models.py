"""The Structs of changes that were found at a vendor, and of writes of ours that may have caused them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

from msgspec import Struct

from app.postgres.database import Session
from canonical.parts import ObjectName

REFETCH: Final = "refetch"
"""The kind of the job that reads one record by itself, because a list did not show what it is."""


class WriteUnderWay(Exception):
    """A write of ours that may be the cause of a change was sent, and is not decided yet."""


class ReportedChange(Struct, frozen=True, kw_only=True):
    """What was found or reported at a vendor, and a write of ours may have caused.

    `received_at` is None for what was read just now. `created_at` is the vendor's time of the record's creation, if it
    is known: a record that is older than a write was not created by it.
    """

    connection: str
    object: ObjectName
    remote_id: str | None
    received_at: datetime | None
    created_at: datetime | None = None


class RecordCheck(Struct, frozen=True, kw_only=True):
    """The last-seen state of a record, without its data, if there is one, and whether a write is under way."""

    is_under_way: bool
    version: int | None = None
    deleted: bool | None = None
    digest: bytes | None = None
    seen_at: datetime | None = None


class ChecksWrites(Protocol):
    """Finds the writes of ours that may have caused a change: `PostgresOwnWrites`."""

    async def check(
        self, changes: Sequence[Sequence[ReportedChange]], session: Session | None = None
    ) -> list[RecordCheck]:
        """Return for each group of changes the state of the first, and whether a write of any is under way."""


def record_key(object_name: ObjectName, remote_id: str) -> str:
    """Return the dedupe key of the job that reads a record by itself."""
    return f"{object_name}:{remote_id}"
