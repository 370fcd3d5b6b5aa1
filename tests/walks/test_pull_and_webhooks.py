"""A pull beside webhooks: one Event for one state and for one comment, whichever is first."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx
import pytest

from app.postgres.database import Statement
from app.walks.deps import PullDeps
from app.walks.pull.start import start_due_pulls
from tests.contract.facade import SECRETS, Facade
from tests.contract.webhook_driver import record_receipt
from tests.contract.webhook_senders import contact_event
from tests.walks.stage import Stage, connection_table, staged

HUBSPOT: Final = "pulled-hubspot"
ZENDESK: Final = "pulled-zendesk"
INGESTED: Final = "SELECT count(*) = 0 FROM job WHERE kind = 'ingest'"
STANDING: Final = Statement(
    "INSERT webhook_standing",
    """
    INSERT INTO webhook_standing (connection, reason, refused, since, refused_at, verified_at)
    VALUES ('pulled-hubspot', 'mismatch', 40, now() - interval '2 hours', now() - $1::interval, now() - $2::interval)
    """,
)
TRIED: Final = Statement("UPDATE watermark", "UPDATE watermark SET tried_at = now() - $1::interval")


@pytest.fixture
async def crm(facade: Facade) -> AsyncIterator[Stage]:
    facade.vendors.limit("hubspot", per_minute=1_000_000, search_lag=0.0)
    async with staged(facade, connection_table(facade, "hubspot", "customers")) as stage:
        yield stage


@pytest.fixture
async def desk(facade: Facade) -> AsyncIterator[Stage]:
    facade.vendors.limit("zendesk", per_minute=1_000_000, search_lag=0.0)
    async with staged(facade, connection_table(facade, "zendesk", "tickets")) as stage:
        # Comments count from then on, to the second.
        await stage.sql("UPDATE connection_setup SET set_up_at = set_up_at - interval '1 minute'")
        yield stage


async def at_hubspot(stage: Stage, method: str, path: str, **properties: str) -> Any:
    """Call HubSpot as somebody else does."""
    return await _call(
        *(method, f"{stage.facade.emulators.url}/hubspot/crm/v3/objects/contacts{path}", {"properties": properties}),
        headers={"authorization": f"Bearer {SECRETS['HUBSPOT_TOKEN']}"},
    )


async def at_zendesk(stage: Stage, method: str, path: str, ticket: dict[str, Any]) -> Any:
    """Call Zendesk as somebody else does."""
    basic = (f"{SECRETS['ZENDESK_EMAIL']}/token", SECRETS["ZENDESK_TOKEN"])
    url = f"{stage.facade.emulators.url}/zendesk/api/v2/tickets{path}.json"
    return await _call(method, url, {"ticket": ticket}, auth=basic)


async def _call(method: str, url: str, body: Any, **how: Any) -> Any:
    answer = await asyncio.to_thread(httpx.request, method, url, json=body, **how)
    assert answer.is_success, answer.text
    return answer.json()


async def webhook(
    stage: Stage, remote_id: str, topic: str = "contact.propertyChange", occurred_at: datetime | None = None
) -> None:
    """Ingest the webhook of a contact."""
    payload = json.dumps(contact_event(objectId=int(remote_id), subscriptionType=topic)).encode()
    place = (HUBSPOT, topic, "contact", remote_id, None)
    await record_receipt(stage.facade.database_url, *place, payload=payload, occurred_at=occurred_at)
    await stage.until(INGESTED)


async def comment_webhook(stage: Stage, ticket: str, comment: str) -> None:
    """Ingest the webhook of a comment."""
    payload = json.dumps({"detail": {"id": ticket}, "event": {"comment": {"id": comment}}}).encode()
    place = (ZENDESK, "ticket.comment_added", "ticket", ticket, None)
    await record_receipt(stage.facade.database_url, *place, payload=payload)
    await stage.until(INGESTED)


def comments_in(events: list[dict[str, Any]]) -> list[str]:
    return [event["data"]["body_text"] for event in events if event["type"] == "ticket.comment_added"]


@pytest.mark.parametrize("first", ["webhook", "pull"])
async def test_a_webhook_and_a_pull_of_one_change_make_one_event(crm: Stage, first: str) -> None:
    remote_id = (await at_hubspot(crm, "POST", "", lastname="Lovelace"))["id"]
    await crm.pull()
    await at_hubspot(crm, "PATCH", f"/{remote_id}", jobtitle="Potter")
    if first == "webhook":
        await webhook(crm, remote_id)
        await crm.pull()
    else:
        await crm.pull()
        await webhook(crm, remote_id)

    (event,) = await crm.events()
    assert (event["type"], event["changed"]) == ("customer.updated", ["job_title"])


async def test_a_new_record_that_the_baseline_stored_before_its_webhook_came_has_its_event(crm: Stage) -> None:
    remote_id = (await at_hubspot(crm, "POST", "", lastname="Lovelace", jobtitle="Potter"))["id"]
    assert await crm.pull() == []

    await webhook(crm, remote_id, "contact.creation")
    await webhook(crm, remote_id, "contact.creation")
    await webhook(crm, remote_id)
    await crm.pull()

    (event,) = await crm.events()
    assert event["type"] == "customer.created"
    assert {"last_name", "job_title"} <= set(event["changed"])
    assert "previous" not in event


async def test_a_change_that_the_baseline_stored_before_its_webhook_came_has_its_event(crm: Stage) -> None:
    remote_id = (await at_hubspot(crm, "POST", "", lastname="Lovelace"))["id"]
    await at_hubspot(crm, "PATCH", f"/{remote_id}", jobtitle="Potter")
    changed_at = datetime.now(UTC)
    assert await crm.pull() == []

    await webhook(crm, remote_id, occurred_at=changed_at)
    await webhook(crm, remote_id, occurred_at=changed_at)
    await crm.pull()

    (event,) = await crm.events()
    assert event["type"] == "customer.updated"
    assert {"last_name", "job_title"} <= set(event["changed"])


async def test_a_webhook_of_something_else_long_after_the_baseline_is_no_news(crm: Stage) -> None:
    remote_id = (await at_hubspot(crm, "POST", "", lastname="Lovelace"))["id"]
    assert await crm.pull() == []

    await webhook(crm, remote_id, occurred_at=datetime.now(UTC) + timedelta(minutes=10))

    assert await crm.events() == []


async def test_a_pull_is_due_when_webhooks_are_verified_again(crm: Stage) -> None:
    await crm.pull()
    plans = crm.runtime.dependencies.of(PullDeps).plans

    async def is_due() -> bool:
        return bool(await crm.deps.walks.due(plans))

    assert not await is_due()
    await crm.database.execute(STANDING, *_minutes(10, 5))
    await crm.database.execute(TRIED, *_minutes(60))
    assert await is_due()
    await crm.database.execute(TRIED, *_minutes(7))  # it began after the last refusal
    assert not await is_due()


async def test_a_pull_that_is_due_while_another_runs_follows_it(crm: Stage) -> None:
    await crm.pull()
    deps = crm.runtime.dependencies.of(PullDeps)
    crm.vendors.hold("hubspot")
    await crm.start_pulls()
    await asyncio.to_thread(crm.vendors.await_held)
    await crm.database.execute(STANDING, *_minutes(10, 5))
    await crm.database.execute(TRIED, *_minutes(60))
    await start_due_pulls(deps)
    crm.vendors.mend()
    await crm.work()

    assert await deps.walks.due(deps.plans)


def _minutes(*numbers: int) -> list[Any]:
    return [timedelta(minutes=number) for number in numbers]


async def test_a_comment_has_one_event_whoever_finds_it(desk: Stage) -> None:
    opened = {"subject": "Mug arrived with a crack", "comment": {"body": "It leaks."}}
    ticket = str((await at_zendesk(desk, "POST", "", opened))["ticket"]["id"])
    assert comments_in(await desk.pull()) == []
    for body in ("One", "Two", "Three"):
        await at_zendesk(desk, "PUT", f"/{ticket}", {"comment": {"body": body}})
    two = next(one["id"] for one in desk.vendors.records("zendesk", "comments") if one.get("body") == "Two")
    await comment_webhook(desk, ticket, str(two))
    assert comments_in(await desk.events()) == ["Two"]

    assert comments_in(await desk.pull()) == ["One", "Three"]
    await comment_webhook(desk, ticket, str(two))
    assert comments_in(await desk.pull()) == []


async def test_a_comment_is_found_although_its_ticket_was_read_after_it(desk: Stage) -> None:
    opened = {"subject": "Mug arrived with a crack", "comment": {"body": "It leaks."}}
    ticket = str((await at_zendesk(desk, "POST", "", opened))["ticket"]["id"])
    await desk.pull()
    await at_zendesk(desk, "PUT", f"/{ticket}", {"comment": {"body": "Lost"}, "subject": "Mug"})
    place = (ZENDESK, "ticket.subject_changed", "ticket", ticket, None)
    await record_receipt(desk.facade.database_url, *place, payload=json.dumps({"detail": {"id": ticket}}).encode())
    await desk.until(INGESTED)
    assert [event["type"] for event in await desk.events()] == ["ticket.updated"]

    assert comments_in(await desk.pull()) == ["Lost"]
    assert await desk.pull() == []


async def test_a_new_ticket_is_created_and_its_description_is_no_comment(desk: Stage) -> None:
    await desk.pull()
    opened = {"subject": "Mug arrived with a crack", "comment": {"body": "It leaks."}}
    ticket = str((await at_zendesk(desk, "POST", "", opened))["ticket"]["id"])
    await at_zendesk(desk, "PUT", f"/{ticket}", {"comment": {"body": "Still."}})

    events = await desk.pull()

    assert [event["type"] for event in events] == ["ticket.created", "ticket.comment_added"]
    assert comments_in(events) == ["Still."]
    assert len({event["correlation_id"] for event in events}) == 2
