"""Figures of trials are added up over all processes, and a canary that does worse is withdrawn once."""

import asyncio
from typing import Any

import pytest

from app.postgres.database import Database, Statement
from app.revisions.models import CanaryTally, Comparisons, Difference, MappedConnection, RouteChange, Shadow, TrialKey
from app.revisions.store.mapping_routes import PostgresMappingRoutes
from app.revisions.store.trials import PostgresTrialBook, why_withdrawn

pytestmark = pytest.mark.anyio

PLACE = MappedConnection(connection="crm", mapping="hubspot.customer", default=1)
TYPES = Statement("SELECT audit_event", "SELECT type FROM audit_event WHERE type LIKE 'mapping.%' ORDER BY id")
KEY = TrialKey(connection="crm", mapping="hubspot.customer", active=1, tried=2)


def tally(**figures: int) -> CanaryTally:
    none = {"compared": 0, "refused": 0, "refused_by_active": 0, "more_loss": 0, "less_loss": 0}
    return CanaryTally(key=KEY, **{**none, **figures})


def difference(path: str, *samples: str, count: int = 1) -> Difference:
    return Difference(passing="read", path=path, count=count, samples=samples)


@pytest.mark.parametrize(
    ("figures", "because"),
    [
        ({"compared": 1000}, None),
        ({"compared": 2, "refused": 2}, None),
        ({"compared": 3, "refused": 3}, "3 more refused"),
        ({"compared": 19, "refused": 1}, None),
        ({"compared": 20, "refused": 1}, "1 more refused"),
        ({"compared": 500, "refused": 2}, None),
        ({"compared": 500, "refused": 400, "refused_by_active": 400}, None),
        ({"compared": 500, "refused": 100, "refused_by_active": 97}, "3 more refused"),
        ({"compared": 19, "more_loss": 19}, None),
        ({"compared": 20, "more_loss": 1}, None),
        ({"compared": 20, "more_loss": 2}, "2 with more loss"),
        ({"compared": 20, "more_loss": 9, "less_loss": 9}, None),
        ({"compared": 20, "less_loss": 20, "refused": 1}, "1 more refused"),
    ],
)
def test_when_a_canary_is_withdrawn(figures: dict[str, int], because: str | None) -> None:
    why = why_withdrawn(tally(**figures))

    assert (why is None) if because is None else (why is not None and because in why)


async def test_a_canary_is_withdrawn_once(database: Database) -> None:
    routes, book = PostgresMappingRoutes(database), PostgresTrialBook(database)
    await routes.change(PLACE, RouteChange(canary_revision=2, canary_share=0.1), actor="ada")
    await book.add_tallies([tally(compared=10, refused=1)])
    assert [route.canary is None for route in await routes.list()] == [False]

    await asyncio.gather(*(book.add_tallies([tally(compared=10, refused=1)]) for _ in range(6)))

    (route,) = await routes.list()
    assert (route.canary, route.changed_by) == (None, "lockstitch")
    assert route.note is not None
    assert route.note.startswith("withdrawn automatically: ")
    assert await audited(database) == ["mapping.canaried", "mapping.canary_withdrawn"]
    (sums,) = await book.canaries()
    assert (sums.compared, sums.refused) == (70, 7)

    # Another one begins with clean figures, and with no word of the last one.
    begun = await routes.change(PLACE, RouteChange(canary_revision=2, canary_share=0.2), actor="ada")
    assert (begun.note, await book.canaries()) == (None, [])


LATER = Statement("UPDATE canary_tally", "UPDATE canary_tally SET minute = minute - interval '11 minutes'")
THEN = Statement(
    "UPDATE canary_tally",
    """
    UPDATE canary_tally
       SET minute = minute - make_interval(mins => $1)
     WHERE minute > now() - interval '10 minutes'
    """,
)
ROWS = Statement("SELECT canary_tally", "SELECT count(*) FROM canary_tally")


async def test_a_canary_with_little_traffic_is_withdrawn_too(database: Database) -> None:
    routes, book = PostgresMappingRoutes(database), PostgresTrialBook(database)
    await routes.change(PLACE, RouteChange(canary_revision=2, canary_share=0.1), actor="ada")

    for _ in range(2):
        await book.add_tallies([tally(compared=1, refused=1)])
        await database.execute(LATER)
    assert [route.canary is None for route in await routes.list()] == [False]
    await book.add_tallies([tally(compared=1, refused=1)])

    assert [route.canary is None for route in await routes.list()] == [True]


