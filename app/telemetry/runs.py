"""Steps of a run that no table records: requests to Lockstitch and to vendors. Kept in memory until a task writes them.

Recording is an append and never fails a call. Without a writer, as in a command, nothing is kept. If the writer is too
slow, the newest entries are dropped and counted.
"""

from collections import deque
from datetime import datetime
from typing import Any, Final, Literal

from msgspec import Struct
from prometheus_client import Counter

from app.telemetry.context import correlation_id
from app.telemetry.metrics import registry

ROOM: Final = 20_000

RunEntryKind = Literal["request", "vendor_call"]

entries_dropped = Counter(
    "lockstitch_run_entries_dropped",
    "Steps of runs that could not be written fast enough.",
    registry=registry,
)


class RunEntry(Struct, frozen=True, kw_only=True):
    """One step of a run. `facts` contain no personal data: configured names, templates, numbers, the vendor's request
    ids. `at` is its start, by the host's clock."""

    correlation_id: str
    kind: RunEntryKind
    at: datetime
    facts: dict[str, Any]


class RunRecorder:
    """The unwritten entries of this process, oldest first."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._entries: deque[RunEntry] = deque()
        self._open = False

    def open(self) -> None:
        """Start to keep entries: a task writes them."""
        self._open = True

    def close(self) -> None:
        """Stop to keep entries, and drop those left."""
        self._open = False
        self._entries.clear()

    def note(self, kind: RunEntryKind, at: datetime, facts: dict[str, Any]) -> None:
        """Record a step of the current run. Does nothing outside of a run."""
        run = correlation_id.get()
        if not self._open or not run:
            return
        if len(self._entries) >= self._room:
            entries_dropped.inc()
            return
        self._entries.append(RunEntry(correlation_id=run, kind=kind, at=at, facts=facts))

    def take(self, at_most: int) -> list[RunEntry]:
        """Remove and return the oldest entries."""
        return [self._entries.popleft() for _ in range(min(at_most, len(self._entries)))]

    def put_back(self, entries: list[RunEntry]) -> None:
        """Return entries that could not be written. The oldest are dropped if there is no room."""
        room = max(0, self._room - len(self._entries))
        kept = entries[len(entries) - min(room, len(entries)) :]
        entries_dropped.inc(len(entries) - len(kept))
        self._entries.extendleft(reversed(kept))


recorder: Final = RunRecorder()
