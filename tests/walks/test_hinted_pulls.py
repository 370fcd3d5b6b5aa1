"""Pulls of Stripe, whose events name the records that have changed."""

from collections.abc import AsyncIterator
from typing import Any, Final

import httpx
import pytest

from app.dev.folder import EMULATOR_CREDENTIALS
from tests.contract.facade import Facade
from tests.walks.stage import Stage, connection_table, staged

LONG_AGO: Final = "UPDATE watermark SET started_at = now() - interval '30 days'"
LISTS: Final = "/v1/customers"
HINTS: Final = "/v1/events"


@pytest.fixture
async def stage(facade: Facade) -> AsyncIterator[Stage]:
    async with staged(facade, connection_table(facade, "stripe", "customers")) as stage:
        yield stage


def at_stripe(stage: Stage, method: str, path: str = "", **fields: str) -> Any:
    """Create, change or delete a customer at Stripe, as somebody else does."""
    answer = httpx.request(
        method,
        f"{stage.facade.emulators.url}/stripe{LISTS}{path}",
        data=fields or None,
        headers={"authorization": f"Bearer {EMULATOR_CREDENTIALS['LOCKSTITCH_DEV_STRIPE_KEY']}"},
    )
    assert answer.is_success, answer.text
    return answer.json()


def calls(stage: Stage, path: str) -> int:
    """How many calls read this path."""
    return sum(one["method"] == "GET" and one["path"] == path for one in stage.vendors.calls("stripe"))


async def test_only_records_that_events_name_are_read(stage: Stage) -> None:
    changed, gone, unchanged = (at_stripe(stage, "POST", name=name) for name in ("Ada Lovelace", "Ida Rhodes", "Bo"))
    assert await stage.pull() == []
    listed = calls(stage, LISTS)
    # Events from before the baseline are read again, and say nothing new.
    assert await stage.pull() == []

    at_stripe(stage, "POST", f"/{changed['id']}", name="Ada King")
    at_stripe(stage, "POST", f"/{changed['id']}", name="Ada Byron")
    at_stripe(stage, "DELETE", f"/{gone['id']}")
    new = at_stripe(stage, "POST", name="Grace Hopper")
    events = {event["data"]["meta"]["remote_id"]: event for event in await stage.pull()}

    assert {id: event["type"] for id, event in events.items()} == {
        changed["id"]: "customer.updated",
        gone["id"]: "customer.deleted",
        new["id"]: "customer.created",
    }
    assert events[changed["id"]]["previous"] == {"display_name": "Ada Lovelace"}
    assert await stage.pull() == []
    assert calls(stage, LISTS) == listed
    assert unchanged["id"] not in events


async def test_a_record_that_a_backfill_came_upon_first_is_news(stage: Stage) -> None:
    """One that a pull came upon first is not."""
    old = at_stripe(stage, "POST", name="Ada Lovelace")
    await stage.pull()
    made = at_stripe(stage, "POST", name="Grace Hopper")
    await stage.backfill(connection="pulled-stripe")
    at_stripe(stage, "POST", f"/{old['id']}", name="Ada King")

    events = {event["data"]["meta"]["remote_id"]: event["type"] for event in await stage.pull()}

    assert events == {made["id"]: "customer.created", old["id"]: "customer.updated"}
    assert await stage.pull() == []


async def test_a_page_of_hints_follows_the_other(stage: Stage) -> None:
    await stage.pull()
    made = [at_stripe(stage, "POST", name=f"Ada {number}")["id"] for number in range(105)]

    events = await stage.pull()

    assert sorted(event["data"]["meta"]["remote_id"] for event in events) == sorted(made)
    assert calls(stage, HINTS) == 2


async def test_after_more_than_events_are_kept_for_everything_is_listed(stage: Stage) -> None:
    await stage.pull()
    made = at_stripe(stage, "POST", name="Ada Lovelace")
    await stage.sql(LONG_AGO)

    (event,) = await stage.pull()

    assert event["data"]["meta"]["remote_id"] == made["id"]
    assert calls(stage, HINTS) == 0
    assert await stage.pull() == []
    assert calls(stage, HINTS) == 1
