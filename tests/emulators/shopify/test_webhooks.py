"""What Shopify tells its subscribers: the record, in the shape of the REST API."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from mappings.shopify import VENDOR
from mappings.shopify.wire_2026_07 import Account
from mappings.spec import Mapped, decode

from ..conftest import SECRET, RunningEmulators
from ..receiver import Received, Receiver, is_from
from .conftest import Shop, line, money

ZONED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d-0[45]:00")


@pytest.fixture(autouse=True)
def subscribed(emulators: RunningEmulators, receiver: Receiver) -> Iterator[None]:
    """Shopify knows the receiver."""
    emulators.subscribe("shopify", receiver.url_of("shopify"))
    yield
    assert all(is_from("shopify", one, receiver.url_of("shopify"), SECRET) for one in receiver.got)


def topics(received: list[Received]) -> list[str]:
    return [one.headers["x-shopify-topic"] for one in received]


def test_a_customer_is_created_updated_and_deleted(shop: Shop, receiver: Receiver) -> None:
    customer = shop.customer(firstName="Mo", email="mo@example.com", tags=["b", "a"], addresses=[{"city": "Kent"}])
    body = receiver.wait()[0].json
    number = int(customer["id"].rpartition("/")[2])
    assert (body["id"], body["admin_graphql_api_id"]) == (number, customer["id"])
    assert (body["first_name"], body["email"], body["tags"]) == ("Mo", "mo@example.com", "a, b")
    assert (body["state"], body["addresses"][0]["city"]) == ("disabled", "Kent")
    assert body["addresses"][0] == body["default_address"]
    assert body["email_marketing_consent"]["state"] == "not_subscribed"
    assert not {"orders_count", "total_spent"} & set(body)
    assert ZONED.fullmatch(body["created_at"])
    _mutate(shop, "customerUpdate", "CustomerInput", {"id": customer["id"], "note": "Likes tea"})
    assert receiver.wait(2)[1].json["note"] == "Likes tea"
    _mutate(shop, "customerDelete", "CustomerDeleteInput", {"id": customer["id"]})
    assert topics(receiver.wait(3)) == ["customers/create", "customers/update", "customers/delete"]
    assert receiver.got[2].json["id"] == number


def test_every_header_is_there(shop: Shop, receiver: Receiver) -> None:
    shop.order(transactions=[{"kind": "SALE", "status": "SUCCESS", "amountSet": money("20.00")}])
    created, paid = receiver.wait(2)
    assert topics([created, paid]) == ["orders/create", "orders/paid"]
    assert created.headers["x-shopify-shop-domain"] == "lockstitch-dev.myshopify.com"
    assert created.headers["x-shopify-api-version"] == "2026-07"
    assert created.headers["x-shopify-triggered-at"].endswith("Z")
    assert created.headers["x-shopify-event-id"] == paid.headers["x-shopify-event-id"]
    assert created.headers["x-shopify-webhook-id"] != paid.headers["x-shopify-webhook-id"]
    assert created.body == paid.body


def test_an_order_webhook_has_lines_sums_and_customer(shop: Shop, receiver: Receiver) -> None:
    order = shop.order(
        email="mo@example.com",
        lineItems=[
            line("Kettle", "20.00", 2, sku="K-1", taxLines=[{"title": "VAT", "rate": 0.1, "priceSet": money("3.60")}]),
            line("Lid", "4.50"),
        ],
        shippingLines=[{"title": "Post", "priceSet": money("5.00")}],
        discountCode={"itemFixedDiscountCode": {"code": "TEN", "amountSet": money("4.45")}},
        customer={"toAssociate": {"id": shop.customer(email="mo@example.com")["id"]}},
        billingAddress={"city": "Kent", "countryCode": "US"},
        customAttributes=[{"key": "gift", "value": "yes"}],
    )
    received = receiver.wait(2)
    assert topics(received) == ["customers/create", "orders/create"]
    body = received[1].json
    assert (body["name"], f"#{body['order_number']}", body["currency"]) == (order["name"], order["name"], "USD")
    assert (body["financial_status"], body["fulfillment_status"]) == ("pending", None)
    assert [(one["title"], one["quantity"], one["price"]) for one in body["line_items"]] == [
        ("Kettle", 2, "20.00"),
        ("Lid", 1, "4.50"),
    ]
    assert (body["line_items"][0]["sku"], body["line_items"][0]["tax_lines"][0]["price"]) == ("K-1", "3.60")
    assert [one["discount_allocations"][0]["amount"] for one in body["line_items"]] == ["4.00", "0.45"]
    assert body["discount_codes"] == [{"code": "TEN", "amount": "4.45", "type": "fixed_amount"}]
    assert (body["total_line_items_price"], body["total_discounts"], body["total_tax"]) == ("44.50", "4.45", "3.60")
    assert (body["total_price"], body["total_outstanding"]) == ("48.65", "48.65")
    assert body["total_shipping_price_set"]["shop_money"] == {"amount": "5.00", "currency_code": "USD"}
    assert body["customer"]["email"] == "mo@example.com"
    assert body["billing_address"]["country_code"] == "US"
    assert body["note_attributes"] == [{"name": "gift", "value": "yes"}]
    assert "metafields" not in body


def test_a_cancelled_order_is_sent_without_a_further_call(shop: Shop, receiver: Receiver) -> None:
    order = shop.order(transactions=[{"kind": "SALE", "status": "SUCCESS", "amountSet": money("20.00")}])
    receiver.wait(2)
    shop.cancel(order["id"], method={"originalPaymentMethodsRefund": True})
    received = receiver.wait(4)[2:]
    assert topics(received) == ["orders/updated", "orders/cancelled"]
    body = received[1].json
    assert (body["cancel_reason"], body["financial_status"], body["total_outstanding"]) == (
        *("customer", "refunded", "0.00"),
    )
    assert ZONED.fullmatch(body["cancelled_at"])
    refund = body["refunds"][0]
    assert [(one["kind"], one["status"], one["amount"]) for one in refund["transactions"]] == [
        ("refund", "success", "20.00")
    ]
    assert [(one["quantity"], one["subtotal"]) for one in refund["refund_line_items"]] == [(1, 20.0)]


def test_a_fulfilled_order_says_how_its_parcel_travels(shop: Shop, receiver: Receiver) -> None:
    parcel = {
        "trackingInfo": [{"number": "T1", "company": "Post"}],
        "fulfillmentLineItems": [{"quantity": 1, "lineItem": {"name": "Kettle"}}],
    }
    order = {"displayFulfillmentStatus": "FULFILLED", "fulfillments": [parcel]}
    shop.emulators.place("shopify", "Order", order)
    received = receiver.wait(2)
    assert topics(received) == ["orders/create", "orders/fulfilled"]
    body = received[0].json
    assert body["fulfillment_status"] == "fulfilled"
    parcel = body["fulfillments"][0]
    assert (parcel["status"], parcel["tracking_numbers"], parcel["tracking_company"]) == ("success", ["T1"], "Post")
    assert parcel["line_items"][0]["quantity"] == 1


def test_a_changed_order_is_an_update_and_a_payment_is_both(shop: Shop, receiver: Receiver) -> None:
    order = shop.order()
    _mutate(shop, "orderUpdate", "OrderInput", {"id": order["id"], "tags": ["vip"]})
    (stored,) = shop.emulators.records("shopify", "Order")
    shop.emulators.place("shopify", "Order", {**stored, "displayFinancialStatus": "PAID"})
    received = receiver.wait(4)
    assert topics(received) == ["orders/create", "orders/updated", "orders/updated", "orders/paid"]
    assert received[1].json["tags"] == "vip"
    assert received[3].json["financial_status"] == "paid"


def test_a_refused_mutation_and_a_query_tell_nothing(shop: Shop, emulators: RunningEmulators) -> None:
    assert shop.create_customer()["userErrors"]
    shop.data("{ customers(first: 1) { nodes { id } } }")
    assert emulators.sent("shopify") == []


def test_a_placed_order_with_nonsense_in_it_breaks_no_sending(
    shop: Shop, emulators: RunningEmulators, receiver: Receiver
) -> None:
    emulators.place("shopify", "Order", {"name": "#7", "lineItems": [3, None], "customer": "x", "createdAt": "soon"})
    emulators.place("shopify", "Customer", {"firstName": "Mo"})
    received = receiver.wait(2)
    assert topics(received) == ["orders/create", "customers/create"]
    assert (received[0].json["line_items"], received[0].json["created_at"]) == ([], None)


def test_the_bodies_mean_what_the_records_mean(shop: Shop, receiver: Receiver) -> None:
    order = shop.order(
        lineItems=[line("Kettle", "20.00", 2)],
        discountCode={"itemFixedDiscountCode": {"code": "FIVE", "amountSet": money("5.00")}},
        customer={"toAssociate": {"id": shop.customer(email="mo@example.com", firstName="Mo")["id"]}},
    )
    customer, created = receiver.wait(2)
    read = _understood("order", created).data
    assert (read.number, read.totals.total) == (order["name"], "35.00")
    assert read.totals.discount == "5.00"
    assert _understood("customer", customer).data.emails[0].address == "mo@example.com"


def _mutate(shop: Shop, mutation: str, kind: str, members: dict[str, Any]) -> None:
    document = f"mutation($input: {kind}!) {{ {mutation}(input: $input) {{ userErrors {{ message }} }} }}"
    assert shop.data(document, input=members)[mutation]["userErrors"] == []


def _understood(object: str, received: Received) -> Mapped[Any]:
    mapping: Any = next(one for one in VENDOR.mappings if one.object == object)
    names = frozenset(msgspec.json.decode(received.body, type=dict[str, msgspec.Raw]))
    shape = next(one for one in mapping.shapes if one.matches(names))
    return shape.to_canonical(decode(received.body, shape.record), Account(currency="USD"))
