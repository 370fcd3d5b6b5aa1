"""SQL of subscriptions, their secrets, and what is left of a deleted one."""

from typing import Final

from app.audit import record
from app.postgres.database import Statement

# The scopes of a principal's valid keys.
PRINCIPAL_SCOPES: Final = """
       ARRAY(SELECT DISTINCT unnest(api_key.scopes)
               FROM api_key
              WHERE api_key.principal = {principal}
                AND api_key.revoked_at IS NULL
                AND (api_key.expires_at IS NULL OR api_key.expires_at > now()))
"""

COLUMNS: Final = f"""
       id, principal, target_url, events, connection, fields, changed, state, disabled_reason, disabled_at,
       failing_since, failures, last_error, created_at,
       CASE WHEN state = 'active' AND failing_since IS NOT NULL THEN disabled_at_latest END AS disabled_at_latest,
       CASE WHEN state = 'active' AND failing_since IS NOT NULL
            THEN (SELECT greatest(min(due.run_at),
                                  (SELECT blocked_until FROM lane WHERE connection = subscription.id))
                    FROM generate_series(0, 3) AS one (share)
                   CROSS JOIN LATERAL (SELECT run_at
                                         FROM job
                                        WHERE connection = subscription.id AND state = 'ready' AND job.share = one.share
                                        ORDER BY run_at
                                        LIMIT 1) AS due) END AS next_attempt,
       {PRINCIPAL_SCOPES.format(principal="subscription.principal")} AS principal_scopes
"""  # noqa: S608 - no caller's text is in it

# The lock of `wanted_by`, exclusive to a new subscription. Later requests queue behind this one, and a transaction that
# holds the lock may wait for one of them. PostgreSQL sorts that out only after `deadlock_timeout`, a second. So the
# subscription leaves the queue sooner, lets them pass, and tries again.
APPENDING: Final = int.from_bytes(b"eventadd")
BEHIND_APPENDS = Statement(
    "SELECT subscription",
    f"""
    SELECT set_config('lock_timeout', '50ms', true), pg_advisory_xact_lock({APPENDING}),
           set_config('lock_timeout', '0', true)
    """,
)

INSERT = Statement(
    "INSERT subscription",
    f"""
    INSERT INTO subscription (id, principal, target_url, events, connection, fields, changed, digest)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    RETURNING {COLUMNS}
    """,  # noqa: S608 - no caller's text is in it
)

OPEN_LANE = Statement(
    "INSERT lane",
    "INSERT INTO lane (connection, concurrency) VALUES ($1, $2) ON CONFLICT (connection) DO NOTHING",
)

SELECT_PAGE = Statement(
    "SELECT subscription",
    f"""
    SELECT {COLUMNS}
      FROM subscription
     WHERE $1::text IS NULL OR id < $1
     ORDER BY id DESC
     LIMIT $2
    """,  # noqa: S608
)

# A subscription that was deleted meanwhile counts as one without trouble.
SELECT_TROUBLED = Statement(
    "SELECT subscription",
    f"""
    WITH ranked AS (
        SELECT id AS listed,
               CASE WHEN state = 'disabled' OR failing_since IS NOT NULL THEN 0
                    WHEN EXISTS (SELECT FROM dead_letter
                                  WHERE connection = subscription.id AND kind = 'deliver'
                                    AND dead_letter.state = 'open') THEN 1
                    ELSE 2 END AS place
          FROM subscription
    ), page AS (
        SELECT listed, place
          FROM ranked
         WHERE $1::text IS NULL
            OR (place, $1) > (coalesce((SELECT place FROM ranked WHERE listed = $1), 2), listed)
         ORDER BY place, listed DESC
         LIMIT $2
    )
    SELECT {COLUMNS} FROM page JOIN subscription ON id = listed ORDER BY place, listed DESC
    """,  # noqa: S608
)

SELECT_EQUAL = Statement(
    "SELECT subscription",
    f"SELECT {COLUMNS} FROM subscription WHERE principal = $1 AND digest = $2 ORDER BY id LIMIT 1",  # noqa: S608
)

SELECT_BY_ID = Statement("SELECT subscription", f"SELECT {COLUMNS} FROM subscription WHERE id = $1")  # noqa: S608

IS_DISABLED = Statement("SELECT subscription", "SELECT state = 'disabled' FROM subscription WHERE id = $1")

LOCK = Statement("SELECT subscription", "SELECT id FROM subscription WHERE id = $1 FOR NO KEY UPDATE")

INSERT_SECRET = Statement(
    "INSERT subscription_secret",
    "INSERT INTO subscription_secret (subscription, secret, created_at) VALUES ($1, $2, clock_timestamp())",
)

