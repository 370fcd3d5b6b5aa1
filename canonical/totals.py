"""The arithmetic of orders: the sum of a body, and whether a vendor's totals add up. A mismatch in a vendor's totals is
reported as a loss and never corrected."""

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from msgspec import Struct

from canonical.codes import NO_CURRENCY
from canonical.order import LineItem, Order, ShippingLine, Totals
from canonical.order_patch import FeePatch, LineItemPatch, OrderPatch, ShippingLinePatch
from canonical.parts import Loss, sent_or
from canonical.values import MAX_WHOLE_DIGITS, currency_digits

ZERO: Final = Decimal(0)
LARGEST: Final = Decimal(10) ** MAX_WHOLE_DIGITS - 1
"""The largest amount that `Money` holds in any currency."""
LONGEST: Final = 40
AMOUNTS: Final = frozenset(Totals.__struct_fields__)
PARTS: Final = frozenset({"line_items", "discounts", "shipping_lines", "fees", "tax_inclusive"})
"""The fields of an order that make its sum."""
Lines = tuple[LineItem, ...] | tuple[LineItemPatch, ...]
_AMOUNT: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def check_totals(totals: Totals, lines: tuple[LineItem, ...], tax_inclusive: bool | None) -> tuple[Loss, ...]:
    """Return mismatches as losses of kind `ambiguous`. The vendor's figures are kept.

    Checks items = Σ quantity * unit price, and total = items - discount + shipping + fees + tip + (tax unless
    included). If `tax_inclusive` is None, both totals are accepted. A line whose product is finer than the currency may
    be rounded up or down.
    """
    losses = list(check_items(totals.items, lines)) if lines else []
    items, total = _exact(totals.items), _exact(totals.total)
    before_tax = items - _exact(totals.discount) + _exact(totals.shipping) + _exact(totals.fees) + _exact(totals.tip)
    with_tax = before_tax + _exact(totals.tax)
    holds_tax = total == before_tax and tax_inclusive is not False
    if not holds_tax and (total != with_tax or tax_inclusive):
        expected = {before_tax} if tax_inclusive else {with_tax} if tax_inclusive is False else {before_tax, with_tax}
        sums = " or ".join(f"{amount:f}" for amount in sorted(expected))
        losses.append(_ambiguous("/totals/total", f"the parts add up to {sums}, the vendor says {totals.total}"))
    return tuple(losses)


def check_items(items: str, lines: tuple[LineItem, ...]) -> tuple[Loss, ...]:
    """Check only the items of `check_totals`, for orders whose other sums follow from each other."""
    added, stated = _added(lines), _exact(items)
    if added == stated or abs(added - stated) <= _slack(lines, _smallest(items)):
        return ()
    return (_ambiguous("/totals/items", f"the lines add up to {added:f}, the vendor says {items}"),)


class BodySum(Struct, frozen=True, kw_only=True):
    """The sum of the body of an order. `slack` is the largest difference that rounding per line explains: one smallest
    unit of the currency for each line whose product is finer than that."""

    total: Decimal
    slack: Decimal

    def is_about(self, amount: Decimal) -> bool:
        """Return whether an amount is this sum, within rounding."""
        return abs(self.total - amount) <= self.slack


def stated(totals: Any, name: str) -> Decimal | None:
    """Return an amount in the `totals` of a body, which may have any type."""
    amount = totals.get(name) if isinstance(totals, dict) else None
    is_amount = isinstance(amount, str) and len(amount) <= LONGEST and _AMOUNT.fullmatch(amount)
    return Decimal(amount) if is_amount else None  # type: ignore[arg-type]


def unreadable_amounts(totals: Any) -> list[str]:
    """Return the pointers of values in the `totals` of a body that are not amounts, so that a sum would be missed. Null
    and an empty list do not count."""
    if not totals:
        return []
    if not isinstance(totals, dict):
        return ["/totals"]
    wrong = [name for name, amount in totals.items() if name in AMOUNTS and amount is not None]
    return [f"/totals/{name}" for name in wrong if stated(totals, name) is None]


def sum_of(patch: OrderPatch) -> BodySum | None:
    """Return lines - discounts + shipping + fees + tax unless it is included. None if a line has no price: then the
    vendor's product supplies it."""
    lines = sent_or(patch.line_items, ())
    if any(line.unit_price is None for line in lines):
        return None
    discounts, shipping, fees = sent_or(patch.discounts, ()), sent_or(patch.shipping_lines, ()), sent_or(patch.fees, ())
    total = _added(lines) - added(one.amount for one in discounts)
    total += added(one.price for one in shipping) + added(one.amount for one in fees)
    if patch.tax_inclusive is not True:
        total += taxes_of(patch)
    return BodySum(total=total, slack=_slack(lines, smallest_unit(sent_or(patch.currency, NO_CURRENCY))))


def holds_lines(lines: Sequence[LineItem], sent: Sequence[LineItemPatch], currency: str) -> bool:
    """Return whether lines have the quantities and prices that were sent, and the names, SKUs and taxes if some were
    sent."""
    unit = smallest_unit(currency)
    return len(lines) == len(sent) and all(
        one.name in (None, line.name)
        and one.sku in (None, line.sku)
        and (one.tax is None or _exact(one.tax) == _exact(line.tax))
        and _exact(one.quantity) == _exact(line.quantity)
        and _is_about(_product(one), _product(line), unit)
        for one, line in zip(sent, lines, strict=True)
    )


