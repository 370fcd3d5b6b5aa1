"""From an order number to a dead letter: read why, fix the payload, redrive, see it succeed. Many at once; discard."""

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


NUMBER = "#4711-90"
RUN = "crm-webhooks-90"


def bury(facade: Facade) -> str:
    """Give up a webhook with this order number that names no record. Return the record that it should name."""
    with facade.calling() as caller:
        remote_id = made(caller)
    dead = DeadJobs(facade)
    dead.connection = "hubspot"
    event = {"eventId": 1, "subscriptionType": "contact.creation", "portalId": 1, "occurredAt": 1767225600000}
    receipt = dead.receive(json.dumps({**event, "orderNumber": NUMBER, "objectId": "lost"}).encode())
    work = dead.new(
        kind="ingest",
        payload=json.dumps({"receipt": receipt}).encode(),
        origin=receipt,
        order_key=f"customer:{remote_id}",
        correlation_id=RUN,
    )
    dead.bury(work, failure=UNMAPPABLE)
    return remote_id


def made(caller: Caller) -> str:
    return caller.create("/v1/customers?connection=hubspot", customer("hubspot"))["meta"]["remote_id"]


def test_a_payload_is_fixed_and_redriven(
    console: Console, running_facade: Facade, elsewhere: ThreadPoolExecutor
) -> None:
    remote_id = elsewhere.submit(bury, running_facade).result()
    page = console.page
    console.open("/console/dead-letters")
    expect(page.get_by_role("link", name="unmappable").first).to_be_visible()
    console.check("dead-letters")
    page.get_by_role("link", name="Runs").click()
    for _ in range(100):  # a worker makes the keys of a new failure within seconds
        page.get_by_label("Find").fill(NUMBER)
        page.get_by_role("button", name="Show").click()
        if page.get_by_role("link", name=RUN).count():
            break
        page.wait_for_timeout(200)
    page.get_by_role("link", name=RUN).click()
    page.get_by_role("link", name="Dead letter", exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("unmappable")
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
