"""`orderCreate`: the amounts, the people, the statuses, and what it refuses."""

import pytest

from .conftest import Shop, amount, line, money


def test_shopifys_own_example_with_tax_lines(shop: Shop) -> None:
    """Three pairs of boots in euro, taxed with 13.50, paid in full."""
    tax = {"title": "State tax", "rate": 0.06, "priceSet": money(13.5, "EUR")}
    order = shop.order(
        currency="EUR",
        lineItems=[
            {"title": "Big Brown Bear Boots", "quantity": 3, "priceSet": money(74.99, "EUR"), "taxLines": [tax]}
        ],
        transactions=[{"kind": "SALE", "status": "SUCCESS", "amountSet": money(238.47, "EUR")}],
    )
    assert (order["currencyCode"], order["presentmentCurrencyCode"]) == ("EUR", "EUR")
    assert amount(order["totalTaxSet"]) == "13.5"
    assert order["totalPriceSet"]["shopMoney"] == {"amount": "238.47", "currencyCode": "EUR"}
    assert order["displayFinancialStatus"] == "PAID"
    assert (amount(order["totalReceivedSet"]), amount(order["totalOutstandingSet"])) == ("238.47", "0.0")
    (item,) = order["lineItems"]["nodes"]
    assert [amount(one["priceSet"]) for one in item["taxLines"]] == ["13.5"]


def test_part_of_the_price_is_paid(shop: Shop) -> None:
    order = shop.order(lineItems=[line(price="199.00")], transactions=[{"amountSet": money("50.00")}])
    assert (order["displayFinancialStatus"], amount(order["totalOutstandingSet"])) == ("PARTIALLY_PAID", "149.0")
    (transaction,) = order["transactions"]
    assert (transaction["kind"], transaction["status"]) == ("SALE", "SUCCESS")


def test_a_discount_on_the_order_shows_in_allocations_alone(shop: Shop) -> None:
    """10.00 over three equal lines is 3.34, 3.33, 3.33, as in Shopify's example."""
    order = shop.order(
        lineItems=[line(price="199.00") for _ in range(3)],
        discountCode={"itemFixedDiscountCode": {"code": "TENOFF", "amountSet": money("10.00")}},
    )
    lines = order["lineItems"]["nodes"]
    allocations = [one for each in lines for one in each["discountAllocations"]]
    assert [amount(one["allocatedAmountSet"]) for one in allocations] == ["3.34", "3.33", "3.33"]
    assert allocations[0]["discountApplication"] == {"index": 0, "code": "TENOFF", "value": {"amount": "10.0"}}
    assert (amount(order["totalDiscountsSet"]), amount(order["totalPriceSet"])) == ("10.0", "587.0")


def test_a_discount_is_never_more_than_the_items(shop: Shop) -> None:
    order = shop.order(
        lineItems=[line(price="20.00")],
        discountCode={"itemFixedDiscountCode": {"code": "ALL", "amountSet": money("50.00")}},
        shippingLines=[{"title": "Post", "priceSet": money("5.00")}],
    )
    assert (amount(order["totalDiscountsSet"]), amount(order["totalPriceSet"])) == ("20.0", "5.0")


def test_free_shipping(shop: Shop) -> None:
    order = shop.order(
        lineItems=[line(price="20.00")],
        discountCode={"freeShippingDiscountCode": {"code": "FREE"}},
        shippingLines=[{"title": "Post", "priceSet": money("5.00")}],
    )
    (shipping,) = order["shippingLines"]["nodes"]
    assert amount(shipping["originalPriceSet"]) == "5.0"
    assert (amount(order["totalShippingPriceSet"]), amount(order["totalDiscountsSet"])) == ("0.0", "5.0")
    assert amount(order["totalPriceSet"]) == "20.0"


