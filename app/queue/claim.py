"""Claim jobs that are due."""

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from operator import itemgetter
from typing import Final
from uuid import uuid4

import asyncpg
from msgspec.structs import replace

from app.postgres.database import Database, Statement
from app.postgres.encryption import SealBroken, Sealer
from app.postgres.listen import Listener
from app.queue.enqueue import payload_of
from app.queue.models import Allowances, BudgetShare, Claimed, Job, Load
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
EVERYTHING: Final[Allowances] = {}
"""No budget is short."""
_log = logging.getLogger("lockstitch.queue")

# Connections with a ready job, as a ring that begins after the connection served last. Each step is one probe of the
# index job_ready, so a long queue does not slow down a claim.
RING: Final = """
    RECURSIVE ring AS (
        SELECT $1::text AS connection, 0 AS lap, 0 AS place
        UNION ALL
        SELECT next.connection, next.lap, ring.place + 1
          FROM ring
         CROSS JOIN LATERAL (
               (SELECT job.connection, ring.lap
                  FROM job
                 WHERE job.state = 'ready' AND job.connection > ring.connection
                 ORDER BY job.connection
                 LIMIT 1)
               UNION ALL
               (SELECT job.connection, 1
                  FROM job
                 WHERE job.state = 'ready' AND ring.lap = 0
                 ORDER BY job.connection
                 LIMIT 1)
               ORDER BY 2
               LIMIT 1) AS next
         WHERE next.lap = 0 OR next.connection <= $1
    )
"""

# Some lanes only, in the place of the ring.
THESE: Final = """
    ring AS (
        SELECT connection, place
          FROM unnest($1::text[]) WITH ORDINALITY AS these (connection, place)
    )
"""


def _first_jobs(short: str) -> str:
    """Return SQL text for the times of the first ready jobs of a lane, one for each share that has any left: it is not
    among `short`, an array of `connection share`."""
    return f"""
        SELECT first.run_at
          FROM (VALUES (0), (1), (2), (3)) AS of (share)
         CROSS JOIN LATERAL (
               SELECT run_at
                 FROM job
                WHERE job.connection = ring.connection AND job.share = of.share AND state = 'ready'
                ORDER BY run_at
                LIMIT 1) AS first
         WHERE (ring.connection || ' ' || of.share) <> ALL ({short}::text[])
    """  # noqa: S608 - no caller's text is in it


# Locks the row of each lane first, so that no other claim takes its jobs. Locked lanes are skipped. Its jobs go by
# share. A walk or a backfill that holds no place goes once before the events, or a flood of them would keep it waiting.
# `$9` and `$10`: how many jobs a share may have whose budget is short; `$12`: that may have none; `$11`: that hold
# places. `$13`: the number of this process, if its session shows that it lives. give_up_at counts from the first
# attempt that was not deferred, because a job that waited for a pause or another job has had no chance yet.
_CLAIM: Final = f"""
    served AS MATERIALIZED (
        SELECT ring.place, lane.connection, lane.blocked_reason IS NOT NULL AS probing,
               least(least($2, lane.concurrency + held.earned) - held.places,
                     $5,
                     CASE WHEN lane.blocked_reason IS NOT NULL THEN 1 END) AS places
          FROM ring
          JOIN lane ON lane.connection = ring.connection
         CROSS JOIN LATERAL (
               SELECT coalesce(($4::integer[])[at], 0) AS places, coalesce(($8::integer[])[at], 0) AS earned
                 FROM (SELECT array_position($3::text[], lane.connection) AS at) AS place) AS held
         WHERE ring.place > 0
           AND (lane.blocked_until IS NULL
                OR (greatest(lane.blocked_until, lane.probing_until) <= now() AND lane.probe_token IS NULL))
           AND held.places < least($2, lane.concurrency + held.earned)
           AND now() >= (SELECT min(run_at) FROM ({_first_jobs("$12")}) AS firsts)
         LIMIT {LANES_AT_ONCE}
           FOR NO KEY UPDATE OF lane SKIP LOCKED
    ), heads AS MATERIALIZED (
        SELECT head.id, served.*
          FROM served
         CROSS JOIN LATERAL (
               SELECT due.id
                 FROM (VALUES (0, false), (2, true), (3, true), (1, false), (2, false), (3, false))
                      AS turn (share, once)
                CROSS JOIN LATERAL (
                      SELECT id
                        FROM job
                       WHERE job.connection = served.connection
                         AND job.share = turn.share
                         AND state = 'ready'
                         AND run_at <= now()
                       ORDER BY run_at, id
                       LIMIT (SELECT least(served.places,
                                           ($10::integer[])[array_position($9::text[], own)],
                                           CASE WHEN turn.once THEN (own <> ALL ($11::text[]))::integer END)
                                FROM (SELECT served.connection || ' ' || turn.share AS own) AS key)
                         FOR UPDATE SKIP LOCKED) AS due
                LIMIT served.places) AS head
         LIMIT $5
    ), claimed AS (
        UPDATE job
           SET state = 'running', attempts = attempts + 1,
               lease_token = $6, lease_until = now() + $7::interval, lease_holder = $13, started_at = now(),
               give_up_at = CASE WHEN attempts = deferred THEN now() + (give_up_at - created_at) ELSE give_up_at END
          FROM heads
         WHERE job.id = ANY (ARRAY(SELECT id FROM heads)) AND job.id = heads.id
        RETURNING job.*, heads.place, heads.places, heads.probing
    ), probed AS (
        UPDATE lane
           SET probe_token = $6::uuid
          FROM (SELECT DISTINCT connection FROM claimed WHERE probing) AS taken
         WHERE lane.connection = taken.connection
    )
"""  # noqa: S608 - no caller's text is in it


