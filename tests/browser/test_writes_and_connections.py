"""An undecided write is decided; a connection is paused, its mapping rolled back."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import expect

from tests.browser.pages import Console
from tests.contract.facade import Facade
from tests.contract.samples import customer
from tests.contract.undecided_writes import forget_outcome
from tests.contract.waiting import until

pytestmark = pytest.mark.browser


def lose_a_change(facade: Facade) -> tuple[str, str]:
    """Return the operation, and the id of the record that it changes."""
    with facade.calling() as caller:
        made = caller.create("/v1/customers?connection=hubspot", customer("hubspot"))
        path = f"/v1/customers/{made['id']}?connection=hubspot"
        operation, _ = forget_outcome(facade, caller, "PATCH", path, {"first_name": "Grace", "job_title": "Admiral"})
    return operation, made["meta"]["remote_id"]


def read_one(facade: Facade) -> None:
    """Read a record that the two revisions of its mapping map differently."""
    properties = {"firstname": "Ada", "email": "ada@garn.example", "hs_additional_emails": "a@garn.example"}
    placed = facade.vendors.place("hubspot", "contacts", {"properties": properties})
    with facade.calling() as caller:
        assert caller.get(f"/v1/customers/versioned:{placed['id']}").status_code == 200


def test_an_undecided_write_is_decided(console: Console, running_facade: Facade, elsewhere: ThreadPoolExecutor) -> None:
    operation, remote_id = elsewhere.submit(lose_a_change, running_facade).result()
    page = console.page
    console.open("/console/writes")
    console.check("writes")
    page.get_by_role("link", name="Update customer").first.click()
    expect(page.get_by_text("has every value that was sent")).to_be_visible()
    console.check("write")
    page.get_by_label("Id of the record").fill("999999")
    page.get_by_role("button", name="It succeeded").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Id of the record").fill(remote_id)
    page.get_by_role("button", name="It succeeded").click()
    expect(page.get_by_role("status")).to_contain_text("succeeded")
    (row,) = elsewhere.submit(
        running_facade.sql, "SELECT phase, outcome FROM operation WHERE id = $1", operation
    ).result()
    assert tuple(row.values()) == ("settled", "succeeded")


def test_a_mapping_is_rolled_back(console: Console, running_facade: Facade, elsewhere: ThreadPoolExecutor) -> None:
    page = console.page
    console.open("/console/connections")
    console.check("connections")
    page.get_by_role("link", name="versioned").click()
    mapping = page.get_by_label("hubspot.customer", exact=True)
    mapping.get_by_role("button", name="Activate").click()
    expect(page.get_by_role("status")).to_contain_text("r1 of hubspot.customer is active")
    mapping.get_by_label("Share").fill("1")
    mapping.get_by_role("button", name="Begin a shadow").click()
    expect(page.get_by_role("status")).to_contain_text("was changed")
    elsewhere.submit(read_one, running_facade).result()
    until(lambda: page.reload(), lambda _: page.get_by_text("r2 and r1").count() > 0)
    console.check("connection")
    page.get_by_role("button", name="Roll back to r2").click()
    expect(page.get_by_role("status")).to_contain_text("active again")
    query = "SELECT active FROM mapping_route WHERE (connection, mapping) = ('versioned', 'hubspot.customer')"
    assert elsewhere.submit(running_facade.sql, query).result() == [{"active": 2}]
    page.get_by_label("Why").fill("moving to another account")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#state .state").first).to_have_text("paused")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#state .state").first).to_have_text("working")
