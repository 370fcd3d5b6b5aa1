"""An approval and its expiry at the same instant: whichever commits first counts, and the other one changes nothing."""

import asyncio
import hashlib
from datetime import timedelta
from typing import Final
from uuid import uuid4

from app.capabilities import POLICIES
from app.events.store.deliveries import PostgresDeliveries
from app.events.store.events import PostgresEvents
from app.events.store.record_states import PostgresRecordStates
from app.identifiers import new_id
from app.postgres.database import Database, Statement
from app.postgres.digest_secret import DigestSecret
from app.problem_document import ProblemDocument
from app.queue.enqueue import JobIntake
from app.writes.approval import ApprovalDetails
from app.writes.completion import Completion
from app.writes.deps import CompletionDeps
from app.writes.models import Answer, Intent, NewOperation, Operation
from app.writes.store.approvals import PostgresApprovals
from app.writes.store.copy_bases import PostgresCopyBases
from app.writes.store.operations import PostgresOperations
from tests.encryption import SEALER
from tests.required import required

INTENT: Final = Intent(
    object="customer", action="create", connection="crm", revision=1, instance="/v1/customers", body=b"{}"
)
DETAILS: Final = ApprovalDetails(requested_by="agent", effect="create", remote_id=None)
EXPIRE: Final = Statement("UPDATE operation", "UPDATE operation SET approve_by = now()")
NOW: Final = Statement("SELECT now", "SELECT now()")
PROBLEM: Final = ProblemDocument(
    type="https://lockstitch.example/problems/approval-expired",
    code="approval-expired",
    title="Expired",
    status=403,
    detail="Too late.",
    instance="/v1/customers",
    category="permanent",
    fault="caller",
    retryable=False,
    retry_after=None,
    next_step="Ask again.",
    correlation_id="run-1",
)
ANSWER: Final = Answer(status=403, headers={}, body=b"{}")


class Approvals:
    """The stores of one database, with an operation that waits."""

    def __init__(self, database: Database) -> None:
        events = PostgresEvents(database, SEALER, PostgresDeliveries(database, SEALER))
        secret, queue = DigestSecret(database, SEALER), JobIntake(SEALER, POLICIES)
        states, bases = PostgresRecordStates(database, SEALER, secret), PostgresCopyBases(database, secret)
        completion = Completion(CompletionDeps(events=events, queue=queue, states=states, bases=bases))
        days = timedelta(days=7)
        self.database = database
        self.operations = PostgresOperations(database, SEALER, lease=days, retention=days, completion=completion)
        self.store = PostgresApprovals(database, SEALER, wait=days, completion=completion)

    async def request(self) -> Operation:
        new = NewOperation(
            id=new_id("op_"),
            principal="key_1",
            key=uuid4().hex,
            fingerprint=hashlib.sha256(b"{}").digest(),
            correlation_id="run-1",
            traceparent=None,
            intent=INTENT,
            phase="received",
        )
        async with self.database.transaction() as transaction:
            operation = required(await self.operations.add_queued(transaction, new))
            return await self.store.request(transaction, operation, DETAILS)

    async def end(self, operation: Operation) -> bool:
        return await self.store.end(operation, "expired", DETAILS, problem=PROBLEM, answer=ANSWER)


async def test_an_approval_that_began_in_time_and_comes_after_the_expiry_is_none(database: Database) -> None:
    approvals = Approvals(database)
    operation = await approvals.request()
    async with database.transaction() as transaction:
        await transaction.fetch_value(NOW)  # from here on the time stands still for it
        await database.execute(EXPIRE)
        assert await approvals.end(operation)
        assert await approvals.store.approve(transaction, operation, DETAILS) is None
    assert await approvals.operations.take_queued(operation.id) is None
    ended = required(await approvals.operations.get(operation.id))
    assert (ended.phase, ended.outcome) == ("settled", "failed")


async def test_an_expiry_waits_for_an_approval_and_finds_nothing(database: Database) -> None:
    approvals = Approvals(database)
    operation = await approvals.request()
    assert await approvals.operations.take_queued(operation.id) is None
    async with database.transaction() as transaction:
        await transaction.fetch_value(NOW)
        await database.execute(EXPIRE)
        assert await approvals.store.approve(transaction, operation, DETAILS) is not None
        ending = asyncio.create_task(approvals.end(operation))
        for _ in range(20):
            await asyncio.sleep(0)
    assert not await ending
    assert await approvals.operations.take_queued(operation.id) is not None


async def test_no_one_leases_what_waits(database: Database) -> None:
    approvals = Approvals(database)
    operation = await approvals.request()
    assert await approvals.operations.take_over(operation.id) is None
    assert await approvals.operations.claim_due(10) == []
    waiting = required(await approvals.operations.get(operation.id))
    assert (waiting.phase, waiting.attempts) == ("received", 0)
