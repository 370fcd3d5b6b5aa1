"""The last seen state of each record: encrypted, one row per record, replaced only after a comparison with it."""

from typing import Final

from app.events.models import SeenState, StateMoved
from app.postgres.database import Database, Statement, Transaction
from app.postgres.encryption import SealedColumn, Sealer
from canonical.parts import ObjectName

SELECT = Statement(
    "SELECT record_state",
    """
    SELECT data, deleted, version, seen_at
      FROM record_state
     WHERE object = $1 AND connection = $2 AND remote_id = $3
    """,
)

INSERT = Statement(
    "INSERT record_state",
    """
    INSERT INTO record_state (object, connection, remote_id, data, deleted)
    VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (object, connection, remote_id) DO NOTHING
    """,
)

REPLACE = Statement(
    "UPDATE record_state",
    """
    UPDATE record_state
       SET data = $4, deleted = $5, version = version + 1, seen_at = now()
     WHERE object = $1 AND connection = $2 AND remote_id = $3 AND version = $6
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
        row = await self._database.fetch_row(SELECT, object_name, connection, remote_id)
        if row is None:
            return None
        return SeenState(
            data=self._sealer.open(row["data"], data_of(object_name, connection, remote_id)),
            deleted=row["deleted"],
            version=row["version"],
            seen_at=row["seen_at"],
        )

    async def put(
        self,
        transaction: Transaction,
        object_name: ObjectName,
        connection: str,
        remote_id: str,
        *,
        data: bytes,
        instead_of: SeenState | None,
        deleted: bool = False,
    ) -> None:
        """Keep this one in the place of the one it was compared with, None for the first. Raises StateMoved."""
        sealed = self._sealer.seal(data, data_of(object_name, connection, remote_id))
        row = (object_name, connection, remote_id, sealed, deleted)
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
