"""Baselines and drift findings in PostgreSQL."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from app.drift.models import Baseline, DriftFilter, DriftFinding, DriftSubject, Learning, Noted, Trait
from app.drift.store_shares import forget_share
from app.identifiers import new_id
from app.postgres.database import Database, Statement, Transaction
from app.settings.drift import trait_of

OPEN: Final = "acknowledged_at IS NULL"
COLUMNS: Final = """
       id, connection, object, mapping, revision, source, path, kind, expected, found, example, policy, count,
       first_seen, last_seen, acknowledged_at, acknowledged_by
"""

SELECT_BASELINE = Statement(
    "SELECT drift_baseline",
    """
    SELECT learned_at IS NOT NULL AS learned, path, array_agg(trait) AS traits
      FROM drift_baseline
      LEFT JOIN drift_known USING (connection, mapping, revision, source)
     WHERE connection = $1 AND mapping = $2 AND revision = $3 AND source = $4
     GROUP BY learned, path
    """,
)

BEGIN = Statement(
    "INSERT drift_baseline",
    """
    INSERT INTO drift_baseline (connection, mapping, revision, source)
    VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING
    """,
)

# Locks the row until the traits are added, so that none is added after another process has completed the learning.
LEARN = Statement(
    "UPDATE drift_baseline",
    """
    UPDATE drift_baseline
       SET records = records + $5,
           learned_at = CASE WHEN records + $5 >= $6 OR began_at < now() - make_interval(hours => $7) THEN now() END
     WHERE connection = $1 AND mapping = $2 AND revision = $3 AND source = $4
       AND learned_at IS NULL
    RETURNING learned_at IS NOT NULL AS learned
    """,
)

EXTEND = Statement(
    "INSERT drift_known",
    """
    INSERT INTO drift_known (connection, mapping, revision, source, path, trait)
    SELECT $1, $2, $3, $4, seen.path, seen.trait
      FROM unnest($5::text[], $6::text[]) AS seen (path, trait)
     ORDER BY seen.path, seen.trait
        ON CONFLICT DO NOTHING
    """,
)

MOST_OPEN: Final = 500
"""The limit of unacknowledged findings per subject.

