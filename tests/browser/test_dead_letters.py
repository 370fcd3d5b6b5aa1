"""Dead letters: read why, fix the payload, redrive, and see it succeed; redrive and discard."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import expect

from tests.browser.pages import Console
from tests.contract.callers import Caller
from tests.contract.dead_jobs import UNMAPPABLE, DeadJobs
from tests.contract.facade import Facade
from tests.contract.samples import customer

pytestmark = pytest.mark.browser


def bury(facade: Facade) -> tuple[str, str]:
    """A webhook that names no record, and its receipt; the record that it should name; and two others."""
    with facade.calling() as caller:
        remote_id = made(caller)
    dead = DeadJobs(facade)
    dead.connection = "hubspot"
    event = {"eventId": 1, "subscriptionType": "contact.creation", "portalId": 1, "occurredAt": 1767225600000}
    receipt = dead.receive(json.dumps({**event, "objectId": "lost"}).encode())
    work = dead.new(
        kind="ingest",
        payload=json.dumps({"receipt": receipt}).encode(),
        origin=receipt,
        order_key=f"customer:{remote_id}",
    )
    (letter,) = dead.bury(work, failure=UNMAPPABLE)
    return letter, remote_id


def made(caller: Caller) -> str:
    remote_id: str = caller.create("/v1/customers?connection=hubspot", customer("hubspot"))["meta"]["remote_id"]
    return remote_id


def test_a_payload_is_fixed_and_redriven(
    console: Console, running_facade: Facade, elsewhere: ThreadPoolExecutor
) -> None:
    letter, remote_id = elsewhere.submit(bury, running_facade).result()
    page = console.page
    console.open("/console/dead-letters")
    console.check("dead-letters")
    page.get_by_role("link", name="unmappable").first.click()
    page.goto(f"/console/dead-letters/{letter}")
    page.get_by_role("link", name="Read the record at hubspot").click()
    expect(page.get_by_role("heading", name="At the vendor")).to_be_visible()
    console.check("dead-letter")
    payload = page.get_by_label("Payload, as JSON")
    payload.fill(payload.input_value().replace('"lost"', remote_id).replace("}", "", 1))
    page.get_by_role("button", name="Redrive with this payload").click()
    expect(page.get_by_role("alert")).to_contain_text("JSON")
    console.check("dead-letter-refused")
    payload.fill(payload.input_value() + "}")
    page.get_by_role("button", name="Redrive with this payload").click()
    expect(page.get_by_role("status")).to_contain_text("redriven")
    expect(page.locator("#state .state.good")).to_have_text("done", timeout=20_000)
    console.check("dead-letter-done")


def test_many_are_redriven_and_one_is_discarded(
    console: Console, running_facade: Facade, elsewhere: ThreadPoolExecutor
) -> None:
    dead = DeadJobs(running_facade)
    elsewhere.submit(lambda: dead.bury(*(dead.new() for _ in range(30)))).result()
    page = console.page
    console.open(f"/console/dead-letters?connection={dead.connection}")
    page.locator("ol.rows a").first.click()
    page.get_by_role("button", name="Discard…").click()
    console.check("dead-letter-discard")
    page.get_by_label("Reason").fill("merged by hand")
    page.get_by_role("button", name="Discard it").click()
    expect(page.get_by_role("status")).to_contain_text("was discarded")
    page.goto(f"/console/dead-letters?connection={dead.connection}")
    page.get_by_label("Per second").fill("10")
    page.get_by_role("button", name="Preview a redrive").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("29")
    console.check("redrive-preview")
    page.get_by_role("button", name="Redrive 29").click()
    console.check("redrive")
    expect(page.locator("#progress .state")).to_have_text(re.compile("done"), timeout=20_000)
    states = elsewhere.submit(dead.states).result()
    assert sorted(states) == ["discarded"] + ["redriven"] * 29
