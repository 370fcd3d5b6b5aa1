"""Order keys: the lock on a key, and who comes next in it.

A key's lock is held from before a row of the key appears or goes until the end of that transaction. Therefore ids
follow commits, and nobody is put behind a job that is just going. Whoever takes several locks takes them in the order
of their numbers.
"""

from collections.abc import Collection
from typing import Final

from app.queue_ports import Transaction
from app.store.database import Query

LOCK_NUMBER: Final = "hashtextextended(connection || chr(31) || order_key, 0)"
"""The advisory lock of a key, as SQL over columns with these names."""

OrderKey = tuple[str, str | None]  # connection and order key

LOCK = Query(
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
PROMOTE = Query(
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

# An older job has come back: the head steps behind it, unless it runs already.
DEMOTE = Query(
    "UPDATE job",
    """
    UPDATE job
       SET state = 'behind'
     WHERE connection = $1 AND order_key = $2 AND state = 'ready' AND id > $3
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


async def put_first(transaction: Transaction, connection: str, order_key: str | None, job_id: int) -> None:
    """A job has come back to its old place: let it be the next of its key. The key is locked."""
    if order_key is not None:
        await transaction.execute(DEMOTE, connection, order_key, job_id)
        await promote(transaction, [(connection, order_key)])
