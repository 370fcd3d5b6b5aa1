"""Pulls: changes of which no webhook tells become Events, each state one."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from app.records.last_seen import Tolerance, read_tolerantly
from app.records.map_record import active_mapping
from app.records.resources import ReadRecord
from tests.contract.facade import Facade
from tests.walks.stage import Event, Stage, connection_table, contact, staged

SENT: Final = """
    INSERT INTO operation (id, principal, fingerprint, object, action, connection, correlation_id, intent, phase,
                           effect, remote_id, sent_at, due_at)
    VALUES ('op_1', 'key_1', sha256(''), 'customer', $1, 'pulled-salesforce', 'run-1', '', 'sent', $1, $2, now(),
            now() + interval '1 hour')
"""
DECIDED: Final = """
    UPDATE operation SET phase = 'settled', outcome = 'failed', due_at = NULL WHERE id = 'op_1'
"""
WAITING: Final = "SELECT count(*) FROM job WHERE kind = 'refetch' AND deferred > 0"
# The connection may still be paused for some seconds, so the next attempt is no earlier.
ENDED: Final = """
    WITH again AS (
        UPDATE job SET run_at = now() + interval '3 seconds'
         WHERE kind = 'walk' AND state = 'ready' AND run_at > now() + interval '4 seconds'
        RETURNING id
    )
    SELECT NOT EXISTS (SELECT FROM walk) AND (SELECT count(pg_notify('lockstitch_job', '')) FROM again) = 0
"""
TRIED: Final = "SELECT EXISTS (SELECT FROM job WHERE kind = 'walk' AND state = 'ready' AND attempts >= $1)"
BASELINE_AGAIN: Final = "UPDATE watermark SET completed_at = NULL, watermark = NULL"
PULLED_TWICE: Final = "SELECT count(*) = 2 FROM audit_event WHERE type = 'walk.completed'"
MARK: Final = "SELECT watermark, completed_at, failure FROM watermark"


@pytest.fixture
async def stage(facade: Facade) -> AsyncIterator[Stage]:
    async with staged(facade, connection_table(facade, "salesforce", "customers", page=2)) as stage:
        yield stage


async def test_the_first_walk_is_a_silent_baseline(stage: Stage) -> None:
    made = contact(stage, LastName="Lovelace")

    assert await stage.pull() == []

    states = await stage.sql("SELECT remote_id, digest FROM record_state WHERE connection = 'pulled-salesforce'")
    assert made["Id"] in {row["remote_id"] for row in states}
    assert all(row["digest"] for row in states)
    assert len(states) == len(stage.vendors.records("salesforce", "Contact"))
    links = await stage.sql("SELECT count(*) FROM link WHERE connection = 'pulled-salesforce' AND object = 'customer'")
    assert links[0]["count"] == len(states)


async def test_a_record_that_is_created_during_the_baseline_has_its_event(stage: Stage) -> None:
    contact(stage, LastName="Lovelace")
    await stage.start_pulls()
    await stage.work()
    await stage.sql(BASELINE_AGAIN)
    earlier = contact(stage, LastName="Hopper", CreatedDate=stamp(datetime.now(UTC) - timedelta(seconds=10)))
    new = contact(stage, LastName="Ada", CreatedDate=stamp(datetime.now(UTC) + timedelta(seconds=50)))

    (event,) = await stage.pull()

    assert (event["type"], event["data"]["meta"]["remote_id"]) == ("customer.created", new["Id"])
    assert earlier["Id"] in {row["remote_id"] for row in await stage.sql("SELECT remote_id FROM record_state")}
    assert await stage.pull() == []


async def test_a_change_becomes_an_event_once(stage: Stage) -> None:
    made = contact(stage, LastName="Lovelace")
    await stage.pull()
    contact(stage, **(made | {"Title": "Potter"}))
    new = contact(stage, LastName="Hopper")

    updated, created = sorted(await stage.pull(), key=lambda event: event["type"], reverse=True)

    assert (updated["type"], updated["changed"]) == ("customer.updated", ["job_title"])
    assert updated["data"]["meta"]["remote_id"] == made["Id"]
    assert updated["previous"] == {"job_title": None}
    assert (created["type"], created["data"]["meta"]["remote_id"]) == ("customer.created", new["Id"])
    assert updated["correlation_id"] != created["correlation_id"]
    origins = await stage.sql("SELECT DISTINCT origin FROM event")
    assert [row["origin"].partition("_")[0] for row in origins] == ["walk"]
    assert await stage.pull() == []


def stamp(at: datetime) -> str:
    """Return a time as Salesforce writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


