"""Subscriptions: create, list, rotate secrets, disable, enable, delete. Targets and secrets are encrypted."""

import asyncio
import random
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import asyncpg

from app.audit import record
from app.errors import StoreUnavailable
from app.events.models import EventSubscription, NewSubscription
from app.postgres.database import Database, Statement, Transaction
from app.postgres.encryption import SealedColumn, Sealer
from app.queue.lanes import WAKE
from app.queue.pauses import BLOCK, RESUME
from app.signatures import Secret

AT_ONCE: Final = 8
"""Concurrent deliveries of one process to one target, so that a slow target leaves capacity for others."""
SECRETS_AT_MOST: Final = 4

# The scopes of a principal's valid keys.
HELD: Final = """
       ARRAY(SELECT DISTINCT unnest(api_key.scopes)
               FROM api_key
              WHERE api_key.principal = {principal}
                AND api_key.revoked_at IS NULL
                AND (api_key.expires_at IS NULL OR api_key.expires_at > now()))
"""

COLUMNS: Final = f"""
       id, principal, target_url, events, connection, fields, changed, state, disabled_reason, disabled_at,
       failing_since, created_at,
       {HELD.format(principal="subscription.principal")} AS held
"""

# The lock of `wanted_by`, exclusive to a new subscription. Later requests queue behind this one, and a transaction that
# holds the lock may wait for one of them. PostgreSQL sorts that out only after `deadlock_timeout`, a second. So the
# subscription leaves the queue sooner, lets them pass, and tries again.
APPENDING: Final = int.from_bytes(b"eventadd")
BEHIND_APPENDS = Statement(
    "SELECT subscription",
    f"""
    SELECT set_config('lock_timeout', '50ms', true), pg_advisory_xact_lock({APPENDING}),
           set_config('lock_timeout', '0', true)
    """,
)
LONGEST_PAUSE: Final = 0.05
LONGEST_WAIT: Final = 10.0

INSERT = Statement(
    "INSERT subscription",
    f"""
    INSERT INTO subscription (id, principal, target_url, events, connection, fields, changed)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    RETURNING {COLUMNS}
    """,  # noqa: S608 - no caller's text is in it
)

OPEN_LANE = Statement(
    "INSERT lane",
    "INSERT INTO lane (connection, concurrency) VALUES ($1, $2) ON CONFLICT (connection) DO NOTHING",
)

SELECT_PAGE = Statement(
    "SELECT subscription",
    f"""
    SELECT {COLUMNS}
      FROM subscription
     WHERE $1::text IS NULL OR id < $1
     ORDER BY id DESC
     LIMIT $2
    """,  # noqa: S608
)

SELECT_BY_ID = Statement("SELECT subscription", f"SELECT {COLUMNS} FROM subscription WHERE id = $1")  # noqa: S608

IS_DISABLED = Statement("SELECT subscription", "SELECT state = 'disabled' FROM subscription WHERE id = $1")

LOCK = Statement("SELECT subscription", "SELECT id FROM subscription WHERE id = $1 FOR NO KEY UPDATE")

INSERT_SECRET = Statement(
    "INSERT subscription_secret",
    "INSERT INTO subscription_secret (subscription, secret, created_at) VALUES ($1, $2, clock_timestamp())",
)

SELECT_SECRETS = Statement(
    "SELECT subscription_secret",
    """
    SELECT secret, not_after
      FROM subscription_secret
     WHERE subscription = $1 AND (not_after IS NULL OR not_after > now())
     ORDER BY created_at DESC
    """,
)

# Remove ended secrets, and the oldest of the others: each one makes every signature longer.
RETIRE_SECRETS = Statement(
    "UPDATE subscription_secret",
    """
    WITH kept AS (
        SELECT created_at
          FROM subscription_secret
         WHERE subscription = $1 AND (not_after IS NULL OR not_after > now())
         ORDER BY created_at DESC
         LIMIT $3
    ), gone AS (
        DELETE FROM subscription_secret
         WHERE subscription = $1 AND created_at NOT IN (SELECT created_at FROM kept)
    )
    UPDATE subscription_secret
       SET not_after = now() + make_interval(secs => $2)
     WHERE subscription = $1 AND not_after IS NULL AND created_at IN (SELECT created_at FROM kept)
    """,
)

