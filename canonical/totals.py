"""The arithmetic an order must satisfy (`canonical-model`, totals). A mismatch is told, never mended."""

from decimal import Decimal

from canonical.order import LineItem, Totals
from canonical.parts import Loss


def check_totals(totals: Totals, lines: tuple[LineItem, ...], tax_inclusive: bool | None) -> tuple[Loss, ...]:
    """What does not add up, as losses of kind `ambiguous`; the vendor's figures stand.

    Checked: items = Σ quantity * unit price; total = items - discount + shipping + fees + tip + (tax unless
    included); outstanding = total - paid. With `tax_inclusive` unknown the total may include the tax or not.
    """
    found: list[Loss] = []
    items = sum((Decimal(line.quantity) * Decimal(line.unit_price) for line in lines), Decimal(0))
    if lines and items != Decimal(totals.items):
        found.append(_ambiguous("/totals/items", f"the lines add up to {items:f}, the vendor says {totals.items}"))
    total = Decimal(totals.total)
    before_tax = (
        Decimal(totals.items)
        - Decimal(totals.discount)
        + Decimal(totals.shipping)
        + Decimal(totals.fees)
        + Decimal(totals.tip)
    )
    with_tax = before_tax + Decimal(totals.tax)
    expected = {before_tax} if tax_inclusive else {with_tax} if tax_inclusive is False else {before_tax, with_tax}
    if total not in expected:
        shown = " or ".join(f"{amount:f}" for amount in sorted(expected))
        found.append(_ambiguous("/totals/total", f"the parts add up to {shown}, the vendor says {totals.total}"))
    if Decimal(totals.outstanding) != total - Decimal(totals.paid):
        found.append(_ambiguous("/totals/outstanding", "outstanding is not total minus paid at the vendor"))
    return tuple(found)


def _ambiguous(path: str, detail: str) -> Loss:
    return Loss(path=path, kind="ambiguous", detail=detail)
