"""A connection keeps its first revision, even if a later Lockstitch has newer ones."""

import asyncio

from app.postgres.database import Database, Statement
from app.revisions.models import MappedConnection, RouteChange
from app.revisions.store.mapping_routes import PostgresMappingRoutes

TRAIL = Statement("SELECT audit_event", "SELECT type, facts FROM audit_event ORDER BY id")


def place(connection: str, default: int) -> MappedConnection:
    return MappedConnection(connection=connection, mapping="hubspot.customer", default=default)


async def active(database: Database) -> dict[str, int | None]:
    return {route.connection: route.active for route in await PostgresMappingRoutes(database).list()}


async def test_a_newer_release_moves_no_existing_connection(database: Database) -> None:
    await PostgresMappingRoutes(database).pin([place("crm", 1)])

    updated = PostgresMappingRoutes(database)
    await updated.pin([place("crm", 2), place("new", 2)])

    assert await active(database) == {"crm": 1, "new": 2}
    pinned = updated.in_force.get(("crm", "hubspot.customer"))
    assert pinned is not None
    assert pinned.active == 1
    assert [row["type"] for row in await database.fetch(TRAIL)] == ["mapping.pinned", "mapping.pinned"]


async def test_who_follows_the_newest_is_not_pinned_again(database: Database) -> None:
    routes = PostgresMappingRoutes(database)
    await routes.pin([place("crm", 1)])
    await routes.change(place("crm", 1), RouteChange(active=None), actor="ada")

    await routes.pin([place("crm", 2)])

    assert await active(database) == {"crm": None}


async def test_processes_that_begin_at_once_pin_once(database: Database) -> None:
    places = [place(f"crm-{number}", 1) for number in range(20)]

    await asyncio.gather(*(PostgresMappingRoutes(database).pin(some) for some in [places, places[::-1]] * 4))

    assert await active(database) == {one.connection: 1 for one in places}
    assert len(await database.fetch(TRAIL)) == len(places)


async def test_with_no_connection_there_is_nothing_to_pin(database: Database) -> None:
    await PostgresMappingRoutes(database).pin([])

    assert await database.fetch(TRAIL) == []
