"""The arithmetic an order must satisfy (`canonical-model`, totals). A mismatch is told, never mended."""

from decimal import Decimal
from functools import lru_cache
from typing import Final

from canonical.order import LineItem, Order, ShippingLine, Totals
from canonical.parts import Loss

ZERO: Final = Decimal(0)


def check_totals(totals: Totals, lines: tuple[LineItem, ...], tax_inclusive: bool | None) -> tuple[Loss, ...]:
    """What does not add up, as losses of kind `ambiguous`; the vendor's figures stand.

    Checked: items = Σ quantity * unit price; total = items - discount + shipping + fees + tip + (tax unless
    included). With `tax_inclusive` unknown the total may include the tax or not.
    A line whose product is finer than the currency may have been rounded up or down.
    """
    found = list(check_items(totals.items, lines)) if lines else []
    items, total = _exact(totals.items), _exact(totals.total)
    before_tax = items - _exact(totals.discount) + _exact(totals.shipping) + _exact(totals.fees) + _exact(totals.tip)
    with_tax = before_tax + _exact(totals.tax)
    holds_tax = total == before_tax and tax_inclusive is not False
    if not holds_tax and (total != with_tax or tax_inclusive):
        expected = {before_tax} if tax_inclusive else {with_tax} if tax_inclusive is False else {before_tax, with_tax}
        shown = " or ".join(f"{amount:f}" for amount in sorted(expected))
        found.append(_ambiguous("/totals/total", f"the parts add up to {shown}, the vendor says {totals.total}"))
    return tuple(found)


def check_items(items: str, lines: tuple[LineItem, ...]) -> tuple[Loss, ...]:
    """The first of these alone, for orders whose other sums follow from each other."""
    added, told = _added(lines), _exact(items)
    if added == told or abs(added - told) <= _slack(lines, _smallest(items)):
        return ()
    return (_ambiguous("/totals/items", f"the lines add up to {added:f}, the vendor says {items}"),)


def is_void(order: Order) -> bool:
    """Whether nobody owes anything for the order any more: it was cancelled, or its payment voided."""
    return order.status == "cancelled" or order.cancelled_at is not None or order.payment_status == "voided"


def check_payment(order: Order) -> tuple[Loss, ...]:
    """What does not fit between the states of an order and its sums, as losses of kind `ambiguous`.

    Checked: outstanding = total - paid, or nothing where the order is void; what counts as paid was received; what
    counts as refunded was given back, and no more than was received.
    """
    totals, payment = order.totals, order.payment_status
    total, paid, refunded = _exact(totals.total), _exact(totals.paid), _exact(totals.refunded)
    found: list[Loss] = []
    if payment == "paid" and paid < total:
        found.append(_ambiguous("/totals/paid", f"the order counts as paid, and {totals.paid} was received"))
    elif payment == "partially_paid" and not paid and total:
        found.append(_ambiguous("/totals/paid", "the order counts as paid in part, and nothing was received"))
    if refunded > paid:
        found.append(_ambiguous("/totals/refunded", "more was given back than was received"))
    elif payment in ("refunded", "partially_refunded") and not refunded and total:
        found.append(_ambiguous("/totals/refunded", f"the order counts as {payment}, and nothing was given back"))
    outstanding = _exact(totals.outstanding)
    if outstanding > 0 and is_void(order):
        found.append(_ambiguous("/totals/outstanding", "the order is void: nobody owes what the vendor calls so"))
    elif outstanding != total - paid and (outstanding or not is_void(order)):
        found.append(_ambiguous("/totals/outstanding", "outstanding is not total minus paid at the vendor"))
    return tuple(found)


def check_taxes(
    tax: str, lines: tuple[LineItem, ...], shipping: tuple[ShippingLine, ...], *, beside: Decimal = ZERO
) -> tuple[Loss, ...]:
    """Whether the taxes on lines, on shipping and `beside` them (on fees) are the tax of the whole order.

    Only for orders of which every line is known. Lines that all have none are not judged: vendors that share no tax out
    have zero there. Each part may have been rounded by itself.
    """
    added, parts = ZERO, 0
    for line in lines:
        if part := _exact(line.tax):
            added += part
            parts += 1
    if not parts:
        return ()
    for charge in shipping:
        if part := _exact(charge.tax):
            added += part
            parts += 1
    if beside:
        added += beside
        parts += 1
    told = _exact(tax)
    if added == told or abs(added - told) <= _smallest(tax) * (parts - 1):
        return ()
    return (_ambiguous("/totals/tax", f"those of lines and shipping add up to {added:f}, the vendor says {tax}"),)


def _added(lines: tuple[LineItem, ...]) -> Decimal:
    """Σ quantity * unit price."""
    added = Decimal(0)
    for line in lines:
        added += _exact(line.quantity) * _exact(line.unit_price)
    return added


def _slack(lines: tuple[LineItem, ...], smallest: Decimal) -> Decimal:
    """How far rounding line by line may have moved the sum: a whole smallest unit for each product that is finer,
    because some vendors cut instead of rounding."""
    finer = [line for line in lines if _exact(line.quantity) * _exact(line.unit_price) % smallest]
    return smallest * len(finer)


def _smallest(amount: str) -> Decimal:
    """The smallest unit of the currency, told by the digits of an amount in it: 0.01 for `39.80`."""
    return Decimal(1).scaleb(-len(amount.partition(".")[2]))


@lru_cache(maxsize=4096)
def _exact(amount: str) -> Decimal:
    """The number; nothing, one piece and what the same order says twice are most of what is asked for."""
    return Decimal(amount)


def _ambiguous(path: str, detail: str) -> Loss:
    return Loss(path=path, kind="ambiguous", detail=detail)
