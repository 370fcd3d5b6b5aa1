"""Figures for alarms, read with a few look-ups whose cost does not grow with the tables."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Literal

from app.monitoring.models import AlarmFigures, Trouble
from app.monitoring.store import heartbeats
from app.postgres.database import Database, Session, Statement
from app.postgres.fault import DatabaseFault
from app.postgres.migrate import schema_fault
from app.postgres.write_proof import write_fault
from app.vendors import observations, refused_webhooks

Subject = Literal["connection", "consumer", "secret"]

# Counting stops here: an alarm does not depend on more. Ids are in order of time, so that the oldest are counted.
COUNTED_AT_MOST: Final = 10_000

COUNT = Statement(
    "SELECT dead_letter",
    """
    SELECT (SELECT count(*) FROM (SELECT FROM dead_letter WHERE state = 'open' ORDER BY id LIMIT $1) AS few)
           AS dead_letters,
           (SELECT created_at FROM dead_letter WHERE state = 'open' ORDER BY id LIMIT 1) AS dead_letters_since,
           (SELECT count(*) FROM (SELECT FROM operation WHERE phase = 'unknown' ORDER BY id LIMIT $1) AS few)
           AS unknown_operations,
           (SELECT failed_at FROM operation WHERE phase = 'unknown' ORDER BY id LIMIT 1) AS unknown_since,
           (SELECT count(*)
              FROM (SELECT FROM drift_finding
                     WHERE policy IN ('freeze', 'reject') AND acknowledged_at IS NULL
                     ORDER BY id
                     LIMIT $1) AS few) AS alarming_drift,
           (SELECT first_seen
              FROM drift_finding
             WHERE policy IN ('freeze', 'reject') AND acknowledged_at IS NULL
             ORDER BY id
             LIMIT 1) AS drift_since,
           disabled.*, late.*
      FROM (SELECT count(*) AS disabled_subscriptions, min(disabled_at) AS disabled_since
              FROM subscription WHERE state = 'disabled') AS disabled,
           (SELECT count(*) AS late_approvals, min(created_at) AS approvals_since
              FROM (SELECT created_at, approve_by
                      FROM operation
                     WHERE approval = 'waiting'
                     ORDER BY id
                     LIMIT $1) AS oldest
             WHERE created_at < now() - least(interval '1 day', (approve_by - created_at) / 2)) AS late
    """,
)

STOPPED = Statement(
    "SELECT lane",
    """
    SELECT connection AS name, blocked_reason AS problem, blocked_at AS since,
           coalesce((SELECT ': lockstitch connect '
                       FROM credential
                      WHERE name = connection || '.tokens' AND refused_at IS NOT NULL), blocked_note) AS why
      FROM lane
     WHERE connection = ANY ($1::text[])
       AND blocked_reason IN ('auth', 'account', 'operator')
       AND blocked_until = 'infinity'
     ORDER BY connection
    """,
)

# Consumers whose copies would have removed too much, or that write a record again and again.
HELD = Statement(
    "SELECT consumer",
    """
    SELECT name, paused_for AS problem, paused_at AS since
      FROM consumer
     WHERE name = ANY ($1::text[]) AND paused_at IS NOT NULL
     ORDER BY name
    """,
)

# A throttle is ordinary while it is short; so are a few failures.
HINDERED = Statement(
    "SELECT connection_observation",
    f"""
    SELECT connection AS name, problem, max(why) AS why, min(since) AS since
      FROM (SELECT connection, state AS problem, note AS why, since
              FROM ({observations.CURRENT}) AS observation
             WHERE since < now() - interval '20 seconds'
                OR (state = 'throttled' AND until > now() + interval '20 seconds')
             UNION
            SELECT connection, 'throttled', NULL, blocked_at
              FROM lane
             WHERE blocked_reason = 'throttle'
               AND blocked_until > now()
               AND blocked_until > blocked_at + interval '20 seconds'
             UNION
            SELECT connection, 'webhooks', reason, since
              FROM ({refused_webhooks.REFUSED_NOW}) AS refused
             WHERE alarm) AS each
     WHERE connection = ANY ($1::text[])
     GROUP BY connection, problem
     ORDER BY connection, problem
    """,  # noqa: S608 - no caller's text is in it
)

# Of the vault: those that the configuration names and that have no current version, and those that need a person.
CREDENTIALS = Statement(
    "SELECT credential",
    """
    SELECT name, problem, CASE problem WHEN 'refused' THEN refused_why END AS why,
           CASE problem WHEN 'refused' THEN refused_at
                        WHEN 'expired' THEN expires_at
                        WHEN 'due' THEN due_at
           END AS since
      FROM (SELECT coalesce(credential.name, wanted.name) AS name, refused_why, refused_at, expires_at,
                   current.created_at + max_age AS due_at,
                   CASE WHEN version IS NULL THEN CASE WHEN wanted.name IS NOT NULL THEN 'missing' END
                        WHEN refused_at IS NOT NULL THEN 'refused'
                        WHEN expires_at < now() THEN 'expired'
                        WHEN current.created_at + max_age < now() THEN 'due'
                   END AS problem
              FROM credential
              FULL JOIN unnest($1::text[]) AS wanted (name) ON wanted.name = credential.name
              LEFT JOIN credential_version AS current ON current.credential = credential.name AND state = 'current'
           ) AS each
     WHERE problem IS NOT NULL
     ORDER BY name
    """,
)

# The first ready job of each share of a lane, and the first attempted before: one probe each of its index.
# A blocked lane, or a half-open one that waits for its probe, is slow for an outside reason; with it the alarm would
# change with every probe. A connection that was paused and is configured no more has no other alarm.
LAG = Statement(
    "SELECT job",
    """
    WITH RECURSIVE ring AS (
        (SELECT connection, share, run_at AS due
           FROM job
          WHERE state = 'ready'
          ORDER BY connection, share, run_at
          LIMIT 1)
        UNION ALL
        SELECT next.connection, next.share, next.run_at
          FROM ring
         CROSS JOIN LATERAL (
               SELECT connection, share, run_at
                 FROM job
                WHERE state = 'ready' AND (connection, share) > (ring.connection, ring.share)
                ORDER BY connection, share, run_at
                LIMIT 1) AS next
    ), again AS (
        (SELECT connection, created_at AS due
           FROM job
          WHERE state <> 'behind' AND attempts > (state = 'running')::integer
          ORDER BY connection, created_at
          LIMIT 1)
        UNION ALL
        SELECT next.connection, next.created_at
          FROM again
         CROSS JOIN LATERAL (
               SELECT connection, created_at
                 FROM job
                WHERE state <> 'behind' AND attempts > (state = 'running')::integer AND connection > again.connection
                ORDER BY connection, created_at
                LIMIT 1) AS next
    )
    SELECT waiting.connection, extract(epoch FROM now() - due)::float8 AS lag
      FROM (SELECT connection, due FROM ring UNION ALL SELECT * FROM again) AS waiting
      LEFT JOIN lane ON lane.connection = waiting.connection
     WHERE due < now()
       AND (lane.blocked_until IS NULL
            OR (lane.blocked_until = 'infinity'
                AND lane.connection <> ALL ($1::text[])
                AND NOT starts_with(lane.connection, 'sub_')))
     ORDER BY due
     LIMIT 1
    """,
)

# Subscriptions whose every attempt has failed for longer than until the second one, with the last answer.
UNDELIVERED = Statement(
    "SELECT subscription",
    """
    SELECT id AS name, 'undelivered' AS problem, failing_since AS since, last_error AS why
      FROM subscription
     WHERE state = 'active' AND failing_since < now() - interval '20 seconds'
     ORDER BY failing_since
     LIMIT 20
    """,
)

# Erasures that are not done in an hour, with what they wait for. Each pass takes about a minute for a million values.
UNERASED = Statement(
    "SELECT erasure",
    """
    SELECT id AS name, 'unerased' AS problem, created_at AS since,
           nullif(array_to_string(waits_for[1:3], ', '), '') AS why
      FROM erasure
     WHERE state = 'running' AND created_at < now() - interval '1 hour'
     ORDER BY created_at
     LIMIT 20
    """,
)

TOO_OLD = Statement(
    "SELECT watermark",
    "SELECT connection, object, breached_at FROM watermark WHERE breached_at IS NOT NULL ORDER BY 1, 2",
)

# Two writes with one idempotency key, of the last day.
SENT_TWICE = Statement(
    "SELECT audit_event",
    """
    SELECT subject, facts::json ->> 'by' AS by
      FROM (SELECT * FROM audit_event WHERE type = 'operation.key_taken' ORDER BY type DESC, id DESC LIMIT 20) AS last
     WHERE at > now() - interval '1 day'
     ORDER BY id
    """,
)

WORK = Statement(
    "SELECT job",
    """
    SELECT (SELECT count(*) FROM (SELECT FROM job ORDER BY id LIMIT $1) AS few) AS jobs,
           count(*) FILTER (WHERE seen_at > now() - interval '30 seconds') AS workers,
           extract(epoch FROM now() - max(seen_at))::float8 AS worker_seconds
      FROM heartbeat
     WHERE role = 'worker'
    """,
)


class PostgresAlarmFigures:
    """Reads the figures of the configured `connections` and `consumers`, and of `secrets` that the vault should have.
    The lanes of subscriptions pause and resume by themselves."""

    def __init__(
        self,
        database: Database,
        connections: Collection[str],
        secrets: Collection[str] = (),
        consumers: Collection[str] = (),
    ) -> None:
        self._database = database
        self._connections = list(connections)
        self._secrets = list(secrets)
        self._consumers = list(consumers)

    async def schema_fault(self) -> DatabaseFault | None:
        """Return how the schema differs from this version's. Raises StoreUnavailable."""
        return await schema_fault(self._database)

    async def write_fault(self) -> DatabaseFault | None:
        """Return why nothing can be stored. Raises StoreUnavailable."""
        return await write_fault(self._database)

    async def work(self) -> dict[str, Any]:
        """Return how many `jobs` there are, `workers` that run, and `worker_seconds` since the last heartbeat. Raises
        StoreUnavailable."""
        row = await self._database.fetch_row(WORK, COUNTED_AT_MOST)
        return dict(row or {})

    @property
    def checked(self) -> Mapping[Subject, Sequence[str]]:
        """The names of each kind that `read` reads figures of. Of other kinds it reads all."""
        return {"connection": self._connections, "consumer": self._consumers, "secret": self._secrets}

    async def read(self) -> AlarmFigures:
        """Read the present figures. Raises StoreUnavailable."""
        async with self._database.acquire() as session:
            return await self.read_within(session)

    async def read_within(self, session: Session) -> AlarmFigures:
        """Read the present figures in a session. Raises StoreUnavailable."""
        counts = await session.fetch_row(COUNT, COUNTED_AT_MOST)
        stopped = await session.fetch(STOPPED, self._connections)
        hindered = await session.fetch(HINDERED, self._connections)
        waiting_consumers = await session.fetch(HELD, self._consumers)
        unfinished = [*await session.fetch(UNDELIVERED), *await session.fetch(UNERASED)]
        troubled = await session.fetch(CREDENTIALS, self._secrets)
        lagging = await session.fetch_row(LAG, self._connections)
        too_old = await session.fetch(TOO_OLD)
        sent_twice = await session.fetch(SENT_TWICE)
        assert counts is not None  # noqa: S101 - always one row
        return AlarmFigures(
            **counts,
            troubles=[Trouble(**row) for row in (*stopped, *hindered, *waiting_consumers, *unfinished, *troubled)],
            job_lag=0.0 if lagging is None else lagging["lag"],
            lagging=None if lagging is None else lagging["connection"],
            too_old=[(row["connection"], row["object"], row["breached_at"]) for row in too_old],
            sent_twice=[(row["subject"], row["by"]) for row in sent_twice],
            beats=await heartbeats.read_beats(session),
        )
