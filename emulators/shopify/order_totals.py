"""The sums and statuses of an order, computed from its lines, transactions and refunds.

`total…` is as sold. A tax that prices include is not added again. `totalShippingPriceSet` is after discounts, and
`totalDiscountsSet` includes those too.
"""

from decimal import Decimal
from typing import Any

from emulators.shopify.money import NOTHING, read, summed, written
from emulators.shopify.shapes import listed

JsonRecord = dict[str, Any]


def with_totals(order: JsonRecord) -> JsonRecord:
    """Return a new order with every derived sum and status."""
    currency = order["currencyCode"]
    items, shipping = listed(order["lineItems"]), listed(order["shippingLines"])
    off = sum((_allocated(line) for line in (*items, *shipping)), NOTHING)
    shipped = sum((read(line["originalPriceSet"]) - _allocated(line) for line in shipping), NOTHING)
    tax = sum((_taxes(line) for line in (*items, *shipping)), NOTHING)
    left = sum((read(line["originalTotalSet"]) - _allocated(line) for line in items), NOTHING)
    price = left + shipped
    sums = {
        "totalDiscountsSet": off,
        "totalShippingPriceSet": shipped,
        "totalTaxSet": tax,
        "totalPriceSet": price if order["taxesIncluded"] else price + tax,
        "totalTipReceivedSet": NOTHING,
    }
    return with_payments({**order, **{name: written(amount, currency) for name, amount in sums.items()}})


def with_payments(order: JsonRecord) -> JsonRecord:
    """Return the order after a change: payments and status. The sums as sold stay; a cancelled order is worth nothing,
    refunded or not."""
    currency = order["currencyCode"]
    price = read(order["totalPriceSet"])
    received, refunded = _done(order, "SALE", "CAPTURE"), _done(order, "REFUND")
    worth = NOTHING if order.get("cancelledAt") else price
    return {
        **order,
        "totalReceivedSet": written(received, currency),
        "totalRefundedSet": written(refunded, currency),
        "totalOutstandingSet": written(worth - (received - refunded), currency),
        "displayFinancialStatus": _financial_status(order, price, received, refunded),
        "transactionsCount": {"count": len(order["transactions"])},
        "fulfillmentsCount": {"count": len(order["fulfillments"])},
    }


def part_of_line(line: JsonRecord, quantity: int) -> tuple[Decimal, Decimal]:
    """Return the price of `quantity` units of a line after all discounts, and their tax."""
    share = Decimal(quantity) / line["quantity"]
    left = read(line["originalTotalSet"]) - _allocated(line)
    return left * share, _taxes(line) * share


def _done(order: JsonRecord, *kinds: str) -> Decimal:
    """Return the sum of the successful transactions of some kinds."""
    return summed(
        [one["amountSet"] for one in order["transactions"] if one["kind"] in kinds and one["status"] == "SUCCESS"]
    )


def _financial_status(order: JsonRecord, price: Decimal, received: Decimal, refunded: Decimal) -> str:
    if refunded > 0:
        return "REFUNDED" if refunded >= received else "PARTIALLY_REFUNDED"
    if received > 0:
        return "PAID" if received >= price else "PARTIALLY_PAID"
    if order.get("cancelledAt"):
        return "VOIDED"
    if _done(order, "AUTHORIZATION") > 0:
        return "AUTHORIZED"
    return "PENDING" if price > 0 else "PAID"


def _allocated(line: JsonRecord) -> Decimal:
    return summed([one["allocatedAmountSet"] for one in line["discountAllocations"]])


def _taxes(line: JsonRecord) -> Decimal:
    return summed([one["priceSet"] for one in line["taxLines"]])
