"""Transactions and refunds of an order."""

from typing import Any

from emulators.shopify.context import Context
from emulators.shopify.ids import moment, new_gid, number_of
from emulators.shopify.money import NOTHING, Bag, Currencies, read, total, written
from emulators.shopify.order_totals import part_of_line
from emulators.shopify.shapes import listed

JsonRecord = dict[str, Any]

MANUAL = "manual"


def transaction(
    context: Context,
    *,
    kind: str,
    amount: JsonRecord,
    gateway: str = "",
    status: str = "SUCCESS",
    processed_at: str | None = None,
    parent: JsonRecord | None = None,
    **more: Any,
) -> JsonRecord:
    """Return a new `OrderTransaction`. `amount` is a `MoneyBag`."""
    return {
        "id": new_gid(context.state, "OrderTransaction"),
        "kind": kind,
        "status": status,
        "gateway": gateway,
        "formattedGateway": gateway.replace("_", " ").title(),
        "manualPaymentGateway": gateway.lower() in (MANUAL, "cash"),
        "manuallyCapturable": kind == "AUTHORIZATION" and status == "SUCCESS",
        "amountSet": amount,
        "createdAt": moment(context.now),
        "processedAt": processed_at or moment(context.now),
        "parentTransaction": parent,
        **more,
    }


def from_input(context: Context, input: JsonRecord, currencies: Currencies) -> JsonRecord:
    """Return a transaction of an `orderCreate` input."""
    return transaction(
        context,
        kind=input.get("kind") or "SALE",
        status=input.get("status") or "SUCCESS",
        amount=written(read(input["amountSet"]).rounded(currencies), currencies),
        gateway=input.get("gateway") or "",
        processed_at=input.get("processedAt"),
        test=bool(input.get("test")),
        paymentId=input.get("authorizationCode"),
        receiptJson=input.get("receiptJson"),
    )


def void(context: Context, order: JsonRecord) -> list[JsonRecord]:
    """Return VOID transactions for the authorisations that were not captured."""
    return [
        transaction(context, kind="VOID", amount=one["amountSet"], gateway=one.get("gateway") or "", parent=one)
        for one in order.get("transactions") or ()
        if one["kind"] == "AUTHORIZATION" and one["status"] == "SUCCESS"
    ]


def give_back(context: Context, order: JsonRecord, gateway: str | None = None) -> list[JsonRecord]:
    """Return REFUND transactions for all that was received and not refunded, through `gateway` if it differs."""
    returned: dict[str, Bag] = {}
    for one in order.get("transactions") or ():
        if one["kind"] == "REFUND" and one["status"] == "SUCCESS" and one.get("parentTransaction"):
            parent = one["parentTransaction"]["id"]
            returned[parent] = returned.get(parent, NOTHING).plus(read(one["amountSet"]))
    currencies = Currencies(shop=order["currencyCode"], presentment=order["presentmentCurrencyCode"])
    made = []
    for one in order.get("transactions") or ():
        if one["kind"] not in ("SALE", "CAPTURE") or one["status"] != "SUCCESS":
            continue
        left = read(one["amountSet"]).minus(returned.get(one["id"], NOTHING))
        if left.shop > 0:
            amount, way = written(left, currencies), gateway or one.get("gateway") or ""
            made.append(transaction(context, kind="REFUND", amount=amount, gateway=way, parent=_bare(one)))
    return made


def refund_of_all(
    context: Context, order: JsonRecord, money_back: list[JsonRecord], *, restock: bool, note: str | None
) -> JsonRecord:
    """Return a `Refund` that removes every remaining unit from the order."""
    currencies = Currencies(shop=order["currencyCode"], presentment=order["presentmentCurrencyCode"])
    lines = []
    for line in listed(order["lineItems"]):
        units = line["currentQuantity"]
        if units:
            subtotal, tax = part_of_line(line, units)
            lines.append(
                {
                    "id": new_gid(context.state, "RefundLineItem"),
                    "lineItem": {**line, "currentQuantity": 0, "refundableQuantity": 0, "unfulfilledQuantity": 0},
                    "quantity": units,
                    "priceSet": line["originalUnitPriceSet"],
                    "subtotalSet": written(subtotal.rounded(currencies), currencies),
                    "totalTaxSet": written(tax.rounded(currencies), currencies),
                    "restockType": "CANCEL" if restock else "NO_RESTOCK",
                    "restocked": restock,
                }
            )
    gid = new_gid(context.state, "Refund")
    at = moment(context.now)
    return {
        "id": gid,
        "legacyResourceId": number_of(gid),
        "note": note,
        "createdAt": at,
        "processedAt": at,
        "updatedAt": at,
        "refundLineItems": {"nodes": lines},
        "transactions": {"nodes": money_back},
        "totalRefundedSet": written(total([read(one["amountSet"]) for one in money_back]), currencies),
    }


def _bare(transaction: JsonRecord) -> JsonRecord:
    """Return a transaction as a parent, without its own parent, so that records do not nest without end."""
    return {**transaction, "parentTransaction": None}
