"""Pulls while workers are killed with -9 every few pages: every change has one Event for its final state."""

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from app.dev.folder import EMULATOR_CREDENTIALS
from app.events.store.events import PostgresEvents
from app.postgres.database import Database
from tests.closing import async_closing
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.processes import Process
from tests.contract.waiting import until
from tests.encryption import SEALER
from tests.walks.stage import connection_table

PAGES: Final = "SELECT coalesce(sum(pages), 0)::integer AS pages FROM walk"
COMPLETED: Final = "SELECT count(*)::integer AS runs FROM audit_event WHERE type = 'walk.completed'"
FAILED: Final = "SELECT count(*)::integer AS runs FROM audit_event WHERE type = 'walk.failed'"
RESTING: Final = "SELECT count(*)::integer AS jobs FROM job WHERE kind = 'refetch'"
STATES: Final = "SELECT count(*) FILTER (WHERE NOT deleted)::integer AS records FROM record_state"
LATE: Final = timedelta(minutes=2)
MOST_SKEW: Final = 90.0
Contact = dict[str, Any]


class Portal:
    """Contacts at HubSpot: their final states, and what became of them since the baseline.

    Each contact is stamped by a clock of its own, up to 90 s from ours. A late contact appears two minutes after the
    time of its change.
    """

    def __init__(self, vendors: Emulators, seed: int) -> None:
        self.chance = random.Random(seed)
        self.contacts: dict[str, Contact] = {}
        self.changed: dict[str, str] = {}
        self.new: set[str] = set()
        self._vendors = vendors
        self._skews: dict[str, float] = defaultdict(lambda: self.chance.uniform(-MOST_SKEW, MOST_SKEW))
        self._tied_at = datetime.now(UTC)

    def fill(self, count: int) -> None:
        """Place the contacts of a baseline."""
        with ThreadPoolExecutor(4) as threads:
            for one in threads.map(
                lambda number: self._place({"properties": {"lastname": f"Hopper {number}"}}), range(count)
            ):
                self.contacts[one["id"]] = one

    def run_import(self, count: int, tied: int) -> None:
        """Change or create `count` contacts, `tied` of them at one time."""
        self._tied_at = datetime.now(UTC)
        known = list(self.contacts)
        ids = [*known, *[None] * (count - len(known))]
        self.chance.shuffle(ids)
        changes = [self._change(id, is_tied=place < tied) for place, id in enumerate(ids)]
        with ThreadPoolExecutor(4) as threads:
            for one in threads.map(self._place, changes):
                self._remember(one)

    def edit(self) -> None:
        """Change contacts that a run has listed or not, and let new ones appear late, also at the import's time."""
        for id in self.chance.sample(list(self.contacts), 6):
            self._remember(self._place(self._change(id, is_late=self.chance.random() < 0.5)))
        for is_tied in (True, True, False, False):
            self._remember(self._place(self._change(None, is_tied=is_tied, is_late=True)))

    def _change(self, id: str | None, *, is_tied: bool = False, is_late: bool = False) -> Contact:
        """Return the contact with another title and a later time of change."""
        before = {} if id is None else self.contacts[id]
        at = self._tied_at
        if not is_tied:
            skew = self.chance.uniform(-MOST_SKEW, MOST_SKEW) if id is None else self._skews[id]
            at = datetime.now(UTC) + timedelta(seconds=skew) - (LATE if is_late else timedelta())
        if before:
            at = max(at, datetime.fromisoformat(before["updatedAt"]) + timedelta(milliseconds=1))
        properties = {"lastname": "Lovelace", "jobtitle": f"Painter {self.chance.random()}"}
        return before | {"properties": properties, "updatedAt": at.isoformat(timespec="milliseconds")}

    def _place(self, contact: Contact) -> Contact:
        return self._vendors.place("hubspot", "contacts", contact)

    def _remember(self, contact: Contact) -> None:
        if contact["id"] not in self.contacts:
            self.new.add(contact["id"])
        self.contacts[contact["id"]] = contact
        self.changed[contact["id"]] = contact["properties"]["jobtitle"]


