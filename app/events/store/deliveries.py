"""Deliveries: create them with the Event in one transaction, open them for an attempt, record its outcome."""

import hashlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from app.audit import record
from app.events.models import Callback, Delivery, DeliveryFailure, DeliveryPayload, Event
from app.events.record_fields import delivered_body
from app.events.store.subscription_statements import LOCK, OPEN_LANE, PRINCIPAL_SCOPES
from app.events.store.subscriptions import (
    AT_ONCE,
    disable,
    note,
    note_failure,
    opened_secrets,
    target_of,
)
from app.identifiers import new_id
from app.postgres.batching import Batcher
from app.postgres.database import Database, Statement, Transaction
from app.postgres.encryption import SealedColumn, Sealer
from app.queue import lanes
from app.queue.enqueue import job_subject
from app.queue.finishing import Finishing, finish_together
from app.queue.jobs import FINISH_ARGUMENTS, FINISHED, FINISHING
from app.queue.models import Job, LeaseLost, Load, NewJob
from app.signatures import Secret

KIND: Final = "deliver"
CALLBACK_LANES: Final = 64

SUCCEEDED: Final = """
    SELECT 'delivery.succeeded', id, 'lockstitch', correlation_id,
           format('{"attempt":%s,"event":%s,"status":%s,"subscription":%s}',
                  attempts, to_json(event), last_status, coalesce(to_json(subscription)::text, 'null'))
      FROM delivered
"""
"""The audit entries of the deliveries that a WITH names `delivered`, for `record.insert_text`."""

INSERT = Statement(
    "INSERT delivery",
    """
    INSERT INTO delivery (id, event, subscription, correlation_id)
    SELECT *
      FROM unnest((SELECT $1::text[]), (SELECT $2::text[]), (SELECT $3::text[]), (SELECT $4::text[]))
    """,
)

INSERT_CALLBACK = Statement(
    "INSERT delivery",
    """
    INSERT INTO delivery (id, event, principal, target_url, correlation_id)
    VALUES ($1, $2, $3, $4, $5)
    """,
)

# What is the same for all deliveries to a subscription is read once.
LOAD: Final = Load(
    columns=", ".join(
        f"{name} AS delivery_{name.partition('.')[2]}"
        for name in (
            *("opened.id", "opened.event", "opened.subscription", "opened.principal", "opened.correlation_id"),
            *("opened.callback_url", "target.target_url", "target.secrets", "target.not_after", "target.scopes"),
        )
    ),
    joins="""
          LEFT JOIN opened ON opened.job = claimed.id
          LEFT JOIN target ON (target.subscription, target.principal)
                              IS NOT DISTINCT FROM (opened.subscription, opened.principal)""",
    parts=f"""
    opened AS MATERIALIZED (
        SELECT claimed.id AS job, pending.*
          FROM claimed
         CROSS JOIN LATERAL (
               SELECT id, event, subscription, principal, correlation_id, target_url AS callback_url
                 FROM delivery
                WHERE id = CASE claimed.kind WHEN '{KIND}' THEN claimed.dedupe_key END AND state IN ('pending', 'dead')
                LIMIT 1) AS pending
    ), target AS MATERIALIZED (
        SELECT asked.subscription, asked.principal, wanting.target_url, signing.secrets, signing.not_after,
               {PRINCIPAL_SCOPES.format(principal="coalesce(asked.principal, wanting.principal)")} AS scopes
          FROM (SELECT DISTINCT subscription, principal FROM opened) AS asked
          LEFT JOIN LATERAL (
               SELECT id, principal, target_url FROM subscription WHERE id = asked.subscription LIMIT 1
               ) AS wanting ON true
         CROSS JOIN LATERAL (
               SELECT array_agg(secret ORDER BY created_at DESC) AS secrets,
                      array_agg(not_after ORDER BY created_at DESC) AS not_after
                 FROM subscription_secret
                WHERE subscription_secret.subscription = wanting.id AND (not_after IS NULL OR not_after > now())
               ) AS signing
    )""",  # noqa: S608 - no caller's text is in it
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
    "UPDATE delivery SET state = 'dropped', ended_at = now() WHERE id = $1 AND state IN ('pending', 'dead')",
)

GIVE_UP = Statement(
    "UPDATE delivery",
    """
    UPDATE delivery
       SET state = 'dead', last_error = $2, ended_at = now()
     WHERE id = $1 AND state = 'pending'
    """,
)

