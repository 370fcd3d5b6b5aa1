"""Several systems asked at once: look-ups at all connections, and what belongs to a customer."""

import json
from itertools import combinations
from typing import Any, Final

from tests.contract.callers import Caller, code_of, expect, parameters
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.own_facade import own_facade
from tests.contract.samples import order, word
from tests.contract.vendor_samples import EVERY_VENDOR, SAMPLES, all_vendors

JOINS: Final = f"[links]\nauto_join = {json.dumps(list(combinations(EVERY_VENDOR, 2)))}\n"
running_facade, full_key = own_facade(all_vendors, more=JOINS)


def everywhere(caller: Caller, path: str, wait: int | None = None, **query: str) -> dict[str, Any]:
    headers = {} if wait is None else {"prefer": f"wait={wait}"}
    body: dict[str, Any] = expect(caller.get(path, params=query, headers=headers)).json()
    assert set(body) == {"data", "unreachable"}
    return body


def connections_of(records: list[dict[str, Any]]) -> list[str]:
    return [one["meta"]["connection"] for one in records]


def copy_to(caller: Caller, path: str, record: dict[str, Any], connection: str) -> dict[str, Any]:
    answer = caller.write(
        "POST", f"{path}/{record['id']}/copies", {"connection": connection}, headers={"prefer": "wait=30"}
    )
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def test_every_system_with_the_address_answers_under_one_id(caller: Caller) -> None:
    mark = word()
    for vendor in ("zendesk", "stripe", "hubspot"):
        sample = SAMPLES[f"{vendor} customer"]
        caller.create(sample.collection(), sample.body(mark))

    body = everywhere(caller, "/v1/customers/lookup", email=f"{mark}@example.com", connections="all", wait=30)

    records = [one for one in body["data"] if one["meta"]["connection"] in EVERY_VENDOR]
    assert connections_of(records)[0] == "hubspot", "the system of record comes first"
    assert sorted(connections_of(records)) == ["hubspot", "stripe", "zendesk"]
    assert len({one["id"] for one in records}) == 1
    missing = {one["connection"]: one["code"] for one in body["unreachable"]}
    assert missing.keys().isdisjoint(EVERY_VENDOR)
    assert missing["refused"] in ("vendor-auth-failed", "connection-paused")
    read = caller.get(f"/v1/customers/{records[0]['id']}", params={"connection": "hubspot"})
    assert read.json() == records[0]


def test_nothing_anywhere_is_an_empty_answer(caller: Caller) -> None:
    body = everywhere(caller, "/v1/customers/lookup", email=f"{word()}@example.com", connections="all", wait=30)
    assert body["data"] == []


def test_a_system_that_hangs_delays_no_other(caller: Caller, vendors: Emulators) -> None:
    mark = word()
    for name in ("hubspot", "stripe", "zendesk"):
        sample = SAMPLES[f"{name} customer"]
        caller.create(sample.collection(), sample.body(mark))
    vendors.break_("stripe", "slow", method="GET", times=None, delay_ms=60_000)

    body = everywhere(caller, "/v1/customers/lookup", wait=4, email=f"{mark}@example.com", connections="all")

    assert {one for one in connections_of(body["data"]) if one in EVERY_VENDOR} == {"hubspot", "zendesk"}
    assert {"connection": "stripe", "code": "vendor-timeout"} in body["unreachable"]


def test_orders_and_tickets_are_found_by_their_keys_too(caller: Caller) -> None:
    mark = word()
    made = caller.create("/v1/orders?connection=hubspot", SAMPLES["hubspot order"].body(mark))
    body = everywhere(caller, "/v1/orders/lookup", external_id=f"key-{mark}", connections="all", wait=30)
    assert made["id"] in {one["id"] for one in body["data"]}
    assert {"connection": "woocommerce", "code": "unsupported-action"} in body["unreachable"]
    ticket = SAMPLES["zendesk ticket"]
    made = caller.create(ticket.collection(), ticket.body(mark) | {"external_id": f"key-{mark}"})
    body = everywhere(caller, "/v1/tickets/lookup", external_id=f"key-{mark}", connections="all", wait=30)
    assert made["id"] in {one["id"] for one in body["data"]}


def test_what_cannot_be_asked_everywhere_is_refused(caller: Caller) -> None:
    for query, wrong in (
        ({"email": "undefined", "connections": "all"}, "email"),
        ({"email": "ann@example.com", "connections": "hubspot"}, "connections"),
        ({"email": "ann@example.com", "connections": "all", "connection": "hubspot"}, "connections"),
    ):
        answer = expect(caller.get("/v1/customers/lookup", params=query), 422, "invalid-field")
        assert parameters(answer) == [wrong]
    answer = caller.get("/v1/customers/lookup", params={"sku": "MUG", "connections": "all"})
    assert code_of(answer, 422) == "unsupported-action"


def test_orders_of_all_linked_systems_are_listed_newest_first_and_once(caller: Caller) -> None:
    mark = word()
    person = SAMPLES["shopify customer"]
    customer = caller.create(person.collection(), person.body(mark))
    first = caller.create("/v1/orders?connection=shopify", order(mark))
    copied = copy_to(caller, "/v1/orders", first, "hubspot")
    assert copied["id"] == first["id"]
    sale = SAMPLES["woocommerce order"]
    buyer = SAMPLES["woocommerce customer"]
    caller.create(buyer.collection(), buyer.body(mark))
    second = caller.create(sale.collection(), sale.body(mark))
    caller.create("/v1/orders?connection=shopify", order(word()))

    body = everywhere(caller, f"/v1/customers/{customer['id']}/orders", wait=30)

    assert {one["id"]: one["meta"]["connection"] for one in body["data"]} == {
        first["id"]: "shopify",
        second["id"]: "woocommerce",
    }
    placed = [one["placed_at"] for one in body["data"]]
    assert placed == sorted(placed, reverse=True)
    assert {one["connection"] for one in body["unreachable"]}.isdisjoint(EVERY_VENDOR)
    newest = everywhere(caller, f"/v1/customers/shopify:{customer['meta']['remote_id']}/orders", limit="1", wait=30)
    assert sorted(one["id"] for one in newest["data"]) == sorted(one["id"] for one in body["data"])


def test_tickets_of_all_linked_desks_are_listed_and_a_desk_that_is_down_is_named(
    caller: Caller, vendors: Emulators
) -> None:
    mark = word()
    made = []
    for vendor in ("zendesk", "freshdesk"):
        person, ticket = SAMPLES[f"{vendor} customer"], SAMPLES[f"{vendor} ticket"]
        customer = caller.create(person.collection(), person.body(mark))
        made.append(caller.create(ticket.collection(), ticket.body(mark))["id"])
    path = f"/v1/customers/{customer['id']}/tickets"

    body = everywhere(caller, path, wait=30)
    assert sorted(one["id"] for one in body["data"]) == sorted(made)

    vendors.break_("freshdesk", "status", times=None, status=503)
    body = everywhere(caller, path, wait=4)
    assert [one["id"] for one in body["data"]] == made[:1]
    assert [one["connection"] for one in body["unreachable"] if one["connection"] in EVERY_VENDOR] == ["freshdesk"]


def test_orders_of_a_customer_need_their_scope_and_a_known_customer(facade: Facade, caller: Caller) -> None:
    assert code_of(caller.get("/v1/customers/cus_0000000000000000000000/orders"), 404) == "not-found"
    with facade.calling("customers:read") as stranger:
        assert code_of(stranger.get("/v1/customers/hubspot:1/orders"), 403) == "forbidden"
