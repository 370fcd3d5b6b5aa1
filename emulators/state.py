"""One vendor's view of the emulators' state."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from emulators.store import Store

JsonRecord = dict[str, Any]

DEFAULT_PER_MINUTE = 100_000
_read = msgspec.json.Decoder(JsonRecord).decode
_write = msgspec.json.Encoder().encode


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """The rest of the vendor's rate limit after a call. `resets_in` is in whole seconds, at least 1."""

    limit: int
    remaining: int
    resets_in: int
    allowed: bool


class State:
    """A vendor's records, counters, remembered values and limits. Reads return copies: change one, then `put` it."""

    def __init__(self, store: Store, vendor: str) -> None:
        """View the rows of `vendor` in `store`."""
        self._store = store
        self._sql = store.sql
        self._vendor = vendor
        self._minute = -1
        self._spent = 0
        self._ends: str | None = None

    # Records

    def get(self, object: str, id: str) -> JsonRecord | None:
        """Return the record with this id, or None."""
        body = self._body(object, id)
        return None if body is None else _read(body)

    def put(self, object: str, id: str, record: JsonRecord, keys: Mapping[str, str] | None = None) -> None:
        """Write a record. `keys` are the names and values for `lookup`; they replace earlier ones."""
        body = _write(record)
        with self._store.transaction():
            if self._is_watched(object):
                self._store.note(self._vendor, object, str(id), self._body(object, id), body)
            self._sql.execute(
                """
                INSERT INTO record (vendor, object, id, body, seen_at) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (vendor, object, id) DO UPDATE SET body = excluded.body, seen_at = excluded.seen_at
                """,
                (self._vendor, object, str(id), body, self._store.clock()),
            )
            self._drop_keys(object, id)
            for name, value in (keys or {}).items():
                self._sql.execute(
                    "INSERT OR IGNORE INTO record_key (vendor, object, name, value, id) VALUES (?, ?, ?, ?, ?)",
                    (self._vendor, object, name, value, str(id)),
                )

    def delete(self, object: str, id: str) -> bool:
        """Remove a record for good. Return False if there was none. Vendors that delete softly `put` instead."""
        with self._store.transaction():
            self._drop_keys(object, id)
            if self._is_watched(object) and (before := self._body(object, id)) is not None:
                self._store.note(self._vendor, object, str(id), before, None)
            gone = self._sql.execute(
                "DELETE FROM record WHERE vendor = ? AND object = ? AND id = ?",
                (self._vendor, object, str(id)),
            )
        return gone.rowcount > 0

    def all(self, object: str) -> list[JsonRecord]:
        """Return every record in the order of insertion."""
        return [record for _, record in self.page(object, after=0, limit=-1)]

    def page(self, object: str, *, after: int, limit: int) -> list[tuple[int, JsonRecord]]:
        """Return up to `limit` records (-1 for all) inserted after the place `after` (0 for the first), with their
        places."""
        rows = self._sql.execute(
            "SELECT place, body FROM record WHERE vendor = ? AND object = ? AND place > ? ORDER BY place LIMIT ?",
            (self._vendor, object, after, limit),
        )
        return [(place, _read(body)) for place, body in rows]

    def changed(self, object: str, *, since: float, limit: int = -1) -> list[tuple[float, JsonRecord]]:
        """Return the records last written at or after `since` (Unix seconds), oldest first, each with the time of its
        write."""
        rows = self._sql.execute(
            """
            SELECT seen_at, body FROM record
            WHERE vendor = ? AND object = ? AND seen_at >= ? ORDER BY seen_at, place LIMIT ?
            """,
            (self._vendor, object, since, limit),
        )
        return [(seen_at, _read(body)) for seen_at, body in rows]

    def find(self, object: str, predicate: Callable[[JsonRecord], bool]) -> list[JsonRecord]:
        """Return the records for which `predicate` holds, in the order of insertion. It reads all: see `lookup`."""
        return [record for record in self.all(object) if predicate(record)]

    def lookup(self, object: str, name: str, value: str) -> list[JsonRecord]:
        """Return the records that were `put` with this key, in the order of insertion. Indexed and exact, with case,
        except within `taking_ends`."""
        ends = self._ends
        if ends is not None and ends in f"{name} {value}":
            sign, name, value = "LIKE", *(one.replace(ends, f"%{ends}") for one in (name, value))
        else:
            sign = "="
        # CROSS: SQLite begins with the key. For the sake of the order it would begin with all records.
        rows = self._sql.execute(
            f"""
            SELECT record.body FROM record_key CROSS JOIN record USING (vendor, object, id)
            WHERE record_key.vendor = ? AND record_key.object = ?
              AND record_key.name {sign} ? AND record_key.value {sign} ?
            ORDER BY record.place
            """,  # noqa: S608 - one of two signs
            (self._vendor, object, name, value),
        )
        return [_read(body) for (body,) in rows]

    @contextlib.contextmanager
    def taking_ends(self, text: str) -> Iterator[None]:
        """Within the block, find records also by keys that end with this plain text."""
        self._ends = text
        try:
            yield
        finally:
            self._ends = None

    def count(self, object: str) -> int:
        """Return the number of records."""
        row = self._sql.execute(
            "SELECT count(*) FROM record WHERE vendor = ? AND object = ?", (self._vendor, object)
        ).fetchone()
        return int(row[0])

    def seen_at(self, object: str, id: str) -> float:
        """Return the time of a record's last write in Unix seconds, for a lagging search. 0.0 if there is none."""
        row = self._sql.execute(
            "SELECT seen_at FROM record WHERE vendor = ? AND object = ? AND id = ?",
            (self._vendor, object, str(id)),
        ).fetchone()
        return float(row[0]) if row else 0.0

    def next_id(self, object: str, start: int) -> int:
        """Return a new number for this object, `start` the first time. It survives a restart and a reset."""
        row = self._sql.execute(
            """
            INSERT INTO counter (vendor, object, last) VALUES (?, ?, ?)
            ON CONFLICT (vendor, object) DO UPDATE SET last = last + 1 RETURNING last
            """,
            (self._vendor, object, start),
        ).fetchall()
        return int(row[0][0])

    # Idempotency keys

    def remember(self, key: str, value: JsonRecord, ttl: float) -> None:
        """Keep `value` under `key` for `ttl` seconds, across restarts."""
        now = self._store.clock()
        with self._store.transaction():
            self._sql.execute("DELETE FROM memory WHERE vendor = ? AND ends_at <= ?", (self._vendor, now))
            self._sql.execute(
                "INSERT OR REPLACE INTO memory (vendor, key, value, ends_at) VALUES (?, ?, ?, ?)",
                (self._vendor, key, _write(value), now + ttl),
            )

    def recall(self, key: str) -> JsonRecord | None:
        """Return what was remembered under `key`, None if its time is over."""
        row = self._sql.execute(
            "SELECT value FROM memory WHERE vendor = ? AND key = ? AND ends_at > ?",
            (self._vendor, key, self._store.clock()),
        ).fetchone()
        return _read(row[0]) if row else None

    # Limits, set through POST /_emulator/limits

    def setting(self, name: str, default: float) -> float:
        """Return a number set from outside, such as `per_minute` or `search_lag` (seconds)."""
        row = self._sql.execute(
            "SELECT value FROM setting WHERE vendor = ? AND name = ?", (self._vendor, name)
        ).fetchone()
        return float(row[0]) if row else default

    def set(self, name: str, value: float) -> None:
        """Store a number for `setting`."""
        self._sql.execute(
            "INSERT OR REPLACE INTO setting (vendor, name, value) VALUES (?, ?, ?)",
            (self._vendor, name, value),
        )

    def search_lag(self, default: float = 2.0) -> float:
        """Return the seconds for which the vendor's search does not see a written record."""
        return self.setting("search_lag", default)

    def spend(self, now: float, default: int = DEFAULT_PER_MINUTE) -> Allowance:
        """Count one call against the limit of this clock minute. The count is in memory: a restart begins at zero."""
        minute = int(now // 60)
        if minute != self._minute:
            self._minute, self._spent = minute, 0
        self._spent += 1
        limit = int(self.setting("per_minute", default))
        return Allowance(
            limit=limit,
            remaining=max(0, limit - self._spent),
            resets_in=max(1, 60 - int(now % 60)),
            allowed=self._spent <= limit,
        )

    def forget_spending(self) -> None:
        """Start the minute's count again, after a reset or a new limit."""
        self._minute = -1

    def transaction(self) -> contextlib.AbstractContextManager[None]:
        """Commit all writes inside or none, as part of the call's transaction if there is one."""
        return self._store.transaction()

    def savepoint(self) -> contextlib.AbstractContextManager[None]:
        """Undo the writes inside if the block raises. The surrounding transaction, with the record of the call,
        continues."""
        return self._store.savepoint()

    def clock(self) -> float:
        """Return the time in Unix seconds."""
        return self._store.clock()

    def _is_watched(self, object: str) -> bool:
        """Return whether a webhook reports changes of this object."""
        return (self._vendor, object) in self._store.watched

    def _body(self, object: str, id: str) -> bytes | None:
        row = self._sql.execute(
            "SELECT body FROM record WHERE vendor = ? AND object = ? AND id = ?",
            (self._vendor, object, str(id)),
        ).fetchone()
        return row[0] if row else None

    def _drop_keys(self, object: str, id: str) -> None:
        self._sql.execute(
            "DELETE FROM record_key WHERE vendor = ? AND object = ? AND id = ?",
            (self._vendor, object, str(id)),
        )
