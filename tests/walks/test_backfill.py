"""Backfills: what existed before gets ids and states, and Events only for those who are named."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from app.errors import InvalidField, StateConflict
from app.events.deps import EventDeps
from app.events.feed import newest_of
from app.postgres.database import Statement
from app.walks.backfill.manage import cancel_backfill, pause_backfill, read_backfill, resume_backfill
from tests.contract.facade import Facade
from tests.walks.stage import Stage, connection_table, contact, staged

STATES: Final = "SELECT remote_id, version FROM record_state WHERE connection = 'pulled-salesforce' ORDER BY remote_id"
AUDITED: Final = "SELECT type FROM audit_event WHERE type LIKE 'backfill.%' ORDER BY id"
EVENTS: Final = "SELECT type, record, origin FROM event WHERE record IS NOT NULL ORDER BY id"
SENT: Final = """
    INSERT INTO operation (id, principal, fingerprint, object, action, connection, correlation_id, intent, phase,
                           effect, remote_id, sent_at, due_at)
    VALUES ('op_1', 'key_1', sha256(''), 'customer', 'create', 'pulled-salesforce', 'run-1', '', 'sent', 'create', NULL,
            now(), now() + interval '1 hour')
"""
SLOW: Final = 0.2
"""A rate at which the second page comes ten seconds after the first, which holds two records."""
DECIDED: Final = "UPDATE operation SET phase = 'settled', outcome = 'failed', due_at = NULL WHERE id = 'op_1'"
TRIED_AGAIN: Final = "SELECT count(*) > 0 FROM job WHERE kind = 'refetch' AND state = 'ready' AND attempts > 0"
PULLED: Final = "SELECT count(*) = $1 FROM audit_event WHERE type = 'walk.completed'"
SOON: Final = Statement("UPDATE job", "UPDATE job SET run_at = now() WHERE kind = 'refetch' AND state = 'ready'")
LOST_PULL: Final = """
    INSERT INTO walk (id, connection, object, purpose, is_baseline, page_size, correlation_id)
    VALUES ('walk_1', 'pulled-salesforce', 'customer', 'pull', false, 100, 'run-1')
