"""A walk whose job became a dead letter says so, and goes on after its last committed page."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from typing import Any, Final, NoReturn

import pytest
from msgspec import Raw

from app.dead_letters.decide import DiscardOrder, RedriveOrder, discard_dead_letter, redrive_dead_letter
from app.dead_letters.deps import DeadLetterDeps
from app.errors import VendorDrifted
from app.records.map_record import active_mapping, map_record
from app.walks.backfill.manage import read_backfill, resume_backfill
from app.walks.deps import FreshnessDeps
from app.walks.pull.freshness import list_freshness
from tests.contract.facade import Facade
from tests.walks.stage import Stage, connection_table, staged
from tests.walks.test_reconcile import start_reconcile

CONTACTS: Final = 9
FAILURE: Final = ("dead-letter: connection-paused", "dead-letter: vendor-unavailable")
"""The vendor is not called while calls to it keep failing."""
# The next page does not wait, nor does the last attempt.
HURRY: Final = (
    "UPDATE job SET run_at = now() WHERE kind = 'walk' AND state = 'ready' AND run_at > now() AND attempts = 0"
)
LAST_ATTEMPT: Final = """
    UPDATE job SET max_attempts = greatest(2, attempts - deferred + 1), run_at = least(run_at, now())
     WHERE kind = 'walk' AND state = 'ready'
"""
LEFT: Final = "SELECT id FROM job WHERE kind IN ('walk', 'refetch', 'reconcile')"
# As if workers had died while they mapped the page.
ENDED_ITS_WORKER: Final = """
    INSERT INTO attempt (job_id, number, kind, connection, correlation_id, outcome, category, started_at)
    SELECT id, number, kind, connection, correlation_id, 'lost', 'transient', now()
      FROM job, generate_series(101, 102) AS number
     WHERE kind = 'walk'
