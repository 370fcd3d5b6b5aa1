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
    assert amount(order["subtotalPriceSet"]) == "224.97"
    assert amount(order["totalTaxSet"]) == "13.5"
    assert order["totalPriceSet"]["shopMoney"] == {"amount": "238.47", "currencyCode": "EUR"}
    assert (order["displayFinancialStatus"], order["fullyPaid"]) == ("PAID", True)
    assert (amount(order["totalReceivedSet"]), amount(order["totalOutstandingSet"])) == ("238.47", "0.0")
    assert [(one["title"], one["rate"], amount(one["priceSet"])) for one in order["taxLines"]] == [
        ("State tax", 0.06, "13.5")
    ]
    assert order["paymentGatewayNames"] == [""]


def test_part_of_the_price_is_paid(shop: Shop) -> None:
    order = shop.order(
        lineItems=[line(price="199.00")], transactions=[{"amountSet": money("50.00"), "gateway": "manual"}]
    )
    assert (order["displayFinancialStatus"], amount(order["totalOutstandingSet"])) == ("PARTIALLY_PAID", "149.0")
    assert (order["fullyPaid"], order["unpaid"], order["canMarkAsPaid"]) == (False, False, True)
    (transaction,) = order["transactions"]
    assert (transaction["kind"], transaction["status"], transaction["gateway"]) == ("SALE", "SUCCESS", "manual")


def test_a_given_status_overrides_the_transactions(shop: Shop) -> None:
    """As in Shopify's example: `paid`, with 50 of 181.09 received."""
    order = shop.order(
        lineItems=[line(price="199.00")],
        discountCode={"itemPercentageDiscountCode": {"code": "FAKE30", "percentage": 9.0}},
        transactions=[{"amountSet": money(50.0)}],
        financialStatus="PAID",
    )
    assert (amount(order["totalDiscountsSet"]), amount(order["totalPriceSet"])) == ("17.91", "181.09")
    assert (order["displayFinancialStatus"], amount(order["totalOutstandingSet"])) == ("PAID", "131.09")


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
    assert [amount(each["totalDiscountSet"]) for each in lines] == ["0.0"] * 3
    assert [amount(each["plain"]) for each in lines] == ["199.0"] * 3
    assert [amount(each["coded"]) for each in lines] == ["195.66", "195.67", "195.67"]
    assert (amount(order["totalDiscountsSet"]), amount(order["subtotalPriceSet"])) == ("10.0", "587.0")
    assert (order["discountCode"], order["discountCodes"]) == ("TENOFF", ["TENOFF"])


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
    assert (amount(shipping["originalPriceSet"]), amount(shipping["discountedPriceSet"])) == ("5.0", "0.0")
    assert (amount(order["totalShippingPriceSet"]), amount(order["totalDiscountsSet"])) == ("0.0", "5.0")
    assert (amount(order["subtotalPriceSet"]), amount(order["totalPriceSet"])) == ("20.0", "20.0")


@pytest.mark.parametrize(
    ("included", "tax", "total"), [(False, "20.0", "120.0"), (True, "16.67", "100.0")], ids=["added", "included"]
)
def test_taxes_without_a_price_follow_from_their_rate(shop: Shop, included: bool, tax: str, total: str) -> None:
    order = shop.order(
        taxesIncluded=included,
        lineItems=[line(price="50.00", quantity=2, taxLines=[{"title": "VAT", "rate": "0.2"}])],
    )
    assert (amount(order["totalTaxSet"]), amount(order["totalPriceSet"])) == (tax, total)


def test_taxes_on_the_whole_order(shop: Shop) -> None:
    order = shop.order(
        lineItems=[line(price="100.00")],
        shippingLines=[{"title": "Post", "priceSet": money("10.00")}],
        taxLines=[{"title": "GST", "rate": 0.1}],
    )
    assert (amount(order["totalTaxSet"]), amount(order["totalPriceSet"])) == ("11.0", "121.0")
    assert order["lineItems"]["nodes"][0]["taxLines"] == []


def test_taxes_of_lines_and_shipping_are_summed_up_by_title_and_rate(shop: Shop) -> None:
    vat = {"title": "VAT", "rate": "0.1"}
    order = shop.order(
        lineItems=[
            line(price="100.00", taxLines=[vat]),
            line(price="50.00", taxLines=[vat, {"title": "Eco", "rate": 0.01}]),
        ],
        shippingLines=[{"title": "Post", "priceSet": money("10.00"), "taxLines": [vat]}],
    )
    assert {one["title"]: amount(one["priceSet"]) for one in order["taxLines"]} == {"VAT": "16.0", "Eco": "0.5"}
    assert (amount(order["totalTaxSet"]), amount(order["totalPriceSet"])) == ("16.5", "176.5")


def test_two_currencies(shop: Shop) -> None:
    order = shop.order(
        presentmentCurrency="JPY",
        lineItems=[{"title": "Kettle", "quantity": 2, "priceSet": money("10.00", seen="1500", seen_in="JPY")}],
    )
    assert order["totalPriceSet"] == {
        "shopMoney": {"amount": "20.0", "currencyCode": "USD"},
        "presentmentMoney": {"amount": "3000.0", "currencyCode": "JPY"},
    }
    assert order["presentmentCurrencyCode"] == "JPY"


