"""Subscriptions: create, list, rotate secrets, disable, enable, delete. Targets and secrets are encrypted."""

import asyncio
import hmac
import random
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import asyncpg
import msgspec

from app.audit import record
from app.errors import StoreUnavailable
from app.events.models import JITTER, EventSubscription, NewSubscription
from app.events.store import subscription_statements as sql
from app.postgres.database import Database, Transaction
from app.postgres.digest_secret import DigestSecret
from app.postgres.encryption import SealedColumn, Sealer
from app.queue.lanes import WAKE
from app.queue.pauses import BLOCK, RESUME
from app.signatures import Secret
from app.telemetry.posting import count_disabled

AT_ONCE: Final = 8
"""Concurrent deliveries of one process to one target, so that a slow target leaves capacity for others."""
SECRETS_AT_MOST: Final = 4
LONGEST_PAUSE: Final = 0.05
LONGEST_WAIT: Final = 10.0


class PostgresSubscriptions:
    """The store of subscriptions. Every change is audited, with `actor` as its cause."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer
        self._secret = DigestSecret(database, sealer)

    async def create(self, new: NewSubscription) -> EventSubscription:
        """Create a subscription, or return an equal one of the principal. It gets every Event that the feed does not
        show yet."""
        digest = _digest(await self._secret.load(), new)
        give_up = time.monotonic() + LONGEST_WAIT
        while True:
            try:
                return self._opened(await self._create(new, digest))
            except StoreUnavailable as problem:
                is_locked = isinstance(problem.__cause__, asyncpg.LockNotAvailableError)
                if not is_locked or time.monotonic() > give_up:
                    raise
            await asyncio.sleep(random.uniform(0.0, LONGEST_PAUSE))  # noqa: S311 - no secret

    async def _create(self, new: NewSubscription, digest: bytes) -> asyncpg.Record:
        target = self._sealer.seal(new.target_url.encode(), target_of(new.id))
        async with self._database.transaction() as session:
            await session.execute(sql.BEHIND_APPENDS)
            # Only here: two equal requests wait for each other.
            known = await session.fetch_row(sql.SELECT_EQUAL, new.principal, digest)
            if known is not None:
                return known
            row = await session.fetch_row(
                *(sql.INSERT, new.id, new.principal, target, list(new.events), new.connection),
                None if new.fields is None else list(new.fields),
                None if new.changed is None else list(new.changed),
                digest,
            )
            await session.execute(sql.INSERT_SECRET, new.id, self._sealer.seal(new.secret.encode(), secret_of(new.id)))
            await session.execute(sql.OPEN_LANE, new.id, AT_ONCE)
            await note(
                *(session, "subscription.created", new.id),
                actor=new.principal,
                events=list(new.events),
                connection=new.connection,
            )
            assert row is not None  # noqa: S101 - RETURNING
            return row

    async def list(self, *, after: str | None, limit: int, troubled_first: bool = False) -> Sequence[EventSubscription]:
        """List subscriptions, newest first, behind the id `after`; with `troubled_first`, those in trouble before."""
        statement = sql.SELECT_TROUBLED if troubled_first else sql.SELECT_PAGE
        return [self._opened(row) for row in await self._database.fetch(statement, after, limit)]

    async def get(self, subscription_id: str) -> EventSubscription | None:
        """Return a subscription by id."""
        row = await self._database.fetch_row(sql.SELECT_BY_ID, subscription_id)
        return None if row is None else self._opened(row)

    async def is_disabled(self, subscription_id: str) -> bool:
        """Return whether it is disabled. False without such a subscription."""
        return bool(await self._database.fetch_value(sql.IS_DISABLED, subscription_id))

    async def secrets(self, subscription_id: str) -> Sequence[Secret]:
        """Return the secrets that sign now, newest first."""
        rows = await self._database.fetch(sql.SELECT_SECRETS, subscription_id)
        return opened_secrets(self._sealer, subscription_id, [(row["secret"], row["not_after"]) for row in rows])

    async def add_secret(self, subscription_id: str, secret: str, *, overlap_seconds: float, actor: str) -> bool:
        """Add a secret; the present ones stay valid for the overlap. False without such a subscription."""
        sealed = self._sealer.seal(secret.encode(), secret_of(subscription_id))
        async with self._database.transaction() as session:
            if await session.fetch_row(sql.LOCK, subscription_id) is None:
                return False
            await session.execute(sql.RETIRE_SECRETS, subscription_id, overlap_seconds, SECRETS_AT_MOST - 1)
            await session.execute(sql.INSERT_SECRET, subscription_id, sealed)
            await note(session, "subscription.secret_rotated", subscription_id, actor=actor)
            return True

    async def enable(self, subscription_id: str, *, actor: str, principal: str) -> bool:
        """Deliver again for `principal`, waiting deliveries at once. False if nothing failed or waits."""
        async with self._database.transaction() as session:
            enabled = await session.execute(sql.ENABLE, subscription_id, principal)
            if not await session.execute(sql.HURRY, subscription_id) and not enabled:
                return False
            await session.execute(RESUME, subscription_id, None)
            await session.execute(WAKE)
            await note(session, "subscription.enabled", subscription_id, actor=actor, principal=principal)
            return True

    async def delete(self, transaction: Transaction, subscription_id: str, *, actor: str, because: str) -> bool:
        """Delete it, drop its pending deliveries and discard its dead letters. False without such a subscription."""
        if not await transaction.execute(sql.DELETE, subscription_id):
            return False
        dropped = await transaction.execute(sql.DROP_DELIVERIES, subscription_id)
        await transaction.execute(sql.HURRY_DROPPED, subscription_id)
        await transaction.execute(sql.DELETE_LANE, subscription_id)
        discarded = await transaction.execute(sql.DISCARD_LETTERS, subscription_id, actor)
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
        fields["principal_scopes"] = frozenset(row["principal_scopes"])
        return EventSubscription(**fields)


def _digest(secret: bytes, new: NewSubscription) -> bytes:
    """Digest what makes two subscriptions equal: they deliver the same Events in the same form to the same target."""
    lists = [None if one is None else sorted(set(one)) for one in (new.events, new.fields, new.changed)]
    return hmac.digest(
        secret, b"subscription\0" + msgspec.json.encode([new.target_url, new.connection, *lists]), "sha256"
    )


async def note_failure(transaction: Transaction, subscription_id: str, reason: str, disable_after: float) -> bool:
    """Record a failed attempt, which may disable the subscription and stop its lane. Returns whether it is disabled."""
    longest = disable_after * (1.0 + JITTER)
    row = await transaction.fetch_row(sql.NOTE_FAILURE, subscription_id, reason, longest)
    why = f"nothing was delivered for {_lasting(disable_after)}; {reason}"
    if await transaction.execute(sql.DISABLE, subscription_id, disable_after, why):
        await note(transaction, "subscription.disabled", subscription_id, reason=why)
        transaction.after_commit.append(count_disabled)
    elif row is None or row["state"] == "active":
        return False
    await _stop(transaction, subscription_id)  # also if an operator has resumed its lane
    return True


async def disable(transaction: Transaction, subscription_id: str, reason: str) -> bool:
    """Disable it now, regardless of earlier deliveries. False if it is already disabled."""
    disabled = await transaction.execute(sql.DISABLE_AT_ONCE, subscription_id, reason)
    await _stop(transaction, subscription_id)  # also if an operator has resumed its lane
    if disabled:
        await note(transaction, "subscription.disabled", subscription_id, reason=reason)
    return bool(disabled)


async def discard_if_deleted(transaction: Transaction, subscription_id: str) -> bool:
    """Discard the dead letters of a subscription that is deleted, or is being deleted. False for any other, which is
    not deleted before the transaction has ended."""
    if await transaction.fetch_row(sql.HOLD, subscription_id) is not None:
        return False
    await transaction.execute(sql.DISCARD_LETTERS, subscription_id, "lockstitch")
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
    actor: str = "lockstitch",
    correlation_id: str | None = None,
    **facts: object,
) -> None:
    """Add an event to the audit trail."""
    entry = record.Entry(type=what, subject=subject, actor=actor, correlation_id=correlation_id, facts=facts)
    await record.append(transaction, entry)


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
