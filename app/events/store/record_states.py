"""The last seen state of each record: encrypted, one row per record, replaced only after a comparison with it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import asyncpg
import msgspec

from app.events.models import OwnWrite, RecordChange, SeenState
from app.events.statements import SEEN_COLUMNS, STATE_ARGUMENTS, keep_text, state_moves
from app.postgres.batching import Batcher
from app.postgres.database import Database, Statement, Transaction
from app.postgres.encryption import SealedColumn, Sealer
from canonical.parts import ObjectName

SELECT = Statement(
    "SELECT record_state",
    f"""
    SELECT asked.number, clock_timestamp() AS looked_at, found.*
      FROM unnest((SELECT $1::text[]), (SELECT $2::text[]), (SELECT $3::text[])) WITH ORDINALITY
           AS asked (object, connection, remote_id, number)
      LEFT JOIN LATERAL (
           SELECT {SEEN_COLUMNS}
             FROM record_state
            WHERE object = asked.object AND connection = asked.connection AND remote_id = asked.remote_id
            LIMIT 1) AS found ON true
     ORDER BY asked.number
    """,  # noqa: S608 - no caller's text is in it
)

# Those that were never seen have no row, and version NULL.
MOVED = Statement(
    "SELECT record_state",
    """
    SELECT kept.object, kept.connection, kept.remote_id
      FROM unnest((SELECT $1::text[]), (SELECT $2::text[]), (SELECT $3::text[]), (SELECT $4::bigint[]))
           AS kept (object, connection, remote_id, version)
      LEFT JOIN LATERAL (
           SELECT version
             FROM record_state
            WHERE object = kept.object AND connection = kept.connection AND remote_id = kept.remote_id
            LIMIT 1) AS seen ON true
     WHERE seen.version IS DISTINCT FROM kept.version
    """,
)

Record = tuple[str, str, str]
"""Object, connection and remote id."""

KEEP = Statement("INSERT record_state", keep_text(first=1, source="(SELECT 1) AS one"))


class PostgresRecordStates:
    """The store of last seen states.

    Read a state before you fetch the record, and name it when you put the next one. So an older state never replaces a
    newer one.
    """

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer
        self._reads: Batcher[Record, asyncpg.Record] = Batcher.of(self._read, abandonable=True)

    async def get(self, object_name: ObjectName, connection: str, remote_id: str) -> SeenState | None:
        """Return the last seen state, if any."""
        return (await self.look(object_name, connection, remote_id))[1]

    async def look(self, object_name: ObjectName, connection: str, remote_id: str) -> tuple[datetime, SeenState | None]:
        """Return the time now, from which a read that follows counts, and the last seen state, if any."""
        row = await self._reads.run((object_name, connection, remote_id))
        return row["looked_at"], self.open(row, object_name, connection, remote_id)

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
        )

    def columns_of(self, *changes: RecordChange) -> tuple[list[object], ...]:
        """Return the arguments of `statements.keep_text` for the changes that have a state to keep."""
        return _transposed(
            [
                self._row(one.record, one.state, one.deleted, one.read_at, one.seen, one.written_by)
                for one in changes
                if one.state is not None and one.read_at is not None
            ]
        )

    async def replace(self, transaction: Transaction, *changes: RecordChange) -> None:
        """Keep the state of each change in the place of the one it was compared with. They concern different records.
        Raises StateMoved."""
        columns = self.columns_of(*changes)
        if columns[0]:
            with state_moves():
                await transaction.execute(KEEP, *columns)

    async def moved(self, changes: Sequence[RecordChange]) -> set[Record]:
        """Return the records whose state is no longer the one that the change was compared with."""
        kept = [one for one in changes if one.state is not None]
        if not kept:
            return set()
        rows = await self._database.fetch(
            MOVED,
            [one.object for one in kept],
            [one.connection for one in kept],
            [one.remote_id for one in kept],
            [None if one.seen is None else one.seen.version for one in kept],
        )
        return {(row["object"], row["connection"], row["remote_id"]) for row in rows}

    async def put(
        self,
        transaction: Transaction,
        object_name: ObjectName,
        connection: str,
        remote_id: str,
        *,
        data: bytes,
        read_at: datetime,
        instead_of: SeenState | None,
        deleted: bool = False,
    ) -> None:
        """Keep this one in the place of the one it was compared with, None for the first. Raises StateMoved.

        `read_at`: the vendor was asked then or later.
        """
        record = (object_name, connection, remote_id)
        with state_moves():
            await transaction.execute(KEEP, *_transposed([self._row(record, data, deleted, read_at, instead_of)]))

    async def _read(self, records: Sequence[Record]) -> list[asyncpg.Record]:
        return await self._database.fetch(SELECT, *(list(names) for names in zip(*records, strict=True)))

    def _row(
        self,
        record: Record,
        data: bytes,
        deleted: bool,
        read_at: datetime,
        seen: SeenState | None,
        write: OwnWrite | None = None,
    ) -> tuple[object, ...]:
        """Return a row with the version that comes after the last-seen one."""
        sealed = self._sealer.seal(data, data_of(*record))
        written_by = None if write is None else msgspec.json.encode(write).decode()
        return (*record, sealed, deleted, read_at, 1 if seen is None else seen.version + 1, written_by)


def _transposed(rows: Sequence[tuple[object, ...]]) -> tuple[list[object], ...]:
    return tuple([row[place] for row in rows] for place in range(len(STATE_ARGUMENTS)))


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
