"""Send signed webhooks, or insert receipts, and wait for the Events that result."""

import asyncio
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from app.capabilities import POLICIES
from app.events.store.record_states import PostgresRecordStates
from app.postgres.database import Database
from app.postgres.digest_secret import DigestSecret
from app.queue.jobs import PostgresQueue
from app.queue.models import NewJob
from app.webhooks.models import NewReceipt
from app.webhooks.store.receipts import PostgresReceipts
from canonical.parts import ObjectName
from tests.closing import async_closing
from tests.contract.callers import Caller, expect
from tests.contract.emulators import Vendor
from tests.contract.facade import Facade
from tests.contract.waiting import until
from tests.contract.webhook_connections import WEBHOOK_SECRETS
from tests.contract.webhook_senders import WebhookEndpoint, contact_event, hubspot, shopify
from tests.encryption import SEALER
from tests.record_states import Record, store_state
from tests.required import required
from tests.signatures.senders import Sent, sent

Event = dict[str, Any]

TOPICS: Final[dict[tuple[str, str], dict[str, str]]] = {
    ("hubspot", "customer"): {
        "created": "contact.creation",
        "updated": "contact.propertyChange",
        "deleted": "contact.deletion",
    },
    ("hubspot", "order"): {
        "created": "order.creation",
        "updated": "order.propertyChange",
        "deleted": "order.deletion",
    },
    ("hubspot", "ticket"): {
        "created": "ticket.creation",
        "updated": "ticket.propertyChange",
        "deleted": "ticket.deletion",
    },
    ("shopify", "customer"): {
        "created": "customers/create",
        "updated": "customers/update",
        "deleted": "customers/delete",
    },
    ("shopify", "order"): {"created": "orders/create", "updated": "orders/updated", "deleted": "orders/delete"},
    ("zendesk", "customer"): {
        "created": "user.created",
        "updated": "user.name_changed",
        "deleted": "user.deleted",
    },
    ("zendesk", "ticket"): {
        "created": "ticket.created",
        "updated": "ticket.subject_changed",
        "deleted": "ticket.soft_deleted",
        "comment_added": "ticket.comment_added",
    },
}


