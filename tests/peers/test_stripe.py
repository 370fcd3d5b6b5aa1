"""Stripe's mapping against localstripe, which other people wrote: a customer and an order there and back.

localstripe knows no idempotency keys; the proxy before it remembers them, as Stripe does. It has no checkouts, makes an
invoice only of items that wait for one at a customer with a subscription, and drops the metadata of a new one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.contract.callers import Caller, code_of, expect, new_key
from tests.peers.lockstitch import running_lockstitch
from tests.peers.losing import Loser, losing
from tests.peers.peer import running_peer

KEYS = {"STRIPE_KEY": "sk_test_peer", "STRIPE_WRONG_KEY": "no_key_at_all"}
# The client sends what its vendor recognises up to three times; with one more reply lost it has to be found out later.
CLIENT_TRIES = 3
CONFIGURATION = """
[connections.stripe]
vendor = "stripe"
base_url = "{proxy}"
credentials = {{ key = "env:STRIPE_KEY" }}
custom_fields = {{ customers = [{{ key = "tier", vendor_field = "tier", type = "enum" }}] }}

[connections.locked]
vendor = "stripe"
base_url = "{proxy}"
credentials = {{ key = "env:STRIPE_WRONG_KEY" }}

[systems_of_record]
customers = "stripe"
orders = "stripe"
"""
ANN = {
    "display_name": "Ann Lee",
    "emails": [{"address": "ann.lee@example.com"}],
    "phones": [{"e164": "+441174960123"}],
    "addresses": [{"type": "billing", "line1": "12 Harbour Street", "city": "Bristol", "country_code": "GB"}],
    "language": "en-GB",
    "notes": "Prefers a call",
    "external_id": "erp-1",
    "custom_fields": [{"key": "tier", "value": "gold"}],
}


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Lockstitch as its caller has it, the proxy behind it, and the peer behind that."""

    caller: Caller
    proxy: Loser
    peer: httpx.Client

    def at_peer(self, method: str, path: str, **fields: str) -> Any:
        """What is done at the peer itself."""
        return expect(self.peer.request(method, path, data=fields or None)).json()

    def customers(self, address: str) -> list[dict[str, Any]]:
        """The peer's customers with this address."""
        return self.peer.get("/v1/customers", params={"email": address}).json()["data"]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Bench]:
    """All of it, running."""
    folder = tmp_path_factory.mktemp("peer")
    with running_peer("localstripe", folder) as url, losing(url, remembers_keys=True) as proxy:
        text = CONFIGURATION.format(proxy=proxy.url)
        with (
            running_lockstitch(folder, module_database_url, text, KEYS) as caller,
            httpx.Client(base_url=url, auth=(KEYS["STRIPE_KEY"], ""), timeout=20) as peer,
        ):
            yield Bench(caller=caller, proxy=proxy, peer=peer)


def test_a_customer_is_made_and_read_back(bench: Bench) -> None:
    made = bench.caller.create("/v1/customers", ANN)
    read = bench.caller.get(f"/v1/customers/{made['id']}").json()
    for customer in (made, read):
        assert {name: customer[name] for name in ("display_name", "language", "notes", "external_id")} == {
            name: ANN[name] for name in ("display_name", "language", "notes", "external_id")
        }
        assert customer["emails"][0]["address"] == "ann.lee@example.com"
        assert customer["phones"][0]["e164"] == "+441174960123"
        assert (customer["addresses"][0]["city"], customer["addresses"][0]["country_code"]) == ("Bristol", "GB")
        assert customer["custom_fields"][0]["value"] == "gold"
        assert customer["subscriptions"] == []
    (there,) = bench.customers("ann.lee@example.com")
    assert there["name"] == "Ann Lee"
    assert there["metadata"]["external_id"] == "erp-1"
    assert there["metadata"]["lockstitch_operation_id"] == made["meta"]["operation_id"]
    assert there["id"] == made["meta"]["remote_id"]


