"""Claim jobs that are due."""

import logging
from collections import Counter
from collections.abc import Collection, Mapping
from datetime import timedelta
from operator import itemgetter
from typing import Final
from uuid import uuid4

import asyncpg
from msgspec.structs import replace

from app.postgres.database import Database, Statement
from app.postgres.encryption import SealBroken, Sealer
from app.queue.enqueue import payload_of
from app.queue.lanes import TOKENS
from app.queue.models import Claimed, Job
from app.queue.places import HeldPlaces

# A claim consists of lookups, so one generic plan is always right. Planning each time would double its cost.
# synchronous_commit: claims and leases need not survive a crash of PostgreSQL. A job whose claim is lost is ready
# again, and its worker finds its lease gone. Every end of a job waits for the disk, and for the claims before it.
UPKEEP_SETTINGS: Final = {
    "synchronous_commit": "off",
    "plan_cache_mode": "force_generic_plan",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
LANES_AT_ONCE: Final = 16
_log = logging.getLogger("lockstitch.queue")

# Connections with a ready job and the time of its first one, as a ring that begins after the connection served last.
# Each step is one probe of the index job_ready, so a long queue does not slow down a claim.
RING: Final = """
    ring AS (
        SELECT $1::text AS connection, NULL::timestamptz AS run_at, 0 AS lap, 0 AS place
        UNION ALL
        SELECT next.connection, next.run_at, next.lap, ring.place + 1
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

# Some lanes only, in the place of the ring.
THESE: Final = """
    ring AS (
        SELECT connection, '-infinity'::timestamptz AS run_at, place
          FROM unnest($1::text[]) WITH ORDINALITY AS these (connection, place)
    )
"""

# Locks the row of each lane first, so that no other claim takes its jobs, and refills its bucket in database time.
# Locked lanes are skipped. `$9` and `$10`: tokens to put back, of jobs that asked nothing of their vendor. Urgent jobs
# go first. give_up_at counts from the first attempt that was not deferred, because a job that waited for a pause or
# another job has had no chance yet.
_CLAIM: Final = f"""
    served AS MATERIALIZED (
        SELECT ring.place, lane.connection, lane.blocked_reason IS NOT NULL AS probing, had.tokens,
               least(least($2, lane.concurrency + held.earned) - held.places,
                     $5,
                     CASE WHEN lane.blocked_reason IS NOT NULL THEN 1 END,
                     floor(had.tokens)::integer) AS places
          FROM ring
          JOIN lane ON lane.connection = ring.connection
         CROSS JOIN LATERAL (
               SELECT CASE WHEN lane.rate IS NOT NULL
                           THEN least(lane.burst, {TOKENS} + coalesce(
                                ($10::integer[])[array_position($9::text[], lane.connection)], 0)) END AS tokens) AS had
         CROSS JOIN LATERAL (
               SELECT coalesce(($4::integer[])[at], 0) AS places, coalesce(($8::integer[])[at], 0) AS earned
                 FROM (SELECT array_position($3::text[], lane.connection) AS at) AS place) AS held
         WHERE ring.run_at <= now()
           AND (lane.blocked_until IS NULL OR (lane.blocked_until <= now() AND lane.probe_token IS NULL))
           AND (lane.rate IS NULL OR had.tokens >= 1)
           AND held.places < least($2, lane.concurrency + held.earned)
         LIMIT {LANES_AT_ONCE}
           FOR NO KEY UPDATE OF lane SKIP LOCKED
    ), heads AS MATERIALIZED (
        SELECT head.id, served.*
          FROM served
         CROSS JOIN LATERAL (
               SELECT urgent.id
                 FROM (SELECT id
                         FROM job
                        WHERE job.connection = served.connection
                          AND state = 'ready'
                          AND urgent
                          AND run_at <= now()
                        ORDER BY run_at, id
                        LIMIT served.places
                          FOR UPDATE SKIP LOCKED) AS urgent
               UNION ALL
               SELECT other.id
                 FROM (SELECT id
                         FROM job
                        WHERE job.connection = served.connection
                          AND state = 'ready'
                          AND NOT urgent
                          AND run_at <= now()
                        ORDER BY run_at, id
                        LIMIT served.places
                          FOR UPDATE SKIP LOCKED) AS other
                LIMIT served.places) AS head
         LIMIT $5
    ), claimed AS (
        UPDATE job
           SET state = 'running', attempts = attempts + 1,
               lease_token = $6, lease_until = now() + $7::interval, started_at = now(),
               give_up_at = CASE WHEN attempts = deferred THEN now() + (give_up_at - created_at) ELSE give_up_at END
          FROM heads
         WHERE job.id = heads.id
        RETURNING job.*, heads.place, heads.places, heads.probing, heads.tokens
    ), paid AS (
        UPDATE lane
           SET tokens = CASE WHEN lane.rate IS NULL THEN lane.tokens
                             ELSE greatest(0, taken.tokens - taken.jobs) END,
               refilled_at = CASE WHEN refilled_at > now() + interval '1 second' THEN now()
                                  ELSE greatest(refilled_at, now()) END,
               probe_token = CASE WHEN taken.probing THEN $6::uuid END
          FROM (SELECT connection, probing, tokens, count(*) AS jobs
                  FROM claimed
                 GROUP BY connection, probing, tokens) AS taken
         WHERE lane.connection = taken.connection
           AND (lane.rate IS NOT NULL OR taken.probing)
    )
    SELECT *, tokens IS NOT NULL AS paced
      FROM claimed
     ORDER BY urgent DESC, run_at, id
"""  # noqa: S608 - no caller's text is in it

CLAIM = Statement("UPDATE job", f"WITH RECURSIVE {RING}, {_CLAIM}")
CLAIM_OF = Statement("UPDATE job", f"WITH {THESE}, {_CLAIM}")

# Runs when nothing could be claimed. Creates the lane of a connection's first job here and not when it is enqueued, so
# that a long transaction never blocks the connection for others.
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
    """Open two connections for claims and leases, which then never wait for the jobs' own queries."""
    return await Database.connect(url, max_size=2, settings=UPKEEP_SETTINGS)


class Claims:
    """Claims jobs, one lane after the other."""

    def __init__(self, database: Database, sealer: Sealer, lease: timedelta) -> None:
        self._database = database
        self._sealer = sealer
        self._lease = lease
        self._served_last = ""
        self._unused_tokens: dict[str, int] = {}

    def return_token(self, connection: str) -> None:
        """Put a token back into the lane of a connection, with its next claim."""
        self._unused_tokens[connection] = self._unused_tokens.get(connection, 0) + 1

    async def claim(
        self, limit: int, *, running: Mapping[str, HeldPlaces], at_most: int, of: Collection[str] = ()
    ) -> Claimed:
        """Claim jobs of the next connections that have any, or `of` these. See `PostgresQueue.claim`."""
        claimed = await self._serve_next(limit, running, at_most, of)
        if claimed.jobs or of:
            return claimed
        due = await self._database.fetch_row(NEXT_DUE, "")
        if due is not None and due["opened"]:
            claimed = await self._serve_next(limit, running, at_most)
        return replace(claimed, due_in=None if due is None else due["seconds"])

    async def open_lanes(self) -> None:
        """Create missing lanes. `claim` does this only when it found nothing, which may never happen on a busy
        queue."""
        await self._database.execute(NEXT_DUE, "")

    async def _serve_next(
        self, limit: int, running: Mapping[str, HeldPlaces], at_most: int, of: Collection[str] = ()
    ) -> Claimed:
        unused, self._unused_tokens = self._unused_tokens, {}
        rows = await self._database.fetch(
            CLAIM_OF if of else CLAIM,
            *(sorted(of) if of else self._served_last, at_most),
            *(list(running), [one.places for one in running.values()], limit),
            *(uuid4(), self._lease, [one.earned for one in running.values()]),
            *(list(unused), list(unused.values())),
        )
        if rows and not of:
            self._served_last = max(rows, key=itemgetter("place"))["connection"]
        jobs = Counter[str](row["connection"] for row in rows)
        for connection, tokens in unused.items():
            if connection not in jobs:
                self._unused_tokens[connection] = self._unused_tokens.get(connection, 0) + tokens
        return Claimed(
            jobs=[job for row in rows if (job := self._open_payload(row)) is not None],
            full={row["connection"] for row in rows if jobs[row["connection"]] >= row["places"]},
            more=len(rows) >= limit or len(jobs) >= LANES_AT_ONCE,
        )

    def _open_payload(self, row: asyncpg.Record) -> Job | None:
        try:
            payload = self._sealer.open(row["payload"], payload_of(row["id"]))
        except SealBroken:
            # Its lease expires. It becomes a dead letter unless the key is configured again.
            _log.exception("a payload cannot be opened", extra={"job_id": row["id"], "kind": row["kind"]})
            return None
        return job_of(row, payload, probe=row["probing"], paced=row["paced"])


def job_of(row: asyncpg.Record, payload: bytes, *, probe: bool, paced: bool) -> Job:
    """Return a running row of `job` as a Job."""
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
        paced=paced,
    )
