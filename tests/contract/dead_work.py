"""Work that was given up, put into the running Lockstitch's database past its workers, and jobs that stay where they
are: of a kind that no worker knows, at a connection that is nobody's."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar
from uuid import uuid4

from app.postgres.database import Database, Statement
from app.postgres.encryption import Sealer
from app.queue.claim import job_of
from app.queue.enqueue import payload_of
from app.queue.jobs import PostgresQueue
from app.queue.models import JobFailure, JobPolicy, NewJob
from app.webhooks.models import NewReceipt
from app.webhooks.store.receipts import PostgresReceipts
from tests.contract.facade import Facade

T = TypeVar("T")

SEALER = Sealer((("k1", bytes(range(32))),))
TRANSIENT = JobFailure(category="transient", reason="vendor-unavailable")
UNMAPPABLE = JobFailure(
    category="permanent", reason="unmappable", path="$.email", mapping="hubspot.customer", revision=1
)

# A job that a worker claims before the test does would be given back as of a kind that is not known.
RUN = Statement(
    "UPDATE job",
    """
    UPDATE job
       SET state = 'running', attempts = attempts + 1, lease_token = gen_random_uuid(), started_at = now(),
           lease_until = now() + interval '1 hour'
     WHERE id = $1
    RETURNING *
    """,
)


class DeadWork:
    """What a test has put there. Each has a connection of its own, so that filters find it alone."""

    def __init__(self, facade: Facade) -> None:
        self.facade = facade
        self.connection = f"dead-{uuid4().hex[:12]}"

    def bury(self, *jobs: NewJob, failure: JobFailure = TRANSIENT) -> list[str]:
        """Jobs that were tried once and given up; the ids of their dead letters, in this order."""
        return self.on_database(lambda database: self._bury(database, jobs, failure))

    def new(self, key: str | None = None, **facts: Any) -> NewJob:
        """A job to bury."""
        key = key or uuid4().hex[:12]
        given = {
            "kind": "nobodys",
            "payload": f'{{"key": "{key}"}}'.encode(),
            "connection": self.connection,
            "order_key": f"customer:{key}",
            "dedupe_key": key,
            "correlation_id": f"run-{self.connection}",
            "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        }
        return NewJob(**{**given, **facts})

    def receive(self, payload: bytes) -> str:
        """A receipt with this payload; its id."""

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
        """Jobs that wait."""

        async def add(database: Database) -> list[int | None]:
            async with database.transaction() as session:
                return await _queue(database).enqueue(session, *jobs)

        return self.on_database(add)

    def jobs(self) -> list[dict[str, Any]]:
        """Its jobs in the queue, by id."""
        return self.facade.sql("SELECT * FROM job WHERE connection = $1 ORDER BY id", self.connection)

    def payload_of(self, job: Mapping[str, Any]) -> bytes:
        """What a job is given."""
        return SEALER.open(job["payload"], payload_of(job["id"]))

    def states(self) -> list[str]:
        """The states of its dead letters, oldest first."""
        rows = self.facade.sql(
            "SELECT state FROM dead_letter WHERE connection = $1 ORDER BY job_id, id", self.connection
        )
        return [row["state"] for row in rows]

    def on_database(self, do: Callable[[Database], Awaitable[T]]) -> T:
        """Do something with Lockstitch's database."""

        async def connect_and_do() -> T:
            database = await Database.connect(self.facade.database_url, max_size=2)
            try:
                return await do(database)
            finally:
                await database.close()

        return asyncio.run(connect_and_do())

    async def _bury(self, database: Database, jobs: tuple[NewJob, ...], failure: JobFailure) -> list[str]:
        queue, buried = _queue(database), []
        for job in jobs:
            async with database.transaction() as session:
                (job_id,) = await queue.enqueue(session, job)
                row = await session.fetch_row(RUN, job_id)
                assert row is not None
            buried.append(await queue.bury(job_of(row, b"", probe=False), failure))
        return buried


def _queue(database: Database) -> PostgresQueue:
    return PostgresQueue(
        database,
        SEALER,
        lease=timedelta(seconds=30),
        policies={"blocking": JobPolicy(dead_head="block")},
    )
