"""A subscriber that failed gets what waited, and then what it asks for once more."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import expect

from tests.browser.pages import Console
from tests.contract.facade import Facade
from tests.contract.samples import customer
from tests.contract.subscribers import Answer, Hook, SubscriberServer, subscribe

pytestmark = pytest.mark.browser


def miss(facade: Facade, hook: Hook) -> str:
    """Subscribe, and let one delivery fail. Return the subscription."""
    with facade.calling() as caller:
        subscription: str = subscribe(caller, hook, "customer.created")["id"]
        caller.create("/v1/customers?connection=hubspot", customer("hubspot"))
        hook.received(2)
    return subscription


def test_a_subscriber_is_enabled_and_replayed(
    console: Console, running_facade: Facade, elsewhere: ThreadPoolExecutor, subscribers: SubscriberServer
) -> None:
    hook = subscribers.hook("browser", Answer(status=503))
    subscription = elsewhere.submit(miss, running_facade, hook).result()
    page = console.page
    console.open("/console/subscribers")
    console.check("subscribers")
    page.get_by_role("link", name="127.0.0.1").click()
    expect(page.get_by_text("the target answered 503").first).to_be_visible()
    expect(page.get_by_text("Retried until")).to_be_visible()
    console.check("subscriber")
    hook.always = Answer()
    page.get_by_role("button", name="Enable").click()
    expect(page.get_by_role("status")).to_contain_text("enabled")
    expect(page.locator("#state .state").first).to_have_text("active", timeout=20_000)
    event = page.locator("#state code").nth(1).inner_text()
    page.get_by_label("From Event").fill(event)
    page.get_by_role("button", name="Preview a replay").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("1 Event again")
    console.check("replay")
    before = len(hook.posts)
    page.get_by_role("button", name="Deliver 1 again").click()
    expect(page.get_by_role("status")).to_contain_text("1 Event")
    posts = elsewhere.submit(hook.received, before + 1).result()
    assert posts[-1].headers["webhook-id"] == event
    query = "SELECT state FROM delivery WHERE subscription = $1"
    states = elsewhere.submit(running_facade.sql, query, subscription).result()
    assert len(states) == 2
