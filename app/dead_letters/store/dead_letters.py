"""Dead letters: find, redrive and discard them. Changes join the caller's transaction."""

from collections.abc import Mapping, Sequence
from typing import Final

import asyncpg
import msgspec

from app.audit import record
from app.dead_letters.models import (
    AlreadyQueued,
    Attempt,
    DeadLetterFilter,
    DeadLetterGroup,
    NotOpen,
    RedrivePreview,
)
from app.postgres.database import CUSTOM_PLAN, Database, Statement, Transaction
from app.postgres.encryption import Sealer
from app.queue import order_keys, requeue
from app.queue.bury import COLUMNS
from app.queue.enqueue import job_subject, payload_of
from app.queue.kinds import Reopen
from app.queue.lanes import WAKE
from app.queue.models import DeadLetter, JobPolicy

PLACE: Final = r"regexp_replace(path, '\[[0-9]+\]', '[*]', 'g')"
"""A path without the numbers of rows and items: a cause that 2,000 rows of an export share is one. It is indexed."""
WHICH: Final = f"""
           ($1::text IS NULL OR state = $1)
       AND ($2::text IS NULL OR connection = $2)
       AND ($3::text IS NULL OR kind = $3)
       AND ($4::text IS NULL OR category = $4)
       AND ($5::timestamptz IS NULL OR created_at >= $5)
       AND ($6::timestamptz IS NULL OR created_at < $6)
       AND ($7::text IS NULL OR correlation_id = $7)
       AND ($8::text IS NULL OR reason = $8)
       AND ($9::text IS NULL OR $9 = '-' AND {PLACE} IS NULL
            OR $9 <> '-' AND {PLACE} = {PLACE.replace("path", "$9")} AND $9 IN (path, {PLACE}))
"""
"""A DeadLetterFilter as SQL. Its values are the first nine arguments."""
OPEN: Final = "state = 'open'"

SELECT_PAGE, SELECT_OPEN = (
    Statement(
        "SELECT dead_letter",
        f"""
        SELECT {COLUMNS}
          FROM dead_letter
         WHERE {WHICH}
           AND ($10::text IS NULL OR id < $10)
           AND {state}
         ORDER BY id DESC
         LIMIT $11
        """,  # noqa: S608
    )
    for state in ("true", OPEN)
)

MATCHING: Final = f"SELECT * FROM dead_letter WHERE {WHICH} AND {OPEN} ORDER BY id DESC LIMIT $10"  # noqa: S608

# A redrive skips a letter if a job with its dedupe key is queued, or becomes queued by an older letter.
PREVIEWED: Final = f"""
    SELECT letter.*,
           letter.dedupe_key IS NOT NULL
               AND (job.id IS NOT NULL
                    OR row_number() OVER (PARTITION BY kind, connection, dedupe_key ORDER BY letter.job_id) > 1)
           AS is_skipped
      FROM ({MATCHING}) AS letter
      LEFT JOIN job USING (kind, connection, dedupe_key)
"""  # noqa: S608
"""The letters that match, and whether a redrive skips each. LIMIT is the tenth argument."""

SELECT_GROUPS = Statement(
    "SELECT dead_letter",
    f"""
    SELECT connection, kind, category, reason, {PLACE} AS path, count(*)::integer AS count, min(id) AS example,
           min(created_at) AS oldest_at
      FROM ({MATCHING}) AS letter
     GROUP BY connection, kind, category, reason, {PLACE}
     ORDER BY count(*) DESC, min(id)
     LIMIT $11
    """,  # noqa: S608
)

