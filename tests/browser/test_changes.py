"""Who changed what, and what a move from one system to another loses."""

import pytest
from playwright.sync_api import expect

from tests.browser.pages import Console

pytestmark = pytest.mark.browser


def test_a_sign_in_is_found_among_the_changes(console: Console) -> None:
    page = console.page
    console.open("/console/changes")
    console.check("changes")
    page.get_by_label("Who").fill("nina")
    page.locator("select[name=type]").select_option("console.*")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("cell", name="console signed in").first).to_be_visible()
    page.get_by_role("link", name="Fields, and what a move loses").first.click()
    page.locator("select[name=from]").select_option("hubspot")
    page.locator("select[name=to]").select_option("shopify")
    page.get_by_role("button", name="What does a move lose?").click()
    expect(page.get_by_role("status")).to_contain_text("cannot be given them")
    console.check("coverage")