def test_a_customer_is_changed_in_one_field(bench: Bench) -> None:
    made = bench.caller.create("/v1/customers", ANN | {"emails": [{"address": "bo@example.com"}]})
    expect(bench.caller.write("PATCH", f"/v1/customers/{made['id']}", {"notes": "Writes"}))
    (there,) = bench.customers("bo@example.com")
    assert (there["description"], there["name"], there["phone"]) == ("Writes", "Ann Lee", "+441174960123")


def test_an_upsert_makes_once_and_then_changes(bench: Bench) -> None:
    body = {"display_name": "Cy", "emails": [{"address": "cy@example.com"}]}
    first = bench.caller.write("POST", "/v1/customers?upsert_on=email", body)
    second = bench.caller.write("POST", "/v1/customers?upsert_on=email", body | {"display_name": "Cy Twombly"})
    assert (first.status_code, second.status_code) == (201, 200), second.text
    assert first.json()["id"] == second.json()["id"]
    (there,) = bench.customers("cy@example.com")
    assert there["name"] == "Cy Twombly"


def test_a_write_against_an_older_version_is_a_conflict(bench: Bench) -> None:
    made = bench.caller.create("/v1/customers", {"display_name": "Di", "emails": [{"address": "di@example.com"}]})
    tag = bench.caller.get(f"/v1/customers/{made['id']}").headers["etag"]
    bench.at_peer("POST", f"/v1/customers/{made['meta']['remote_id']}", name="Di, changed elsewhere")
    refused = bench.caller.write("PATCH", f"/v1/customers/{made['id']}", {"notes": "x"}, headers={"if-match": tag})
    assert code_of(refused, 412) == "version-conflict"
    assert bench.customers("di@example.com")[0]["description"] is None


def test_a_caller_who_repeats_himself_is_answered_again(bench: Bench) -> None:
    key, body = new_key(), {"display_name": "Ed", "emails": [{"address": "ed@example.com"}]}
    first = bench.caller.write("POST", "/v1/customers", body, key=key)
    again = bench.caller.write("POST", "/v1/customers", body, key=key)
    assert first.json() == again.json()
    reused = bench.caller.write("POST", "/v1/customers", body | {"notes": "x"}, key=key)
    expect(reused, 422, "idempotency-key-reused")
    assert len(bench.customers("ed@example.com")) == 1


def test_what_is_not_there_is_not_found(bench: Bench) -> None:
    for path in ("/v1/customers/stripe:cus_none", "/v1/orders/stripe:in_none"):
        assert code_of(bench.caller.get(path), 404) == "not-found"
        assert code_of(bench.caller.write("PATCH", path, {"external_id": "x"}), 404) == "not-found"


def test_a_wrong_key_is_reported(bench: Bench) -> None:
    refused = bench.caller.get("/v1/customers/locked:cus_none")
    assert refused.json()["code"] == "vendor-auth-failed", refused.text


def test_a_customer_s_lost_reply_is_resolved_and_he_is_made_once(bench: Bench) -> None:
    bench.proxy.lose("POST", "/v1/customers", CLIENT_TRIES + 1)
    before = bench.proxy.sent("POST", "/v1/customers")
    answer = bench.caller.write(
        "POST", "/v1/customers", {"display_name": "Fay", "emails": [{"address": "fay@example.com"}]}
    )
    operation = bench.caller.settled(answer)
    assert operation["state"] == "succeeded"
    (there,) = bench.customers("fay@example.com")
    assert bench.proxy.sent("POST", "/v1/customers") == before + 1
    read = bench.caller.get(f"/v1/customers/stripe:{there['id']}").json()
    assert read["display_name"] == "Fay"


