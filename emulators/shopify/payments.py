"""Transactions and refunds of an order."""

from decimal import Decimal
from typing import Any

from emulators.shopify.context import Context
from emulators.shopify.ids import moment, new_gid
from emulators.shopify.money import read, summed, written
from emulators.shopify.order_totals import part_of_line
from emulators.shopify.shapes import listed

JsonRecord = dict[str, Any]


def from_input(context: Context, input: JsonRecord, currency: str) -> JsonRecord:
    """Return a transaction of an `orderCreate` input."""
    kind, status = input.get("kind") or "SALE", input.get("status") or "SUCCESS"
    return _transaction(context, kind, read(input["amountSet"]), currency, status=status)


def void(context: Context, order: JsonRecord) -> list[JsonRecord]:
    """Return VOID transactions for the authorisations."""
    return [
        _transaction(context, "VOID", read(one["amountSet"]), order["currencyCode"], one.get("gateway") or "")
        for one in order["transactions"]
        if one["kind"] == "AUTHORIZATION" and one["status"] == "SUCCESS"
    ]


def give_back(context: Context, order: JsonRecord) -> list[JsonRecord]:
    """Return REFUND transactions for all that was received."""
    return [
        _transaction(context, "REFUND", read(one["amountSet"]), order["currencyCode"], one.get("gateway") or "")
        for one in order["transactions"]
        if one["kind"] in ("SALE", "CAPTURE") and one["status"] == "SUCCESS" and read(one["amountSet"]) > 0
    ]


def refund_of_all(context: Context, order: JsonRecord, money_back: list[JsonRecord], note: str | None) -> JsonRecord:
    """Return a `Refund` that removes every remaining unit from the order."""
    currency = order["currencyCode"]
    lines = []
    for line in listed(order["lineItems"]):
        units = line["currentQuantity"]
        if units:
            subtotal, tax = part_of_line(line, units)
            lines.append(
                {
                    "id": new_gid(context.state, "RefundLineItem"),
                    "lineItem": {**line, "currentQuantity": 0, "unfulfilledQuantity": 0},
                    "quantity": units,
                    "subtotalSet": written(subtotal, currency),
                    "totalTaxSet": written(tax, currency),
                }
            )
    return {
        "id": new_gid(context.state, "Refund"),
        "note": note,
        "createdAt": moment(context.now),
        "refundLineItems": {"nodes": lines},
        "transactions": {"nodes": money_back},
        "totalRefundedSet": written(summed([one["amountSet"] for one in money_back]), currency),
    }


def _transaction(
    context: Context, kind: str, amount: Decimal, currency: str, gateway: str = "", *, status: str = "SUCCESS"
) -> JsonRecord:
    return {
        "id": new_gid(context.state, "OrderTransaction"),
        "kind": kind,
        "status": status,
        "gateway": gateway,
        "amountSet": written(amount, currency),
        "processedAt": moment(context.now),
    }
