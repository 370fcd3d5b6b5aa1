"""`orderCancel`: a job, done a little later, with or without the money back."""

from typing import Any

import pytest

from tests.required import required

from .conftest import Json, Shop, amount, line, money


def paid_order(shop: Shop, **more: Any) -> Json:
    """Two kettles and their postage, taxed and paid by card: 50.00."""
    return shop.order(
        **{
            "lineItems": [line(price="20.00", quantity=2, taxLines=[{"title": "VAT", "rate": "0.1"}])],
            "shippingLines": [{"title": "Post", "priceSet": money("6.00")}],
            "transactions": [{"amountSet": money("50.00"), "gateway": "bogus"}],
            **more,
        }
    )


def cancelled(shop: Shop, order: Json, **more: Any) -> Json:
    payload = shop.cancel(order["id"], **more)
    assert payload["orderCancelUserErrors"] == []
    shop.wait_for(payload["job"]["id"])
    return required(shop.read_order(order["id"]))


def test_cancelling_is_a_job_that_is_done_a_little_later(shop: Shop) -> None:
    order = paid_order(shop)
    payload = shop.cancel(order["id"])
    assert payload["job"]["done"] is False
    before = required(shop.read_order(order["id"]))
    assert before["cancelledAt"] is None
    shop.wait_for(payload["job"]["id"])
    after = required(shop.read_order(order["id"]))
    assert after["cancelledAt"] is not None
    assert shop.data('{ job(id: "gid://shopify/Job/none") { id } }')["job"] is None


def test_cancelled_with_the_money_back(shop: Shop) -> None:
    order = paid_order(shop)
    after = cancelled(shop, order, reason="INVENTORY", refund=True, staffNote="Out of kettles")
    assert (after["cancelReason"], after["closed"]) == ("INVENTORY", True)
    assert after["closedAt"] == after["cancelledAt"]
    assert after["displayFinancialStatus"] == "REFUNDED"
    refund_made = after["transactions"][-1]
    assert (refund_made["kind"], refund_made["gateway"], amount(refund_made["amountSet"])) == (
        "REFUND",
        "bogus",
        "50.0",
    )
    assert refund_made["parentTransaction"]["id"] == order["transactions"][0]["id"]
    (refund,) = after["refunds"]
    assert (refund["note"], amount(refund["totalRefundedSet"])) == ("Out of kettles", "50.0")
    (item,) = refund["refundLineItems"]["nodes"]
    assert (item["quantity"], item["restockType"]) == (2, "CANCEL")
    assert (amount(item["subtotalSet"]), amount(item["totalTaxSet"])) == ("40.0", "4.0")
    assert item["lineItem"]["id"] == order["lineItems"]["nodes"][0]["id"]
    # What was sold stays; what it is worth now is nothing.
    assert amount(after["totalPriceSet"]) == amount(order["totalPriceSet"]) == "50.0"
    for now in ("currentTotalPriceSet", "currentSubtotalPriceSet", "currentTotalTaxSet", "totalOutstandingSet"):
        assert amount(after[now]) == "0.0", now
    assert after["lineItems"]["nodes"][0]["quantity"] == 2
    assert after["lineItems"]["nodes"][0]["currentQuantity"] == 0


def test_cancelled_without_the_money_back(shop: Shop) -> None:
    after = cancelled(shop, paid_order(shop), restock=False)
    assert (after["displayFinancialStatus"], amount(after["totalRefundedSet"])) == ("PAID", "0.0")
    assert amount(after["totalOutstandingSet"]) == "-50.0"
    (refund,) = after["refunds"]
    assert refund["refundLineItems"]["nodes"][0]["restockType"] == "NO_RESTOCK"


def test_an_unpaid_order_is_voided(shop: Shop) -> None:
    assert cancelled(shop, shop.order())["displayFinancialStatus"] == "VOIDED"
    authorised = shop.order(
        lineItems=[line()], transactions=[{"kind": "AUTHORIZATION", "amountSet": money("20.00"), "gateway": "bogus"}]
    )
    after = cancelled(shop, authorised)
    assert (after["displayFinancialStatus"], after["transactions"][-1]["kind"]) == ("VOIDED", "VOID")
    assert after["capturable"] is False