# Ends the jobs of these deliveries too, only those whose lease is held. A delivery resets the failures of its
# subscription. The join locks that row before the delivery, as every writer of both does.
SUCCEED = Statement(
    "UPDATE delivery",
    f"""
    {FINISHING}, answering AS (
        UPDATE subscription
           SET failing_since = NULL, failures = 0, last_error = NULL
         WHERE id = ANY (ARRAY(
               SELECT id
                 FROM subscription
                WHERE id IN (SELECT connection FROM gone) AND failing_since IS NOT NULL
                ORDER BY id
                  FOR NO KEY UPDATE))
        RETURNING id
    ), delivered AS (
        UPDATE delivery
           SET state = 'delivered', attempts = delivery.attempts + 1, last_status = accepted.status, last_error = NULL,
               ended_at = now()
          FROM gone
          LEFT JOIN answering ON answering.id = gone.connection
          JOIN unnest((SELECT ${FINISH_ARGUMENTS + 1}::bigint[]), (SELECT ${FINISH_ARGUMENTS + 2}::text[]),
                      (SELECT ${FINISH_ARGUMENTS + 3}::integer[])) AS accepted (job, id, status)
            ON accepted.job = gone.id
         WHERE delivery.id = accepted.id
           AND delivery.state IN ('pending', 'dead')
        RETURNING delivery.id, delivery.event, delivery.subscription, delivery.correlation_id, delivery.attempts,
                  delivery.last_status
    ), noted AS (
        {record.insert_text(rows=SUCCEEDED)}
    )
    SELECT {FINISHED} FROM gone
    """,  # noqa: S608 - no caller's text is in it
)

FAIL = Statement(
    "UPDATE delivery",
    """
    UPDATE delivery
       SET state = 'pending', attempts = attempts + 1, last_status = $2, last_error = $3, ended_at = NULL
     WHERE id = $1 AND state IN ('pending', 'dead')
    RETURNING attempts, correlation_id
    """,
)

WantedEvent = tuple[Event, asyncpg.Record]
"""An Event, and a row of `statements.WANTED` with a subscription that wants it."""


