"""The SQL of operations. Each statement that changes a state audits exactly the rows that it changes, in itself."""

from typing import Final

from app.audit import record
from app.events import statements as events
from app.links import statements as links
from app.postgres.database import Statement

LEASED: Final = "lease_token IS NOT NULL AND due_at > now()"
COLUMNS: Final = f"""
       id, principal, object, action, connection, phase, outcome, attempts, correlation_id, traceparent,
       fingerprint, intent, effect, remote_id, sent_at, answer, problem, created_at, updated_at,
       queued, deferred, redrives, callback,
       {LEASED} AS lease_live,
       coalesce(greatest(extract(epoch FROM due_at - now()), 0), 0)::float8 AS due_in,
       coalesce(extract(epoch FROM clock_timestamp() - sent_at), 0)::float8 AS age_since_sent,
       extract(epoch FROM clock_timestamp() - absent_at)::float8 AS absent_for,
       extract(epoch FROM clock_timestamp() - resent_at)::float8 AS resent_for
"""


def _audited(change: str, *, first: int, result: str = "id", joined: str = "") -> str:
    """Return a statement that changes operations and adds their audit events, the arguments from `$first` on. `joined`
    adds rows of other tables to the result."""
    return f"""
    WITH changed AS (
        {change}
        RETURNING *
    ), noted AS (
        {record.insert_text(first=first, where="EXISTS (SELECT FROM changed)")}
    )
    SELECT {result} FROM changed {joined}
    """  # noqa: S608 - no caller's text is in it


def _leased(condition: str) -> Statement:
    """Return a statement that leases one operation."""
    return Statement(
        "UPDATE operation",
        f"""
        UPDATE operation
           SET lease_token = $2, due_at = now() + $3::interval, attempts = attempts + 1, updated_at = now()
         WHERE id = $1 AND {condition}
        RETURNING {COLUMNS}
        """,  # noqa: S608
    )


# A new operation is leased from the start. A queued one waits for its job and is never due.
INSERT = Statement(
    "INSERT operation",
    _audited(
        """
        INSERT INTO operation (id, principal, idempotency_key, fingerprint, object, action, connection, correlation_id,
                               traceparent, intent, phase, effect, sent_at, lease_token, due_at, callback, queued,
                               attempts, deferred)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
                CASE WHEN $11 = 'sent' THEN now() END, $13::text, now() + coalesce($14::interval, '0'), $15,
                $13::text IS NULL, CASE WHEN $13::text IS NULL THEN 0 ELSE 1 END, $16)
            ON CONFLICT (principal, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
        """,
        first=17,
        result=COLUMNS,
    ),
)

SELECT_BY_KEY = Statement(
    "SELECT operation",
    f"SELECT {COLUMNS} FROM operation WHERE principal = $1 AND idempotency_key = $2",  # noqa: S608
)

SELECT_BY_ID = Statement("SELECT operation", f"SELECT {COLUMNS} FROM operation WHERE id = $1")  # noqa: S608

# An operation past its retention releases its key.
RELEASE_EXPIRED = Statement(
    "UPDATE operation",
    """
    UPDATE operation
       SET idempotency_key = NULL
     WHERE principal = $1
       AND idempotency_key = $2
       AND phase = 'settled'
       AND updated_at < now() - $3::interval
    """,
)

IN_STATE: Final[dict[str | None, str]] = {
    None: "true",
    "queued": f"phase = 'received' AND ({LEASED}) IS NOT TRUE",
    "executing": f"(phase = 'sent' OR phase = 'received' AND {LEASED})",
    "succeeded": "outcome = 'succeeded'",
    "failed": "outcome = 'failed'",
    "unknown": "phase = 'unknown'",
}
"""Public states as SQL conditions."""

# One statement per state, so that rare states use their own index. With `phase = 'settled'` next to an outcome, the
# index of retention would fit too, and would be sorted as a whole for each page.
PAGES: Final = {
    state: Statement(
        "SELECT operation",
        f"""
        SELECT {COLUMNS}
          FROM operation
         WHERE {condition}
           AND object = ANY($1::text[])
           AND ($2::text IS NULL OR id < $2)
         ORDER BY id DESC
         LIMIT $3
        """,  # noqa: S608
    )
    for state, condition in IN_STATE.items()
}

# Only undecided operations are due (a CHECK of the table). Statements about one operation test `due_at`, not the phase:
# the index of due operations would fit the phase as well, and a cached plan might read all of it for one row.
TAKE_OVER = _leased("NOT queued AND due_at <= now()")

