"""`orderCancel`: a job, done a little later, with or without the money back."""

from typing import Any

from tests.required import required

from .conftest import Json, Shop, amount, line, money

BACK = {"originalPaymentMethodsRefund": True}


def paid_order(shop: Shop, **more: Any) -> Json:
    """Two kettles and their postage, taxed and paid: 50.00."""
    return shop.order(
        **{
            "lineItems": [line(quantity=2, taxLines=[{"title": "VAT", "rate": "0.1", "priceSet": money("4.00")}])],
            "shippingLines": [{"title": "Post", "priceSet": money("6.00")}],
            "transactions": [{"amountSet": money("50.00")}],
            **more,
        }
    )


def cancelled(shop: Shop, order: Json, **more: Any) -> Json:
    payload = shop.cancel(order["id"], **more)
    assert payload["orderCancelUserErrors"] == []
    return shop.cancelled(order["id"])


def test_cancelling_is_a_job_that_is_done_a_little_later(shop: Shop) -> None:
    order = paid_order(shop)
    payload = shop.cancel(order["id"])
    assert payload["job"]["done"] is False
    assert required(shop.read_order(order["id"]))["cancelledAt"] is None
    assert shop.cancelled(order["id"])["cancelReason"] == "CUSTOMER"


def test_cancelled_with_the_money_back(shop: Shop) -> None:
    order = paid_order(shop)
    after = cancelled(shop, order, reason="INVENTORY", method=BACK, staffNote="Out of kettles")
    assert (after["cancelReason"], after["displayFinancialStatus"]) == ("INVENTORY", "REFUNDED")
    assert after["closedAt"] == after["cancelledAt"]
    refund_made = after["transactions"][-1]
    assert (refund_made["kind"], amount(refund_made["amountSet"])) == ("REFUND", "50.0")
    (refund,) = after["refunds"]
    assert (refund["note"], amount(refund["totalRefundedSet"])) == ("Out of kettles", "50.0")
    (item,) = refund["refundLineItems"]["nodes"]
    assert (item["quantity"], amount(item["subtotalSet"])) == (2, "40.0")
    assert item["lineItem"]["id"] == order["lineItems"]["nodes"][0]["id"]
    # What was sold stays; what it is worth now is nothing.
    assert amount(after["totalPriceSet"]) == amount(order["totalPriceSet"]) == "50.0"
    assert amount(after["totalOutstandingSet"]) == "0.0"
    assert after["lineItems"]["nodes"][0]["quantity"] == 2
    assert after["lineItems"]["nodes"][0]["currentQuantity"] == 0


def test_cancelled_without_the_money_back(shop: Shop) -> None:
    after = cancelled(shop, paid_order(shop), restock=False)
    assert (after["displayFinancialStatus"], amount(after["totalRefundedSet"])) == ("PAID", "0.0")
    assert amount(after["totalOutstandingSet"]) == "-50.0"
    assert len(after["refunds"]) == 1


def test_an_unpaid_order_is_voided(shop: Shop) -> None:
    assert cancelled(shop, shop.order())["displayFinancialStatus"] == "VOIDED"
    authorised = shop.order(transactions=[{"kind": "AUTHORIZATION", "amountSet": money("20.00")}])
    assert authorised["displayFinancialStatus"] == "AUTHORIZED"
    after = cancelled(shop, authorised)
    assert (after["displayFinancialStatus"], after["transactions"][-1]["kind"]) == ("VOIDED", "VOID")


def test_a_staff_note_that_is_too_long(shop: Shop) -> None:
    payload = shop.cancel(shop.order()["id"], staffNote="x" * 256)
    assert payload["job"] is None
    (error,) = payload["orderCancelUserErrors"]
    assert (error["field"], error["code"]) == (["staffNote"], "INVALID")


def test_an_order_is_cancelled_once(shop: Shop) -> None:
    order = shop.order()
    shop.cancel(order["id"])
    waiting = shop.cancel(order["id"])
    assert (waiting["job"], waiting["orderCancelUserErrors"][0]["code"]) == (None, "INVALID")
    shop.cancelled(order["id"])
    again = shop.cancel(order["id"])
    assert again["orderCancelUserErrors"] == [
        {"field": ["orderId"], "message": "Order has already been cancelled", "code": "INVALID"}
    ]
    assert len(required(shop.read_order(order["id"]))["refunds"]) == 1


def test_what_was_sent_cannot_be_cancelled(shop: Shop) -> None:
    order = shop.emulators.place("shopify", "Order", {"fulfillments": [{"status": "SUCCESS"}]})
    assert shop.cancel(order["id"])["orderCancelUserErrors"][0]["code"] == "INVALID"


def test_nothing_to_cancel(shop: Shop) -> None:
    payload = shop.cancel("gid://shopify/Order/1")
    assert payload["orderCancelUserErrors"] == [
        {"field": ["orderId"], "message": "Order does not exist", "code": "NOT_FOUND"}
    ]


def test_what_a_customer_spent_is_what_the_shop_kept(shop: Shop) -> None:
    ida = shop.customer(firstName="Ida")
    paid_order(shop, customer={"toAssociate": {"id": ida["id"]}})
    gone = paid_order(shop, customer={"toAssociate": {"id": ida["id"]}})
    assert gone["customer"]["amountSpent"] == {"amount": "100.0", "currencyCode": "USD"}
    assert cancelled(shop, gone, method=BACK)["customer"]["amountSpent"]["amount"] == "50.0"
