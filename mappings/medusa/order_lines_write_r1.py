"""The lines and the shipping of a new draft."""

from decimal import Decimal
from typing import Final

from msgspec import UNSET, UnsetType

from canonical.order_patch import LineItemPatch, ShippingLinePatch
from canonical.parts import CustomFieldSetting
from mappings.kit import line_fields
from mappings.medusa import metadata
from mappings.medusa.wire_2_21 import Account, LineWrite, MethodWrite, Order
from mappings.spec import Notes

ONLY_NEW: Final = "Medusa changes the contents of an order in several requests: they are written with a new order only"
NEEDS: Final = "send a product.variant_remote_id of the shop, or name and unit_price"


def lines(
    sent: tuple[LineItemPatch, ...] | None | UnsetType, current: Order | None, account: Account, notes: Notes
) -> tuple[LineWrite, ...] | UnsetType:
    """Return the lines of a new draft."""
    if isinstance(sent, UnsetType):
        return UNSET
    if current is not None:
        notes.unsupported("/line_items", ONLY_NEW)
        return UNSET
    settings = line_fields.of_lines(account.custom_fields.get("order", ()))
    return tuple(_line(line, f"/line_items/{place}", settings, notes) for place, line in enumerate(sent or ())) or UNSET


def shipping_lines(
    sent: tuple[ShippingLinePatch, ...] | None | UnsetType, current: Order | None, account: Account, notes: Notes
) -> tuple[MethodWrite, ...] | UnsetType:
    """Return the shipping options of a new draft. The title names an option of the shop."""
    if isinstance(sent, UnsetType):
        return UNSET
    if current is not None:
        notes.unsupported("/shipping_lines", ONLY_NEW)
        return UNSET
    known = {option.name: option.id for option in reversed(account.shipping_options)}
    written = []
    for place, line in enumerate(sent or ()):
        pointer = f"/shipping_lines/{place}"
        if line.carrier is not None:
            notes.unsupported(f"{pointer}/carrier", "Medusa keeps the shipping option and no carrier")
        if line.tax is not None:
            notes.unsupported(f"{pointer}/tax", "Medusa computes the tax itself")
        if not known:
            notes.invalid(f"{pointer}/title", "the shop has no shipping options: create one, or send no shipping_lines")
            continue
        title = line.title or account.shipping_options[0].name
        if title not in known:
            detail = f"the charge belongs to the shop's first shipping option, {account.shipping_options[0].name}"
            notes.lose(f"{pointer}/title", "coerced", detail)
        option = known.get(title, account.shipping_options[0].id)
        written.append(MethodWrite(name=title, shipping_option_id=option, amount=line.price))
    return tuple(written) or UNSET


def _line(line: LineItemPatch, pointer: str, settings: tuple[CustomFieldSetting, ...], notes: Notes) -> LineWrite:
    if not line.variant_id and not (line.name and line.unit_price):
        notes.invalid(pointer, NEEDS)
    if line.product_id is not None and line.variant_id is None:
        notes.unsupported(f"{pointer}/product/remote_id", "Medusa sells variants: send variant_remote_id")
    if line.tax is not None:
        notes.unsupported(f"{pointer}/tax", "Medusa computes the tax itself")
    for name in ("requires_shipping", "taxable"):
        if getattr(line, name) is not None:
            notes.unsupported(f"{pointer}/{name}", "Medusa takes it from the product")
    return LineWrite(
        title=line.name or UNSET,
        variant_id=line.variant_id or UNSET,
        variant_sku=line.sku if line.sku and line.variant_id is None else UNSET,
        unit_price=line.unit_price or UNSET,
        quantity=_quantity(line.quantity, f"{pointer}/quantity", notes),
        metadata=metadata.write_line(line, settings, pointer, notes) or UNSET,
    )


def _quantity(sent: str, pointer: str, notes: Notes) -> int | float:
    """Return a number: Medusa accepts no text here. A quantity with more digits than a float has is refused."""
    exact = Decimal(sent)
    if exact <= 0:
        notes.invalid(pointer, "must be greater than 0")
    if exact == exact.to_integral_value():
        return int(exact)
    number = float(exact)
    if Decimal(repr(number)) != exact:
        notes.invalid(pointer, "Medusa takes quantities as numbers of about 15 digits")
    return number
