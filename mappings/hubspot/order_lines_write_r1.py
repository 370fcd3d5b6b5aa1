"""Canonical Order → HubSpot order, revision 1: line items, and the sums, which HubSpot stores as they are sent.

The sums of a new order are computed from its lines, discounts and shipping. A change of discounts or shipping changes
the total by the difference, so that it keeps any other amounts in HubSpot. Line items are separate records: they are
written with a new order only.
"""

from decimal import Decimal
from typing import Final

from msgspec import UNSET, UnsetType

from canonical import values
from canonical.codes import NO_CURRENCY
from canonical.order import Order
from canonical.order_patch import DiscountPatch, LineItemPatch, OrderPatch, ShippingLinePatch
from canonical.parts import sent_or
from canonical.totals import added
from mappings.endpoints import NUMBER
from mappings.hubspot.field_values import SEPARATOR
from mappings.hubspot.requests import BATCH
from mappings.hubspot.wire_order_v3 import OrderWrite
from mappings.hubspot.wire_v3 import Account
from mappings.kit.folding import amount_of
from mappings.spec import Notes

ZERO: Final = Decimal(0)
NO_TAX: Final = "in HubSpot it follows from the sums, and this order has no tax"
NO_LINE_PLACE: Final[dict[str, str]] = {
    "options": "HubSpot line items have no options",
    "requires_shipping": "HubSpot line items do not say whether they are shipped",
    "taxable": "HubSpot line items do not say whether they are taxed",
    "custom_fields": "custom fields of HubSpot line items are not written",
}


def check_digits(patch: OrderPatch, order: Order | None, notes: Notes) -> None:
    """Refuse amounts of a change with more digits than the currency of the order, which the body need not name."""
    digits = None if order is None else values.currency_digits(order.currency)
    amounts = {f"/discounts/{at}/amount": one.amount for at, one in enumerate(sent_or(patch.discounts, ()))}
    amounts |= {f"/shipping_lines/{at}/price": one.price for at, one in enumerate(sent_or(patch.shipping_lines, ()))}
    for pointer, amount in amounts.items() if digits is not None else ():
        if Decimal(amount) != round(Decimal(amount), digits):
            notes.invalid(pointer, f"the currency of the order has {digits} decimals")


def new_lines(patch: OrderPatch, order: Order | None, notes: Notes) -> tuple[dict[str, str], ...]:
    """Return the properties of the lines of a new order."""
    lines = patch.line_items
    if isinstance(lines, UnsetType):
        return ()
    if order is not None:
        if not _are_same(lines or (), order):
            notes.unsupported("/line_items", "HubSpot's line items are separate records: change them in HubSpot")
            return ()
        for place, line in enumerate(lines or ()):
            _refuse_members(line, f"/line_items/{place}", notes)
        return ()
    if len(lines or ()) > BATCH:
        notes.invalid("/line_items", f"HubSpot creates at most {BATCH} line items with one order")
        return ()
    return tuple(_line(line, place, patch.currency or None, notes) for place, line in enumerate(lines or ()))


def _are_same(lines: tuple[LineItemPatch, ...], order: Order) -> bool:
    """Return whether lines sent again are those of the order: the same goods, quantities, prices and taxes."""
    return len(lines) == len(order.line_items) and all(
        (sent.sku or stored.sku) == stored.sku
        and (sent.name or stored.name) == stored.name
        and Decimal(sent.quantity) == Decimal(stored.quantity)
        and (sent.unit_price is None or Decimal(sent.unit_price) == Decimal(stored.unit_price))
        and (sent.tax is None or Decimal(sent.tax) == Decimal(stored.tax))
        and sent.product_id in (None, None if stored.product is None else stored.product.remote_id)
        for sent, stored in zip(lines, order.line_items, strict=True)
    )


def _line(line: LineItemPatch, place: int, currency: str | None, notes: Notes) -> dict[str, str]:
    pointer = f"/line_items/{place}"
    _refuse_members(line, pointer, notes)
    name = line.name or (None if line.product is None else line.product.name) or line.sku
    if name is None:
        notes.invalid(f"{pointer}/name", "HubSpot needs the name of each line")
    if line.unit_price is None:
        notes.invalid(f"{pointer}/unit_price", "HubSpot needs the price of each line")
    if line.product_id and not (line.product_id.isascii() and line.product_id.isdecimal()):
        notes.invalid(f"{pointer}/product/remote_id", f"a HubSpot product id is a whole number ({NUMBER})")
    sku = line.sku or (None if line.product is None else line.product.sku)
    _check_product(line, sku, name, pointer, notes)
    written: dict[str, str | None] = {
        "name": name,
        "hs_sku": sku,
        "hs_product_id": line.product_id,
        "quantity": line.quantity,
        "price": line.unit_price,
        "tax": line.tax,
        "hs_line_item_currency_code": currency,
        "hs_position_on_quote": str(place),
    }
    return {key: text for key, text in written.items() if text}


def _check_product(line: LineItemPatch, sku: str | None, name: str | None, pointer: str, notes: Notes) -> None:
    """Note the losses of the product: HubSpot names it by id, and a line has one name and one SKU."""
    product = line.product
    if product is None:
        return
    if product.remote_id is None:
        notes.lose(f"{pointer}/product", "coerced", "HubSpot names products by id: the line keeps a name and a SKU")
        return
    for member, kept in (("sku", sku), ("name", name)):
        if getattr(product, member) not in (None, kept):
            notes.lose(f"{pointer}/product/{member}", "dropped", f"HubSpot keeps the {member} of the line")