async def test_a_deleted_record_has_its_event_once(stage: Stage) -> None:
    made = contact(stage, LastName="Lovelace")
    await stage.pull()
    never_seen = contact(stage, LastName="Hopper")
    for one in (made, never_seen):
        contact(stage, **(one | {"IsDeleted": True, "SystemModstamp": stamp(datetime.now(UTC))}))

    (deleted,) = await stage.pull()

    assert (deleted["type"], deleted["data"]["meta"]["remote_id"]) == ("customer.deleted", made["Id"])
    assert deleted["data"]["last_name"] == "Lovelace"
    assert await stage.pull() == []


async def test_a_row_that_arrives_late_is_found_by_the_overlap(stage: Stage) -> None:
    await stage.pull()
    contact(stage, LastName="Early")
    await stage.pull()
    late = contact(stage, LastName="Late", SystemModstamp=stamp(datetime.now(UTC) - timedelta(minutes=2)))

    (event,) = await stage.pull()

    assert event["data"]["meta"]["remote_id"] == late["Id"]


async def test_a_run_that_fails_leaves_the_watermark(stage: Stage) -> None:
    await stage.pull()
    (before,) = await stage.sql(MARK)
    changed = contact(stage, LastName="Lovelace")
    stage.vendors.break_("salesforce", "status", status=405, times=None)

    assert await stage.pull() == []

    (failed,) = await stage.sql(MARK)
    assert failed == before | {"failure": "vendor-rejected"}
    audited = await stage.sql("SELECT type FROM audit_event WHERE type LIKE 'walk.%' ORDER BY id")
    assert [row["type"] for row in audited] == ["walk.started", "walk.completed", "walk.started", "walk.failed"]
    stage.vendors.mend()
    (event,) = await stage.pull()
    assert event["data"]["meta"]["remote_id"] == changed["Id"]
    (after,) = await stage.sql(MARK)
    assert after["failure"] is None
    assert after["watermark"] > before["watermark"]


async def test_a_vendor_that_is_down_for_a_while_only_delays_a_run(stage: Stage) -> None:
    await stage.pull()
    changed = contact(stage, LastName="Lovelace")
    stage.vendors.break_("salesforce", "status", status=503, times=3)

    (event,) = await stage.pull()

    assert event["data"]["meta"]["remote_id"] == changed["Id"]


async def test_a_baseline_outlasts_an_outage_that_ends_another_run(stage: Stage) -> None:
    stage.vendors.break_("salesforce", "status", status=503, times=None)
    await stage.start_pulls()
    await stage.until(TRIED, 1)
    await stage.sql("UPDATE job SET attempts = 12, run_at = now() WHERE kind = 'walk' AND state = 'ready'")
    await stage.until("SELECT NOT EXISTS (SELECT FROM walk) OR EXISTS (SELECT FROM job WHERE attempts > 12)")
    stage.vendors.mend()
    await stage.until(f"SELECT NOT EXISTS (SELECT FROM walk) OR ({TRIED})", 13)  # noqa: S608
    await stage.until(ENDED)

    audited = await stage.sql("SELECT type FROM audit_event WHERE type LIKE 'walk.%' ORDER BY id")
    assert [row["type"] for row in audited] == ["walk.started", "walk.completed"]


