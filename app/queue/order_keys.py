"""Order keys: lock a key, and promote its next job.

The lock of a key is taken before a row of the key is inserted or deleted, and held until commit. So ids follow the
order of commits, and no job is placed behind a job that is about to end. Several locks are taken in the order of their
numbers, which prevents deadlocks.
"""

from collections.abc import Collection
from typing import Final

from app.postgres.database import Statement, Transaction

LOCK_NUMBER: Final = "hashtextextended(connection || chr(31) || order_key, 0)"
"""The number of a key's advisory lock, as SQL over columns with these names."""

OrderKey = tuple[str, str | None]  # connection and order key

LOCK = Statement(
    "SELECT job",
    f"""
    SELECT pg_advisory_xact_lock(number)
      FROM (SELECT DISTINCT {LOCK_NUMBER} AS number
              FROM unnest((SELECT $1::text[]), (SELECT $2::text[])) AS key (connection, order_key)
             ORDER BY number) AS sorted
    """,  # noqa: S608 - no caller's text is in it
)

PROMOTE = Statement("UPDATE job", "SELECT promote_jobs($1::text[], $2::text[])")

# After older jobs were requeued: moves the head of a key behind them, unless it is running. Heads are locked one by one
# by key, and updated by id. A join planned while the table was small would scan every job.
DEMOTE = Statement(
    "UPDATE job",
    """
    UPDATE job
       SET state = 'behind'
     WHERE id = ANY (ARRAY(
           SELECT head.id
             FROM unnest((SELECT $1::text[]), (SELECT $2::text[]), (SELECT $3::bigint[]))
                  AS back (connection, order_key, id)
            CROSS JOIN LATERAL (
                  SELECT job.id, job.state
                    FROM job
                   WHERE job.connection = back.connection AND job.order_key = back.order_key AND job.state <> 'behind'
                   LIMIT 1
                     FOR NO KEY UPDATE) AS head
            WHERE head.state = 'ready'
              AND head.id > back.id))
    """,
)


async def lock(transaction: Transaction, keys: Collection[OrderKey]) -> None:
    """Lock these keys until the transaction ends. Jobs without an order key need no lock."""
    ordered = {key for key in keys if key[1] is not None}
    if ordered:
        await transaction.execute(LOCK, [connection for connection, _ in ordered], [name for _, name in ordered])


async def promote(transaction: Transaction, keys: Collection[OrderKey]) -> int:
    """Make the next job of each key ready, and return how many are. The locks must be held. Statements that end jobs
    call `promote_jobs` themselves."""
    ordered = {key for key in keys if key[1] is not None}
    if not ordered:
        return 0
    connections, names = [connection for connection, _ in ordered], [name for _, name in ordered]
    return int(await transaction.fetch_value(PROMOTE, connections, names))


async def put_back(transaction: Transaction, jobs: Collection[tuple[str, str | None, int]]) -> None:
    """Restore requeued jobs (connection, order key, id) to their old places and promote the oldest of each key. The
    keys are locked."""
    ordered = [(connection, key, job_id) for connection, key, job_id in jobs if key is not None]
    if ordered:
        connections, keys, ids = zip(*ordered, strict=True)
        await transaction.execute(DEMOTE, connections, keys, ids)
        await promote(transaction, {(connection, key) for connection, key, _ in ordered})
