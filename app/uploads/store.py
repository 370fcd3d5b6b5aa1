"""Uploads: exports that came in, how far each is recorded, and what was last said of each record."""

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
    """,  # noqa: S608 - no caller's text is in it
)

# A statement of its own: the one that met the row does not see it, when it was committed while that one waited.
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

# Who has looked before somebody else went on finds no row, and begins again.
ADVANCE = Statement(
    "UPDATE upload",
    f"""
    UPDATE upload
       SET seen = seen + $3, accepted = accepted + $4, ended_at = CASE WHEN seen + $3 = rows THEN now() END
     WHERE id = $1 AND seen = $2 AND ended_at IS NULL
    RETURNING {COLUMNS}
    """,  # noqa: S608
)

# Of each receipt the last decision about it, where there was one. They are put together and not joined: right after a
# large export the planner takes its rows for a few, and would go through all letters for each of them. For the same
# reason each upload is counted by itself.
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
                         FROM letter) AS told
                GROUP BY id
           )
           SELECT count(*) FILTER (WHERE settled)                              AS settled,
                  count(*) FILTER (WHERE NOT settled AND state = 'open')       AS refused,
                  count(*) FILTER (WHERE NOT settled AND state = 'discarded')  AS discarded
             FROM receipt) AS outcome
     ORDER BY upload.place
    """,
)

# Rows are locked by their key, so that of two uploads with the same rows one waits for the other, and neither for both.
# One that says the same again comes back with no generation.
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

TELL = Statement(
    "UPDATE upload_row",
    """
    UPDATE upload_row
       SET told = $3, told_at = greatest(told_at, $4)
     WHERE connection = $1 AND identity_digest = $2 AND told < $3
    """,
)

# First, and by itself: rows of the record that were recorded while this one waited for the lock are seen after it.
LOCK_ROW = Statement(
    "SELECT upload_row", "SELECT FROM upload_row WHERE (connection, identity_digest) = ($1, $2) FOR UPDATE"
)

# A row that was mended into one of this record may be told unless one was told that came in later. Where no row of it
# came in later at all, it is the last: what it says now is what the record said last. Else it stands before the first
# that did, which may be a dead letter still to be mended, and will then be told after it.
TELL_MENDED = Statement(
    "INSERT upload_row",
    """
    INSERT INTO upload_row AS known (connection, identity_digest, digest, told, told_at)
    SELECT connection, $2, digest, 1, received_at
      FROM inbound_event
     WHERE id = $1
        ON CONFLICT (connection, identity_digest) DO UPDATE
       SET (digest, generation, told, told_at) =
           (SELECT CASE WHEN later.first IS NULL THEN excluded.digest ELSE known.digest END,
                   CASE WHEN later.first IS NULL THEN known.generation + 1 ELSE known.generation END,
                   CASE WHEN later.first IS NULL THEN known.generation + 1 ELSE later.first - 1 END,
                   excluded.told_at
              FROM (SELECT min(number) AS first
                      FROM generate_series(known.told + 1, known.generation) AS untold (number)
                      JOIN inbound_event AS receipt ON receipt.connection = known.connection
                                                   AND receipt.dedupe_key = $3::text || number
                     WHERE receipt.received_at > excluded.told_at) AS later)
     WHERE known.told_at IS NULL OR known.told_at <= excluded.told_at
    """,
)


class PostgresUploads:
    """`upload_ports.Uploads` on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, new: NewUpload) -> Upload:
        """This upload, or the one that was begun under its name. Raises StoreUnavailable."""
        upload_id = new_id("upl_")
        noted = record.Entry(
            type="upload.begun",
            subject=upload_id,
            actor=new.principal,
            correlation_id=new.correlation_id,
            facts={"connection": new.connection, "rows": new.rows, "sha256": new.digest.hex()},
        )
        row = await self._database.fetch_row(
            INSERT,
            *(upload_id, new.principal, new.idempotency_key, new.connection),
            *(new.object, new.digest, new.rows, new.correlation_id),
            *record.columns_of([noted]),
        )
        if row is None:
            row = await self._database.fetch_row(SELECT_NAMED, new.principal, new.idempotency_key)
        assert row is not None  # noqa: S101 - it is there, or was made
        return Upload(**row)

    async def get(self, upload_id: str) -> Upload | None:
        """One by id."""
        row = await self._database.fetch_row(SELECT, upload_id)
        return None if row is None else Upload(**row)

    async def list(self, connection: str | None, *, after: str | None, limit: int) -> Sequence[Upload]:
        """Newest first, those before the id `after`; of one connection where one is named."""
        return [Upload(**row) for row in await self._database.fetch(SELECT_PAGE, connection, after, limit)]

    async def outcomes(self, uploads: Sequence[Upload]) -> Sequence[UploadOutcome]:
        """What has become of the rows of each, in the same order, as long as their receipts are kept."""
        columns = zip(*((upload.id, upload.correlation_id, upload.connection) for upload in uploads), strict=True)
        rows = await self._database.fetch(OUTCOMES, *(list(column) for column in columns)) if uploads else ()
        return [UploadOutcome(**row) for row in rows]

    async def advance(self, transaction: Transaction, upload: Upload, *, seen: int, accepted: int) -> Upload:
        """So many more rows are recorded. Raises UploadMoved, in a transaction that then must not commit."""
        row = await transaction.fetch_row(ADVANCE, upload.id, upload.seen, seen, accepted)
        if row is None:
            raise UploadMoved
        moved = Upload(**row)
        if moved.ended_at is not None:
            await record.append(
                transaction,
                "upload.recorded",
                subject=moved.id,
                actor="lockstitch",
                correlation_id=moved.correlation_id,
                facts={"connection": moved.connection, "rows": moved.rows, "accepted": moved.accepted},
            )
        return moved

    async def recognise(
        self, transaction: Transaction, connection: str, rows: Sequence[RowMark]
    ) -> Sequence[int | None]:
        """How often the record of each row has said something new, this time included; None where the row says what
        was said last. No two rows are of one record."""
        said = await transaction.fetch(
            RECOGNISE, connection, [row.identity for row in rows], [row.digest for row in rows]
        )
        generations = {row["identity_digest"]: row["generation"] for row in said}
        return [generations.get(row.identity) for row in rows]

    async def tell(
        self, transaction: Transaction, connection: str, row: tuple[bytes, int], received_at: datetime
    ) -> bool:
        """Whether this row, an identity and its generation, may be told: none that came later was told before."""
        return await transaction.execute(TELL, connection, *row, received_at) == 1

    async def tell_mended(
        self, transaction: Transaction, connection: str, identity: bytes, receipt_id: str, key: str
    ) -> bool:
        """Whether a row that has come to this record may be told: none of it that was received later was told."""
        await transaction.execute(LOCK_ROW, connection, identity)
        return await transaction.execute(TELL_MENDED, receipt_id, identity, key) == 1
