"""What comes between an operator and an action: an ended session, a database that is away, second thoughts, drift."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from playwright.sync_api import expect

from tests.browser.pages import Console
from tests.contract.dead_jobs import DeadJobs
from tests.contract.facade import Facade
from tests.contract.outage import database_down
from tests.contract.samples import customer
from tests.contract.test_drift import PATHS

pytestmark = pytest.mark.browser


def drift(facade: Facade) -> None:
    """Read a record in which the type of a field has changed."""
    with facade.calling() as caller:
        made = caller.create("/v1/customers?connection=hubspot", customer("hubspot"))
        facade.vendors.break_("hubspot", "drift", path=PATHS["hubspot"], times=None, change="type")
        assert caller.get(f"/v1/customers/other-hubspot:{made['meta']['remote_id']}").status_code == 502
    facade.vendors.mend()


def test_a_redrive_is_cancelled(console: Console, running_facade: Facade, elsewhere: ThreadPoolExecutor) -> None:
    dead = DeadJobs(running_facade)
    elsewhere.submit(lambda: dead.bury(*(dead.new() for _ in range(30)))).result()
    page = console.page
    console.open(f"/console/dead-letters?connection={dead.connection}")
    page.get_by_label("Per second").fill("1")
    page.get_by_role("button", name="Preview a redrive").click()
    page.get_by_role("button", name="Redrive 30").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("status")).to_contain_text("It was cancelled. What it redrove before stays redriven.")
    expect(page.locator("#progress .state")).to_have_text("cancelled")
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    expect(page.get_by_text("Those that are left stay open.")).to_be_visible()
    console.check("redrive-cancelled")
    redriven = int(page.locator("#progress dd").first.inner_text())
    states = elsewhere.submit(dead.states).result()
    assert sorted(states) == ["open"] * (30 - redriven) + ["redriven"] * redriven


def test_drift_is_acknowledged(console: Console, running_facade: Facade, elsewhere: ThreadPoolExecutor) -> None:
    elsewhere.submit(drift, running_facade).result()
    page = console.page
    console.open("/console/connections/other-hubspot")
    console.check("drift")
    expect(page.get_by_text("Acknowledge a change that is meant")).to_be_visible()
    page.get_by_role("button", name="Acknowledge").first.click()
    expect(page.get_by_role("status")).to_contain_text("The change is acknowledged.")
    console.check("drift-acknowledged")
    query = (
        "SELECT acknowledged_by FROM drift_finding WHERE acknowledged_at IS NOT NULL AND connection = 'other-hubspot'"
    )
    assert len(elsewhere.submit(running_facade.sql, query).result()) == 1


def test_an_action_while_the_database_is_away_changes_nothing(
    console: Console, running_facade: Facade, elsewhere: ThreadPoolExecutor
) -> None:
    page = console.page
    console.open("/console/connections/busy-zendesk")
    page.get_by_label("Why").fill("maintenance")
    outage = ExitStack()
    elsewhere.submit(outage.enter_context, database_down(running_facade)).result()
    try:
        page.get_by_role("button", name="Pause").click()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        console.check("database-away-action")
        page.get_by_role("link", name="Open the page of this action").click()
        expect(page.get_by_text("This page loads itself every 5 seconds")).to_be_visible()
    finally:
        elsewhere.submit(outage.close).result()
    expect(page.get_by_role("heading", level=1)).to_have_text("busy-zendesk", timeout=30_000)
    expect(page.locator("#state .state").first).to_have_text("working")
    page.get_by_label("Why").fill("maintenance")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#state .state").first).to_have_text("paused")
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("status")).to_contain_text("was resumed")
    assert all("status of 503" in complaint for complaint in console.complaints)
    console.complaints.clear()


def test_an_action_after_the_session_is_repeated_after_the_sign_in(
    console: Console, running_facade: Facade, elsewhere: ThreadPoolExecutor
) -> None:
    page = console.page
    console.open("/console/connections/busy-zendesk")
    page.get_by_label("Why").fill("moving to another account")
    elsewhere.submit(running_facade.sql, "UPDATE console_session SET expires_at = now()").result()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("alert")).to_contain_text("Your session has ended, and nothing was done.")
    console.check("session-ended")
    console.sign_in()
    expect(page.get_by_role("heading", level=1)).to_have_text("busy-zendesk")
    expect(page.locator("#state .state").first).to_have_text("working")
    page.get_by_label("Why").fill("moving to another account")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#state .state").first).to_have_text("paused")
    expect(page.get_by_role("status")).to_contain_text("is paused in all processes")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#state .state").first).to_have_text("working")