# The longest overdue first. Locked rows are skipped, and so are queued ones, which keep an order. While a connection is
# paused its operations wait, also sent ones: reading back asks the vendor.
CLAIM_DUE = Statement(
    "UPDATE operation",
    f"""
    UPDATE operation
       SET lease_token = $1, due_at = now() + $2::interval, attempts = attempts + 1, updated_at = now()
     WHERE id IN (SELECT id
                    FROM operation
                   WHERE phase IN ('received', 'sent')
                     AND NOT queued
                     AND due_at <= now()
                     AND connection <> ALL (ARRAY(SELECT connection FROM lane WHERE blocked_until = 'infinity'))
                   ORDER BY due_at
                   LIMIT $3
                     FOR UPDATE SKIP LOCKED)
    RETURNING {COLUMNS}
    """,  # noqa: S608
)

# The queue decides when. A former owner who may still be working is waited for.
TAKE_QUEUED = _leased("due_at IS NOT NULL AND queued AND (lease_token IS NULL OR due_at <= now())")

DEFER = Statement(
    "UPDATE operation",
    f"""
    UPDATE operation
       SET deferred = true
     WHERE id = $1
       AND due_at IS NOT NULL
       AND NOT deferred
    RETURNING {COLUMNS}
    """,  # noqa: S608
)

# Its job has ended and its callback is sent. From here on it is decided like a direct write.
REOPEN = Statement(
    "UPDATE operation",
    _audited(
        """
        UPDATE operation
           SET phase = 'sent', queued = false, callback = NULL, lease_token = $2, due_at = now() + $3::interval,
               attempts = attempts + 1, updated_at = now()
         WHERE id = $1
           AND phase = 'unknown'
        """,
        first=4,
        result=COLUMNS,
    ),
)

MARK_SENT = Statement(
    "UPDATE operation",
    _audited(
        """
        UPDATE operation
           SET phase = 'sent', effect = $3, remote_id = coalesce($4, remote_id), intent = coalesce($5, intent),
               sent_at = now(), due_at = now() + $6::interval, updated_at = now(), absent_at = NULL,
               resent_at = CASE WHEN $7 THEN now() ELSE resent_at END
         WHERE id = $1 AND lease_token = $2 AND due_at IS NOT NULL
        """,
        first=8,
        result=f"sent_at, {events.SEEN_COLUMNS}",
        joined="LEFT JOIN record_state USING (object, connection, remote_id)",
    ),
)

NOTE_REMOTE_ID = Statement(
    "UPDATE operation",
    """
    UPDATE operation
       SET remote_id = $3, updated_at = now()
     WHERE id = $1 AND lease_token = $2 AND phase = 'sent'
    RETURNING id
    """,
)

# `$5`: the vendor's list lacks the record.
POSTPONE = Statement(
    "UPDATE operation",
    _audited(
        """
        UPDATE operation
           SET phase = CASE WHEN $4 THEN phase ELSE 'received' END,
               absent_at = CASE WHEN $5 THEN coalesce(absent_at, now()) ELSE absent_at END,
               lease_token = NULL, due_at = now() + make_interval(secs => $3), updated_at = now()
         WHERE id = $1 AND lease_token = $2 AND due_at IS NOT NULL
        """,
        first=6,
    ),
)

# `$7`: always record the answer. Otherwise record it only for a deferred operation, if there is one.
_SETTLE: Final = """
        UPDATE operation
           SET phase = 'settled', outcome = $3, answer = CASE WHEN $7 OR deferred THEN $4::bytea END, problem = $5,
               remote_id = coalesce($6, remote_id),
               idempotency_key = CASE WHEN $7 OR (deferred AND $4 IS NOT NULL) THEN idempotency_key END,
               lease_token = NULL, due_at = NULL, updated_at = now()
"""


