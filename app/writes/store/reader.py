"""Look up operations, by id or by key."""

from collections.abc import Mapping, Sequence

import msgspec

from app.postgres.database import Database
from app.postgres.encryption import SealBroken, Sealer
from app.problem_document import ProblemDocument
from app.writes.models import Delay, Operation
from app.writes.store import statements as sql
from app.writes.store.lost_rows import WAS_LOST
from app.writes.store.queued import SELECT_DELAYS
from app.writes.store.rows import OperationRows
from canonical.parts import ObjectName


class OperationReader:
    """Look up operations."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._rows = OperationRows(sealer)

    async def get(self, operation_id: str) -> Operation | None:
        """Return an operation by id."""
        row = await self._database.fetch_row(sql.SELECT_BY_ID, operation_id)
        return None if row is None else self._rows.open(row)

    async def problems(self, operation_ids: Sequence[str]) -> Mapping[str, ProblemDocument | None]:
        """Return the problem of each operation, None if it has none; without those that no encryption key opens."""
        problems = dict[str, ProblemDocument | None].fromkeys(operation_ids)
        for row in await self._database.fetch(sql.SELECT_PROBLEMS, list(operation_ids)):
            try:
                problems[row["id"]] = self._rows.open_problem(row)
            except SealBroken:
                del problems[row["id"]]
        return problems

    async def find_by_key(self, principal: str, key: str) -> Operation | None:
        """Return the operation of a key, if any."""
        row = await self._database.fetch_row(sql.SELECT_BY_KEY, principal, key)
        return None if row is None else self._rows.open(row)

    async def list(
        self, *, state: str | None, objects: Sequence[ObjectName], approves: bool, after: str | None, limit: int
    ) -> Sequence[Operation]:
        """List operations on these objects, newest first, below the id `after`; with `approves`, also those on others
        that need or needed an approval. `state` is a public one, or `approval`."""
        pages = sql.PAGES if objects else sql.APPROVAL_PAGES
        rows = await self._database.fetch(pages[state], list(objects), after, limit, approves)
        return [self._rows.open(row) for row in rows]

    async def was_lost(self, operation_id: str) -> bool:
        """Return whether the database has lost the row of an operation: it is absent, and Lockstitch did not delete
        it. Otherwise an absent row means that its key is free."""
        return bool(await self._database.fetch_value(WAS_LOST, operation_id))

    async def delays(self, operation_ids: Sequence[str]) -> Mapping[str, Delay]:
        """Return what holds up these operations, by id."""
        rows = await self._database.fetch(SELECT_DELAYS, list(operation_ids))
        return {row["id"]: msgspec.convert(dict(row), Delay) for row in rows}
