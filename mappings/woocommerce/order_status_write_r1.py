"""Three canonical statuses to WooCommerce's one status.

The chosen status reads as everything the patch sets and changes the least of everything else. A recorded payment and
its refunds stay recorded under any status.
"""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from canonical.order_patch import OrderPatch
from mappings.kit import nearest
from mappings.spec import Notes
from mappings.woocommerce.order_enums_r1 import STATUSES, WRITABLE, Axes, axes
from mappings.woocommerce.order_parts_r1 import after_refunds
from mappings.woocommerce.wire_v3 import Order, Text

FIELDS: Final = ("status", "payment_status", "fulfillment_status")
TOGETHER: Final = frozenset(FIELDS)
REFUNDS: Final = ("partially_refunded", "refunded")
FAR: Final = 100
"""More steps than any near value takes."""
DRAFT: Final = (
    "a WooCommerce shop deletes drafts within a day: place the order at its source first, or send status open, which"
    " awaits payment there"
)
Near = tuple[Mapping[Any, tuple[str, ...]], ...]
NEAR: Final[Near] = (
    nearest.ORDER_STATUS,
    nearest.PAYMENT_STATUS,
    {**nearest.FULFILLMENT_STATUS, "unfulfilled": ("cancelled",)},
)
"""The nearest values of each field. A cancelled order is not sent."""
NEAR_NEW: Final[Near] = ({**nearest.ORDER_STATUS, "open": ("completed",)}, *NEAR[1:])
"""Those of a new order. A shop has completed an order once it is paid and sent; one that exists is not completed by an
update that calls it open."""


def status(patch: OrderPatch, current: Order | None, notes: Notes) -> Text:
    """Return the status to set, UNSET if the patch sets none of the three or changes nothing."""
    wanted = (patch.status, patch.payment_status, patch.fulfillment_status)
    if all(isinstance(one, UnsetType) for one in wanted):
        return UNSET
    present = None if current is None else _reading(current.status, current)
    if present is not None and _fits(wanted, present):
        return UNSET
    if present == STATUSES["pending"] and wanted in ((UNSET, "pending", UNSET), (UNSET, "pending", "unfulfilled")):
        wanted = ("open", *wanted[1:])  # only orders on hold read as pending, and nobody puts this one on hold
    if patch.status == "draft":
        notes.unsupported("/status", DRAFT)
        return status(replace(patch, status=UNSET), current, notes)
    readings = {name: _reading(name, current) for name in WRITABLE}
    own = None if current is None else current.status
    places = readings if own is None or present is None else readings | {own: present}
    near = NEAR_NEW if current is None else NEAR
    names = [name for name, one in readings.items() if _fits(wanted, one)] or _nearest(wanted, places, near)
    if not names:
        _refuse(wanted, readings, notes)
        return UNSET
    chosen = names[0]
    if present is not None:  # of equally near ones, that which changes least and implies the known payment
        same = {name: sum(map(_same, places[name], present)) for name in names}
        chosen = max(names, key=lambda name: (same[name], name == own, places[name] == STATUSES.get(name)))
    _note_coerced(wanted, places[chosen], notes)
    if chosen == own:
        return UNSET
    _note_implied(chosen, wanted, places[chosen], present, notes)
    return chosen


def _reading(name: str, current: Order | None) -> Axes:
    """Return what an order reads as under a status."""
    if current is None:
        return axes(name, is_paid=False)
    reading = axes(name, is_paid=current.is_paid, method=current.payment_method)
    return reading._replace(payment=after_refunds(reading.payment, current))


def _note_coerced(wanted: tuple[object, ...], reading: Axes, notes: Notes) -> None:
    for field, sent, stored in zip(FIELDS, wanted, reading, strict=True):
        if not isinstance(sent, UnsetType) and sent != stored:
            notes.lose(f"/{field}", "coerced", f"{sent} is stored as {stored}: WooCommerce has one status for an order")


def _note_implied(name: str, wanted: tuple[object, ...], reading: Axes, before: Axes | None, notes: Notes) -> None:
    """Note what the chosen status reports without a word in the patch: of a new order money and goods, of the present
    one (`before`) every other value."""
    for field, sent, after, present in zip(FIELDS, wanted, reading, before or STATUSES["pending"], strict=True):
        is_told = before is not None or after in ("paid", "fulfilled")
        if isinstance(sent, UnsetType) and after != present and is_told:
            notes.lose(f"/{field}", "defaulted", f"WooCommerce counts an order with status {name} as {after}")


def _fits(wanted: tuple[object, ...], reading: Axes) -> bool:
    return all(isinstance(one, UnsetType) or one == read for one, read in zip(wanted, reading, strict=True))


def _nearest(wanted: tuple[object, ...], readings: dict[str, Axes], near: Near) -> list[str]:
    """Return the statuses that read as the nearest values of the patch; none if one of the values has no near one."""
    steps = {
        name: sum(_steps(*one) for one in zip(near, wanted, reading, strict=True)) for name, reading in readings.items()
    }
    fewest = min(steps.values())
    return [name for name, number in steps.items() if number == fewest < FAR]


def _steps(near: Mapping[Any, tuple[str, ...]], wanted: object, reading: str) -> int:
    """Return how far a value is from the wanted one: 0 if it is the same or nothing is wanted."""
    if isinstance(wanted, UnsetType) or wanted == reading:
        return 0
    places = near.get(wanted, ())
    return 1 + places.index(reading) if reading in places else FAR


def _same(one: str, other: str) -> bool:
    return one == other


def _refuse(wanted: tuple[object, ...], readings: dict[str, Axes], notes: Notes) -> None:
    """Refuse the value that no status has. If each has one, refuse the combination."""
    alone = False
    for place, (field, one) in enumerate(zip(FIELDS, wanted, strict=True)):
        available = tuple(dict.fromkeys(reading[place] for reading in readings.values()))
        if not isinstance(one, UnsetType) and one not in available:
            alone = True
            way = ": record the refund in WooCommerce" if one in REFUNDS else ""
            notes.invalid(f"/{field}", f"a WooCommerce order can be set to one of: {', '.join(available)}{way}")
    if alone:
        return
    first = next(field for field, one in zip(FIELDS, wanted, strict=True) if not isinstance(one, UnsetType))
    together = "; ".join(f"{name}: {', '.join(reading)}" for name, reading in readings.items())
    notes.invalid(
        f"/{first}",
        "WooCommerce has one status for order, payment and goods, and none has this combination: send one of these, or"
        f" leave a field out - {together}",
    )
