"""The arithmetic an order must satisfy (`canonical-model`, totals). A mismatch is told, never mended."""

from decimal import Decimal
from functools import lru_cache

from canonical.order import LineItem, Totals
from canonical.parts import Loss


def check_totals(totals: Totals, lines: tuple[LineItem, ...], tax_inclusive: bool | None) -> tuple[Loss, ...]:
    """What does not add up, as losses of kind `ambiguous`; the vendor's figures stand.

    Checked: items = Σ quantity * unit price; total = items - discount + shipping + fees + tip + (tax unless
    included); outstanding = total - paid. With `tax_inclusive` unknown the total may include the tax or not.
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
    if _exact(totals.outstanding) != total - _exact(totals.paid):
        found.append(_ambiguous("/totals/outstanding", "outstanding is not total minus paid at the vendor"))
    return tuple(found)


def check_items(items: str, lines: tuple[LineItem, ...]) -> tuple[Loss, ...]:
    """The first of these alone, for orders whose other sums follow from each other."""
    added, told = _added(lines), _exact(items)
    if added == told or abs(added - told) <= _slack(lines, _smallest(items)):
        return ()
    return (_ambiguous("/totals/items", f"the lines add up to {added:f}, the vendor says {items}"),)


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
