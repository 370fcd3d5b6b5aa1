"""Connections for operators: how each one is, and the switch that stops and starts it."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from app.errors import NotFound
from app.queue.models import Lane
from app.vendors.deps import VendorDeps
from app.vendors.models import Connection, LiveState
from canonical.parts import ObjectName
from mappings.registry import active
from mappings.spec import Endpoints

OBJECTS: Final[tuple[ObjectName, ...]] = ("customer", "order", "ticket", "comment")

ConnectionState = Literal["working", "paused", "unauthorised", "throttled", "failing"]


class ConnectionPause(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a person stops a connection; others read it, so it holds no personal data."""

    note: Annotated[str, Meta(min_length=1, max_length=500)]
    """The reason, shown to affected callers. No personal data. Example: `"moving to another account"`"""


class LaneView(Struct, frozen=True, kw_only=True):
    """How fast the connection's jobs may start: `rate` a second, `burst` at once after a rest, `tokens` just now."""

    rate: float | None
    """Starts per second; null if unlimited. Example: `10.0`"""
    burst: float
    """Starts at once after an idle period. Example: `8.0`"""
    tokens: float
    """Starts available now. Example: `8.0`"""


class ConnectionView(Struct, frozen=True, kw_only=True):
    """One connection as operators see it. `paused` and `unauthorised` hold for the whole installation until a person
    resumes it; `throttled` and `failing` end by themselves, and are what this process or the queue has met."""

    name: str
    """The name, as in `?connection=`. Example: `"hubspot"`"""
    vendor: str
    """The vendor's name. Example: `"hubspot"`"""
    base_url: str | None
    """Base URL, without secrets; null if nothing is sent. Example: `"https://api.hubapi.com"`"""
    objects: dict[ObjectName, tuple[str, ...]]
    """The verbs by object. Example: `{"customer": ["read", "list", "create", "update"]}`"""
    state: ConnectionState
    """`paused` (by an operator) and `unauthorised` last in all processes until an operator resumes the connection;
    `throttled` and `failing` end automatically.
    Example: `"paused"`"""
    since: datetime | None
    """When the state began, if known. Example: `"2026-05-01T09:30:00Z"`"""
    until: datetime | None
    """When Lockstitch tries again; null if an operator must resume. Example: `null`"""
    note: str | None
    """The reason, from an operator or from Lockstitch. Example: `"moving to another account"`"""
    next_step: str | None
    """What you can do now. Example: `"When it may go on: POST /ops/connections/hubspot/resume."`"""
    lane: LaneView | None
    """How fast its jobs may start; null before the first job."""


async def list_connections(deps: VendorDeps) -> list[ConnectionView]:
    """Every connection of the configuration, by name."""
    lanes = {lane.connection: lane for lane in await deps.lanes.list()}
    return [_view(deps, connection, lanes.get(name)) for name, connection in sorted(deps.connections.by_name.items())]


async def pause_connection(deps: VendorDeps, name: str, pause: ConnectionPause, *, actor: str) -> ConnectionView:
    """Send nothing more on it, and start none of its jobs, anywhere, until a person resumes it; audited. One that is
    stopped already stays as it is. Raises NotFound."""
    connection = _configured(deps, name)
    await deps.lanes.pause(name, actor=actor, note=pause.note)
    return await _as_it_is_now(deps, connection)


async def resume_connection(deps: VendorDeps, name: str, *, actor: str) -> ConnectionView:
    """Let it go on; after a refused credential with one request as a probe. What throttles or fails there ends in every
    process. Audited. Raises NotFound."""
    connection = _configured(deps, name)
    await deps.lanes.resume(name, actor=actor)
    return await _as_it_is_now(deps, connection)


def _configured(deps: VendorDeps, name: str) -> Connection:
    connection = deps.connections.by_name.get(name)
    if connection is None:
        known = ", ".join(sorted(deps.connections.by_name))
        raise NotFound(f"No connection is called {name[:80]!r}; there are: {known}.")
    return connection


async def _as_it_is_now(deps: VendorDeps, connection: Connection) -> ConnectionView:
    """After a change: this process keeps to it at once, the others within about a second."""
    await deps.pauses.refresh()
    lane = next((lane for lane in await deps.lanes.list() if lane.connection == connection.name), None)
    return _view(deps, connection, lane)


class _Standing(Struct, frozen=True, kw_only=True):
    state: ConnectionState
    since: datetime | None = None
    seconds: float | None = None
    note: str | None = None
    next_step: str | None = None


def _view(deps: VendorDeps, connection: Connection, lane: Lane | None) -> ConnectionView:
    line = deps.vendors.state(connection)
    standing = _standing(connection.name, lane, line)
    until = None if standing.seconds is None else datetime.now(UTC) + timedelta(seconds=standing.seconds)
    mappings = {name: active(connection.vendor, name) for name in OBJECTS}
    return ConnectionView(
        name=connection.name,
        vendor=connection.vendor.name,
        base_url=None if line is None else line.base_url,
        objects={name: _verbs(mapping.endpoints) for name, mapping in mappings.items() if mapping is not None},
        state=standing.state,
        since=standing.since,
        until=until,
        note=standing.note,
        next_step=standing.next_step,
        lane=None if lane is None else LaneView(rate=lane.rate, burst=lane.burst, tokens=lane.tokens),
    )


def _verbs(endpoints: Endpoints[Any, Any]) -> tuple[str, ...]:
    reads = {"read": endpoints.read is not None, "list": endpoints.list is not None}
    return (*(verb for verb, can in reads.items() if can), *endpoints.actions())


def _standing(name: str, lane: Lane | None, line: LiveState | None) -> _Standing:
    resume = f"POST /ops/connections/{name}/resume"
    if lane is not None and lane.blocked_reason == "operator":
        return _Standing(
            state="paused",
            since=lane.blocked_at,
            note=lane.blocked_note,
            next_step=f"When it may go on: {resume}.",
        )
    if lane is not None and lane.blocked_reason == "auth":
        held = lane.blocked_seconds is None
        return _Standing(
            state="unauthorised",
            since=lane.blocked_at,
            note=lane.blocked_note,
            next_step=f"Renew the credential, then {resume}."
            if held
            else "Resumed; it goes on when the vendor has accepted the credential once.",
        )
    if lane is not None and lane.blocked_reason == "throttle":
        return _throttled(lane.blocked_seconds or 0.0, lane.blocked_at, lane.blocked_note)
    if line is None or line.state == "working":
        return _Standing(state="working")
    if line.state == "throttled":
        return _throttled(line.seconds, None, None)
    if line.state == "failing":
        return _Standing(
            state="failing",
            seconds=line.seconds,
            note=f"{' and '.join(line.failing)} keep failing",
            next_step="Nothing, it is tried again by itself. If it lasts: is the vendor up, is the base URL right?",
        )
    return _Standing(state="unauthorised", seconds=line.seconds, next_step="Renew the credential.")


def _throttled(seconds: float, since: datetime | None, note: str | None) -> _Standing:
    return _Standing(
        state="throttled",
        since=since,
        seconds=seconds,
        note=note,
        next_step="Nothing, it goes on by itself. If it happens often: pacing in lockstitch.toml.",
    )
