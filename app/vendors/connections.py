"""Connections for operators: show their states, pause and resume them."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct
from msgspec.structs import asdict

from app.credentials.token_set import ScopeState
from app.errors import NotFound
from app.http.nearest_name import did_you_mean
from app.queue.models import Lane
from app.vendors.budget_store import BudgetRow
from app.vendors.deps import VendorDeps
from app.vendors.health import wrong_account_step
from app.vendors.models import Connection, LiveState
from app.vendors.observations import Observation
from app.vendors.refused_webhooks import RefusedWebhooks
from canonical.parts import ObjectName
from mappings.endpoints import Endpoints
from mappings.registry import active

THROTTLED: Final = "Wait: it continues automatically. If it happens often, lower pacing in lockstitch.toml."
FAILING: Final = "Wait: it is retried automatically. If it lasts, check the vendor's status and the base URL."
OBJECTS: Final[tuple[ObjectName, ...]] = ("customer", "order", "ticket", "comment")

ConnectionState = Literal["working", "paused", "unauthorised", "needs_authorization", "throttled", "failing"]


class ConnectionPause(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why an operator pauses a connection. Others read it, so it must not contain personal data."""

    note: Annotated[str, Meta(min_length=1, max_length=500)]
    """The reason, shown to affected callers. No personal data. Example: `"moving to another account"`"""


class BudgetView(Struct, frozen=True, kw_only=True):
    """The rate limit of the account of a connection, which all processes share."""

    bucket: str
    """`default`, or the requests for which the vendor has a limit of their own. Example: `"default"`"""
    units: float
    """The limit, in the vendor's units. Example: `100.0`"""
    per_seconds: float
    """The window of the limit in seconds. Example: `10.0`"""
    headroom: float
    """The units that are left now. Example: `88.0`"""


class ConnectionView(Struct, frozen=True, kw_only=True):
    """One connection as operators see it.

    `paused` and `unauthorised` apply to all processes until an operator resumes it, `needs_authorization` until a
    person authorises it. `throttled` and `failing` end automatically, and are as seen by any process.
    """

    name: str
    """The name, as in `?connection=`. Example: `"hubspot"`"""
    vendor: str
    """The vendor's name. Example: `"hubspot"`"""
    base_url: str | None
    """Base URL, without secrets; null if nothing is sent. Example: `"https://api.hubapi.com"`"""
    objects: dict[ObjectName, tuple[str, ...]]
    """The verbs by object. Example: `{"customer": ["read", "list", "create", "update"]}`"""
    state: ConnectionState
    """`paused` (by an operator, or for another account) and `unauthorised` last in all processes until an operator
    resumes the connection, and `needs_authorization` until `lockstitch connect`; `throttled` and `failing` end
    automatically.
    Example: `"paused"`"""
    since: datetime | None
    """When the state began, if known. Example: `"2026-05-01T09:30:00Z"`"""
    until: datetime | None
    """When Lockstitch tries again; null if an operator must resume. Example: `null`"""
    note: str | None
    """The reason, from an operator or from Lockstitch. Example: `"moving to another account"`"""
    next_step: str | None
    """What you can do now. Example: `"When it may go on: POST /ops/connections/hubspot/resume."`"""
    last_webhook_at: datetime | None
    """When its last webhook was verified, to 10 s; null if none was. Example: `"2026-05-01T09:30:00Z"`"""
    refused_webhooks: RefusedWebhooks | None
    """Webhooks that were refused since the last one that was verified; null if there are none."""
    scopes: ScopeState | None
    """The scopes of its OAuth2 tokens; null for another credential."""
    throttled_since: datetime | None
    """Since when its vendor throttles it; null if it does not. Example: `null`"""
    budgets: list[BudgetView]
    """How much may be asked of its vendor; empty before the first request."""


class PausedConnection(ConnectionView, frozen=True, kw_only=True):
    """A connection after a request to pause it."""

    was_paused: bool
    """Whether an operator had paused it before: then that pause and its note stay. Example: `false`"""


async def list_connections(deps: VendorDeps) -> list[ConnectionView]:
    """Return every configured connection, by name."""
    return await _views(deps, deps.connections.by_name.values())


async def read_connection(deps: VendorDeps, name: str) -> ConnectionView:
    """Return one connection. Raises NotFound."""
    return (await _views(deps, [await _configured(deps, name)]))[0]


async def pause_connection(deps: VendorDeps, name: str, pause: ConnectionPause, *, actor: str) -> PausedConnection:
    """Stop requests and jobs of a connection in all processes until an operator resumes it, whatever else holds it up.
    Audited. Does nothing if an operator has paused it already. Raises NotFound."""
    connection = await _configured(deps, name)
    paused = await deps.pauses.pause(name, actor=actor, note=pause.note)
    view = await _refreshed_view(deps, connection)
    return PausedConnection(**asdict(view), was_paused=not paused)


async def resume_connection(deps: VendorDeps, name: str, *, actor: str) -> ConnectionView:
    """Resume a connection; after a refused credential, one request probes first. Ends throttles and failures in every
    process. Audited. Raises NotFound."""
    connection = await _configured(deps, name)
    await deps.pauses.resume(name, actor=actor)
    return await _refreshed_view(deps, connection)


