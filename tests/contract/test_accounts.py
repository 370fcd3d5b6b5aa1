"""Accounts of connections: a connection stays with the account that it first met."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.commands import exits, lockstitch
from tests.contract.callers import Caller, code_of, expect
from tests.contract.facade import Facade
from tests.contract.own_facade import own_key
from tests.contract.portal import Portal
from tests.contract.processes import NO_TLS
from tests.contract.samples import customer
from tests.contract.waiting import until
from tests.contract.webhook_senders import WebhookEndpoint, contact_event, hubspot, now
from tests.fixtures import opened
from tests.signatures.senders import sent

SECRET = "whsec_8q0Zs1cRk7o2wXyN5tJmB4uVhE6gLpAd"
MOVABLE = """
[connections.movable]
vendor = "hubspot"
base_url = "{url}"
credentials = {{ token = "file:{token}" }}
webhook_secrets = ["env:WEBHOOK_HUBSPOT"]

[connections.vaulted]
vendor = "hubspot"
base_url = "{url}"
credentials = {{ token = "vault:portal" }}

[connections.till]
vendor = "stripe"
base_url = "{vendors}/stripe"
credentials = {{ key = "env:STRIPE_KEY" }}
webhook_secrets = ["env:WEBHOOK_PAYMENTS"]

[connections.unused-till]
vendor = "stripe"
base_url = "{vendors}/stripe"
credentials = {{ key = "env:STRIPE_KEY" }}
webhook_secrets = ["env:WEBHOOK_PAYMENTS"]
"""


portals = opened(lambda: closing(Portal()), "module")
"""Two HubSpot accounts, opened by the tokens 111 and 222."""


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file with the token of `movable`."""
    file = tmp_path_factory.mktemp("token") / "token"
    file.write_text("111")
    return file


@pytest.fixture(scope="module")
def running_facade(
    tmp_path_factory: pytest.TempPathFactory, module_database_url: str, portals: Portal, token: Path
) -> Iterator[Facade]:
    """The processes, started once for the module."""
    facade = Facade(tmp_path_factory.mktemp("own"), module_database_url, STRIPE_KEY="sk_test_dev")
    more = MOVABLE.format(url=portals.url, token=token, vendors=facade.vendors.url)
    facade._config.write_text(facade.configuration + more, encoding="utf-8")
    with facade.running():
        yield facade


full_key = own_key()


def bound(facade: Facade, connection: str) -> dict[str, str]:
    """What the connection is bound to."""
    rows = facade.sql("SELECT mark, value FROM connection_account WHERE connection = $1", connection)
    return {row["mark"]: row["value"] for row in rows}


def connection_of(caller: Caller, name: str) -> dict[str, Any]:
    """The connection, as operators see it."""
    return next(one for one in caller.get("/ops/connections").json()["data"] if one["name"] == name)


def test_a_read_binds_each_vendor_by_what_tells_its_accounts_apart(facade: Facade, caller: Caller) -> None:
    for path in ("/v1/customers?connection=hubspot", "/v1/orders?connection=shopify", "/v1/tickets?connection=zendesk",
                 "/v1/customers?connection=till"):  # fmt: skip
        assert caller.get(path).status_code == 200
    assert bound(facade, "hubspot")["portal"] == "24861357"
    assert bound(facade, "shopify") == {"shop": "lockstitch-dev.myshopify.com"}
    assert bound(facade, "zendesk")["host"] == "127.0.0.1"
    assert bound(facade, "till") == {"mode": "test"}
    (event,) = facade.sql("SELECT facts FROM audit_event WHERE type = 'connection.bound' AND subject = 'till'")
    assert json.loads(event["facts"]) == {"mode": "test"}


def test_another_account_pauses_the_connection_before_anything_else_is_sent(
    facade: Facade, caller: Caller, portals: Portal, token: Path
) -> None:
    listing = "/v1/customers?connection=movable"
    assert caller.get(listing).status_code == 200
    assert bound(facade, "movable") == {"portal": "111"}

    token.write_text("222")
    with facade.another_api() as process, Caller(process.url, caller.secret) as other:
        problem = expect(other.write("POST", listing, customer("hubspot")), 503, "connection-paused").json()
        assert "portal 222" in problem["detail"]
        assert "portal 111" in problem["detail"]
        assert "lockstitch environment rebind movable" in problem["next_step"]
        assert {call for used, call in portals.calls if used == "222" and "objects" in call} == set()

        state = until(lambda: connection_of(caller, "movable"), lambda one: one["state"] == "paused")
        assert "portal 222" in state["note"]
        (event,) = caller.get("/v1/events?type=connection.paused&limit=250").json()["data"][-1:]
        assert (event["connection"], event["data"]["why"]) == ("movable", "account")
        alarms = "SELECT facts FROM audit_event WHERE type = 'connection.paused' AND subject = 'movable'"
        assert json.loads(facade.sql(alarms)[0]["facts"]) == {"reason": "account"}
        until(lambda: "it opens another account than before" in facade.worker.log)

        # Resumed as it was, it is paused again.
        assert caller.post("/ops/connections/movable/resume").status_code == 200
        until(lambda: other.get(listing).status_code == 503 and connection_of(caller, "movable")["state"] == "paused")

        # The new account is meant.
        assert facade.lockstitch("environment", "rebind", "movable").returncode == 0
        until(lambda: other.get(listing).status_code, lambda status: status == 200)
        assert bound(facade, "movable") == {"portal": "222"}


