"""From a customer's address to the reason of a failed run."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import expect

from tests.browser.pages import Console
from tests.contract.callers import Caller
from tests.contract.facade import Facade
from tests.contract.quiet import sending_webhooks
from tests.contract.samples import customer
from tests.contract.waiting import until

pytestmark = pytest.mark.browser


def test_a_failed_run_is_found_and_read(console: Console, bad_day: str) -> None:
    page = console.page
    console.open("/console")
    expect(page.get_by_role("heading", level=1)).to_contain_text("alarm")
    expect(page.get_by_text(re.compile(r"^\s*For \d+ (ms|s|min)\. To resume it"))).to_be_visible()
    console.check("now-alarms")
    page.get_by_role("link", name="Runs").click()
    expect(page.get_by_role("link", name="crm-sync-4711")).to_be_visible()
    console.check("runs")
    # A worker makes the keys of a new failure within seconds.
    for _ in range(100):
        page.get_by_label("Find").fill(bad_day)
        page.get_by_role("button", name="Show").click()
        if page.get_by_role("link", name="crm-sync-4711").count():
            break
        page.wait_for_timeout(200)
    expect(page.get_by_role("link", name="shop-webhooks-77")).to_have_count(0)
    page.get_by_role("link", name="crm-sync-4711").click()
    expect(page.get_by_role("heading", name="What failed")).to_be_visible()
    expect(page.get_by_role("link", name="Trace")).to_have_attribute("href", re.compile("/trace/[0-9a-f]{32}$"))
    console.check("run")


def note(facade: Facade) -> None:
    """Add a step to the run that went well."""
    with Caller(facade.api.url, facade.make_key("customers:write").secret) as caller:
        caller.post("/v1/runs/crm-sync-4710/notes", json={"text": "Routed to billing."}).raise_for_status()


@pytest.mark.usefixtures("bad_day")
def test_a_live_run_is_followed(console: Console, running_facade: Facade, elsewhere: ThreadPoolExecutor) -> None:
    page = console.page
    console.open("/console/run?id=crm-sync-4710")
    rows = page.get_by_role("row")
    before = rows.count()
    elsewhere.submit(note, running_facade).result()
    expect(page.get_by_text("noted: Routed to billing.")).to_be_visible()
    assert rows.count() > before


def write_with_echoes(facade: Facade) -> None:
    """Create a customer whose vendor sends several webhooks about it."""
    with (
        sending_webhooks(facade, "hubspot"),
        Caller(facade.api.url, facade.make_key("customers:write").secret) as caller,
    ):
        run = {"x-correlation-id": "crm-sync-4712"}
        assert caller.write("POST", "/v1/customers", customer("hubspot"), headers=run).status_code == 201
        query = "SELECT count(*) AS count FROM audit_event WHERE type = 'receipt.echoed' AND correlation_id = $1"
        until(lambda: facade.sql(query, "crm-sync-4712"), lambda rows: rows[0]["count"] > 1)


def test_the_echoes_of_a_write_stay_open(
    console: Console, running_facade: Facade, elsewhere: ThreadPoolExecutor
) -> None:
    elsewhere.submit(write_with_echoes, running_facade).result()
    page = console.page
    console.open("/console/run?id=crm-sync-4712")
    expect(page.get_by_text("webhooks that echo")).to_have_count(1)
    console.check("run-echoes")
    page.get_by_text("Show their runs").click()
    echoes = page.locator("details li")
    expect(echoes.first).to_be_visible()
    with page.expect_response("**/console/run?**"):
        pass
    with page.expect_response("**/console/run?**"):
        pass  # the first answer is in the page by then
    expect(echoes.first).to_be_visible()
    echoes.first.get_by_role("link").click()
    expect(page.get_by_text("It echoes").first).to_be_visible()
