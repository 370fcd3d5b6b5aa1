"""Retention: for each kind of row that ends, delete the old rows that nothing needs.

Every statement deletes a few rows that it finds by an index, oldest first, and skips rows that are locked. What may
still need a row is looked up for that row alone, hence the lateral joins. Rows without an end have no retention: the
audit trail, the links, and the last seen state of each record, without which the next Event could not name its changes.
The rows come as an array: PostgreSQL would compare a set of them with every row of the table, as it expects hardly any.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from app.links.match_statements import reviews_of
from app.postgres.database import Database, Statement
from app.settings.file import RetentionSettings


def _delete(
    table: str,
    by: str,
    *,
    which: str = "true",
    order: str | None = None,
    needed_by: Mapping[str, str] = {},
) -> Statement:
    """Delete rows whose column `by` is older than `$1`, at most `$2`. In all texts, `old` is the row.

    `which` is a further condition. `order` is the column to sort by, `by` if not given; empty for a small table.
    `needed_by` maps an alias to the FROM and WHERE of rows that need the old row.
    """
    joins = "".join(
        f"LEFT JOIN LATERAL (SELECT true AS here {text} LIMIT 1) AS {alias} ON true\n"
        for alias, text in needed_by.items()
    )
    unneeded = "".join(f" AND {alias}.here IS NULL" for alias in needed_by)
    sort = by if order is None else order
    return Statement(
        f"DELETE {table}",
        f"""
        DELETE FROM {table}
         WHERE ctid = ANY (ARRAY(SELECT old.ctid
                                   FROM {table} AS old
                                        {joins}
                                  WHERE {by} < now() - $1::interval AND {which}{unneeded}
                                  {f"ORDER BY {sort}" if sort else ""}
                                  LIMIT $2
                                    FOR UPDATE OF old SKIP LOCKED))
        """,  # noqa: S608 - no caller's text is in it
    )


STATEMENTS: Final[Mapping[str, Statement]] = {
    # A settled receipt is what makes a late copy a copy.
    "receipts": _delete("inbound_event", "settled_at"),
    # An unsettled receipt is work, as long as its job or an open dead letter exists. Ids begin with the time.
    "unsettled_receipts": _delete(
        "inbound_event",
        "received_at",
        which="""id < 'in_' || lpad(to_hex((extract(epoch FROM now() - $1::interval) * 1000)::bigint), 12, '0')
                 AND settled_at IS NULL""",
        order="id",
        needed_by={
            "job": "FROM job WHERE kind = 'ingest' AND connection = old.connection AND dedupe_key = old.id",
            "dead": """FROM dead_letter
                       WHERE correlation_id = old.correlation_id AND origin = old.id AND state = 'open'""",
        },
    ),
    # Deliveries have their own copy of the body.
    "events": _delete("event", "created_at"),
    # A dead delivery goes after its dead letter, because a redrive delivers it and may still run. For a disabled
    # subscription its job stays as long as a person takes; lanes of callbacks only pause.
    "deliveries": _delete(
        "delivery",
        "ended_at",
        needed_by={
            "dead": """FROM dead_letter
                       WHERE correlation_id = old.correlation_id AND dedupe_key = old.id AND old.state = 'dead'
                         AND (state = 'open' OR closed_at > now() - $1::interval)""",
            "job": "FROM job WHERE kind = 'deliver' AND connection = old.subscription AND dedupe_key = old.id",
        },
    ),
    # A decision about a dead letter, or about a late job, needs every attempt at it.
    "attempts": _delete(
        "attempt",
        "ended_at",
        needed_by={
            "job": "FROM job WHERE job.id = old.job_id",
            "dead": "FROM dead_letter WHERE dead_letter.job_id = old.job_id AND state = 'open'",
        },
    ),
    "dead_letters": _delete("dead_letter", "closed_at", which="state <> 'open'"),
    # The remaining letters of a cancelled redrive: at once, and before the redrive, which would cascade to all of them.
    "redrive_letters": Statement(
        "DELETE redrive_letter",
        """
        DELETE FROM redrive_letter
         WHERE ctid = ANY (ARRAY(SELECT letter.ctid
                                   FROM redrive
                                   JOIN redrive_letter AS letter ON letter.redrive = redrive.id
                                  WHERE redrive.ended_at < now() - $1::interval
                                  ORDER BY redrive.ended_at, letter.job_id
                                  LIMIT $2
                                    FOR UPDATE OF letter SKIP LOCKED))
        """,
    ),
    "redrives": _delete(
        "redrive", "ended_at", which="NOT EXISTS (SELECT FROM redrive_letter WHERE redrive_letter.redrive = old.id)"
    ),
    "run_entries": _delete("run_entry", "at"),
    # Its idempotency key ends with the operation. Undecided ones stay, and so does what a redrive would execute.
    "operations": _delete(
        "operation",
        "updated_at",
        which="phase = 'settled'",
        needed_by={
            "dead": """FROM dead_letter
                       WHERE correlation_id = old.correlation_id AND origin = old.id AND kind = 'execute'
                         AND state = 'open' AND old.outcome = 'failed'""",
        },
    ),
    "backfills": _delete("backfill", "ended_at"),
    "reconcile_findings": _delete("reconcile_finding", "closed_at", which="closed_at IS NOT NULL"),
    # The receipts of its rows, which hold their outcome, go at about the same time.
    "uploads": _delete("upload", "created_at"),
    # The customer was not seen since, and may be erased at the vendor. Open proposals go with the key.
    "match_keys": Statement(
        "DELETE match_key",
        f"""
        WITH gone AS (
            {_delete("match_key", "seen_at").sql}
            RETURNING connection, remote_id
        ), pairs AS (
            DELETE FROM link_review
             WHERE state = 'open' AND id = ANY (ARRAY(SELECT id FROM ({reviews_of("gone AS place")}) AS review))
        )
        SELECT FROM gone
        """,  # noqa: S608 - no caller's text is in it
    ),
    # Facts are used for ten minutes; a setup is then repeated, which changes nothing.
    "account_facts": _delete("account_fact", "asked_at"),
    # About as many rows as there are subscriptions.
    "secrets": _delete("subscription_secret", "not_after", order=""),
    # Of removed keys and secrets. The uses of a rotated key count for its successor.
    "uses": _delete(
        "last_use",
        "used_at",
        which="""CASE WHEN subject LIKE 'key\\_%'
                           THEN NOT EXISTS (SELECT
                                              FROM api_key AS used
                                              JOIN api_key AS live USING (principal)
                                             WHERE used.id = subject AND live.revoked_at IS NULL
                                               AND (live.expires_at IS NULL OR live.expires_at > now()))
                      ELSE subject LIKE 'vault:%#%'
                           AND NOT EXISTS (SELECT
                                             FROM credential_version
                                            WHERE state <> 'revoked'
                                              AND 'vault:' || credential || '#' || version = subject)
                      END""",
        order="",
    ),
    "claims": _delete("claim", "expires_at"),
    # Full again long since.
    "caller_budgets": _delete("caller_budget", "at", order=""),
    # A process that is silent for a day was removed on purpose.
    "heartbeats": _delete("heartbeat", "seen_at", order=""),
}


class PostgresRetention:
    """Deletes rows by kind. `operations` is how long a settled operation is kept."""

    kinds: Sequence[str] = tuple(STATEMENTS)
    """The kinds, in the order in which their rows may be deleted."""

    def __init__(self, database: Database, keep: RetentionSettings, *, operations: timedelta) -> None:
        self._database = database
        self._keep: Mapping[str, timedelta] = {
            "receipts": timedelta(days=keep.receipts),
            "unsettled_receipts": timedelta(days=keep.receipts),
            "events": timedelta(days=keep.events),
            "deliveries": timedelta(days=keep.deliveries),
            "attempts": timedelta(days=keep.attempts),
            "dead_letters": timedelta(days=keep.dead_letters),
            "redrive_letters": timedelta(),
            "redrives": timedelta(days=keep.dead_letters),
            "run_entries": timedelta(days=keep.runs),
            "operations": operations,
            "backfills": timedelta(days=30),
            "reconcile_findings": timedelta(days=90),
            "uploads": timedelta(days=keep.receipts),
            "match_keys": timedelta(days=keep.match_keys),
            "secrets": timedelta(days=1),
            "account_facts": timedelta(days=1),
            "uses": timedelta(days=30),
            "claims": timedelta(days=1),
            "caller_budgets": timedelta(days=1),
            "heartbeats": timedelta(days=1),
        }

    async def reap(self, kind: str, limit: int) -> int:
        """Delete at most `limit` rows of one kind, and return their number. Raises StoreUnavailable."""
        return await self._database.execute(STATEMENTS[kind], self._keep[kind], limit)