def claiming(lanes: str, loads: Sequence[Load] = ()) -> Statement:
    """Return the statement that claims jobs of `RING` or of `THESE`, with what their handlers read first."""
    parts = "".join(f", {one.parts}" for one in loads if one.parts)
    columns, joins = ", ".join(["claimed.*", *(one.columns for one in loads)]), " ".join(one.joins for one in loads)
    return Statement(
        "UPDATE job",
        f"""
        WITH {lanes}, {_CLAIM}{parts}
        SELECT {columns}
          FROM claimed {joins}
         ORDER BY claimed.share, claimed.run_at, claimed.id
        """,  # noqa: S608 - no caller's text is in it
    )


# Runs when nothing could be claimed. Creates the lane of a connection's first job here and not when it is enqueued, so
# that a long transaction never blocks the connection for others.
NEXT_DUE = Statement(
    "INSERT lane",
    f"""
    WITH {RING}, opened AS (
        INSERT INTO lane (connection)
        SELECT ring.connection
          FROM ring
          LEFT JOIN lane ON lane.connection = ring.connection
         WHERE ring.place > 0 AND lane.connection IS NULL
            ON CONFLICT (connection) DO NOTHING
        RETURNING connection
    )
    SELECT (SELECT count(*) FROM opened) AS opened,
           extract(epoch FROM min(greatest(first.run_at, lane.blocked_until, lane.probing_until)) - now())::float8
           AS seconds
      FROM ring
      JOIN lane ON lane.connection = ring.connection
     CROSS JOIN LATERAL ({_first_jobs("$2")}) AS first
     WHERE (lane.blocked_until IS NULL OR lane.blocked_until < 'infinity')
       AND lane.probe_token IS NULL
    """,  # noqa: S608 - no caller's text is in it
)


async def open_upkeep(url: str) -> Database:
    """Open two connections for claims and leases, which then never wait for the jobs' own queries."""
    return await Database.connect(url, max_size=2, settings=UPKEEP_SETTINGS)


class Claims:
    """Claims jobs, one lane after the other."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        lease: timedelta,
        listener: Listener | None,
        loads: Sequence[Load],
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._claim, self._claim_of = claiming(RING, loads), claiming(THESE, loads)
        self._lease = lease
        self._listener = listener
        self._served_last = ""

    async def claim(
        self,
        limit: int,
        *,
        running: Mapping[str, HeldPlaces],
        at_most: int,
        of: Collection[str] = (),
        allowances: Allowances = EVERYTHING,
    ) -> Claimed:
        """Claim at most `limit` jobs of all lanes, or only `of` some. No lane holds more than `at_most` places of this
        process, or more than its own share and what it has earned. `allowances` limit shares whose budget is short."""
        claimed = await self._serve_next(limit, running, at_most, of, allowances)
        if claimed.jobs or of:
            return claimed
        due = await self._database.fetch_row(NEXT_DUE, "", _closed(allowances))
        if due is not None and due["opened"]:
            claimed = await self._serve_next(limit, running, at_most, (), allowances)
        waits = [one.opens_in for one in allowances.values() if not one.jobs]
        if due is not None and due["seconds"] is not None:
            waits.append(due["seconds"])
        return replace(claimed, due_in=min(waits, default=None))

    async def open_lanes(self) -> None:
        """Create missing lanes. `claim` does this only when it found nothing, which may never happen on a busy
        queue."""
        await self._database.execute(NEXT_DUE, "", [])

    async def _serve_next(
        self,
        limit: int,
        running: Mapping[str, HeldPlaces],
        at_most: int,
        of: Collection[str],
        allowances: Allowances,
    ) -> Claimed:
        rows = await self._database.fetch(
            self._claim_of if of else self._claim,
            *(sorted(of) if of else self._served_last, at_most),
            *(list(running), [one.places for one in running.values()], limit),
            *(uuid4(), self._lease, [one.earned for one in running.values()]),
            [_key(*place) for place in allowances],
            [one.jobs for one in allowances.values()],
            [_key(name, share) for name, one in running.items() for share in one.shares],
            _closed(allowances),
            self._listener.number if self._listener is not None and self._listener.shows_life else None,
        )
        if rows and not of:
            self._served_last = max(rows, key=itemgetter("place"))["connection"]
        jobs = Counter[str](row["connection"] for row in rows)
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
        return job_of(row, payload, probe=row["probing"])


def _key(connection: str, share: BudgetShare) -> str:
    return f"{connection} {share:d}"


def _closed(allowances: Allowances) -> list[str]:
    return [_key(*place) for place, one in allowances.items() if not one.jobs]


def job_of(row: asyncpg.Record, payload: bytes, *, probe: bool) -> Job:
    """Return a running row of `job`, perhaps with what was loaded with it, as a Job."""
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
        share=BudgetShare(row["share"]),
        loaded=row,
    )
