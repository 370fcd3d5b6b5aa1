"""What a run did that no table tells: calls to us, and requests to vendors; in memory until somebody writes it.

Noting costs an append and never fails a call. Where nobody takes the entries, as in a command line, none are kept;
where they are not taken as fast as they come, the newest are dropped and counted.
"""

from collections import deque
from datetime import UTC, datetime
from typing import Any, Final, Literal

from msgspec import Struct
from prometheus_client import Counter

from app.telemetry.context import correlation_id
from app.telemetry.metrics import registry

ROOM: Final = 20_000

RunEntryKind = Literal["request", "vendor_call"]

entries_dropped = Counter(
    "lockstitch_run_entries_dropped",
    "Entries of runs that could not be written as fast as they came.",
    registry=registry,
)


class RunEntry(Struct, frozen=True, kw_only=True):
    """One thing that a run did. `facts` hold no personal data: names of ours, templates, figures, vendors' ids of
    requests. `at` is when it began, by this machine's clock."""

    correlation_id: str
    kind: RunEntryKind
    at: datetime
    facts: dict[str, Any]


class RunRecorder:
    """The entries of this process that are not written yet, oldest first."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._entries: deque[RunEntry] = deque()
        self._open = False

    def open(self) -> None:
        """From now on somebody takes what is noted."""
        self._open = True

    def close(self) -> None:
        """Nobody takes anything any more."""
        self._open = False
        self._entries.clear()

    def note(self, kind: RunEntryKind, at: datetime, facts: dict[str, Any]) -> None:
        """Something that the current run did; nothing where no run is bound."""
        run = correlation_id.get()
        if not self._open or not run:
            return
        if len(self._entries) >= self._room:
            entries_dropped.inc()
            return
        self._entries.append(RunEntry(correlation_id=run, kind=kind, at=at, facts=facts))

    def take(self, at_most: int) -> list[RunEntry]:
        """The oldest ones; they are the taker's now."""
        return [self._entries.popleft() for _ in range(min(at_most, len(self._entries)))]

    def put_back(self, entries: list[RunEntry]) -> None:
        """What could not be written, to be taken again. What has no room is dropped, the oldest first."""
        room = max(0, self._room - len(self._entries))
        kept = entries[len(entries) - min(room, len(entries)) :]
        entries_dropped.inc(len(entries) - len(kept))
        self._entries.extendleft(reversed(kept))


recorder: Final = RunRecorder()


def now() -> datetime:
    """This machine's clock."""
    return datetime.now(UTC)
