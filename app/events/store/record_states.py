"""The last seen state of each record: encrypted, one row per record, replaced only after a comparison with it."""

import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import asyncpg
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from app.events.models import OwnWrite, RecordChange, SeenState, StateMoved
from app.events.record_changes import not_digested
from app.events.statements import SEEN_COLUMNS, STATE_ARGUMENTS, keep_text, many_of
from app.postgres.batching import Batcher
from app.postgres.database import Database, Statement, Transaction, arrays_of
from app.postgres.digest_secret import DigestSecret
from app.postgres.encryption import SealedColumn, Sealer
from canonical.parts import ObjectName

SELECT = Statement(
    "SELECT record_state",
    f"""
    SELECT record.number, clock_timestamp() AS looked_at, last.*
      FROM unnest((SELECT $1::text[]), (SELECT $2::text[]), (SELECT $3::text[])) WITH ORDINALITY
           AS record (object, connection, remote_id, number)
      LEFT JOIN LATERAL (
           SELECT {SEEN_COLUMNS}
             FROM record_state
            WHERE object = record.object AND connection = record.connection AND remote_id = record.remote_id
            LIMIT 1) AS last ON true
     ORDER BY record.number
    """,  # noqa: S608 - no caller's text is in it
)

# A completed pull has read every change up to its start, so a state that it did not replace is as young as that, unless
# the record is still to be read by itself, by the job $4 with the key $5, or could not be.
CONFIRMED = Statement(
    "SELECT watermark",
    """
    SELECT known.as_of, greatest(0, extract(epoch FROM now() - known.as_of))::float8 AS age
      FROM (SELECT greatest($3::timestamptz,
                            (SELECT started_at
                               FROM watermark
                              WHERE object = $1 AND connection = $2
                                AND NOT EXISTS (SELECT
                                                  FROM job
                                                 WHERE kind = $4 AND job.connection = $2 AND dedupe_key = $5)
                                AND NOT EXISTS (SELECT
                                                  FROM dead_letter AS letter
                                                 WHERE kind = $4 AND letter.connection = $2 AND dedupe_key = $5
                                                   AND state = 'open'))) AS as_of) AS known
    """,
)

HAVE_SOURCES = Statement(
    "SELECT record_state",
    """
    SELECT coalesce(last.source = listed.source, false) AS is_known
      FROM unnest((SELECT $3::text[]), (SELECT $4::bytea[])) WITH ORDINALITY AS listed (remote_id, source, number)
      LEFT JOIN LATERAL (
           SELECT source
             FROM record_state
            WHERE object = $1 AND connection = $2 AND remote_id = listed.remote_id
            LIMIT 1) AS last ON true
     ORDER BY listed.number
    """,
)

Record = tuple[str, str, str]
"""Object, connection and remote id."""

KEEP = Statement("INSERT record_state", keep_text(many_of(STATE_ARGUMENTS), source="(SELECT 1) AS one"))


