"""Stripe behind the whole of Lockstitch: money, lost replies under its keys, its events as ours."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.contract.callers import Caller, code_of
from tests.contract.facade import Facade
from tests.contract.processes import NO_TLS
from tests.contract.waiting import until

SECRET = "whsec_5tr1pe0fTheContractTests"
# The client itself sends what its vendor recognises up to three times.
CLIENT_TRIES = 3
# Failures pause a connection, so those that are to fail have one of their own.
NAMES = ("stripe", "lossy-customers", "lossy-orders", "broken", "forbidden")
CONNECTION = """
[connections.{name}]
vendor = "stripe"
base_url = "{vendors}/stripe"
credentials = {{ key = "env:STRIPE_KEY" }}
webhook_secrets = ["env:STRIPE_WEBHOOK_SECRET"]
pacing = {{ units = 60000000, per_seconds = 60, concurrency = 64 }}
"""


class Stripe:
    """The emulator as its control interface shows it."""

    def __init__(self, facade: Facade) -> None:
        self._http = httpx.Client(base_url=f"{facade.vendors.url}/_emulator", timeout=30, verify=NO_TLS)
        target = {"vendor": "stripe", "url": f"{facade.api.url}/v1/webhooks/stripe", "secret": SECRET}
        self._target = target | {"first_pause_ms": 20}

    def tell(self) -> None:
        """Send webhooks from now on."""
        assert self._http.put("/webhooks", json=self._target).status_code == 200

    def lose(self, method: str, path: str, times: int) -> None:
        """Carry calls out and drop their replies."""
        fault = {"kind": "timeout_after_commit", "delay_ms": 0}
        order = {"vendor": "stripe", "match": {"method": method, "path": path}, "fault": fault, "times": times}
        assert self._http.post("/faults", json=order).status_code == 201

    def lag(self, seconds: float) -> None:
        """Let the search know of records so much later."""
        assert self._http.post("/limits", json={"vendor": "stripe", "search_lag": seconds}).status_code == 200

    def break_down(self, method: str, path: str, status: int = 500) -> None:
        """Answer the next call with an error, which is repeated under that call's key if it is one of Stripe's own."""
        fault = {"kind": "status", "status": status}
        order = {"vendor": "stripe", "match": {"method": method, "path": path}, "fault": fault, "times": 1}
        assert self._http.post("/faults", json=order).status_code == 201

    def place(self, object_name: str, **record: Any) -> None:
        """A record that is there."""
        placed = {"vendor": "stripe", "object": object_name, "record": record}
        assert self._http.post("/records", json=placed).status_code in (200, 201)

    def records(self, object_name: str, holding: str) -> list[dict[str, Any]]:
        """Records that hold this text."""
        records = self._http.get("/records", params={"vendor": "stripe", "object": object_name}).json()["records"]
        return [record for record in records if holding in str(record)]

    def calls(self, method: str, path: str, key: str) -> list[dict[str, Any]]:
        """Calls of this method to this path whose idempotency key begins so."""
        calls = self._http.get("/calls", params={"vendor": "stripe"}).json()
        return [
            call
            for call in calls
            if (call["method"], call["path"]) == (method, path) and call.get("idempotency_key", "").startswith(key)
        ]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Facade]:
    """A Lockstitch of this module, with a connection to Stripe."""
    folder = tmp_path_factory.mktemp("stripe")
    facade = Facade(folder, module_database_url, more="{more}", STRIPE_KEY="sk_test_dev", STRIPE_WEBHOOK_SECRET=SECRET)
    config = folder / "lockstitch.toml"
    table = "".join(CONNECTION.format(name=name, vendors=facade.vendors.url) for name in NAMES)
    config.write_text(config.read_text().replace("{more}", table), encoding="utf-8")
    with facade.running():
        yield facade


@pytest.fixture(scope="module")
def stripe(own: Facade) -> Stripe:
    """The emulator."""
    return Stripe(own)


@pytest.fixture(scope="module")
def someone(own: Facade) -> Iterator[Caller]:
    """A caller who may do everything."""
    with own.calling() as caller:
        yield caller


def test_an_order_in_yen_is_what_was_ordered(someone: Caller) -> None:
    line = {"name": "Mug", "quantity": "3", "unit_price": "1099"}
    order = someone.create("/v1/orders?connection=stripe", {"currency": "JPY", "line_items": [line]})
    assert (order["source_kind"], order["currency"]) == ("checkout_session", "JPY")
    assert (order["totals"]["total"], order["meta"]["loss"]) == ("3297", [])


@pytest.mark.parametrize(
    ("path", "object_name", "body"),
    [
        ("/v1/customers?connection=lossy-customers", "customers", {"display_name": "Fay Lost"}),
        (
            "/v1/orders?connection=lossy-orders",
            "checkout_sessions",
            {
                "currency": "EUR",
                "external_id": "Lost-7",
                "line_items": [{"name": "Mug", "quantity": "1", "unit_price": "5.00"}],
            },
        ),
    ],
)
def test_a_create_whose_replies_are_lost_is_done_once(
    someone: Caller, stripe: Stripe, path: str, object_name: str, body: dict[str, Any]
) -> None:
    at = f"/v1/{'customers' if object_name == 'customers' else 'checkout/sessions'}"
    stripe.lose("POST", at, CLIENT_TRIES + 1)
    answer = someone.write("POST", path, body)
    operation = someone.settled(answer)
    assert operation["state"] == "succeeded"
    assert len(stripe.records(object_name, "Lost")) == 1
    calls = stripe.calls("POST", at, operation["id"])
    assert len(calls) == CLIENT_TRIES + 2
    assert {call["idempotency_key"] for call in calls} == {operation["id"]}


def test_a_write_hidden_by_a_repeated_stripe_error_is_found_by_search(someone: Caller, stripe: Stripe) -> None:
    """Stripe repeats its 500 for a day, and its search lags: neither says that nothing was made."""
    stripe.break_down("POST", "/v1/customers")
    answer = someone.write("POST", "/v1/customers?connection=broken", {"display_name": "Ida Broken"})
    operation_id = answer.headers["location"].rpartition("/")[2]
    until(lambda: len(stripe.calls("POST", "/v1/customers", operation_id)) >= 2 + 1)
    operation = someone.get(answer.headers["location"]).json()
    assert operation["state"] not in ("failed", "succeeded"), operation
    stripe.place("customers", name="Ida Broken", metadata={"lockstitch_operation_id": operation_id})
    assert someone.settled(answer)["state"] == "succeeded"
    assert len(stripe.records("customers", "Ida Broken")) == 1


def test_a_lost_create_survives_a_temporarily_forbidden_key(someone: Caller, stripe: Stripe) -> None:
    stripe.lag(3600)
    stripe.lose("POST", "/v1/customers", CLIENT_TRIES)
    stripe.break_down("POST", "/v1/customers", 403)
    answer = someone.write("POST", "/v1/customers?connection=forbidden", {"display_name": "Max Forbidden"})
    assert someone.settled(answer)["state"] == "succeeded"
    assert len(stripe.records("customers", "Max Forbidden")) == 1
    stripe.lag(0)


def test_a_redrive_is_not_answered_with_the_refusal_that_stripe_repeats(someone: Caller, own: Facade) -> None:
    """A draft cannot be voided, and Stripe repeats that for a day under the key that it came with."""
    with httpx.Client(base_url=f"{own.vendors.url}/stripe/v1", auth=("sk_test_dev", ""), timeout=30) as at_stripe:
        buyer = at_stripe.post("/customers", data={"email": "zoe.draft@example.com"}).json()["id"]
        invoice = at_stripe.post("/invoices", data={"customer": buyer, "currency": "eur"}).json()["id"]
        line = {"customer": buyer, "invoice": invoice, "amount": "500", "currency": "eur", "description": "Mug"}
        assert at_stripe.post("/invoiceitems", data=line).status_code == 200
        path = f"/v1/orders/stripe:{invoice}/cancel"
        answer = someone.write("POST", path, {"reason": "customer"}, headers={"prefer": "respond-async"})
        assert someone.settled(answer)["problem"]["code"] == "vendor-rejected"
        assert at_stripe.post(f"/invoices/{invoice}/finalize").status_code == 200

    def letters() -> list[dict[str, Any]]:
        letters_of_all = someone.get("/ops/dead-letters?kind=execute").json()["data"]
        return [letter for letter in letters_of_all if letter["origin"] == answer.json()["id"]]

    (letter,) = until(letters)
    assert someone.post(f"/ops/dead-letters/{letter['id']}/redrive").status_code == 200
    done = someone.settled(answer)
    assert (done["state"], done["redriven"]) == ("succeeded", True), done
    assert done["result"]["status"] == "cancelled"


def test_what_stripe_has_no_place_for_is_refused_or_dropped(someone: Caller) -> None:
    body = {"display_name": "Ann", "job_title": "Owner"}
    assert code_of(someone.write("POST", "/v1/customers?connection=stripe&loss=none", body), 422) == "unsupported-field"
    made = someone.create("/v1/customers?connection=stripe", body)
    assert [loss["path"] for loss in made["meta"]["loss"]] == ["/job_title"]
    refused = someone.write("DELETE", f"/v1/customers/{made['id']}")
    assert refused.json()["code"] == "unsupported-action"


@pytest.mark.parametrize(
    ("made", "change", "after"),
    [
        ({"display_name": "Ann Lee"}, {"company_name": "Lee Ltd"}, "organization"),
        ({"display_name": "Ann Lee", "company_name": "Lee Ltd"}, {"company_name": None}, "unknown"),
        ({"kind": "person", "display_name": "Ann Lee", "company_name": "Lee"}, {"display_name": None}, "organization"),
    ],
)
def test_a_kind_that_changes_with_the_names_is_reported(
    someone: Caller, made: dict[str, Any], change: dict[str, Any], after: str
) -> None:
    customer = f"/v1/customers/{someone.create('/v1/customers?connection=stripe', made)['id']}"
    assert code_of(someone.write("PATCH", f"{customer}?loss=none", change), 422) == "unsupported-field"
    changed = someone.write("PATCH", customer, change).json()
    assert someone.get(customer).json()["kind"] == changed["kind"] == after
    assert [(loss["path"], loss["kind"]) for loss in changed["meta"]["loss"]] == [("/kind", "coerced")]


def test_its_events_become_ours(someone: Caller, stripe: Stripe) -> None:
    stripe.tell()
    made = someone.create("/v1/customers?connection=stripe", {"display_name": "Noor Haddad"})
    someone.write("PATCH", f"/v1/customers/{made['id']}", {"display_name": "Noor Haddad-Lee"})

    def events_of_it() -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = someone.get("/v1/events?limit=250").json()["data"]
        ours = [event for event in events if event["type"].startswith("customer.")]
        return [event for event in ours if event["data"]["id"] == made["id"]]

    until(lambda: len(events_of_it()) >= 2)
    assert {event["data"]["meta"]["connection"] for event in events_of_it()} == {"stripe"}
    assert "Noor Haddad-Lee" in {event["data"]["display_name"] for event in events_of_it()}
    assert not any(event["type"] == "webhook.received" for event in events_of_it())


def test_an_order_of_more_than_ten_lines_is_read_whole(someone: Caller) -> None:
    lines = [{"name": f"Part {number}", "quantity": "1", "unit_price": "1.00"} for number in range(25)]
    made = someone.create("/v1/orders?connection=stripe", {"currency": "EUR", "line_items": lines})
    cursor = someone.get("/v1/orders?connection=stripe").json()["next_cursor"]  # the list begins with the invoices
    page = someone.get("/v1/orders", params={"connection": "stripe", "cursor": cursor}).json()["data"]
    (listed,) = (one for one in page if one["id"] == made["id"])
    for order in (made, someone.get(f"/v1/orders/{made['id']}").json(), listed):
        assert [one["name"] for one in order["line_items"]] == [one["name"] for one in lines]
        assert "/line_items" not in [one["path"] for one in order["meta"]["loss"]]
