"""The Structs of alarms, runs and retention."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

from msgspec import Struct

from app.queue.models import PauseReason

NoticeState = Literal["raised", "standing", "over"]


class StoppedConnection(Struct, frozen=True, kw_only=True):
    """A connection that waits for a person."""

    connection: str
    reason: PauseReason


class AlarmFigures(Struct, frozen=True, kw_only=True):
    """What the database says about how things are; ages in seconds, 0 for nothing that has an age."""

    dead_letters: int
    unknown_operations: int
    disabled_subscriptions: int
    stopped: Sequence[StoppedConnection]
    job_lag: float  # how long the longest waiting job could have started already; not on connections that are stopped
    lagging: str | None  # that job's connection
    frozen_drift: int = 0  # changes at frozen paths that nobody has acknowledged


class AlarmFigureReader(Protocol):
    """The figures, with a few look-ups, however long the queue is."""

    async def read(self) -> AlarmFigures:
        """As they are now. Raises StoreUnavailable."""


class Alarm(Struct, frozen=True, kw_only=True):
    """Something that a person has to look at. No text holds personal data; `name` is the same while it lasts."""

    name: str
    summary: str
    next_step: str
    link: str | None = None


class AlarmNotice(Struct, frozen=True, kw_only=True):
    """An alarm to be told by whoever holds `token`: now, again, or that it is over."""

    name: str
    state: NoticeState
    summary: str
    since: datetime
    token: str


class Alarms(Protocol):
    """Which alarms stand, for all workers, so that of several one tells of it."""

    async def due(self, standing: Sequence[Alarm], *, repeat_seconds: float) -> Sequence[AlarmNotice]:
        """Remember that these alarms stand and no others do; those that this worker has to tell now. One that it does
        not settle within a minute is told by another. Raises StoreUnavailable."""

    async def settle(self, notice: AlarmNotice, *, reported: bool) -> None:
        """It was told, or could not be and is to be tried again. Raises StoreUnavailable."""


class Message(Struct, frozen=True, kw_only=True):
    """What a person is told."""

    alarm: str
    state: NoticeState
    summary: str
    next_step: str
    link: str | None
    since: datetime


class Alerter(Protocol):
    """The way to a person, beside everything that may itself be in trouble. What is told stands in the log as well."""

    @property
    def reaches_people(self) -> bool:
        """Whether there is any way but the log."""

    async def send(self, message: Message) -> bool:
        """Whether it arrived; the log always takes it. Never raises for what is out there."""

    async def heartbeat(self) -> None:
        """Show a dead man's switch that all is well. Never raises for what is out there."""


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


class StoryPosition(Struct, frozen=True, kw_only=True):
    """Where something stands in the story: by time, then by what usually causes what, then by its own key."""

    at: datetime
    rank: int
    key: str


class RunRecord(Struct, frozen=True, kw_only=True):
    """One thing that happened. `facts` differ by kind, and hold no personal data."""

    place: StoryPosition
    kind: StoryKind
    facts: dict[str, Any]


class Runs(Protocol):
    """The story of a run, told from every table that its correlation id is in."""

    async def story(self, correlation_id: str, *, after: StoryPosition | None, limit: int) -> Sequence[RunRecord]:
        """What happened, oldest first, behind the place `after`."""

    async def trace_id(self, correlation_id: str) -> str | None:
        """The trace that the run began in, 32 hexadecimal digits; None where nothing has kept one."""


class Retention(Protocol):
    """What has ended and has been kept long enough."""

    kinds: Sequence[str]
    """What there is to be removed, in the order in which it may go."""

    async def reap(self, kind: str, limit: int) -> int:
        """Remove at most `limit` rows of one kind, in one short transaction; how many. Raises StoreUnavailable."""
