"""Signing in, and the page that shows what is broken."""

import pytest
from playwright.sync_api import expect

from tests.browser.pages import Console
from tests.contract.facade import Facade

pytestmark = pytest.mark.browser


def test_an_operator_signs_in_and_sees_what_is_broken(console: Console) -> None:
    console.page.goto("/console")
    console.check("sign-in")
    console.page.get_by_label("API key").fill("lsk_dev_wrong")
    console.page.get_by_role("button", name="Sign in").click()
    expect(console.page.get_by_role("alert")).to_contain_text("unknown, expired or revoked")
    console.sign_in()
    expect(console.page.get_by_role("heading", level=1)).to_be_visible()
    console.check("now")


def test_a_page_says_while_it_cannot_refresh_itself(console: Console, running_facade: Facade) -> None:
    console.open("/console")
    stale = console.page.get_by_role("alert").filter(has_text="This page is out of date")
    expect(console.page.get_by_role("heading", level=1)).to_be_visible()
    expect(stale).to_have_count(0)
    running_facade.api.stop()
    try:
        expect(stale).to_be_visible(timeout=15_000)
    finally:
        running_facade.api.start()
    expect(stale).to_have_count(0, timeout=15_000)
    console.complaints.clear()


def test_a_link_from_another_site_needs_no_second_sign_in(console: Console) -> None:
    console.open("/console")
    address = console.page.url
    console.page.goto("about:blank")
    console.page.set_content(f'<a href="{address}">alarm</a>')
    console.page.get_by_role("link", name="alarm").click()
    expect(console.page.get_by_role("link", name="Now")).to_be_visible()
