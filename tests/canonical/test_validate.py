"""What a well-formed write is still refused for: all of it at once, a pointer each."""

import time
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from canonical.customer import CustomerPatch
from canonical.order_patch import OrderPatch
from canonical.ticket import CommentPatch, TicketPatch
from canonical.validate import patch_errors


def pointers(into: type[Struct], body: dict[str, Any]) -> list[str]:
    """Where the checks find fault with a body that decodes."""
    return [error.pointer for error in patch_errors(msgspec.convert(body, into))]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"emails": None, "phones": None, "addresses": None, "tags": [], "language": None, "currency": None},
        {"emails": [{"address": " Ann@Example.com "}, {"address": "b@example.com", "is_primary": True}]},
        {"phones": [{"e164": "+441174960123", "is_primary": True}, {"raw": "030 123456"}]},
        {"addresses": [{"country_code": "XK", "is_default": True}, {"city": "Bristol"}]},
        {"language": "pt-br", "timezone": "Europe/Berlin", "currency": "JPY"},
        {"consents": [{"channel": "email", "state": "opted_in"}, {"channel": "sms", "state": "opted_out"}]},
    ],
)
def test_customers_that_may_be_written(body: dict[str, Any]) -> None:
    assert pointers(CustomerPatch, body) == []


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"emails": [{"address": "ann"}]}, ["/emails/0/address"]),
        ({"emails": [{"address": "a@example.com"}, {"address": "A@example.com "}]}, ["/emails/1/address"]),
        (
            {"emails": [{"address": f"{name}@example.com", "is_primary": True} for name in "ab"]},
            ["/emails"],
        ),
        ({"phones": [{"type": "mobile"}, {"raw": " "}]}, ["/phones/0", "/phones/1"]),
        ({"phones": [{"e164": "+49 30 123456"}, {"e164": "030123456"}]}, ["/phones/0/e164", "/phones/1/e164"]),
        ({"addresses": [{"country_code": "Germany"}]}, ["/addresses/0/country_code"]),
        ({"addresses": [{"country_code": "de"}]}, ["/addresses/0/country_code"]),
        ({"addresses": [{"country_code": "EU"}]}, ["/addresses/0/country_code"]),
        ({"addresses": [{"is_default": True}, {"is_default": True}]}, ["/addresses"]),
        (
            {"language": "german", "timezone": "CEST", "currency": "EURO"},
            ["/language", "/timezone", "/currency"],
        ),
        ({"currency": "XXX"}, ["/currency"]),
        ({"tax_ids": [{"type": "eu_vat", "value": "1", "country_code": "ZZ"}]}, ["/tax_ids/0/country_code"]),
        ({"consents": [{"channel": "email", "state": "opted_in"}] * 2}, ["/consents/1/channel"]),
        ({"custom_fields": [{"key": "tier", "value": "gold"}] * 3}, ["/custom_fields/1/key", "/custom_fields/2/key"]),
    ],
)
def test_customers_that_are_refused(body: dict[str, Any], wrong: list[str]) -> None:
    assert pointers(CustomerPatch, body) == wrong


