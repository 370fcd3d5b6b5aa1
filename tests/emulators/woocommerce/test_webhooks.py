"""WooCommerce's webhooks: one request per topic, signed over its body; unsigned pings; no retries."""

import pytest

from ..conftest import SECRET, RunningEmulators
from ..receiver import Received, Receiver, is_from
from .conftest import Shop


@pytest.fixture(autouse=True)
def subscribed(emulators: RunningEmulators, receiver: Receiver) -> None:
    """The shop knows the receiver."""
    emulators.subscribe("woocommerce", receiver.url_of("woocommerce"))


def topics(received: list[Received]) -> list[str]:
    return [one.headers["x-wc-webhook-topic"] for one in received]


def test_the_body_is_the_record_and_is_signed(shop: Shop, receiver: Receiver) -> None:
    customer = shop.post("/customers", email="ann@example.com")
    shop.put(f"/customers/{customer['id']}", first_name="Ann")
    order = shop.post("/orders", customer_id=customer["id"])
    received = receiver.wait(3)
    assert topics(received) == ["customer.created", "customer.updated", "order.created"]
    assert all(is_from("woocommerce", one, receiver.url_of("woocommerce"), SECRET) for one in received)
    assert received[1].json["first_name"] == "Ann"
    assert {name: value for name, value in received[2].json.items() if name != "_links"} == {
        name: value for name, value in order.items() if name != "_links"
    }
    headers = received[2].headers
    assert (headers["x-wc-webhook-resource"], headers["x-wc-webhook-event"]) == ("order", "created")
    assert headers["x-wc-webhook-source"].endswith("/")
    assert headers["x-wc-webhook-id"] != received[0].headers["x-wc-webhook-id"]


def test_a_deletion_sends_only_the_id_once(shop: Shop, receiver: Receiver) -> None:
    id = shop.post("/orders")["id"]
    shop.http.delete(f"/orders/{id}")
    shop.put(f"/orders/{id}", status="pending")
    shop.http.delete(f"/orders/{id}")
    shop.http.delete(f"/orders/{id}", params={"force": "true"})
    customer = shop.post("/customers", email="ann@example.com")["id"]
    shop.http.delete(f"/customers/{customer}", params={"force": "true"})
    received = receiver.wait(6)
    expected = [
        "order.created",
        "order.deleted",
        "order.restored",
        "order.deleted",
        "customer.created",
        "customer.deleted",
    ]
    assert topics(received) == expected
    assert received[1].json == {"id": id}
    assert received[5].json == {"id": customer}


def test_a_refund_is_sent_as_a_change_of_its_order(shop: Shop, receiver: Receiver) -> None:
    id = shop.post("/orders", line_items=[{"product_id": 11}], status="completed")["id"]
    shop.post(f"/orders/{id}/refunds", amount="1.00")
    received = receiver.wait(2)
    assert topics(received) == ["order.created", "order.updated"]
    assert received[1].json["refunds"][0]["total"] == "-1.00"


def test_a_new_webhook_is_pinged_by_a_form_without_a_signature(shop: Shop, receiver: Receiver) -> None:
    made = shop.post("/webhooks", topic="order.updated", delivery_url="http://receiver.example/")
    assert (made["resource"], made["event"], made["status"]) == ("order", "updated", "active")
    (ping,) = receiver.wait(1)
    assert ping.body == f"webhook_id={made['id']}".encode()
    assert ping.headers["content-type"] == "application/x-www-form-urlencoded"
    assert not any(name.startswith("x-wc-webhook") for name in ping.headers)
    assert shop.get(f"/webhooks/{made['id']}")["topic"] == "order.updated"
    refused = shop.http.post("/webhooks", json={"topic": "order.lost", "delivery_url": "http://receiver.example/"})
    assert refused.status_code == 400