class PostgresRecordStates:
    """The store of last seen states.

    Read a state before you fetch the record, and name it when you replace it. So an older state never replaces a
    newer one.
    """

    def __init__(self, database: Database, sealer: Sealer, secret: DigestSecret) -> None:
        self._database = database
        self._sealer = sealer
        self._secret = secret
        self._digest_key: bytes | None = None
        self._reads: Batcher[Record, asyncpg.Record] = Batcher.of(self._read, abandonable=True)

    async def get(self, object_name: ObjectName, connection: str, remote_id: str) -> SeenState | None:
        """Return the last seen state, if any."""
        return (await self.look(object_name, connection, remote_id))[1]

    async def look(self, object_name: ObjectName, connection: str, remote_id: str) -> tuple[datetime, SeenState | None]:
        """Return the time now, from which a read that follows counts, and the last seen state, if any."""
        row = await self._reads.run((object_name, connection, remote_id))
        return row["looked_at"], self.open(row, object_name, connection, remote_id)

    async def confirmed(
        self, object_name: ObjectName, connection: str, state: SeenState, *, job_kind: str, job_key: str
    ) -> tuple[datetime, float]:
        """Return when the record was last known to be in this state, and how many seconds ago that was. A completed
        pull does not confirm a record whose job of this kind and key waits or is a dead letter."""
        row = await self._database.fetch_row(CONFIRMED, object_name, connection, state.read_at, job_kind, job_key)
        assert row is not None  # noqa: S101 - it always returns a row
        return row["as_of"], row["age"]

    def open(self, row: Any, object_name: ObjectName, connection: str, remote_id: str) -> SeenState | None:
        """Return the state of a row with `SEEN_COLUMNS`, if it has one."""
        if row["data"] is None:
            return None
        return SeenState(
            data=self._sealer.open(row["data"], data_of(object_name, connection, remote_id)),
            deleted=row["deleted"],
            version=row["version"],
            seen_at=row["seen_at"],
            read_at=row["read_at"],
            written_by=None if row["written_by"] is None else msgspec.json.decode(row["written_by"], type=OwnWrite),
            digest=row["digest"],
        )

    def row_of(self, change: RecordChange) -> tuple[object, ...] | None:
        """Return the values of `statements.STATE_ARGUMENTS`, with the version that comes after the last-seen one. None
        without a state to keep."""
        if change.state is None or change.read_at is None:
            return None
        record = (change.object, change.connection, change.remote_id)
        sealed = self._sealer.seal(change.state, data_of(*record))
        version = 1 if change.last_state is None else change.last_state.version + 1
        written_by = None if change.written_by is None else msgspec.json.encode(change.written_by).decode()
        return (*record, sealed, change.deleted, change.read_at, version, written_by, change.digest, change.source)

    async def digest(self, record: Record, data: Struct, revision: int) -> bytes:
        """Return an HMAC of the compared fields of a record, as this mapping revision read them, without canonical ids.

        If it is equal to that of the last-seen state, nothing has changed.
        """
        compared = replace(data, **not_digested(type(data)))
        text = msgspec.json.encode((record, revision, compared), order="deterministic")
        return hmac.digest(await self._key(), text, "sha256")

    async def sources(self, facts: bytes, records: Sequence[bytes | msgspec.Raw]) -> list[bytes]:
        """Return an HMAC of each record with the facts that all of them share."""
        key = await self._key()
        shared = hmac.digest(key, facts, "sha256")
        return [hmac.digest(key, shared + bytes(record), "sha256") for record in records]

    async def have_sources(
        self, object_name: ObjectName, connection: str, remote_ids: Sequence[str], sources: Sequence[bytes]
    ) -> list[bool]:
        """Return which of the records have a last-seen state with this `source`."""
        rows = await self._database.fetch(HAVE_SOURCES, object_name, connection, list(remote_ids), list(sources))
        return [row["is_known"] for row in rows]

    async def _key(self) -> bytes:
        if self._digest_key is None:
            self._digest_key = await self._secret.load()
        return self._digest_key

    async def replace(self, transaction: Transaction, *changes: RecordChange) -> None:
        """Keep the state of each change in the place of the one it was compared with. They concern different records.

        Raises StateMoved if one was compared with another state than the last-seen one; then roll back.
        """
        rows = [row for row in map(self.row_of, changes) if row is not None]
        if rows and len(await transaction.fetch(KEEP, *arrays_of(rows, len(STATE_ARGUMENTS)))) < len(rows):
            raise StateMoved

    async def _read(self, records: Sequence[Record]) -> list[asyncpg.Record]:
        return await self._database.fetch(SELECT, *arrays_of(records, 3))


def data_of(object_name: str, connection: str, remote_id: str) -> str:
    """What a sealed state belongs to."""
    return f"record_state {object_name} {connection} {remote_id}"


SEALED: Final = (
    SealedColumn(
        table="record_state",
        column="data",
        key={"object": "text", "connection": "text", "remote_id": "text"},
        belongs_to=lambda row: data_of(row["object"], row["connection"], row["remote_id"]),
    ),
)
