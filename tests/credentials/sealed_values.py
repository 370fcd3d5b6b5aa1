"""A value in each sealed column, and what reads it again."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from app.capabilities import LOADS
from app.credentials.store import PostgresCredentials
from app.dead_letters.store.dead_letters import PostgresDeadLetters
from app.events.models import Callback, NewEvent, NewSubscription, SeenState
from app.events.store.deliveries import PostgresDeliveries
from app.events.store.events import PostgresEvents
from app.events.store.record_states import PostgresRecordStates
from app.events.store.subscriptions import PostgresSubscriptions
from app.identifiers import new_id
from app.links.match_keys import MatchFacts
from app.links.match_store import PostgresMatches
from app.links.store import PostgresLinks
from app.persons.models import Person
from app.persons.store.erasures import PostgresErasures
from app.postgres.database import Database, Statement, Transaction
from app.postgres.digest_secret import DigestSecret
from app.postgres.encryption import Sealer
from app.problem_document import ProblemDocument
from app.queue.jobs import PostgresQueue
from app.queue.models import JobFailure, NewJob
from app.vendors.fact_store import PostgresAccountFacts, StoredFact
from app.webhooks.models import NewReceipt
from app.webhooks.store.receipts import PostgresReceipts
from app.writes.approval import ApprovalDetails
from app.writes.completion import Completion
from app.writes.deps import CompletionDeps
from app.writes.models import Answer, Begun, Intent, NewOperation, Success
from app.writes.store.approvals import PostgresApprovals
from app.writes.store.copy_bases import PostgresCopyBases
from app.writes.store.operations import PostgresOperations
from mappings.http import VendorReply, VendorRequest
from tests.record_states import Record, store_state
from tests.required import required

WORDS = b'{"name":"Hypatia","meta":{}}'
HYPATIA = Person(emails=frozenset({"hypatia@example.com"}))
NOW = datetime.now(UTC)
OWNERS = VendorRequest(method="GET", path="/owners", route="/owners")


class Stores:
    """Every store that seals, as a process with these keys has them."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self.database = database
        self.deliveries = PostgresDeliveries(database, sealer)
        self.events = PostgresEvents(database, sealer, self.deliveries)
        self.queue = PostgresQueue(database, sealer, lease=timedelta(seconds=30), policies={}, loads=LOADS)
        self.states = PostgresRecordStates(database, sealer, DigestSecret(database, sealer))
        completion = Completion(
            CompletionDeps(
                events=self.events,
                queue=self.queue,
                states=self.states,
                bases=PostgresCopyBases(database, DigestSecret(database, sealer)),
            )
        )
        self.operations = PostgresOperations(
            database,
            sealer,
            lease=timedelta(seconds=30),
            retention=timedelta(days=7),
            completion=completion,
        )
        self.approvals = PostgresApprovals(database, sealer, wait=timedelta(days=7), completion=completion)
        self.receipts = PostgresReceipts(database, sealer)
        self.subscriptions = PostgresSubscriptions(database, sealer)
        self.dead_letters = PostgresDeadLetters(database, sealer, {})
        self.matches = PostgresMatches(database, DigestSecret(database, sealer), PostgresLinks(database))
        self.credentials = PostgresCredentials(database, sealer)
        self.facts = PostgresAccountFacts(database, sealer)
        self.erasures = PostgresErasures(database, sealer)

    async def store_state(
        self, session: Transaction, remote_id: str, data: bytes, *, instead_of: SeenState | None
    ) -> None:
        """Store the state of a customer in the place of another one."""
        record: Record = ("customer", "crm", remote_id)
        await store_state(self.states, session, record, data, read_at=NOW, instead_of=instead_of)

    async def sight(self, connection: str) -> None:
        """See a customer with an address."""
        await self.matches.match([MatchFacts(connection=connection, remote_id="1051", email="hypatia@example.com")])