# The totals are those of all groups, not only of the first ones.
PREVIEW = Statement(
    "SELECT dead_letter",
    f"""
    SELECT cause.*, (sum(count) OVER ())::integer AS redriven, (sum(skips) OVER ())::integer AS skipped
      FROM (SELECT connection, kind, category, reason, {PLACE} AS path,
                   count(*) FILTER (WHERE NOT is_skipped)::integer AS count,
                   count(*) FILTER (WHERE is_skipped)::integer AS skips,
                   min(id) FILTER (WHERE NOT is_skipped) AS example,
                   min(created_at) FILTER (WHERE NOT is_skipped) AS oldest_at
              FROM ({PREVIEWED}) AS letter
             GROUP BY connection, kind, category, reason, {PLACE}) AS cause
     ORDER BY count DESC, example
     LIMIT $11
    """,  # noqa: S608
)

SELECT_BY_ID = Statement("SELECT dead_letter", f"SELECT {COLUMNS} FROM dead_letter WHERE id = $1")  # noqa: S608

SELECT_PAYLOAD = Statement("SELECT dead_letter", "SELECT job_id, payload FROM dead_letter WHERE id = $1")

SELECT_ATTEMPTS = Statement(
    "SELECT attempt",
    """
    SELECT job_id, number, kind, connection, outcome, category, reason, traceparent, started_at, ended_at
      FROM attempt
     WHERE job_id = $1
     ORDER BY number
    """,
)

CLOSE = Statement(
    "UPDATE dead_letter",
    """
    UPDATE dead_letter
       SET state = $2, closed_at = now(), closed_by = $3, closed_reason = $4
     WHERE id = ANY ($1::text[])
    """,
)