def test_the_money_back_by_either_way_of_saying_it(shop: Shop) -> None:
    by_method = cancelled(shop, paid_order(shop), method={"originalPaymentMethodsRefund": True})
    assert by_method["transactions"][-1]["gateway"] == "bogus"
    ida = shop.customer(firstName="Ida")
    order = paid_order(shop, customer={"toAssociate": {"id": ida["id"]}})
    by_credit = cancelled(shop, order, method={"storeCreditRefund": {}})
    assert by_credit["transactions"][-1]["gateway"] == "shopify_store_credit"
    assert by_credit["displayFinancialStatus"] == "REFUNDED"


@pytest.mark.parametrize(
    ("arguments", "field", "code"),
    [
        ({"staffNote": "x" * 256}, ["staffNote"], "INVALID"),
        ({"refund": True, "method": {"originalPaymentMethodsRefund": True}}, ["refundMethod"], "INVALID"),
        (
            {"method": {"storeCreditRefund": {}}},
            ["refundMethod", "storeCreditRefund"],
            "STORE_CREDIT_REFUND_MISSING_CUSTOMER",
        ),
    ],
)
def test_cancelling_refused(shop: Shop, arguments: Json, field: list[str], code: str) -> None:
    payload = shop.cancel(shop.order()["id"], **arguments)
    assert payload["job"] is None
    (error,) = payload["orderCancelUserErrors"]
    assert (error["field"], error["code"]) == (field, code)
    assert payload["userErrors"][0]["message"] == error["message"]


def test_store_credit_that_has_expired_already(shop: Shop) -> None:
    ida = shop.customer(firstName="Ida")
    order = paid_order(shop, customer={"toAssociate": {"id": ida["id"]}})
    payload = shop.cancel(order["id"], method={"storeCreditRefund": {"expiresAt": "2020-01-01T00:00:00Z"}})
    assert payload["orderCancelUserErrors"][0]["code"] == "STORE_CREDIT_REFUND_EXPIRATION_IN_PAST"


def test_an_order_is_cancelled_once(shop: Shop) -> None:
    order = shop.order()
    first = shop.cancel(order["id"])
    waiting = shop.cancel(order["id"])
    assert (waiting["job"], waiting["orderCancelUserErrors"][0]["code"]) == (None, "INVALID")
    shop.wait_for(first["job"]["id"])
    again = shop.cancel(order["id"])
    assert again["orderCancelUserErrors"] == [
        {"field": ["orderId"], "message": "Order has already been cancelled", "code": "INVALID"}
    ]
    after = required(shop.read_order(order["id"]))
    assert len(after["refunds"]) == 1
    for name in ("orderOpen", "orderMarkAsPaid"):
        refused = shop.data(
            f"mutation($id: ID!) {{ {name}(input: {{id: $id}}) {{ order {{ id }} userErrors {{ field }} }} }}",
            id=order["id"],
        )[name]
        assert refused == {"order": None, "userErrors": [{"field": ["id"]}]}


def test_what_was_sent_cannot_be_cancelled(shop: Shop) -> None:
    order = shop.order(fulfillment={"locationId": "gid://shopify/Location/1"})
    assert shop.cancel(order["id"])["orderCancelUserErrors"][0]["code"] == "INVALID"


def test_nothing_to_cancel(shop: Shop) -> None:
    payload = shop.cancel("gid://shopify/Order/1")
    assert payload["orderCancelUserErrors"] == [
        {"field": ["orderId"], "message": "Order does not exist", "code": "NOT_FOUND"}
    ]


def test_what_a_customer_spent_is_what_the_shop_kept(shop: Shop) -> None:
    ida = shop.customer(firstName="Ida")
    kept = paid_order(shop, customer={"toAssociate": {"id": ida["id"]}})
    gone = paid_order(shop, customer={"toAssociate": {"id": ida["id"]}})
    assert gone["customer"]["amountSpent"] == {"amount": "100.0", "currencyCode": "USD"}
    after = cancelled(shop, gone, refund=True)
    assert after["customer"]["amountSpent"]["amount"] == "50.0"
    assert kept["customer"]["numberOfOrders"] == "1"
    assert after["customer"]["numberOfOrders"] == "2"
