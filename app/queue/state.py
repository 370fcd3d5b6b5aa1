"""The queue for operators: what waits in each lane, for how long, and what blocks it."""

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from app.queue.deps import QueueDeps
from app.queue.models import Lane, QueueFigures

LaneState = Literal["open", "throttled", "unauthorised", "paused", "probing"]


class KindFigures(Struct, frozen=True, kw_only=True):
    """Queued and running jobs of one kind.

    `blocked_keys` counts blocked records. `oldest_seconds` is the age of the oldest job; `lag_seconds` is how long ago
    the longest-waiting job could have started; one that is tried again waits since it was enqueued.
    """

    kind: str
    """The kind of work. Example: `"ingest"`"""
    depth: int
    """Jobs that wait or run. Example: `12`"""
    ready: int
    """Jobs whose order and time permit a start now. Example: `3`"""
    running: int
    """Jobs that run. Example: `2`"""
    blocked_keys: int
    """Records that a failed job blocks. Example: `1`"""
    oldest_seconds: float
    """Age of the oldest job, in seconds. Example: `41.5`"""
    lag_seconds: float
    """Longest time that a job has been ready, or tried in vain, in seconds. Example: `0.4`"""


class QueueLane(Struct, frozen=True, kw_only=True):
    """One connection's lane: whether its jobs may start, and what waits. `blocked_seconds` is null if an operator must
    resume it."""

    connection: str
    """The connection of the work; `-` for none. Example: `"hubspot"`"""
    state: LaneState
    """Whether its jobs may start. `probing`: one job runs first. Example: `"open"`"""
    blocked_seconds: float | None
    """Seconds until they may start; null if they may start now, or an operator must resume. Example: `null`"""
    note: str | None
    """Why they may not start. Example: `null`"""
    depth: int
    """Jobs that wait or run. Example: `12`"""
    oldest_seconds: float
    """Age of the oldest job, in seconds. Example: `41.5`"""
    lag_seconds: float
    """Longest time that a job has been ready, or tried in vain, in seconds. Example: `0.4`"""
    kinds: list[KindFigures]
    """The figures by kind."""


class QueueView(Struct, frozen=True, kw_only=True):
    """The whole queue. `dead_letters` counts open ones."""

    depth: int
    """Jobs that wait or run. Example: `12`"""
    oldest_seconds: float
    """Age of the oldest job, in seconds. Example: `41.5`"""
    lag_seconds: float
    """Longest time that a job has been ready, or tried in vain, in seconds. Example: `0.4`"""
    blocked_keys: int
    """Records that a failed job blocks. Example: `1`"""
    dead_letters: int
    """Open dead letters. Example: `4`"""
    lanes: list[QueueLane]
    """The lanes, by connection."""


async def read_queue(deps: QueueDeps) -> QueueView:
    """Return the current queue. Reads all of it: for operators, not for every request."""
    figures = await deps.read_figures()
    lanes = {lane.connection: lane for lane in await deps.lanes.list()}
    connections = sorted({each.connection for each in figures} | lanes.keys())
    return QueueView(
        depth=sum(each.depth for each in figures),
        oldest_seconds=_rounded_max(each.oldest_age for each in figures),
        lag_seconds=_rounded_max(each.lag for each in figures),
        blocked_keys=sum(each.blocked_keys for each in figures),
        dead_letters=await deps.count_dead_letters(),
        lanes=[
            _queue_lane(name, lanes.get(name), [each for each in figures if each.connection == name])
            for name in connections
        ],
    )


def _queue_lane(connection: str, lane: Lane | None, figures: list[QueueFigures]) -> QueueLane:
    return QueueLane(
        connection=connection,
        state="open" if lane is None else _state_of(lane),
        blocked_seconds=None if lane is None or lane.blocked_seconds is None else round(lane.blocked_seconds, 1),
        note=None if lane is None else lane.blocked_note,
        depth=sum(each.depth for each in figures),
        oldest_seconds=_rounded_max(each.oldest_age for each in figures),
        lag_seconds=_rounded_max(each.lag for each in figures),
        kinds=[
            KindFigures(
                kind=each.kind,
                depth=each.depth,
                ready=each.ready,
                running=each.running,
                blocked_keys=each.blocked_keys,
                oldest_seconds=round(each.oldest_age, 1),
                lag_seconds=round(each.lag, 1),
            )
            for each in figures
        ],
    )


def _state_of(lane: Lane) -> LaneState:
    if lane.blocked_reason is None:
        return "open"
    if lane.probing or lane.blocked_seconds == 0:
        return "probing"
    match lane.blocked_reason:
        case "throttle":
            return "throttled"
        case "auth":
            return "unauthorised"
        case "account" | "operator":
            return "paused"


def _rounded_max(seconds: Iterable[float]) -> float:
    return round(max(seconds, default=0.0), 1)