async def write_everything(stores: Stores) -> dict[str, str]:
    """A value in each sealed column; the ids by which to find them."""
    ids = {"subscription": new_id("sub_"), "operation": new_id("op_"), "unknown": new_id("op_")}
    await stores.subscriptions.create(
        NewSubscription(
            id=ids["subscription"],
            principal="key_1",
            target_url="https://hooks.example/secret-path",
            events=("*",),
            connection=None,
            secret="whsec_" + base64.b64encode(bytes(24)).decode(),
        )
    )
    intent = Intent(
        object="customer", action="create", connection="crm", revision=1, instance="/v1/customers", body=WORDS
    )
    for name in ("operation", "unknown"):
        begun = await stores.operations.begin(
            NewOperation(
                id=ids[name],
                principal="key_1",
                key=uuid4().hex,
                fingerprint=hashlib.sha256(WORDS).digest(),
                correlation_id="run-1",
                traceparent=None,
                intent=intent,
                phase="sent",
                effect="create",
                callback="https://n8n.example/resume" if name == "operation" else None,
            )
        )
        assert isinstance(begun, Begun)
        if name == "unknown":
            await stores.operations.mark_unknown(begun, problem=a_problem())
        else:
            answer = Answer(status=201, headers={}, body=WORDS)
            await stores.operations.succeed(begun, Success(answer=answer, remote_id="1051"))
    ids["waiting"] = await request_approval(stores, intent)
    await stores.sight("crm")
    await stores.credentials.set("crm_token", WORDS)
    owners = (VendorReply(status=200, headers={}, body=WORDS),)
    await stores.facts.keep("crm", "https://crm.example", "token", {OWNERS: StoredFact(pages=owners, age=0.0)})
    ids["erasure"] = new_id("era_")
    async with stores.database.transaction() as session:
        await stores.erasures.begin(session, ids["erasure"], HYPATIA, actor="key_1", run="run-1")
        receipt = NewReceipt(
            connection="crm",
            dedupe_key="event-1",
            topic="contact.creation",
            remote_object="contact",
            remote_id="1051",
            occurred_at=None,
            payload=WORDS,
            digest=hashlib.sha256(WORDS).digest(),
            correlation_id="run-1",
        )
        (ids["receipt"],) = (name for name in await stores.receipts.record(session, [receipt]) if name is not None)
        event = NewEvent(
            type="customer.created",
            data=WORDS,
            correlation_id="run-1",
            callback=Callback(target_url="https://n8n.example/resume", principal="key_1", withheld=b"{}"),
        )
        await stores.queue.enqueue(session, *await stores.events.append(session, event))
        await stores.store_state(session, "1051", WORDS, instead_of=None)
        waiting = NewJob(kind="work", payload=WORDS, connection="crm", correlation_id="run-1", after=3600.0)
        dying = NewJob(kind="dying", payload=WORDS, connection="dying", correlation_id="run-1")
        await stores.queue.enqueue(session, waiting, dying)
    while jobs := (await stores.queue.claims.claim(10, running={}, at_most=10)).jobs:
        for job in jobs:
            if job.kind == "dying":
                ids["dead"] = await stores.queue.bury(job, JobFailure(category="permanent", reason="no"))
            else:
                await stores.queue.give_back([job], "later", after=3600.0)
    return ids


async def request_approval(stores: Stores, intent: Intent) -> str:
    """Record a write that waits for an approval, and return its id."""
    new = NewOperation(
        id=new_id("op_"),
        principal="key_1",
        key=uuid4().hex,
        fingerprint=hashlib.sha256(WORDS).digest(),
        correlation_id="run-1",
        traceparent=None,
        intent=intent,
        phase="received",
    )
    details = ApprovalDetails(requested_by="agent", effect="create", remote_id=None)
    async with stores.database.transaction() as session:
        operation = required(await stores.operations.add_queued(session, new))
        await stores.approvals.request(session, operation, details)
    return new.id


def a_problem() -> ProblemDocument:
    return ProblemDocument(
        type="https://lockstitch.example/problems/outcome-unknown",
        code="outcome-unknown",
        title="It is not known",
        status=409,
        detail="It is not known.",
        instance="/v1/customers",
        category="conflict",
        fault="vendor",
        retryable=False,
        retry_after=None,
        next_step="Look.",
        correlation_id="run-1",
    )


async def read_everything(stores: Stores, ids: dict[str, str]) -> None:
    """Each value says what was written."""
    await stores.sight("shop")
    keys = await stores.database.fetch(Statement("SELECT match_key", "SELECT DISTINCT digest FROM match_key"))
    assert len(keys) == 1
    operation = required(await stores.operations.get(ids["operation"]))
    assert operation.answer is not None
    assert (operation.intent.body, operation.answer.body) == (WORDS, WORDS)
    unknown = required(await stores.operations.get(ids["unknown"]))
    assert unknown.problem is not None
    waiting = required(await stores.operations.get(ids["waiting"]))
    assert waiting.approval is not None
    assert (waiting.intent.body, waiting.approval.details.requested_by) == (WORDS, "agent")
    receipt = required(await stores.receipts.get(ids["receipt"]))
    assert receipt.payload == WORDS
    events = await stores.events.newest(types=[], limit=10)
    assert any(b"Hypatia" in bytes(event.body) for event in events)
    state = required(await stores.states.get("customer", "crm", "1051"))
    assert state.data == WORDS
    subscription = required(await stores.subscriptions.get(ids["subscription"]))
    assert subscription.target_url == "https://hooks.example/secret-path"
    assert len(await stores.subscriptions.secrets(ids["subscription"])) == 1
    assert await stores.dead_letters.payload(ids["dead"]) == WORDS
    erasure = required(await stores.erasures.get(ids["erasure"]))
    assert erasure[1] == HYPATIA
    known = await stores.facts.load("crm", "https://crm.example", "token", [OWNERS])
    assert known[OWNERS].pages == (VendorReply(status=200, headers={}, body=WORDS),)
    (credential,) = (await stores.credentials.read()).values()
    assert credential.current is not None
    assert credential.current.payload == WORDS
    await stores.database.execute(Statement("UPDATE job", "UPDATE job SET run_at = now()"))
    claimed = (await stores.queue.claims.claim(50, running={}, at_most=50)).jobs
    while more := (await stores.queue.claims.claim(50, running={}, at_most=50)).jobs:
        claimed = [*claimed, *more]
    assert WORDS in {job.payload for job in claimed}
    callbacks = [job for job in claimed if job.loaded["delivery_callback_url"] is not None]
    assert callbacks
    for job in callbacks:
        assert await stores.deliveries.open(job) is not None
