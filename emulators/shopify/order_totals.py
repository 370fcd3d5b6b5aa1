"""The sums and statuses of an order, computed from its lines, transactions and refunds.

Meanings follow the schema: `total…` is as sold, `current…` is after removals and refunds. A tax that prices include is
not added again. `totalShippingPriceSet` is after discounts, and `totalDiscountsSet` includes those too.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from emulators.shopify.money import NOTHING, Bag, Currencies, read, total, written
from emulators.shopify.shapes import listed

JsonRecord = dict[str, Any]

_PAYING = ("SALE", "CAPTURE")
_AUTHORISING = ("AUTHORIZATION", "EMV_AUTHORIZATION")


class Payments(msgspec.Struct, frozen=True, kw_only=True):
    """The sums of the successful transactions."""

    received: Bag
    refunded: Bag
    capturable: Bag
    voided: bool

    @property
    def kept(self) -> Bag:
        """Received and not refunded."""
        return self.received.minus(self.refunded)


def with_totals(order: JsonRecord, status: str | None = None) -> JsonRecord:
    """Return a new order with every derived sum, status and flag.

    `status` is a financial status in place of the derived one: a status from the creation stays until the order
    changes, even if the transactions disagree.
    """
    bag = _writer(order)
    items = listed(order.get("lineItems"))
    sold = _sums(order, [(line, Decimal(1)) for line in items], listed(order.get("shippingLines")))
    return with_present(
        {
            **order,
            "subtotalPriceSet": bag(sold.items),
            "totalDiscountsSet": bag(sold.discounts),
            "totalShippingPriceSet": bag(sold.shipping),
            "totalTaxSet": bag(sold.tax),
            "totalPriceSet": bag(sold.price),
            "originalTotalPriceSet": bag(sold.price),
            "totalTipReceivedSet": bag(NOTHING),
            "subtotalLineItemsQuantity": sum(line["quantity"] for line in items),
            "requiresShipping": any(line["requiresShipping"] for line in items),
        },
        status,
    )


def with_present(order: JsonRecord, status: str | None = None) -> JsonRecord:
    """Return the order after a change: present sums, payments and flags. The sums as sold stay."""
    bag = _writer(order)
    items, shipping = listed(order.get("lineItems")), listed(order.get("shippingLines"))
    shares = [(line, Decimal(line["currentQuantity"]) / (line["quantity"] or 1)) for line in items]
    now = _sums(order, shares, [] if order.get("cancelledAt") else shipping)
    paid = payments(order)
    outstanding = now.price.minus(paid.kept)
    displayed = status or _financial_status(order, read(order["totalPriceSet"]), paid)
    payable = ("PENDING", "PARTIALLY_PAID", "AUTHORIZED", "EXPIRED")
    return {
        **order,
        "currentCartDiscountAmountSet": bag(now.discounts),
        "currentSubtotalPriceSet": bag(now.items),
        "currentTotalDiscountsSet": bag(now.discounts),
        "currentShippingPriceSet": bag(now.shipping),
        "currentTotalTaxSet": bag(now.tax),
        "currentTotalPriceSet": bag(now.price),
        "currentTaxLines": [] if order.get("cancelledAt") else order.get("taxLines") or [],
        "currentSubtotalLineItemsQuantity": sum(line["currentQuantity"] for line in items),
        "totalReceivedSet": bag(paid.received),
        "totalRefundedSet": bag(paid.refunded),
        "netPaymentSet": bag(paid.kept),
        "totalCapturableSet": bag(paid.capturable),
        "totalOutstandingSet": bag(outstanding),
        "paymentGatewayNames": _gateways(order),
        "displayFinancialStatus": displayed,
        "fullyPaid": displayed == "PAID" or (paid.received.shop > 0 and outstanding.shop <= 0),
        "unpaid": paid.received.shop == 0,
        "capturable": paid.capturable.shop > 0,
        "refundable": paid.kept.shop > 0,
        "canMarkAsPaid": not order.get("cancelledAt") and displayed in payable,
        "restockable": any(line["currentQuantity"] for line in items),
        "fulfillable": any(line["unfulfilledQuantity"] for line in items),
        "transactionsCount": {"count": len(order.get("transactions") or ()), "precision": "EXACT"},
        "fulfillmentsCount": {"count": len(order.get("fulfillments") or ()), "precision": "EXACT"},
    }


def payments(order: JsonRecord) -> Payments:
    """Return the sums of the order's successful transactions, by kind."""
    done = [one for one in order.get("transactions") or () if one["status"] == "SUCCESS"]

    def of(*kinds: str) -> Bag:
        return total([read(one["amountSet"]) for one in done if one["kind"] in kinds])

    voided = of("VOID").shop > 0 or any(one["kind"] == "VOID" for one in done)
    open_authorisation = of(*_AUTHORISING).minus(of("CAPTURE"))
    return Payments(
        received=of(*_PAYING),
        refunded=of("REFUND"),
        capturable=NOTHING if voided or open_authorisation.shop <= 0 else open_authorisation,
        voided=voided,
    )


