"""Uploads in PostgreSQL: exports, their progress, and the last recorded row of each record."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from app.audit import record
from app.identifiers import new_id
from app.postgres.database import Database, Statement, Transaction
from app.uploads.models import NewUpload, RowMark, Upload, UploadMoved, UploadOutcome

COLUMNS: Final = "id, connection, object, digest, rows, seen, accepted, correlation_id, created_at, ended_at"

INSERT = Statement(
    "INSERT upload",
    f"""
    WITH begun AS (
        INSERT INTO upload (id, principal, idempotency_key, connection, object, digest, rows, correlation_id, ended_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, CASE WHEN $7 = 0 THEN now() END)
            ON CONFLICT (principal, idempotency_key) DO NOTHING
        RETURNING {COLUMNS}
    ), noted AS (
        {record.insert_text(first=9, where="EXISTS (SELECT FROM begun)")}
    )
    SELECT * FROM begun
    """,  # noqa: S608 - constants only
)

# A separate statement, because INSERT does not see a conflicting row that was committed while it waited.
SELECT_NAMED = Statement(
    "SELECT upload",
    f"""
    SELECT {COLUMNS}
      FROM upload
     WHERE principal = $1 AND idempotency_key = $2
    """,  # noqa: S608
)

SELECT = Statement(
    "SELECT upload",
    f"""
    SELECT {COLUMNS}
      FROM upload
     WHERE id = $1
    """,  # noqa: S608
)

SELECT_PAGE = Statement(
    "SELECT upload",
    f"""
    SELECT {COLUMNS}
      FROM upload
     WHERE ($1::text IS NULL OR connection = $1)
       AND ($2::text IS NULL OR id < $2)
     ORDER BY id DESC
     LIMIT $3
    """,  # noqa: S608
)

# Matches no row if another request has advanced the upload since it was read.
ADVANCE = Statement(
    "UPDATE upload",
    f"""
    UPDATE upload
       SET seen = seen + $3, accepted = accepted + $4, ended_at = CASE WHEN seen + $3 = rows THEN now() END
     WHERE id = $1 AND seen = $2 AND ended_at IS NULL
    RETURNING {COLUMNS}
    """,  # noqa: S608
)

# Counts each receipt by its last dead letter, if it has one. UNION ALL and GROUP BY replace a join, and LATERAL counts
# each upload separately: right after a large export the planner underestimates its rows, and a join would scan all dead
# letters for each row.
OUTCOMES = Statement(
    "SELECT inbound_event",
    """
    SELECT outcome.settled, outcome.refused, outcome.discarded
      FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS upload (id, correlation_id, connection, place)
     CROSS JOIN LATERAL (
           WITH letter AS (
               SELECT DISTINCT ON (origin) origin, state
                 FROM dead_letter
                WHERE correlation_id = upload.correlation_id AND connection = upload.connection
                ORDER BY origin, id DESC
           ), receipt AS (
               SELECT bool_or(settled) AS settled, max(state) AS state
                 FROM (SELECT id, settled_at IS NOT NULL AS settled, NULL AS state
                         FROM inbound_event
                        WHERE correlation_id = upload.correlation_id
                          AND topic = upload.id AND connection = upload.connection
                        UNION ALL
                       SELECT origin, NULL, state
                         FROM letter) AS state_of_receipt
                GROUP BY id
           )
           SELECT count(*) FILTER (WHERE settled)                              AS settled,
                  count(*) FILTER (WHERE NOT settled AND state = 'open')       AS refused,
                  count(*) FILTER (WHERE NOT settled AND state = 'discarded')  AS discarded
             FROM receipt) AS outcome
     ORDER BY upload.place
    """,
)

# Rows are locked in key order, so that two uploads of the same rows never deadlock. A row that repeats the last one is
# not returned.
RECOGNISE = Statement(
    "INSERT upload_row",
    """
    INSERT INTO upload_row AS known (connection, identity_digest, digest)
    SELECT $1, new.identity_digest, new.digest
      FROM unnest((SELECT $2::bytea[]), (SELECT $3::bytea[])) AS new (identity_digest, digest)
     ORDER BY identity_digest
        ON CONFLICT (connection, identity_digest) DO UPDATE
       SET digest = excluded.digest, generation = known.generation + 1
     WHERE known.digest <> excluded.digest
    RETURNING identity_digest, generation
    """,
)

PUBLISH = Statement(
    "UPDATE upload_row",
    """
    UPDATE upload_row
       SET published = $3, published_at = greatest(published_at, $4)
     WHERE connection = $1 AND identity_digest = $2 AND published < $3
    """,
)

SELECT_OVERTAKEN = Statement(
    "SELECT upload_row",
    "SELECT true FROM upload_row WHERE connection = $1 AND identity_digest = $2 AND published > $3",
)

# A separate statement before PUBLISH_EDITED, which then sees rows recorded while this one waited for the lock.
LOCK_ROW = Statement(
    "SELECT upload_row", "SELECT FROM upload_row WHERE (connection, identity_digest) = ($1, $2) FOR UPDATE"
)

# Publishes an edited row of this record unless a later received row is already published. Without any later row, it
# becomes the record's last row. Otherwise it takes the place just before the first later row, which may be a dead
# letter that is still to be edited and will then be published after it.
PUBLISH_EDITED = Statement(
    "INSERT upload_row",
    """
    INSERT INTO upload_row AS known (connection, identity_digest, digest, published, published_at)
    SELECT connection, $2, digest, 1, received_at
      FROM inbound_event
     WHERE id = $1
        ON CONFLICT (connection, identity_digest) DO UPDATE
       SET (digest, generation, published, published_at) =
           (SELECT CASE WHEN later.first IS NULL THEN excluded.digest ELSE known.digest END,
                   CASE WHEN later.first IS NULL THEN known.generation + 1 ELSE known.generation END,
                   CASE WHEN later.first IS NULL THEN known.generation + 1 ELSE later.first - 1 END,
                   excluded.published_at
              FROM (SELECT min(number) AS first
                      FROM generate_series(known.published + 1, known.generation) AS unpublished (number)
                      JOIN inbound_event AS receipt ON receipt.connection = known.connection
                                                   AND receipt.dedupe_key = $3::text || number
                     WHERE receipt.received_at > excluded.published_at) AS later)
     WHERE known.published_at IS NULL OR known.published_at <= excluded.published_at
    """,
)

SELECT_REDRIVEN = Statement(
    "SELECT dead_letter", "SELECT true FROM dead_letter WHERE job_id = $1 AND state = 'redriven' LIMIT 1"
)


class PostgresUploads:
    """The store of uploads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, new: NewUpload) -> Upload:
        """Start this upload, or return the one with the same principal and key. Raises StoreUnavailable."""
        upload_id = new_id("upl_")
        begun = record.Entry(
            type="upload.begun",
            subject=upload_id,
            actor=new.principal,
            correlation_id=new.correlation_id,
            facts={"connection": new.connection, "rows": new.rows, "sha256": new.digest.hex()},
        )
        row = await self._database.fetch_row(
            INSERT,
            upload_id,
            new.principal,
            new.idempotency_key,
            new.connection,
            new.object,
            new.digest,
            new.rows,
            new.correlation_id,
            *record.columns_of([begun]),
        )
        if row is None:
            row = await self._database.fetch_row(SELECT_NAMED, new.principal, new.idempotency_key)
        assert row is not None  # noqa: S101 - it was inserted or already exists
        return Upload(**row)

    async def get(self, upload_id: str) -> Upload | None:
        """Return an upload by id."""
        row = await self._database.fetch_row(SELECT, upload_id)
        return None if row is None else Upload(**row)

    async def list(self, connection: str | None, *, after: str | None, limit: int) -> Sequence[Upload]:
        """List uploads, newest first, below the id `after`. `connection` None lists all connections."""
        return [Upload(**row) for row in await self._database.fetch(SELECT_PAGE, connection, after, limit)]

    async def outcomes(self, uploads: Sequence[Upload]) -> Sequence[UploadOutcome]:
        """Return the row outcomes of each upload, in order. Counts only receipts that are still retained."""
        columns = zip(*((upload.id, upload.correlation_id, upload.connection) for upload in uploads), strict=True)
        rows = await self._database.fetch(OUTCOMES, *(list(column) for column in columns)) if uploads else ()
        return [UploadOutcome(**row) for row in rows]

    async def advance(self, transaction: Transaction, upload: Upload, *, number: int, accepted: int) -> Upload:
        """Add recorded rows to the progress. Raises UploadMoved; the transaction must then roll back."""
        row = await transaction.fetch_row(ADVANCE, upload.id, upload.seen, number, accepted)
        if row is None:
            raise UploadMoved
        moved = Upload(**row)
        if moved.ended_at is not None:
            facts = {"connection": moved.connection, "rows": moved.rows, "accepted": moved.accepted}
            run = moved.correlation_id
            entry = record.Entry(type="upload.recorded", subject=moved.id, correlation_id=run, facts=facts)
            await record.append(transaction, entry)
        return moved

    async def recognise(
        self, transaction: Transaction, connection: str, rows: Sequence[RowMark]
    ) -> Sequence[int | None]:
        """Return the new generation of each row's record, or None for a row that repeats the last one.

        The generation counts the changes of the record, this one included. No two rows may be of one record.
        """
        changed = await transaction.fetch(
            RECOGNISE, connection, [row.identity for row in rows], [row.digest for row in rows]
        )
        generations = {row["identity_digest"]: row["generation"] for row in changed}
        return [generations.get(row.identity) for row in rows]

    async def publish(
        self, transaction: Transaction, connection: str, row: tuple[bytes, int], received_at: datetime
    ) -> bool:
        """Mark a row (identity, generation) as published. False if a later row of the record already is."""
        return await transaction.execute(PUBLISH, connection, *row, received_at) == 1

    async def is_overtaken(self, connection: str, row: tuple[bytes, int]) -> bool:
        """Return whether a later row of the record than this one (identity, generation) is published."""
        return await self._database.fetch_value(SELECT_OVERTAKEN, connection, *row) is not None

    async def is_redriven(self, job_id: int) -> bool:
        """Return whether an operator redrove the job of a row."""
        return await self._database.fetch_value(SELECT_REDRIVEN, job_id) is not None

    async def publish_edited(
        self, transaction: Transaction, connection: str, identity: bytes, receipt_id: str, key: str
    ) -> bool:
        """Mark an edited row as published for the record `identity`, to which it did not belong when it was received.

        False if a row of that record that was received later is already published. Later rows that are not yet
        published may follow it; without any, it becomes the record's last row. `key` is the prefix of the dedupe keys
        of the record's rows.
        """
        await transaction.execute(LOCK_ROW, connection, identity)
        return await transaction.execute(PUBLISH_EDITED, receipt_id, identity, key) == 1