ENABLE = Statement(
    "UPDATE subscription",
    """
    UPDATE subscription
       SET state = 'active', disabled_at = NULL, disabled_reason = NULL, failing_since = NULL, principal = $2
     WHERE id = $1 AND (state = 'disabled' OR failing_since IS NOT NULL)
    """,
)

HURRY = Statement(
    "UPDATE job",
    "UPDATE job SET run_at = now() WHERE connection = $1 AND state = 'ready' AND run_at > now()",
)

DISABLE = Statement(
    "UPDATE subscription",
    """
    UPDATE subscription
       SET state = 'disabled', disabled_at = now(), disabled_reason = $3
     WHERE id = $1 AND state = 'active' AND failing_since <= now() - make_interval(secs => $2)
    """,
)

DISABLE_AT_ONCE = Statement(
    "UPDATE subscription",
    """
    UPDATE subscription
       SET state = 'disabled', disabled_at = now(), disabled_reason = $2
     WHERE id = $1 AND state = 'active'
    """,
)

NOTE_FAILURE = Statement(
    "UPDATE subscription",
    "UPDATE subscription SET failing_since = now() WHERE id = $1 AND failing_since IS NULL",
)

DELETE = Statement("DELETE subscription", "DELETE FROM subscription WHERE id = $1")

# A locked delivery is ending now, in a batch that also locks others of the subscription: waiting for it could deadlock.
# If it stays pending, its next attempt drops it.
DROP_DELIVERIES = Statement(
    "UPDATE delivery",
    """
    UPDATE delivery
       SET state = 'dropped', ended_at = now()
     WHERE id = ANY (ARRAY(
           SELECT id FROM delivery WHERE subscription = $1 AND state = 'pending' FOR NO KEY UPDATE SKIP LOCKED))
    """,
)

# They find their deliveries dropped. A locked job is at work or ends, so it is not waited for.
HURRY_DROPPED = Statement(
    "UPDATE job",
    """
    UPDATE job
       SET run_at = now()
     WHERE id = ANY (ARRAY(
           SELECT id FROM job
            WHERE connection = $1 AND state = 'ready' AND run_at > now()
              FOR NO KEY UPDATE SKIP LOCKED))
    """,
)

DISCARDED: Final = """
    SELECT 'job.discarded', 'job_' || job_id, $2::text, correlation_id,
           format('{"connection":%s,"dead_letter":%s,"kind":%s}', to_json(connection), to_json(id), to_json(kind))
      FROM discarded
"""

# They block no later job, so their keys need no lock. A locked one is being redriven, and its next attempt drops it.
DISCARD_LETTERS = Statement(
    "UPDATE dead_letter",
    f"""
    WITH discarded AS (
        UPDATE dead_letter
           SET state = 'discarded', closed_at = now(), closed_by = $2, closed_reason = 'its subscription was deleted'
         WHERE id = ANY (ARRAY(
               SELECT id FROM dead_letter
                WHERE connection = $1 AND kind = 'deliver' AND state = 'open'
                  FOR UPDATE SKIP LOCKED))
        RETURNING id, job_id, kind, connection, correlation_id
    )
    {record.insert_from(DISCARDED)}
    """,  # noqa: S608
)

# A deletion waits for this lock. This does not wait for a deletion, which may wait for the lane of the dead job.
HOLD = Statement("SELECT subscription", "SELECT id FROM subscription WHERE id = $1 FOR KEY SHARE SKIP LOCKED")

# A lane without a row has the defaults.
DELETE_LANE = Statement("DELETE lane", "DELETE FROM lane WHERE connection = $1")