def part_of_line(line: JsonRecord, quantity: int) -> tuple[Bag, Bag]:
    """Return the price of `quantity` units of a line after all discounts, and their tax."""
    share = Decimal(quantity) / line["quantity"]
    left = read(line["originalTotalSet"]).minus(_allocated(line))
    return left.times(share), _taxes(line).times(share)


class _Sums(msgspec.Struct, frozen=True, kw_only=True):
    items: Bag
    discounts: Bag
    shipping: Bag
    tax: Bag
    price: Bag


def _writer(order: JsonRecord) -> Callable[[Bag], JsonRecord]:
    currencies = Currencies(shop=order["currencyCode"], presentment=order["presentmentCurrencyCode"])
    return lambda amount: written(amount.rounded(currencies), currencies)


def _sums(order: JsonRecord, shares: list[tuple[JsonRecord, Decimal]], shipping: list[JsonRecord]) -> _Sums:
    full = total([read(line["originalTotalSet"]).times(share) for line, share in shares])
    off = total([_allocated(line).times(share) for line, share in shares])
    shipped = total([read(line["discountedPriceSet"]) for line in shipping])
    off_shipping = total([_allocated(line) for line in shipping])
    tax = total([_taxes(line).times(share) for line, share in shares])
    tax = tax.plus(total([_taxes(line) for line in shipping]))
    left = full.minus(off)
    if order.get("taxedAsAWhole"):
        # No line has this tax, so it shrinks with the remaining value of the order.
        all_left = total([read(line["originalTotalSet"]).minus(_allocated(line)) for line, _ in shares])
        kept = left.shop / all_left.shop if all_left.shop else Decimal(0)
        tax = total([read(one["priceSet"]).times(kept) for one in order.get("taxLines") or ()])
    price = left.plus(shipped)
    return _Sums(
        items=left,
        discounts=off.plus(off_shipping),
        shipping=shipped,
        tax=tax,
        price=price if order.get("taxesIncluded") else price.plus(tax),
    )


def _financial_status(order: JsonRecord, price: Bag, paid: Payments) -> str:
    if paid.refunded.shop > 0:
        return "REFUNDED" if paid.refunded.shop >= paid.received.shop else "PARTIALLY_REFUNDED"
    if paid.received.shop > 0:
        return "PAID" if paid.received.shop >= price.shop else "PARTIALLY_PAID"
    if paid.voided or order.get("cancelledAt"):
        return "VOIDED"
    if paid.capturable.shop > 0:
        return "AUTHORIZED"
    return "PENDING" if price.shop > 0 else "PAID"


def _gateways(order: JsonRecord) -> list[str]:
    names = [one.get("gateway") or "" for one in order.get("transactions") or ()]
    return list(dict.fromkeys(names))


def _allocated(line: JsonRecord) -> Bag:
    return total([read(one["allocatedAmountSet"]) for one in line.get("discountAllocations") or ()])


def _taxes(line: JsonRecord) -> Bag:
    return total([read(one["priceSet"]) for one in line.get("taxLines") or ()])
