"""The SQL of operations. Each statement that changes a state audits exactly the rows that it changes, in itself."""

from typing import Final

from app.api_keys.statements import NEWEST_NAME
from app.audit import record
from app.events import statements as events
from app.links import statements as links
from app.postgres.database import NamedStatement, Statement
from app.postgres.listen import CHANNEL

LEASED: Final = "lease_token IS NOT NULL AND due_at > now()"
COLUMNS: Final = f"""
       id, principal, idempotency_key, object, action, connection, phase, outcome, attempts, correlation_id,
       traceparent, fingerprint, intent, effect, remote_id, sent_at, answer, problem, created_at, updated_at,
       queued, deferred, redrives, callback, approval, approve_by, approval_details,
       {LEASED} AS lease_live,
       coalesce(greatest(extract(epoch FROM due_at - now()), 0), 0)::float8 AS due_in,
       extract(epoch FROM clock_timestamp() - CASE phase WHEN 'sent' THEN sent_at ELSE updated_at END)::float8 AS age,
       extract(epoch FROM clock_timestamp() - absent_at)::float8 AS absent_for,
       extract(epoch FROM clock_timestamp() - resent_at)::float8 AS resent_for
"""


def _audited(change: str, *, returning: str = "id", result: str = "SELECT * FROM changed") -> str:
    """Return a `NamedStatement` that changes an operation and adds its audit event. `result` reads what `returning` has
    in `changed`."""
    return f"""
    WITH changed AS (
        {change}
        RETURNING {returning}
    ), noted AS (
        {record.insert_one(source="changed")}
    )
    {result}
    """


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
INSERT = NamedStatement(
    "INSERT operation",
    _audited(
        """
        INSERT INTO operation (id, principal, idempotency_key, fingerprint, object, action, connection, correlation_id,
                               traceparent, intent, phase, effect, sent_at, lease_token, due_at, callback, queued,
                               attempts, deferred)
        VALUES (:id, :principal, :key, :fingerprint, :object, :action, :connection, :correlation_id, :traceparent,
                :intent, :phase, :effect, CASE WHEN :phase = 'sent' THEN now() END, :token,
                now() + coalesce(:lease::interval, '0'), :callback, :token::text IS NULL,
                CASE WHEN :token::text IS NULL THEN 0 ELSE 1 END, :deferred)
            ON CONFLICT (principal, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
        """,
        returning="created_at, sent_at",
    ),
)

SELECT_BY_KEY = Statement(
    "SELECT operation",
    f"SELECT {COLUMNS} FROM operation WHERE principal = $1 AND idempotency_key = $2",  # noqa: S608
)

SELECT_BY_ID = Statement("SELECT operation", f"SELECT {COLUMNS} FROM operation WHERE id = $1")  # noqa: S608

SELECT_PROBLEMS = Statement(
    "SELECT operation", "SELECT id, problem FROM operation WHERE id = ANY ($1::text[]) AND problem IS NOT NULL"
)

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
    "approval": "approval = 'waiting'",
}
"""Public states as SQL conditions; `approval` are the queued ones that wait for a person."""


def _pages(visible: str) -> dict[str | None, Statement]:
    """Return a statement per state, so that rare states use their own index. `visible` is what the caller may see.

    With `phase = 'settled'` next to an outcome, the index of retention would fit too, and would be sorted as a whole
    for each page.
    """
    return {
        state: Statement(
            "SELECT operation",
            f"""
            SELECT {COLUMNS}
              FROM operation
             WHERE {condition}
               AND {visible}
               AND ($2::text IS NULL OR id < $2)
             ORDER BY id DESC
             LIMIT $3
            """,  # noqa: S608
        )
        for state, condition in IN_STATE.items()
    }


PAGES: Final = _pages("(object = ANY($1::text[]) OR $4 AND approval IS NOT NULL)")

# For a key that only approves: few operations need an approval, so the others are not read.
APPROVAL_PAGES: Final = _pages("approval IS NOT NULL AND $1::text[] IS NOT NULL AND $4")

