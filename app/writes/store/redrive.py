"""Redriving refused operations, in the transaction that puts their jobs back: it needs no key that opens them."""

from collections.abc import Sequence

from app.audit import record
from app.postgres.database import Statement, Transaction

# Back to its first state: no record, no reserved key, all attempts left. The callback had the first end.
REDRIVE = Statement(
    "UPDATE operation",
    """
    UPDATE operation
       SET phase = 'received', outcome = NULL, answer = NULL, problem = NULL, effect = NULL, remote_id = NULL,
           upsert_digest = NULL, copy_of = NULL, callback = NULL, sent_at = NULL, absent_at = NULL, resent_at = NULL,
           attempts = 0, queued = true,
           redrives = redrives + 1, due_at = now(), updated_at = now()
     WHERE id = ANY ($1::text[]) AND outcome = 'failed'
    RETURNING id, object, action, connection, correlation_id
    """,
)


async def reopen_refused(transaction: Transaction, operation_ids: Sequence[str], actor: str) -> None:
    """Reset these operations after a refusal. An undecided one, which died of something else, stays as it is."""
    rows = await transaction.fetch(REDRIVE, list(operation_ids))
    await record.append(
        transaction,
        *(
            record.Entry(
                type="operation.redriven",
                subject=row["id"],
                actor=actor,
                correlation_id=row["correlation_id"],
                facts={name: row[name] for name in ("object", "action", "connection")},
            )
            for row in rows
        ),
    )
