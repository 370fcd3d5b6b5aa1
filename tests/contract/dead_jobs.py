"""Jobs in the running Lockstitch's database that no worker touches: their kind is unknown, or they failed for good."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar
from uuid import uuid4

from app.postgres.database import Database
from app.queue.enqueue import payload_of
from app.queue.models import JobFailure, JobPolicy, NewJob
from app.webhooks.models import NewReceipt
from app.webhooks.store.receipts import PostgresReceipts
from tests.closing import async_closing
from tests.contract.facade import Facade
from tests.dead_letters import bury, queue_on
from tests.encryption import SEALER

T = TypeVar("T")

POLICIES: Final = {"blocking": JobPolicy(dead_head="block")}
TRANSIENT = JobFailure(category="transient", reason="vendor-unavailable")
UNMAPPABLE = JobFailure(
    category="permanent", reason="unmappable", path="$.email", mapping="hubspot.customer", revision=1
)


class DeadJobs:
    """The jobs of one test. They have a connection of their own, so filters find only them."""

    def __init__(self, facade: Facade) -> None:
        self.facade = facade
        self.connection = f"dead-{uuid4().hex[:12]}"

    def bury(self, *jobs: NewJob, failure: JobFailure = TRANSIENT) -> list[str]:
        """Fail these jobs for good after one attempt. Return the ids of their dead letters, in the same order."""
        return asyncio.run(bury(self.facade.database_url, *jobs, failure=failure, policies=POLICIES))

    def new(self, key: str | None = None, **facts: Any) -> NewJob:
        """Build a job to bury."""
        key = key or uuid4().hex[:12]
        defaults = {
            "kind": "nobodys",
            "payload": f'{{"key": "{key}"}}'.encode(),
            "connection": self.connection,
            "order_key": f"customer:{key}",
            "dedupe_key": key,
            "correlation_id": f"run-{self.connection}",
            "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        }
        return NewJob(**{**defaults, **facts})

    def receive(self, payload: bytes) -> str:
        """Record a receipt with this payload and return its id."""

        async def record(database: Database) -> str:
            receipt = NewReceipt(
                connection=self.connection,
                dedupe_key=uuid4().hex,
                topic="contact.creation",
                remote_object=None,
                remote_id=None,
                occurred_at=None,
                payload=payload,
                digest=bytes(32),
                correlation_id="run-1",
            )
            async with database.transaction() as session:
                (made,) = await PostgresReceipts(database, SEALER).record(session, [receipt])
            assert made is not None
            return made

        return self.on_database(record)

    def enqueue(self, *jobs: NewJob) -> list[int | None]:
        """Enqueue jobs that wait."""

        async def add(database: Database) -> list[int | None]:
            async with database.transaction() as session:
                return await queue_on(database, POLICIES).enqueue(session, *jobs)

        return self.on_database(add)

    def jobs(self) -> list[dict[str, Any]]:
        """Return the queued jobs, by id."""
        return self.facade.sql("SELECT * FROM job WHERE connection = $1 ORDER BY id", self.connection)

    def payload_of(self, job: Mapping[str, Any]) -> bytes:
        """Decrypt a job's payload."""
        return SEALER.open(job["payload"], payload_of(job["id"]))

    def states(self) -> list[str]:
        """Return the states of the dead letters, oldest first."""
        rows = self.facade.sql(
            "SELECT state FROM dead_letter WHERE connection = $1 ORDER BY job_id, id", self.connection
        )
        return [row["state"] for row in rows]

    def on_database(self, do: Callable[[Database], Awaitable[T]]) -> T:
        """Run `do` with Lockstitch's database."""

        async def connect_and_do() -> T:
            async with async_closing(Database.connect(self.facade.database_url, max_size=2)) as database:
                return await do(database)

        return asyncio.run(connect_and_do())
