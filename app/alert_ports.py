"""Alarms as the watcher sees them: what it looks at, what it remembers, and how it tells a person.

None of it uses the queue, the Events or the subscriptions: an alarm must not travel through the patient.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

from msgspec import Struct

from app.lane_ports import PauseReason

NoticeState = Literal["raised", "standing", "over"]


class StoppedConnection(Struct, frozen=True, kw_only=True):
    """A connection that waits for a person."""

    connection: str
    reason: PauseReason


class Vitals(Struct, frozen=True, kw_only=True):
    """What the database says about how things are; ages in seconds, 0 for nothing that has an age."""

    dead_letters: int
    unknown_operations: int
    disabled_subscriptions: int
    stopped: Sequence[StoppedConnection]
    job_lag: float  # how long the longest waiting job could have started already; not on connections that are stopped
    lagging: str | None  # that job's connection
    frozen_drift: int = 0  # changes at frozen paths that nobody has acknowledged


class ReadsVitals(Protocol):
    """The figures, with a few look-ups, however long the queue is."""

    async def read(self) -> Vitals:
        """As they are now. Raises StoreUnavailable."""


class Alarm(Struct, frozen=True, kw_only=True):
    """Something that a person has to look at. No text holds personal data; `name` is the same while it lasts."""

    name: str
    summary: str
    next_step: str
    link: str | None = None


class Notice(Struct, frozen=True, kw_only=True):
    """An alarm to be told by whoever holds `token`: now, again, or that it is over."""

    name: str
    state: NoticeState
    summary: str
    since: datetime
    token: str


class Alarms(Protocol):
    """Which alarms stand, for all workers, so that of several one tells of it."""

    async def due(self, standing: Sequence[Alarm], *, repeat_seconds: float) -> Sequence[Notice]:
        """Remember that these alarms stand and no others do; those that this worker has to tell now. One that it does
        not settle within a minute is told by another. Raises StoreUnavailable."""

    async def settle(self, notice: Notice, *, told: bool) -> None:
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

    async def tell(self, message: Message) -> bool:
        """Whether it arrived; the log always takes it. Never raises for what is out there."""

    async def heartbeat(self) -> None:
        """Show a dead man's switch that all is well. Never raises for what is out there."""
