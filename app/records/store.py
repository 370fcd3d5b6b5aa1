"""Links between canonical ids and vendor ids. They never change, so known pairs are cached, up to a limit."""

from collections.abc import Mapping, Sequence

from app.identifiers import new_id
from app.postgres.database import Database, Statement
from app.records.models import KnownLink
from canonical.parts import ID_PREFIX, ObjectName

REMEMBERED = 100_000

SELECT = Statement(
    "SELECT link",
    """
    SELECT remote_id, canonical_id
      FROM link
     WHERE object = $1 AND connection = $2 AND remote_id = ANY($3::text[])
    """,
)

# New and existing rows in one statement. A row that another process commits meanwhile appears in neither half, because
# the statement sees the table as it was at its start.
MAKE = Statement(
    "INSERT link",
    """
    WITH made AS (
        INSERT INTO link (object, connection, remote_id, canonical_id)
        SELECT $1, $2, new.remote_id, new.canonical_id
          FROM unnest($3::text[], $4::text[]) AS new (remote_id, canonical_id)
            ON CONFLICT (object, connection, remote_id) DO NOTHING
        RETURNING remote_id, canonical_id
    )
    SELECT remote_id, canonical_id FROM made
     UNION ALL
    SELECT remote_id, canonical_id
      FROM link
     WHERE object = $1 AND connection = $2 AND remote_id = ANY($3::text[])
    """,
)

SELECT_CANONICAL = Statement(
    "SELECT link",
    """
    SELECT object, connection, remote_id
      FROM link
     WHERE canonical_id = $1
     ORDER BY created_at
    """,
)


class PostgresLinks:
    """The store of links."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[tuple[str, str, str], str] = {}

    async def ensure(self, object_name: ObjectName, connection: str, remote_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the canonical id of each remote id. Missing ones are created."""
        found = {
            remote_id: canonical_id
            for remote_id in remote_ids
            if (canonical_id := self._known.get((object_name, connection, remote_id))) is not None
        }
        wanted = sorted(set(remote_ids) - found.keys())  # sorted: all callers lock rows in the same order
        if not wanted:
            return found
        fresh = [new_id(ID_PREFIX[object_name]) for _ in wanted]
        rows = await self._database.fetch(MAKE, object_name, connection, wanted, fresh)
        found |= {row["remote_id"]: row["canonical_id"] for row in rows}
        missing = [remote_id for remote_id in wanted if remote_id not in found]
        if missing:
            found |= await self._select(object_name, connection, missing)
        self._remember(object_name, connection, found)
        return found

    async def find(self, canonical_id: str) -> Sequence[KnownLink]:
        """Return the records of a canonical id, oldest first."""
        rows = await self._database.fetch(SELECT_CANONICAL, canonical_id)
        return [
            KnownLink(object=row["object"], connection=row["connection"], remote_id=row["remote_id"]) for row in rows
        ]

    async def canonical_id(self, object_name: ObjectName, connection: str, remote_id: str) -> str | None:
        """Return the canonical id of a record, None if it was never seen."""
        known = self._known.get((object_name, connection, remote_id))
        return known or (await self._select(object_name, connection, [remote_id])).get(remote_id)

    async def _select(self, object_name: str, connection: str, remote_ids: Sequence[str]) -> dict[str, str]:
        rows = await self._database.fetch(SELECT, object_name, connection, remote_ids)
        return {row["remote_id"]: row["canonical_id"] for row in rows}

    def _remember(self, object_name: str, connection: str, found: Mapping[str, str]) -> None:
        if len(self._known) > REMEMBERED:
            self._known.clear()
        for remote_id, canonical_id in found.items():
            self._known[object_name, connection, remote_id] = canonical_id
