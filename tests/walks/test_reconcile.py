"""Reconcile: what differs from its last-seen state is found once, and closed when it is gone."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from prometheus_client import Counter

from app.errors import NotFound, StateConflict
from app.walks.deps import ReconcileDeps
from app.walks.metrics import missed
from app.walks.reconcile.models import ReconcileFilter, ReconcileFinding, ReconcileRequest
from app.walks.reconcile.start import confirm_absences, list_findings, request_reconcile, start_due_reconciles
from tests.contract.facade import Facade
from tests.walks.stage import Stage, connection_table, contact, staged

LEFT: Final = "SELECT count(*) = 0 FROM job WHERE kind IN ('walk', 'reconcile', 'refetch')"
CONTACTS: Final = 24
"""So that one absent record is less than 5 %."""


@pytest.fixture
def repair(request: pytest.FixtureRequest) -> str:
    return getattr(request, "param", "report")


@pytest.fixture
async def stage(facade: Facade, repair: str) -> AsyncIterator[Stage]:
    rule = f'[connections.pulled-salesforce.reconcile]\nevery = "1d"\ngrace = "1s"\nrepair = "{repair}"\n'
    table = connection_table(facade, "salesforce", "customers", page=10) + rule
    async with staged(facade, table) as stage:
        for number in range(CONTACTS):
            contact(stage, LastName=f"Lovelace {number}")
        await stage.pull()
        yield stage


def contacts(stage: Stage) -> list[dict[str, Any]]:
    return [one for one in stage.vendors.records("salesforce", "Contact") if "Lovelace" in str(one.get("LastName"))]


async def start_reconcile(stage: Stage, connection: str = "pulled-salesforce") -> ReconcileDeps:
    """Start to reconcile the customers, and do not wait for the end."""
    deps = stage.runtime.dependencies.of(ReconcileDeps)
    await request_reconcile(deps, ReconcileRequest(connection=connection, object="customer"), actor="test")
    await start_due_reconciles(deps)
    return deps


async def reconcile(stage: Stage, connection: str = "pulled-salesforce") -> list[ReconcileFinding]:
    """Reconcile the customers, and return all findings, oldest first."""
    deps = await start_reconcile(stage, connection)
    await stage.until(LEFT)
    page = await list_findings(deps, ReconcileFilter(closed=None), after=None, limit=250)
    return list(reversed(page.data))


async def test_a_run_without_a_difference_has_no_finding(stage: Stage) -> None:
    before = await stage.sql("SELECT remote_id, version FROM record_state ORDER BY 1")

    assert await reconcile(stage) == []

    assert await stage.sql("SELECT remote_id, version FROM record_state ORDER BY 1") == before
    assert await stage.events() == []
    (run,) = await stage.sql("SELECT completed_at, failure FROM reconciliation")
    assert run["completed_at"] is not None
    assert await stage.sql("SELECT * FROM walk_seen") == []


async def test_a_record_that_no_one_reported_is_found_once(stage: Stage) -> None:
    changed, other = contacts(stage)[:2]
    contact(stage, **(changed | {"Title": "Potter"}))
    new = contact(stage, LastName="Hopper")

    first = {one.kind: one for one in await reconcile(stage)}
    again = {one.kind: one for one in await reconcile(stage)}

    assert {kind: one.remote_id for kind, one in first.items()} == {"missed": changed["Id"], "extra": new["Id"]}
    assert first["missed"].fields == ("job_title",)
    assert {one.id for one in again.values()} == {one.id for one in first.values()}
    assert again["missed"].last_found_at > first["missed"].last_found_at
    assert await stage.events() == []

    events = await stage.pull()
    assert {event["type"] for event in events} == {"customer.updated", "customer.created"}
    assert all(one.closed_at is not None and not one.is_repaired for one in await reconcile(stage))
    assert other["Id"] not in {one.remote_id for one in first.values()}


@pytest.mark.parametrize("repair", ["emit"], indirect=True)
async def test_a_repair_emits_each_event_once(stage: Stage) -> None:
    changed, gone = contacts(stage)[:2]
    contact(stage, **(changed | {"Title": "Potter"}))
    new = contact(stage, LastName="Hopper")
    contact(stage, **(gone | {"IsDeleted": True}))

    findings = await reconcile(stage)

    assert {one.kind: one.remote_id for one in findings} == {
        "missed": changed["Id"],
        "extra": new["Id"],
        "absent": gone["Id"],
    }
    assert all(one.is_repaired and one.closed_at is not None for one in findings)
    types = {event["data"]["meta"]["remote_id"]: event["type"] for event in await stage.events()}
    assert types == {
        changed["Id"]: "customer.updated",
        new["Id"]: "customer.created",
        gone["Id"]: "customer.deleted",
    }
    assert await reconcile(stage) == findings
    assert len(await stage.events()) == 3
    assert await stage.pull() == []


async def test_an_absent_record_is_one_that_a_read_does_not_show(stage: Stage) -> None:
    gone = contacts(stage)[0]
    contact(stage, **(gone | {"IsDeleted": True}))

    (finding,) = await reconcile(stage)

    assert (finding.kind, finding.remote_id, finding.closed_at) == ("absent", gone["Id"], None)
    contact(stage, **(gone | {"IsDeleted": False}))
    (closed,) = await reconcile(stage)
    assert (closed.id, closed.closed_at is not None) == (finding.id, True)


async def test_nothing_is_concluded_if_too_many_are_absent(stage: Stage) -> None:
    every = contacts(stage)
    for one in every[:6]:
        contact(stage, **(one | {"IsDeleted": True}))

    (finding,) = await reconcile(stage)

    assert (finding.kind, finding.remote_id, finding.records, finding.closed_at) == ("absent", None, 6, None)
    (again,) = await reconcile(stage)
    assert again.id == finding.id
    for one in every[:6]:
        contact(stage, **(one | {"IsDeleted": False}))
    (closed,) = await reconcile(stage)
    assert closed.closed_at is not None


async def many_are_gone(stage: Stage) -> tuple[ReconcileFinding, list[dict[str, Any]]]:
    """A run that does not list a quarter of the records, and these."""
    gone = contacts(stage)[:6]
    for one in gone:
        contact(stage, **(one | {"IsDeleted": True}))
    (finding,) = await reconcile(stage)
    assert await stage.sql("SELECT * FROM record_state WHERE deleted") == []
    return finding, gone


async def confirm(stage: Stage, finding_id: str) -> ReconcileFinding:
    confirmed = await confirm_absences(stage.runtime.dependencies.of(ReconcileDeps), finding_id, actor="key_1")
    await stage.until(LEFT)
    return confirmed


@pytest.mark.parametrize("repair", ["emit"], indirect=True)
async def test_a_person_confirms_that_many_are_gone_and_each_is_read(stage: Stage) -> None:
    finding, (back, *gone) = await many_are_gone(stage)
    contact(stage, **(back | {"IsDeleted": False}))

    confirmed = await confirm(stage, finding.id)

    assert (confirmed.id, confirmed.closed_at is not None) == (finding.id, True)
    events = [(one["type"], one["data"]["meta"]["remote_id"]) for one in await stage.events()]
    assert sorted(events) == sorted(("customer.deleted", one["Id"]) for one in gone)
    (entry,) = await stage.sql("SELECT subject, actor, facts FROM audit_event WHERE type = 'reconcile.confirmed'")
    assert (entry["subject"], entry["actor"]) == ("pulled-salesforce", "key_1")
    assert await reconcile(stage) == await reconcile(stage)
    assert len(await stage.events()) == len(gone)


async def test_what_is_only_reported_is_confirmed_once(stage: Stage) -> None:
    finding, gone = await many_are_gone(stage)

    await confirm(stage, finding.id)
    first, *rest = await reconcile(stage)

    assert (first.id, first.closed_at is not None) == (finding.id, True)
    assert {(one.kind, one.remote_id, one.closed_at) for one in rest} == {("absent", one["Id"], None) for one in gone}
    assert await stage.events() == []
    assert await stage.sql("SELECT * FROM record_state WHERE deleted") == []


async def test_only_a_fresh_finding_that_waits_is_confirmed(stage: Stage) -> None:
    finding, _ = await many_are_gone(stage)
    with pytest.raises(NotFound):
        await confirm(stage, "rec_of_nothing")
    await stage.sql("UPDATE reconcile_finding SET last_found_at = now() - interval '8 days' RETURNING id")
    with pytest.raises(StateConflict) as old:
        await confirm(stage, finding.id)
    assert old.value.next_step == "lockstitch reconcile start --connection pulled-salesforce --object customer"
    await reconcile(stage)
    await confirm(stage, finding.id)
    with pytest.raises(StateConflict):
        await confirm(stage, finding.id)


async def test_an_aborted_listing_concludes_nothing(stage: Stage) -> None:
    contact(stage, **(contacts(stage)[0] | {"IsDeleted": True}))
    stage.vendors.break_("salesforce", "status", status=405, times=None)

    assert await reconcile(stage) == []

    stage.vendors.mend()
    (run,) = await stage.sql("SELECT completed_at, failure FROM reconciliation")
    assert run == {"completed_at": None, "failure": "vendor-rejected"}
    assert await stage.sql("SELECT * FROM walk_seen") == []
    assert await stage.sql("SELECT * FROM record_state WHERE deleted") == []


async def test_a_listing_that_breaks_off_halfway_concludes_nothing(stage: Stage) -> None:
    contact(stage, **(contacts(stage)[0] | {"IsDeleted": True}))
    stage.vendors.break_("salesforce", "slow", path="*/query*", times=1, delay_ms=0)
    stage.vendors.break_("salesforce", "status", status=405, times=None)

    assert await reconcile(stage) == []

    # Its first page was committed: a run that has a cursor begins again once.
    runs = await stage.sql("SELECT type FROM audit_event WHERE type LIKE 'walk.%' ORDER BY id")
    assert [row["type"] for row in runs][-3:] == ["walk.started", "walk.restarted", "walk.failed"]
    assert await stage.sql("SELECT * FROM walk_seen") == []
    assert await stage.sql("SELECT * FROM record_state WHERE deleted") == []


async def test_a_record_without_a_time_of_change_is_read_after_the_grace(facade: Facade) -> None:
    rule = '[connections.pulled-stripe.reconcile]\nevery = "1d"\ngrace = "1s"\n'
    async with staged(facade, connection_table(facade, "stripe", "customers") + rule) as stage:
        made = stage.vendors.place("stripe", "customers", {"name": "Ada Lovelace"})
        await stage.pull()
        stage.vendors.place("stripe", "customers", made | {"name": "Ada King"})

        (finding,) = await reconcile(stage, "pulled-stripe")

        assert (finding.kind, finding.remote_id, finding.fields) == ("missed", made["id"], ("display_name",))
        assert finding.changed_at is None


async def test_a_record_that_is_listed_in_part_is_read_only_if_its_time_moved(facade: Facade) -> None:
    rule = '[connections.pulled-freshdesk.reconcile]\nevery = "1d"\ngrace = "1s"\n'
    async with staged(facade, connection_table(facade, "freshdesk", "customers") + rule) as stage:
        made = stage.vendors.place("freshdesk", "contacts", {"name": "Ida", "email": "ida@naht.example", "tags": ["a"]})
        await stage.pull()
        before = len(stage.vendors.calls("freshdesk"))
        assert await reconcile(stage, "pulled-freshdesk") == []
        assert [one["path"] for one in stage.vendors.calls("freshdesk")[before:]] == ["/api/v2/contacts"]
        moved = (datetime.now(UTC) + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        stage.vendors.place("freshdesk", "contacts", made | {"tags": ["a", "b"], "updated_at": moved})

        (finding,) = await reconcile(stage, "pulled-freshdesk")

        assert (finding.kind, finding.remote_id, finding.fields) == ("missed", str(made["id"]), ("tags",))


async def test_a_pull_counts_what_no_webhook_has_reported(facade: Facade) -> None:
    facade.vendors.limit("hubspot", per_minute=1_000_000, search_lag=0.0)
    tables = '[connections.hubspot.pull]\ncustomers = { every = "1d" }\n[connections.hubspot.reconcile]\ngrace = "1s"\n'
    async with staged(facade, tables) as stage:
        made = stage.vendors.place("hubspot", "contacts", {"properties": {"lastname": "Lovelace"}})
        counted = missed.labels("hubspot", "customer")
        before = value_of(counted)
        assert await stage.pull() == []
        stage.vendors.place("hubspot", "contacts", {**made, "properties": {"lastname": "King"}})
        (now,) = await stage.sql("SELECT now() + interval '2 seconds' AS later")
        await stage.until(f"SELECT clock_timestamp() > '{now['later'].isoformat()}'")

        (event,) = await stage.pull()

        assert event["changed"] == ["display_name", "last_name"]
        assert value_of(counted) - before == 1


def value_of(counter: Counter) -> float:
    ((_, _, value, *_),) = [one for one in next(iter(counter.collect())).samples if one.name.endswith("_total")]
    return float(value)