def _refuse_members(line: LineItemPatch, pointer: str, notes: Notes) -> None:
    for member, reason in NO_LINE_PLACE.items():
        if getattr(line, member) not in (None, ()):
            notes.unsupported(f"{pointer}/{member}", reason)
    if line.variant_id is not None:
        notes.unsupported(f"{pointer}/product/variant_remote_id", "HubSpot products have no variants")


def sums_written(patch: OrderPatch, order: Order | None, notes: Notes) -> dict[str, str]:
    """Return the sums of a new order, or those that a change of discounts or shipping moves."""
    discounts, shipping = patch.discounts, patch.shipping_lines
    lines = () if order is not None else patch.line_items or ()
    written: dict[str, str] = {}
    sums: dict[str, Decimal] = {}
    if order is None:
        sums["hs_subtotal_price"] = sum((Decimal(one.quantity) * Decimal(one.unit_price or 0) for one in lines), ZERO)
        sums["hs_order_discount"], sums["hs_shipping_cost"] = ZERO, ZERO
    if not isinstance(discounts, UnsetType):
        sums["hs_order_discount"] = _discount(discounts or (), notes)
        codes = SEPARATOR.join(one.code for one in discounts or () if one.code)
        if codes or order is not None:
            written["hs_discount_codes"] = codes
    if not isinstance(shipping, UnsetType):
        sums["hs_shipping_cost"] = _shipping(shipping or (), order, notes)
    if order is not None:
        return written | _moved(sums, order)
    taxes = [*(one.tax for one in lines), *(one.tax for one in shipping or ())]
    tax = sum((Decimal(one) for one in taxes if one is not None), ZERO)
    if not tax and patch.tax_inclusive is not UNSET:
        notes.lose("/tax_inclusive", "defaulted", NO_TAX)
    if not (lines or discounts or shipping):
        return written
    total = sums["hs_subtotal_price"] - sums["hs_order_discount"] + sums["hs_shipping_cost"]
    sums |= {"hs_tax": tax, "hs_total_price": total if patch.tax_inclusive else total + tax}
    return written | {name: _amount(amount, patch.currency or NO_CURRENCY) for name, amount in sums.items()}


def _moved(sums: dict[str, Decimal], order: Order) -> dict[str, str]:
    """Return the sums that differ from those of the order, and its total."""
    present = {"hs_order_discount": Decimal(order.totals.discount), "hs_shipping_cost": Decimal(order.totals.shipping)}
    moved = {name: amount for name, amount in sums.items() if amount != present[name]}
    if not moved:
        return {}
    by = sum((moved[name] - present[name]) * (-1 if name == "hs_order_discount" else 1) for name in moved)
    moved["hs_total_price"] = Decimal(order.totals.total) + by
    return {name: _amount(amount, order.currency) for name, amount in moved.items()}


def _discount(discounts: tuple[DiscountPatch, ...], notes: Notes) -> Decimal:
    for place, one in enumerate(discounts):
        if place:
            notes.fold(f"/discounts/{place}", "/discounts/0", "HubSpot keeps the sum of all discounts")
            continue
        if one.type != "fixed":
            notes.lose("/discounts/0/type", "coerced", "HubSpot keeps the amount of the discounts")
        if one.label:
            notes.lose("/discounts/0/label", "dropped", "HubSpot keeps no names of discounts")
    return sum((Decimal(one.amount) for one in discounts), ZERO)


def _shipping(lines: tuple[ShippingLinePatch, ...], order: Order | None, notes: Notes) -> Decimal:
    """Return the cost of shipping. Its taxes are part of the tax of a new order, which stays as it is later."""
    taxes = added(one.tax for one in lines)
    is_kept = order is None or taxes == Decimal(order.totals.tax) - added(one.tax for one in order.line_items)
    charged = added(one.price for one in lines)
    for place, one in enumerate(lines):
        if one.tax is not None and Decimal(one.tax) and not is_kept:
            notes.unsupported(f"/shipping_lines/{place}/tax", "HubSpot keeps one tax for the whole order: it stays")
        if not charged:
            notes.lose(f"/shipping_lines/{place}", "dropped", "HubSpot keeps the cost of shipping only: this has none")
            continue
        if place:
            notes.fold(f"/shipping_lines/{place}", "/shipping_lines/0", "HubSpot keeps one cost of shipping")
            continue
        for name in ("title", "carrier"):
            if getattr(one, name):
                notes.lose(f"/shipping_lines/0/{name}", "dropped", "HubSpot keeps only the cost of shipping")
        if one.tax is not None and Decimal(one.tax) and is_kept:
            notes.fold("/shipping_lines/0/tax", "/totals/tax", "HubSpot keeps one tax for the whole order")
    return charged


def total_of(body: OrderWrite, account: Account) -> Decimal | None:
    """Return the sum of a new order in HubSpot: the net prices that it computes for the lines, less the discount, with
    shipping, and with the tax unless the total is without it. None for an order without amounts."""
    total, discount, shipping, tax = (
        Decimal(body.properties.get(name) or "0")
        for name in ("hs_total_price", "hs_order_discount", "hs_shipping_cost", "hs_tax")
    )
    if "hs_total_price" not in body.properties:
        return None
    before_tax = sum(map(amount_of, lines_of(body)), ZERO) - discount + shipping
    return before_tax + tax if abs(total - before_tax) > abs(tax) / 2 else before_tax


def lines_of(body: OrderWrite) -> tuple[LineItemPatch, ...]:
    """Return the lines of a new order, with the amounts folded into them."""
    return tuple(
        LineItemPatch(
            name=line.get("name"), quantity=line["quantity"], unit_price=line.get("price"), tax=line.get("tax")
        )
        for line in body.line_items
    )


def _amount(amount: Decimal, currency: str) -> str:
    return values.money(values.decimal_string(amount), currency)
