"""Receipts: record every verified webhook once, also when copies arrive concurrently."""

from collections.abc import Sequence
from typing import Final

import asyncpg

from app.audit import record
from app.audit.record import Entry
from app.identifiers import new_id
from app.postgres.batching import Batcher
from app.postgres.database import Database, Session, Statement, Transaction
from app.postgres.encryption import SealedColumn, Sealer
from app.webhooks.models import NewReceipt, Receipt

# Rows are inserted in key order, so that two callers with the same receipts never deadlock. The arrays are in
# sub-selects, as in `jobs.FINISHING`.
ADD: Final = """
    INSERT INTO inbound_event (id, connection, dedupe_key, topic, remote_object, remote_id, occurred_at, payload,
                               digest, correlation_id)
    SELECT *
      FROM unnest((SELECT $1::text[]), (SELECT $2::text[]), (SELECT $3::text[]), (SELECT $4::text[]),
                  (SELECT $5::text[]), (SELECT $6::text[]), (SELECT $7::timestamptz[]), (SELECT $8::bytea[]),
                  (SELECT $9::bytea[]), (SELECT $10::text[]))
           AS new (id, connection, dedupe_key, topic, remote_object, remote_id, occurred_at, payload, digest,
                   correlation_id)
     ORDER BY connection, dedupe_key
        ON CONFLICT (connection, dedupe_key) DO NOTHING
    RETURNING id
"""
"""The INSERT as SQL text for a data-modifying WITH. It takes ten arguments from `$1` on, those of `columns_of`."""

INSERT = Statement(
    "INSERT inbound_event",
    f"""
    WITH recorded AS (
        {ADD}
    ), noted AS (
        {record.insert_text(first=11, where="entry.subject IN (SELECT id FROM recorded)")}
    )
    SELECT id FROM recorded
    """,  # noqa: S608 - no caller's text is in it
)

# A separate statement: the INSERT does not see a conflicting row that was committed while it waited.
SELECT_KNOWN = Statement(
    "SELECT inbound_event",
    """
    SELECT known.id, known.connection, known.dedupe_key, known.digest
      FROM unnest((SELECT $1::text[]), (SELECT $2::text[])) AS copy (connection, dedupe_key)
      JOIN inbound_event AS known USING (connection, dedupe_key)
    """,
)

SELECT = Statement(
    "SELECT inbound_event",
    """
    SELECT id, connection, dedupe_key, topic, remote_object, remote_id, occurred_at, payload, correlation_id,
           received_at, settled_at
      FROM inbound_event
     WHERE id = ANY ((SELECT $1::text[])::text[])
    """,
)

SETTLE = Statement(
    "UPDATE inbound_event",
    f"""
    WITH noted AS (
        {record.insert_text(first=2)}
    )
    UPDATE inbound_event
       SET settled_at = now()
     WHERE id = ANY ((SELECT $1::text[])::text[]) AND settled_at IS NULL
    """,  # noqa: S608 - no caller's text is in it
)

Key = tuple[str, str]
"""Connection and dedupe key."""


class PostgresReceipts:
    """The store of receipts. Payloads are encrypted."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer
        self._reads: Batcher[str, asyncpg.Record | None] = Batcher.of(self._read, abandonable=True)

    async def record(self, transaction: Transaction, receipts: Sequence[NewReceipt]) -> Sequence[str | None]:
        """Record receipts and return their ids in the same order, None for a copy, also within this call.

        A copy with other content is audited. Give all receipts of a transaction in one call, before its jobs: rows are
        locked in one order then, and no two callers deadlock.
        """
        first: dict[Key, NewReceipt] = {}
        for receipt in receipts:
            first.setdefault(key_of(receipt), receipt)
        if not first:
            return []
        ids = {key: new_id("in_") for key in first}
        fresh = [(ids[key], first[key]) for key in first]
        noted = record.columns_of([received(id, receipt) for id, receipt in fresh])
        rows = await transaction.fetch(INSERT, *columns_of(self._sealer, fresh), *noted)
        added = {row["id"] for row in rows}
        recorded = [
            ids[key_of(one)] if first[key_of(one)] is one and ids[key_of(one)] in added else None for one in receipts
        ]
        await note_conflicting(transaction, [one for id, one in zip(recorded, receipts, strict=True) if id is None])
        return recorded

    async def get(self, receipt_id: str) -> Receipt | None:
        """Return a receipt by id. Raises StoreUnavailable."""
        row = await self._reads.run(receipt_id)
        if row is None:
            return None
        return Receipt(**{**row, "payload": self._sealer.open(row["payload"], payload_of(row["id"]))})

    async def settle(
        self, transaction: Transaction, receipt_ids: Sequence[str], *, entries: Sequence[Entry] = ()
    ) -> None:
        """Record that they have been processed, and add these audit events."""
        await transaction.execute(SETTLE, receipt_ids, *record.columns_of(entries))

    async def _read(self, ids: Sequence[str]) -> list[asyncpg.Record | None]:
        rows = {row["id"]: row for row in await self._database.fetch(SELECT, ids)}
        return [rows.get(id) for id in ids]


def payload_of(receipt_id: str) -> str:
    """Return the row that an encrypted payload is bound to."""
    return f"inbound_event {receipt_id}"


def key_of(receipt: NewReceipt) -> Key:
    """Return the key that all copies share."""
    return receipt.connection, receipt.dedupe_key


def columns_of(sealer: Sealer, receipts: Sequence[tuple[str, NewReceipt]]) -> tuple[list[object], ...]:
    """Return the arguments of `ADD`, in its order, for receipts with their new ids."""
    return (
        [id for id, _ in receipts],
        [one.connection for _, one in receipts],
        [one.dedupe_key for _, one in receipts],
        [one.topic for _, one in receipts],
        [one.remote_object for _, one in receipts],
        [one.remote_id for _, one in receipts],
        [one.occurred_at for _, one in receipts],
        [sealer.seal(one.payload, payload_of(id)) for id, one in receipts],
        [one.digest for _, one in receipts],
        [one.correlation_id for _, one in receipts],
    )


def received(receipt_id: str, receipt: NewReceipt) -> Entry:
    """Return the audit entry of a new receipt."""
    return Entry(
        type="receipt.received",
        subject=receipt_id,
        correlation_id=receipt.correlation_id,
        facts={"connection": receipt.connection, "topic": receipt.topic, "sha256": receipt.digest.hex()},
    )


async def note_conflicting(session: Session, copies: Sequence[NewReceipt]) -> None:
    """Audit each copy whose content differs from the receipt with its key."""
    keys = {key_of(copy) for copy in copies}
    if not keys:
        return
    rows = await session.fetch(
        SELECT_KNOWN, [connection for connection, _ in keys], [dedupe_key for _, dedupe_key in keys]
    )
    known = {(row["connection"], row["dedupe_key"]): row for row in rows}
    entries = [
        Entry(
            type="receipt.conflicting",
            subject=known[key_of(copy)]["id"],
            correlation_id=copy.correlation_id,
            facts={"connection": copy.connection, "topic": copy.topic, "sha256": copy.digest.hex()},
        )
        for copy in copies
        if key_of(copy) in known and known[key_of(copy)]["digest"] != copy.digest
    ]
    await record.append(session, *entries)


SEALED: Final = (
    SealedColumn(
        table="inbound_event", column="payload", key={"id": "text"}, belongs_to=lambda row: payload_of(row["id"])
    ),
)
