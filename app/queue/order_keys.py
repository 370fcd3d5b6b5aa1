"""Order keys: the lock on a key, and who comes next in it.

A key's lock is held from before a row of the key appears or goes until the end of that transaction. Therefore ids
follow commits, and nobody is put behind a job that is just going. Whoever takes several locks takes them in the order
of their numbers.
"""

from collections.abc import Collection
from typing import Final

from app.postgres.database import Statement, Transaction

LOCK_NUMBER: Final = "hashtextextended(connection || chr(31) || order_key, 0)"
"""The advisory lock of a key, as SQL over columns with these names."""

OrderKey = tuple[str, str | None]  # connection and order key

LOCK = Statement(
    "SELECT job",
    f"""
    SELECT pg_advisory_xact_lock(number)
      FROM (SELECT DISTINCT {LOCK_NUMBER} AS number
              FROM unnest($1::text[], $2::text[]) AS key (connection, order_key)
             ORDER BY number) AS sorted
    """,  # noqa: S608 - no caller's text is in it
)

# The oldest of a key comes next, unless there is a head already or the key waits for a decision about a dead one. The
# arrays stand in sub-selects, as in `jobs.FINISH`.
PROMOTE = Statement(
    "UPDATE job",
    """
    UPDATE job
       SET state = 'ready'
      FROM (SELECT DISTINCT connection, order_key
              FROM unnest((SELECT $1::text[]), (SELECT $2::text[])) AS key (connection, order_key)) AS key
     CROSS JOIN LATERAL (
           SELECT id
             FROM job
            WHERE job.connection = key.connection AND job.order_key = key.order_key
            ORDER BY id
            LIMIT 1) AS oldest
      LEFT JOIN LATERAL (
           SELECT true AS here
             FROM job
            WHERE job.connection = key.connection AND job.order_key = key.order_key AND job.state <> 'behind'
            LIMIT 1) AS head ON true
      LEFT JOIN LATERAL (
           SELECT true AS here
             FROM dead_letter
            WHERE dead_letter.connection = key.connection AND dead_letter.order_key = key.order_key
              AND dead_letter.state = 'open' AND dead_letter.dead_head = 'block'
            LIMIT 1) AS block ON true
     WHERE job.id = oldest.id
       AND head.here IS NULL
       AND block.here IS NULL
    """,
)

# Older jobs have come back: the head of a key steps behind them, unless it runs already. Heads are held one by one, by
# their keys, and updated by their ids: a plan that joined the table would, if it was made while that was small, go
# through every job there is.
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
    """Lock these keys until the transaction ends; those without an order need none."""
    ordered = {key for key in keys if key[1] is not None}
    if ordered:
        await transaction.execute(LOCK, [connection for connection, _ in ordered], [name for _, name in ordered])


async def promote(transaction: Transaction, keys: Collection[OrderKey]) -> None:
    """Let the next job of each key start. The keys are locked, and this is a statement after the one that locked them:
    a statement sees nothing that was committed after it began."""
    ordered = {key for key in keys if key[1] is not None}
    if ordered:
        await transaction.execute(PROMOTE, [connection for connection, _ in ordered], [name for _, name in ordered])


async def put_back(transaction: Transaction, jobs: Collection[tuple[str, str | None, int]]) -> None:
    """Jobs (connection, order key, id) have come back to their old places: let the oldest of each key be the next. The
    keys are locked."""
    ordered = [(connection, key, job_id) for connection, key, job_id in jobs if key is not None]
    if ordered:
        connections, keys, ids = zip(*ordered, strict=True)
        await transaction.execute(DEMOTE, connections, keys, ids)
        await promote(transaction, {(connection, key) for connection, key, _ in ordered})
