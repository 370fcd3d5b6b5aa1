"""Freshness: how old the data of each connection are, against what the ownership of their object requires.

Data are as old as the start of the last pull that completed: all changes up to then have been read. A webhook proves
one record only. The watermark says less: where nothing changes, it stays at the last change.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import asdict
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from app.events.models import NewEvent
from app.postgres.database import Statement
from app.settings.environment import Settings
from app.settings.pull import STOCK_LEVEL, PulledObject
from app.vendors.connections import ConnectionView, list_connections, read_connection
from app.vendors.deps import VendorDeps
from app.vendors.models import Connections
from app.walks.deps import FreshnessDeps, FreshnessView
from app.walks.models import FreshnessRule, PullPlan
from app.walks.plan import OBJECTS, lists_of, pull_plans_of
from app.walks.store import PULL_FAILURE

State = Literal["fresh", "breached", "unknown"]
PULLED: Final[tuple[PulledObject, ...]] = (*OBJECTS, STOCK_LEVEL)

READ = Statement(
    "SELECT watermark",
    f"""
    SELECT rule.connection, rule.object, mark.started_at AS as_of, {PULL_FAILURE} AS failure,
           coalesce(mark.started_at, set_up_at) AS since,
           extract(epoch FROM now() - coalesce(mark.started_at, set_up_at))::float8 AS age
      FROM unnest($1::text[], $2::text[]) AS rule (connection, object)
      LEFT JOIN watermark AS mark USING (connection, object)
      LEFT JOIN connection_setup USING (connection)
    """,  # noqa: S608 - no caller's text is in it
)

# Of several workers, the first one to lock a row changes it; the others then see that nothing is left to change.
# Data without a limit, or that are no longer pulled, are not too old.
CHANGE = Statement(
    "UPDATE watermark",
    f"""
    WITH changing AS (
        SELECT mark.connection, mark.object, rule.seconds, mark.started_at AS as_of, {PULL_FAILURE} AS failure,
               mark.breached_at,
               coalesce(mark.started_at, set_up_at) + make_interval(secs => rule.seconds) AS too_old_at
          FROM watermark AS mark
          LEFT JOIN unnest($1::text[], $2::text[], $3::integer[]) AS rule (connection, object, seconds)
                 ON rule.connection = mark.connection AND rule.object = mark.object
          LEFT JOIN connection_setup AS setup ON setup.connection = mark.connection
         WHERE (mark.breached_at IS NULL)
             = coalesce(coalesce(mark.started_at, set_up_at) < now() - make_interval(secs => rule.seconds), false)
         ORDER BY mark.connection, mark.object
           FOR UPDATE OF mark
    )
    UPDATE watermark AS mark
       SET breached_at = CASE WHEN changing.breached_at IS NULL THEN too_old_at END
      FROM changing
     WHERE mark.connection = changing.connection AND mark.object = changing.object
    RETURNING changing.connection, changing.object, changing.seconds AS limit_seconds, changing.as_of,
              coalesce(changing.breached_at, too_old_at) AS breached_since, changing.failure AS last_failure,
              mark.breached_at IS NOT NULL AS is_breached
    """,  # noqa: S608
)


class ObjectFreshness(Struct, frozen=True, kw_only=True):
    """How old the data of an object at a connection are."""

    connection: str
    """The connection. Example: `"hubspot"`"""
    object: PulledObject
    """The object. Example: `"customer"`"""
    state: State
    """`fresh`: younger than the limit. `breached`: older. `unknown`: there is no limit, no pull has completed yet, or
    the object is not pulled."""
    age_seconds: float | None
    """Seconds since the start of the last pull that completed; if none has, since the connection was set up. Null if
    the object was never pulled, and is not. Example: `184.2`"""
    limit_seconds: int | None
    """The least `freshness_seconds` of the fields that the connection owns, or that of its stock; null if none is
    configured.
    Example: `900`"""
    as_of: datetime | None
    """When the last pull that completed started; null if none has. Example: `"2026-05-01T09:30:00Z"`"""
    breached_since: datetime | None
    """Since when the data have been older than the limit; null unless the state is `breached`. Example: `null`"""
    last_failure: str | None
    """Why the last pull failed; null if it did not. Example: `null`"""
    next_step: str | None
    """What to do; null if nothing is wrong. Example: `null`"""


def rules_of(settings: Settings, connections: Connections) -> tuple[FreshnessRule, ...]:
    """Return the rules of what is pulled, and of what has a limit, sorted by connection."""
    lists: set[tuple[str, PulledObject]] = {*lists_of(settings, connections)}
    lists |= {(name, STOCK_LEVEL) for name, one in connections.by_name.items() if one.stock_reads is not None}
    plans = {(one.connection, one.object): one for one in pull_plans_of(settings, connections)}
    return tuple(
        FreshnessRule(
            connection=name,
            object=object_name,
            limit=limit,
            is_pulled=plan is not None,
            unreachable=None if limit is None else _unreachable(plan, limit, is_listed=(name, object_name) in lists),
        )
        for name in sorted(connections.by_name)
        for object_name in PULLED
        for plan in [plans.get((name, object_name))]
        for limit in [_limit(settings, name, object_name)]
        if plan is not None or limit is not None
    )


def _limit(settings: Settings, name: str, object_name: PulledObject) -> int | None:
    if object_name != STOCK_LEVEL:
        return settings.ownership[object_name].freshness_of(name)
    stock = settings.connections[name].stock
    return None if stock is None else stock.freshness_seconds


def _unreachable(plan: PullPlan | None, limit: int, *, is_listed: bool) -> str | None:
    if not is_listed:
        return f"the limit is {limit} s, but it is not pulled: the connection has no list of it"
    if plan is None:
        return f'the limit is {limit} s, but it is not pulled: every is "off"'
    return f"the limit is {limit} s, but it is pulled only every {plan.frequency}" if plan.every >= limit else None


async def list_freshness(deps: FreshnessView) -> list[ObjectFreshness]:
    """Return the freshness of what has a rule, in the order of the rules. Raises StoreUnavailable."""
    names = ([one.connection for one in deps.rules], [one.object for one in deps.rules])
    rows = {(row["connection"], row["object"]): dict(row) for row in await deps.database.fetch(READ, *names)}
    return [_view(rule, rows[rule.connection, rule.object]) for rule in deps.rules]


def _view(rule: FreshnessRule, row: dict[str, Any]) -> ObjectFreshness:
    age = row["age"] if rule.is_pulled or row["as_of"] is not None else None
    state: State = "unknown"
    if rule.limit is not None and rule.is_pulled and age is not None:
        state = "breached" if age > rule.limit else "unknown" if row["as_of"] is None else "fresh"
    next_step = "No pull has completed in time. What stops them: lockstitch doctor" if state == "breached" else None
    if rule.unreachable is not None:
        next_step = f"Change every or freshness_seconds: {rule.unreachable}."
    return ObjectFreshness(
        connection=rule.connection,
        object=rule.object,
        state=state,
        age_seconds=age,
        limit_seconds=rule.limit,
        as_of=row["as_of"],
        breached_since=row["since"] + timedelta(seconds=rule.limit or 0) if state == "breached" else None,
        last_failure=row["failure"],
        next_step=next_step,
    )


async def measure_freshness(deps: FreshnessDeps) -> Sequence[Metric]:
    """Return the ages and limits of what is pulled, for Prometheus. Raises StoreUnavailable."""
    labels = ("connection", "object")
    ages = GaugeMetricFamily("lockstitch_freshness_age_seconds", "Age of the data of an object.", labels=labels)
    limits = GaugeMetricFamily("lockstitch_freshness_limit_seconds", "Age that they may have.", labels=labels)
    for rule, view in zip(deps.rules, await list_freshness(deps), strict=True):
        if rule.is_pulled and view.age_seconds is not None:
            ages.add_metric((rule.connection, rule.object), view.age_seconds)
            if rule.limit is not None:
                limits.add_metric((rule.connection, rule.object), rule.limit)
    return ages, limits


async def announce_freshness(deps: FreshnessDeps) -> None:
    """Publish what has become too old, and what no longer is. Raises StoreUnavailable."""
    limited = [one for one in deps.rules if one.is_pulled and one.limit is not None]
    columns = ([one.connection for one in limited], [one.object for one in limited], [one.limit for one in limited])
    async with deps.database.transaction() as transaction:
        rows = [dict(row) for row in await transaction.fetch(CHANGE, *columns)]
        events = [_event(row) for row in rows if row["limit_seconds"] is not None]
        if events:
            await deps.queue.enqueue(transaction, *await deps.events.append(transaction, *events))


def _event(row: dict[str, Any]) -> NewEvent:
    what = "freshness.breached" if row.pop("is_breached") else "freshness.restored"
    return NewEvent(type=what, connection=row["connection"], data=msgspec.json.encode(row))


class ConnectionStatus(ConnectionView, frozen=True, kw_only=True):
    """A connection as operators see it, with the freshness of its data."""

    freshness: list[ObjectFreshness]
    """How old the data of each object are that is pulled, or has a limit."""

    @property
    def works(self) -> bool:
        """Return whether nothing holds back its requests."""
        return self.state == "working"


async def list_statuses(vendors: VendorDeps, freshness: FreshnessView) -> list[ConnectionStatus]:
    """Return every connection, by name. Raises StoreUnavailable."""
    return await _statuses(freshness, await list_connections(vendors))


async def read_status(vendors: VendorDeps, freshness: FreshnessView, name: str) -> ConnectionStatus:
    """Return one connection. Raises NotFound."""
    return (await _statuses(freshness, [await read_connection(vendors, name)]))[0]


async def _statuses(freshness: FreshnessView, views: list[ConnectionView]) -> list[ConnectionStatus]:
    rows = await list_freshness(freshness)
    return [
        ConnectionStatus(**asdict(view), freshness=[row for row in rows if row.connection == view.name])
        for view in views
    ]