async def test_what_went_wrong_long_ago_is_forgotten_once_enough_went_well(database: Database) -> None:
    routes, book = PostgresMappingRoutes(database), PostgresTrialBook(database)
    await routes.change(PLACE, RouteChange(canary_revision=2, canary_share=0.1), actor="ada")

    await book.add_tallies([tally(compared=2, refused=2)])
    await database.execute(LATER)
    await book.add_tallies([tally(compared=20)])
    await database.execute(LATER)
    await book.add_tallies([tally(compared=200)])
    await book.add_tallies([tally(compared=1, refused=1)])

    assert [route.canary is None for route in await routes.list()] == [False]


async def test_only_the_minutes_that_decide_are_kept_singly(database: Database) -> None:
    routes, book = PostgresMappingRoutes(database), PostgresTrialBook(database)
    await routes.change(PLACE, RouteChange(canary_revision=2, canary_share=0.1), actor="ada")

    for hours in range(40, 0, -1):
        await book.add_tallies([tally(compared=10, less_loss=1)])
        await database.execute(THEN, hours * 60)
    await book.add_tallies([tally(compared=1)])

    (sums,) = await book.canaries()
    assert (sums.compared, sums.less_loss) == (401, 40)
    # This minute, the two before it that make twenty, and all others in one.
    assert await database.fetch_value(ROWS) == 4


SLOW = Statement(
    "CREATE trigger",
    """
    CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.4); RETURN NEW; END $$;
    CREATE TRIGGER pause BEFORE INSERT ON mapping_route FOR EACH ROW EXECUTE FUNCTION pause();
    """,
)
PAUSED = Statement("SELECT pg_stat_activity", "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")


async def test_a_decision_does_not_restore_a_withdrawn_canary(database: Database) -> None:
    routes, book = PostgresMappingRoutes(database), PostgresTrialBook(database)
    await routes.change(PLACE, RouteChange(canary_revision=2, canary_share=0.1), actor="ada")
    await database.execute(SLOW)

    shadowing = asyncio.create_task(
        routes.change(PLACE, RouteChange(shadow=Shadow(revision=3, sample_rate=0.5)), actor="ada")
    )
    async with asyncio.timeout(10):
        while not await database.fetch_value(PAUSED):
            continue
    await book.add_tallies([tally(compared=9, refused=9)])
    await shadowing

    (route,) = await routes.list()
    assert (route.canary, route.changed_by) == (None, "lockstitch")
    assert route.shadow == Shadow(revision=3, sample_rate=0.5)
    assert await audited(database) == ["mapping.canaried", "mapping.shadowed", "mapping.canary_withdrawn"]


async def test_what_is_changed_of_a_route(database: Database) -> None:
    routes = PostgresMappingRoutes(database)
    shadow = Shadow(revision=2, sample_rate=0.5)
    await routes.change(PLACE, RouteChange(shadow=shadow), actor="ada")
    kept = await routes.change(PLACE, RouteChange(canary_revision=3, canary_share=0.5), actor="ada")
    assert (kept.active, kept.shadow, kept.canary is not None) == (None, shadow, True)
    wider = await routes.change(PLACE, RouteChange(canary_revision=3, canary_share=0.9), actor="ada")
    assert kept.canary is not None
    assert wider.canary is not None
    assert wider.canary.since == kept.canary.since, "the same canary, with a greater share"

    active = await routes.change(PLACE, RouteChange(active=2), actor="ada")
    assert (active.active, active.previous, active.shadow, active.canary) == (2, 1, None, wider.canary)
    again = await routes.change(PLACE, RouteChange(active=2), actor="ada")
    assert again.previous == 1
    back = await routes.roll_back(PLACE, actor="bob")
    assert back is not None
    assert (back.active, back.previous, back.canary) == (1, None, None)
    assert await routes.roll_back(PLACE, actor="bob") is None
    assert await audited(database) == [
        *("mapping.shadowed", "mapping.canaried", "mapping.canaried"),
        *("mapping.activated", "mapping.shadow_ended", "mapping.rolled_back"),
    ]
    assert routes.of("crm", "hubspot.customer") is None
    await routes.refresh()
    assert routes.of("crm", "hubspot.customer") == back


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


async def audited(database: Database) -> list[Any]:
    async with database.acquire() as session:
        rows = await session.fetch(TYPES)
    return [row["type"] for row in rows]