@pytest.fixture
def facade(tmp_path: Path, database_url: str) -> Iterator[Facade]:
    token = EMULATOR_CREDENTIALS["LOCKSTITCH_DEV_HUBSPOT_TOKEN"]
    facade = Facade(tmp_path, database_url, LOCKSTITCH_JOB_LEASE="2", LOCKSTITCH_DEV_HUBSPOT_TOKEN=token)
    with facade.with_vendors():
        yield facade


@pytest.mark.parametrize(
    ("contacts", "tied", "cap", "kills"),
    [(1_500, 720, 600, 3), pytest.param(25_000, 12_000, 10_000, 40, marks=pytest.mark.long)],
)
def test_every_change_has_its_event_once_while_workers_die(
    facade: Facade, contacts: int, tied: int, cap: int, kills: int
) -> None:
    facade.add_configuration(connection_table(facade, "hubspot", "customers", every="1s"))
    facade.vendors.limit("hubspot", per_minute=10_000_000, search_lag=1.0, search_cap=cap)
    portal = Portal(facade.vendors, contacts)
    portal.fill(contacts // 5)
    facade.worker.start()
    until(lambda: number_of(facade, COMPLETED), timeout=240.0)
    facade.worker.stop()
    portal.run_import(contacts, tied)
    for kill in range(kills):
        kill_after_pages(facade, portal.chance.randint(2, 9))
        portal.edit()
        if kill == kills // 2:
            abort_listing(facade)
    facade.vendors.limit("hubspot", search_lag=0.0)
    facade.worker.start()
    runs = number_of(facade, COMPLETED)
    until(lambda: number_of(facade, COMPLETED), lambda now: now >= runs + 3, timeout=1200.0)
    until(lambda: number_of(facade, RESTING), lambda left: left == 0)
    facade.worker.stop()

    titles: dict[str, list[str]] = defaultdict(list)
    created = []
    for event in asyncio.run(events_of(facade.database_url)):
        id = event["data"]["meta"]["remote_id"]
        titles[id].append(event["data"]["job_title"])
        created += [id] if event["type"] == "customer.created" else []
    assert {id: each[-1] for id, each in titles.items()} == portal.changed
    assert all(len(set(each)) == len(each) for each in titles.values())
    assert sorted(created) == sorted(portal.new)
    # Contacts of the emulator's own are in the baseline.
    assert number_of(facade, STATES) == len(facade.vendors.records("hubspot", "contacts"))


def abort_listing(facade: Facade) -> None:
    """Let a run fail in the middle of its list."""
    facade.vendors.break_("hubspot", "status", status=400, path="/crm/v3/objects/contacts/search", times=None)
    facade.worker.start()
    until(lambda: number_of(facade, FAILED))
    facade.worker.kill()
    facade.vendors.mend()


def kill_after_pages(facade: Facade, pages: int) -> None:
    """Start a worker, and kill it with -9 once a few pages are committed, or a run ended."""
    worker: Process = facade.worker
    worker.start()
    before = number_of(facade, PAGES) + number_of(facade, COMPLETED)
    until(lambda: number_of(facade, PAGES) + number_of(facade, COMPLETED) - before, lambda done: abs(done) >= pages)
    worker.kill()


def number_of(facade: Facade, statement: str) -> int:
    ((number,),) = [tuple(row.values()) for row in facade.sql(statement)]
    return int(number)


async def events_of(url: str) -> list[dict[str, Any]]:
    """The Events of customers, oldest first; also of customers that were deleted."""
    async with async_closing(Database.connect(url, max_size=1)) as database:
        events = PostgresEvents(database, SEALER)
        feed = await events.feed(
            types=("customer.created", "customer.updated", "customer.deleted"), after=None, limit=100_000
        )
        return [json.loads(bytes(one.body)) for one in feed]
