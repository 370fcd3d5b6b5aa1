"""The sums of an order in minor units. Sums that do not add up are reported, not corrected."""

from canonical.order import Totals
from canonical.totals import check_totals
from mappings.spec import Notes
from mappings.stripe.money import money


def totals(
    currency: str,
    tax_inclusive: bool | None,
    notes: Notes,
    *,
    items: int,
    discount: int,
    shipping: int,
    tax: int,
    total: int,
    paid: int,
    refunded: int,
    outstanding: int,
) -> Totals:
    """Return amounts in minor units as decimal strings. Stripe has no fees and no tips. A sum that does not add up is
    noted by `canonical.totals`."""
    nothing = money(0, currency)
    sums = Totals(
        items=money(items, currency),
        discount=money(discount, currency),
        shipping=money(shipping, currency),
        fees=nothing,
        tip=nothing,
        tax=money(tax, currency),
        total=money(total, currency),
        paid=money(paid, currency),
        refunded=money(refunded, currency),
        outstanding=money(outstanding, currency),
    )
    # The same rule in whole numbers, which is faster.
    before_tax = items - discount + shipping
    if (total == before_tax and tax_inclusive is not False) or (total == before_tax + tax and not tax_inclusive):
        return sums
    notes.loss.extend(check_totals(sums, (), tax_inclusive))
    return sums
