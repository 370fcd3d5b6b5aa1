"""A running Lockstitch, and a headless chromium that reaches nothing else.

Screenshots of the pages are written to the folder that `LOCKSTITCH_SCREENSHOTS` names.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, sync_playwright

from tests.browser.pages import Console
from tests.contract.callers import Caller
from tests.contract.dead_jobs import UNMAPPABLE, DeadJobs
from tests.contract.facade import Facade
from tests.contract.samples import customer
from tests.contract.subscribers import SubscriberServer
from tests.fixtures import opened

CHROMIUM = "/usr/bin/chromium"


subscribers = opened(lambda: closing(SubscriberServer()), "session")
"""Targets of subscriptions."""


@pytest.fixture(scope="session")
def running_facade(
    tmp_path_factory: pytest.TempPathFactory, session_database_url: str, subscribers: SubscriberServer
) -> Iterator[Facade]:
    """The processes, started once. They retry a delivery soon, and then not for ten minutes."""
    whole = Facade(
        tmp_path_factory.mktemp("facade"),
        session_database_url,
        LOCKSTITCH_EGRESS_ALLOW=f"127.0.0.1/32:{subscribers.port}",
        LOCKSTITCH_DELIVERY_LADDER="0.2,600",
    )
    with whole.running() as facade:
        yield facade


elsewhere = opened(lambda: ThreadPoolExecutor(1), "session")
"""A thread for what has an event loop of its own; Playwright's runs in the main one."""


@pytest.fixture(scope="session")
def operators_key(running_facade: Facade, elsewhere: ThreadPoolExecutor) -> str:
    """A key of an operator who may act."""
    return elsewhere.submit(lambda: running_facade.make_key("ops:read", "ops:write", name="nina").secret).result()


@pytest.fixture(scope="session")
def bad_day(running_facade: Facade, elsewhere: ThreadPoolExecutor) -> str:
    """A refused write of a customer, a dead letter, a paused connection. Returns the customer's address."""
    return elsewhere.submit(partial(_spoil, running_facade)).result()


def _spoil(facade: Facade) -> str:
    with Caller(facade.api.url, facade.make_key(name="n8n").secret) as caller:
        good = {"x-correlation-id": "crm-sync-4710"}
        assert caller.write("POST", "/v1/customers", customer("hubspot"), headers=good).status_code == 201
        facade.vendors.break_("hubspot", "status", method="POST", path="/crm/v3/objects/contacts", status=400)
        refused = {**customer("hubspot"), "emails": [{"address": "ada@example.com"}]}
        run = {"x-correlation-id": "crm-sync-4711"}
        assert caller.write("POST", "/v1/customers", refused, headers=run).status_code == 422
        caller.post("/ops/connections/pausable/pause", json={"note": "moving to another account"}).raise_for_status()
    dead = DeadJobs(facade)
    dead.bury(
        dead.new("1051", kind="ingest", connection="shopify", correlation_id="shop-webhooks-77"), failure=UNMAPPABLE
    )
    return "ada@example.com"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser."""
    if not Path(CHROMIUM).exists():
        pytest.skip(f"{CHROMIUM} is not installed: apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def console(running_facade: Facade, chromium: Browser, operators_key: str) -> Iterator[Console]:
    """The console in a new browser context, not signed in. No request may go elsewhere, no script may fail."""
    context = chromium.new_context(base_url=running_facade.api.url, viewport={"width": 1200, "height": 800})
    page = context.new_page()
    urls: list[str] = []
    complaints: list[str] = []
    context.on("request", lambda request: urls.append(request.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if _is_complaint(message) else None)
    yield Console(page, operators_key, complaints, _screenshots())
    context.close()
    assert [url for url in urls if not url.startswith((f"{running_facade.api.url}/", "data:"))] == []
    assert complaints == []


def _is_complaint(message: ConsoleMessage) -> bool:
    return message.type == "error" and "status of 4" not in message.text  # a wrong key, a wrong form


def _screenshots() -> Path | None:
    folder = os.environ.get("LOCKSTITCH_SCREENSHOTS")
    return None if folder is None else Path(folder)
