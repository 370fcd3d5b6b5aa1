"""The last seen state of each record: encrypted, one row per record, replaced only after a comparison with it."""

from datetime import datetime
from typing import Any, Final

from app.events.models import RecordChange, SeenState
from app.events.statements import SEEN_COLUMNS, STATE_ARGUMENTS, keep_text, state_moves
from app.postgres.database import Database, Statement, Transaction
from app.postgres.encryption import SealedColumn, Sealer
from canonical.parts import ObjectName

SELECT = Statement(
    "SELECT record_state",
    f"""
    SELECT clock_timestamp() AS looked_at, found.*
      FROM (SELECT 1) AS one
      LEFT JOIN LATERAL (
           SELECT {SEEN_COLUMNS}
             FROM record_state
            WHERE object = $1 AND connection = $2 AND remote_id = $3) AS found ON true
    """,  # noqa: S608 - no caller's text is in it
)

KEEP = Statement("INSERT record_state", keep_text(first=1, source="(SELECT 1) AS one"))


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
        )

    def columns_of(self, change: RecordChange | None) -> tuple[object, ...]:
        """Return the arguments of `statements.keep_text`; all NULL if there is no state to keep."""
        if change is None or change.state is None or change.read_at is None:
            return (None,) * STATE_ARGUMENTS
        record = (change.object, change.connection, change.remote_id)
        return self._columns(record, change.state, change.deleted, change.read_at, change.seen)

    async def replace(self, transaction: Transaction, change: RecordChange) -> None:
        """Keep the state of a change in the place of the one it was compared with. Raises StateMoved."""
        if change.state is None:
            return
        with state_moves():
            await transaction.execute(KEEP, *self.columns_of(change))

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
            await transaction.execute(KEEP, *self._columns(record, data, deleted, read_at, instead_of))

    def _columns(
        self, record: tuple[str, str, str], data: bytes, deleted: bool, read_at: datetime, seen: SeenState | None
    ) -> tuple[object, ...]:
        sealed = self._sealer.seal(data, data_of(*record))
        return (*record, sealed, deleted, read_at, None if seen is None else seen.version)


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
