"""An audit trail with a chain over it, and hands that meddle with both."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from app.audit import record
from app.audit.chain import AuditSealer
from app.audit.models import Anchor, Verification
from app.audit.trail import PostgresAuditTrail
from app.postgres.database import Database, Statement

TIMEOUT: Final = 30.0
SEALED: Final = 9
"""How many events the trail of `sealed` begins with; their ids are their positions."""


class Chain:
    """A trail, its sealer, and a session that may do anything."""

    def __init__(self, database: Database, owner: "asyncpg.Connection[asyncpg.Record]") -> None:
        self.database = database
        self.owner = owner
        self.sealer = AuditSealer(database)
        self.trail = PostgresAuditTrail(database)

    async def write(self, count: int, name: str = "event") -> None:
        """Add events in one transaction."""
        async with self.database.transaction() as session:
            await record.append_all(session, entries(name, count))

    async def seal(self) -> int:
        """Seal all that can be sealed; how many."""
        sealed = 0
        while more := await self.sealer.seal():
            sealed += more
        return sealed

    async def seal_everything(self) -> int:
        """Seal until nothing is left; how many. The server takes a moment to end the transaction of a session that is
        gone, and an ANALYZE of its own is one as well."""
        sealed = 0
        async with asyncio.timeout(TIMEOUT):
            while (more := await self.seal()) or (await self.verify()).unsealed.count:
                sealed += more
        return sealed

    async def verify(self, *, start: int = 1, anchor: Anchor | None = None) -> Verification:
        """Walk to the end."""
        return await self.trail.verify(start=start, at_most=1_000_000, anchor=anchor)

    async def meddle(self, statement: str, *arguments: object) -> None:
        """Change something as nobody of us would."""
        await self.owner.execute(statement, *arguments)

    async def run(self, query: Statement) -> int:
        """A statement of ours in a transaction of its own."""
        return await self.database.execute(query)


@asynccontextmanager
async def chain_on(url: str) -> AsyncIterator[Chain]:
    """A chain on this database, for as long as the block."""
    database = await Database.connect(url, max_size=8)
    owner = await asyncpg.connect(url)
    try:
        yield Chain(database, owner)
    finally:
        await owner.close()
        await database.close()


def entries(name: str, count: int) -> Sequence[record.Entry]:
    """Events that differ."""
    return [
        record.Entry(
            type="job.queued",
            subject=f"job:{name}-{number}",
            correlation_id=f"run-{number}",
            facts={"kind": "work", "number": number},
        )
        for number in range(count)
    ]
