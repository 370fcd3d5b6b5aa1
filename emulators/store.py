"""The emulators' state on disk: one SQLite file for all vendors, one connection, one process."""

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

-- Where a vendor's webhooks go; without a row nothing is noted and nothing sent.
CREATE TABLE IF NOT EXISTS webhook_target (
    vendor         TEXT PRIMARY KEY,
    url            TEXT NOT NULL,
    secret         TEXT NOT NULL,
    old_secret     TEXT,
    first_pause_ms INTEGER NOT NULL
) WITHOUT ROWID;

-- Changes that no webhook reports yet, with the record's body as the write had it: no call waits for more.
CREATE TABLE IF NOT EXISTS change (
    place  INTEGER PRIMARY KEY AUTOINCREMENT,
    turn   INTEGER NOT NULL,                     -- the transaction that wrote it
    vendor TEXT NOT NULL,
    object TEXT NOT NULL,
    id     TEXT NOT NULL,
    before BLOB,                                 -- NULL: there was none
    after  BLOB,                                 -- NULL: there is none any more
    at     REAL NOT NULL
);

CREATE TABLE IF NOT EXISTS webhook (
    place   INTEGER PRIMARY KEY AUTOINCREMENT,
    id      TEXT NOT NULL UNIQUE,
    vendor  TEXT NOT NULL,
    message BLOB NOT NULL,                       -- topics, headers and body, not yet signed
    state   TEXT NOT NULL,                       -- waiting, held, delivered, failed, dropped or abandoned
    due_at  REAL NOT NULL,
    tries   INTEGER NOT NULL DEFAULT 0,
    status  INTEGER,                             -- what the last try was answered
    error   TEXT,                                -- why it got no answer
    fault   BLOB
);
CREATE INDEX IF NOT EXISTS webhook_due ON webhook (vendor, due_at, place) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS webhook_held ON webhook (vendor, place) WHERE state = 'held';
"""

FILE_NAME = "emulators.sqlite3"


class Store:
    """The open SQLite file. Outside a transaction every statement commits by itself.

    `synchronous=OFF` leaves the pages to the operating system: a committed write survives the death of this process
    (kill -9), but not a crash of the machine.
    """

    def __init__(self, directory: Path | None, clock: Callable[[], float] = time.time) -> None:
        """Open or create the file in `directory`; None keeps everything in memory.

        The file holds the secrets of webhooks, so only its owner may read it. SQLite gives its write-ahead log the same
        mode.
        """
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
            (directory / FILE_NAME).touch(mode=0o600)
            (directory / FILE_NAME).chmod(0o600)  # a file of an older version
        place = ":memory:" if directory is None else str(directory / FILE_NAME)
        self.clock = clock
        self.watched: frozenset[tuple[str, str]] = frozenset()
        self.when_noted: Callable[[], None] = lambda: None
        self._turn = 0
        self._noted = False
        self.sql = sqlite3.connect(place, isolation_level=None, cached_statements=256)
        self.sql.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA busy_timeout=5000;")
        self.sql.executescript(SCHEMA)
        self._turn = int(self.sql.execute("SELECT coalesce(max(turn), 0) FROM change").fetchone()[0])

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all writes inside or none. A nested transaction joins the outer one."""
        if self.sql.in_transaction:
            yield
            return

        self.sql.execute("BEGIN IMMEDIATE")
        self._turn += 1
        self._noted = False
        try:
            yield
        except BaseException:
            self.sql.execute("ROLLBACK")
            raise
        self.sql.execute("COMMIT")
        if self._noted:
            self.when_noted()

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo the writes inside if the block raises. The surrounding transaction continues."""
        with self.transaction():
            self.sql.execute("SAVEPOINT tried")
            try:
                yield
            except BaseException:
                self.sql.execute("ROLLBACK TO tried")
                self.sql.execute("RELEASE tried")
                raise
            self.sql.execute("RELEASE tried")

    def note(self, vendor: str, object: str, id: str, before: bytes | None, after: bytes | None) -> None:
        """Record a change of a watched object for its webhooks, in the transaction of the write."""
        self.sql.execute(
            "INSERT INTO change (turn, vendor, object, id, before, after, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (self._turn, vendor, object, id, before, after, self.clock()),
        )
        self._noted = True

    def forget(self, vendor: str | None) -> None:
        """Delete records, remembered values, settings, faults, calls and webhooks of one vendor or of all.

        Counters stay: no vendor issues an id twice, and links to old records must not reach new ones. Webhook targets
        stay too, because they are configuration.
        """
        with self.transaction():
            for table in ("record", "record_key", "memory", "setting", "fault", "call", "change", "webhook"):
                # The table names are the literals above.
                self.sql.execute(
                    f"DELETE FROM {table} WHERE ?1 IS NULL OR vendor = ?1",  # noqa: S608
                    (vendor,),
                )

    def close(self) -> None:
        """Close the file. SQLite merges its write-ahead log into it."""
        self.sql.close()
