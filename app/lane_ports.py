"""Lanes and figures of the queue as operators see them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol

from msgspec import Struct

BlockedReason = Literal["throttle", "auth", "operator"]
PauseReason = Literal["auth", "operator"]


class LaneSettings(Struct, frozen=True, kw_only=True):
    """How fast one connection's jobs may start: `rate` a second, and `burst` at once when it has been idle."""

    rate: float | None
    burst: float = 1.0


class Lane(Struct, frozen=True, kw_only=True):
    """One connection's lane now. A lane with a reason whose time is over is half open: one job probes."""

    connection: str
    rate: float | None
    burst: float
    tokens: float
    blocked_reason: BlockedReason | None
    blocked_seconds: float | None  # what is left; None for until a person resumes it
    blocked_note: str | None
    blocked_at: datetime | None
    probing: bool


class Lanes(Protocol):
    """The lanes, for operators."""

    async def configure(self, settings: Mapping[str, LaneSettings]) -> None:
        """Set the pace of these connections; what is saved up is kept, up to the new burst."""

    async def list(self) -> Sequence[Lane]:
        """Every lane, by connection."""

    async def pause(self, connection: str, *, actor: str, note: str) -> bool:
        """Start no more of its jobs until `resume`. False when a person or a refused credential has paused it."""

    async def resume(self, connection: str, *, actor: str) -> bool:
        """Go on; after a refused credential with one job as a probe. False when it is not blocked."""


class Pause(Struct, frozen=True, kw_only=True):
    """What stops a connection in the whole installation, for reads, writes and jobs alike.

    `held`: until a person resumes it. After a refused credential he is not yet right by that: the pause is there, and
    not held, until the vendor has accepted one request.
    """

    reason: PauseReason
    note: str | None
    since: datetime
    held: bool


class Pauses(Protocol):
    """The pauses of the installation as this process knows them: from memory, at most about a second old."""

    def of(self, connection: str) -> Pause | None:
        """What stops this connection, if anything does."""

    async def refuse(self, connection: str, reason: str) -> bool:
        """The vendor does not accept our credential: pause the connection everywhere, once. False when that could not
        be written down. `reason` is words without personal data."""

    async def prove(self, connection: str) -> None:
        """The vendor has accepted the credential of a connection whose pause is not held any more: that is over."""

    async def refresh(self) -> None:
        """Know what is true now. Raises StoreUnavailable."""


class QueueFigures(Struct, frozen=True, kw_only=True):
    """What waits and runs of one kind at one connection; ages in seconds, 0 for none."""

    connection: str
    kind: str
    depth: int  # all of them
    ready: int  # could start now, as far as order and time go
    running: int
    blocked_keys: int  # keys held up by a failed job that waits for its next attempt, or by a dead letter
    oldest_age: float  # since it was enqueued
    lag: float  # how long the longest waiting one could have started already
