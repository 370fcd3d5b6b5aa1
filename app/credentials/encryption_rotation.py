"""Seal all values with the first encryption key, in small batches, while processes run.

Each value is read, sealed again, and replaced only if it is unchanged; a value that changed meanwhile is read again. No
progress is stored: each value names its key, so an interrupted rotation finds what is left.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import asyncpg
from msgspec import Struct

from app.audit import record
from app.postgres.database import Database, Statement
from app.postgres.encryption import SealBroken, SealedColumn, Sealer, prefix_of

# A value that moves to another table during a round is found in the next one.
MOST_ROUNDS: Final = 5


class KeyStatus(Struct, frozen=True, kw_only=True):
    """The use of the encryption keys.

    `writes`: the key that seals new values. `values`: the number of values per column and key. `missing`: keys in use
    that are not configured. `droppable`: configured keys that are no longer in use. `lacking`: processes that do not
    have the first key. `stale`: processes that still seal with another one.
    """

    writes: str
    values: Mapping[str, Mapping[str, int]]
    missing: list[str]
    droppable: list[str]
    lacking: list[str]
    stale: list[str]

    @property
    def others(self) -> int:
        """The number of values that another key seals."""
        return sum(number for counts in self.values.values() for key, number in counts.items() if key != self.writes)


class Rotated(Struct, frozen=True, kw_only=True):
    """The result of a rotation.

    `sealed`: the number of re-sealed values. `left`: values that are still sealed with another key. `unreadable`: those
    among them that no configured key opens. `lacking`, `stale`, `droppable`: as in KeyStatus, at the end.
    """

    writes: str
    sealed: int
    left: int
    unreadable: int
    lacking: list[str]
    stale: list[str]
    droppable: list[str]


class RotatedBatch(Struct, frozen=True, kw_only=True):
    """The result for some values of one column. `unreadable` values are sealed with a key that is not configured, or
    were tampered with."""

    sealed: int
    unreadable: int


class KeyRotation:
    """Rotates `columns` in this order, with `batch` values per transaction.

    `read_keys` returns the keys' ids of each process that lives; the first one seals.
    """

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        columns: Sequence[SealedColumn],
        read_keys: Callable[[Database], Awaitable[Mapping[str, Sequence[str]]]],
        *,
        batch: int = 200,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._columns = columns
        self._read_keys = read_keys
        self._batch = batch

    async def status(self) -> KeyStatus:
        """Return which keys are in use, by stored values and by processes. Raises StoreUnavailable."""
        # Processes first: what one has sealed before it ended is counted after it.
        processes = await self._read_keys(self._database)
        values = await self.count()
        writes, configured = self._sealer.writer, self._sealer.keys
        used = {key for counts in values.values() for key in counts} | {keys[0] for keys in processes.values()}
        return KeyStatus(
            writes=writes,
            values=values,
            missing=sorted(used.difference(configured)),
            droppable=[key for key in configured if key not in used and key != writes],
            lacking=[process for process, keys in processes.items() if writes not in keys],
            stale=[process for process, keys in processes.items() if keys[0] != writes],
        )

    async def count(self) -> Mapping[str, Mapping[str, int]]:
        """Return by column how many values each key seals, by key id."""
        return {
            column.name: {row["key"]: row["count"] for row in await self._database.fetch(_count(column))}
            for column in self._columns
        }

    async def rotate(self, *, actor: str, show: Callable[[int], None] = lambda _: None) -> Rotated:
        """Seal every value of another key with the first one, and record its begin and end in the audit trail.

        `show` receives the number of values sealed so far. Seals nothing more once a process lacks the key, which could
        not read it. Raises StoreUnavailable.
        """
        sealed, unreadable, has_begun = 0, 0, False
        for _ in range(MOST_ROUNDS):
            sealed_before, unreadable = sealed, 0
            async for column, rows in self._round():
                if not has_begun:
                    await self._note("encryption.rotation_begun", actor)
                    has_begun = True
                batch = await self._seal(column, rows)
                sealed += batch.sealed
                unreadable += batch.unreadable
                show(sealed)
            if sealed == sealed_before:
                break
        if has_begun:
            await self._note("encryption.rotated", actor, sealed=sealed)
        now = await self.status()
        return Rotated(
            writes=now.writes,
            sealed=sealed,
            left=now.others,
            unreadable=unreadable,
            lacking=now.lacking,
            stale=now.stale,
            droppable=now.droppable,
        )

    async def _round(self) -> AsyncIterator[tuple[SealedColumn, Sequence[asyncpg.Record]]]:
        """Yield the values to seal, and read on once they are sealed."""
        for column in self._columns:
            after: Sequence[Any] | None = None
            while rows := await self._select(column, after):
                if await self._is_lacking():
                    return
                yield column, rows
                after = [rows[-1][name] for name in column.key]
                if len(rows) < self._batch:
                    break

    async def _is_lacking(self) -> bool:
        processes = await self._read_keys(self._database)
        return any(self._sealer.writer not in keys for keys in processes.values())

    async def _note(self, what: str, actor: str, **facts: int) -> None:
        async with self._database.transaction() as session:
            subject = self._sealer.writer
            entry = record.Entry(type=what, subject=subject, actor=actor, correlation_id=None, facts=facts)
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
        return RotatedBatch(sealed=changed, unreadable=len(rows) - len(resealed))


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
