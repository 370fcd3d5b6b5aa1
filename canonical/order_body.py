"""Complete the body of a new order, so that its lists contain its whole sum.

A record that was read has some amounts only in its `totals`: a tip, a tax that the vendor does not split, a discount
within the lines. They become items of the lists that mappings write. Each such change is a loss of kind `folded`.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from canonical.codes import NO_CURRENCY
from canonical.order_patch import DiscountPatch, FeePatch, LineItemPatch, OrderPatch, ShippingLinePatch
from canonical.parts import Loss, sent_or
from canonical.totals import ZERO, added, is_too_large, shares, smallest_unit, stated, sum_of, taxes_of
from canonical.values import MAX_WHOLE_DIGITS, money

TIP: Final = "Tip"
SHIPPING: Final = "Shipping"
FEE: Final = "Fee"
DIFFERENCE: Final = "Difference to the total"


class CompleteBody(Struct, frozen=True, kw_only=True):
    """The completed body, and the folded amounts."""

    patch: OrderPatch
    folded: tuple[Loss, ...] = ()


def completed(patch: OrderPatch, totals: Any, *, total_counts: bool) -> CompleteBody:
    """Return the body of a new order with its whole sum in its lists.

    `totals` is that of the body, which may have any type. `total_counts`: the body was read with a total that differs
    from the sum of its parts, and the total is the sum. A body that cannot be completed stays as it is. Raises
    ValueError if its amounts add up to one that `Money` does not hold.
    """
    body = _with_totals(_without_negative_parts(patch), _listed(patch), totals, total_counts=total_counts)
    if is_too_large(body.patch):
        raise ValueError(f"more than {MAX_WHOLE_DIGITS} digits before the point")
    return body


def _with_totals(body: CompleteBody, listed: Mapping[str, Decimal], totals: Any, *, total_counts: bool) -> CompleteBody:
    """Return the body with the amounts that only its `totals` have. `listed` are the sums of its lists as sent."""
    total, present = stated(totals, "total"), sum_of(body.patch)
    if total is None:
        return _with_rests(body, totals, listed, ("tip",))
    if present is not None and present.is_about(total) and body.patch.tax_inclusive is True and body.patch.line_items:
        return _with_rests(body, totals, listed, ("tax",))  # it is within the prices, so the sum stays
    if present is None or present.is_about(total):
        return body
    for one in (_as_inclusive(body), _with_rests(body, totals, listed, tuple(listed))):
        for form in (one, _as_inclusive(one)):
            sums = sum_of(form.patch)
            if sums is not None and sums.is_about(total):
                return form
    return _with_difference(body, total - present.total) if total_counts else body


def _as_inclusive(body: CompleteBody) -> CompleteBody:
    """Return the body with prices that include the tax, if it leaves that open."""
    return body if isinstance(body.patch.tax_inclusive, bool) else _changed(body, tax_inclusive=True)


def _without_negative_parts(patch: OrderPatch) -> CompleteBody:
    """Return the body with each line and each fee of a negative amount as a discount."""
    lines, fees = sent_or(patch.line_items, ()), sent_or(patch.fees, ())
    currency = sent_or(patch.currency, NO_CURRENCY)
    discounts, folded = list(sent_or(patch.discounts, ())), list[Loss]()
    parts: list[tuple[str, LineItemPatch | FeePatch, Decimal]]
    parts = [(f"/line_items/{place}", one, _amount(one)) for place, one in enumerate(lines)]
    parts += [(f"/fees/{place}", one, Decimal(one.amount)) for place, one in enumerate(fees)]
    for pointer, one, amount in parts:
        if amount < 0:
            if patch.tax_inclusive is not True:
                amount += Decimal(one.tax or "0")
            folded.append(_folded(pointer, f"/discounts/{len(discounts)}", "a negative amount is a discount"))
            discounts.append(DiscountPatch(label=one.name, amount=money(str(-amount), currency)))
    if not folded:
        return CompleteBody(patch=patch)
    kept = {
        "line_items": tuple(one for one in lines if _amount(one) >= 0),
        "fees": tuple(one for one in fees if Decimal(one.amount) >= 0),
    }
    changes = {name: items for name, items in kept.items() if getattr(patch, name)}
    return CompleteBody(patch=replace(patch, discounts=tuple(discounts), **changes), folded=tuple(folded))


def _amount(line: LineItemPatch) -> Decimal:
    return Decimal(line.quantity) * Decimal(line.unit_price or "0")


def _listed(patch: OrderPatch) -> dict[str, Decimal]:
    """Return the sums of the lists of a body, by their names in `totals`. No list has tips."""
    return {
        "discount": added(one.amount for one in sent_or(patch.discounts, ())),
        "shipping": added(one.price for one in sent_or(patch.shipping_lines, ())),
        "fees": added(one.amount for one in sent_or(patch.fees, ())),
        "tip": ZERO,
        "tax": taxes_of(patch),
    }


def _with_rests(body: CompleteBody, totals: Any, listed: Mapping[str, Decimal], names: tuple[str, ...]) -> CompleteBody:
    """Return the body with the rest of each sum: its amount in `totals`, less that of its list in the body
    (`listed`)."""
    for name in names:
        amount = stated(totals, name)
        if not amount:
            continue
        rest = amount - listed[name]
        if rest > 0:
            body = _with_tax(body, rest) if name == "tax" else _with_part(body, name, rest)
    return body


def _with_part(body: CompleteBody, name: str, amount: Decimal) -> CompleteBody:
    """Return the body with an amount of its `totals` as an item of a list."""
    patch = body.patch
    text = money(str(amount), sent_or(patch.currency, NO_CURRENCY))
    if name == "discount":
        return _extended(body, "discounts", DiscountPatch(amount=text), "/totals/discount")
    if name == "shipping":
        return _extended(body, "shipping_lines", ShippingLinePatch(title=SHIPPING, price=text), "/totals/shipping")
    title = TIP if name == "tip" else FEE
    return _extended(body, "fees", FeePatch(name=title, amount=text), f"/totals/{name}")


def _with_tax(body: CompleteBody, rest: Decimal) -> CompleteBody:
    """Return the body with a tax that no part has, shared among the lines by their amounts."""
    patch = body.patch
    lines, currency = sent_or(patch.line_items, ()), sent_or(patch.currency, NO_CURRENCY)
    if not lines:
        return _extended(body, "fees", FeePatch(name="Tax", amount=money(str(rest), currency)), "/totals/tax")
    parts = shares(rest, [_amount(line) for line in lines], smallest_unit(currency))
    taxed = tuple(
        replace(line, tax=money(str(Decimal(line.tax or "0") + part), currency))
        for line, part in zip(lines, parts, strict=True)
    )
    loss = _folded("/totals/tax", "/line_items", "the tax of the order is shared among its lines")
    return _changed(body, loss, line_items=taxed)


def _with_difference(body: CompleteBody, difference: Decimal) -> CompleteBody:
    """Return the body with the difference between the vendor's total and its parts, as a fee or a discount."""
    text = money(str(abs(difference)), sent_or(body.patch.currency, NO_CURRENCY))
    if difference > 0:
        return _extended(body, "fees", FeePatch(name=DIFFERENCE, amount=text), "/totals/total")
    return _extended(body, "discounts", DiscountPatch(label=DIFFERENCE, amount=text), "/totals/total")


def _extended(body: CompleteBody, name: str, item: Struct, pointer: str) -> CompleteBody:
    present = sent_or(getattr(body.patch, name), ())
    loss = _folded(pointer, f"/{name}/{len(present)}", "it has no other place in a body")
    return _changed(body, loss, **{name: (*present, item)})


def _changed(body: CompleteBody, *folded: Loss, **changes: Any) -> CompleteBody:
    return CompleteBody(patch=replace(body.patch, **changes), folded=body.folded + folded)


def _folded(path: str, place: str, detail: str) -> Loss:
    return Loss(path=path, kind="folded", detail=detail, place=place)
