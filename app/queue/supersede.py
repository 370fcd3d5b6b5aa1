"""Supersede waiting jobs by the running one of their order key, which does their work too."""

from typing import Final

from app.audit import record
from app.postgres.database import Statement, Transaction
from app.queue import order_keys
from app.queue.enqueue import job_subject
from app.queue.models import Job, LeaseLost

HELD: Final = Statement("SELECT job", "SELECT true FROM job WHERE id = $1 AND lease_token = $2")

# The group of a job is the first word of its dedupe key.
SUPERSEDE: Final = Statement(
    "DELETE job",
    """
    DELETE FROM job
     WHERE connection = $1 AND order_key = $2 AND kind = $3 AND state = 'behind'
       AND split_part(dedupe_key, ' ', 1) = $4
    RETURNING id, correlation_id, origin
    """,
)


async def supersede(transaction: Transaction, job: Job) -> int:
    """Delete the jobs behind this one that have its kind and group, audited, and return their number.

    Call it before the work begins: what those jobs are about has then happened. Raises LeaseLost.
    """
    await order_keys.lock(transaction, [(job.connection, job.order_key)])
    if not await transaction.fetch_value(HELD, job.id, job.lease_token):
        raise LeaseLost(job_subject(job.id))
    group = (job.dedupe_key or "").partition(" ")[0]
    rows = await transaction.fetch(SUPERSEDE, job.connection, job.order_key, job.kind, group)
    await record.append(
        transaction,
        *(
            record.Entry(
                type="job.superseded",
                subject=job_subject(row["id"]),
                correlation_id=row["correlation_id"],
                facts={
                    "kind": job.kind,
                    "connection": job.connection,
                    "origin": row["origin"],
                    "by": job_subject(job.id),
                },
            )
            for row in rows
        ),
    )
    return len(rows)