@pytest.mark.parametrize(("included", "total"), [(False, "163.0"), (True, "155.0")], ids=["added", "included"])
def test_taxes_of_lines_and_shipping_are_summed_up(shop: Shop, included: bool, total: str) -> None:
    order = shop.order(
        taxesIncluded=included,
        lineItems=[
            line(price="100.00", taxLines=[{"title": "VAT", "rate": "0.05", "priceSet": money("5.00")}]),
            line(price="50.00", taxLines=[{"title": "VAT", "rate": "0.05", "priceSet": money("2.50")}]),
        ],
        shippingLines=[
            {
                "title": "Post",
                "priceSet": money("5.00"),
                "taxLines": [{"title": "VAT", "rate": "0.1", "priceSet": money("0.50")}],
            }
        ],
    )
    assert (amount(order["totalTaxSet"]), amount(order["totalPriceSet"])) == ("8.0", total)


def test_the_rest_of_an_order(shop: Shop) -> None:
    order = shop.order(
        name="EXT-77",
        note="Ring twice",
        tags=["b", "A", "a"],
        email="Ida@Example.com",
        phone="+14155552671",
        test=True,
        processedAt="2026-01-05T10:00:00+02:00",
        customAttributes=[{"key": "gift", "value": "yes"}],
        shippingAddress={
            "firstName": "Ida",
            "lastName": "Morrow",
            "city": "Ottawa",
            "countryCode": "CA",
            "province": "Ontario",
        },
        billingAddress={
            "firstName": "Ida",
            "lastName": "Morrow",
            "city": "Ottawa",
            "countryCode": "CA",
            "province": "Ontario",
        },
        lineItems=[
            line(
                sku="K-1",
                properties=[{"name": "engraving", "value": "I.M."}],
                variantId="gid://shopify/ProductVariant/12",
                productId="gid://shopify/Product/11",
            )
        ],
    )
    assert order["name"] == "EXT-77"
    assert (order["note"], order["tags"], order["test"]) == ("Ring twice", ["A", "b"], True)
    assert (order["email"], order["phone"]) == ("ida@example.com", "+14155552671")
    assert order["processedAt"] == "2026-01-05T08:00:00Z"
    assert order["createdAt"] > order["processedAt"]
    assert order["customAttributes"] == [{"key": "gift", "value": "yes"}]
    assert (order["shippingAddress"]["countryCodeV2"], order["shippingAddress"]["provinceCode"]) == ("CA", "ON")
    (item,) = order["lineItems"]["nodes"]
    assert (item["name"], item["sku"]) == ("Kettle", "K-1")
    assert item["customAttributes"] == [{"key": "engraving", "value": "I.M."}]
    assert item["product"] == {"id": "gid://shopify/Product/11"}
    assert item["variant"] == {"id": "gid://shopify/ProductVariant/12"}


def test_orders_are_numbered(shop: Shop) -> None:
    first, second = shop.order(), shop.order()
    assert int(second["name"].removeprefix("#")) == int(first["name"].removeprefix("#")) + 1
    assert (first["displayFinancialStatus"], first["displayFulfillmentStatus"]) == ("PENDING", "UNFULFILLED")
    assert first["customer"] is None


def test_part_of_an_order_is_fulfilled(shop: Shop) -> None:
    order = shop.order(lineItems=[line(), line()], fulfillmentStatus="PARTIAL")
    assert order["displayFulfillmentStatus"] == "PARTIALLY_FULFILLED"
    assert [item["unfulfilledQuantity"] for item in order["lineItems"]["nodes"]] == [0, 1]


def test_the_buyer_is_found(shop: Shop) -> None:
    ida = shop.customer(email="ida@example.com", firstName="Ida")
    order = shop.order(customer={"toAssociate": {"id": ida["id"]}})
    assert (order["customer"]["id"], order["email"]) == (ida["id"], "ida@example.com")
    other = shop.order(customer={"toAssociate": {"id": ida["id"]}}, email="other@example.com")
    assert (other["customer"]["numberOfOrders"], other["email"]) == ("2", "other@example.com")