async def test_a_record_waits_for_the_write_of_it_and_its_page_does_not(stage: Stage) -> None:
    made = [contact(stage, LastName=name) for name in ("Lovelace", "Hopper")]
    await stage.pull()
    await stage.sql(SENT, "update", made[0]["Id"])
    for one in made:
        contact(stage, **(one | {"Title": "Potter", "SystemModstamp": stamp(datetime.now(UTC))}))

    await stage.start_pulls()
    await stage.until(WAITING)
    assert [event["data"]["meta"]["remote_id"] for event in await stage.events()] == [made[1]["Id"]]
    await stage.sql(DECIDED)
    await stage.work()

    assert [event["data"]["meta"]["remote_id"] for event in await stage.events()] == [made[1]["Id"], made[0]["Id"]]


async def test_only_a_record_that_a_create_may_have_made_waits_for_it(stage: Stage) -> None:
    await stage.pull()
    await stage.sql(SENT, "create", None)
    earlier = contact(stage, LastName="Lovelace", CreatedDate=stamp(datetime.now(UTC) - timedelta(hours=1)))
    ours = contact(stage, LastName="Hopper")

    await stage.start_pulls()
    await stage.until(WAITING)
    assert [event["data"]["meta"]["remote_id"] for event in await stage.events()] == [earlier["Id"]]
    await stage.sql(DECIDED)
    await stage.work()

    assert [event["data"]["meta"]["remote_id"] for event in await stage.events()] == [earlier["Id"], ours["Id"]]


async def test_a_cursor_that_is_refused_begins_the_run_again(stage: Stage) -> None:
    await stage.pull()
    changed = [contact(stage, LastName=f"Lovelace {number}")["Id"] for number in range(5)]
    stage.vendors.break_("salesforce", "slow", delay_ms=0, times=1)  # the first page is read
    stage.vendors.break_("salesforce", "status", status=405, times=1)

    events = await stage.pull()

    restarted = await stage.sql("SELECT count(*) FROM audit_event WHERE type = 'walk.restarted'")
    assert restarted[0]["count"] == 1
    assert stage.vendors.standing_faults() == []
    assert sorted(event["data"]["meta"]["remote_id"] for event in events) == sorted(changed)


async def test_an_unreadable_record_is_one_dead_letter_and_stops_nothing(stage: Stage) -> None:
    await stage.pull()
    broken = contact(stage, LastName="Lovelace")
    contact(stage, **(broken | {"Title": {"is": "no text"}}))
    readable = contact(stage, LastName="Hopper")

    (event,) = await stage.pull()
    assert event["data"]["meta"]["remote_id"] == readable["Id"]
    await stage.pull()

    letters = await stage.sql("SELECT kind, category, path, mapping FROM dead_letter")
    assert [(row["kind"], row["category"], row["mapping"]) for row in letters] == [
        ("refetch", "permanent", "salesforce.customer")
    ]


async def test_a_pull_does_not_confirm_what_it_could_not_read(stage: Stage) -> None:
    made = [contact(stage, LastName=name) for name in ("Lovelace", "Hopper", "Hamilton")]
    _, broken, waiting = made
    await stage.pull()
    before = [await as_of(stage, one["Id"]) for one in made]
    await stage.sql(SENT, "update", waiting["Id"])
    contact(stage, **(broken | {"Title": {"is": "no text"}}))
    contact(stage, **(waiting | {"Title": "Potter"}))
    await stage.start_pulls()
    await stage.until(PULLED_TWICE)
    await stage.until("SELECT EXISTS (SELECT FROM dead_letter)")

    after = [await as_of(stage, one["Id"]) for one in made]
    assert [now > then for now, then in zip(after, before, strict=True)] == [True, False, False]


async def as_of(stage: Stage, remote_id: str) -> datetime:
    """Return when a customer was last known to be in its last-seen state."""
    connection = stage.deps.connections.by_name["pulled-salesforce"]
    mapping = active_mapping(stage.deps, connection, "customer")
    assert mapping is not None
    read = await read_tolerantly(stage.deps, connection, mapping, remote_id, Tolerance(max_age=3600), never)
    assert isinstance(read.resource.meta.as_of, datetime)
    return read.resource.meta.as_of


