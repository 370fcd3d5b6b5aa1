"""What holds up undecided operations: their connection, the jobs before theirs, or their next attempt."""

from typing import Final

from app.postgres.database import Statement

COUNTED: Final = 1000
"""At most this many jobs before one are counted."""

# Each look-up names one row or one key by an index: the job of an operation by its dedupe key, its last attempt, a dead
# letter that blocks its record.
SELECT_DELAYS = Statement(
    "SELECT operation",
    f"""
    SELECT operation.id, lane.blocked_reason AS blocked,
           CASE WHEN lane.blocked_until < 'infinity'
                THEN greatest(0, extract(epoch FROM lane.blocked_until - now()))::float8 END AS blocked_seconds,
           job.state AS job, coalesce(before.ahead, 0)::integer AS ahead,
           greatest(0, extract(epoch FROM job.run_at - now()), extract(epoch FROM operation.due_at - now()))::float8
           AS due_in,
           last.reason AS failed, letter.here IS NOT NULL AS letter
      FROM unnest((SELECT $1::text[])) AS wanted (id)
      JOIN operation ON operation.id = wanted.id
      LEFT JOIN lane ON lane.connection = operation.connection
      LEFT JOIN LATERAL (
           SELECT id, state, run_at, order_key
             FROM job
            WHERE job.kind = 'execute' AND job.connection = operation.connection AND job.dedupe_key = operation.id
            LIMIT 1) AS job ON true
      LEFT JOIN LATERAL (
           SELECT reason
             FROM attempt
            WHERE attempt.job_id = job.id
            ORDER BY number DESC
            LIMIT 1) AS last ON true
      LEFT JOIN LATERAL (
           SELECT true AS here
             FROM dead_letter
            WHERE dead_letter.connection = operation.connection AND dead_letter.order_key = job.order_key
              AND dead_letter.state = 'open' AND dead_letter.dead_head = 'block'
            LIMIT 1) AS letter ON true
      LEFT JOIN LATERAL (
           SELECT count(*) AS ahead
             FROM (SELECT
                     FROM job AS other
                    WHERE other.connection = operation.connection AND other.state = 'ready' AND other.urgent
                      AND (other.run_at, other.id) < (job.run_at, job.id)
                    LIMIT {COUNTED}) AS others) AS before ON job.state = 'ready'
    """,  # noqa: S608 - no caller's text is in it
)
