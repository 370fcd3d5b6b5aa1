"""Three axes into WooCommerce's one status.

The status is taken that reads as all of what the caller says, and that changes least of what he does not say. A payment
that is recorded stays recorded, whatever the status becomes.
"""

from typing import Final

from msgspec import UNSET, UnsetType

from canonical.order_patch import OrderPatch
from mappings.spec import Notes
from mappings.woocommerce.order_enums_r1 import STATUSES, WRITABLE, Axes, axes
from mappings.woocommerce.wire_v3 import Order, Text

FIELDS: Final = ("status", "payment_status", "fulfillment_status")
TOGETHER: Final = frozenset(FIELDS)


def status(patch: OrderPatch, current: Order | None, notes: Notes) -> Text:
    """The status to set; nothing where the patch says none of the three, or what is so already."""
    wanted = (patch.status, patch.payment_status, patch.fulfillment_status)
    if all(isinstance(one, UnsetType) for one in wanted):
        return UNSET
    is_paid = current is not None and current.date_paid_gmt is not None
    method = "" if current is None else current.payment_method
    present = None if current is None else axes(current.status, is_paid=is_paid, method=method)
    if present is not None and _fits(wanted, present):
        return UNSET
    readings = {name: axes(name, is_paid=is_paid, method=method) for name in WRITABLE}
    fitting = [name for name, reading in readings.items() if _fits(wanted, reading)]
    if not fitting:
        _refuse(wanted, readings, notes)
        return UNSET
    if present is None:
        return fitting[0]
    # Of two that change as little, that one which says itself what is known of the payment.
    return max(fitting, key=lambda name: (sum(map(_same, readings[name], present)), readings[name] == STATUSES[name]))


def _fits(wanted: tuple[object, ...], reading: Axes) -> bool:
    return all(isinstance(one, UnsetType) or one == said for one, said in zip(wanted, reading, strict=True))


def _same(one: str, other: str) -> bool:
    return one == other


def _refuse(wanted: tuple[object, ...], readings: dict[str, Axes], notes: Notes) -> None:
    """Name the value that no status has; or, where each is had by some, that they do not go together."""
    alone = False
    for place, (field, one) in enumerate(zip(FIELDS, wanted, strict=True)):
        held = tuple(dict.fromkeys(reading[place] for reading in readings.values()))
        if not isinstance(one, UnsetType) and one not in held:
            alone = True
            notes.invalid(f"/{field}", f"an order at WooCommerce can be made one of: {', '.join(held)}")
    if alone:
        return
    first = next(field for field, one in zip(FIELDS, wanted, strict=True) if not isinstance(one, UnsetType))
    together = "; ".join(f"{name}: {', '.join(reading)}" for name, reading in readings.items())
    notes.invalid(
        f"/{first}", f"WooCommerce has one status for order, payment and goods, and none that is so - {together}"
    )
