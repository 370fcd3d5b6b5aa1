"""Totals of shadows are added up over all processes, and changes of a route are kept."""

import asyncio
from typing import Any

from app.postgres.database import Database, Statement
from app.revisions.models import Comparisons, Difference, MappedConnection, RouteChange, Shadow, TrialKey
from app.revisions.store.mapping_routes import PostgresMappingRoutes
from app.revisions.store.trials import PostgresTrialBook

PLACE = MappedConnection(connection="crm", mapping="hubspot.customer", default=1)
TYPES = Statement("SELECT audit_event", "SELECT type FROM audit_event WHERE type LIKE 'mapping.%' ORDER BY id")
KEY = TrialKey(connection="crm", mapping="hubspot.customer", active=1, shadow=2)


def difference(path: str, *samples: str, count: int = 1) -> Difference:
    return Difference(passing="read", path=path, count=count, samples=samples)


WAIT_FOR_GATE = Statement(
    "CREATE trigger",
    """
    CREATE FUNCTION wait_for_gate() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NEW; END $$;
    CREATE TRIGGER wait_for_gate BEFORE INSERT ON mapping_route FOR EACH ROW EXECUTE FUNCTION wait_for_gate();
    CREATE TRIGGER wait_for_gate BEFORE INSERT ON mapping_difference FOR EACH ROW EXECUTE FUNCTION wait_for_gate();
    """,
)
NO_GATE_OF_ROUTES = Statement("DROP trigger", "DROP TRIGGER wait_for_gate ON mapping_route")
CLOSE_GATE = Statement("SELECT lock", "SELECT pg_advisory_xact_lock(1)")
LOCK_FIRST = Statement(
    "SELECT mapping_comparison", "SELECT FROM mapping_comparison ORDER BY active, shadow LIMIT 1 FOR UPDATE"
)
ANALYZE = Statement("ANALYZE mapping_comparison", "ANALYZE mapping_comparison")
WAITING = Statement("SELECT pg_locks", "SELECT count(*) FROM pg_locks WHERE NOT granted")


async def test_concurrent_changes_of_one_route_are_both_kept(database: Database) -> None:
    routes, shadow = PostgresMappingRoutes(database), Shadow(revision=3, sample_rate=0.5)
    await database.execute(WAIT_FOR_GATE)

    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks, database.transaction() as gate:
        await gate.execute(CLOSE_GATE)
        tasks.create_task(routes.change(PLACE, RouteChange(shadow=shadow), actor="ada"))
        while await database.fetch_value(WAITING) < 1:
            continue
        tasks.create_task(routes.change(PLACE, RouteChange(active=2), actor="bob"))
        while await database.fetch_value(WAITING) < 2:
            continue

    (route,) = await routes.list()
    assert (route.active, route.shadow, route.changed_by) == (2, shadow, "bob")
    assert await audited(database) == ["mapping.shadowed", "mapping.activated"]


async def test_what_is_changed_of_a_route(database: Database) -> None:
    routes, shadow = PostgresMappingRoutes(database), Shadow(revision=2, sample_rate=0.5)
    begun = await routes.change(PLACE, RouteChange(shadow=shadow), actor="ada")
    assert (begun.active, begun.previous, begun.shadow) == (None, None, shadow)

    active = await routes.change(PLACE, RouteChange(active=2), actor="ada")
    assert (active.active, active.previous, active.shadow) == (2, 1, None)
    other = Shadow(revision=3, sample_rate=1.0)
    again = await routes.change(PLACE, RouteChange(active=2, shadow=other), actor="ada")
    assert (again.previous, again.shadow) == (1, other)
    back = await routes.roll_back(PLACE, actor="bob")
    assert back is not None
    assert (back.active, back.previous, back.shadow) == (1, None, None)
    assert await routes.roll_back(PLACE, actor="bob") is None
    assert await audited(database) == [
        *("mapping.shadowed", "mapping.activated", "mapping.shadow_ended"),
        *("mapping.shadowed", "mapping.rolled_back"),
    ]
    assert routes.in_force.get(("crm", "hubspot.customer")) is None
    await routes.refresh()
    assert routes.in_force.get(("crm", "hubspot.customer")) == back


async def test_comparisons_of_all_processes_add_up(database: Database) -> None:
    book = PostgresTrialBook(database)

    def comparisons(*differences: Difference) -> Comparisons:
        return Comparisons(key=KEY, compared=10, differing=2, dropped=1, differences=differences)

    await asyncio.gather(
        *(book.add([comparisons(difference("/emails/*", f'{{"shadow":{n}}}', count=3))]) for n in range(5)),
        book.add([comparisons(difference("/status", '{"active":"unknown"}'), difference("/emails/*", '{"shadow":0}'))]),
    )

    (figures,) = await book.shadows()
    assert (figures.key, figures.compared, figures.differing, figures.dropped) == (KEY, 60, 12, 6)
    assert [(one.path, one.count) for one in figures.differences] == [("/emails/*", 16), ("/status", 1)]
    samples = figures.differences[0].samples
    assert len(samples) == len(set(samples)) == 3

    # Another shadow begins anew.
    await PostgresMappingRoutes(database).change(
        PLACE, RouteChange(shadow=Shadow(revision=3, sample_rate=0.1)), actor="ada"
    )
    assert await book.shadows() == []


async def test_a_new_shadow_begins_while_totals_of_the_earlier_one_are_stored(database: Database) -> None:
    book, routes = PostgresTrialBook(database), PostgresMappingRoutes(database)
    totals = [Comparisons(key=KEY, compared=1, differing=1, dropped=0, differences=(difference("/status", "{}"),))]
    await book.add(totals)
    await database.execute(WAIT_FOR_GATE)
    await database.execute(NO_GATE_OF_ROUTES)

    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks, database.transaction() as gate:
        await gate.execute(CLOSE_GATE)
        tasks.create_task(book.add(totals))
        while await database.fetch_value(WAITING) < 1:
            continue
        shadow = RouteChange(shadow=Shadow(revision=3, sample_rate=0.5))
        tasks.create_task(routes.change(PLACE, shadow, actor="ada"))
        while await database.fetch_value(WAITING) < 2:
            continue

    assert await book.shadows() == []


async def test_a_new_shadow_never_deadlocks_with_totals_of_earlier_ones(database: Database) -> None:
    routes, book = PostgresMappingRoutes(database), PostgresTrialBook(database)
    keys = [TrialKey(connection="crm", mapping="hubspot.customer", active=1, shadow=shadow) for shadow in range(2, 52)]
    totals = [Comparisons(key=key, compared=1, differing=0, dropped=0, differences=()) for key in keys]
    for one in reversed(totals):
        await book.add([one])
    await database.execute(ANALYZE)  # PostgreSQL now reads the rows as they lie on the disk, the last one first

    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks, database.transaction() as gate:
        await gate.execute(LOCK_FIRST)
        tasks.create_task(book.add(totals))
        while await database.fetch_value(WAITING) < 1:
            continue
        change = RouteChange(shadow=Shadow(revision=99, sample_rate=1.0))
        tasks.create_task(routes.change(PLACE, change, actor="ada"))
        while await database.fetch_value(WAITING) < 2:
            continue

    assert await book.shadows() == []


async def audited(database: Database) -> list[Any]:
    async with database.acquire() as session:
        rows = await session.fetch(TYPES)
    return [row["type"] for row in rows]