async def never() -> ReadRecord:
    raise AssertionError("the state is young enough")


async def test_a_pull_goes_before_a_backfill(stage: Stage) -> None:
    for number in range(4):
        contact(stage, LastName=f"Lovelace {number}")
    await stage.pull()
    await stage.start_backfill(rate=0.2)
    await stage.start_pulls()
    await stage.without_rate()
    await stage.work()

    ended = await stage.sql("SELECT type FROM audit_event WHERE type LIKE '%.completed' ORDER BY id")
    assert [row["type"] for row in ended] == ["walk.completed", "walk.completed", "backfill.completed"]


async def test_what_a_list_omits_is_no_change(facade: Facade) -> None:
    """Freshdesk's lists of contacts have neither tags nor further addresses."""
    async with staged(facade, connection_table(facade, "freshdesk", "customers")) as stage:
        made = stage.vendors.place("freshdesk", "contacts", {"name": "Ida", "email": "ida@naht.example", "tags": ["a"]})
        assert await stage.pull() == []
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        stage.vendors.place("freshdesk", "contacts", made | {"tags": ["a", "b"], "updated_at": at})

        (event,) = await stage.pull()

        assert (event["changed"], event["previous"]) == (["tags"], {"tags": ["a"]})
        assert await stage.pull() == []


async def test_what_an_export_shows_as_deleted_has_its_event_once(facade: Facade) -> None:
    """Zendesk's export lists deleted tickets, and users who are not active."""
    async with staged(facade, connection_table(facade, "zendesk", "customers", "tickets")) as stage:
        before = (datetime.now(UTC) - timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
        user = stage.vendors.place("zendesk", "users", {"name": "Ida", "role": "end-user", "updated_at": before})
        ticket = stage.vendors.place(
            "zendesk", "tickets", {"subject": "Torn", "requester_id": user["id"], "updated_at": before}
        )
        assert await stage.pull() == []
        later = (datetime.now(UTC) - timedelta(minutes=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
        stage.vendors.place("zendesk", "tickets", ticket | {"status": "deleted", "updated_at": later})
        stage.vendors.place("zendesk", "users", user | {"active": False, "email": None, "updated_at": later})

        events: list[Event] = []
        async with asyncio.timeout(30):
            while len(events) < 2:  # the export lags behind writes
                events += await stage.pull()

        assert sorted((one["type"], one["data"]["meta"]["remote_id"]) for one in events) == [
            ("customer.deleted", str(user["id"])),
            ("ticket.deleted", str(ticket["id"])),
        ]
        assert await stage.pull() == []


@pytest.fixture
async def cases(facade: Facade) -> AsyncIterator[Stage]:
    async with staged(facade, connection_table(facade, "salesforce", "tickets")) as stage:
        yield stage


def comment(stage: Stage, case: dict[str, Any], text: str) -> None:
    """Add a comment to a case, as somebody at Salesforce does."""
    now = stamp(datetime.now(UTC))
    stage.vendors.place("salesforce", "CaseComment", {"ParentId": case["Id"], "CommentBody": text, "CreatedDate": now})
    stage.vendors.place("salesforce", "Case", case | {"SystemModstamp": now})


async def test_a_comment_of_which_no_webhook_tells_has_its_event_once(cases: Stage) -> None:
    case = cases.vendors.place("salesforce", "Case", {"Subject": "Mug arrived with a crack"})
    comment(cases, case, "Just before the baseline.")
    assert await cases.pull() == []

    comment(cases, case, "It leaks.")
    (first,) = await cases.pull()
    comment(cases, case, "Still.")
    (second,) = await cases.pull()

    assert (first["type"], first["data"]["body_text"]) == ("ticket.comment_added", "It leaks.")
    assert (second["type"], second["data"]["body_text"]) == ("ticket.comment_added", "Still.")
    assert await cases.pull() == []
