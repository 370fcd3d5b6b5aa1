"""Read the last-seen states of an object, page by page in the order of their key. Memory is bounded, and no transaction
stays open."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from app.events.store.record_states import data_of
from app.postgres.database import Database, Statement
from app.postgres.encryption import Sealer
from canonical.parts import ObjectName

PAGE: Final = 500

# Every state that commits after this has a later `seen_at`, which is the start of its transaction: none that runs now
# began before the time that is returned.
HORIZON = Statement(
    "SELECT pg_stat_activity",
    """
    SELECT least(now(), min(xact_start))
      FROM pg_stat_activity
     WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
    """,
)

SELECT = Statement(
    "SELECT record_state",
    """
    SELECT state.connection, state.remote_id, data, deleted, version, seen_at, named.canonical_id
      FROM record_state AS state
      LEFT JOIN LATERAL (
           SELECT canonical_id
             FROM link
            WHERE object = state.object AND connection = state.connection AND remote_id = state.remote_id
            LIMIT 1) AS named ON true
     WHERE state.object = $1
       AND (state.connection, state.remote_id) > ($2, $3)
       AND state.connection = coalesce($4, state.connection)
       AND state.seen_at >= coalesce($5::timestamptz, '-infinity')
       AND state.seen_at < coalesce($6::timestamptz, 'infinity')
     ORDER BY state.object, state.connection, state.remote_id
     LIMIT $7
    """,
)


class StoredState(Struct, frozen=True, kw_only=True):
    """A record as last seen. `data` is a JSON object of its canonical fields, with what is kept with them."""

    connection: str
    remote_id: str
    canonical_id: str | None
    seen_at: datetime
    version: int
    deleted: bool
    data: bytes


class PostgresExtracts:
    """Reads states in bulk."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def horizon(self) -> datetime:
        """Return a time before which no further state will be seen."""
        horizon: datetime = await self._database.fetch_value(HORIZON)
        return horizon

    async def pages(
        self,
        object_name: ObjectName,
        *,
        connection: str | None,
        since: datetime | None,
        until: datetime | None,
        limit: int = PAGE,
    ) -> AsyncIterator[Sequence[StoredState]]:
        """Yield the states seen from `since` until before `until`, by connection and remote id. A record that changes
        meanwhile is read once. Raises SealBroken."""
        last = (connection or "", "")
        while True:
            rows = await self._database.fetch(SELECT, object_name, *last, connection, since, until, limit)
            if rows:
                yield [self._open(object_name, row) for row in rows]
                last = (rows[-1]["connection"], rows[-1]["remote_id"])
            if len(rows) < limit:
                return

    def _open(self, object_name: ObjectName, row: Any) -> StoredState:
        belongs_to = data_of(object_name, row["connection"], row["remote_id"])
        return StoredState(
            connection=row["connection"],
            remote_id=row["remote_id"],
            canonical_id=row["canonical_id"],
            seen_at=row["seen_at"],
            version=row["version"],
            deleted=row["deleted"],
            data=self._sealer.open(row["data"], belongs_to),
        )
