"""The shares of records in which a member has a value, in PostgreSQL: learned, and in the present window."""

from collections.abc import Sequence
from typing import Any, Final

from app.drift.models import DriftSubject
from app.drift.shares import Share, ValueCounts
from app.postgres.database import Statement, Transaction

# Rows are locked in one order in all processes, until the windows that these counts complete are judged.
COUNT: Final = Statement(
    "INSERT drift_share",
    """
    INSERT INTO drift_share AS share (connection, mapping, revision, source, listed, path, records, filled)
    SELECT $1, $2, $3, $4, $5, counted.path, counted.records, counted.filled
      FROM unnest($6::text[], $7::integer[], $8::integer[]) AS counted (path, records, filled)
     ORDER BY counted.path
        ON CONFLICT (connection, mapping, revision, source, listed, path) DO UPDATE
       SET records = share.records + excluded.records, filled = share.filled + excluded.filled
    RETURNING path, learned_records, learned_filled, records, filled
    """,
)

SETTLE: Final = Statement(
    "UPDATE drift_share",
    """
    UPDATE drift_share AS share
       SET learned_records = judged.learned_records, learned_filled = judged.learned_filled,
           records = judged.records, filled = judged.filled
      FROM unnest($6::text[], $7::float8[], $8::float8[], $9::integer[], $10::integer[])
           AS judged (path, learned_records, learned_filled, records, filled)
     WHERE (share.connection, share.mapping, share.revision, share.source, share.listed) = ($1, $2, $3, $4, $5)
       AND share.path = judged.path
    """,
)

FORGET: Final = Statement(
    "DELETE drift_share",
    """
    DELETE FROM drift_share AS share
     USING drift_finding AS finding
     WHERE finding.id = $1
       AND finding.kind = 'empty_more_often'
       AND finding.acknowledged_at IS NULL
       AND (share.connection, share.mapping, share.revision, share.source, share.path)
           = (finding.connection, finding.mapping, finding.revision, finding.source, finding.path)
    """,
)


async def add_counts(transaction: Transaction, subject: DriftSubject, counts: ValueCounts) -> Sequence[Share]:
    """Add counts to the present windows of a subject with a learned baseline, and return these shares, locked."""
    paths = sorted(counts.records)
    records, filled = [counts.records[path] for path in paths], [counts.filled[path] for path in paths]
    rows = await transaction.fetch(COUNT, *_key(subject), counts.listed, paths, records, filled)
    return [Share(**row) for row in rows]


async def settle_shares(
    transaction: Transaction, subject: DriftSubject, shares: Sequence[Share], *, listed: bool
) -> None:
    """Store shares as they are after their windows."""
    columns: list[list[Any]] = [
        [getattr(share, name) for share in shares]
        for name in ("path", "learned_records", "learned_filled", "records", "filled")
    ]
    await transaction.execute(SETTLE, *_key(subject), listed, *columns)


async def forget_share(transaction: Transaction, finding_id: str) -> None:
    """Delete the shares that an open finding is about, so that they are learned again. Call it before any change of the
    finding: shares are locked before findings."""
    await transaction.execute(FORGET, finding_id)


def _key(subject: DriftSubject) -> tuple[str, str, int, str]:
    return subject.connection, subject.mapping, subject.revision, subject.source
