"""Deliveries: create them with the Event in one transaction, open them for an attempt, record its outcome."""

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

import asyncpg
import msgspec
from msgspec import Raw

from app.events.delivered_body import delivered_body
from app.events.models import Callback, Delivery, DeliveryFailure, DeliveryPayload, Event
from app.events.store.subscriptions import (
    AT_ONCE,
    HELD,
    OPEN_LANE,
    SELECT_SECRETS,
    disable,
    note,
    note_failure,
    note_success,
    opened_secrets,
    target_of,
)
from app.identifiers import new_id
from app.postgres.database import Database, Statement, Transaction
from app.postgres.encryption import SealedColumn, Sealer
from app.queue import lanes
from app.queue.models import Job, NewJob
from app.signatures import Secret

KIND: Final = "deliver"
CALLBACK_LANES: Final = 64


INSERT = Statement(
    "INSERT delivery",
    """
    INSERT INTO delivery (id, event, subscription, correlation_id)
    SELECT *
      FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
    """,
)

INSERT_CALLBACK = Statement(
    "INSERT delivery",
    """
    INSERT INTO delivery (id, event, principal, target_url, correlation_id)
    VALUES ($1, $2, $3, $4, $5)
    """,
)

SELECT_OPEN = Statement(
    "SELECT delivery",
    f"""
    SELECT delivery.id, delivery.event, delivery.subscription, delivery.principal, delivery.correlation_id,
           delivery.target_url AS callback_url, subscription.target_url,
           {HELD.format(principal="coalesce(delivery.principal, subscription.principal)")} AS held
      FROM delivery
      LEFT JOIN subscription ON subscription.id = delivery.subscription
     WHERE delivery.id = $1 AND delivery.state IN ('pending', 'dead')
    """,  # noqa: S608 - no caller's text is in it
)

SELECT_DIGESTS = Statement(
    "SELECT api_key",
    """
    SELECT digest, expires_at
      FROM api_key
     WHERE principal = $1
       AND revoked_at IS NULL
       AND (expires_at IS NULL OR expires_at > now())
     ORDER BY created_at DESC
    """,
)

DROP = Statement(
    "UPDATE delivery",
    "UPDATE delivery SET state = 'dropped', ended_at = now() WHERE id = $1 AND state = 'pending'",
)

GIVE_UP = Statement(
    "UPDATE delivery",
    """
    UPDATE delivery
       SET state = 'dead', last_error = $2, ended_at = now()
     WHERE id = $1 AND state = 'pending'
    """,
)

SUCCEED = Statement(
    "UPDATE delivery",
    """
    UPDATE delivery
       SET state = 'delivered', attempts = attempts + 1, last_status = $2, last_error = NULL, ended_at = now()
     WHERE id = $1 AND state IN ('pending', 'dead')
    RETURNING attempts, correlation_id
    """,
)

FAIL = Statement(
    "UPDATE delivery",
    """
    UPDATE delivery
       SET state = CASE WHEN $4 THEN 'dead' ELSE 'pending' END, attempts = attempts + 1,
           last_status = $2, last_error = $3, ended_at = CASE WHEN $4 THEN now() END
     WHERE id = $1 AND state IN ('pending', 'dead')
    RETURNING attempts, correlation_id
    """,
)


