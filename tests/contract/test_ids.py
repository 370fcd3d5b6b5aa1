"""Which record and which connection is meant: ids that name nothing, and what a connection cannot do."""

import threading
from typing import Any

import httpx
import pytest

from tests.contract.callers import Caller, code_of, expect
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.samples import customer, order, ticket, word
from tests.contract.waiting import until


@pytest.mark.parametrize(
    ("method", "path", "body", "able"),
    [
        ("POST", "/v1/orders?connection=zendesk", order(), "shopify"),
        ("GET", "/v1/orders?connection=zendesk", None, "shopify"),
        ("POST", "/v1/tickets?connection=shopify", ticket("shopify"), "zendesk"),
        ("DELETE", "/v1/customers/shopify:1", None, "hubspot"),
        ("GET", "/v1/tickets/hubspot:1/comments", None, "zendesk"),
        ("POST", "/v1/tickets/hubspot:1/comments", {"body_text": "Hello"}, "zendesk"),
        ("POST", "/v1/orders/hubspot:1/cancel", {"reason": "customer"}, "shopify"),
    ],
)
def test_what_a_connection_cannot_do_names_those_that_can(
    caller: Caller, method: str, path: str, body: Any, able: str
) -> None:
    answer = caller.get(path) if method == "GET" else caller.write(method, path, body)
    assert code_of(answer, 422) == "unsupported-action"
    assert able in answer.json()["detail"]


@pytest.mark.parametrize(
    "identifier",
    [
        "cus_0",
        "cus_w0000000000000",
        "ord_w0000000000000",
        "tkt_1",
        "hubspot:1",
        "nowhere:1",
        "hubspot:",
        "1051",
        "hubspot:a%20b",
        "hubspot:..",
        "shopify:..",
        "zendesk:.",
        "hubspot:%2E%2E",
        "shopify:gid",
        "zendesk:abc",
        "cus_%00",
        "a" * 3000,
        "hubspot:1:2",
        "%FF",
        "%F0%9F%90%8C",
        "hubspot:9" * 40,
        "zendesk:" + "9" * 40,
        "shopify:" + "9" * 40,
    ],
)
def test_a_record_that_is_not_there(caller: Caller, identifier: str) -> None:
    assert code_of(caller.get(f"/v1/customers/{identifier}"), 404) == "not-found"
    assert code_of(caller.write("PATCH", f"/v1/customers/{identifier}", {"tags": []}), 404) == "not-found"


@pytest.mark.parametrize("identifier", ["op_1", "op_%00", "op_%FF", "cus_1", "op_" + "1" * 3000, "%F0%9F%90%8C"])
def test_an_operation_that_is_not_there(caller: Caller, identifier: str) -> None:
    path = f"/v1/operations/{identifier}"
    assert code_of(caller.get(path), 404) == "not-found"
    assert code_of(caller.post(f"{path}/check"), 404) == "not-found"
    assert code_of(caller.post(f"{path}/resolve", json={"outcome": "failed"}), 404) == "not-found"


def test_an_id_of_another_object_or_connection(caller: Caller) -> None:
    made = caller.create("/v1/tickets", ticket("zendesk"))
    assert code_of(caller.get(f"/v1/customers/{made['id']}"), 404) == "not-found"
    assert code_of(caller.get(f"/v1/tickets/{made['id']}?connection=hubspot"), 404) == "not-found"
    assert (
        code_of(caller.get(f"/v1/tickets/zendesk:{made['meta']['remote_id']}?connection=hubspot"), 404) == "not-found"
    )
    assert code_of(caller.get(f"/v1/tickets/{made['id']}?connection=nowhere"), 422) == "invalid-field"
    assert caller.get(f"/v1/tickets/{made['id']}?connection=zendesk").status_code == 200


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/v1/tickets/op_7", "op_7 names an operation, not a ticket: GET /v1/operations/op_7."),
        ("/v1/tickets/op_7/comments", "op_7 names an operation, not a ticket: GET /v1/operations/op_7."),
        ("/v1/customers/evt_7", "evt_7 names an event, not a customer: GET /v1/events."),
        ("/v1/customers/sub_7", "sub_7 names a subscription, not a customer: GET /v1/subscriptions/sub_7."),
        ("/v1/customers/dl_7", "dl_7 names a dead letter, not a customer: GET /ops/dead-letters/dl_7."),
        ("/v1/orders/rdv_7", "rdv_7 names a redrive, not an order: GET /ops/redrives/rdv_7."),
        ("/v1/customers/upl_7", "upl_7 names an upload, not a customer: GET /v1/uploads/{connection}/upl_7."),
        ("/v1/customers/tkt_7", "tkt_7 names a ticket, not a customer: GET /v1/tickets/tkt_7."),
        ("/v1/customers/key_7", "key_7 names an API key, not a customer: lockstitch key list."),
        ("/v1/operations/tkt_7", "tkt_7 names a ticket, not an operation: GET /v1/tickets/tkt_7."),
        ("/v1/subscriptions/evt_7", "evt_7 names an event, not a subscription: GET /v1/events."),
        ("/ops/dead-letters/op_7", "op_7 names an operation, not a dead letter: GET /v1/operations/op_7."),
        ("/ops/redrives/dl_7", "dl_7 names a dead letter, not a redrive: GET /ops/dead-letters/dl_7."),
        ("/ops/drift/dl_7", "dl_7 names a dead letter, not a drift finding: GET /ops/dead-letters/dl_7."),
        ("/v1/uploads/hubspot/op_7", "op_7 names an operation, not an upload: GET /v1/operations/op_7."),
    ],
)
def test_an_id_of_something_else_says_what_it_names(caller: Caller, path: str, detail: str) -> None:
    answer = expect(caller.get(path), 404, "not-found").json()
    assert answer["detail"] == detail


def test_a_write_to_an_id_of_something_else_says_so_too(caller: Caller) -> None:
    answer = expect(caller.write("PATCH", "/v1/customers/op_7", {"job_title": "Potter"}), 404, "not-found").json()
    assert "names an operation" in answer["detail"]
    assert "names an operation" in caller.post("/v1/subscriptions/op_7/enable").json()["detail"]
    assert "names a ticket" in caller.post("/v1/operations/tkt_7/check").json()["detail"]


def test_a_new_record_that_another_process_sees_first_has_one_id(
    caller: Caller, facade: Facade, vendors: Emulators
) -> None:
    mark, made = word(), list[httpx.Response]()
    with facade.another_api() as api, Caller(api.url, caller.secret) as other:
        # Between the create and the end of the write, which reads the record back.
        vendors.break_("hubspot", "slow", method="GET", path="/crm/v3/objects/contacts*", delay_ms=1500)
        path, body = "/v1/customers?connection=hubspot", customer("hubspot", mark)
        writing = threading.Thread(target=lambda: made.append(caller.write("POST", path, body)))
        writing.start()
        until(vendors.standing_faults, lambda standing: not standing)
        (record,) = vendors.records("hubspot", "contacts", holding=mark)
        read = other.get(f"/v1/customers/hubspot:{record['id']}")
        writing.join()

    assert (read.status_code, made[0].status_code) == (200, 201), made[0].text
    assert made[0].json()["id"] == read.json()["id"]
    assert made[0].headers["location"] == f"/v1/customers/{read.json()['id']}"
    assert made[0].headers["etag"] == read.headers["etag"]
    assert [one["remote_id"] for one in caller.get(f"/v1/links/{read.json()['id']}").json()["links"]] == [record["id"]]
