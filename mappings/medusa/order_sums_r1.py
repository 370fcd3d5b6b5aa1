"""The sums of an order. Medusa computes them without rounding. Rounded one by one, they may differ by a cent.

Medusa counts a refund as credit and subtracts it from the total. The canonical total stays what the goods cost, and
`refunded` holds the refund. Credit without a refund counts as paid.
"""

from decimal import Decimal
from typing import Final

from canonical.order import Fee, LineItem, Totals
from canonical.parts import Loss
from canonical.totals import added, check_totals
from mappings.medusa.money import TOLERANCE, exact, fits, minus, money, number, text
from mappings.medusa.wire_2_21 import Order

REFUNDED: Final = "payment_collection"
"""The `reference` of the credit line of a refund."""
ROUNDED: Final = Loss(
    path="/totals",
    kind="coerced",
    detail="Medusa does not round sums; each is rounded to the currency here, so they may not add up exactly",
)


def is_tax_inclusive(record: Order) -> bool | None:
    """Return whether prices include the tax. Each line has its own answer; None if they differ."""
    lines = record.items
    if not lines:
        return False
    first = lines[0].is_tax_inclusive
    for line in lines:
        if line.is_tax_inclusive is not first:
            return None
    return first


def totals(
    record: Order,
    currency: str,
    lines: tuple[LineItem, ...],
    products: Decimal,
    fees: tuple[Fee, ...],
    inclusive: bool | None,
    loss: list[Loss],
    *,
    is_void: bool,
) -> Totals:
    """Return the sums, and note those that do not add up. `products` is Σ quantity * unit price of the lines, without
    those that are `fees`. If only some prices include the tax, all sums are without tax. A void order has nothing
    outstanding.

    Raises ValueError for text that is not a number.
    """
    with_tax = inclusive is True
    items = record.original_item_total if with_tax else record.item_subtotal
    charged = added(one.amount for one in fees)
    items = round(items - charged, 9) if fees else items
    discount = record.discount_total if with_tax else record.discount_subtotal
    shipping = record.original_shipping_total if with_tax else record.original_shipping_subtotal
    tax = record.tax_total
    # The sum of two numbers that Medusa computed as floats may have digits that it should not have.
    total = record.total if not record.credit_line_total else round(record.total + record.credit_line_total, 9)
    paid, refunded = _paid(record)
    total_money, received, zero = money(total, currency), money(paid, currency), money("0", currency)
    owed = (
        zero if received == total_money else total_money if received == zero else minus(total_money, received, currency)
    )
    sums = Totals(
        items=money(items, currency),
        discount=money(discount, currency),
        shipping=money(shipping, currency),
        fees=money(text(charged), currency),
        tip=zero,
        tax=money(tax, currency),
        total=total_money,
        paid=received,
        refunded=money(refunded, currency),
        outstanding=zero if is_void and not owed.startswith("-") else owed,
    )
    # Check the sums as Medusa has them. Differences by rounding are noted as such.
    due = items - discount + shipping + charged + (0 if with_tax else tax)
    if inclusive is None or abs(due - total) > TOLERANCE or abs(products - items) > TOLERANCE:
        loss += check_totals(sums, lines, inclusive)
    if not (
        fits(total, currency)
        and fits(items, currency)
        and fits(discount, currency)
        and fits(shipping, currency)
        and fits(tax, currency)
    ):
        loss.append(ROUNDED)
    return sums


def _paid(record: Order) -> tuple[str, str]:
    """Return what was paid, with credit, and what was refunded."""
    summary = record.summary
    if summary is None:
        return "0", "0"
    paid = number(summary, summary.raw_paid_total, summary.paid_total)
    credits = [
        exact(number(line, line.raw_amount, line.amount))
        for line in record.credit_lines or ()
        if line.reference != REFUNDED
    ]
    if credits:
        paid = text(sum(credits, exact(paid)))
    return paid, number(summary, summary.raw_refunded_total, summary.refunded_total)
