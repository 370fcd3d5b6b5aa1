"""Totals of shadows over all processes."""

from collections.abc import Sequence
from typing import Final

import asyncpg

from app.postgres.database import Database, Statement
from app.revisions.models import Comparisons, SeenDifference, ShadowFigures, TrialKey

SAMPLES: Final = 3

# Rows are locked in key order, so that two processes never deadlock.
ADD_COMPARISONS = Statement(
    "INSERT mapping_comparison",
    """
    INSERT INTO mapping_comparison AS kept (connection, mapping, active, shadow, compared, differing, dropped)
    SELECT *
      FROM unnest($1::text[], $2::text[], $3::integer[], $4::integer[], $5::bigint[], $6::bigint[], $7::bigint[])
           AS added (connection, mapping, active, shadow, compared, differing, dropped)
     ORDER BY connection, mapping, active, shadow
        ON CONFLICT (connection, mapping, active, shadow) DO UPDATE
       SET compared = kept.compared + excluded.compared, differing = kept.differing + excluded.differing,
           dropped = kept.dropped + excluded.dropped, last_at = now()
    """,
)

# Only the first samples are kept: they explain the difference, and rows stay small.
ADD_DIFFERENCE = Statement(
    "INSERT mapping_difference",
    f"""
    INSERT INTO mapping_difference AS kept (connection, mapping, active, shadow, passing, path, count, samples)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (connection, mapping, active, shadow, passing, path) DO UPDATE
       SET count = kept.count + excluded.count, last_seen = now(),
           samples = CASE WHEN cardinality(kept.samples) >= {SAMPLES} THEN kept.samples
                          ELSE ARRAY(SELECT sample
                                       FROM unnest(kept.samples || excluded.samples)
                                            WITH ORDINALITY AS listed (sample, place)
                                      GROUP BY sample
                                      ORDER BY min(place)
                                      LIMIT {SAMPLES}) END
    """,  # noqa: S608 - a constant only
)

SELECT_COMPARISONS = Statement(
    "SELECT mapping_comparison",
    """
    SELECT connection, mapping, active, shadow, compared, differing, dropped, first_at, last_at
      FROM mapping_comparison
     ORDER BY connection, mapping, active, shadow
    """,
)

SELECT_DIFFERENCES = Statement(
    "SELECT mapping_difference",
    """
    SELECT connection, mapping, active, shadow, passing, path, count, samples, first_seen, last_seen
      FROM mapping_difference
     ORDER BY connection, mapping, active, shadow, count DESC, passing, path
    """,
)


class PostgresTrialBook:
    """`TrialBook` on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, comparisons: Sequence[Comparisons]) -> None:
        """Add comparisons to the totals. Raises StoreUnavailable."""
        columns = zip(
            *(
                (
                    *(one.key.connection, one.key.mapping, one.key.active, one.key.shadow),
                    *(one.compared, one.differing, one.dropped),
                )
                for one in comparisons
            ),
            strict=True,
        )
        async with self._database.transaction() as session:
            await session.execute(ADD_COMPARISONS, *(list(column) for column in columns))
            for one in sorted(comparisons, key=lambda one: _columns(one.key)):
                for difference in sorted(one.differences, key=lambda difference: (difference.passing, difference.path)):
                    await session.execute(
                        ADD_DIFFERENCE,
                        *_columns(one.key),
                        difference.passing,
                        difference.path,
                        difference.count,
                        list(difference.samples[:SAMPLES]),
                    )

    async def shadows(self) -> Sequence[ShadowFigures]:
        """Return the totals of every shadow. Raises StoreUnavailable."""
        differences: dict[TrialKey, list[SeenDifference]] = {}
        for row in await self._database.fetch(SELECT_DIFFERENCES):
            differences.setdefault(_key(row), []).append(
                SeenDifference(
                    passing=row["passing"],
                    path=row["path"],
                    count=row["count"],
                    samples=tuple(row["samples"]),
                    first_seen=row["first_seen"],
                    last_seen=row["last_seen"],
                )
            )
        return [
            ShadowFigures(
                key=(key := _key(row)),
                compared=row["compared"],
                differing=row["differing"],
                dropped=row["dropped"],
                first_at=row["first_at"],
                last_at=row["last_at"],
                differences=tuple(differences.get(key, ())),
            )
            for row in await self._database.fetch(SELECT_COMPARISONS)
        ]


def _columns(key: TrialKey) -> tuple[str, str, int, int]:
    return key.connection, key.mapping, key.active, key.shadow


def _key(row: asyncpg.Record) -> TrialKey:
    return TrialKey(connection=row["connection"], mapping=row["mapping"], active=row["active"], shadow=row["shadow"])
