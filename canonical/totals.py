"""Check the arithmetic of an order's totals. Report a mismatch as a loss and never correct it."""

import re
from collections.abc import Collection
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from canonical.order import LineItem, Order, ShippingLine, Totals
from canonical.order_patch import LineItemPatch, OrderPatch
from canonical.parts import Loss

ZERO: Final = Decimal(0)
LONGEST: Final = 40
Lines = tuple[LineItem, ...] | tuple[LineItemPatch, ...]
_AMOUNT: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def check_totals(totals: Totals, lines: tuple[LineItem, ...], tax_inclusive: bool | None) -> tuple[Loss, ...]:
    """Return mismatches as losses of kind `ambiguous`. The vendor's figures are kept.

    Checks items = Σ quantity * unit price, and total = items - discount + shipping + fees + tip + (tax unless
    included). If `tax_inclusive` is None, both totals are accepted. A line whose product is finer than the currency may
    be rounded up or down.
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
    """Check only the items of `check_totals`, for orders whose other sums follow from each other."""
    added, stated = _added(lines), _exact(items)
    if added == stated or abs(added - stated) <= _slack(lines, _smallest(items)):
        return ()
    return (_ambiguous("/totals/items", f"the lines add up to {added:f}, the vendor says {items}"),)


def stated_total(totals: Any) -> str | None:
    """Return the total in the `totals` of a body that was sent, which may be anything."""
    total = totals.get("total") if isinstance(totals, dict) else None
    return total if isinstance(total, str) and len(total) <= LONGEST and _AMOUNT.fullmatch(total) else None


def differs(total: str, patch: OrderPatch, lost: Collection[str]) -> str | None:
    """Return what a new order adds up to without the fields at the pointers in `lost`. None if that is `total`, or if a
    line has no price of its own."""
    lines = patch.line_items if isinstance(patch.line_items, tuple) else ()
    if not lines or any(line.unit_price is None for line in lines):
        return None

    def kept(pointer: str, amount: str | None) -> Decimal:
        gone = any(pointer == one or pointer.startswith(f"{one}/") for one in lost)
        return ZERO if gone or amount is None else _exact(amount)

    discounts = patch.discounts if isinstance(patch.discounts, tuple) else ()
    shipping = patch.shipping_lines if isinstance(patch.shipping_lines, tuple) else ()
    before_tax = _added(lines) - sum(kept(f"/discounts/{at}/amount", one.amount) for at, one in enumerate(discounts))
    before_tax += sum(kept(f"/shipping_lines/{at}/price", one.price) for at, one in enumerate(shipping))
    tax = sum((kept(f"/line_items/{at}/tax", one.tax) for at, one in enumerate(lines)), ZERO)
    tax += sum(kept(f"/shipping_lines/{at}/tax", one.tax) for at, one in enumerate(shipping))
    sums = {True: {before_tax}, False: {before_tax + tax}}.get(patch.tax_inclusive, {before_tax, before_tax + tax})  # type: ignore[arg-type]
    if any(abs(one - _exact(total)) <= _slack(lines, _smallest(total)) for one in sums):
        return None
    return " or ".join(f"{one:f}" for one in sorted(sums))


def is_void(order: Order) -> bool:
    """Return whether nothing is owed for the order: it was cancelled, or its payment was voided."""
    return order.status == "cancelled" or order.cancelled_at is not None or order.payment_status == "voided"


def check_payment(order: Order) -> tuple[Loss, ...]:
    """Return mismatches between an order's states and its sums, as losses of kind `ambiguous`.

    Checks that outstanding = total - paid, or 0 if the order is void; that a paid order has received money; and that a
    refunded order has refunds, no more than it received.
    """
    totals, payment = order.totals, order.payment_status
    total, paid, refunded = _exact(totals.total), _exact(totals.paid), _exact(totals.refunded)
    found: list[Loss] = []
    if payment == "paid" and paid < total:
        found.append(_ambiguous("/totals/paid", f"the order is paid, but only {totals.paid} was received"))
    elif payment == "partially_paid" and not paid and total:
        found.append(_ambiguous("/totals/paid", "the order is partially paid, but nothing was received"))
    if refunded > paid:
        found.append(_ambiguous("/totals/refunded", "more was refunded than received"))
    elif payment in ("refunded", "partially_refunded") and not refunded and total:
        found.append(_ambiguous("/totals/refunded", f"the order is {payment}, but nothing was refunded"))
    outstanding = _exact(totals.outstanding)
    if outstanding > 0 and is_void(order):
        found.append(_ambiguous("/totals/outstanding", "the order is void, but the vendor reports an amount due"))
    elif outstanding != total - paid and (outstanding or not is_void(order)):
        found.append(_ambiguous("/totals/outstanding", "outstanding is not total minus paid at the vendor"))
    return tuple(found)


def check_taxes(
    tax: str, lines: tuple[LineItem, ...], shipping: tuple[ShippingLine, ...], *, on_fees: Decimal = ZERO
) -> tuple[Loss, ...]:
    """Check that the taxes on lines, shipping and fees (`on_fees`) add up to the tax of the order.

    Use it only for orders with all lines known. Orders without any tax on lines are not checked: vendors that do not
    split the tax send zero there. Each part may be rounded separately.
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
    if on_fees:
        added += on_fees
        parts += 1
    stated = _exact(tax)
    if added == stated or abs(added - stated) <= _smallest(tax) * (parts - 1):
        return ()
    return (_ambiguous("/totals/tax", f"the taxes of lines and shipping add up to {added:f}, the vendor says {tax}"),)


def _added(lines: Lines) -> Decimal:
    """Return Σ quantity * unit price."""
    added = Decimal(0)
    for line in lines:
        added += _exact(line.quantity) * _exact(line.unit_price or "0")
    return added


def _slack(lines: Lines, smallest: Decimal) -> Decimal:
    """Return the largest difference that rounding per line explains.

    One smallest unit for each line product that is finer than the currency, because some vendors truncate.
    """
    finer = [line for line in lines if _exact(line.quantity) * _exact(line.unit_price or "0") % smallest]
    return smallest * len(finer)


def _smallest(amount: str) -> Decimal:
    """Return the smallest unit of the currency from the decimals of an amount: 0.01 for `39.80`."""
    return Decimal(1).scaleb(-len(amount.partition(".")[2]))


@lru_cache(maxsize=4096)
def _exact(amount: str) -> Decimal:
    """Parse an amount. Cached, because the same amounts (such as 0 and 1) recur."""
    return Decimal(amount)


def _ambiguous(path: str, detail: str) -> Loss:
    return Loss(path=path, kind="ambiguous", detail=detail)