Some vendors use record ids as member names. Without a limit, each one would make a row, an event and a delivery.
"""

# A row that this statement inserted has xmax 0; an updated one has not.
NOTE = Statement(
    "INSERT drift_finding",
    f"""
    INSERT INTO drift_finding (id, connection, object, mapping, revision, source, path, kind, expected, found, example,
                               policy, count)
    SELECT id, connection, object, mapping, revision, source, path, kind, expected, found, example, policy, count
      FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::text[], $7::text[], $8::text[],
                  $9::text[], $10::text[], $11::text[], $12::text[], $13::bigint[]) WITH ORDINALITY
           AS seen (id, connection, object, mapping, revision, source, path, kind, expected, found, example, policy,
                    count, place)
     WHERE place <= {MOST_OPEN} - (SELECT count(*)
                                     FROM drift_finding AS open
                                    WHERE open.connection = ($2::text[])[1] AND open.mapping = ($4::text[])[1]
                                      AND open.revision = ($5::integer[])[1] AND open.source = ($6::text[])[1]
                                      AND open.acknowledged_at IS NULL)
        OR EXISTS (SELECT
                     FROM drift_finding AS known
                    WHERE (known.connection, known.mapping, known.revision, known.source)
                          = (seen.connection, seen.mapping, seen.revision, seen.source)
                      AND (known.path, known.kind, known.found) = (seen.path, seen.kind, seen.found))
        ON CONFLICT (connection, mapping, revision, source, path, kind, found, ended_at) DO UPDATE
       SET count = drift_finding.count + excluded.count, last_seen = now(), policy = excluded.policy
    RETURNING xmax = 0 AS new, {COLUMNS}
    """,  # noqa: S608 - constants only
)

PAGES: Final = {
    (acknowledged, has_connection): Statement(
        "SELECT drift_finding",
        f"""
        SELECT {COLUMNS}
          FROM drift_finding
         WHERE {"connection = $1" if has_connection else "$1::text IS NULL"}
           AND ($2::text IS NULL OR kind = $2)
           AND {condition}
           AND ($3::text IS NULL OR id < $3)
         ORDER BY id DESC
         LIMIT $4
        """,  # noqa: S608
    )
    for acknowledged, condition in ((None, "true"), (True, "acknowledged_at IS NOT NULL"), (False, OPEN))
    for has_connection in (True, False)
}
"""Statements by `DriftFilter.acknowledged`, and whether it names a connection, so that each uses its own index."""

COUNT_OPEN = Statement(
    "SELECT drift_finding",
    f"""
    SELECT name, (SELECT count(*)
                    FROM (SELECT FROM drift_finding WHERE connection = name AND {OPEN} LIMIT $2) AS few) AS open
      FROM unnest($1::text[]) AS name
    """,  # noqa: S608
)

SELECT_BY_ID = Statement("SELECT drift_finding", f"SELECT {COLUMNS} FROM drift_finding WHERE id = $1")  # noqa: S608

ACKNOWLEDGE = Statement(
    "UPDATE drift_finding",
    f"""
    UPDATE drift_finding
       SET acknowledged_at = now(), acknowledged_by = $2,
           ended_at = CASE kind WHEN 'empty_more_often' THEN now() ELSE ended_at END
     WHERE id = $1 AND acknowledged_at IS NULL
    RETURNING {COLUMNS}
    """,  # noqa: S608
)


class PostgresDrifts:
    """The store of baselines and findings. Reads raise StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def baseline(self, subject: DriftSubject) -> Baseline:
        """Return the baseline; an empty, unlearned one for an unknown subject."""
        rows = await self._database.fetch(SELECT_BASELINE, *_key(subject))
        known = {row["path"]: frozenset(row["traits"]) for row in rows if row["path"] is not None}
        return Baseline(learned=any(row["learned"] for row in rows), known=known)

    async def learn(
        self,
        transaction: Transaction,
        subject: DriftSubject,
        traits: Sequence[Trait],
        *,
        records: int,
        most_records: int,
        most_hours: int,
    ) -> Learning:
        """Add the traits of `records` records, unless learning is `over`. `learned`: these records completed it."""
        key = _key(subject)
        await transaction.execute(BEGIN, *key)
        row = await transaction.fetch_row(LEARN, *key, records, most_records, most_hours)
        if row is None:
            return "over"
        await transaction.execute(EXTEND, *key, *_columns(traits))
        return "learned" if row["learned"] else "learning"

    async def extend(self, transaction: Transaction, subject: DriftSubject, traits: Sequence[Trait]) -> None:
        """Add traits to a learned baseline, such as the type of a member that was always null."""
        key = _key(subject)
        await transaction.execute(BEGIN, *key)
        await transaction.execute(EXTEND, *key, *_columns(traits))

    async def note(self, transaction: Transaction, noted: Sequence[Noted]) -> Sequence[tuple[DriftFinding, Noted]]:
        """Count deviations of one subject and return the new findings, up to `MOST_OPEN` unacknowledged ones.

        Rows are written in one order in all processes, which avoids deadlocks.
        """
        inserted = {new_id("drf_"): one for one in sorted(noted, key=_identity)}
        columns = list(zip(*(_row(id, one) for id, one in inserted.items()), strict=True))
        rows = await transaction.fetch(NOTE, *map(list, columns))
        return [(_finding(row), inserted[row["id"]]) for row in rows if row["new"]]

    async def list(self, which: DriftFilter, *, after: str | None, limit: int) -> Sequence[DriftFinding]:
        """List findings, newest first, below the id `after`."""
        page = PAGES[which.acknowledged, which.connection is not None]
        return [_finding(row) for row in await self._database.fetch(page, which.connection, which.kind, after, limit)]

    async def count_open(self, connections: Sequence[str], *, most: int) -> Mapping[str, int]:
        """Count the open findings of each connection, up to `most`."""
        rows = await self._database.fetch(COUNT_OPEN, list(connections), most)
        return {row["name"]: row["open"] for row in rows}

    async def get(self, finding_id: str) -> DriftFinding | None:
        """Return a finding by id."""
        row = await self._database.fetch_row(SELECT_BY_ID, finding_id)
        return None if row is None else _finding(row)

    async def acknowledge(self, transaction: Transaction, finding_id: str, *, actor: str) -> DriftFinding | None:
        """Acknowledge a finding and add it to the baseline, or learn its share again. None if it is unknown or already
        acknowledged."""
        await forget_share(transaction, finding_id)
        row = await transaction.fetch_row(ACKNOWLEDGE, finding_id, actor)
        if row is None:
            return None
        finding = _finding(row)
        subject = msgspec.convert(finding, DriftSubject, from_attributes=True)
        if finding.kind != "empty_more_often":
            await self.extend(transaction, subject, [(finding.path, trait_of(finding.kind, finding.found))])
        return finding


FRESH_SECONDS: Final = 5.0


class Baselines:
    """Baselines by subject, cached for `FRESH_SECONDS`."""

    def __init__(self, drifts: PostgresDrifts) -> None:
        self._drifts = drifts
        self._known: dict[DriftSubject, tuple[Baseline, float]] = {}

    def is_learned(self, subject: DriftSubject) -> bool:
        """Return whether the cached baseline is learned. False if none is cached. Does no I/O."""
        cached = self._known.get(subject)
        return cached is not None and cached[0].learned

    async def get(self, subject: DriftSubject) -> Baseline:
        """Return the baseline, at most `FRESH_SECONDS` old. Raises StoreUnavailable."""
        cached = self._known.get(subject)
        if cached is not None and time.monotonic() < cached[1]:
            return cached[0]
        return await self.renew(subject)

    async def renew(self, subject: DriftSubject) -> Baseline:
        """Read the baseline from the store and cache it. Raises StoreUnavailable."""
        baseline = await self._drifts.baseline(subject)
        self._known[subject] = baseline, time.monotonic() + FRESH_SECONDS
        return baseline


def _key(subject: DriftSubject) -> tuple[str, str, int, str]:
    return subject.connection, subject.mapping, subject.revision, subject.source


def _identity(noted: Noted) -> tuple[object, ...]:
    return (*_key(noted.subject), noted.path, noted.kind, noted.found)


def _columns(traits: Sequence[Trait]) -> tuple[list[str], list[str]]:
    return [path for path, _ in traits], [trait for _, trait in traits]


def _row(id: str, noted: Noted) -> tuple[object, ...]:
    subject = noted.subject
    return (
        *(id, subject.connection, subject.object, subject.mapping, subject.revision, subject.source),
        *(noted.path, noted.kind, noted.expected, noted.found, noted.example, noted.policy, noted.count),
    )


def _finding(row: Any) -> DriftFinding:
    return msgspec.convert(dict(row), DriftFinding)