def holds_sums(order: Order, patch: OrderPatch, moves: Iterable[tuple[str, str]]) -> bool:
    """Return whether an order has the sum of a whole body, and the sums of its lists. `moves` are the pointers of
    amounts that the vendor moves, each with the place where it is stored. A list with moved items is compared only as a
    part of the whole sum."""
    wanted, totals = sum_of(patch), order.totals
    sums = {
        "discounts": added(one.amount for one in sent_or(patch.discounts, ())),
        "shipping_lines": added(one.price for one in sent_or(patch.shipping_lines, ())),
        "fees": added(one.amount for one in sent_or(patch.fees, ())),
    }
    unknown = set[str]()
    for path, place in moves:
        (name, *inner), target = path[1:].split("/"), place[1:].split("/")[0]
        if inner[1:] == ["tax"] and path != place:
            if target in sums and patch.tax_inclusive is not True:
                sums[target] += added([getattr(patch, name)[int(inner[0])].tax])
        elif target != name or inner[1:] in (["tax"], ["amount"], ["price"]):
            unknown |= {name, target}
    present = {"discounts": totals.discount, "shipping_lines": totals.shipping, "fees": totals.fees}
    is_same = all(sums[name] == _exact(amount) for name, amount in present.items() if name not in unknown)
    return is_same and wanted is not None and wanted.is_about(_exact(totals.total))


def _is_about(amount: Decimal, other: Decimal, unit: Decimal) -> bool:
    """Return whether two amounts are equal. One that is finer than the currency may be rounded."""
    return abs(amount - other) <= (unit if amount % unit else ZERO)


def taxes_of(patch: OrderPatch) -> Decimal:
    """Return the taxes on lines, shipping and fees, included in the prices or not."""
    return added(one.tax for items in _taxed(patch) for one in items)


def _taxed(patch: OrderPatch) -> tuple[tuple[LineItemPatch | ShippingLinePatch | FeePatch, ...], ...]:
    return sent_or(patch.line_items, ()), sent_or(patch.shipping_lines, ()), sent_or(patch.fees, ())


def is_too_large(patch: OrderPatch, *, lines_alone: bool = False) -> bool:
    """Return whether the amounts of a body, or of its lines alone, may add up to one that `Money` does not hold. A
    vendor's body puts them together in its own way, so their signs do not count."""
    lines = sent_or(patch.line_items, ())
    size = sum((max(abs(_exact(one.unit_price or "0")), abs(_product(one))) for one in lines), ZERO)
    if not lines_alone:
        amounts = [one.amount for one in sent_or(patch.discounts, ())]
        amounts += [one.amount for one in sent_or(patch.fees, ())]
        amounts += [one.price for one in sent_or(patch.shipping_lines, ())]
        amounts += [one.tax for items in _taxed(patch) for one in items if one.tax is not None]
        size += sum((abs(_exact(one)) for one in amounts), ZERO)
    return size > LARGEST


def added(amounts: Iterable[str | None]) -> Decimal:
    """Return the sum of amounts; an absent one counts as zero."""
    return sum([_exact(amount) for amount in amounts if amount is not None], ZERO)


def smallest_unit(currency: str) -> Decimal:
    """Return the smallest unit of a currency by ISO 4217: 0.01 for EUR, 1 for JPY, 0.001 for KWD."""
    return Decimal(1).scaleb(-currency_digits(currency))


def shares(amount: Decimal, weights: Sequence[Decimal], unit: Decimal) -> tuple[Decimal, ...]:
    """Distribute an amount by weights, in whole units, so that the shares add up to it exactly.

    The units that rounding leaves go to the largest fractions. Without any weight, the first share gets everything. The
    last share also gets what is finer than a unit.
    """
    whole = sum(weights, ZERO)
    if not weights:
        return ()
    if not whole:
        return (amount, *[ZERO] * (len(weights) - 1))
    exact = [amount * weight / whole for weight in weights]
    parts = [one - one % unit if one >= 0 else -(-one - -one % unit) for one in exact]
    rest = amount - sum(parts, ZERO)
    step = unit if rest > 0 else -unit
    order = sorted(range(len(weights)), key=lambda at: abs(exact[at] - parts[at]), reverse=True)
    for at in order[: int(abs(rest) // unit)]:
        parts[at] += step
    parts[-1] += amount - sum(parts, ZERO)
    return tuple(parts)


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
    losses: list[Loss] = []
    if payment == "paid" and paid < total:
        losses.append(_ambiguous("/totals/paid", f"the order is paid, but only {totals.paid} was received"))
    elif payment == "partially_paid" and not paid and total:
        losses.append(_ambiguous("/totals/paid", "the order is partially paid, but nothing was received"))
    if refunded > paid:
        losses.append(_ambiguous("/totals/refunded", "more was refunded than received"))
    elif payment in ("refunded", "partially_refunded") and not refunded and total:
        losses.append(_ambiguous("/totals/refunded", f"the order is {payment}, but nothing was refunded"))
    outstanding = _exact(totals.outstanding)
    if outstanding > 0 and is_void(order):
        losses.append(_ambiguous("/totals/outstanding", "the order is void, but the vendor reports an amount due"))
    elif outstanding != total - paid and (outstanding or not is_void(order)):
        losses.append(_ambiguous("/totals/outstanding", "outstanding is not total minus paid at the vendor"))
    return tuple(losses)


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
    return sum(map(_product, lines), ZERO)


def _product(line: LineItem | LineItemPatch) -> Decimal:
    return _exact(line.quantity) * _exact(line.unit_price or "0")


def _slack(lines: Lines, smallest: Decimal) -> Decimal:
    """Return the largest difference that rounding per line explains.

    One smallest unit for each line product that is finer than the currency, because some vendors truncate.
    """
    finer = [line for line in lines if _product(line) % smallest]
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