@pytest.mark.parametrize(
    ("moment", "exists"),
    [
        ("0001-01-01T00:00:00+02:00", False),
        ("9999-12-31T23:59:59-02:00", False),
        ("0001-01-01T00:00:00Z", True),
        ("9999-12-31T23:59:59+02:00", True),
    ],
)
def test_a_time_that_does_not_exist_in_utc_is_refused(moment: str, exists: bool) -> None:
    consent = {"channel": "email", "state": "opted_in", "collected_at": moment}
    assert pointers(OrderPatch, {"placed_at": moment}) == ([] if exists else ["/placed_at"])
    assert pointers(TicketPatch, {"due_at": moment}) == ([] if exists else ["/due_at"])
    assert pointers(CustomerPatch, {"consents": [consent]}) == ([] if exists else ["/consents/0/collected_at"])


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"currency": "EUR", "line_items": [{"name": "Mug", "quantity": "2", "unit_price": "19.901"}]}, []),
        ({"line_items": [{"product": {"variant_remote_id": "1"}, "quantity": "0.5"}]}, []),
        ({"line_items": None, "customer": None, "shipping_address": None}, []),
        ({"currency": "ABC", "presentment_currency": "XTS"}, ["/currency", "/presentment_currency"]),
        ({"customer": {}}, ["/customer"]),
        ({"customer": {"name": "Ann"}}, []),
        ({"customer": {"email": "ann"}}, ["/customer/email"]),
        ({"billing_address": {"country_code": "UK"}}, ["/billing_address/country_code"]),
        ({"line_items": [{"quantity": "1"}]}, ["/line_items/0"]),
        ({"line_items": [{"name": "Mug", "quantity": "1"}]}, ["/line_items/0/unit_price"]),
        ({"line_items": [{"product": {"variant_remote_id": "1"}, "quantity": "0"}]}, []),
        (
            {
                "line_items": [
                    {
                        "product": {"variant_remote_id": "1"},
                        "quantity": "1",
                        "custom_fields": [{"key": "a", "value": 1}] * 2,
                    }
                ]
            },
            ["/line_items/0/custom_fields/1/key"],
        ),
        (
            {"line_items": [{"name": "Mug", "quantity": "-1", "unit_price": "-1"}]},
            ["/line_items/0/quantity"],
        ),
        ({"line_items": [{"name": "Mug", "quantity": "999999", "unit_price": "99999999999999"}]}, ["/line_items"]),
        ({"line_items": [{"name": "Mug", "quantity": "1", "unit_price": "-999999999999999"}] * 2}, ["/line_items"]),
        ({"line_items": [{"name": "Mug", "quantity": "1", "unit_price": "999999999999999"}]}, []),
        ({"line_items": [{"name": "Mug", "quantity": "0.5", "unit_price": "999999999999999.5"}]}, ["/line_items"]),
        (
            {
                "line_items": [{"name": "Mug", "quantity": "1", "unit_price": "999999999999999"}],
                "shipping_lines": [{"title": "Post", "price": "1.5"}],
            },
            [""],
        ),
        ({"fees": [{"amount": "-600000000000000"}], "discounts": [{"amount": "600000000000000"}]}, [""]),
        ({"line_items": [{"name": "Mug", "quantity": "1", "unit_price": "-1", "tax": "-0.2"}]}, []),
        ({"line_items": [{"name": "Mug", "quantity": "1", "unit_price": "1", "tax": "-0.2"}]}, ["/line_items/0/tax"]),
        ({"fees": [{"amount": "-10", "tax": "-1.9"}, {"amount": "10", "tax": "-1.9"}]}, ["/fees/1/tax"]),
        ({"fees": [{"amount": "-9", "tax": "-600000000000000"}], "discounts": [{"amount": "600000000000000"}]}, [""]),
        ({"currency": "JPY", "discounts": [{"amount": "1.5"}]}, ["/discounts/0/amount"]),
        ({"discounts": [{"amount": "-1.5"}]}, ["/discounts/0/amount"]),
        (
            {"currency": "KWD", "shipping_lines": [{"title": "Post", "price": "1.2345", "tax": "-1"}]},
            ["/shipping_lines/0/price", "/shipping_lines/0/tax"],
        ),
    ],
)
def test_orders(body: dict[str, Any], wrong: list[str]) -> None:
    assert pointers(OrderPatch, body) == wrong


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"subject": "Crack", "requester": {"email": "ann@example.com", "name": "Ann"}}, []),
        ({"requester": None, "followers": None, "orders": [{"id": "ord_1"}]}, []),
        ({"requester": {"name": "Ann"}}, ["/requester"]),
        ({"requester": {"email": "ann@"}}, ["/requester/email"]),
        ({"followers": [{"kind": "cc"}, {"email": "x"}]}, ["/followers/0", "/followers/1/email"]),
        ({"description": "a", "description_html": "<p>a</p>"}, []),
        ({"description": None, "description_html": "<p>a</p>"}, []),
        ({"orders": [{"id": "ord_1"}, {"phone": "1"}]}, ["/orders/1"]),
    ],
)
def test_tickets(body: dict[str, Any], wrong: list[str]) -> None:
    assert pointers(TicketPatch, body) == wrong


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"body_text": "Hello"}, []),
        ({"body_html": "<p>Hello</p>", "visibility": "private"}, []),
        ({}, ["/body_text"]),
        ({"body_text": "a", "body_html": "b"}, []),
        ({"body_text": " \n"}, ["/body_text"]),
        ({"body_html": ""}, ["/body_html"]),
        ({"body_text": "a", "visibility": "unknown"}, ["/visibility"]),
    ],
)
def test_comments(body: dict[str, Any], wrong: list[str]) -> None:
    assert pointers(CommentPatch, body) == wrong


def test_all_patch_errors_are_reported_at_once() -> None:
    body = {"emails": [{"address": "x"}], "language": "german", "addresses": [{"country_code": "Q"}]}
    assert pointers(CustomerPatch, body) == ["/emails/0/address", "/addresses/0/country_code", "/language"]


def test_the_largest_body_is_judged_in_little_time() -> None:
    """A body may be 1 MiB: no check may take more than linear time."""
    body = {"custom_fields": [{"key": f"k{number}", "value": 1} for number in range(40_000)]}
    began = time.thread_time()
    assert pointers(CustomerPatch, body) == []
    assert time.thread_time() - began < 2