class WebhookDriver:
    """Report changes at a vendor to Lockstitch, and wait for the results."""

    def __init__(self, facade: Facade, caller: Caller) -> None:
        self.facade = facade
        self.caller = caller

    def send(self, vendor: Vendor, object_name: str, happened: str, remote_id: str, **facts: Any) -> str:
        """Send a signed webhook to the connection named after the vendor. Return the id of its receipt."""
        endpoint = WebhookEndpoint(self.facade, vendor)
        topic = TOPICS[vendor, object_name][happened]
        case = {"hubspot": _hubspot, "shopify": _shopify, "zendesk": _zendesk}[vendor](
            endpoint.url, topic, remote_id, facts
        )
        return self.deliver(endpoint, case)

    def deliver(self, endpoint: WebhookEndpoint, case: Sent) -> str:
        """Send a new webhook, and return the id of its receipt."""
        answer = expect(endpoint.send(case), 202)
        (row,) = self.facade.sql(
            "SELECT id FROM inbound_event WHERE correlation_id = $1", answer.headers["x-correlation-id"]
        )
        return row["id"]

    def record(self, connection: str, topic: str | None, remote_object: str, remote_id: str, **facts: Any) -> str:
        """Insert a receipt with its job, as a webhook would. For connections without a secret."""
        order_key = facts.pop("order_key", f"{remote_object}:{remote_id}")
        return asyncio.run(
            record_receipt(self.facade.database_url, connection, topic, remote_object, remote_id, order_key, **facts)
        )

    def remember(self, object_name: ObjectName, connection: str, remote_id: str, **fields: Any) -> None:
        """Change the stored state of a record."""
        asyncio.run(_remember(self.facade.database_url, object_name, connection, remote_id, fields))

    def forget(self, made: dict[str, Any]) -> None:
        """Delete the stored state of a resource, as if it had never been seen."""
        meta = made["meta"]
        question = "DELETE FROM record_state WHERE connection = $1 AND remote_id = $2"
        self.facade.sql(question, meta["connection"], meta["remote_id"])

    def enqueue_again(self, receipt: str) -> None:
        """Enqueue another job of a receipt, as a redrive does, and wait until it is done."""
        asyncio.run(_enqueue(self.facade.database_url, receipt))
        question = "SELECT 1 FROM job WHERE origin = $1"
        self.until(lambda: not self.facade.sql(question, receipt), f"the end of another job of {receipt}")

    def events_of(self, origin: str) -> list[Event]:
        """Return the Events of an origin so far, as the feed shows them."""
        rows = self.facade.sql("SELECT id, type FROM event WHERE origin = $1 ORDER BY id", origin)
        return [self._shown(row["id"], row["type"]) for row in rows]

    def event_of(self, origin: str) -> Event:
        """Wait for the one Event of a receipt."""
        self.until(lambda: self.facade.sql("SELECT 1 FROM event WHERE origin = $1", origin), f"an event of {origin}")
        (event,) = self.events_of(origin)
        return event

    def await_settled(self, receipt: str) -> None:
        """Wait until a receipt is settled."""
        self.until(lambda: self.settled(receipt), f"the end of {receipt}")

    def is_quiet(self, receipt: str) -> bool:
        """Wait until a receipt is settled. Whether it became no Event."""
        self.await_settled(receipt)
        return not self.events_of(receipt)

    def dead_letter_of(self, receipt: str) -> dict[str, Any]:
        """Wait for the dead letter of a receipt's job."""
        question = "SELECT * FROM dead_letter WHERE origin = $1 AND state = 'open'"
        self.until(lambda: self.facade.sql(question, receipt), f"a dead letter of {receipt}")
        (row,) = self.facade.sql(question, receipt)
        return row

    def settled(self, receipt: str) -> bool:
        """Whether the receipt is settled."""
        (row,) = self.facade.sql("SELECT settled_at IS NOT NULL AS settled FROM inbound_event WHERE id = $1", receipt)
        return bool(row["settled"])

    def attempts_of(self, receipt: str) -> list[tuple[str, str | None, str | None]]:
        """Return outcome, category and reason of each attempt at a receipt's job."""
        rows = self.facade.sql(
            """
            SELECT outcome, category, reason FROM attempt
             WHERE correlation_id = (SELECT correlation_id FROM inbound_event WHERE id = $1) AND kind = 'ingest'
             ORDER BY number
            """,
            receipt,
        )
        return [(row["outcome"], row["category"], row["reason"]) for row in rows]

    def audited(self, receipt: str, type: str) -> list[dict[str, Any]]:
        """Return subject, actor and facts of the audit events of a receipt's run."""
        rows = self.facade.sql(
            """
            SELECT subject, actor, facts FROM audit_event
             WHERE correlation_id = (SELECT correlation_id FROM inbound_event WHERE id = $1) AND type = $2
             ORDER BY id
            """,
            receipt,
            type,
        )
        return [{**row, "facts": json.loads(row["facts"])} for row in rows]

    def until(self, condition: Any, what: str) -> None:
        """Wait for a worker. Fail with its log."""
        try:
            until(condition)
        except AssertionError as error:
            raise AssertionError(f"{what} did not come; the worker:\n{self.facade.worker.log[-3000:]}") from error

    def _shown(self, event_id: str, event_type: str) -> Event:
        place = f"evt_{int(event_id[4:], 16) - 1:036x}"
        listed: list[Event] = []

        def look() -> bool:
            answer = expect(self.caller.get("/v1/events", params={"after": place, "limit": 1, "type": event_type}))
            listed[:] = answer.json()["data"]
            return bool(listed) and listed[0]["id"] == event_id

        self.until(look, f"{event_id} in the feed")
        return listed[0]