class PostgresDeliveries:
    """The store of deliveries."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer
        self._ends: Batcher[_Success, bool] = Batcher.of(_succeed, gathers=True)

    async def fan_out(self, transaction: Transaction, wanted: Sequence[WantedEvent]) -> Sequence[NewJob]:
        """Add a delivery of each Event to the subscription of each row, and return the jobs that make them."""
        jobs = jobs_of(wanted)
        await transaction.execute(
            INSERT,
            [job.dedupe_key for job in jobs],
            [job.origin for job in jobs],
            [job.connection for job in jobs],
            [job.correlation_id for job in jobs],
        )
        return jobs

    async def call_back(self, transaction: Transaction, event: Event, callback: Callback) -> NewJob:
        """Add a delivery of this Event to a callback, and return the job that makes it.

        Standard Webhooks signs it, with the SHA-256 digest of each valid API key of the caller. The caller's secret is
        `whsec_` and the base64 of the digest of their own key.
        """
        delivery_id, lane = new_id("dlv_"), _callback_lane(callback.target_url)
        url = self._sealer.seal(callback.target_url.encode(), callback_of(delivery_id))
        await transaction.execute(INSERT_CALLBACK, delivery_id, event.id, callback.principal, url, event.correlation_id)
        await transaction.execute(OPEN_LANE, lane, AT_ONCE)
        document = msgspec.json.decode(event.body, type=dict[str, Raw])
        withheld = Raw(msgspec.json.encode({**document, "data": Raw(callback.withheld)}))
        return _job(delivery_id, event, lane=lane, body=event.body, withheld=withheld)

    async def open(self, job: Job) -> Delivery | None:
        """Return the pending or dead delivery of a job, as its claim has read it. None if it succeeded or was
        dropped."""
        row = {name.removeprefix("delivery_"): value for name, value in job.loaded.items() if name[:9] == "delivery_"}
        if row["id"] is None:
            return None
        if row["subscription"] is None:
            return self._opened_callback(row, await self._database.fetch(SELECT_DIGESTS, row["principal"]))
        if row["target_url"] is None:
            await self._drop(row)
            return None
        secrets = zip(row["secrets"] or (), row["not_after"] or (), strict=True)
        return Delivery(
            id=row["id"],
            event=row["event"],
            subscription=row["subscription"],
            target_url=self._sealer.open(row["target_url"], target_of(row["subscription"])).decode(),
            secrets=opened_secrets(self._sealer, row["subscription"], secrets),
            principal_scopes=frozenset(row["scopes"]),
        )

    async def succeed(self, finishing: Finishing, delivery: Delivery, *, status: int) -> None:
        """End the job, and record that the target accepted the delivery. Raises LeaseLost."""
        if not await self._ends.run(_Success(finishing=finishing, delivery=delivery.id, status=status)):
            raise LeaseLost(job_subject(finishing.job.id))

    async def disable(self, subscription_id: str, reason: str) -> bool:
        """Stop deliveries to this subscription until someone enables it. False if it is already disabled."""
        async with self._database.transaction() as session:
            return await disable(session, subscription_id, reason)

    async def _drop(self, row: Mapping[str, Any]) -> None:
        """Drop a delivery whose subscription is gone."""
        async with self._database.transaction() as session:
            if await session.execute(DROP, row["id"]):
                facts = {"event": row["event"], "subscription": row["subscription"]}
                await note(session, "delivery.dropped", row["id"], correlation_id=row["correlation_id"], **facts)

    def _opened_callback(self, row: Mapping[str, Any], keys: Sequence[asyncpg.Record]) -> Delivery:
        return Delivery(
            id=row["id"],
            event=row["event"],
            subscription=None,
            target_url=self._sealer.open(row["callback_url"], callback_of(row["id"])).decode(),
            secrets=tuple(Secret(value=_secret_of(key["digest"]), not_after=key["expires_at"]) for key in keys),
            principal_scopes=frozenset(row["scopes"]),
        )


class _Success(Struct, frozen=True, kw_only=True):
    """A delivery that its target accepted, and the end of its job."""

    finishing: Finishing
    delivery: str
    status: int


async def _succeed(accepted: Sequence[_Success]) -> list[bool]:
    """End the jobs of these deliveries and record their success. False where the lease was lost."""
    ended = await finish_together(
        [one.finishing for one in accepted],
        SUCCEED,
        [one.finishing.job.id for one in accepted],
        [one.delivery for one in accepted],
        [one.status for one in accepted],
    )
    return [one.finishing.job.id in ended for one in accepted]


async def fail(
    transaction: Transaction, job: Job, delivery: Delivery, failure: DeliveryFailure, *, disable_after: float
) -> bool:
    """Record a failed attempt. False if the delivery was given up, or dropped meanwhile.

    After `disable_after` seconds without a delivery, this disables the subscription. The deliveries of a disabled one
    wait, also after their last attempt: `enable` sends them in order. The dead letter of one that is given up marks it.
    """
    if delivery.subscription is not None:
        await transaction.execute(LOCK, delivery.subscription)  # before its deliveries, as its deletion does
    row = await transaction.fetch_row(FAIL, delivery.id, failure.status, failure.reason)
    if row is None:
        return False
    waits = delivery.subscription is not None and await note_failure(
        transaction, delivery.subscription, failure.reason, disable_after
    )
    final = failure.final and not waits
    await note(
        transaction,
        "delivery.failed",
        delivery.id,
        correlation_id=row["correlation_id"],
        event=delivery.event,
        subscription=delivery.subscription,
        attempt=row["attempts"],
        status=failure.status,
        reason=failure.reason,
        final=final,
    )
    if failure.unresponsive:
        # Callbacks to several hosts share a lane: it backs off, but no target sets for how long.
        pause = None if delivery.subscription is None else failure.retry_after
        await lanes.throttle(transaction, job.connection, failure.reason, pause)
    elif job.probe:
        await lanes.probe_succeeded(transaction, job)  # a target that refuses does answer
    return not final


async def give_up(transaction: Transaction, delivery_id: str, reason: str) -> None:
    """Record that the job of a delivery became a dead letter."""
    await transaction.execute(GIVE_UP, delivery_id, reason)


def callback_of(delivery_id: str) -> str:
    """Return the row that the encrypted target of a callback is bound to."""
    return f"delivery {delivery_id}"


def jobs_of(wanted: Sequence[WantedEvent]) -> list[NewJob]:
    """Return the jobs that deliver each Event to the subscription of each row. `statements.ENQUEUE` adds them and their
    deliveries."""
    return [
        _job(
            new_id("dlv_"),
            event,
            lane=row["subscription"],
            body=delivered_body(event.type, event.body, row["fields"]),
        )
        for event, row in wanted
    ]


def _job(delivery_id: str, event: Event, *, lane: str, body: Raw, withheld: Raw | UnsetType = UNSET) -> NewJob:
    return NewJob(
        kind=KIND,
        payload=msgspec.json.encode(
            DeliveryPayload(delivery=delivery_id, scopes=event.scopes, event=body, withheld=withheld)
        ),
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


SEALED: Final = (
    SealedColumn(
        table="delivery", column="target_url", key={"id": "text"}, belongs_to=lambda row: callback_of(row["id"])
    ),
)
