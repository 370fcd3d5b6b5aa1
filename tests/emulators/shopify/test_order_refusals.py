"""What `orderCreate` refuses, and how it says so."""

import pytest

from .conftest import Json, Shop, line, money


@pytest.mark.parametrize(
    ("members", "field", "code"),
    [
        ({"lineItems": []}, ["order", "lineItems"], "INVALID"),
        ({"lineItems": [line(quantity=0)]}, ["order", "lineItems", "0", "quantity"], "INVALID"),
        ({"lineItems": [{"quantity": 1, "priceSet": money(1)}]}, ["order", "lineItems", "0", "title"], "INVALID"),
        ({"lineItems": [{"quantity": 1, "title": "Kettle"}]}, ["order", "lineItems", "0", "priceSet"], "INVALID"),
        (
            {"lineItems": [{"quantity": 1, "title": "Kettle", "priceSet": money(1, "EUR")}]},
            ["order", "lineItems", "0", "priceSet", "shopMoney", "currencyCode"],
            "INVALID",
        ),
        ({"lineItems": [line(price="-1")]}, ["order", "lineItems", "0", "priceSet", "shopMoney", "amount"], "INVALID"),
        ({"processedAt": "2099-01-01T00:00:00Z"}, ["order", "processedAt"], "PROCESSED_AT_INVALID"),
        (
            {"customer": {"toAssociate": {"id": "gid://shopify/Customer/1"}}},
            ["order", "customer", "toAssociate", "id"],
            "INVALID",
        ),
        (
            {"discountCode": {"freeShippingDiscountCode": {"code": "A"}, "itemFixedDiscountCode": {"code": "B"}}},
            ["order", "discountCode"],
            "INVALID",
        ),
        ({"tags": ["x" * 256]}, ["order", "tags"], "INVALID"),
    ],
)
def test_refusals(shop: Shop, members: Json, field: list[str], code: str) -> None:
    payload = shop.create_order(**members)
    assert payload["order"] is None
    assert [(error["field"], error["code"]) for error in payload["userErrors"]] == [(field, code)]
    assert shop.emulators.records("shopify", "Order") == []
    assert shop.emulators.records("shopify", "Customer") == []


def test_everything_that_is_wrong_is_said_at_once(shop: Shop) -> None:
    payload = shop.create_order(lineItems=[line(quantity=0), line(price="-1")], processedAt="2099-01-01T00:00:00Z")
    assert len(payload["userErrors"]) == 3
