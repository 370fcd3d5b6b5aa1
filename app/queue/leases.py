"""Leases: extend them, and release jobs whose lease has expired.

A lease whose holder's session has ended expires at once: its process has died. A process that only lost its session has
`RETURN_SECONDS` to open another one. After an outage of the database, no lease expires before each worker has had time
to extend its own.
"""

import math
import time
from collections.abc import Collection
from datetime import timedelta
from typing import Final

from app.audit import record
from app.errors import StoreUnavailable
from app.postgres.database import Database, Statement
from app.postgres.listen import LIVES
from app.queue.claim import job_of
from app.queue.models import Job

RETURN_SECONDS: Final = 2.5
EXTENSIONS: Final = 3
"""How often a lease is extended in its time."""

# A locked row is being finished by its owner and needs no extension.
EXTEND = Statement(
    "UPDATE job",
    """
    WITH held AS (
        SELECT id
          FROM job
         WHERE id = ANY ($1::bigint[]) AND lease_token = ($2::uuid[])[array_position($1, id)]
           FOR NO KEY UPDATE SKIP LOCKED
    ), extended AS (
        UPDATE job SET lease_until = now() + $3::interval WHERE id = ANY (ARRAY(SELECT id FROM held))
    )
    SELECT ours.id
      FROM unnest($1::bigint[], $2::uuid[]) AS ours (id, token)
      LEFT JOIN job ON job.id = ANY ($1) AND job.id = ours.id AND job.lease_token = ours.token
     WHERE job.id IS NULL
    """,
)

HOLDING: Final = "SELECT FROM job WHERE id = $1 AND lease_token = $2 FOR NO KEY UPDATE"
"""SQL text for a WITH: one row if a job has its lease, which it then keeps until the statement is committed."""

LOST: Final = """
    SELECT 'job.lost', 'job_' || id, 'lockstitch', correlation_id, format('{"attempt":%s}', attempts)
      FROM freed
     ORDER BY id
"""

FREE_EXPIRED = Statement(
    "UPDATE job",
    f"""
    WITH expired AS (
        SELECT id, lease_token, started_at
          FROM job
         WHERE state = 'running' AND lease_until < now() AND attempts - deferred < max_attempts
         ORDER BY lease_until
         LIMIT $1
           FOR UPDATE SKIP LOCKED
    ), freed AS (
        UPDATE job
           SET state = 'ready', lease_token = NULL, lease_until = NULL, started_at = NULL
          FROM expired
         WHERE job.id = ANY (ARRAY(SELECT id FROM expired)) AND job.id = expired.id
        RETURNING job.id, job.attempts, job.kind, job.connection, job.correlation_id,
                  expired.lease_token, expired.started_at
    ), unprobed AS (
        UPDATE lane
           SET probe_token = NULL
          FROM freed
         WHERE lane.connection = freed.connection AND lane.probe_token = freed.lease_token
    ), noted AS (
        INSERT INTO attempt (job_id, number, kind, connection, correlation_id, outcome, category, reason, started_at)
        SELECT id, attempts, kind, connection, correlation_id, 'lost', 'transient',
               'its worker died or was too slow', started_at
          FROM freed
    ), audited AS (
        {record.insert_text(rows=LOST)}
    )
    SELECT id FROM freed
    """,  # noqa: S608 - no caller's text is in it
)

SELECT_LAPSED = Statement(
    "SELECT job",
    f"""
    SELECT ARRAY(SELECT lease_holder
                   FROM (SELECT DISTINCT lease_holder
                           FROM job
                          WHERE state = 'running' AND lease_until > now() AND lease_holder IS NOT NULL) AS holding
                  WHERE NOT {LIVES.format(number="lease_holder")}) AS gone,
           (SELECT true
              FROM job
             WHERE state = 'running' AND lease_until < now()
             ORDER BY lease_until
             LIMIT 1) AS is_expired
    """,  # noqa: S608 - no caller's text is in it
)

EXPIRE_OF = Statement(
    "UPDATE job",
    """
    UPDATE job SET lease_until = now() - interval '1 ms' WHERE state = 'running' AND lease_holder = ANY ($1::integer[])
    """,
)

SELECT_POISON = Statement(
    "SELECT job",
    """
    SELECT job.*
      FROM job
     WHERE state = 'running' AND lease_until < now() AND attempts - deferred >= max_attempts
     ORDER BY lease_until
     LIMIT $1
    """,
)


class Leases:
    """Extends leases, and releases expired ones."""

    def __init__(self, database: Database, lease: timedelta) -> None:
        self._database = database
        self._lease = lease
        self._gone: dict[int, float] = {}
        self._wait_until = -math.inf  # infinity: the database is away

    async def extend(self, jobs: Collection[Job]) -> set[int]:
        """Extend the leases. Return the ids of jobs whose lease was lost."""
        rows = await self._database.fetch(
            EXTEND, [job.id for job in jobs], [job.lease_token for job in jobs], self._lease
        )
        return {row["id"] for row in rows}

    async def end_of_gone(self) -> bool:
        """End the leases of processes whose session has been gone for `RETURN_SECONDS`, and return whether any lease
        has expired. Call it about each second. Raises StoreUnavailable."""
        try:
            lapsed, now = await self._database.fetch_row(SELECT_LAPSED), time.monotonic()
        except StoreUnavailable:
            self._wait_until = math.inf
            raise
        assert lapsed is not None  # noqa: S101 - it always returns a row
        self._wait_until = min(self._wait_until, now + self._lease.total_seconds() / EXTENSIONS)
        if now < self._wait_until:
            return False
        self._gone = {number: self._gone.get(number, now) for number in lapsed["gone"]}
        ended = [number for number, since in self._gone.items() if now - since >= RETURN_SECONDS]
        if ended:
            await self._database.execute(EXPIRE_OF, ended)
        return bool(ended or lapsed["is_expired"])

    async def free_expired(self, limit: int) -> int:
        """Make jobs ready again whose lease has expired and that have attempts left. Return their number."""
        return len(await self._database.fetch(FREE_EXPIRED, limit))

    async def find_poison(self, limit: int) -> list[Job]:
        """Return jobs whose last attempt's lease has expired, without their payload."""
        rows = await self._database.fetch(SELECT_POISON, limit)
        return [job_of(row, b"", probe=True) for row in rows]