"""


@pytest.fixture
async def stage(facade: Facade) -> AsyncIterator[Stage]:
    tables = connection_table(facade, "salesforce", "customers", page=2)
    consumers = (
        '[[consumers]]\nobject = "customers"\nconnection = "hubspot"\nsources = ["pulled-salesforce"]\n'
        '[[consumers]]\nobject = "customers"\nconnection = "shopify"\nsources = ["pulled-salesforce"]\n'
    )
    async with staged(facade, tables + consumers) as stage:
        for number in range(5):
            contact(stage, LastName=f"Lovelace {number}")
        yield stage


def ids(stage: Stage) -> list[str]:
    """The ids of all contacts at Salesforce."""
    return sorted(one["Id"] for one in stage.vendors.records("salesforce", "Contact"))


async def pulled(stage: Stage) -> list[dict[str, Any]]:
    """Run a pull, and return its Events, without those of copies elsewhere."""
    return [event for event in await stage.pull() if event["connection"] == "pulled-salesforce"]


async def test_everything_gets_an_id_and_a_state_without_events(stage: Stage) -> None:
    everything = await stage.subscription()

    ended = await stage.backfill()

    assert [row["remote_id"] for row in await stage.sql(STATES)] == ids(stage)
    links = await stage.sql("SELECT remote_id FROM link WHERE connection = 'pulled-salesforce' ORDER BY remote_id")
    assert [row["remote_id"] for row in links] == ids(stage)
    assert await stage.sql(EVENTS) == []
    assert await stage.delivered(everything) == []
    number = len(ids(stage))
    assert (ended.state, ended.records, ended.new, ended.known) == ("completed", number, number, 0)
    assert (ended.total, ended.share, ended.eta_seconds) == (number, 1.0, None)
    assert [row["type"] for row in await stage.sql(AUDITED)] == ["backfill.started", "backfill.completed"]
    assert await stage.sql("SELECT FROM walk") == []


async def test_a_second_backfill_changes_nothing(stage: Stage) -> None:
    await stage.backfill()
    before = await stage.sql(STATES)

    ended = await stage.backfill()

    assert await stage.sql(STATES) == before
    assert (ended.new, ended.known, ended.differing) == (0, len(before), 0)


async def test_a_record_that_differs_is_left_to_the_pull(stage: Stage) -> None:
    await stage.pull()
    changed = stage.vendors.records("salesforce", "Contact")[0]
    contact(stage, **(changed | {"Title": "Potter"}))

    ended = await stage.backfill()

    assert (ended.differing, ended.new) == (1, 0)
    assert await stage.events() == []
    (event,) = await pulled(stage)
    assert (event["type"], event["changed"]) == ("customer.updated", ["job_title"])
    assert "origin" not in event


async def test_only_those_named_get_an_event_of_each_record(stage: Stage) -> None:
    named = await stage.subscription("customer.created", connection="pulled-salesforce")
    other = await stage.subscription("customer.created", connection="pulled-salesforce")
    known = ids(stage)
    await stage.backfill()
    new = contact(stage, LastName="Hopper")
    changed = stage.vendors.records("salesforce", "Contact")[0]
    contact(stage, **(changed | {"Title": "Potter"}))

    ended = await stage.backfill(deliver=[named, "consumer:customers:hubspot"])

    delivered = await stage.delivered(named)
    assert sorted(event["data"]["meta"]["remote_id"] for event in delivered) == sorted([*known, new["Id"]])
    assert {(event["type"], event["origin"]) for event in delivered} == {("customer.created", "backfill")}
    assert all("last_name" in event["changed"] and "previous" not in event for event in delivered)
    assert len({event["correlation_id"] for event in delivered}) == len(delivered)
    (potter,) = [event for event in delivered if event["data"]["meta"]["remote_id"] == changed["Id"]]
    assert potter["data"]["job_title"] == "Potter"
    assert await stage.delivered(other) == []
    carried = await stage.sql(
        "SELECT DISTINCT facts::jsonb ->> 'connection' AS name FROM audit_event"
        " WHERE type = 'job.queued' AND facts::jsonb ->> 'kind' = 'fan_out'"
    )
    assert [row["name"] for row in carried] == ["hubspot"]
    assert (ended.new, ended.differing) == (1, 1)


async def test_feed_and_list_show_events_of_a_backfill_only_on_request(stage: Stage) -> None:
    named = await stage.subscription()

    await stage.backfill(deliver=[named])

    assert await stage.events() == []
    deps = stage.runtime.dependencies.of(EventDeps)
    assert await newest_of(deps, patterns=("customer.*",), limit=10) == []
    assert await deps.events.feed(types=("customer.created",), after=None, limit=10) == []
    events = await deps.events.feed(types=("customer.created",), after=None, limit=100, of_backfills=True)
    assert len(events) == len(await stage.delivered(named)) == len(ids(stage))


async def test_the_state_of_a_record_that_differs_stays_with_events_too(stage: Stage) -> None:
    named = await stage.subscription()
    await stage.pull()
    changed = stage.vendors.records("salesforce", "Contact")[0]
    contact(stage, **(changed | {"Title": "Potter"}))

    await stage.backfill(deliver=[named])

    (event,) = await pulled(stage)
    assert (event["type"], event["previous"]) == ("customer.updated", {"job_title": None})


async def test_a_list_that_is_read_twice_makes_no_second_event(stage: Stage) -> None:
    named = await stage.subscription()
    begun = await stage.start_backfill(deliver=[named], rate=SLOW)
    await stage.until("SELECT pages > 0 FROM backfill WHERE id = $1", begun.id)
    await stage.sql("UPDATE walk SET cursor = 'of another list'")
    await stage.without_rate()
    await stage.work()

    ended = await read_backfill(stage.backfills, begun.id)
    assert (ended.state, ended.records) == ("completed", len(ids(stage)))
    delivered = [event["data"]["meta"]["remote_id"] for event in await stage.delivered(named)]
    assert sorted(delivered) == ids(stage)
    assert "backfill.restarted" in [row["type"] for row in await stage.sql(AUDITED)]


async def test_a_record_under_a_write_gets_its_event_afterwards(stage: Stage) -> None:
    named = await stage.subscription()
    await stage.sql(SENT)

    await stage.start_backfill(deliver=[named])
    await stage.until("SELECT count(*) > 0 FROM job WHERE kind = 'refetch' AND deferred > 0")
    assert await stage.delivered(named) == []
    await stage.sql(DECIDED)
    await stage.sql("UPDATE job SET run_at = now() WHERE kind = 'refetch'")
    await stage.work()

    assert sorted(event["data"]["meta"]["remote_id"] for event in await stage.delivered(named)) == ids(stage)


async def test_a_dry_run_counts_and_stores_nothing(stage: Stage) -> None:
    await stage.backfill()
    contact(stage, LastName="Hopper")
    contact(stage, **(stage.vendors.records("salesforce", "Contact")[0] | {"Title": "Potter"}))
    broken = contact(stage, LastName="Broken")
    contact(stage, **(broken | {"Title": {"is": "no text"}}))
    states, links = await stage.sql(STATES), await stage.sql("SELECT count(*) FROM link")

    ended = await stage.backfill(dry_run=True, deliver=[await stage.subscription()])

    assert (ended.new, ended.differing, ended.unreadable) == (1, 1, 1)
    assert ended.records == len(ids(stage)) == ended.new + ended.known + ended.differing + ended.unreadable
    assert await stage.sql(STATES) == states
    assert await stage.sql("SELECT count(*) FROM link") == links
    assert await stage.sql(EVENTS) == []
    assert await stage.sql("SELECT kind FROM dead_letter") == []


async def test_pause_keeps_the_position_and_resume_goes_on(stage: Stage) -> None:
    begun = await stage.start_backfill(rate=SLOW)
    await stage.until("SELECT pages > 0 FROM backfill WHERE id = $1", begun.id)

    await pause_backfill(stage.backfills, begun.id, actor="key_1")
    await stage.without_rate()
    await stage.until("SELECT count(*) > 0 FROM job WHERE kind = 'walk' AND deferred > 0")
    paused = await read_backfill(stage.backfills, begun.id)
    assert (paused.state, paused.eta_seconds) == ("paused", None)
    assert 0 < paused.records < len(ids(stage))
    with pytest.raises(StateConflict):
        await pause_backfill(stage.backfills, begun.id, actor="key_1")

    await resume_backfill(stage.backfills, begun.id, actor="key_1")
    with pytest.raises(StateConflict):
        await resume_backfill(stage.backfills, begun.id, actor="key_1")
    await stage.work()

    ended = await read_backfill(stage.backfills, begun.id)
    assert (ended.state, ended.records) == ("completed", len(ids(stage)))
    assert [row["type"].partition(".")[2] for row in await stage.sql(AUDITED)] == [
        *("started", "paused", "resumed", "completed")
    ]


async def test_resume_replaces_the_job_of_a_page_that_was_discarded(stage: Stage) -> None:
    begun = await stage.start_backfill(rate=SLOW)
    await stage.until("SELECT pages > 0 FROM backfill WHERE id = $1", begun.id)
    await stage.sql("DELETE FROM job WHERE kind = 'walk'")
    await stage.without_rate()

    await pause_backfill(stage.backfills, begun.id, actor="key_1")
    await resume_backfill(stage.backfills, begun.id, actor="key_1")
    await stage.work()

    assert (await read_backfill(stage.backfills, begun.id)).state == "completed"
    assert [row["remote_id"] for row in await stage.sql(STATES)] == ids(stage)


async def test_cancel_ends_it_and_keeps_what_was_stored(stage: Stage) -> None:
    begun = await stage.start_backfill(rate=SLOW)
    await stage.until("SELECT pages > 0 FROM backfill WHERE id = $1", begun.id)

    cancelled = await cancel_backfill(stage.backfills, begun.id, actor="key_1")

    assert cancelled.state == "cancelled"
    assert len(await stage.sql(STATES)) == 2
    with pytest.raises(StateConflict):
        await resume_backfill(stage.backfills, begun.id, actor="key_1")
    again = await stage.start_backfill()  # while the job of the first one's next page still waits
    await stage.until("SELECT state = 'completed' FROM backfill WHERE id = $1", again.id)
    assert [row["remote_id"] for row in await stage.sql(STATES)] == ids(stage)
    assert (await read_backfill(stage.backfills, begun.id)).state == "cancelled"
    await stage.sql("UPDATE job SET run_at = now() WHERE kind = 'walk'")
    await stage.work()


async def test_one_at_a_time_for_an_object_of_a_connection(stage: Stage) -> None:
    begun = await stage.start_backfill(rate=SLOW)

    with pytest.raises(StateConflict) as refused:
        await stage.start_backfill()

    assert begun.id in str(refused.value.detail)
    await cancel_backfill(stage.backfills, begun.id, actor="key_1")


async def test_progress_is_true_where_a_list_was_read_before(stage: Stage) -> None:
    number = len(ids(stage))
    begun = await stage.start_backfill(rate=SLOW)
    assert (begun.total, begun.share, begun.eta_seconds) == (None, None, None)
    await stage.without_rate()
    await stage.work()

    begun = await stage.start_backfill(rate=SLOW)

    assert (begun.total, begun.share, begun.eta_seconds) == (number, 0.0, number / SLOW)
    await stage.until("SELECT pages > 0 FROM backfill WHERE id = $1", begun.id)
    half = await read_backfill(stage.backfills, begun.id)
    assert half.share == round(half.records / number, 4)
    assert half.eta_seconds is not None
    assert half.eta_seconds > 0
    await stage.without_rate()
    await stage.work()


async def test_a_failure_ends_it_with_its_reason(stage: Stage) -> None:
    stage.vendors.break_("salesforce", "status", status=405, times=None)

    ended = await stage.backfill()

    assert (ended.state, ended.failure) == ("failed", "vendor-rejected")
    assert [row["type"] for row in await stage.sql(AUDITED)] == ["backfill.started", "backfill.failed"]


@pytest.mark.parametrize(
    ("request_", "pointer", "why"),
    [
        ({"connection": "shopfy"}, "/connection", "no connection of this name lists records. Did you mean shopify?"),
        ({"connection": "shopify", "object": "ticket"}, "/object", "lists only: customer, order"),
        ({"deliver": ["sub_none"]}, "/deliver/0", "neither"),
        ({"deliver": ["consumer:tickets:crm"]}, "/deliver/0", "customers:hubspot, customers:shopify"),
        ({"connection": "shopify", "deliver": ["consumer:customers:hubspot"]}, "/deliver/0", "of shopify"),
    ],
)
async def test_a_wrong_request_is_refused(stage: Stage, request_: dict[str, Any], pointer: str, why: str) -> None:
    with pytest.raises(InvalidField) as refused:
        await stage.start_backfill(**request_)

    (error,) = refused.value.errors or ()
    assert error.pointer == pointer
    assert why in error.detail


async def test_a_subscription_to_something_else_cannot_be_named(stage: Stage) -> None:
    for named in (
        await stage.subscription("customer.updated"),
        await stage.subscription("customer.*", connection="hubspot"),
    ):
        with pytest.raises(InvalidField) as refused:
            await stage.start_backfill(deliver=[named])
        assert "does not get customer.created of pulled-salesforce" in str(refused.value.detail)


async def test_a_record_that_its_list_does_not_show_whole_is_read_by_itself(facade: Facade) -> None:
    """Freshdesk's lists of contacts have neither tags nor further addresses."""
    async with staged(facade, connection_table(facade, "freshdesk", "customers")) as stage:
        made = stage.vendors.place("freshdesk", "contacts", {"name": "Ida", "email": "ida@naht.example", "tags": ["a"]})
        named = await stage.subscription("customer.created")

        first = await stage.backfill(connection="pulled-freshdesk")
        second = await stage.backfill(connection="pulled-freshdesk", deliver=[named])

        assert (first.new, second.known) == (first.records, second.records)
        events = {event["data"]["meta"]["remote_id"]: event for event in await stage.delivered(named)}
        assert len(events) == second.records
        assert events[str(made["id"])]["data"]["tags"] == ["a"]
        assert events[str(made["id"])]["origin"] == "backfill"
        assert await stage.pull() == []


