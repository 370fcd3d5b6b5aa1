"""Claiming: which jobs start now."""

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final
from uuid import uuid4

import asyncpg

from app.postgres.database import Database, Statement
from app.postgres.encryption import SealBroken, Sealer
from app.queue.enqueue import payload_of
from app.queue.lanes import TOKENS
from app.queue.models import Claimed, Job

# A claim is nothing but look-ups, so one plan serves for ever; to weigh it anew each time would double its cost.
UPKEEP_SETTINGS: Final = {
    "plan_cache_mode": "force_generic_plan",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
_log = logging.getLogger("lockstitch.queue")

# Connections with a ready job, each with the time of its first one, in a ring that begins behind the connection served
# last. Every step is one probe of the index job_ready, and none is made once a lane is found, so that neither a long
# queue nor many connections make a claim slower.
RING: Final = """
    ring AS (
        SELECT $1::text AS connection, NULL::timestamptz AS run_at, 0 AS lap
        UNION ALL
        SELECT next.connection, next.run_at, next.lap
          FROM ring
         CROSS JOIN LATERAL (
               (SELECT job.connection, job.run_at, ring.lap
                  FROM job
                 WHERE job.state = 'ready' AND job.connection > ring.connection
                 ORDER BY job.connection, job.run_at
                 LIMIT 1)
               UNION ALL
               (SELECT job.connection, job.run_at, 1
                  FROM job
                 WHERE job.state = 'ready' AND ring.lap = 0
                 ORDER BY job.connection, job.run_at
                 LIMIT 1)
               ORDER BY 3
               LIMIT 1) AS next
         WHERE next.lap = 0 OR next.connection <= $1
    )
"""

# The lane's row is locked first, so no second claim is at work on its jobs, and its bucket is refilled by the clock of
# the database. Those whose row is locked are skipped: nobody waits. The time after which a job is given up runs from
# its first attempt that counts: one that waited behind a pause or another job has had no chance yet.
CLAIM = Statement(
    "UPDATE job",
    f"""
    WITH RECURSIVE {RING}, served AS MATERIALIZED (
        SELECT lane.connection, lane.blocked_reason IS NOT NULL AS probing, {TOKENS} AS tokens,
               least(least($2, lane.concurrency)
                         - coalesce(($4::integer[])[array_position($3::text[], lane.connection)], 0),
                     $5,
                     CASE WHEN lane.blocked_reason IS NOT NULL THEN 1 END,
                     floor({TOKENS})::integer) AS places
          FROM ring
          JOIN lane ON lane.connection = ring.connection
         WHERE ring.run_at <= now()
           AND (lane.blocked_until IS NULL OR (lane.blocked_until <= now() AND lane.probe_token IS NULL))
           AND (lane.rate IS NULL OR {TOKENS} >= 1)
           AND coalesce(($4::integer[])[array_position($3::text[], lane.connection)], 0) < least($2, lane.concurrency)
         LIMIT 1
           FOR NO KEY UPDATE OF lane SKIP LOCKED
    ), heads AS MATERIALIZED (
        SELECT job.id
          FROM job
         WHERE job.connection = (SELECT connection FROM served)
           AND job.state = 'ready'
           AND job.run_at <= now()
         ORDER BY job.run_at, job.id
         LIMIT (SELECT places FROM served)
           FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE job
           SET state = 'running', attempts = attempts + 1,
               lease_token = $6, lease_until = now() + $7::interval, started_at = now(),
               give_up_at = CASE WHEN attempts = deferred THEN now() + (give_up_at - created_at) ELSE give_up_at END
          FROM heads
         WHERE job.id = heads.id
        RETURNING job.*
    ), paid AS (
        UPDATE lane
           SET tokens = CASE WHEN lane.rate IS NULL THEN lane.tokens
                             ELSE greatest(0, served.tokens - (SELECT count(*) FROM claimed)) END,
               refilled_at = CASE WHEN refilled_at > now() + interval '1 second' THEN now()
                                  ELSE greatest(refilled_at, now()) END,
               probe_token = CASE WHEN served.probing THEN $6::uuid END
          FROM served
         WHERE lane.connection = served.connection
           AND (lane.rate IS NOT NULL OR served.probing)
           AND EXISTS (SELECT FROM claimed)
    )
    SELECT served.connection AS served, served.probing, claimed.*
      FROM served
      LEFT JOIN claimed ON true
     ORDER BY claimed.run_at, claimed.id
    """,  # noqa: S608 - no caller's text is in it
)

# Asked when nothing could be claimed. A connection's first job finds no lane yet: it is made here, and not by whoever
# enqueues, so that a transaction that is long never keeps others from the connection.
NEXT_DUE = Statement(
    "INSERT lane",
    f"""
    WITH RECURSIVE {RING}, opened AS (
        INSERT INTO lane (connection)
        SELECT ring.connection
          FROM ring
          LEFT JOIN lane ON lane.connection = ring.connection
         WHERE ring.run_at IS NOT NULL AND lane.connection IS NULL
            ON CONFLICT (connection) DO NOTHING
        RETURNING connection
    )
    SELECT (SELECT count(*) FROM opened) AS opened,
           extract(epoch FROM min(greatest(
               ring.run_at,
               lane.blocked_until,
               CASE WHEN {TOKENS} < 1 THEN now() + make_interval(secs => (1 - {TOKENS}) / lane.rate) END
           )) - now())::float8 AS seconds
      FROM ring
      JOIN lane ON lane.connection = ring.connection
     WHERE (lane.blocked_until IS NULL OR lane.blocked_until < 'infinity')
       AND lane.probe_token IS NULL
    """,  # noqa: S608 - no caller's text is in it
)


async def open_upkeep(url: str) -> Database:
    """Two connections for claims and leases, for which they need not wait behind the jobs themselves."""
    return await Database.connect(url, max_size=2, settings=UPKEEP_SETTINGS)


class Claims:
    """Gives leases on jobs. The lanes with work are served in turn."""

    def __init__(self, database: Database, sealer: Sealer, lease: timedelta) -> None:
        self._database = database
        self._sealer = sealer
        self._lease = lease
        self._served_last = ""

    async def claim(self, limit: int, *, running: Mapping[str, int], at_most: int) -> Claimed:
        """Jobs of the next connection in turn that has any; `queue_ports.Queue.claim`."""
        jobs = await self._serve_next(limit, running, at_most)
        if jobs:
            return Claimed(jobs=jobs, due_in=0.0)
        due = await self._database.fetch_row(NEXT_DUE, "")
        if due is not None and due["opened"]:
            jobs = await self._serve_next(limit, running, at_most)
        return Claimed(jobs=jobs, due_in=None if due is None else due["seconds"])

    async def open_lanes(self) -> None:
        """Let connections take part whose first job came while there was always something else to claim."""
        await self._database.execute(NEXT_DUE, "")

    async def _serve_next(self, limit: int, running: Mapping[str, int], at_most: int) -> Sequence[Job]:
        rows = await self._database.fetch(
            CLAIM,
            *(self._served_last, at_most, list(running), list(running.values()), limit),
            *(uuid4(), self._lease),
        )
        if rows:
            self._served_last = rows[0]["served"]
        return [job for row in rows if row["id"] is not None and (job := self._opened(row)) is not None]

    def _opened(self, row: asyncpg.Record) -> Job | None:
        try:
            payload = self._sealer.open(row["payload"], payload_of(row["id"]))
        except SealBroken:
            # Its lease runs out, and at last it is a dead letter, unless somebody puts the key back before.
            _log.exception("a payload cannot be opened", extra={"job_id": row["id"], "kind": row["kind"]})
            return None
        return job_of(row, payload, probe=row["probing"])


def job_of(row: asyncpg.Record, payload: bytes, *, probe: bool) -> Job:
    """A row of `job` that is running."""
    return Job(
        id=row["id"],
        kind=row["kind"],
        connection=row["connection"],
        order_key=row["order_key"],
        dedupe_key=row["dedupe_key"],
        attempt=row["attempts"],
        deferred=row["deferred"],
        lease_token=str(row["lease_token"]),
        payload=payload,
        correlation_id=row["correlation_id"],
        traceparent=row["traceparent"],
        origin=row["origin"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        probe=probe,
    )
