"""The sums of an order in minor units, and whether they add up: told, never mended."""

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
    """Amounts in minor units as decimal strings; Stripe has neither fees nor tips on what it sells. What does not add
    up is noted in the words of `canonical.totals`."""
    nothing = money(0, currency)
    found = Totals(
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
    # The rule in whole numbers: the quick way to see that nothing has to be told.
    before_tax = items - discount + shipping
    if (total == before_tax and tax_inclusive is not False) or (total == before_tax + tax and not tax_inclusive):
        return found
    notes.loss.extend(check_totals(found, (), tax_inclusive))
    return found