class PostgresSubscriptions:
    """The store of subscriptions. Every change is audited, with `actor` as its cause."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def create(self, new: NewSubscription) -> EventSubscription:
        """Create a subscription. It gets every Event that the feed does not show yet."""
        give_up = time.monotonic() + LONGEST_WAIT
        while True:
            try:
                return await self._create(new)
            except StoreUnavailable as problem:
                is_locked = isinstance(problem.__cause__, asyncpg.LockNotAvailableError)
                if not is_locked or time.monotonic() > give_up:
                    raise
            await asyncio.sleep(random.uniform(0.0, LONGEST_PAUSE))  # noqa: S311 - no secret

    async def _create(self, new: NewSubscription) -> EventSubscription:
        target = self._sealer.seal(new.target_url.encode(), target_of(new.id))
        async with self._database.transaction() as session:
            await session.execute(BEHIND_APPENDS)
            row = await session.fetch_row(
                *(INSERT, new.id, new.principal, target, list(new.events), new.connection),
                None if new.fields is None else list(new.fields),
                None if new.changed is None else list(new.changed),
            )
            await session.execute(INSERT_SECRET, new.id, self._sealer.seal(new.secret.encode(), secret_of(new.id)))
            await session.execute(OPEN_LANE, new.id, AT_ONCE)
            await note(
                *(session, "subscription.created", new.id),
                actor=new.principal,
                events=list(new.events),
                connection=new.connection,
            )
            assert row is not None  # noqa: S101 - RETURNING
            return self._opened(row)

    async def list(self, *, after: str | None, limit: int) -> Sequence[EventSubscription]:
        """List subscriptions, newest first, below the id `after`."""
        return [self._opened(row) for row in await self._database.fetch(SELECT_PAGE, after, limit)]

    async def get(self, subscription_id: str) -> EventSubscription | None:
        """Return a subscription by id."""
        row = await self._database.fetch_row(SELECT_BY_ID, subscription_id)
        return None if row is None else self._opened(row)

    async def is_disabled(self, subscription_id: str) -> bool:
        """Return whether it is disabled. False without such a subscription."""
        return bool(await self._database.fetch_value(IS_DISABLED, subscription_id))

    async def secrets(self, subscription_id: str) -> Sequence[Secret]:
        """Return the secrets that sign now, newest first."""
        rows = await self._database.fetch(SELECT_SECRETS, subscription_id)
        return opened_secrets(self._sealer, subscription_id, [(row["secret"], row["not_after"]) for row in rows])

    async def add_secret(self, subscription_id: str, secret: str, *, overlap_seconds: float, actor: str) -> bool:
        """Add a secret; the present ones stay valid for the overlap. False without such a subscription."""
        sealed = self._sealer.seal(secret.encode(), secret_of(subscription_id))
        async with self._database.transaction() as session:
            if await session.fetch_row(LOCK, subscription_id) is None:
                return False
            await session.execute(RETIRE_SECRETS, subscription_id, overlap_seconds, SECRETS_AT_MOST - 1)
            await session.execute(INSERT_SECRET, subscription_id, sealed)
            await note(session, "subscription.secret_rotated", subscription_id, actor=actor)
            return True

    async def enable(self, subscription_id: str, *, actor: str, principal: str) -> bool:
        """Deliver again for `principal`, waiting deliveries at once. False if nothing failed or waits."""
        async with self._database.transaction() as session:
            enabled = await session.execute(ENABLE, subscription_id, principal)
            if not await session.execute(HURRY, subscription_id) and not enabled:
                return False
            await session.execute(RESUME, subscription_id, None)
            await session.execute(WAKE)
            await note(session, "subscription.enabled", subscription_id, actor=actor, principal=principal)
            return True

    async def delete(self, transaction: Transaction, subscription_id: str, *, actor: str, because: str) -> bool:
        """Delete it, drop its pending deliveries and discard its dead letters. False without such a subscription."""
        if not await transaction.execute(DELETE, subscription_id):
            return False
        dropped = await transaction.execute(DROP_DELIVERIES, subscription_id)
        await transaction.execute(HURRY_DROPPED, subscription_id)
        await transaction.execute(DELETE_LANE, subscription_id)
        discarded = await transaction.execute(DISCARD_LETTERS, subscription_id, actor)
        await note(
            *(transaction, "subscription.deleted", subscription_id),
            actor=actor,
            because=because,
            dropped=dropped,
            discarded=discarded,
        )
        return True

    def _opened(self, row: asyncpg.Record) -> EventSubscription:
        fields = dict(row)
        fields["target_url"] = self._sealer.open(row["target_url"], target_of(row["id"])).decode()
        fields["events"] = tuple(row["events"])
        for name in ("fields", "changed"):
            fields[name] = None if row[name] is None else tuple(row[name])
        fields["held"] = frozenset(row["held"])
        return EventSubscription(**fields)


async def note_failure(transaction: Transaction, subscription_id: str, reason: str, disable_after: float) -> bool:
    """Record a failed attempt. Returns whether it disabled the subscription, which stops its lane."""
    await transaction.execute(NOTE_FAILURE, subscription_id)
    why = f"nothing was delivered for {_lasting(disable_after)}; {reason}"
    if not await transaction.execute(DISABLE, subscription_id, disable_after, why):
        return False
    await _stop(transaction, subscription_id)
    await note(transaction, "subscription.disabled", subscription_id, actor="lockstitch", reason=why)
    return True


async def disable(transaction: Transaction, subscription_id: str, reason: str) -> bool:
    """Disable it now, regardless of earlier deliveries. False if it is already disabled."""
    disabled = await transaction.execute(DISABLE_AT_ONCE, subscription_id, reason)
    await _stop(transaction, subscription_id)  # also if an operator has resumed its lane
    if disabled:
        await note(transaction, "subscription.disabled", subscription_id, actor="lockstitch", reason=reason)
    return bool(disabled)


async def discard_if_deleted(transaction: Transaction, subscription_id: str) -> bool:
    """Discard the dead letters of a subscription that is deleted, or is being deleted. False for any other, which is
    not deleted before the transaction has ended."""
    if await transaction.fetch_row(HOLD, subscription_id) is not None:
        return False
    await transaction.execute(DISCARD_LETTERS, subscription_id, "lockstitch")
    return True


async def _stop(transaction: Transaction, subscription_id: str) -> None:
    """Stop its lane until it is enabled."""
    await transaction.execute(BLOCK, subscription_id, "operator", "the subscription is disabled")


def opened_secrets(
    sealer: Sealer, subscription_id: str, sealed: Iterable[tuple[bytes, datetime | None]]
) -> tuple[Secret, ...]:
    """Decrypt the secrets of a subscription: each with the time until which it signs."""
    belongs_to = secret_of(subscription_id)
    return tuple(Secret(value=sealer.open(secret, belongs_to).decode(), not_after=end) for secret, end in sealed)


async def note(
    transaction: Transaction,
    what: str,
    subject: str,
    *,
    actor: str,
    correlation_id: str | None = None,
    **facts: object,
) -> None:
    """Add an event to the audit trail."""
    await record.append(transaction, what, subject=subject, actor=actor, correlation_id=correlation_id, facts=facts)


def target_of(subscription_id: str) -> str:
    """Return the row that an encrypted target is bound to."""
    return f"subscription {subscription_id}"


def secret_of(subscription_id: str) -> str:
    """Return the row that an encrypted secret is bound to."""
    return f"subscription_secret {subscription_id}"


def _lasting(seconds: float) -> str:
    return f"{seconds / 3600:.0f} hours" if seconds >= 7200 else f"{seconds:.0f} seconds"


SEALED: Final = (
    SealedColumn(
        table="subscription", column="target_url", key={"id": "text"}, belongs_to=lambda row: target_of(row["id"])
    ),
    SealedColumn(
        table="subscription_secret",
        column="secret",
        key={"subscription": "text", "created_at": "timestamptz"},
        belongs_to=lambda row: secret_of(row["subscription"]),
    ),
)
