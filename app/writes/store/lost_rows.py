"""Record an operation again whose row the database has lost.

A failover to a standby that lags loses the last commits. A row that is gone is no key that is free: its owner has sent
the request, and is the only one that knows. So the owner inserts the row again, under its own id, token and key.
"""

import logging
from datetime import timedelta
from typing import Any, Final

from app.audit import record
from app.postgres.database import Database, NamedStatement, Session, Statement
from app.writes.models import Begun
from app.writes.store.guards import Guards
from app.writes.store.rows import OperationRows, entry

_log = logging.getLogger("lockstitch.write")


def _unless_held(column: str, among: str, kind: str) -> str:
    """Return SQL text for the value of a guard, if no undecided operation holds it by now."""
    return f"""
        CASE WHEN NOT EXISTS (SELECT
                                FROM operation
                               WHERE {among} AND {column} = :{column}::{kind} AND phase IN ('received', 'sent'))
             THEN :{column}::{kind} END"""  # noqa: S608


# If another operation has taken the key or a guard meanwhile, the row has none. Nothing happens if the row exists: then
# the lease was lost to another owner.
RESTORE: Final = NamedStatement(
    "INSERT operation",
    f"""
    WITH restored AS (
        INSERT INTO operation (id, principal, idempotency_key, fingerprint, object, action, connection, correlation_id,
                               traceparent, intent, phase, effect, remote_id, attempts, sent_at, lease_token, due_at,
                               callback, queued, deferred, redrives, upsert_digest, copy_of, copied_pair)
        SELECT :id, :principal,
               CASE WHEN NOT EXISTS (SELECT FROM operation WHERE principal = :principal AND idempotency_key = :key)
                    THEN :key END,
               :fingerprint, :object, :action, :connection, :correlation_id, :traceparent, :intent, 'sent', :effect,
               :remote_id, :attempts, now(), :token, now() + :lease::interval, :callback, :queued, :deferred, :redrives,
               {_unless_held("upsert_digest", "connection = :connection AND object = :object", "bytea")},
               {_unless_held("copy_of", "connection = :connection AND object = :object", "text")},
               {_unless_held("copied_pair", "object = :object", "text")}
            ON CONFLICT DO NOTHING
        RETURNING id
    ), noted AS (
        {record.insert_one(source="restored")}
    )
    SELECT (SELECT id FROM operation WHERE principal = :principal AND idempotency_key = :key) AS taken_by
      FROM restored
    """,  # noqa: S608
)

WAS_LOST: Final = Statement(
    "SELECT operation",
    """
    SELECT NOT EXISTS (SELECT FROM operation WHERE id = $1)
       AND NOT EXISTS (SELECT FROM audit_event WHERE subject = $1 AND type = 'operation.forgotten')
    """,
)


async def restore(
    session: Database | Session, rows: OperationRows, begun: Begun, lease: timedelta, guards: Guards
) -> bool:
    """Insert the row of an operation that was sent, if the database has lost it. Return whether it did. If another
    operation has its key by now, the audit trail names both."""
    operation = begun.operation
    if operation.phase != "sent":
        return False
    values: dict[str, Any] = {
        "id": operation.id,
        "principal": operation.principal,
        "key": operation.key,
        "fingerprint": operation.fingerprint,
        "object": operation.object,
        "action": operation.action,
        "connection": operation.connection,
        "correlation_id": operation.correlation_id,
        "traceparent": operation.traceparent,
        "intent": rows.intent(operation.id, operation.intent),
        "effect": operation.effect,
        "remote_id": operation.remote_id,
        "attempts": operation.attempts,
        "token": begun.lease.token,
        "lease": lease,
        "callback": None if operation.callback is None else rows.callback(operation.id, operation.callback),
        "queued": operation.queued,
        "deferred": operation.deferred,
        "redrives": operation.redrives,
        **guards._asdict(),
        **record.values_of(entry("operation.restored", operation, actor=begun.lease.actor)),
    }
    row = await session.fetch_row(RESTORE, *RESTORE.arguments(values))
    if row is not None and row["taken_by"] is not None:
        by = row["taken_by"]
        _log.error("operation %s has the key of operation %s: both were sent", by, operation.id)
        await session.execute(
            record.INSERT, *record.columns_of([entry("operation.key_taken", operation, actor=begun.lease.actor, by=by)])
        )
    return row is not None