# Only undecided operations are due (a CHECK of the table). Statements about one operation test `due_at`, not the phase:
# the index of due operations would fit the phase as well, and a cached plan might read all of it for one row.
TAKE_OVER = _leased("NOT queued AND due_at <= now()")

# The longest overdue first. Locked rows are skipped, and so are queued ones, which keep an order. While a connection is
# paused its operations wait, also sent ones: reading back asks the vendor.
CONTINUED: Final = """
    phase IN ('received', 'sent')
    AND NOT queued
    AND connection <> ALL (ARRAY(SELECT connection FROM lane WHERE blocked_until = 'infinity'))
"""

DUE_IN = Statement(
    "SELECT operation",
    f"""
    SELECT coalesce(extract(epoch FROM min(due_at) - now())::float8, 'Infinity') FROM operation WHERE {CONTINUED}
    """,  # noqa: S608
)

CLAIM_DUE = Statement(
    "UPDATE operation",
    f"""
    UPDATE operation
       SET lease_token = $1, due_at = now() + $2::interval, attempts = attempts + 1, updated_at = now()
     WHERE id = ANY (ARRAY(
           SELECT id
             FROM operation
            WHERE {CONTINUED} AND due_at <= now()
            ORDER BY due_at
            LIMIT $3
              FOR UPDATE SKIP LOCKED))
    RETURNING {COLUMNS}
    """,  # noqa: S608
)

# The queue decides when. A former owner who may still be working is waited for. Without an approval that it needs, no
# one may execute it.
TAKE_QUEUED = _leased(
    "due_at IS NOT NULL AND queued AND (lease_token IS NULL OR due_at <= now()) AND approval IS DISTINCT FROM 'waiting'"
)

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
REOPEN = NamedStatement(
    "UPDATE operation",
    _audited(
        """
        UPDATE operation
           SET phase = 'sent', queued = false, callback = NULL, lease_token = :token,
               due_at = now() + :lease::interval, attempts = attempts + 1, updated_at = now()
         WHERE id = :id
           AND phase = 'unknown'
        """,
        returning=COLUMNS,
    ),
)

MARK_SENT = NamedStatement(
    "UPDATE operation",
    _audited(
        """
        UPDATE operation
           SET phase = 'sent', effect = :effect, remote_id = coalesce(:remote_id, remote_id),
               intent = coalesce(:intent, intent), sent_at = now(), due_at = now() + :lease::interval,
               updated_at = now(), absent_at = NULL, resent_at = CASE WHEN :anew THEN now() ELSE resent_at END
         WHERE id = :id AND lease_token = :token AND due_at IS NOT NULL
        """,
        returning="object, connection, remote_id, sent_at",
        result=f"""
        SELECT sent_at, {events.SEEN_COLUMNS}
          FROM changed
          LEFT JOIN record_state USING (object, connection, remote_id)
        """,  # noqa: S608
    ),
)

NOTE_REMOTE_ID = NamedStatement(
    "UPDATE operation",
    """
    UPDATE operation
       SET remote_id = :remote_id, updated_at = now()
     WHERE id = :id AND lease_token = :token AND phase = 'sent'
    RETURNING id
    """,
)

# `:absent`: the vendor's list lacks the record. A worker may have to continue before it would ask what is due.
POSTPONE = NamedStatement(
    "UPDATE operation",
    _audited(
        """
        UPDATE operation
           SET phase = CASE WHEN :sent THEN phase ELSE 'received' END,
               absent_at = CASE WHEN :absent THEN coalesce(absent_at, now()) ELSE absent_at END,
               lease_token = NULL, due_at = now() + make_interval(secs => :seconds), updated_at = now()
         WHERE id = :id AND lease_token = :token AND due_at IS NOT NULL
        """,
        result=f"SELECT id, (SELECT pg_notify('{CHANNEL}', '')) FROM changed",  # noqa: S608
    ),
)


