"""Stripe's webhooks: Stripe's own package accepts their signatures."""

from typing import Any

import pytest
import stripe

from ..conftest import SECRET, RunningEmulators
from ..receiver import Received, Receiver
from .conftest import Shop


@pytest.fixture(autouse=True)
def subscribed(emulators: RunningEmulators, receiver: Receiver) -> None:
    """Stripe knows the receiver."""
    emulators.subscribe("stripe", receiver.url_of("stripe"))


def proven(received: list[Received]) -> list[Any]:
    """The events, each with a signature that holds."""
    return [stripe.Webhook.construct_event(one.body, one.headers["stripe-signature"], SECRET) for one in received]


def test_every_change_of_a_customer_is_sent(shop: Shop, receiver: Receiver) -> None:
    made = shop.customer(name="Ann", metadata={"tier": "gold"})
    shop.sdk.customers.update(made.id, {"name": "Ann Lee"})
    shop.sdk.customers.delete(made.id)
    events = proven(receiver.wait(3))
    assert [event.type for event in events] == ["customer.created", "customer.updated", "customer.deleted"]
    assert {event.data.object.id for event in events} == {made.id}
    assert events[1].data.previous_attributes.to_dict() == {"name": "Ann"}
    assert events[2].data.object.name == "Ann Lee"
    assert events[0].api_version == "2026-10-28.endive"


def test_the_states_of_an_invoice_are_sent(shop: Shop, receiver: Receiver) -> None:
    customer = shop.customer(name="Ann")
    invoice = shop.sdk.invoices.create({"customer": customer.id, "currency": "eur"})
    item: Any = {"customer": customer.id, "invoice": invoice.id, "amount": 500, "currency": "eur"}
    shop.sdk.invoice_items.create(item)
    shop.sdk.invoices.finalize_invoice(invoice.id)
    shop.sdk.invoices.pay(invoice.id)
    types = [event.type for event in proven(receiver.wait(10)) if event.type.startswith("invoice.")]
    assert types == [
        "invoice.created",
        "invoice.updated",
        "invoice.updated",
        "invoice.finalized",
        "invoice.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
    ]


def test_a_checkout_is_sent_when_it_ends(shop: Shop, receiver: Receiver) -> None:
    session = shop.checkout()
    shop.sdk.checkout.sessions.expire(session.id)
    placed = {"id": "cs_test_paid", "status": "complete", "line_items": {"data": [{"id": "li_1"}]}}
    shop.emulators.place("stripe", "checkout_sessions", placed)
    expired, completed = proven(receiver.wait(2))
    assert (expired.type, expired.data.object.id) == ("checkout.session.expired", session.id)
    assert (completed.type, completed.data.object.id) == ("checkout.session.completed", "cs_test_paid")
    assert not any(name.startswith("_") for name in receiver.got[1].json["data"]["object"])
