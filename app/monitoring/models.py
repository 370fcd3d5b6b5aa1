"""The Structs of alarms, runs and retention."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

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


class Message(Struct, frozen=True, kw_only=True):
    """What a person is told."""

    alarm: str
    state: NoticeState
    summary: str
    next_step: str
    link: str | None
    since: datetime


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