def _settled(condition: str, *, returning: str, result: str) -> NamedStatement:
    """Return the statement that settles an operation, keeps the state of its record, links a new one, and appends its
    Event, all audited.

    It changes nothing if there is a state to keep and the last-seen one is not the one that it was compared with.
    `:keeps_answer`: always record the answer. Otherwise record it only for a deferred operation, if there is one.
    """
    return NamedStatement(
        "UPDATE operation",
        f"""
    WITH due AS (
        SELECT id
          FROM operation
         WHERE id = :id AND lease_token = :token AND due_at IS NOT NULL AND {condition}
           FOR NO KEY UPDATE
    ), kept AS (
        {events.keep_text(events.ONE_STATE, source="due")}
    ), changed AS (
        UPDATE operation
           SET phase = 'settled', outcome = :outcome,
               answer = CASE WHEN :keeps_answer OR deferred THEN :answer::bytea END, problem = :problem,
               remote_id = coalesce(:remote_id, remote_id),
               idempotency_key = CASE WHEN :keeps_answer OR (deferred AND :answer IS NOT NULL) THEN idempotency_key END,
               lease_token = NULL, due_at = NULL, failure_keys = NULL, updated_at = now()
         WHERE id = (SELECT id FROM due)
           AND ((SELECT :state_object::text) IS NULL OR EXISTS (SELECT FROM kept))
        RETURNING {returning}
    ), {links.new_record_text(links.ONE_NEW_RECORD, source="changed")}, new AS (
        {events.new_text(events.ONE_EVENT, source="changed")}
    ), appended AS (
        {events.APPEND}
    ), noted AS (
        {record.insert_one(source="changed", rows=events.ENTRIES)}
    )
    {result}
    """,  # noqa: S608
    )


# The end of a write whose caller waits for it, and whose Event nobody has subscribed to: nothing to deliver.
SETTLE_UNANNOUNCED = _settled(
    f"NOT (queued OR deferred) AND callback IS NULL AND {events.UNWANTED}",
    returning="id",
    result="SELECT id FROM changed",
)

# Any other end. A row for each subscription that wants the Event, or one.
SETTLE_ANNOUNCED = _settled(
    "(:also_deferred OR NOT deferred)",
    returning=COLUMNS,
    result=f"""
    SELECT changed.*, told.*
      FROM changed
      LEFT JOIN ({events.WANTED}) AS told ON true
     ORDER BY told.subscription
    """,  # noqa: S608
)

HELD = Statement("SELECT operation", "SELECT true FROM operation WHERE id = $1 AND lease_token = $2")

REVISE = NamedStatement(
    "UPDATE operation",
    """
    UPDATE operation
       SET intent = :intent
     WHERE id = :id AND lease_token = :token AND phase = 'received'
    RETURNING id
    """,
)

MARK_UNKNOWN = NamedStatement(
    "UPDATE operation",
    _audited(
        """
        UPDATE operation
           SET phase = 'unknown', problem = :problem, lease_token = NULL, due_at = NULL, updated_at = now()
         WHERE id = :id AND lease_token = :token AND phase = 'sent'
        """,
        returning=COLUMNS,
    ),
)

FORGET = NamedStatement(
    "DELETE operation",
    _audited(
        """
        DELETE FROM operation
         WHERE id = :id AND lease_token = :token AND due_at IS NOT NULL AND phase <> 'sent'
           AND NOT (queued OR deferred)
        """
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
           callback = NULL, failure_keys = CASE WHEN $2 = 'failed' THEN failure_keys END, updated_at = now()
     WHERE id = $1 AND phase = 'unknown'
    RETURNING {COLUMNS}
    """,  # noqa: S608
)

RESOLVED_BY = Statement(
    "SELECT audit_event",
    f"""
    SELECT coalesce(({NEWEST_NAME.format("audit_event.actor")}), actor) AS by, at
      FROM audit_event
     WHERE subject = $1 AND type = 'operation.resolved'
     ORDER BY id DESC
     LIMIT 1
    """,  # noqa: S608 - no caller's text is in it
)

LOCK_UPSERT = Statement(
    "UPDATE operation",
    """
    UPDATE operation
       SET upsert_digest = $3, copy_of = $4, copied_pair = $5
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