"""
DEAD: Final = "SELECT id FROM dead_letter WHERE kind = 'walk' AND state = 'open'"
RUNS: Final = "SELECT type, subject, facts FROM audit_event WHERE type LIKE 'walk.%' ORDER BY id"


@pytest.fixture
async def stage(facade: Facade) -> AsyncIterator[Stage]:
    rule = '[connections.pulled-salesforce.reconcile]\nevery = "off"\ngrace = "1s"\n'
    async with staged(facade, connection_table(facade, "salesforce", "customers", page=2) + rule) as stage:
        yield stage


def contacts(stage: Stage) -> list[str]:
    """Place contacts at Salesforce, and return their ids."""
    new = [{"LastName": f"Lovelace {number}"} for number in range(CONTACTS)]
    return [stage.vendors.place("salesforce", "Contact", one)["Id"] for one in new]


def let_it_fail(stage: Stage, pages: int) -> None:
    """Let Salesforce answer so many pages, and then none."""
    stage.vendors.break_("salesforce", "slow", path="*/query*", times=pages, delay_ms=0)
    stage.vendors.break_("salesforce", "status", path="*/query*", times=None, status=503)


async def die(stage: Stage) -> str:
    """Wait until the job of a walk has become a dead letter, let the vendor answer again, and return its id."""
    async with asyncio.timeout(60):
        while not await stage.sql(DEAD):
            await stage.sql(LAST_ATTEMPT)
            await asyncio.sleep(0.05)
    stage.vendors.mend()
    return str((await stage.sql(DEAD))[0]["id"])


async def work(stage: Stage) -> None:
    """Wait until no job of a walk is left."""
    async with asyncio.timeout(60):
        while await stage.sql(LEFT):
            await stage.sql(HURRY)
            await asyncio.sleep(0.05)


async def redrive(stage: Stage, letter: str) -> None:
    await redrive_dead_letter(stage.runtime.dependencies.of(DeadLetterDeps), letter, RedriveOrder(), actor="test")


async def discard(stage: Stage, letter: str) -> None:
    order = DiscardOrder(because="test")
    await discard_dead_letter(stage.runtime.dependencies.of(DeadLetterDeps), letter, order, actor="test")


@pytest.mark.parametrize("decision", ["redrive", "discard"])
async def test_a_pull_shows_that_it_has_died_and_goes_on(stage: Stage, decision: str) -> None:
    await stage.pull()
    made = contacts(stage)
    let_it_fail(stage, pages=2)
    await stage.start_pulls()
    letter = await die(stage)

    (state,) = await stage.deps.walks.states()
    views = await list_freshness(stage.runtime.dependencies.of(FreshnessDeps))
    assert state.failure == views[0].last_failure
    assert state.failure in FAILURE
    before = len(await stage.events())
    assert 0 < before < CONTACTS

    if decision == "redrive":
        await redrive(stage, letter)
    else:
        await discard(stage, letter)
        assert (await stage.deps.walks.states())[0].failure == "dead-letter"
        await stage.start_pulls()
    await work(stage)

    assert sorted(event["data"]["meta"]["remote_id"] for event in await stage.events()) == sorted(made)
    (state,) = await stage.deps.walks.states()
    assert state.failure is None
    runs = (await stage.sql(RUNS))[2:]
    again = [] if decision == "redrive" else ["walk.resumed"]
    assert [row["type"] for row in runs] == ["walk.started", *again, "walk.completed"]
    assert len({row["subject"] for row in runs}) == 1
    assert json.loads(runs[-1]["facts"])["pages"] > 2


async def test_a_page_that_ends_its_worker_is_read_record_by_record(stage: Stage) -> None:
    await stage.pull()
    made = contacts(stage)
    stage.vendors.break_("salesforce", "status", path="*/query*", times=None, status=503)
    await stage.start_pulls()
    await stage.until("SELECT EXISTS (SELECT FROM job WHERE kind = 'walk' AND attempts > 0 AND state = 'ready')")
    await stage.sql(ENDED_ITS_WORKER)
    stage.vendors.mend()
    await work(stage)

    assert sorted(event["data"]["meta"]["remote_id"] for event in await stage.events()) == sorted(made)
    singly = await stage.sql("SELECT DISTINCT job_id FROM attempt WHERE kind = 'refetch' AND outcome = 'done'")
    assert len(singly) == 2  # the page that failed; the next ones are mapped as ever


@pytest.mark.parametrize("purpose", ["pull", "backfill", "reconcile"])
async def test_a_record_that_ends_its_worker_is_left_out_until_a_person_decides(stage: Stage, purpose: str) -> None:
    await stage.pull()
    poison, good = contacts(stage)[:2]
    place = partial(stage.vendors.place, "salesforce", "Contact")
    place({"Id": poison, "LastName": "Lovelace", "Title": {"is": "no text"}})
    await stage.pull()
    await stage.sql("UPDATE dead_letter SET category = 'poison'")
    before = len(await stage.events())
    for one in (poison, good):
        place({"Id": one, "LastName": "Lovelace", "Title": "Potter"})

    if purpose == "backfill":
        ended = await stage.backfill()
        assert ended.unreadable == 1
        return
    if purpose == "reconcile":
        await start_reconcile(stage)
        await work(stage)
        assert [row["remote_id"] for row in await stage.sql("SELECT remote_id FROM reconcile_finding")] == [good]
        return
    (event,) = await stage.pull()
    assert event["data"]["meta"]["remote_id"] == good
    (state,) = await stage.deps.walks.states()
    assert (state.failure, state.poison) == (None, 1)
    letters = await stage.sql("SELECT id FROM dead_letter WHERE state = 'open'")
    await redrive(stage, letters[0]["id"])
    await work(stage)
    assert [event["data"]["meta"]["remote_id"] for event in (await stage.events())[before:]] == [good, poison]


async def test_a_fault_of_a_mapping_concerns_its_record_only(stage: Stage) -> None:
    connection = stage.deps.connections.by_name["pulled-salesforce"]
    mapping = active_mapping(stage.deps, connection, "customer")
    assert mapping is not None
    record = Raw(b'{"Id": "003xx000004TmiQAAS", "LastName": "Lovelace"}')
    with pytest.raises(VendorDrifted) as raised:
        await map_record(stage.deps, connection, replace(mapping, to_canonical=faulty), record, None)
    assert "KeyError" in str(raised.value.detail)


def faulty(record: Any, account: Any) -> NoReturn:
    raise KeyError("a fault")


async def test_a_reconciliation_goes_on_with_what_it_has_seen(stage: Stage) -> None:
    contacts(stage)
    await stage.pull()
    states = await stage.sql("SELECT remote_id FROM record_state")
    let_it_fail(stage, pages=2)
    await start_reconcile(stage)
    await die(stage)
    (state,) = await stage.deps.reconciliations.states()
    assert state.failure in FAILURE

    await start_reconcile(stage)
    await work(stage)

    assert await stage.sql("SELECT FROM reconcile_finding") == []
    runs = (await stage.sql(RUNS))[2:]
    assert [row["type"] for row in runs] == ["walk.started", "walk.resumed", "walk.completed"]
    assert json.loads(runs[-1]["facts"]) | {"records": len(states), "absent": 0} == json.loads(runs[-1]["facts"])
    assert (await stage.deps.reconciliations.states())[0].failure is None


async def test_a_backfill_that_has_died_is_resumed(stage: Stage) -> None:
    contacts(stage)
    let_it_fail(stage, pages=2)
    begun = await stage.start_backfill()
    await die(stage)
    died = await read_backfill(stage.backfills, begun.id)
    assert died.state == "running"
    assert died.failure in FAILURE

    await resume_backfill(stage.backfills, begun.id, actor="key_1")
    await work(stage)

    ended = await read_backfill(stage.backfills, begun.id)
    assert (ended.state, ended.failure) == ("completed", None)
    assert ended.records == len(stage.vendors.records("salesforce", "Contact"))
