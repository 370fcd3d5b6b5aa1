"""Operations in the queue: what holds up an undecided one, and how a refused one is put back."""

from collections.abc import Sequence
from typing import Final

from app.audit import record
from app.postgres.database import Statement, Transaction

COUNTED: Final = 1000
"""At most this many jobs before one are counted."""

# Its connection, the jobs before its own, or its next attempt. Each look-up names one row or one key by an index: the
# job of an operation by its dedupe key, its last attempt, a dead letter that blocks its record.
SELECT_DELAYS = Statement(
    "SELECT operation",
    f"""
    SELECT operation.id, lane.blocked_reason AS blocked,
           CASE WHEN lane.blocked_until < 'infinity'
                THEN greatest(0, extract(epoch FROM lane.blocked_until - now()))::float8 END AS blocked_seconds,
           job.state AS job, coalesce(before.ahead, 0)::integer AS ahead,
           greatest(0, extract(epoch FROM job.run_at - now()), extract(epoch FROM operation.due_at - now()))::float8
           AS due_in,
           last.reason AS failed, letter.here IS NOT NULL AS letter
      FROM unnest((SELECT $1::text[])) AS wanted (id)
      JOIN operation ON operation.id = wanted.id
      LEFT JOIN lane ON lane.connection = operation.connection
      LEFT JOIN LATERAL (
           SELECT id, state, share, run_at, order_key
             FROM job
            WHERE job.kind = 'execute' AND job.connection = operation.connection AND job.dedupe_key = operation.id
            LIMIT 1) AS job ON true
      LEFT JOIN LATERAL (
           SELECT reason
             FROM attempt
            WHERE attempt.job_id = job.id
            ORDER BY number DESC
            LIMIT 1) AS last ON true
      LEFT JOIN LATERAL (
           SELECT true AS here
             FROM dead_letter
            WHERE dead_letter.connection = operation.connection AND dead_letter.order_key = job.order_key
              AND dead_letter.state = 'open' AND dead_letter.dead_head = 'block'
            LIMIT 1) AS letter ON true
      LEFT JOIN LATERAL (
           SELECT count(*) AS ahead
             FROM (SELECT
                     FROM job AS other
                    WHERE other.connection = operation.connection AND other.state = 'ready' AND other.share = job.share
                      AND (other.run_at, other.id) < (job.run_at, job.id)
                    LIMIT {COUNTED}) AS others) AS before ON job.state = 'ready'
    """,  # noqa: S608 - no caller's text is in it
)

# Back to its first state: no record, no reserved key, all attempts left. The callback had the first end.
REDRIVE = Statement(
    "UPDATE operation",
    """
    UPDATE operation
       SET phase = 'received', outcome = NULL, answer = NULL, problem = NULL, effect = NULL, remote_id = NULL,
           upsert_digest = NULL, copy_of = NULL, copied_pair = NULL, callback = NULL, sent_at = NULL, absent_at = NULL,
           resent_at = NULL, attempts = 0, queued = true, redrives = redrives + 1, due_at = now(), updated_at = now()
     WHERE id = ANY ($1::text[]) AND outcome = 'failed'
    RETURNING id, object, action, connection, correlation_id
    """,
)


async def reopen_refused(transaction: Transaction, operation_ids: Sequence[str], actor: str) -> None:
    """Reset these operations after a refusal, in the transaction that puts their jobs back. It needs no key that opens
    them. An undecided one, which died of something else, stays as it is."""
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
