"""A person is found, erased after a preview, and the erasure is followed to its end."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import Console
from tests.contract.facade import Facade
from tests.contract.samples import customer, word
from tests.contract.undecided_writes import FORGET

pytestmark = pytest.mark.browser


def known_person(facade: Facade, mark: str) -> tuple[str, str]:
    """A person with two records and a write of unknown outcome. Return their canonical id and that write."""
    with facade.calling() as caller:
        made = caller.create("/v1/customers?connection=hubspot", customer("hubspot", mark))
        caller.create("/v1/customers?connection=shopify", customer("shopify", mark), key=f"browser-{mark}")
    (row,) = facade.sql(FORGET, f"browser-{mark}")
    return made["id"], row["id"]


def find(page: Page, person: str) -> None:
    page.get_by_label("E-mail address or canonical id").fill(person)
    page.get_by_role("button", name="Show").click()


def test_a_person_is_erased(console: Console, running_facade: Facade, elsewhere: ThreadPoolExecutor) -> None:
    mark = word()
    canonical_id, unknown = elsewhere.submit(known_person, running_facade, mark).result()
    page = console.page
    console.open("/console")
    page.get_by_role("link", name="Persons").click()
    find(page, "ann")
    expect(page.get_by_role("alert")).to_have_text("Not an e-mail address")
    console.check("persons-wrong")
    find(page, f"{mark}@example.com")
    expect(page.get_by_role("heading", level=1)).to_have_text("Stored about this person")
    expect(page.get_by_role("row", name="record_state")).to_be_visible()
    expect(page.get_by_text(canonical_id)).to_be_visible()
    console.check("person")
    page.get_by_role("button", name="Preview the erasure").click()
    expect(page.get_by_role("link", name=unknown)).to_be_visible()
    console.check("person-erase")
    page.get_by_role("button", name="Erase the person").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Erase this person?")  # not without the tick
    page.get_by_label("This is the person to erase").check()
    page.get_by_role("button", name="Erase the person").click()
    expect(page.get_by_role("status")).to_contain_text(
        "From now on, nothing about the person is read or stored. What is stored is erased."
    )
    erasure = page.url.rpartition("/")[2]
    expect(page.get_by_role("link", name=unknown)).to_be_visible(timeout=30_000)
    console.check("erasure-waits")
    page.get_by_role("link", name=unknown).click()
    page.get_by_role("button", name="It failed").click()
    page.get_by_role("link", name="Persons").click()
    console.check("persons")
    page.get_by_role("link", name=erasure).click()
    expect(page.locator("#state .state").first).to_have_text("done", timeout=60_000)
    expect(page.get_by_text(f"lockstitch person lift {erasure}")).to_be_visible()
    console.check("erasure")
    rows = elsewhere.submit(running_facade.sql, "SELECT state FROM erasure WHERE id = $1", erasure).result()
    assert [row["state"] for row in rows] == ["done"]
    assert mark not in page.content()