def test_a_change_whose_reply_is_lost_is_found_by_reading_back(bench: Bench) -> None:
    made = bench.caller.create("/v1/customers", {"display_name": "Gil", "emails": [{"address": "gil@example.com"}]})
    path = f"/v1/customers/{made['meta']['remote_id']}"
    bench.proxy.lose("POST", path, CLIENT_TRIES)
    operation = bench.caller.settled(bench.caller.write("PATCH", f"/v1/customers/{made['id']}", {"notes": "Late"}))
    assert operation["state"] == "succeeded"
    assert bench.proxy.sent("POST", path) == 1
    assert bench.customers("gil@example.com")[0]["description"] == "Late"


@pytest.fixture
def draft(bench: Bench) -> dict[str, Any]:
    """An order made through Lockstitch: a draft invoice of the items that waited for one."""
    customer = bench.caller.create("/v1/customers", {"display_name": "Hal"})
    remote_id = customer["meta"]["remote_id"]
    plan = bench.at_peer(
        "POST", "/v1/plans", amount="0", currency="eur", interval="month", **{"product[name]": "Newsletter"}
    )
    bench.at_peer("POST", "/v1/subscriptions", customer=remote_id, **{"items[0][plan]": plan["id"]})
    bench.at_peer("POST", "/v1/invoiceitems", customer=remote_id, amount="3980", currency="eur", description="Two mugs")
    return bench.caller.create("/v1/orders", {"status": "draft", "customer": {"id": customer["id"]}})


def test_an_order_is_made_and_read_back(bench: Bench, draft: dict[str, Any]) -> None:
    read = bench.caller.get(f"/v1/orders/{draft['id']}").json()
    for order in (draft, read):
        assert (order["source_kind"], order["status"], order["currency"]) == ("invoice", "draft", "EUR")
        assert (order["totals"]["items"], order["totals"]["total"], order["totals"]["outstanding"]) == (
            "39.80",
            "39.80",
            "39.80",
        )
        assert "39.80" in {line["total"] for line in order["line_items"]}
        assert order["customer"]["id"].startswith("cus_")
    customer = bench.caller.get(f"/v1/customers/{read['customer']['id']}").json()
    assert [one["status"] for one in customer["subscriptions"]] == ["active"]


def test_an_order_is_changed_in_one_field_and_against_its_version(bench: Bench, draft: dict[str, Any]) -> None:
    tag = bench.caller.get(f"/v1/orders/{draft['id']}").headers["etag"]
    path = f"/v1/orders/{draft['id']}"
    changed = bench.caller.write("PATCH", path, {"external_id": "web-1"}, headers={"if-match": tag})
    assert (changed.status_code, changed.json()["external_id"]) == (200, "web-1"), changed.text
    stale = bench.caller.write("PATCH", path, {"external_id": "web-2"}, headers={"if-match": tag})
    assert code_of(stale, 412) == "version-conflict"
    there = bench.at_peer("GET", f"/v1/invoices/{draft['meta']['remote_id']}")
    assert there["metadata"] == {"external_id": "web-1"}


def test_an_order_s_lost_change_is_found_by_reading_back(bench: Bench, draft: dict[str, Any]) -> None:
    path = f"/v1/invoices/{draft['meta']['remote_id']}"
    bench.proxy.lose("POST", path, CLIENT_TRIES)
    write = bench.caller.write("PATCH", f"/v1/orders/{draft['id']}", {"external_id": "web-9"})
    assert bench.caller.settled(write)["state"] == "succeeded"
    assert bench.proxy.sent("POST", path) == 1
    assert bench.at_peer("GET", path)["metadata"]["external_id"] == "web-9"


def test_a_refusal_of_the_peer_is_passed_on(bench: Bench) -> None:
    customer = bench.caller.create("/v1/customers", {"display_name": "Ida"})
    refused = bench.caller.write("POST", "/v1/orders", {"status": "draft", "customer": {"id": customer["id"]}})
    assert refused.status_code >= 400
    assert refused.json()["vendor"]["connection"] == "stripe"
