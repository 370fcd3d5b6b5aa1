"""Seal all values with the first encryption key, in small batches, while processes run.

Each value is read, sealed again, and replaced only if it is unchanged; a value that changed meanwhile is read again. No
progress is stored: each value names its key, so an interrupted rotation finds what is left.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import asyncpg
from msgspec import Struct

from app.audit import record
from app.postgres.database import Database, Statement
from app.postgres.encryption import SealBroken, SealedColumn, Sealer, prefix_of


class RotatedBatch(Struct, frozen=True, kw_only=True):
    """The result for some values of one column. `unreadable` values are sealed with a key that is not configured, or
    were tampered with."""

    column: str
    sealed: int
    unreadable: int


class KeyRotation:
    """Rotates `columns` in this order, with `batch` values per transaction."""

    def __init__(
        self, database: Database, sealer: Sealer, columns: Sequence[SealedColumn], *, batch: int = 200
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._columns = columns
        self._batch = batch

    async def count(self) -> Mapping[str, Mapping[str, int]]:
        """Return by column how many values each key seals, by key id."""
        return {
            column.name: {row["key"]: row["count"] for row in await self._database.fetch(_count(column))}
            for column in self._columns
        }

    async def rotate(self) -> AsyncIterator[RotatedBatch]:
        """Seal every value of another key once. Raises StoreUnavailable."""
        for column in self._columns:
            after: Sequence[Any] | None = None
            while True:
                rows = await self._select(column, after)
                if rows:
                    yield await self._seal(column, rows)
                    after = [rows[-1][name] for name in column.key]
                if len(rows) < self._batch:
                    break

    async def note(self, *, actor: str, sealed: int) -> None:
        """Record in the audit trail how many values were sealed."""
        async with self._database.transaction() as session:
            facts = {"sealed": sealed}
            entry = record.Entry(
                type="encryption.rotated", subject=self._sealer.writer, actor=actor, correlation_id=None, facts=facts
            )
            await record.append(session, entry)

    async def _select(self, column: SealedColumn, after: Sequence[Any] | None) -> list[asyncpg.Record]:
        prefix = prefix_of(self._sealer.writer)
        return await self._database.fetch(_select(column, first=after is None), prefix, self._batch, *(after or ()))

    async def _seal(self, column: SealedColumn, rows: Sequence[asyncpg.Record]) -> RotatedBatch:
        resealed = []
        for row in rows:
            belongs_to = column.belongs_to(dict(row))
            try:
                plain = self._sealer.open(row[column.column], belongs_to)
            except SealBroken:
                continue
            resealed.append((row, self._sealer.seal(plain, belongs_to)))
        changed = await self._database.execute(
            _update(column),
            [row[column.column] for row, _ in resealed],
            [sealed for _, sealed in resealed],
            *([row[name] for row, _ in resealed] for name in column.key),
        )
        return RotatedBatch(column=column.name, sealed=changed, unreadable=len(rows) - len(resealed))


def _count(column: SealedColumn) -> Statement:
    return Statement(
        f"SELECT {column.table}",
        f"""
        SELECT convert_from(substring({column.column} FROM 2 FOR get_byte({column.column}, 0)), 'UTF8') AS key,
               count(*)::bigint AS count
          FROM {column.table}
         WHERE octet_length({column.column}) > 0
         GROUP BY 1
         ORDER BY 1
        """,  # noqa: S608 - only names of our tables and columns, also below
    )


def _select(column: SealedColumn, *, first: bool) -> Statement:
    key = ", ".join(column.key)
    after = ", ".join(f"${number}::{kind}" for number, kind in enumerate(column.key.values(), 3))
    return Statement(
        f"SELECT {column.table}",
        f"""
        SELECT {", ".join((*column.key, *column.more, column.column))}
          FROM {column.table}
         WHERE {"true" if first else f"({key}) > ({after})"}
           AND octet_length({column.column}) > 0
           AND substring({column.column} FROM 1 FOR octet_length($1::bytea)) <> $1::bytea
         ORDER BY {key}
         LIMIT $2
        """,  # noqa: S608
    )


def _update(column: SealedColumn) -> Statement:
    names = ", ".join(column.key)
    arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(column.key.values(), 3))
    same = " AND ".join(f"{column.table}.{name} = resealed.{name}" for name in column.key)
    return Statement(
        f"UPDATE {column.table}",
        f"""
        UPDATE {column.table}
           SET {column.column} = resealed.sealed
          FROM unnest($1::bytea[], $2::bytea[], {arrays}) AS resealed (seen, sealed, {names})
         WHERE {same} AND {column.table}.{column.column} = resealed.seen
        """,  # noqa: S608
    )