def test_the_rest_of_an_order(shop: Shop) -> None:
    order = shop.order(
        name="EXT-77",
        note="Ring twice",
        tags=["b", "A", "a"],
        email="Ida@Example.com",
        phone="+14155552671",
        poNumber="PO-7",
        sourceName="erp",
        sourceIdentifier="erp-77",
        test=True,
        processedAt="2026-01-05T10:00:00+02:00",
        customAttributes=[{"key": "gift", "value": "yes"}],
        shippingAddress={
            "firstName": "Ida",
            "lastName": "Morrow",
            "city": "Ottawa",
            "country": "Canada",
            "province": "Ontario",
        },
        billingAddress={
            "firstName": "Ida",
            "lastName": "Morrow",
            "city": "Ottawa",
            "country": "Canada",
            "province": "Ontario",
        },
        lineItems=[
            line(
                sku="K-1",
                variantTitle="Blue",
                properties=[{"name": "engraving", "value": "I.M."}],
                variantId="gid://shopify/ProductVariant/12",
                productId="gid://shopify/Product/11",
            )
        ],
        closedAt="2026-01-06T00:00:00Z",
    )
    assert (order["name"], order["number"]) == ("EXT-77", 77)
    assert (order["note"], order["tags"], order["test"]) == ("Ring twice", ["A", "b"], True)
    assert (order["email"], order["phone"]) == ("ida@example.com", "+14155552671")
    assert (order["poNumber"], order["sourceName"], order["sourceIdentifier"]) == ("PO-7", "erp", "erp-77")
    assert order["processedAt"] == "2026-01-05T08:00:00Z"
    assert order["createdAt"] > order["processedAt"]
    assert (order["closed"], order["closedAt"]) == (True, "2026-01-06T00:00:00Z")
    assert order["customAttributes"] == [{"key": "gift", "value": "yes"}]
    assert (order["shippingAddress"]["countryCodeV2"], order["shippingAddress"]["provinceCode"]) == ("CA", "ON")
    assert order["billingAddressMatchesShippingAddress"] is True
    (item,) = order["lineItems"]["nodes"]
    assert (item["name"], item["sku"]) == ("Kettle - Blue", "K-1")
    assert item["customAttributes"] == [{"key": "engraving", "value": "I.M."}]
    assert item["product"] == {"id": "gid://shopify/Product/11"}
    assert item["variant"] == {"id": "gid://shopify/ProductVariant/12"}


def test_orders_are_numbered(shop: Shop) -> None:
    first, second = shop.order(), shop.order()
    assert first["name"] == f"#{first['number']}"
    assert second["number"] == first["number"] + 1
    assert (first["displayFinancialStatus"], first["displayFulfillmentStatus"]) == ("PENDING", "UNFULFILLED")
    assert first["customer"] is None


def test_a_fulfillment_of_everything(shop: Shop) -> None:
    order = shop.order(
        lineItems=[line(quantity=2), line()],
        fulfillment={"locationId": "gid://shopify/Location/1", "trackingCompany": "Post", "trackingNumber": "T-1"},
    )
    assert order["displayFulfillmentStatus"] == "FULFILLED"
    assert [item["unfulfilledQuantity"] for item in order["lineItems"]["nodes"]] == [0, 0]
    assert order["fulfillments"] == [
        {"status": "SUCCESS", "totalQuantity": 3, "trackingInfo": [{"company": "Post", "number": "T-1"}]}
    ]


def test_part_of_an_order_is_fulfilled(shop: Shop) -> None:
    order = shop.order(lineItems=[line(), line()], fulfillmentStatus="PARTIAL")
    assert order["displayFulfillmentStatus"] == "PARTIALLY_FULFILLED"
    assert [item["unfulfilledQuantity"] for item in order["lineItems"]["nodes"]] == [0, 1]


def test_the_buyer_is_found_made_or_changed(shop: Shop) -> None:
    ida = shop.customer(email="ida@example.com", firstName="Ida")
    by_id = shop.order(customer={"toAssociate": {"id": ida["id"]}})
    assert (by_id["customer"]["id"], by_id["email"]) == (ida["id"], "ida@example.com")
    by_email = shop.order(customer={"toAssociate": {"email": "IDA@example.com"}}, email="other@example.com")
    assert (by_email["customer"]["id"], by_email["email"]) == (ida["id"], "other@example.com")
    assert shop.order(customerId=ida["id"])["customer"]["id"] == ida["id"]
    changed = shop.order(customer={"toUpsert": {"email": "ida@example.com", "lastName": "Morrow"}})
    assert (changed["customer"]["id"], changed["customer"]["displayName"]) == (ida["id"], "Ida Morrow")
    assert changed["customer"]["numberOfOrders"] == "4"
    new = shop.order(customer={"toUpsert": {"email": "bo@example.com", "firstName": "Bo"}})
    assert new["customer"]["id"] != ida["id"]
    assert len(shop.emulators.records("shopify", "Customer")) == 2
