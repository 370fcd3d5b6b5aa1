"""An audit trail and its chain, with means to tamper with both."""

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
"""Events in the trail of the fixture `sealed`. Their ids are their positions."""


class Chain:
    """A trail, its sealer, and a session with all rights."""

    def __init__(self, database: Database, owner: "asyncpg.Connection[asyncpg.Record]") -> None:
        self.database = database
        self.owner = owner
        self.sealer = AuditSealer(database)
        self.trail = PostgresAuditTrail(database)

    async def write(self, count: int, name: str = "event") -> None:
        """Add events in one transaction."""
        async with self.database.transaction() as session:
            await record.append(session, *entries(name, count))

    async def seal(self) -> int:
        """Seal all that can be sealed, and return the number."""
        sealed = 0
        while more := await self.sealer.seal():
            sealed += more
        return sealed

    async def seal_everything(self) -> int:
        """Seal until nothing is left, and return the number. An open transaction delays sealing: the server takes a
        moment to end that of a closed session, and it runs ANALYZE itself."""
        sealed = 0
        async with asyncio.timeout(TIMEOUT):
            while (more := await self.seal()) or (await self.verify()).unsealed.count:
                sealed += more
        return sealed

    async def verify(self, *, start: int = 1, anchor: Anchor | None = None) -> Verification:
        """Verify to the end."""
        return await self.trail.verify(start=start, at_most=1_000_000, anchor=anchor)

    async def meddle(self, statement: str, *arguments: object) -> None:
        """Change something behind Lockstitch's back."""
        await self.owner.execute(statement, *arguments)

    async def run(self, query: Statement) -> int:
        """Run one of Lockstitch's statements in a transaction."""
        return await self.database.execute(query)


@asynccontextmanager
async def chain_on(url: str) -> AsyncIterator[Chain]:
    """Open a chain on this database for the block."""
    database = await Database.connect(url, max_size=8, acquire_timeout=60.0)
    owner = await asyncpg.connect(url)
    try:
        yield Chain(database, owner)
    finally:
        await owner.close()
        await database.close()


def entries(name: str, count: int) -> Sequence[record.Entry]:
    """Return different events."""
    return [
        record.Entry(
            type="job.queued",
            subject=f"job:{name}-{number}",
            correlation_id=f"run-{number}",
            facts={"kind": "work", "number": number},
        )
        for number in range(count)
    ]
