"""The statements on `credential` and `credential_version`."""

from typing import Final

from app.postgres.database import Statement

CHANNEL: Final = "lockstitch_credential"
"""Notified, without a payload, by every transaction that changes a credential."""

NOTIFY: Final = Statement("SELECT pg_notify", f"SELECT pg_notify('{CHANNEL}', '')")

SELECT_LIVE: Final = Statement(
    "SELECT credential",
    """
    SELECT name, kind, max_age, sent_version, refused_at, refused_why,
           version, state, payload, expires_at, accepted_until, live.created_at, changed_at
      FROM credential
      JOIN credential_version AS live ON live.credential = credential.name
     WHERE state <> 'revoked'
     ORDER BY name, version
    """,
)

SELECT_ALL: Final = Statement(
    "SELECT credential",
    """
    SELECT name, kind, version, state, expires_at, accepted_until, each.created_at, changed_at,
           CASE WHEN state = 'current' THEN each.created_at + max_age END AS due_at,
           (SELECT max(used_at) FROM last_use WHERE subject = 'vault:' || name || '#' || version) AS last_used_at
      FROM credential
      JOIN credential_version AS each ON each.credential = credential.name
     ORDER BY name, version
    """,
)

CREATE: Final = Statement(
    "INSERT credential",
    """
    INSERT INTO credential (name, kind, max_age)
    VALUES ($1, $2, $3)
        ON CONFLICT (name) DO UPDATE SET max_age = excluded.max_age WHERE excluded.max_age IS NOT NULL
    """,
)

# Every change of a credential locks its row first.
LOCK: Final = Statement("SELECT credential", "SELECT kind, lease_token FROM credential WHERE name = $1 FOR UPDATE")

# A statement of its own: one that waited for the lock would still see the versions from before its wait.
SELECT_STATES: Final = Statement(
    "SELECT credential_version",
    "SELECT state, version FROM credential_version WHERE credential = $1 AND state <> 'revoked'",
)

NEXT_NUMBER: Final = Statement(
    "UPDATE credential", "UPDATE credential SET versions = versions + 1 WHERE name = $1 RETURNING versions"
)

INSERT_VERSION: Final = Statement(
    "INSERT credential_version",
    """
    INSERT INTO credential_version (credential, version, state, payload, expires_at)
    VALUES ($1, $2, $3, $4, $5)
    """,
)

# A value that is no longer used is not kept.
REVOKE: Final = Statement(
    "UPDATE credential_version",
    """
    UPDATE credential_version
       SET state = 'revoked', payload = NULL, accepted_until = NULL, changed_at = now()
     WHERE credential = $1 AND version = ANY ($2::integer[]) AND state <> 'revoked'
    RETURNING version
    """,
)

MOVE: Final = Statement(
    "UPDATE credential_version",
    """
    UPDATE credential_version
       SET state = $3, accepted_until = now() + $4::interval, changed_at = now()
     WHERE credential = $1 AND version = $2
    """,
)

# A grant is refreshed every hour for years.
FORGET_REVOKED: Final = Statement(
    "DELETE credential_version",
    "DELETE FROM credential_version WHERE credential = $1 AND state = 'revoked' AND version < $2 - 20",
)

SETTLE_REFRESH: Final = Statement(
    "UPDATE credential",
    """
    UPDATE credential
       SET lease_token = NULL, lease_until = NULL, sent_version = NULL, refused_at = NULL, refused_why = NULL
     WHERE name = $1
    """,
)

# $4: a lease whose holder is gone.
LEASE: Final = Statement(
    "UPDATE credential",
    """
    UPDATE credential
       SET lease_token = $2, lease_until = now() + make_interval(secs => $3)
     WHERE name = $1 AND (lease_until IS NULL OR lease_until < now() OR lease_token = $4)
    """,
)

# The holder keeps this lock in an open transaction that writes nothing, so it holds up neither the feed nor a vacuum.
# It ends with the process, also after kill -9. The lock is taken before the lease.
HOLD: Final = Statement("SELECT credential", "SELECT pg_advisory_xact_lock(hashtextextended($1::uuid::text, 0))")

STILL_HOLD: Final = Statement("SELECT credential", "SELECT 1")

# Shared, so that two who look at once do not take each other for the holder.
GONE_HOLDER: Final = Statement(
    "SELECT credential",
    """
    SELECT lease_token
      FROM credential
     WHERE name = $1
       AND lease_token IS NOT NULL
       AND pg_try_advisory_xact_lock_shared(hashtextextended(lease_token::text, 0))
    """,
)

RELEASE: Final = Statement(
    "UPDATE credential",
    """
    UPDATE credential
       SET lease_token = NULL, lease_until = NULL, sent_version = CASE WHEN NOT $3 THEN sent_version END
     WHERE name = $1 AND lease_token = $2
    """,
)

MARK_SENT: Final = Statement(
    "UPDATE credential",
    """
    UPDATE credential SET sent_version = $3
     WHERE name = $1 AND lease_token = $2
       AND EXISTS (SELECT FROM credential_version WHERE credential = name AND version = $3 AND state = 'current')
    """,
)

REFUSE: Final = Statement(
    "UPDATE credential",
    """
    UPDATE credential
       SET refused_at = now(), refused_why = $3, lease_token = NULL, lease_until = NULL
     WHERE name = $1 AND refused_at IS NULL
       AND EXISTS (SELECT FROM credential_version WHERE credential = name AND version = $2 AND state = 'current')
    """,
)