class PostgresDeadLetters:
    """The store of dead letters. `reopen` undoes the consequences of a death, by job kind (`JobKind`)."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        policies: Mapping[str, JobPolicy],
        reopen: Mapping[str, Reopen] | None = None,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._policies = policies
        self._reopen = {} if reopen is None else reopen

    async def list(self, which: DeadLetterFilter, *, after: str | None, limit: int) -> Sequence[DeadLetter]:
        """List dead letters, newest first, below the id `after`."""
        statement = SELECT_OPEN if which.state == "open" else SELECT_PAGE
        rows = await self._filtered(statement, *values_of(which), after, limit)
        return [msgspec.convert(dict(row), DeadLetter) for row in rows]

    async def preview(self, which: DeadLetterFilter, *, limit: int, newest: int | None = None) -> RedrivePreview:
        """Count the open dead letters that a redrive would queue, and skip: those among the `newest`, if given. Group
        those that it would queue by cause, the most frequent first, at most `limit` groups."""
        rows = await self._filtered(PREVIEW, *values_of(which), newest, limit)
        groups = [msgspec.convert(dict(row), DeadLetterGroup) for row in rows if row["count"]]
        redriven, skipped = (rows[0]["redriven"], rows[0]["skipped"]) if rows else (0, 0)
        return RedrivePreview(redriven=redriven, skipped=skipped, groups=groups)

    async def groups(
        self, which: DeadLetterFilter, *, limit: int, newest: int | None = None
    ) -> Sequence[DeadLetterGroup]:
        """Group open dead letters by cause, most frequent first; only this many of the `newest`, if given."""
        rows = await self._filtered(SELECT_GROUPS, *values_of(which), newest, limit)
        return [msgspec.convert(dict(row), DeadLetterGroup) for row in rows]

    async def _filtered(self, statement: Statement, *arguments: object) -> Sequence[asyncpg.Record]:
        async with self._database.transaction() as session:
            await session.execute(CUSTOM_PLAN)
            return await session.fetch(statement, *arguments)

    async def get(self, dead_letter_id: str) -> DeadLetter | None:
        """Return a dead letter by id."""
        row = await self._database.fetch_row(SELECT_BY_ID, dead_letter_id)
        return None if row is None else msgspec.convert(dict(row), DeadLetter)

    async def payload(self, dead_letter_id: str) -> bytes | None:
        """Return the payload of its job. Raises SealBroken."""
        row = await self._database.fetch_row(SELECT_PAYLOAD, dead_letter_id)
        return None if row is None else self._sealer.open(row["payload"], payload_of(row["job_id"]))

    async def attempts(self, job_id: int) -> Sequence[Attempt]:
        """Return all attempts at a job, oldest first, including those before an earlier redrive."""
        return [msgspec.convert(dict(row), Attempt) for row in await self._database.fetch(SELECT_ATTEMPTS, job_id)]

    async def redrive(
        self, transaction: Transaction, dead_letter_id: str, *, actor: str, payload: bytes | None = None
    ) -> int:
        """Enqueue its job again, with another payload if given, and return the id of the job.

        The job keeps its id and so its place in its order key, its dedupe key, origin and correlation id. It gets all
        attempts of its kind again. Raises NotOpen and AlreadyQueued.
        """
        (letter,) = await requeue.lock_open(transaction, [dead_letter_id]) or (None,)
        if letter is None:
            raise NotOpen(dead_letter_id)
        sealed = None if payload is None else self._sealer.seal(payload, payload_of(letter.job_id))
        if not await requeue.requeue(transaction, [letter], self._policies, payload=sealed):
            raise AlreadyQueued(dead_letter_id)
        await self._finish_redrive(transaction, [letter], actor, edited=payload is not None)
        return letter.job_id

    async def redrive_all(
        self, transaction: Transaction, dead_letter_ids: Sequence[str], *, actor: str, redrive: str
    ) -> Sequence[str]:
        """Enqueue those again that are open and not queued already, and return their ids."""
        letters = await requeue.requeue(
            transaction, await requeue.lock_open(transaction, dead_letter_ids), self._policies
        )
        await self._finish_redrive(transaction, letters, actor, edited=False, redrive=redrive)
        return [letter.id for letter in letters]

    async def discard(self, transaction: Transaction, dead_letter_id: str, *, actor: str, because: str) -> None:
        """Discard it, which unblocks later jobs of its order key. Raises NotOpen."""
        letters = await requeue.lock_open(transaction, [dead_letter_id])
        if not letters:
            raise NotOpen(dead_letter_id)
        await self._close(transaction, letters, "discarded", actor, because)
        await order_keys.promote(transaction, [(letter.connection, letter.order_key) for letter in letters])
        await transaction.execute(WAKE)
        await _note_all(transaction, "job.discarded", letters, actor)

    async def _finish_redrive(
        self, transaction: Transaction, letters: Sequence[requeue.OpenDeadLetter], actor: str, **facts: object
    ) -> None:
        """Close dead letters whose jobs are queued again, and undo the consequences of their death."""
        await self._close(transaction, letters, "redriven", actor)
        await requeue.put_back(transaction, letters)
        await _note_all(transaction, "job.redriven", letters, actor, **facts)
        for kind, reopen in self._reopen.items():
            origins = [letter.origin for letter in letters if letter.kind == kind and letter.origin is not None]
            if origins:
                await reopen(transaction, origins, actor)

    async def _close(
        self,
        transaction: Transaction,
        letters: Sequence[requeue.OpenDeadLetter],
        state: str,
        actor: str,
        because: str | None = None,
    ) -> None:
        """Close dead letters whose rows are locked."""
        await transaction.execute(CLOSE, [letter.id for letter in letters], state, actor, because)


def values_of(which: DeadLetterFilter) -> tuple[object, ...]:
    """Return the arguments of WHICH."""
    return (
        *(None if which.state == "all" else which.state, which.connection, which.kind, which.category),
        *(which.since, which.until, which.correlation_id, which.reason, which.path),
    )


async def _note_all(
    transaction: Transaction, what: str, letters: Sequence[requeue.OpenDeadLetter], actor: str, **facts: object
) -> None:
    entries = [
        record.Entry(
            type=what,
            subject=job_subject(letter.job_id),
            actor=actor,
            correlation_id=letter.correlation_id,
            facts={"dead_letter": letter.id, "kind": letter.kind, "connection": letter.connection, **facts},
        )
        for letter in letters
    ]
    await record.append(transaction, *entries)
