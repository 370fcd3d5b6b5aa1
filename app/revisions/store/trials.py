"""Totals of shadows and canaries over all processes, and the withdrawal of a canary that does worse.

A canary is compared with the active revision on the same records and drafts, so bad vendor data counts on both sides.
The process that adds the decisive figures withdraws the canary (docs/decisions/0024-canaries-come-back.md).
"""

from collections.abc import Sequence
from typing import Final

import asyncpg

from app.audit import record
from app.postgres.database import Database, Statement, Transaction
from app.revisions.models import CanaryTally, Comparisons, SeenDifference, ShadowFigures, TrialKey
from app.revisions.store.mapping_routes import LOCK, NOTIFY

WINDOW_MINUTES: Final = 10
COMPARED_AT_LEAST: Final = 20
REFUSED_AT_ONCE: Final = 3
REFUSED_SHARE: Final = 0.01
LOST_SHARE: Final = 0.05
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

ADD_WEIGHING = Statement(
    "INSERT canary_tally",
    """
    INSERT INTO canary_tally AS kept (connection, mapping, active, canary, minute,
                                          compared, refused, refused_by_active, more_loss, less_loss)
    VALUES ($1, $2, $3, $4, date_trunc('minute', now()), $5, $6, $7, $8, $9)
        ON CONFLICT (connection, mapping, active, canary, minute) DO UPDATE
       SET compared = kept.compared + excluded.compared, refused = kept.refused + excluded.refused,
           refused_by_active = kept.refused_by_active + excluded.refused_by_active,
           more_loss = kept.more_loss + excluded.more_loss, less_loss = kept.less_loss + excluded.less_loss
    """,
)

SUMS: Final = """
    coalesce(sum(compared), 0)::bigint AS compared, coalesce(sum(refused), 0)::bigint AS refused,
    coalesce(sum(refused_by_active), 0)::bigint AS refused_by_active,
    coalesce(sum(more_loss), 0)::bigint AS more_loss, coalesce(sum(less_loss), 0)::bigint AS less_loss
"""

# The last minutes, extended into the past until COMPARED_AT_LEAST records are in them. Every stored minute compared at
# least one record, which bounds the rows needed. The row at -infinity is not a minute: see FOLD.
SELECT_WINDOW = Statement(
    "SELECT canary_tally",
    f"""
    SELECT {SUMS}
      FROM (SELECT *, sum(compared) OVER (ORDER BY minute DESC) - compared AS compared_since
              FROM canary_tally
             WHERE (connection, mapping, active, canary) = ($1, $2, $3, $4) AND minute > '-infinity'
             ORDER BY minute DESC
             LIMIT {max(COMPARED_AT_LEAST, WINDOW_MINUTES + 1)}) AS minutes
     WHERE minute > now() - make_interval(mins => {WINDOW_MINUTES})
        OR compared_since < {COMPARED_AT_LEAST}
    """,  # noqa: S608 - constants only
)

# A minute that has left the window never enters it again, because newer minutes only add to what was compared since.
# Such minutes are summed into one row at -infinity, so that the totals of the canary stay complete.
FOLD = Statement(
    "INSERT canary_tally",
    f"""
    WITH past AS (
        DELETE FROM canary_tally
         WHERE (connection, mapping, active, canary) = ($1, $2, $3, $4)
           AND minute IN (SELECT minute
                            FROM (SELECT minute, sum(compared) OVER (ORDER BY minute DESC) - compared AS compared_since
                                    FROM canary_tally
                                   WHERE (connection, mapping, active, canary) = ($1, $2, $3, $4)
                                     AND minute > '-infinity') AS minutes
                           WHERE minute <= now() - make_interval(mins => {WINDOW_MINUTES})
                             AND compared_since >= {COMPARED_AT_LEAST})
        RETURNING *
    )
    INSERT INTO canary_tally AS kept (connection, mapping, active, canary, minute,
                                          compared, refused, refused_by_active, more_loss, less_loss)
    SELECT connection, mapping, active, canary, '-infinity', {SUMS}
      FROM past
     GROUP BY connection, mapping, active, canary
        ON CONFLICT (connection, mapping, active, canary, minute) DO UPDATE
       SET compared = kept.compared + excluded.compared, refused = kept.refused + excluded.refused,
           refused_by_active = kept.refused_by_active + excluded.refused_by_active,
           more_loss = kept.more_loss + excluded.more_loss, less_loss = kept.less_loss + excluded.less_loss
    """,  # noqa: S608 - constants only
)

SELECT_TALLIES = Statement(
    "SELECT canary_tally",
    f"""
    SELECT connection, mapping, active, canary, {SUMS}
      FROM canary_tally
     GROUP BY connection, mapping, active, canary
     ORDER BY connection, mapping, active, canary
    """,  # noqa: S608 - constants only
)