def _settled(condition: str, *, first: int, result: str) -> str:
    """Return a statement that settles an operation, keeps the state of its record, links a new one, and appends and
    audits its Event. Its arguments from `$first` on are those of the audit, then those of `Publication`.

    It changes nothing if there is a state to keep and the last-seen one is not the one that it was compared with.
    """
    state = first + record.ARGUMENTS
    event = state + len(events.STATE_ARGUMENTS)
    return f"""
    WITH due AS (
        SELECT *
          FROM operation
         WHERE id = $1 AND lease_token = $2 AND due_at IS NOT NULL AND {condition}
           FOR NO KEY UPDATE
    ), kept AS (
        {events.keep_text(first=state, source="due", single=True)}
    ), changed AS (
        {_SETTLE}
         WHERE id = (SELECT id FROM due)
           AND ((SELECT ${state}::text) IS NULL OR EXISTS (SELECT FROM kept))
        RETURNING *
    ), {links.new_record_text(first=event + len(events.EVENT_ARGUMENTS), source="changed")}, new AS (
        {events.new_text(first=event, source="changed", single=True)}
    ), appended AS (
        {events.APPEND}
    ), noted AS (
        {record.insert_text(first=first, where="EXISTS (SELECT FROM changed)", rows=events.ENTRIES)}
    )
    {result}
    """  # noqa: S608 - no caller's text is in it


# The end of a write whose caller waits for it, and whose Event nobody has subscribed to: nothing to deliver.
SETTLE_UNANNOUNCED = Statement(
    "UPDATE operation",
    _settled(
        "NOT (queued OR deferred) AND callback IS NULL AND "
        + events.unwanted_text(first=8 + record.ARGUMENTS + len(events.STATE_ARGUMENTS)),
        first=8,
        result="SELECT id FROM changed",
    ),
)

# Any other end. `$8`: also settle a deferred operation. A row for each subscription that wants the Event, or one.
SETTLE_ANNOUNCED = Statement(
    "UPDATE operation",
    _settled(
        "($8 OR NOT deferred)",
        first=9,
        result=f"""
        SELECT settled.*, told.*
          FROM (SELECT {COLUMNS} FROM changed) AS settled
          LEFT JOIN ({events.WANTED}) AS told ON true
         ORDER BY told.subscription
        """,  # noqa: S608
    ),
)

HELD = Statement("SELECT operation", "SELECT true FROM operation WHERE id = $1 AND lease_token = $2")

REVISE = Statement(
    "UPDATE operation",
    """
    UPDATE operation
       SET intent = $3
     WHERE id = $1 AND lease_token = $2 AND phase = 'received'
    RETURNING id
    """,
)

MARK_UNKNOWN = Statement(
    "UPDATE operation",
    _audited(
        """
        UPDATE operation
           SET phase = 'unknown', problem = $3, lease_token = NULL, due_at = NULL, updated_at = now()
         WHERE id = $1 AND lease_token = $2 AND phase = 'sent'
        """,
        first=4,
        result=COLUMNS,
    ),
)

FORGET = Statement(
    "DELETE operation",
    _audited(
        """
        DELETE FROM operation
         WHERE id = $1 AND lease_token = $2 AND due_at IS NOT NULL AND phase <> 'sent' AND NOT (queued OR deferred)
        """,
        first=3,
    ),
)

# The callback was sent with the first decision (unknown). If the write did not happen, the key is released, so that the
# caller can retry.
RESOLVE = Statement(
    "UPDATE operation",
    f"""
    UPDATE operation
       SET phase = 'settled', outcome = $2, answer = $3, problem = $4, remote_id = coalesce($5, remote_id),
           idempotency_key = CASE WHEN $2 = 'succeeded' THEN idempotency_key END,
           callback = NULL, updated_at = now()
     WHERE id = $1 AND phase = 'unknown'
    RETURNING {COLUMNS}
    """,  # noqa: S608
)

LOCK_UPSERT = Statement(
    "UPDATE operation",
    """
    UPDATE operation
       SET upsert_digest = $3, copy_of = $4
     WHERE id = $1 AND lease_token = $2 AND due_at IS NOT NULL
    RETURNING id
    """,
)

# Done, or sent with its record known.
TAKEN = Statement(
    "SELECT operation",
    """
    SELECT EXISTS (
           SELECT FROM operation
            WHERE connection = $1 AND remote_id = $3 AND object IN ('comment', 'ticket') AND object = $2
              AND outcome = 'succeeded' AND id <> $4)
        OR EXISTS (
           SELECT FROM operation
            WHERE connection = $1 AND object = $2 AND remote_id = $3
              AND phase = 'sent' AND due_at IS NOT NULL AND id <> $4)
    """,
)

# Also by a former id of the record.
UNKNOWN_COPY = Statement(
    "SELECT operation",
    """
    SELECT id
      FROM operation
     WHERE connection = $1 AND object = $2 AND phase = 'unknown'
       AND copy_of = ANY (ARRAY(SELECT alias FROM link_alias WHERE canonical_id = $3) || $3::text)
     LIMIT 1
    """,
)