def test_a_rotated_secret_of_another_account_is_not_promoted(facade: Facade, caller: Caller) -> None:
    shell = facade.api.environment
    assert lockstitch("secrets", "set", "portal", environment=shell, text="333").returncode == 0
    caller.post("/ops/connections/vaulted/resume")
    until(lambda: caller.get("/v1/customers?connection=vaulted").status_code, lambda status: status == 200)
    assert bound(facade, "vaulted") == {"portal": "333"}

    refused = exits(lockstitch("secrets", "rotate", "portal", environment=shell, text="444"), 3)
    assert "it opens the account portal 444, and belongs to portal 333" in refused.stderr
    assert caller.get("/v1/customers?connection=vaulted").status_code == 200
    assert connection_of(caller, "vaulted")["state"] == "working"


def test_a_webhook_of_another_portal_is_refused_and_audited(facade: Facade, caller: Caller) -> None:
    assert caller.get("/v1/customers?connection=hubspot").status_code == 200
    foreign, own = contact_event(portalId=99), contact_event()
    with facade.another_api() as process:
        endpoint = WebhookEndpoint(facade, "hubspot", url=process.url)
        assert code_of(endpoint.send(hubspot(endpoint.url, foreign)), 403) == "wrong-account"
        # An app of several accounts may send their events together.
        assert endpoint.accepted(hubspot(endpoint.url, foreign, own)) == (1, 0)
    assert endpoint.receipts(f":{foreign['eventId']}:") == []
    assert len(endpoint.receipts(f":{own['eventId']}:")) == 1
    (counted,) = facade.sql("SELECT facts FROM audit_event WHERE type = 'webhook.refused' AND subject = 'hubspot'")
    assert json.loads(counted["facts"])["counts"] == {"account": 2}


def stripe_event(event: str, *, live: bool) -> bytes:
    customer = {"id": "cus_1", "object": "customer"}
    body = {"object": "event", "type": "customer.updated", "created": 1, "data": {"object": customer}}
    return json.dumps(body | {"id": event, "livemode": live}).encode()


def test_a_key_tells_its_mode_before_any_call(facade: Facade) -> None:
    endpoint = WebhookEndpoint(facade, "unused-till")
    answer = endpoint.send(sent("stripe", stripe_event("evt_first", live=True), secret=SECRET, at=now()))
    assert code_of(answer, 403) == "wrong-account"
    assert bound(facade, "unused-till") == {"mode": "test"}


def test_a_key_that_tells_its_mode_does_not_keep_a_process_from_waiting_for_migrations(
    tmp_path: Path, empty_database_url: str
) -> None:
    facade = Facade(tmp_path, empty_database_url, STRIPE_KEY="sk_test_dev")
    facade.add_configuration('[connections.till]\nvendor = "stripe"\ncredentials = { key = "env:STRIPE_KEY" }\n')
    facade.api._health = "/health/live"
    facade.api.start()
    try:
        assert "lockstitch migrate" in httpx.get(f"{facade.api.url}/health/ready", verify=NO_TLS).text
        assert facade.lockstitch("migrate").returncode == 0
        until(
            lambda: httpx.get(f"{facade.api.url}/health/ready", verify=NO_TLS).status_code, lambda status: status == 200
        )
    finally:
        facade.stop()


def test_a_live_event_at_a_test_connection_is_refused_and_audited(facade: Facade) -> None:
    with facade.another_api() as process:
        endpoint = WebhookEndpoint(facade, "till", url=process.url)
        for event, live in (("evt_test", False), ("evt_live", True)):
            answer = endpoint.send(sent("stripe", stripe_event(event, live=live), secret=SECRET, at=now()))
            assert answer.status_code == (403 if live else 202), answer.text
        assert code_of(answer, 403) == "wrong-account"
    (refused,) = facade.sql("SELECT facts FROM audit_event WHERE type = 'webhook.refused' AND subject = 'till'")
    assert json.loads(refused["facts"])["counts"] == {"account": 1}
    assert len(endpoint.receipts("evt_test")) == 1
    assert endpoint.receipts("evt_live") == []
