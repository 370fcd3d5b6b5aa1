"""What happened in one run, as flows see it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

from msgspec import Struct

StoryKind = Literal[
    "request",
    "upload",
    "receipt",
    "operation",
    "vendor_call",
    "attempt",
    "event",
    "delivery",
    "dead_letter",
    "redrive",
    "audit",
]


class Place(Struct, frozen=True, kw_only=True):
    """Where something stands in the story: by time, then by what usually causes what, then by its own key."""

    at: datetime
    rank: int
    key: str


class Happening(Struct, frozen=True, kw_only=True):
    """One thing that happened. `facts` differ by kind, and hold no personal data."""

    place: Place
    kind: StoryKind
    facts: dict[str, Any]


class Runs(Protocol):
    """The story of a run, told from every table that its correlation id is in."""

    async def story(self, correlation_id: str, *, after: Place | None, limit: int) -> Sequence[Happening]:
        """What happened, oldest first, behind the place `after`."""

    async def trace_id(self, correlation_id: str) -> str | None:
        """The trace that the run began in, 32 hexadecimal digits; None where nothing has kept one."""
