"""The lines and the shipping of a new draft."""

from decimal import Decimal
from typing import Final

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from canonical.order_patch import LineItemPatch, OrderPatch, ShippingLinePatch
from canonical.parts import CustomFieldSetting, sent_or
from canonical.totals import ZERO, added, shares, smallest_unit
from canonical.values import decimal_string, money, unit_price
from mappings.kit import folding, line_fields
from mappings.medusa import metadata
from mappings.medusa.wire_2_21 import FEE, Account, LineWrite, MethodWrite, Order, OrderWrite
from mappings.spec import Notes

ONLY_NEW: Final = "Medusa changes the contents of an order in several requests: they are written with a new order only"
TAX_NEEDED: Final = "Medusa adds the tax to prices without tax: send the tax of each line that its price includes"
MOST_DECIMALS: Final = 9
NEEDS: Final = "send a product.variant_remote_id of the shop, or name and unit_price"


def with_net_amounts(patch: OrderPatch, account: Account, notes: Notes) -> OrderPatch:
    """Return the body of a new order with prices that Medusa adds up to its sum: after discounts, and without the taxes
    that Medusa adds itself. Prices have up to nine decimals, because Medusa does not round."""
    lines, charges, fees = sent_or(patch.line_items, ()), sent_or(patch.shipping_lines, ()), sent_or(patch.fees, ())
    is_inclusive = patch.tax_inclusive is True
    if is_inclusive and folding.states_taxes(patch):
        notes.lose("/tax_inclusive", "coerced", "Medusa stores prices without tax and adds the tax itself")
    elif is_inclusive:
        notes.unsupported("/tax_inclusive", TAX_NEEDED)
    off_lines, off_shipping = _discounts(patch, notes)

    def net(amount: Decimal, off: Decimal, tax: str | None) -> Decimal:
        return amount - off - (Decimal(tax or "0") if is_inclusive else ZERO)

    currency = folding.currency_of(patch)
    priced = []
    for place, (line, off) in enumerate(zip(lines, off_lines, strict=True)):
        amount, count = folding.amount_of(line), Decimal(line.quantity)
        wanted = net(amount, off, line.tax)
        _note_tax(f"/line_items/{place}", line.tax, notes)
        if line.unit_price is not None and wanted != amount and count:
            each = decimal_string(round(wanted / count, MOST_DECIMALS))
            line = replace(line, unit_price=unit_price(each, currency))
        priced.append(replace(line, tax=None))
    charged = []
    for place, (charge, off) in enumerate(zip(charges, off_shipping, strict=True)):
        _note_tax(f"/shipping_lines/{place}", charge.tax, notes)
        price = unit_price(decimal_string(round(net(Decimal(charge.price), off, charge.tax), MOST_DECIMALS)), currency)
        charged.append(replace(charge, price=price, tax=None))
    kept = []
    for place, fee in enumerate(fees):
        _note_tax(f"/fees/{place}", fee.tax, notes)
        kept.append(replace(fee, amount=money(decimal_string(net(Decimal(fee.amount), ZERO, fee.tax)), currency)))
    patch = replace(patch, line_items=tuple(priced), shipping_lines=tuple(charged), fees=tuple(kept))
    return patch if account.shipping_options else folding.shipping_as_lines(patch, notes, "this Medusa shop")


def total_of(body: OrderWrite, account: Account) -> Decimal | None:
    """Return None: Medusa adds taxes by its own rates. The order that it made is compared."""
    return None


def lines_of(body: OrderWrite) -> tuple[LineItemPatch, ...]:
    """Return the lines of a new order, with the amounts folded into them."""
    return tuple(
        LineItemPatch(quantity=str(line.quantity), unit_price=sent_or(line.unit_price, None))
        for line in sent_or(body.body.items, ())
        if FEE not in sent_or(line.metadata, {})
    )


def _discounts(patch: OrderPatch, notes: Notes) -> tuple[tuple[Decimal, ...], tuple[Decimal, ...]]:
    """Return the discount of each line and each shipping charge."""
    discounts, unit = sent_or(patch.discounts, ()), smallest_unit(folding.currency_of(patch))
    weights = [folding.amount_of(line) for line in sent_or(patch.line_items, ())]
    prices = [Decimal(one.price) for one in sent_or(patch.shipping_lines, ())]
    off, cost, carriage = added(one.amount for one in discounts), sum(weights, ZERO), sum(prices, ZERO)
    off_shipping = min(added(one.amount for one in discounts if one.type == "shipping"), carriage)
    off_lines = min(off - off_shipping, cost)
    off_shipping = min(off - off_lines, carriage)
    if off > off_lines + off_shipping:
        notes.invalid("/discounts", "the discounts are more than lines and shipping together")
    for place, one in enumerate(discounts):
        target = "/shipping_lines" if one.type == "shipping" and off_shipping else "/line_items"
        notes.fold(f"/discounts/{place}", target, "Medusa computes the discount of a promotion: the prices are lower")
    return shares(off_lines, weights, unit), shares(off_shipping, prices, unit)


def _note_tax(pointer: str, tax: str | None, notes: Notes) -> None:
    if tax is not None and Decimal(tax):
        notes.lose(f"{pointer}/tax", "coerced", "Medusa computes the tax itself")


def lines(
    patch: OrderPatch, current: Order | None, account: Account, notes: Notes
) -> tuple[LineWrite, ...] | UnsetType:
    """Return the lines of a new draft. A fee is a line that is marked as one."""
    if current is not None:
        for name in ("line_items", "fees"):
            if getattr(patch, name) is not UNSET:
                notes.unsupported(f"/{name}", ONLY_NEW)
        return UNSET
    settings = line_fields.of_lines(account.custom_fields.get("order", ()))
    sent = sent_or(patch.line_items, ())
    written = [_line(line, f"/line_items/{place}", settings, notes) for place, line in enumerate(sent)]
    for place, fee in enumerate(sent_or(patch.fees, ())):
        notes.lose(f"/fees/{place}", "coerced", "Medusa has no fees: it is a line there, and reads as a fee")
        title, mark = fee.name or folding.FEE, {FEE: True}
        written.append(LineWrite(title=title, unit_price=fee.amount, quantity=1, metadata=mark))
    return tuple(written) or UNSET


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
