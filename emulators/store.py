"""The emulators' memory on disk: one SQLite file for all vendors, one connection, one process."""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS record (
    place   INTEGER PRIMARY KEY AUTOINCREMENT,   -- insertion order, kept when a record is written again
    vendor  TEXT NOT NULL,
    object  TEXT NOT NULL,
    id      TEXT NOT NULL,
    body    BLOB NOT NULL,
    seen_at REAL NOT NULL,                       -- Unix seconds of the last write
    UNIQUE (vendor, object, id)
);
CREATE INDEX IF NOT EXISTS record_by_place ON record (vendor, object, place);
CREATE INDEX IF NOT EXISTS record_by_time ON record (vendor, object, seen_at, place);

CREATE TABLE IF NOT EXISTS record_key (
    vendor TEXT NOT NULL,
    object TEXT NOT NULL,
    name   TEXT NOT NULL,
    value  TEXT NOT NULL,
    id     TEXT NOT NULL,
    PRIMARY KEY (vendor, object, name, value, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS record_key_by_id ON record_key (vendor, object, id);

CREATE TABLE IF NOT EXISTS counter (
    vendor TEXT NOT NULL,
    object TEXT NOT NULL,
    last   INTEGER NOT NULL,
    PRIMARY KEY (vendor, object)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS memory (
    vendor  TEXT NOT NULL,
    key     TEXT NOT NULL,
    value   BLOB NOT NULL,
    ends_at REAL NOT NULL,
    PRIMARY KEY (vendor, key)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS setting (
    vendor TEXT NOT NULL,
    name   TEXT NOT NULL,
    value  REAL NOT NULL,
    PRIMARY KEY (vendor, name)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS fault (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    vendor TEXT NOT NULL,
    body   BLOB NOT NULL
);

CREATE TABLE IF NOT EXISTS call (
    place           INTEGER PRIMARY KEY AUTOINCREMENT,
    vendor          TEXT NOT NULL,
    at              REAL NOT NULL,
    method          TEXT NOT NULL,
    path            TEXT NOT NULL,
    query           TEXT NOT NULL,
    status          INTEGER,
    idempotency_key TEXT,
    body            BLOB NOT NULL,
    fault           TEXT
);
CREATE INDEX IF NOT EXISTS call_by_vendor ON call (vendor, place);
"""

FILE_NAME = "emulators.sqlite3"


class Store:
    """The open SQLite file.

    Without a transaction every statement commits by itself. `synchronous=OFF` leaves the pages to the operating
    system: a committed write survives the death of this process (kill -9), not the death of the machine.
    """

    def __init__(self, directory: Path | None, clock: Callable[[], float] = time.time) -> None:
        """Open (and make, when new) the file in `directory`; None keeps everything in memory."""
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
        place = ":memory:" if directory is None else str(directory / FILE_NAME)
        self.clock = clock
        self.sql = sqlite3.connect(place, isolation_level=None, cached_statements=256)
        self.sql.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA busy_timeout=5000;")
        self.sql.executescript(SCHEMA)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside or none. One opened inside another joins it."""
        if self.sql.in_transaction:
            yield
            return

        self.sql.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.sql.execute("ROLLBACK")
            raise
        self.sql.execute("COMMIT")

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        """Writes that are undone when the block raises, while the transaction around them goes on."""
        with self.transaction():
            self.sql.execute("SAVEPOINT tried")
            try:
                yield
            except BaseException:
                self.sql.execute("ROLLBACK TO tried")
                self.sql.execute("RELEASE tried")
                raise
            self.sql.execute("RELEASE tried")

    def forget(self, vendor: str | None) -> None:
        """Empty records, remembered keys, settings, faults and calls of one vendor, or of all.

        Counters stay: no vendor gives an id twice, and links that point at the old records must not hit new ones.
        """
        with self.transaction():
            for table in ("record", "record_key", "memory", "setting", "fault", "call"):
                # The table names are the literals above.
                self.sql.execute(
                    f"DELETE FROM {table} WHERE ?1 IS NULL OR vendor = ?1",  # noqa: S608
                    (vendor,),
                )

    def close(self) -> None:
        """Close the file; SQLite folds its write-ahead log back into it."""
        self.sql.close()
