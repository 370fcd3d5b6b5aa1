"""Adopt a database that was copied from another environment, in one transaction.

Nothing of the other environment goes on by itself: no credential is kept, no connection is called, no work is done
before an operator decides. Records, links and the audit trail stay.
"""

from collections.abc import Mapping
from typing import Final

from app.audit import record
from app.errors import Complaint
from app.http.plurals import counted
from app.postgres.database import Database, Statement, Transaction
from app.postgres.environment_stamp import LOCK, SELECT
from app.queue.lanes import NOTIFY
from app.queue.models import NOT_CONNECTIONS

# It changes nothing if another adoption or a renaming was faster. No key with a former name is left.
RENAME = Statement(
    "UPDATE environment", "UPDATE environment SET name = $1, former = '{}', stamped_at = now() WHERE name = $2"
)

DROP_DELIVERIES = Statement(
    "UPDATE delivery", "UPDATE delivery SET state = 'dropped', ended_at = now() WHERE state = 'pending'"
)
DISCARD_DELIVERIES = Statement(
    "UPDATE dead_letter",
    """
    UPDATE dead_letter
       SET state = 'discarded', closed_at = now(), closed_by = 'lockstitch', closed_reason = 'adopted'
     WHERE kind = 'deliver' AND state = 'open'
    """,
)
DROP_CALLBACKS = Statement("UPDATE operation", "UPDATE operation SET callback = NULL WHERE callback IS NOT NULL")
DROP_DELIVERY_JOBS = Statement("DELETE job", "DELETE FROM job WHERE kind = 'deliver'")
# Those of deliveries and of internal work are no operator's to resume.
DELETE_LANES = Statement(
    "DELETE lane",
    "DELETE FROM lane WHERE (SELECT bool_or(starts_with(connection, start)) FROM unnest($1::text[]) start)",
)

# A dead letter waits for a person, who redrives or discards it; a queued job would run when its connection is resumed.
# The payload moves sealed, as in `queue.bury`. The time makes ids sort like others.
PARK_JOBS = Statement(
    "INSERT dead_letter",
    """
    WITH gone AS (DELETE FROM job RETURNING *)
    INSERT INTO dead_letter (id, job_id, kind, connection, order_key, dedupe_key, attempts, dead_head, payload,
                             correlation_id, traceparent, origin, enqueued_at, category, reason)
    SELECT 'dl_' || lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0')
                 || substr(replace(gen_random_uuid()::text, '-', ''), 13),
           id, kind, connection, order_key, dedupe_key, attempts, 'skip', payload, correlation_id, traceparent, origin,
           created_at, 'permanent', $1
      FROM gone
    """,
)

# No one has approved them here. As unknown ones, an operator's check could send them.
END_APPROVALS = Statement(
    "UPDATE operation",
    """
    UPDATE operation
       SET phase = 'settled', outcome = 'failed', approval = 'expired', idempotency_key = NULL, due_at = NULL,
           updated_at = now()
     WHERE approval = 'waiting'
    """,
)

# Whether the other environment has sent it since the copy is not known here.
PARK_OPERATIONS = Statement(
    "UPDATE operation",
    """
    UPDATE operation
       SET phase = 'unknown', sent_at = coalesce(sent_at, created_at), lease_token = NULL, due_at = NULL,
           updated_at = now()
     WHERE phase IN ('received', 'sent')
    """,
)

PAUSE = Statement(
    "UPDATE lane",
    """
    UPDATE lane
       SET blocked_reason = 'operator', blocked_until = 'infinity', blocked_note = $1, blocked_at = now(),
           throttles = 0, probe_token = NULL
    """,
)

CANCEL_REDRIVES = Statement(
    "UPDATE redrive",
    """
    UPDATE redrive
       SET state = 'cancelled', due_at = NULL, ended_at = now(), updated_at = now()
     WHERE state = 'running'
    """,
)

CANCEL_BACKFILLS = Statement(
    "UPDATE backfill",
    """
    UPDATE backfill
       SET state = 'cancelled', ended_at = now(), updated_at = now()
     WHERE ended_at IS NULL
    """,
)

STEPS: Final[tuple[tuple[str, Statement], ...]] = (
    ("credentials", Statement("DELETE credential", "DELETE FROM credential")),
    ("api_keys", Statement("UPDATE api_key", "UPDATE api_key SET revoked_at = now() WHERE revoked_at IS NULL")),
    ("deliveries", DROP_DELIVERIES),
    ("delivery_jobs", DROP_DELIVERY_JOBS),
    ("dead_deliveries", DISCARD_DELIVERIES),
    ("callbacks", DROP_CALLBACKS),
    ("subscriptions", Statement("DELETE subscription", "DELETE FROM subscription")),
    ("redrives", CANCEL_REDRIVES),
    ("backfills", CANCEL_BACKFILLS),
    ("walks", Statement("DELETE walk", "DELETE FROM walk")),
    ("approvals", END_APPROVALS),
    ("operations", PARK_OPERATIONS),
    ("workers", Statement("DELETE heartbeat", "DELETE FROM heartbeat")),
    ("accounts", Statement("DELETE connection_account", "DELETE FROM connection_account")),
    ("account_facts", Statement("DELETE account_fact", "DELETE FROM account_fact")),
    ("setup_times", Statement("DELETE connection_setup", "DELETE FROM connection_setup")),
    ("observations", Statement("DELETE connection_observation", "DELETE FROM connection_observation")),
    ("webhook_standings", Statement("DELETE webhook_standing", "DELETE FROM webhook_standing")),
    ("alarms", Statement("DELETE alert", "DELETE FROM alert")),
)
SESSIONS = Statement(
    "SELECT pg_stat_activity",
    """
    SELECT count(*)
      FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'lockstitch' AND pid <> pg_backend_pid()
    """,
)


async def adopt(database: Database, environment: str, *, actor: str) -> tuple[str, Mapping[str, int]]:
    """Make the database this environment's. Return the one that it belonged to, and what was dropped or parked.

    Raises Complaint if it belongs to no other environment, or while a process of Lockstitch runs on it.
    """
    async with database.transaction() as session:
        owner: str | None = await session.fetch_value(SELECT)
        if owner is None or owner == environment:
            raise Complaint(f"There is nothing to adopt: the database belongs to {owner or 'no environment yet'}.")
        await refuse_in_use(session, f": is it really a copy of {owner}'s?")
        if not await session.execute(RENAME, environment, owner):
            raise Complaint("Another process has adopted the database. Nothing was changed.")
        because = f"the database was copied from {owner}"
        done = {what: await session.execute(statement) for what, statement in STEPS}
        done["jobs"] = await session.execute(PARK_JOBS, because)
        await session.execute(DELETE_LANES, NOT_CONNECTIONS)
        done["connections"] = await session.execute(PAUSE, because)
        await session.execute(NOTIFY)
        facts = {"from": owner, **done}
        entry = record.Entry(
            type="environment.adopted", subject=environment, actor=actor, correlation_id=None, facts=facts
        )
        await record.append(session, entry)
    return owner, done


async def refuse_in_use(session: Transaction, hint: str = "") -> None:
    """Raise Complaint while a process runs on the database. One that starts later waits for the transaction's end."""
    await session.execute(LOCK)
    if running := await session.fetch_value(SESSIONS):
        raise Complaint(
            f"A process of Lockstitch uses the database ({counted(running, 'session')}){hint or '.'}"
            " Stop every `serve` and `worker` on it, then run the command again."
        )
