"""Retention: for each kind of row that ends, which ones are old enough and needed by nobody.

Every statement removes a few rows that it finds by an index, oldest first, and passes over those that somebody else is
at. What may still need a row is looked up for that row alone, hence the lateral joins. What has no end has no
retention: the audit trail, the links, and the state in which we last saw a record, one row a record, without which the
next Event could not tell what has changed.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from app.postgres.database import Database, Statement
from app.settings.file import RetentionSettings

# A settled receipt is what makes a late copy a copy. An unsettled one is work that is still to be done, as long as
# anything is left that would do it: its job, or a dead letter of it. Those are found by their ids, which begin with the
# time.
RECEIPTS = Statement(
    "DELETE inbound_event",
    """
    DELETE FROM inbound_event
     WHERE id IN (SELECT id
                    FROM inbound_event
                   WHERE settled_at < now() - $1::interval
                   ORDER BY settled_at
                   LIMIT $2
                     FOR UPDATE SKIP LOCKED)
    """,
)

UNSETTLED_RECEIPTS = Statement(
    "DELETE inbound_event",
    """
    DELETE FROM inbound_event
     WHERE id IN (SELECT id
                    FROM inbound_event AS receipt
                    LEFT JOIN LATERAL (
                         SELECT true AS here
                           FROM job
                          WHERE kind = 'ingest' AND connection = receipt.connection AND dedupe_key = receipt.id
                          LIMIT 1) AS job ON true
                    LEFT JOIN LATERAL (
                         SELECT true AS here
                           FROM dead_letter
                          WHERE correlation_id = receipt.correlation_id AND origin = receipt.id AND state = 'open'
                          LIMIT 1) AS dead ON true
                   WHERE id < 'in_' || lpad(to_hex((extract(epoch FROM now() - $1::interval) * 1000)::bigint), 12, '0')
                     AND settled_at IS NULL
                     AND received_at < now() - $1::interval
                     AND job.here IS NULL AND dead.here IS NULL
                   ORDER BY id
                   LIMIT $2
                     FOR UPDATE OF receipt SKIP LOCKED)
    """,
)

# Its deliveries carry a copy of its body.
EVENTS = Statement(
    "DELETE event",
    """
    DELETE FROM event
     WHERE id IN (SELECT id
                    FROM event
                   WHERE created_at < now() - $1::interval
                   ORDER BY created_at
                   LIMIT $2
                     FOR UPDATE SKIP LOCKED)
    """,
)

# A dead one goes after its dead letter: it is what a redrive delivers, and may be under way once more. With a
# subscription that is disabled it is under way for as long as a person takes; lanes of callbacks only pause.
DELIVERIES = Statement(
    "DELETE delivery",
    """
    DELETE FROM delivery
     WHERE id IN (SELECT id
                    FROM delivery AS old
                    LEFT JOIN LATERAL (
                         SELECT true AS here
                           FROM dead_letter
                          WHERE correlation_id = old.correlation_id AND dedupe_key = old.id AND old.state = 'dead'
                            AND (state = 'open' OR closed_at > now() - $1::interval)
                          LIMIT 1) AS dead ON true
                    LEFT JOIN LATERAL (
                         SELECT true AS here
                           FROM job
                          WHERE kind = 'deliver' AND connection = old.subscription AND dedupe_key = old.id
                          LIMIT 1) AS job ON true
                   WHERE ended_at < now() - $1::interval
                     AND dead.here IS NULL AND job.here IS NULL
                   ORDER BY ended_at
                   LIMIT $2
                     FOR UPDATE OF old SKIP LOCKED)
    """,
)

# Whoever decides about a dead letter, or looks at a job that is late, wants to see every attempt at it.
ATTEMPTS = Statement(
    "DELETE attempt",
    """
    DELETE FROM attempt
     WHERE (job_id, number) IN (SELECT job_id, number
                                  FROM attempt AS old
                                  LEFT JOIN LATERAL (
                                       SELECT true AS here
                                         FROM job
                                        WHERE job.id = old.job_id
                                        LIMIT 1) AS job ON true
                                  LEFT JOIN LATERAL (
                                       SELECT true AS here
                                         FROM dead_letter
                                        WHERE dead_letter.job_id = old.job_id AND state = 'open'
                                        LIMIT 1) AS dead ON true
                                 WHERE ended_at < now() - $1::interval
                                   AND job.here IS NULL AND dead.here IS NULL
                                 ORDER BY ended_at
                                 LIMIT $2
                                   FOR UPDATE OF old SKIP LOCKED)
    """,
)

DEAD_LETTERS = Statement(
    "DELETE dead_letter",
    """
    DELETE FROM dead_letter
     WHERE id IN (SELECT id
                    FROM dead_letter
                   WHERE state <> 'open'
                     AND closed_at < now() - $1::interval
                   ORDER BY closed_at
                   LIMIT $2
                     FOR UPDATE SKIP LOCKED)
    """,
)

# What a redrive that was cancelled had before it: at once, and before the redrive itself, which would take them along
# in one go.
REDRIVE_LETTERS = Statement(
    "DELETE redrive_letter",
    """
    DELETE FROM redrive_letter
     WHERE (redrive, job_id) IN (SELECT letter.redrive, letter.job_id
                                   FROM redrive
                                   JOIN redrive_letter AS letter ON letter.redrive = redrive.id
                                  WHERE redrive.ended_at < now() - $1::interval
                                  ORDER BY redrive.ended_at, letter.job_id
                                  LIMIT $2
                                    FOR UPDATE OF letter SKIP LOCKED)
    """,
)

REDRIVES = Statement(
    "DELETE redrive",
    """
    DELETE FROM redrive
     WHERE id IN (SELECT id
                    FROM redrive
                   WHERE ended_at < now() - $1::interval
                     AND NOT EXISTS (SELECT FROM redrive_letter WHERE redrive_letter.redrive = redrive.id)
                   ORDER BY ended_at
                   LIMIT $2
                     FOR UPDATE SKIP LOCKED)
    """,
)

RUN_ENTRIES = Statement(
    "DELETE run_entry",
    """
    DELETE FROM run_entry
     WHERE id IN (SELECT id
                    FROM run_entry
                   WHERE at < now() - $1::interval
                   ORDER BY at
                   LIMIT $2
                     FOR UPDATE SKIP LOCKED)
    """,
)

# With its record goes the memory of its key. Those that nobody has decided stay, and what a redrive would carry out.
OPERATIONS = Statement(
    "DELETE operation",
    """
    DELETE FROM operation
     WHERE id IN (SELECT id
                    FROM operation AS old
                    LEFT JOIN LATERAL (
                         SELECT true AS here
                           FROM dead_letter
                          WHERE correlation_id = old.correlation_id AND origin = old.id AND kind = 'execute'
                            AND state = 'open' AND old.outcome = 'failed'
                          LIMIT 1) AS dead ON true
                   WHERE phase = 'settled'
                     AND updated_at < now() - $1::interval
                     AND dead.here IS NULL
                   ORDER BY updated_at
                   LIMIT $2
                     FOR UPDATE OF old SKIP LOCKED)
    """,
)

# Its rows' receipts, which tell what became of it, go at about the same time.
UPLOADS = Statement(
    "DELETE upload",
    """
    DELETE FROM upload
     WHERE id IN (SELECT id
                    FROM upload
                   WHERE created_at < now() - $1::interval
                   ORDER BY created_at
                   LIMIT $2
                     FOR UPDATE SKIP LOCKED)
    """,
)

# There are about as many as there are subscriptions.
SECRETS = Statement(
    "DELETE subscription_secret",
    """
    DELETE FROM subscription_secret
     WHERE (subscription, created_at) IN (SELECT subscription, created_at
                                            FROM subscription_secret
                                           WHERE not_after < now() - $1::interval
                                           LIMIT $2
                                             FOR UPDATE SKIP LOCKED)
    """,
)

# A worker that has been silent for a day was taken away on purpose.
HEARTBEATS = Statement(
    "DELETE worker_heartbeat",
    """
    DELETE FROM worker_heartbeat
     WHERE worker IN (SELECT worker
                        FROM worker_heartbeat
                       WHERE seen_at < now() - $1::interval
                       LIMIT $2
                         FOR UPDATE SKIP LOCKED)
    """,
)

STATEMENTS: Final[Mapping[str, Statement]] = {
    "receipts": RECEIPTS,
    "unsettled_receipts": UNSETTLED_RECEIPTS,
    "events": EVENTS,
    "deliveries": DELIVERIES,
    "attempts": ATTEMPTS,
    "dead_letters": DEAD_LETTERS,
    "redrive_letters": REDRIVE_LETTERS,
    "redrives": REDRIVES,
    "run_entries": RUN_ENTRIES,
    "operations": OPERATIONS,
    "uploads": UPLOADS,
    "secrets": SECRETS,
    "heartbeats": HEARTBEATS,
}


class PostgresRetention:
    """`upkeep_ports.Retention` on PostgreSQL. `operations` is how long a settled operation is kept."""

    kinds: Sequence[str] = tuple(STATEMENTS)

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
            "uploads": timedelta(days=keep.receipts),
            "secrets": timedelta(days=1),
            "heartbeats": timedelta(days=1),
        }

    async def reap(self, kind: str, limit: int) -> int:
        """Remove at most `limit` rows of one kind; how many. Raises StoreUnavailable."""
        return await self._database.execute(STATEMENTS[kind], self._keep[kind], limit)
