"""Connections in the console: what is wrong with one, pause and resume, revisions and their shadow, drift."""

import json
from html import unescape

import httpx

from tests.contract.callers import Caller
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.operator import Operator
from tests.contract.samples import customer
from tests.contract.test_drift import PATHS
from tests.contract.waiting import until
from tests.contract.webhook_senders import WebhookEndpoint

PATH = "/console/connections"
ROUTED = f"{PATH}/advised"
MAPPING = f"{ROUTED}/mappings/hubspot.customer"
EVIL = "<b>moving</b>"


def active(facade: Facade) -> int:
    (row,) = facade.sql(
        "SELECT active FROM mapping_route WHERE (connection, mapping) = ('advised', 'hubspot.customer')"
    )
    return row["active"]


def test_one_is_paused_and_resumed(console_operator: Operator, console_reader: Operator, facade: Facade) -> None:
    where = f"{PATH}/pausable"
    assert console_operator.submit(where, f"{where}/pause", {"note": ""}).status_code == 422
    assert console_operator.submit(where, f"{where}/pause", {"note": EVIL}).headers["location"] == where
    page = console_operator.get(where).text
    assert EVIL in unescape(page)
    assert EVIL not in page
    assert facade.sql("SELECT blocked_reason, blocked_note FROM lane WHERE connection = 'pausable'") == [
        {"blocked_reason": "operator", "blocked_note": EVIL}
    ]
    again = console_operator.submit(where, f"{where}/pause", {"note": "another reason"})
    notice = unescape(console_operator.get(again.headers["location"]).text)
    assert "pausable was paused already, for the reason below. Your note was not kept." in notice
    assert "another reason" not in notice
    assert ">paused<" in console_reader.get(PATH).text
    assert 'method="post"' not in console_reader.get(where).text.partition("<main")[2]
    for path in (f"{where}/resume", f"{MAPPING}/route", f"{MAPPING}/roll-back"):
        assert console_reader.submit(PATH, path, {"active": "1"}).status_code == 403
    assert console_operator.submit(where, f"{where}/resume").status_code == 303
    assert facade.sql("SELECT blocked_reason FROM lane WHERE connection = 'pausable'") == [{"blocked_reason": None}]
    assert console_operator.get(f"{PATH}/nowhere").status_code == 404


def test_a_revision_is_activated_shadowed_and_rolled_back(
    console_operator: Operator, facade: Facade, caller: Caller, vendors: Emulators
) -> None:
    page = console_operator.get(ROUTED).text
    assert "hubspot.customer: r2 is active" in page
    done = console_operator.submit(ROUTED, f"{MAPPING}/route", {"active": "1"})
    assert (done.status_code, active(facade)) == (303, 1)
    shadow = {"shadow": "2", "sample_rate": "1"}
    assert console_operator.submit(ROUTED, f"{MAPPING}/route", shadow).status_code == 303
    properties = {"email": "ada.shadow@garn.example", "hs_additional_emails": "a.shadow@garn.example"}
    placed = vendors.place("hubspot", "contacts", {"properties": {"firstname": "Ada", **properties}})

    def compared() -> str:
        caller.get(f"/v1/customers/advised:{placed['id']}")
        return console_operator.get(ROUTED).text

    page = until(compared, lambda text: "r2 and r1" in text and "/emails/*" in text)
    assert "garn.example" not in page
    assert console_operator.submit(ROUTED, f"{MAPPING}/route", {"end_shadow": "1"}).status_code == 303
    assert console_operator.submit(ROUTED, f"{MAPPING}/route", {"active": "no"}).status_code == 422
    assert console_operator.submit(ROUTED, f"{MAPPING}/roll-back").status_code == 303
    assert active(facade) == 2
    assert console_operator.submit(ROUTED, f"{MAPPING}/roll-back").status_code == 409


def test_refused_webhooks_and_drift_are_there(
    console_operator: Operator, facade: Facade, caller: Caller, vendors: Emulators
) -> None:
    made = caller.create("/v1/customers?connection=hubspot", customer("hubspot"))
    vendors.break_("hubspot", "drift", path=PATHS["hubspot"], times=None, change="type")
    assert caller.get(f"/v1/customers/other-hubspot:{made['meta']['remote_id']}").status_code == 502
    where = f"{PATH}/other-hubspot"
    page = until(lambda: console_operator.get(where).text, lambda text: "/acknowledge" in text)
    vendors.mend()
    finding = page.partition("/drift/")[2].partition("/")[0]
    elsewhere = f"{PATH}/nowhere%2F..%2F..%0D%0Ax:%20y/drift/{finding}/acknowledge"
    assert console_operator.submit(where, elsewhere).status_code == 404
    done = console_operator.submit(where, f"{PATH}/elsewhere/drift/{finding}/acknowledge")
    assert (done.status_code, done.headers["location"]) == (303, where)
    (row,) = facade.sql("SELECT acknowledged_by FROM drift_finding WHERE id = $1", finding)
    assert row["acknowledged_by"].startswith("key_")
    again = console_operator.submit(where, f"{where}/drift/{finding}/acknowledge")
    assert (again.status_code, "acknowledged, by key-" in again.text) == (409, True), "by the name of the key"
    endpoint = WebhookEndpoint(facade, "shopify")
    assert httpx.post(endpoint.url, content=json.dumps({}), headers={"x-shopify-hmac-sha256": "no"}).status_code == 401
    until(lambda: console_operator.get(f"{PATH}/shopify").text, lambda text: "1 refused since" in text)
