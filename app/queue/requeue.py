"""Requeue dead letters: turn them into the same jobs again.

A decision takes the locks of the keys first, then those of the rows. So two decisions about a dead letter, or a
decision and a worker, never overlap.
"""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from app.postgres.database import Statement, Transaction
from app.queue import order_keys
from app.queue.enqueue import DEFAULT_POLICY
from app.queue.lanes import WAKE
from app.queue.models import JobPolicy


class OpenDeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """An open dead letter whose key and row are locked by this transaction."""

    id: str
    job_id: int
    kind: str
    connection: str
    order_key: str | None
    origin: str | None
    correlation_id: str


# Reads without a lock, because keys are locked before rows. LOCK_OPEN checks the state again.
SELECT_KEYS = Statement(
    "SELECT dead_letter",
    """
    SELECT DISTINCT connection, order_key
      FROM dead_letter
     WHERE id = ANY ($1::text[]) AND state = 'open' AND order_key IS NOT NULL
    """,
)

LOCK_OPEN = Statement(
    "SELECT dead_letter",
    """
    SELECT id, job_id, kind, connection, order_key, origin, correlation_id
      FROM dead_letter
     WHERE id = ANY ($1::text[]) AND state = 'open'
     ORDER BY id
       FOR UPDATE
    """,
)

# Counts all previous attempts as deferred, so that the job has its full number of attempts. Inserts in the order of
# dedupe keys, like `enqueue.ADD`.
REQUEUE = Statement(
    "INSERT job",
    """
    INSERT INTO job (id, kind, connection, order_key, dedupe_key, state, attempts, deferred, max_attempts, give_up_at,
                     dead_head, share, payload, correlation_id, traceparent, origin)
    SELECT job_id, dead_letter.kind, connection, order_key, dedupe_key,
           CASE WHEN order_key IS NULL THEN 'ready' ELSE 'behind' END,
           attempts, attempts, policy.max_attempts, now() + make_interval(secs => policy.give_up_seconds),
           policy.dead_head, policy.share, coalesce($7, payload), correlation_id, traceparent, origin
      FROM dead_letter
      JOIN unnest((SELECT $2::text[]), (SELECT $3::integer[]), (SELECT $4::float8[]), (SELECT $5::text[]),
                  (SELECT $6::smallint[]))
           AS policy (kind, max_attempts, give_up_seconds, dead_head, share)
        ON policy.kind = dead_letter.kind
     WHERE dead_letter.id = ANY ((SELECT $1::text[])::text[])
     ORDER BY connection, dead_letter.kind, dedupe_key, job_id
        ON CONFLICT (kind, connection, dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING
    RETURNING id
    """,
)


async def lock_open(transaction: Transaction, dead_letter_ids: Collection[str]) -> Sequence[OpenDeadLetter]:
    """Lock those that are open until the transaction ends, and return them."""
    ids = list(dead_letter_ids)
    keys = await transaction.fetch(SELECT_KEYS, ids)
    await order_keys.lock(transaction, [(row["connection"], row["order_key"]) for row in keys])
    return [msgspec.convert(dict(row), OpenDeadLetter) for row in await transaction.fetch(LOCK_OPEN, ids)]


async def requeue(
    transaction: Transaction,
    letters: Sequence[OpenDeadLetter],
    policies: Mapping[str, JobPolicy],
    *,
    payload: bytes | None = None,
) -> Sequence[OpenDeadLetter]:
    """Insert locked dead letters as jobs again, with this sealed payload if given. Return those whose work was not
    already queued.

    The job has the same id, and so its old place in the order key, and the same dedupe key, origin and correlation id.
    It starts after `put_back`.
    """
    if not letters:
        return []
    kinds = sorted({letter.kind for letter in letters})
    chosen = [policies.get(kind, DEFAULT_POLICY) for kind in kinds]
    rows = await transaction.fetch(
        REQUEUE,
        [letter.id for letter in letters],
        kinds,
        [policy.max_attempts for policy in chosen],
        [policy.give_up_seconds for policy in chosen],
        [policy.dead_head for policy in chosen],
        [policy.share for policy in chosen],
        payload,
    )
    requeued = {row["id"] for row in rows}
    return [letter for letter in letters if letter.job_id in requeued]


async def put_back(transaction: Transaction, letters: Sequence[OpenDeadLetter]) -> None:
    """Restore requeued jobs to their places. Call it after their dead letters are closed, because an open one blocks
    its key."""
    if letters:
        await order_keys.put_back(transaction, [(each.connection, each.order_key, each.job_id) for each in letters])
        await transaction.execute(WAKE)