async def test_a_change_is_found_while_the_backfill_waits_for_the_record(facade: Facade) -> None:
    """Both read the contact by itself, and only the job of the pull reports what has changed."""
    async with staged(facade, connection_table(facade, "freshdesk", "customers")) as stage:
        made = stage.vendors.place("freshdesk", "contacts", {"name": "Ida", "email": "ida@naht.example", "tags": ["a"]})
        named = await stage.subscription("customer.created")
        await stage.pull()
        stage.vendors.break_("freshdesk", "status", status=503, path=f"/api/v2/contacts/{made['id']}", times=None)
        await stage.start_backfill(connection="pulled-freshdesk", deliver=[named])
        await stage.until(TRIED_AGAIN)
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        stage.vendors.place("freshdesk", "contacts", made | {"tags": ["a", "b"], "updated_at": at})
        await stage.start_pulls()
        await stage.until(PULLED, 2)
        stage.vendors.mend()
        await stage.database.execute(SOON)
        await stage.work()

        assert [event["changed"] for event in await stage.events() if "origin" not in event] == [["tags"]]
        (event,) = [one for one in await stage.delivered(named) if one["data"]["meta"]["remote_id"] == str(made["id"])]
        assert event["origin"] == "backfill"


async def test_a_record_that_is_new_to_the_pull_has_its_event_although_a_backfill_stored_it(stage: Stage) -> None:
    await stage.pull()
    new = contact(stage, LastName="Hopper")
    await stage.backfill()

    (event,) = await pulled(stage)

    assert (event["type"], event["data"]["meta"]["remote_id"]) == ("customer.created", new["Id"])
    assert await pulled(stage) == []


