"""The arithmetic an order must satisfy (`canonical-model`, totals). A mismatch is told, never mended."""

from decimal import Decimal

from canonical.order import LineItem, Totals
from canonical.parts import Loss


def check_totals(totals: Totals, lines: tuple[LineItem, ...], tax_inclusive: bool | None) -> tuple[Loss, ...]:
    """What does not add up, as losses of kind `ambiguous`; the vendor's figures stand.

    Checked: items = Σ quantity * unit price; total = items - discount + shipping + fees + tip + (tax unless
    included); outstanding = total - paid. With `tax_inclusive` unknown the total may include the tax or not.
    A line whose product is finer than the currency may have been rounded up or down.
    """
    found: list[Loss] = []
    items, total = Decimal(totals.items), Decimal(totals.total)
    if lines:
        added, slack = _added(lines, _smallest(items))
        if abs(added - items) > slack:
            found.append(_ambiguous("/totals/items", f"the lines add up to {added:f}, the vendor says {totals.items}"))
    before_tax = (
        items - Decimal(totals.discount) + Decimal(totals.shipping) + Decimal(totals.fees) + Decimal(totals.tip)
    )
    with_tax = before_tax + Decimal(totals.tax)
    expected = {before_tax} if tax_inclusive else {with_tax} if tax_inclusive is False else {before_tax, with_tax}
    if total not in expected:
        shown = " or ".join(f"{amount:f}" for amount in sorted(expected))
        found.append(_ambiguous("/totals/total", f"the parts add up to {shown}, the vendor says {totals.total}"))
    if Decimal(totals.outstanding) != total - Decimal(totals.paid):
        found.append(_ambiguous("/totals/outstanding", "outstanding is not total minus paid at the vendor"))
    return tuple(found)


def _added(lines: tuple[LineItem, ...], smallest: Decimal) -> tuple[Decimal, Decimal]:
    """Σ quantity * unit price, and how far rounding line by line may have moved it: a whole smallest unit for each
    product that is finer, because some vendors cut instead of rounding."""
    added = slack = Decimal(0)
    for line in lines:
        product = Decimal(line.quantity) * Decimal(line.unit_price)
        added += product
        if product % smallest:
            slack += smallest
    return added, slack


def _smallest(amount: Decimal) -> Decimal:
    """The smallest unit of the currency, told by the digits of an amount in it: 0.01 for `39.80`."""
    exponent = amount.as_tuple().exponent
    return Decimal(1).scaleb(exponent if isinstance(exponent, int) else 0)


def _ambiguous(path: str, detail: str) -> Loss:
    return Loss(path=path, kind="ambiguous", detail=detail)
