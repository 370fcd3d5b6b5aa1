"""After a downgrade a route may name a missing revision: the revision in use is reported."""

import pytest

from app.errors import StateConflict
from app.postgres.database import Database
from app.revisions.mapping_routes import RouteOrder, ShadowOrder, read_mapping, roll_back, set_route
from app.revisions.models import MappedConnection, RouteChange, Shadow
from app.revisions.store.mapping_routes import PostgresMappingRoutes
from app.revisions.store.trials import PostgresTrialBook
from app.vendors.models import Connection
from mappings.registry import VENDORS, active

NAME = "hubspot.customer"
CONNECTIONS = {"crm": Connection(name="crm", vendor=VENDORS["hubspot"])}
NOT_YET = 99


def place() -> MappedConnection:
    newest = active(VENDORS["hubspot"], "customer")
    assert newest is not None
    return MappedConnection(connection="crm", mapping=NAME, default=newest.revision)


async def test_the_revision_that_is_at_work_is_shown(database: Database) -> None:
    routes, book = PostgresMappingRoutes(database), PostgresTrialBook(database)
    await routes.change(place(), RouteChange(active=NOT_YET), actor="ada")

    (route,) = (await read_mapping(routes, book, CONNECTIONS, NAME)).routes

    assert (route.active, route.pinned) == (place().default, True)


async def test_a_trial_decided_before_any_run_pins_the_active_revision(database: Database) -> None:
    routes = PostgresMappingRoutes(database)
    other = 1 if place().default != 1 else 2
    order = RouteOrder(connection="crm", shadow=ShadowOrder(revision=other))

    await set_route(routes, CONNECTIONS, NAME, order, actor="ada")
    await routes.pin([place()])

    (route,) = await routes.list()
    assert (route.active, route.shadow) == (place().default, Shadow(revision=other, sample_rate=0.1))
    followed = RouteOrder(connection="crm", active=None)
    await set_route(routes, CONNECTIONS, NAME, followed, actor="ada")
    assert [route.active for route in await routes.list()] == [None], "somebody has said so"


async def test_nothing_goes_back_to_a_revision_that_there_is_not(database: Database) -> None:
    routes = PostgresMappingRoutes(database)
    await routes.change(place(), RouteChange(active=NOT_YET), actor="ada")
    before = await routes.change(place(), RouteChange(active=1), actor="ada")

    with pytest.raises(StateConflict) as refused:
        await roll_back(routes, CONNECTIONS, NAME, "crm", actor="ada")
    assert refused.value.detail.startswith("r99 of hubspot.customer was active before")

    assert await routes.list() == [before]