SELECT_SECRETS = Statement(
    "SELECT subscription_secret",
    """
    SELECT secret, not_after
      FROM subscription_secret
     WHERE subscription = $1 AND (not_after IS NULL OR not_after > now())
     ORDER BY created_at DESC
    """,
)

# Remove ended secrets, and the oldest of the others: each one makes every signature longer.
RETIRE_SECRETS = Statement(
    "UPDATE subscription_secret",
    """
    WITH kept AS (
        SELECT created_at
          FROM subscription_secret
         WHERE subscription = $1 AND (not_after IS NULL OR not_after > now())
         ORDER BY created_at DESC
         LIMIT $3
    ), gone AS (
        DELETE FROM subscription_secret
         WHERE subscription = $1 AND created_at NOT IN (SELECT created_at FROM kept)
    )
    UPDATE subscription_secret
       SET not_after = now() + make_interval(secs => $2)
     WHERE subscription = $1 AND not_after IS NULL AND created_at IN (SELECT created_at FROM kept)
    """,
)

ENABLE = Statement(
    "UPDATE subscription",
    """
    UPDATE subscription
       SET state = 'active', disabled_at = NULL, disabled_reason = NULL, failing_since = NULL, failures = 0,
           last_error = NULL, principal = $2
     WHERE id = $1 AND (state = 'disabled' OR failing_since IS NOT NULL)
    """,
)

HURRY = Statement(
    "UPDATE job",
    "UPDATE job SET run_at = now() WHERE connection = $1 AND state = 'ready' AND run_at > now()",
)

DISABLE = Statement(
    "UPDATE subscription",
    """
    UPDATE subscription
       SET state = 'disabled', disabled_at = now(), disabled_reason = $3
     WHERE id = $1 AND state = 'active' AND failing_since <= now() - make_interval(secs => $2)
    """,
)

DISABLE_AT_ONCE = Statement(
    "UPDATE subscription",
    """
    UPDATE subscription
       SET state = 'disabled', disabled_at = now(), disabled_reason = $2
     WHERE id = $1 AND state = 'active'
    """,
)

NOTE_FAILURE = Statement(
    "UPDATE subscription",
    """
    UPDATE subscription
       SET failing_since = coalesce(failing_since, now()), failures = failures + 1, last_error = $2,
           disabled_at_latest = coalesce(failing_since, now()) + make_interval(secs => $3)
     WHERE id = $1
    RETURNING state
    """,
)

DELETE = Statement("DELETE subscription", "DELETE FROM subscription WHERE id = $1")

# A locked delivery is ending now, in a batch that also locks others of the subscription: waiting for it could deadlock.
# If it stays pending, its next attempt drops it.
DROP_DELIVERIES = Statement(
    "UPDATE delivery",
    """
    UPDATE delivery
       SET state = 'dropped', ended_at = now()
     WHERE id = ANY (ARRAY(
           SELECT id FROM delivery WHERE subscription = $1 AND state = 'pending' FOR NO KEY UPDATE SKIP LOCKED))
    """,
)

# They find their deliveries dropped. A locked job is at work or ends, so it is not waited for.
HURRY_DROPPED = Statement(
    "UPDATE job",
    """
    UPDATE job
       SET run_at = now()
     WHERE id = ANY (ARRAY(
           SELECT id FROM job
            WHERE connection = $1 AND state = 'ready' AND run_at > now()
              FOR NO KEY UPDATE SKIP LOCKED))
    """,
)

DISCARDED: Final = """
    SELECT 'job.discarded', 'job_' || job_id, $2::text, correlation_id,
           format('{"connection":%s,"dead_letter":%s,"kind":%s}', to_json(connection), to_json(id), to_json(kind))
      FROM discarded
"""

# They block no later job, so their keys need no lock. A locked one is being redriven, and its next attempt drops it.
DISCARD_LETTERS = Statement(
    "UPDATE dead_letter",
    f"""
    WITH discarded AS (
        UPDATE dead_letter
           SET state = 'discarded', closed_at = now(), closed_by = $2, closed_reason = 'its subscription was deleted'
         WHERE id = ANY (ARRAY(
               SELECT id FROM dead_letter
                WHERE connection = $1 AND kind = 'deliver' AND state = 'open'
                  FOR UPDATE SKIP LOCKED))
        RETURNING id, job_id, kind, connection, correlation_id
    )
    {record.insert_text(rows=DISCARDED)}
    """,  # noqa: S608
)

# A deletion waits for this lock. This does not wait for a deletion, which may wait for the lane of the dead job.
HOLD = Statement("SELECT subscription", "SELECT id FROM subscription WHERE id = $1 FOR KEY SHARE SKIP LOCKED")

# A lane without a row has the defaults.
DELETE_LANE = Statement("DELETE lane", "DELETE FROM lane WHERE connection = $1")
