"""The last seen state of each record: encrypted, one row per record, replaced only after a comparison with it."""

from datetime import datetime
from typing import Final

from app.events.models import RecordChange, SeenState, StateMoved
from app.postgres.database import Database, Statement, Transaction
from app.postgres.encryption import SealedColumn, Sealer
from canonical.parts import ObjectName

SELECT = Statement(
    "SELECT record_state",
    """
    SELECT clock_timestamp() AS looked_at, found.*
      FROM (SELECT 1) AS one
      LEFT JOIN LATERAL (
           SELECT data, deleted, version, seen_at, read_at
             FROM record_state
            WHERE object = $1 AND connection = $2 AND remote_id = $3) AS found ON true
    """,
)

INSERT = Statement(
    "INSERT record_state",
    """
    INSERT INTO record_state (object, connection, remote_id, data, deleted, read_at)
    VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (object, connection, remote_id) DO NOTHING
    """,
)

REPLACE = Statement(
    "UPDATE record_state",
    """
    UPDATE record_state
       SET data = $4, deleted = $5, read_at = $6, version = version + 1, seen_at = now()
     WHERE object = $1 AND connection = $2 AND remote_id = $3 AND version = $7
    """,
)


class PostgresRecordStates:
    """The store of last seen states.

    Read a state before you fetch the record, and name it when you put the next one. So an older state never replaces a
    newer one.
    """

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def get(self, object_name: ObjectName, connection: str, remote_id: str) -> SeenState | None:
        """Return the last seen state, if any."""
        return (await self.look(object_name, connection, remote_id))[1]

    async def look(self, object_name: ObjectName, connection: str, remote_id: str) -> tuple[datetime, SeenState | None]:
        """Return the time now, from which a read that follows counts, and the last seen state, if any."""
        row = await self._database.fetch_row(SELECT, object_name, connection, remote_id)
        assert row is not None  # noqa: S101 - it has the time at least
        if row["data"] is None:
            return row["looked_at"], None
        return row["looked_at"], SeenState(
            data=self._sealer.open(row["data"], data_of(object_name, connection, remote_id)),
            deleted=row["deleted"],
            version=row["version"],
            seen_at=row["seen_at"],
            read_at=row["read_at"],
        )

    async def replace(self, transaction: Transaction, change: RecordChange) -> None:
        """Keep the state of a change in the place of the one it was compared with. Raises StateMoved."""
        if change.state is None or change.read_at is None:
            return
        await self.put(
            *(transaction, change.object, change.connection, change.remote_id),
            data=change.state,
            read_at=change.read_at,
            instead_of=change.seen,
            deleted=change.deleted,
        )

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
        sealed = self._sealer.seal(data, data_of(object_name, connection, remote_id))
        row = (object_name, connection, remote_id, sealed, deleted, read_at)
        kept = (
            await transaction.execute(INSERT, *row)
            if instead_of is None
            else await transaction.execute(REPLACE, *row, instead_of.version)
        )
        if not kept:
            raise StateMoved


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