class PostgresDeliveries:
    """The store of deliveries."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def fan_out(self, transaction: Transaction, told: Sequence[tuple[Event, asyncpg.Record]]) -> Sequence[NewJob]:
        """Add a delivery of each Event to the subscription of each row, and return the jobs that make them."""
        wanted = [(new_id("dlv_"), event, row) for event, row in told]
        if wanted:
            await transaction.execute(
                INSERT,
                [delivery_id for delivery_id, _, _ in wanted],
                [event.id for _, event, _ in wanted],
                [row["subscription"] for _, _, row in wanted],
                [event.correlation_id for _, event, _ in wanted],
            )
        return [
            _job(
                delivery_id, event, lane=row["subscription"], body=delivered_body(event.type, event.body, row["fields"])
            )
            for delivery_id, event, row in wanted
        ]

    async def call_back(self, transaction: Transaction, event: Event, callback: Callback) -> NewJob:
        """Add a delivery of this Event to a callback, and return the job that makes it.

        Standard Webhooks signs it, with the SHA-256 digest of each valid API key of the caller. The caller's secret is
        `whsec_` and the base64 of the digest of their own key.
        """
        delivery_id, lane = new_id("dlv_"), _callback_lane(callback.target_url)
        url = self._sealer.seal(callback.target_url.encode(), callback_of(delivery_id))
        await transaction.execute(INSERT_CALLBACK, delivery_id, event.id, callback.principal, url, event.correlation_id)
        await transaction.execute(OPEN_LANE, lane, AT_ONCE)
        return _job(delivery_id, event, lane=lane, body=event.body)

    async def open(self, delivery_id: str) -> Delivery | None:
        """Return a pending or dead delivery. None if it succeeded or was dropped."""
        async with self._database.transaction() as session:
            row = await session.fetch_row(SELECT_OPEN, delivery_id)
            if row is None:
                return None
            if row["subscription"] is None:
                return self._opened_callback(row, await session.fetch(SELECT_DIGESTS, row["principal"]))
            if row["target_url"] is None:
                if await session.execute(DROP, delivery_id):
                    about = {"event": row["event"], "subscription": row["subscription"]}
                    run = row["correlation_id"]
                    await note(
                        session, "delivery.dropped", delivery_id, actor="lockstitch", correlation_id=run, **about
                    )
                return None
            secrets = await session.fetch(SELECT_SECRETS, row["subscription"])
            return Delivery(
                id=row["id"],
                event=row["event"],
                subscription=row["subscription"],
                target_url=self._sealer.open(row["target_url"], target_of(row["subscription"])).decode(),
                secrets=opened_secrets(self._sealer, row["subscription"], secrets),
                held=frozenset(row["held"]),
            )

    async def succeed(self, transaction: Transaction, delivery: Delivery, *, status: int) -> None:
        """Record that the target accepted it."""
        row = await transaction.fetch_row(SUCCEED, delivery.id, status)
        if row is None:
            return
        if delivery.subscription is not None:
            await note_success(transaction, delivery.subscription)
        await _note(transaction, "delivery.succeeded", delivery, row, status=status)

    async def disable(self, subscription_id: str, reason: str) -> bool:
        """Stop deliveries to this subscription until someone enables it. False if it is already disabled."""
        async with self._database.transaction() as session:
            return await disable(session, subscription_id, reason)

    async def fail(self, job: Job, delivery: Delivery, failure: DeliveryFailure, *, disable_after: float) -> bool:
        """Record a failed attempt. Returns whether it disabled the subscription.

        That happens after `disable_after` seconds without a delivery.
        """
        async with self._database.transaction() as session:
            row = await session.fetch_row(FAIL, delivery.id, failure.status, failure.reason, failure.final)
            if row is None:
                return False
            facts = {"status": failure.status, "reason": failure.reason, "final": failure.final}
            await _note(session, "delivery.failed", delivery, row, **facts)
            if failure.unresponsive:
                await lanes.throttle(session, job.connection, failure.reason, failure.retry_after)
            else:
                await lanes.probe_succeeded(session, job)  # a target that refuses does answer
            if delivery.subscription is None:
                return False
            return await note_failure(session, delivery.subscription, failure.reason, disable_after)

    def _opened_callback(self, row: asyncpg.Record, keys: Sequence[asyncpg.Record]) -> Delivery:
        return Delivery(
            id=row["id"],
            event=row["event"],
            subscription=None,
            target_url=self._sealer.open(row["callback_url"], callback_of(row["id"])).decode(),
            secrets=tuple(Secret(value=_secret_of(key["digest"]), not_after=key["expires_at"]) for key in keys),
            held=frozenset(row["held"]),
        )


async def give_up(transaction: Transaction, delivery_id: str, reason: str) -> None:
    """Record that the job of a delivery became a dead letter."""
    await transaction.execute(GIVE_UP, delivery_id, reason)


def callback_of(delivery_id: str) -> str:
    """Return the row that the encrypted target of a callback is bound to."""
    return f"delivery {delivery_id}"


def _job(delivery_id: str, event: Event, *, lane: str, body: Raw) -> NewJob:
    return NewJob(
        kind=KIND,
        payload=msgspec.json.encode(DeliveryPayload(delivery=delivery_id, scopes=event.scopes, event=body)),
        connection=lane,
        order_key=event.record,
        dedupe_key=delivery_id,
        correlation_id=event.correlation_id,
        traceparent=event.traceparent,
        origin=event.id,
    )


def _callback_lane(target_url: str) -> str:
    """Return one of a few lanes, by host. Callers may name any number of hosts; a slow one delays few others."""
    host = urlsplit(target_url).netloc.lower()
    return f"callbacks-{hashlib.sha256(host.encode()).digest()[0] % CALLBACK_LANES}"


def _secret_of(digest: bytes) -> str:
    return "whsec_" + b64encode(digest).decode("ascii")


async def _note(transaction: Transaction, what: str, delivery: Delivery, row: asyncpg.Record, **facts: object) -> None:
    await note(
        transaction,
        what,
        delivery.id,
        actor="lockstitch",
        correlation_id=row["correlation_id"],
        event=delivery.event,
        subscription=delivery.subscription,
        attempt=row["attempts"],
        **facts,
    )


SEALED: Final = (
    SealedColumn(
        table="delivery", column="target_url", key={"id": "text"}, belongs_to=lambda row: callback_of(row["id"])
    ),
)
