"""What is done to an order afterwards: update, close, open, mark as paid, cancel."""

from typing import Any

import pytest

from .conftest import MONEY, ORDER, Json, Shop, amount, line, money


def change(shop: Shop, name: str, kind: str, **members: Any) -> Json:
    return shop.data(
        f"""mutation($input: {kind}!) {{ {name}(input: $input) {{
              order {{ {ORDER} }} userErrors {{ field message }} }} }} {MONEY}""",
        input=members,
    )[name]


def update(shop: Shop, gid: str, **members: Any) -> Json:
    return change(shop, "orderUpdate", "OrderInput", id=gid, **members)


def test_an_update_leaves_what_it_does_not_name(shop: Shop) -> None:
    order = shop.order(note="Ring twice", tags=["a"], email="ida@example.com")
    payload = update(
        shop,
        order["id"],
        tags=["b"],
        email="Bo@example.com",
        poNumber="PO-1",
        customAttributes=[{"key": "gift", "value": "no"}],
        shippingAddress={"firstName": "Bo", "city": "Austin", "countryCode": "US", "provinceCode": "TX"},
    )
    assert payload["userErrors"] == []
    after = payload["order"]
    assert (after["note"], after["tags"], after["email"], after["poNumber"]) == (
        "Ring twice",
        ["b"],
        "bo@example.com",
        "PO-1",
    )
    assert after["customAttributes"] == [{"key": "gift", "value": "no"}]
    assert (after["shippingAddress"]["city"], after["shippingAddress"]["provinceCode"]) == ("Austin", "TX")
    assert update(shop, order["id"], note=None)["order"]["note"] is None
    again = update(shop, order["id"], shippingAddress={"city": "Boston"})["order"]["shippingAddress"]
    assert (again["id"], again["city"], again["provinceCode"]) == (after["shippingAddress"]["id"], "Boston", None)


def test_an_update_can_mark_an_order_but_not_with_anothers_mark(shop: Shop) -> None:
    shop.define()
    first, second = shop.order(), shop.order()
    mark = [{"namespace": "lockstitch", "key": "operation", "value": "op_1"}]
    after = update(shop, first["id"], metafields=mark)["order"]
    assert after["metafields"]["nodes"] == [
        {"namespace": "lockstitch", "key": "operation", "type": "id", "value": "op_1"}
    ]
    assert update(shop, first["id"], metafields=mark)["userErrors"] == []
    assert update(shop, second["id"], metafields=mark)["userErrors"] == [
        {"field": ["metafields", "0", "value"], "message": "Value has already been taken"}
    ]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("orderUpdate", "OrderInput"),
        ("orderClose", "OrderCloseInput"),
        ("orderOpen", "OrderOpenInput"),
        ("orderMarkAsPaid", "OrderMarkAsPaidInput"),
    ],
)
def test_an_order_that_is_not_there(shop: Shop, name: str, kind: str) -> None:
    payload = change(shop, name, kind, id="gid://shopify/Order/1")
    assert payload == {"order": None, "userErrors": [{"field": ["id"], "message": "Order does not exist"}]}


def test_close_and_open(shop: Shop) -> None:
    order = shop.order()
    closed = change(shop, "orderClose", "OrderCloseInput", id=order["id"])["order"]
    assert closed["closed"] is True
    assert closed["closedAt"] >= order["createdAt"]
    assert change(shop, "orderClose", "OrderCloseInput", id=order["id"])["order"]["closedAt"] == closed["closedAt"]
    opened = change(shop, "orderOpen", "OrderOpenInput", id=order["id"])["order"]
    assert (opened["closed"], opened["closedAt"]) == (False, None)


def test_marked_as_paid_by_hand(shop: Shop) -> None:
    order = shop.order(lineItems=[line(price="20.00")], transactions=[{"amountSet": money("5.00"), "gateway": "cash"}])
    after = change(shop, "orderMarkAsPaid", "OrderMarkAsPaidInput", id=order["id"])["order"]
    assert [(one["kind"], one["gateway"], amount(one["amountSet"])) for one in after["transactions"]] == [
        ("SALE", "cash", "5.0"),
        ("SALE", "manual", "15.0"),
    ]
    assert (after["displayFinancialStatus"], after["fullyPaid"]) == ("PAID", True)
    assert (amount(after["totalReceivedSet"]), amount(after["totalOutstandingSet"])) == ("20.0", "0.0")
    again = change(shop, "orderMarkAsPaid", "OrderMarkAsPaidInput", id=order["id"])
    assert again["userErrors"] == [{"field": ["id"], "message": "Order cannot be marked as paid."}]


def test_what_is_authorised_is_captured(shop: Shop) -> None:
    order = shop.order(
        lineItems=[line(price="20.00")],
        transactions=[{"kind": "AUTHORIZATION", "amountSet": money("20.00"), "gateway": "bogus"}],
    )
    assert (order["displayFinancialStatus"], order["capturable"]) == ("AUTHORIZED", True)
    assert (amount(order["totalReceivedSet"]), amount(order["totalOutstandingSet"])) == ("0.0", "20.0")
    after = change(shop, "orderMarkAsPaid", "OrderMarkAsPaidInput", id=order["id"])["order"]
    capture = after["transactions"][-1]
    assert (capture["kind"], capture["parentTransaction"]["kind"]) == ("CAPTURE", "AUTHORIZATION")
    assert (after["displayFinancialStatus"], after["capturable"]) == ("PAID", False)
