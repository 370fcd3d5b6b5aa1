"""Customers are matched by their primary e-mail address: joined where that is configured, else proposed."""

import asyncio
from collections.abc import Sequence
from functools import partial

import pytest

from app.capabilities import POLICIES
from app.events.store.deliveries import PostgresDeliveries
from app.events.store.events import PostgresEvents
from app.links.announce import announce
from app.links.deps import LinkEventDeps
from app.links.match_keys import Sighting
from app.links.match_store import PostgresMatches
from app.links.store import PostgresLinks
from app.postgres.database import Database, Statement
from app.queue.enqueue import JobIntake
from tests.encryption import SEALER

pytestmark = pytest.mark.anyio

SYSTEMS = ("shopify", "hubspot", "zendesk")
ALL_PAIRS = (("shopify", "hubspot"), ("hubspot", "zendesk"), ("zendesk", "shopify"))
IDS = Statement("SELECT link", "SELECT canonical_id FROM link WHERE remote_id = $1")
PEOPLE = 200


class Process:
    """The links and matches of one process."""

    def __init__(self, database: Database, auto_join: Sequence[tuple[str, str]] = ()) -> None:
        events = PostgresEvents(database, SEALER, PostgresDeliveries(database, SEALER))
        told = LinkEventDeps(events=events, queue=JobIntake(SEALER, POLICIES))
        self.links = PostgresLinks(database, partial(announce, told))
        self.matches = PostgresMatches(database, SEALER, self.links, auto_join)

    async def sight(self, connection: str, remote_id: str, email: str | None, name: str = "ann lee") -> str:
        """See a customer, as a read does, and return its canonical id."""
        await self.links.ensure("customer", connection, [remote_id])
        words = frozenset(name.split())
        await self.matches.sight([Sighting(connection=connection, remote_id=remote_id, email=email, name=words)])
        return (await self.links.ensure("customer", connection, [remote_id]))[remote_id]


async def sight_everybody(database: Database, auto_join: Sequence[tuple[str, str]]) -> list[int]:
    """See 200 people at three systems at once, in three processes. Return how many ids each person has."""
    processes = [Process(database, auto_join) for _ in SYSTEMS]
    await asyncio.gather(
        *(
            processes[(number + place) % 3].sight(system, str(number), f"person{number}@example.com")
            for number in range(PEOPLE)
            for place, system in enumerate(SYSTEMS)
        )
    )
    return [len({row["canonical_id"] for row in await database.fetch(IDS, str(number))}) for number in range(PEOPLE)]


async def test_simultaneous_first_sightings_make_one_id_per_person(database: Database) -> None:
    assert await sight_everybody(database, ALL_PAIRS) == [1] * PEOPLE


async def test_nothing_is_joined_unless_it_is_configured(database: Database) -> None:
    assert await sight_everybody(database, ()) == [3] * PEOPLE
    open_reviews = await Process(database).matches.list_open(after=None, limit=1000)
    assert len(open_reviews) == 3 * PEOPLE
    assert {one.reasons for one in open_reviews} == {("not_configured",)}