async def test_a_ticket_that_is_new_to_the_pull_has_its_event_although_a_backfill_stored_it(facade: Facade) -> None:
    facade.vendors.limit("zendesk", per_minute=1_000_000, search_lag=0.0)
    async with staged(facade, connection_table(facade, "zendesk", "tickets")) as stage:
        await stage.pull()
        stage.vendors.place("zendesk", "tickets", {"subject": "Mug", "description": "It leaks."})
        await stage.backfill(connection="pulled-zendesk", object="ticket")

        assert [event["type"] for event in await stage.pull()] == ["ticket.created"]
        assert await stage.pull() == []


async def test_a_walk_whose_job_is_gone_holds_no_backfill_back(stage: Stage) -> None:
    """As after a pull that became a dead letter, once pulls are switched off."""
    await stage.start_pulls()
    await stage.work()
    await stage.sql(LOST_PULL)

    assert (await stage.backfill()).state == "completed"


async def test_tickets_are_backfilled_with_their_comments_as_known(facade: Facade) -> None:
    async with staged(facade, connection_table(facade, "zendesk", "tickets")) as stage:
        user = stage.vendors.place("zendesk", "users", {"name": "Ida", "role": "end-user"})
        stage.vendors.place("zendesk", "tickets", {"subject": "Torn", "requester_id": user["id"]})
        named = await stage.subscription("ticket.*")

        ended = await stage.backfill(connection="pulled-zendesk", object="ticket", deliver=[named])

        assert ended.new == ended.records > 0
        delivered = await stage.delivered(named)
        assert [event["type"] for event in delivered] == ["ticket.created"] * ended.records
