"""Mapping routes in the table `mapping_route`, with a copy in memory per process."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import asyncpg
from msgspec import Struct, UnsetType

from app.audit import record
from app.postgres.cached_table import CachedTable
from app.postgres.database import Database, Statement, Transaction
from app.revisions.models import MappedConnection, Route, RouteChange, Shadow

CHANNEL: Final = "lockstitch_mapping_route"
"""Notified, without a payload, on every change of a route."""

NOTIFY = Statement("SELECT mapping_route", f"SELECT pg_notify('{CHANNEL}', '')")

COLUMNS: Final = "connection, mapping, active, previous, shadow_revision, shadow_rate, changed_by, changed_at"

SELECT_ALL = Statement("SELECT mapping_route", f"SELECT {COLUMNS} FROM mapping_route ORDER BY connection, mapping")  # noqa: S608

# Serializes concurrent changes of one route, even before its row exists.
LOCK = Statement(
    "SELECT mapping_route", "SELECT pg_advisory_xact_lock(hashtextextended($1 || ' ' || $2, 20190))"
)  # one seed per table, so that locks of different tables never collide

SELECT_ONE = Statement(
    "SELECT mapping_route",
    f"SELECT {COLUMNS} FROM mapping_route WHERE (connection, mapping) = ($1, $2)",  # noqa: S608 - constants only
)

PUT = Statement(
    "INSERT mapping_route",
    f"""
    INSERT INTO mapping_route ({COLUMNS})
    VALUES ($1, $2, $3, $4, $5, $6, $7, now())
        ON CONFLICT (connection, mapping) DO UPDATE
       SET active = excluded.active, previous = excluded.previous,
           shadow_revision = excluded.shadow_revision, shadow_rate = excluded.shadow_rate,
           changed_by = excluded.changed_by, changed_at = excluded.changed_at
    RETURNING {COLUMNS}
    """,  # noqa: S608 - constants only
)

PIN = Statement(
    "INSERT mapping_route",
    """
    INSERT INTO mapping_route (connection, mapping, active, changed_by)
    SELECT place.connection, place.mapping, place.revision, 'lockstitch'
      FROM unnest($1::text[], $2::text[], $3::integer[]) AS place (connection, mapping, revision)
     ORDER BY place.connection, place.mapping
        ON CONFLICT (connection, mapping) DO NOTHING
    RETURNING connection, mapping, active
    """,
)

# Rows are locked in key order, as where totals are added, so that the two never deadlock.
FORGET_COMPARISONS = Statement(
    "DELETE mapping_comparison",
    """
    DELETE FROM mapping_comparison
     WHERE (connection, mapping, active, shadow) IN (
           SELECT connection, mapping, active, shadow
             FROM mapping_comparison
            WHERE (connection, mapping) = ($1, $2)
            ORDER BY connection, mapping, active, shadow
              FOR UPDATE)
    """,
)
FORGET_DIFFERENCES = Statement(
    "DELETE mapping_difference", "DELETE FROM mapping_difference WHERE (connection, mapping) = ($1, $2)"
)


class PostgresMappingRoutes(CachedTable):
    """The routes. `in_force` is a copy in memory by connection and mapping, at most about a second old; older while the
    database is down."""

    what = "mapping routes"
    channel = CHANNEL
    content = SELECT_ALL

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database
        self.in_force: Mapping[tuple[str, str], Route] = {}

    async def _read(self) -> None:
        self.in_force = {(route.connection, route.mapping): route for route in await self.list()}

    async def list(self) -> Sequence[Route]:
        """Read every route from the store. Raises StoreUnavailable."""
        return [_route(row) for row in await self._database.fetch(SELECT_ALL)]

    async def pin(self, places: Sequence[MappedConnection]) -> None:
        """Pin each place that has no route to its default, audit it and notify every process."""
        arguments = (
            [place.connection for place in places],
            [place.mapping for place in places],
            [place.default for place in places],
        )
        async with self._database.transaction() as session:
            rows = await session.fetch(PIN, *arguments)
            if not rows:
                return
            pinned = [
                MappedConnection(connection=row["connection"], mapping=row["mapping"], default=row["active"])
                for row in rows
            ]
            entries = [_entry("mapping.pinned", place, "lockstitch", revision=place.default) for place in pinned]
            await record.append(session, *entries)
            await session.execute(NOTIFY)
        await self.refresh()

    async def change(self, place: MappedConnection, change: RouteChange, *, actor: str) -> Route:
        """Change a route, audit it and notify every process. Raises StoreUnavailable.

        A new shadow deletes the results of the earlier one.
        """
        async with self._database.transaction() as session:
            before = await _lock_and_read(session, place)
            after = _changed(before, change, place)
            route = await _put(session, place, after, actor)
            if after.shadow is not None and (before.shadow is None or before.shadow.revision != after.shadow.revision):
                # In the order in which totals are stored, so that the two never deadlock.
                await session.execute(FORGET_COMPARISONS, place.connection, place.mapping)
                await session.execute(FORGET_DIFFERENCES, place.connection, place.mapping)
            await record.append(session, *_entries(place, before, after, actor))
            return route

    async def roll_back(self, place: MappedConnection, *, actor: str) -> Route | None:
        """Activate the previous revision, end the shadow, and audit it. None where there is no previous one."""
        async with self._database.transaction() as session:
            before = await _lock_and_read(session, place)
            if before.previous is None:
                return None
            facts = {"revision": before.previous, "before": before.active or place.default}
            route = await _put(session, place, _Decided(active=before.previous), actor)
            await record.append(session, _entry("mapping.rolled_back", place, actor, **facts))
            return route


class _Decided(Struct, frozen=True, kw_only=True):
    """The settings of a route, without who changed it and when."""

    active: int | None = None
    previous: int | None = None
    shadow: Shadow | None = None


async def _lock_and_read(session: Transaction, place: MappedConnection) -> _Decided:
    await session.execute(LOCK, place.connection, place.mapping)
    row = await session.fetch_row(SELECT_ONE, place.connection, place.mapping)
    if row is None:
        return _Decided()
    route = _route(row)
    return _Decided(active=route.active, previous=route.previous, shadow=route.shadow)


def _changed(before: _Decided, change: RouteChange, place: MappedConnection) -> _Decided:
    """Apply a change. A shadow that becomes active ends."""
    active = before.active if isinstance(change.active, UnsetType) else change.active
    shadow = before.shadow if isinstance(change.shadow, UnsetType) else change.shadow
    now, then = active or place.default, before.active or place.default
    return _Decided(
        active=active,
        previous=before.previous if now == then else then,
        shadow=None if shadow is None or shadow.revision == now else shadow,
    )


async def _put(session: Transaction, place: MappedConnection, decided: _Decided, actor: str) -> Route:
    shadow = decided.shadow
    row = await session.fetch_row(
        PUT,
        place.connection,
        place.mapping,
        decided.active,
        decided.previous,
        None if shadow is None else shadow.revision,
        None if shadow is None else shadow.sample_rate,
        actor,
    )
    await session.execute(NOTIFY)
    assert row is not None  # noqa: S101 - an upsert returns its row
    return _route(row)


def _entries(place: MappedConnection, before: _Decided, after: _Decided, actor: str) -> Sequence[record.Entry]:
    """Return one audit entry for each changed setting: active, shadow."""
    entries = []
    if after.active != before.active:
        facts = {"revision": after.active or place.default, "before": before.active or place.default}
        entries.append(_entry("mapping.activated", place, actor, **facts))
    if after.shadow != before.shadow:
        if after.shadow is None:
            entries.append(_entry("mapping.shadow_ended", place, actor, **_revision_of(before.shadow)))
        else:
            rate = after.shadow.sample_rate
            entries.append(_entry("mapping.shadowed", place, actor, revision=after.shadow.revision, sample_rate=rate))
    return entries


def _revision_of(shadow: Shadow | None) -> dict[str, Any]:
    return {} if shadow is None else {"revision": shadow.revision}


def _entry(kind: str, place: MappedConnection, actor: str, **facts: Any) -> record.Entry:
    return record.Entry(
        type=kind,
        subject=place.mapping,
        correlation_id=None,
        actor=actor,
        facts={"connection": place.connection, "mapping": place.mapping, **facts},
    )


def _route(row: asyncpg.Record) -> Route:
    shadow = None
    if row["shadow_revision"] is not None:
        shadow = Shadow(revision=row["shadow_revision"], sample_rate=row["shadow_rate"])
    return Route(
        connection=row["connection"],
        mapping=row["mapping"],
        active=row["active"],
        previous=row["previous"],
        shadow=shadow,
        changed_by=row["changed_by"],
        changed_at=row["changed_at"],
    )
