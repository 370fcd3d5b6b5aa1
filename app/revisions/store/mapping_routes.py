"""Mapping routes in the table `mapping_route`, with a copy in memory per process."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import asyncpg
from msgspec import UnsetType

from app.audit import record
from app.postgres.cached_table import CachedTable
from app.postgres.database import Database, Statement, Transaction
from app.revisions.models import Canary, MappedConnection, Route, RouteChange, Shadow

CHANNEL: Final = "lockstitch_mapping_route"
"""Notified, without a payload, on every change of a route."""

NOTIFY = Statement("SELECT mapping_route", f"SELECT pg_notify('{CHANNEL}', '')")

COLUMNS: Final = """
    connection, mapping, active, previous, shadow_revision, shadow_rate, canary_revision, canary_share, canary_since,
    note, changed_by, changed_at
"""

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
    INSERT INTO mapping_route AS route ({COLUMNS})
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, CASE WHEN $7::integer IS NOT NULL THEN now() END, $9, $10, now())
        ON CONFLICT (connection, mapping) DO UPDATE
       SET active = excluded.active, previous = excluded.previous,
           shadow_revision = excluded.shadow_revision, shadow_rate = excluded.shadow_rate,
           canary_revision = excluded.canary_revision, canary_share = excluded.canary_share,
           canary_since = CASE WHEN route.canary_revision = excluded.canary_revision THEN route.canary_since
                               ELSE excluded.canary_since END,
           note = excluded.note, changed_by = excluded.changed_by, changed_at = excluded.changed_at
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

FORGET_COMPARISONS = Statement(
    "DELETE mapping_comparison", "DELETE FROM mapping_comparison WHERE (connection, mapping) = ($1, $2)"
)
FORGET_DIFFERENCES = Statement(
    "DELETE mapping_difference", "DELETE FROM mapping_difference WHERE (connection, mapping) = ($1, $2)"
)
FORGET_WEIGHINGS = Statement("DELETE canary_tally", "DELETE FROM canary_tally WHERE (connection, mapping) = ($1, $2)")


class PostgresMappingRoutes:
    """The routes. `of` reads a copy in memory, at most about a second old; older while the database is down."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: Mapping[tuple[str, str], Route] = {}

    def of(self, connection: str, mapping: str) -> Route | None:
        """Return the route, or None where none is set."""
        return self._known.get((connection, mapping))

    async def refresh(self) -> None:
        """Reload the copy in memory. Raises StoreUnavailable."""
        self._known = {(route.connection, route.mapping): route for route in await self.list()}

    def refreshing(self, url: str) -> AbstractAsyncContextManager[None]:
        """Keep the copy in memory current for the duration of the block."""
        return CachedTable(self.refresh, CHANNEL, "mapping routes").refreshing(url)

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
            await record.append_all(session, entries)
            await session.execute(NOTIFY)
        await self.refresh()

    async def change(self, place: MappedConnection, change: RouteChange, *, actor: str) -> Route:
        """Change a route, audit it and notify every process. Raises StoreUnavailable.

        A new shadow or canary deletes the results of the earlier one.
        """
        async with self._database.transaction() as session:
            before = await _lock_and_read(session, place)
            after = _changed(before, change, place)
            route = await _put(session, place, after, actor)
            if after.shadow is not None and (before.shadow is None or before.shadow.revision != after.shadow.revision):
                await session.execute(FORGET_DIFFERENCES, place.connection, place.mapping)
                await session.execute(FORGET_COMPARISONS, place.connection, place.mapping)
            if after.canary is not None and (before.canary is None or before.canary[0] != after.canary[0]):
                await session.execute(FORGET_WEIGHINGS, place.connection, place.mapping)
            await record.append_all(session, list(_entries(place, before, after, actor)))
            return route

    async def roll_back(self, place: MappedConnection, *, actor: str) -> Route | None:
        """Activate the previous revision, end shadow and canary, and audit it. None where there is no previous one."""
        async with self._database.transaction() as session:
            before = await _lock_and_read(session, place)
            if before.previous is None:
                return None
            facts = {"revision": before.previous, "before": before.active or place.default}
            route = await _put(session, place, _Decided(active=before.previous), actor)
            await record.append_all(session, [_entry("mapping.rolled_back", place, actor, **facts)])
            return route


class _Decided:
    """The settings of a route, without who changed it and when."""

    def __init__(
        self,
        *,
        active: int | None = None,
        previous: int | None = None,
        shadow: Shadow | None = None,
        canary: tuple[int, float] | None = None,
    ) -> None:
        self.active = active
        self.previous = previous
        self.shadow = shadow
        self.canary = canary


async def _lock_and_read(session: Transaction, place: MappedConnection) -> _Decided:
    await session.execute(LOCK, place.connection, place.mapping)
    row = await session.fetch_row(SELECT_ONE, place.connection, place.mapping)
    if row is None:
        return _Decided()
    route = _route(row)
    canary = None if route.canary is None else (route.canary.revision, route.canary.share)
    return _Decided(active=route.active, previous=route.previous, shadow=route.shadow, canary=canary)


def _changed(before: _Decided, change: RouteChange, place: MappedConnection) -> _Decided:
    """Apply a change. A shadow or canary that becomes active ends."""
    after = _Decided(active=before.active, previous=before.previous, shadow=before.shadow, canary=before.canary)
    if not isinstance(change.active, UnsetType):
        after.active = change.active
        if (change.active or place.default) != (before.active or place.default):
            after.previous = before.active or place.default
    if not isinstance(change.shadow, UnsetType):
        after.shadow = change.shadow
    if not isinstance(change.canary_revision, UnsetType):
        after.canary = None if change.canary_revision is None else (change.canary_revision, change.canary_share)
    now = after.active or place.default
    if after.shadow is not None and after.shadow.revision == now:
        after.shadow = None
    if after.canary is not None and after.canary[0] == now:
        after.canary = None
    return after


async def _put(session: Transaction, place: MappedConnection, decided: _Decided, actor: str) -> Route:
    shadow, canary = decided.shadow, decided.canary
    row = await session.fetch_row(
        PUT,
        place.connection,
        place.mapping,
        decided.active,
        decided.previous,
        None if shadow is None else shadow.revision,
        None if shadow is None else shadow.sample_rate,
        None if canary is None else canary[0],
        None if canary is None else canary[1],
        None,
        actor,
    )
    await session.execute(NOTIFY)
    assert row is not None  # noqa: S101 - an upsert returns its row
    return _route(row)


def _entries(place: MappedConnection, before: _Decided, after: _Decided, actor: str) -> Sequence[record.Entry]:
    """Return one audit entry for each changed setting: active, shadow, canary."""
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
    if after.canary != before.canary:
        if after.canary is not None:
            entries.append(_entry("mapping.canaried", place, actor, revision=after.canary[0], share=after.canary[1]))
        elif before.canary is not None and before.canary[0] != (after.active or place.default):
            entries.append(_entry("mapping.canary_withdrawn", place, actor, revision=before.canary[0]))
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
    shadow = canary = None
    if row["shadow_revision"] is not None:
        shadow = Shadow(revision=row["shadow_revision"], sample_rate=row["shadow_rate"])
    if row["canary_revision"] is not None:
        canary = Canary(revision=row["canary_revision"], share=row["canary_share"], since=row["canary_since"])
    return Route(
        connection=row["connection"],
        mapping=row["mapping"],
        active=row["active"],
        previous=row["previous"],
        shadow=shadow,
        canary=canary,
        note=row["note"],
        changed_by=row["changed_by"],
        changed_at=row["changed_at"],
    )
