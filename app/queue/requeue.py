"""Reviving: dead letters become the jobs again that they were.

Whoever decides about letters holds, in this order, the locks of their keys and their rows, so that two decisions about
one letter, or a decision and a worker at the same key, come one after the other.
"""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from app.postgres.database import Statement, Transaction
from app.queue import order_keys
from app.queue.enqueue import DEFAULT_POLICY
from app.queue.lanes import WAKE
from app.queue.models import JobPolicy


class OpenDeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """An open dead letter whose key and row this transaction holds."""

    id: str
    job_id: int
    kind: str
    connection: str
    order_key: str | None
    origin: str | None
    correlation_id: str


# Read without a lock for the sake of the order of locks, so HOLD looks once more.
SELECT_KEYS = Statement(
    "SELECT dead_letter",
    """
    SELECT DISTINCT connection, order_key
      FROM dead_letter
     WHERE id = ANY ($1::text[]) AND state = 'open' AND order_key IS NOT NULL
    """,
)

HOLD = Statement(
    "SELECT dead_letter",
    """
    SELECT id, job_id, kind, connection, order_key, origin, correlation_id
      FROM dead_letter
     WHERE id = ANY ($1::text[]) AND state = 'open'
     ORDER BY id
       FOR UPDATE
    """,
)

# All the attempts so far are deferred: a revived job has as many anew as its kind gives. Rows go in by dedupe key, as
# they do when they are enqueued.
REVIVE = Statement(
    "INSERT job",
    """
    INSERT INTO job (id, kind, connection, order_key, dedupe_key, state, attempts, deferred, max_attempts, give_up_at,
                     dead_head, payload, correlation_id, traceparent, origin)
    SELECT job_id, dead_letter.kind, connection, order_key, dedupe_key,
           CASE WHEN order_key IS NULL THEN 'ready' ELSE 'behind' END,
           attempts, attempts, policy.max_attempts, now() + make_interval(secs => policy.give_up_seconds),
           policy.dead_head, coalesce($6, payload), correlation_id, traceparent, origin
      FROM dead_letter
      JOIN unnest((SELECT $2::text[]), (SELECT $3::integer[]), (SELECT $4::float8[]), (SELECT $5::text[]))
           AS policy (kind, max_attempts, give_up_seconds, dead_head)
        ON policy.kind = dead_letter.kind
     WHERE dead_letter.id = ANY ((SELECT $1::text[])::text[])
     ORDER BY connection, dead_letter.kind, dedupe_key, job_id
        ON CONFLICT (kind, connection, dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING
    RETURNING id
    """,
)


async def hold_open(transaction: Transaction, dead_letter_ids: Collection[str]) -> Sequence[OpenDeadLetter]:
    """Those of them that are open, held until the transaction ends."""
    ids = list(dead_letter_ids)
    keys = await transaction.fetch(SELECT_KEYS, ids)
    await order_keys.lock(transaction, [(row["connection"], row["order_key"]) for row in keys])
    return [msgspec.convert(dict(row), OpenDeadLetter) for row in await transaction.fetch(HOLD, ids)]


async def requeue(
    transaction: Transaction,
    letters: Sequence[OpenDeadLetter],
    policies: Mapping[str, JobPolicy],
    *,
    payload: bytes | None = None,
) -> Sequence[OpenDeadLetter]:
    """Enqueue held letters again, with this sealed payload where one is given; those whose work was not queued already.

    Each is the job that died: the same id and so the same place in its order key, the same dedupe key, origin and
    correlation id. It starts when it is put back.
    """
    if not letters:
        return []
    kinds = sorted({letter.kind for letter in letters})
    patience = [policies.get(kind, DEFAULT_POLICY) for kind in kinds]
    rows = await transaction.fetch(
        REVIVE,
        [letter.id for letter in letters],
        kinds,
        [policy.max_attempts for policy in patience],
        [policy.give_up_seconds for policy in patience],
        [policy.dead_head for policy in patience],
        payload,
    )
    revived = {row["id"] for row in rows}
    return [letter for letter in letters if letter.job_id in revived]


async def put_back(transaction: Transaction, letters: Sequence[OpenDeadLetter]) -> None:
    """Revived jobs take their places, now that their letters are closed: an open one would block its key."""
    if letters:
        await order_keys.put_back(transaction, [(each.connection, each.order_key, each.job_id) for each in letters])
        await transaction.execute(WAKE)