# Matches no row if the canary has ended or another one has begun.
WITHDRAW = Statement(
    "UPDATE mapping_route",
    """
    UPDATE mapping_route
       SET canary_revision = NULL, canary_share = NULL, canary_since = NULL, note = $4,
           changed_by = 'lockstitch', changed_at = now()
     WHERE (connection, mapping, canary_revision) = ($1, $2, $3)
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
                    *(one.key.connection, one.key.mapping, one.key.active, one.key.tried),
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

    async def add_tallies(self, tallies: Sequence[CanaryTally]) -> None:
        """Add to the canary totals and withdraw a canary that does worse. Raises StoreUnavailable."""
        for one in sorted(tallies, key=lambda one: _columns(one.key)):
            figures = (one.compared, one.refused, one.refused_by_active, one.more_loss, one.less_loss)
            async with self._database.transaction() as session:
                # Take the lock of the route first: a change that read the route earlier could restore the canary.
                await session.execute(LOCK, one.key.connection, one.key.mapping)
                await session.execute(ADD_WEIGHING, *_columns(one.key), *figures)
                await session.execute(FOLD, *_columns(one.key))
                row = await session.fetch_row(SELECT_WINDOW, *_columns(one.key))
                assert row is not None  # noqa: S101 - an aggregate has one
                window = _tally(one.key, row)
                why = why_withdrawn(window)
                if why is not None:
                    await _withdraw(session, window, why)

    async def shadows(self) -> Sequence[ShadowFigures]:
        """Return the totals of every shadow. Raises StoreUnavailable."""
        found: dict[TrialKey, list[SeenDifference]] = {}
        for row in await self._database.fetch(SELECT_DIFFERENCES):
            found.setdefault(_key(row, "shadow"), []).append(
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
                key=(key := _key(row, "shadow")),
                compared=row["compared"],
                differing=row["differing"],
                dropped=row["dropped"],
                first_at=row["first_at"],
                last_at=row["last_at"],
                differences=tuple(found.get(key, ())),
            )
            for row in await self._database.fetch(SELECT_COMPARISONS)
        ]

    async def canaries(self) -> Sequence[CanaryTally]:
        """Return the totals of every canary since it began. Raises StoreUnavailable."""
        return [_tally(_key(row, "canary"), row) for row in await self._database.fetch(SELECT_TALLIES)]


def why_withdrawn(window: CanaryTally) -> str | None:
    """Return why to withdraw a canary with the figures of this window, or None to keep it.

    Only the surplus over the active revision counts, because refusals and losses of both come from the vendor's data.
    The limits are three more refusals at any time or, once 20 records are compared, over 1 % more refused or over 5 %
    more with more loss.
    """
    refused = window.refused - window.refused_by_active
    lost = window.more_loss - window.less_loss
    where = f"r{window.key.tried} against r{window.key.active} on the last {window.compared} records"
    enough = window.compared >= COMPARED_AT_LEAST
    if refused >= REFUSED_AT_ONCE or (enough and refused > REFUSED_SHARE * window.compared):
        return f"withdrawn automatically: {refused} more refused, {where}"
    if enough and lost > LOST_SHARE * window.compared:
        return f"withdrawn automatically: {lost} with more loss, {where}"
    return None


async def _withdraw(session: Transaction, window: CanaryTally, why: str) -> None:
    key = window.key
    if not await session.execute(WITHDRAW, key.connection, key.mapping, key.tried, why):
        return
    await session.execute(NOTIFY)
    await record.append(
        session,
        "mapping.canary_withdrawn",
        subject=key.mapping,
        actor="lockstitch",
        correlation_id=None,
        facts={
            "connection": key.connection,
            "mapping": key.mapping,
            "revision": key.tried,
            "active": key.active,
            "because": why,
            "compared": window.compared,
            "refused": window.refused,
            "refused_by_active": window.refused_by_active,
            "more_loss": window.more_loss,
            "less_loss": window.less_loss,
        },
    )


def _columns(key: TrialKey) -> tuple[str, str, int, int]:
    return key.connection, key.mapping, key.active, key.tried


def _key(row: asyncpg.Record, tried: str) -> TrialKey:
    return TrialKey(connection=row["connection"], mapping=row["mapping"], active=row["active"], tried=row[tried])


def _tally(key: TrialKey, row: asyncpg.Record) -> CanaryTally:
    return CanaryTally(
        key=key,
        compared=row["compared"],
        refused=row["refused"],
        refused_by_active=row["refused_by_active"],
        more_loss=row["more_loss"],
        less_loss=row["less_loss"],
    )