async def _configured(deps: VendorDeps, name: str) -> Connection:
    """Raises NotFound, which says of a paused connection how its jobs go on."""
    connection = deps.connections.by_name.get(name)
    if connection is None:
        await deps.pauses.refresh()
        if (pause := deps.pauses.known.get(name)) is not None:
            raise NotFound(
                f"{name} is paused ({pause.note}) and no longer configured, so its jobs wait. Name it again in"
                " lockstitch.toml, restart, and resume it. Rename it once lockstitch queue lists none of its jobs."
            )
        known = sorted(deps.connections.by_name)
        all_of_them = ", ".join(known) or "none; LOCKSTITCH_CONFIG names the file"
        raise NotFound(f"Unknown connection {name[:80]!r}.{did_you_mean(name, known)} Known are: {all_of_them}.")
    return connection


async def _refreshed_view(deps: VendorDeps, connection: Connection) -> ConnectionView:
    """Return the view after a change, which this process applies at once and others within about a second."""
    await deps.pauses.refresh()
    return (await _views(deps, [connection]))[0]


async def _views(deps: VendorDeps, connections: Iterable[Connection]) -> list[ConnectionView]:
    lanes = {lane.connection: lane for lane in await deps.lanes.list()}
    observed, refused = await deps.observations.read(), await deps.webhooks.read()
    verified = await deps.webhooks.last_verified()
    connections = list(connections)
    accounts = {one.name: deps.vendors.account_of_limit(one) for one in connections}
    rows = await deps.budgets.read([account for account in accounts.values() if account is not None])
    budgets = {
        name: [_budget_view(row) for row in rows if row.account == account] for name, account in accounts.items()
    }
    return [
        _view(
            *(deps, one, lanes.get(one.name), observed.get(one.name)),
            refused_webhooks=refused.get(one.name),
            last_webhook_at=verified.get(one.name),
            budgets=budgets[one.name],
        )
        for one in sorted(connections, key=lambda one: one.name)
    ]


class _Condition(Struct, frozen=True, kw_only=True):
    state: ConnectionState
    since: datetime | None = None
    until: datetime | None = None
    note: str | None = None
    next_step: str | None = None


def _view(
    deps: VendorDeps,
    connection: Connection,
    lane: Lane | None,
    observed: Observation | None,
    **known: Any,
) -> ConnectionView:
    live = deps.vendors.state(connection)
    condition = _condition(connection.name, lane, live, observed)
    mappings = {name: active(connection.vendor, name) for name in OBJECTS}
    return ConnectionView(
        name=connection.name,
        vendor=connection.vendor.name,
        base_url=None if live is None else live.base_url,
        objects={name: _verbs(mapping.endpoints) for name, mapping in mappings.items() if mapping is not None},
        **asdict(condition),
        scopes=None if live is None else live.scopes,
        throttled_since=condition.since if condition.state == "throttled" else None,
        **known,
    )


def _budget_view(row: BudgetRow) -> BudgetView:
    ring = row.ring
    left = max(0.0, round(ring.units - ring.total(row.at), 1))
    return BudgetView(bucket=row.bucket, units=ring.units, per_seconds=ring.seconds, headroom=left)


def _verbs(endpoints: Endpoints[Any, Any]) -> tuple[str, ...]:
    reads = {"read": endpoints.read is not None, "list": endpoints.list is not None}
    return (*(verb for verb, can in reads.items() if can), *endpoints.actions())


def _condition(name: str, lane: Lane | None, live: LiveState | None, observed: Observation | None) -> _Condition:
    resume = f"POST /ops/connections/{name}/resume"
    if lane is not None and lane.blocked_reason in ("operator", "account"):
        is_ours = lane.blocked_reason == "operator"
        return _Condition(
            state="paused",
            since=lane.blocked_at,
            note=lane.blocked_note,
            next_step=f"To resume it: {resume}." if is_ours else wrong_account_step(name),
        )
    if live is not None and live.refused is not None:
        return _Condition(
            state="needs_authorization",
            since=None if lane is None else lane.blocked_at,
            note=live.refused,
            next_step=f"Run: lockstitch connect {name}.",
        )
    if lane is not None and lane.blocked_reason == "auth":
        waits_for_operator = lane.blocked_seconds is None
        return _Condition(
            state="unauthorised",
            since=lane.blocked_at,
            note=lane.blocked_note,
            next_step=f"Renew the credential, then {resume}."
            if waits_for_operator
            else "Resumed. It continues after the vendor accepts the credential once.",
        )
    if live is not None and live.unauthorised_seconds is not None:
        return _Condition(state="unauthorised", until=_in(live.unauthorised_seconds), next_step="Renew the credential.")
    if lane is not None and lane.blocked_reason == "throttle" and lane.blocked_seconds:
        return _Condition(
            state="throttled",
            since=lane.blocked_at,
            until=lane.blocked_until,
            note=lane.blocked_note,
            next_step=THROTTLED,
        )
    if observed is None:
        return _Condition(state="working")
    return _Condition(
        state=observed.state,
        since=observed.since,
        until=observed.until,
        note=observed.note,
        next_step=THROTTLED if observed.state == "throttled" else FAILING,
    )


def _in(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)