def _hubspot(url: str, topic: str, remote_id: str, facts: dict[str, Any]) -> Sent:
    at = facts.get("at", datetime.now(UTC) + timedelta(minutes=1))
    return hubspot(
        url,
        contact_event(subscriptionType=topic, objectId=int(remote_id), occurredAt=int(at.timestamp() * 1000)),
    )


def _shopify(url: str, topic: str, remote_id: str, facts: dict[str, Any]) -> Sent:
    case = shopify(topic=topic, body=json.dumps({"id": int(remote_id)}).encode())
    at = facts.get("at", datetime.now(UTC) + timedelta(minutes=1))
    return case.with_header("X-Shopify-Triggered-At", at.isoformat().encode())


def _zendesk(url: str, topic: str, remote_id: str, facts: dict[str, Any]) -> Sent:
    at = facts.get("at", datetime.now(UTC) + timedelta(minutes=1))
    comment = facts.get("comment_id")
    body = {
        "account_id": 22129848,
        "detail": {"id": remote_id},
        "event": {} if comment is None else {"comment": {"id": comment}},
        "id": str(uuid4()),
        "subject": f"zen:{topic.partition('.')[0]}:{remote_id}",
        "time": at.isoformat().replace("+00:00", "Z"),
        "type": f"zen:event-type:{topic}",
    }
    case = sent("zendesk", json.dumps(body).encode(), secret=WEBHOOK_SECRETS["zendesk"], at=datetime.now(UTC))
    return case.with_header("X-Zendesk-Webhook-Invocation-Id", uuid4().hex.encode())


async def _remember(url: str, object_name: ObjectName, connection: str, remote_id: str, fields: dict[str, Any]) -> None:
    async with async_closing(Database.connect(url, max_size=1)) as database:
        states = PostgresRecordStates(database, SEALER, DigestSecret(database, SEALER))
        last_state = required(await states.get(object_name, connection, remote_id))
        data = json.dumps(json.loads(last_state.data) | fields).encode()
        async with database.transaction() as session:
            record: Record = (object_name, connection, remote_id)
            await store_state(states, session, record, data, read_at=last_state.read_at, instead_of=last_state)


async def _enqueue(url: str, receipt: str) -> None:
    async with async_closing(Database.connect(url, max_size=1)) as database:
        stored = required(await PostgresReceipts(database, SEALER).get(receipt))
        async with database.transaction() as session:
            await _queue(database).enqueue(session, _job(receipt, stored.connection, None, stored.correlation_id))


def _queue(database: Database) -> PostgresQueue:
    return PostgresQueue(database, SEALER, lease=timedelta(seconds=30), policies=POLICIES)


def _job(receipt: str, connection: str, order_key: str | None, run: str) -> NewJob:
    return NewJob(
        kind="ingest",
        payload=json.dumps({"receipt": receipt}).encode(),
        connection=connection,
        order_key=order_key,
        correlation_id=run,
        origin=receipt,
    )


async def record_receipt(
    url: str,
    connection: str,
    topic: str | None,
    remote_object: str,
    remote_id: str,
    order_key: str | None,
    *,
    payload: bytes = b"{}",
    occurred_at: datetime | None = None,
) -> str:
    async with async_closing(Database.connect(url, max_size=1)) as database:
        run = f"story-{uuid4().hex}"
        async with database.transaction() as session:
            (receipt,) = await PostgresReceipts(database, SEALER).record(
                session,
                [
                    NewReceipt(
                        connection=connection,
                        dedupe_key=run,
                        topic=topic,
                        remote_object=remote_object,
                        remote_id=remote_id,
                        occurred_at=occurred_at,
                        payload=payload,
                        digest=hashlib.sha256(payload).digest(),
                        correlation_id=run,
                    )
                ],
            )
            assert receipt is not None
            await _queue(database).enqueue(session, _job(receipt, connection, order_key, run))
        return receipt
