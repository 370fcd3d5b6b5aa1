"""Turn a running job into a dead letter."""

from typing import Final

import msgspec

from app.audit import record
from app.identifiers import new_id
from app.postgres.database import Statement, Transaction
from app.queue import order_keys
from app.queue.enqueue import job_subject
from app.queue.models import Announcer, DeadLetter, Job, JobFailure, LeaseLost

COLUMNS: Final = """
       id, job_id, kind, connection, order_key, dedupe_key, attempts, dead_head, correlation_id, origin, category,
       reason, path, mapping, revision, state, enqueued_at, created_at, closed_at, closed_by, closed_reason
"""

# The payload moves sealed, as it is: no key is needed.
BURY = Statement(
    "INSERT dead_letter",
    f"""
    WITH gone AS (
        DELETE FROM job
         WHERE id = $1 AND lease_token = $2 AND (NOT $10 OR lease_until < now())
        RETURNING *
    ), noted AS (
        INSERT INTO attempt (job_id, number, kind, connection, correlation_id, outcome, category, reason, traceparent,
                             started_at)
        SELECT id, attempts, kind, connection, correlation_id, 'dead', $4, $5, $9, started_at
          FROM gone
    )
    INSERT INTO dead_letter (id, job_id, kind, connection, order_key, dedupe_key, attempts, dead_head, payload,
                             correlation_id, traceparent, origin, enqueued_at,
                             category, reason, path, mapping, revision)
    SELECT $3, id, kind, connection, order_key, dedupe_key, attempts,
           CASE WHEN $11 THEN 'skip' ELSE dead_head END, payload, correlation_id, coalesce($9, traceparent), origin,
           created_at, $4, $5, $6, $7, $8
      FROM gone
    RETURNING {COLUMNS}
    """,  # noqa: S608 - no caller's text is in it
)


async def bury(
    transaction: Transaction,
    job: Job,
    why: JobFailure,
    *,
    trace: str | None,
    announcer: Announcer | None,
    expired_only: bool = False,
) -> DeadLetter:
    """Turn a running job into a dead letter. Raises LeaseLost; with `expired_only` also if its lease has not
    expired."""
    key = (job.connection, job.order_key)
    await order_keys.lock(transaction, [key])
    row = await transaction.fetch_row(
        BURY,
        *(job.id, job.lease_token, new_id("dl_"), why.category, why.reason, why.path, why.mapping, why.revision),
        *(trace, expired_only, why.skip),
    )
    if row is None:
        raise LeaseLost(job_subject(job.id))
    dead_letter = msgspec.convert(dict(row), DeadLetter)
    await order_keys.promote(transaction, [key])  # does nothing if this dead letter blocks the key
    await _note(
        transaction,
        "job.dead_lettered",
        job_subject(job.id),
        dead_letter.correlation_id,
        attempt=job.attempt,
        category=why.category,
        dead_letter=dead_letter.id,
        kind=job.kind,
        connection=job.connection,
    )
    if announcer is not None:
        await announcer.dead_letter_created(transaction, dead_letter)
    return dead_letter


async def _note(transaction: Transaction, what: str, subject: str, run: str, **facts: object) -> None:
    await record.append(transaction, record.Entry(type=what, subject=subject, correlation_id=run, facts=facts))
