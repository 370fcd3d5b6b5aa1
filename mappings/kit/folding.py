"""Fold parts of an order's sum into others, for vendors without a place for them.

Each function takes the body of a new order and returns another one with the same sum (`canonical.totals.sum_of`), and
notes a loss of kind `folded` for each part. Lines are only added at the end, so pointers into the body stay valid.
"""

from collections.abc import Sequence
from decimal import ROUND_FLOOR, Decimal
from typing import Final

from msgspec import UNSET
from msgspec.structs import replace

from canonical.codes import NO_CURRENCY
from canonical.order_patch import FeePatch, LineItemPatch, OrderPatch
from canonical.parts import sent_or
from canonical.totals import ZERO, added, shares, smallest_unit
from canonical.values import decimal_string, money, unit_price
from mappings.kit.line_fields import SHIPPING
from mappings.spec import Notes

FEE: Final = "Fee"
TAX: Final = "Tax"
ROUNDING: Final = "Rounding"


def currency_of(patch: OrderPatch) -> str:
    """Return the currency of a body; XXX without one."""
    return sent_or(patch.currency, NO_CURRENCY)


def states_taxes(patch: OrderPatch) -> bool:
    """Return whether any part states its tax, even a tax of zero."""
    names = ("line_items", "shipping_lines", "fees")
    return any(one.tax is not None for name in names for one in sent_or(getattr(patch, name), ()))


def amount_of(line: LineItemPatch) -> Decimal:
    """Return quantity * unit price."""
    return Decimal(line.quantity) * Decimal(line.unit_price or "0")


def is_sold(line: LineItemPatch, title: str, pointer: str, notes: Notes) -> bool:
    """Return whether a line is of more than nothing. Refuse one of nothing, which adds nothing to the sum."""
    if not Decimal(line.quantity):
        notes.unsupported(pointer, f"{title} sells more than nothing of each line: leave this line out")
        return False
    return True


def fees_as_lines(patch: OrderPatch, notes: Notes, title: str) -> OrderPatch:
    """Return the body with each fee as a line, with its tax. `title` is the vendor's name."""
    lines, fees = sent_or(patch.line_items, ()), sent_or(patch.fees, ())
    for place in range(len(fees)):
        notes.fold(f"/fees/{place}", f"/line_items/{len(lines) + place}", f"{title} has no fees: it is a line")
    more = tuple(LineItemPatch(name=one.name or FEE, quantity="1", unit_price=one.amount, tax=one.tax) for one in fees)
    return replace(patch, line_items=lines + more, fees=UNSET) if more else patch


def one_shipping_line(patch: OrderPatch, notes: Notes, title: str) -> OrderPatch:
    """Return the body with all shipping in its first shipping line."""
    charges = sent_or(patch.shipping_lines, ())
    if len(charges) < 2:
        return patch
    for place in range(1, len(charges)):
        detail = f"{title} has one shipping charge: it is added to that"
        notes.fold(f"/shipping_lines/{place}", "/shipping_lines/0", detail)
    currency, taxes = currency_of(patch), [one.tax for one in charges if one.tax is not None]
    price = money(str(added(one.price for one in charges)), currency)
    tax = money(str(added(taxes)), currency) if taxes else None
    return replace(patch, shipping_lines=(replace(charges[0], price=price, tax=tax),))


def shipping_as_lines(patch: OrderPatch, notes: Notes, title: str) -> OrderPatch:
    """Return the body with each shipping charge as a line, with its tax."""
    lines, charges = sent_or(patch.line_items, ()), sent_or(patch.shipping_lines, ())
    for place in range(len(charges)):
        detail = f"{title} has no shipping: it is a line"
        notes.fold(f"/shipping_lines/{place}", f"/line_items/{len(lines) + place}", detail)
    more = tuple(
        LineItemPatch(name=one.title or SHIPPING, quantity="1", unit_price=one.price, tax=one.tax) for one in charges
    )
    return replace(patch, line_items=lines + more, shipping_lines=UNSET) if more else patch


def tax_as_line(patch: OrderPatch, notes: Notes, why: str) -> OrderPatch:
    """Return the body without the taxes of its parts. Taxes that are added to the prices become one line; those that
    the prices include stay in them. `why` begins each loss."""
    place = f"/line_items/{len(sent_or(patch.line_items, ()))}"
    tax = _without_taxes(patch, notes, place if patch.tax_inclusive is not True else None, why)
    patch = _untaxed(patch)
    if not tax:
        return patch
    line = LineItemPatch(name=TAX, quantity="1", unit_price=money(str(tax), currency_of(patch)))
    return replace(patch, line_items=(*sent_or(patch.line_items, ()), line))


def tax_as_fee(patch: OrderPatch, notes: Notes, why: str) -> OrderPatch:
    """Return the body like `tax_as_line`, with the taxes that are added to the prices as a fee."""
    fees = sent_or(patch.fees, ())
    place = f"/fees/{len(fees)}" if patch.tax_inclusive is not True else None
    tax = _without_taxes(patch, notes, place, why)
    patch = _untaxed(patch)
    if not tax:
        return patch
    return replace(
        patch, fees=(*sent_or(patch.fees, ()), FeePatch(name=TAX, amount=money(str(tax), currency_of(patch))))
    )


def tax_in_prices(patch: OrderPatch, notes: Notes, why: str, step: Decimal | None = None) -> OrderPatch:
    """Return the body with the taxes of its parts in their prices, which include them. `step` as in `repriced`."""
    lines, charges, fees = sent_or(patch.line_items, ()), sent_or(patch.shipping_lines, ()), sent_or(patch.fees, ())
    if not _without_taxes(patch, notes, None, why):
        return _untaxed(patch)
    currency = currency_of(patch)
    patch = replace(
        patch,
        line_items=repriced(lines, [Decimal(one.tax or "0") for one in lines], currency, notes, step) or UNSET,
        shipping_lines=tuple(replace(one, price=money(str(added([one.price, one.tax])), currency)) for one in charges)
        or UNSET,
        fees=tuple(replace(one, amount=money(str(added([one.amount, one.tax])), currency)) for one in fees) or UNSET,
        tax_inclusive=True,
    )
    return _untaxed(patch)


def discounts_in_prices(patch: OrderPatch, notes: Notes, title: str, step: Decimal | None = None) -> OrderPatch:
    """Return the body with its discounts in the prices of its lines, shared by their amounts. `step` as in `repriced`.

    A discount larger than the lines together stays as it is.
    """
    lines, discounts = sent_or(patch.line_items, ()), sent_or(patch.discounts, ())
    off, amounts = added(one.amount for one in discounts), [amount_of(line) for line in lines]
    if not discounts or off > sum(amounts, ZERO):
        return patch
    for place in range(len(discounts)):
        notes.fold(f"/discounts/{place}", "/line_items", f"{title} has no discounts: the prices are lower by it")
    currency = currency_of(patch)
    parts = [-share for share in shares(off, amounts, smallest_unit(currency))]
    return replace(patch, line_items=repriced(lines, parts, currency, notes, step), discounts=UNSET)


def repriced(
    lines: Sequence[LineItemPatch], amounts: Sequence[Decimal], currency: str, notes: Notes, step: Decimal | None = None
) -> tuple[LineItemPatch, ...]:
    """Return the lines with an amount added to each, in their unit prices.

    A unit price is a multiple of `step`, by default of the currency's smallest unit. What a quantity does not divide,
    such as 0, is one further line, of the product of the last line that leaves something.
    """
    unit = smallest_unit(currency) if step is None else step
    priced, rest, last = list[LineItemPatch](), ZERO, None
    for line, amount in zip(lines, amounts, strict=True):
        if amount:
            quantity, wanted = Decimal(line.quantity), amount_of(line) + amount
            each = (wanted / quantity).quantize(unit, ROUND_FLOOR) if quantity else Decimal(line.unit_price or "0")
            if left := wanted - each * quantity:
                pointer = f"/line_items/{len(priced)}/unit_price"
                notes.fold(pointer, f"/line_items/{len(lines)}", f"what its quantity does not divide is in {ROUNDING}")
                rest, last = rest + left, line
            line = replace(line, unit_price=unit_price(decimal_string(each), currency))
        priced.append(line)
    if last is not None:
        price = unit_price(decimal_string(rest), currency)
        priced.append(LineItemPatch(name=ROUNDING, product=last.product, sku=last.sku, quantity="1", unit_price=price))
    return tuple(priced)


def _without_taxes(patch: OrderPatch, notes: Notes, place: str | None, why: str) -> Decimal:
    """Note the tax of each part as folded into `place`, or into its own price. Return the additions to the prices."""
    tax = ZERO
    for name, price in (("line_items", "unit_price"), ("shipping_lines", "price"), ("fees", "amount")):
        for at, one in enumerate(sent_or(getattr(patch, name), ())):
            if one.tax is not None and Decimal(one.tax):
                pointer = f"/{name}/{at}"
                notes.fold(f"{pointer}/tax", place or f"{pointer}/{price}", why)
                tax += Decimal(one.tax)
    return ZERO if patch.tax_inclusive is True else tax


def _untaxed(patch: OrderPatch) -> OrderPatch:
    changes = {
        name: tuple(replace(one, tax=None) for one in items)
        for name in ("line_items", "shipping_lines", "fees")
        if isinstance(items := getattr(patch, name), tuple) and any(one.tax is not None for one in items)
    }
    return replace(patch, **changes) if changes else patch
