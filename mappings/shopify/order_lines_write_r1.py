"""The amounts of a new order: lines, discount, shipping, and payments already made."""

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Final

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from canonical import values
from canonical.codes import NO_CURRENCY
from canonical.order import PaymentStatus
from canonical.order_patch import DiscountPatch, FeePatch, LineItemPatch, OrderPatch, ShippingLinePatch
from canonical.parts import CustomFieldSetting, sent_or
from canonical.totals import added, shares, smallest_unit, sum_of
from mappings.kit import folding, line_fields, nearest, patches
from mappings.kit.line_fields import SHIPPING
from mappings.shopify import custom_fields
from mappings.shopify.requests import gid
from mappings.shopify.wire_2026_07 import FEE, Account
from mappings.shopify.wire_inputs_2026_07 import (
    DiscountCodeInput,
    FixedDiscountInput,
    FreeShippingInput,
    LineItemInput,
    MoneyBagInput,
    MoneyInput,
    OrderWrite,
    PropertyInput,
    ShippingLineInput,
    TaxLineInput,
    TransactionInput,
)
from mappings.spec import Notes

TRANSACTION: Final[dict[PaymentStatus, tuple[str, str]]] = {
    "paid": ("SALE", "SUCCESS"),
    "authorized": ("AUTHORIZATION", "SUCCESS"),
    "pending": ("SALE", "PENDING"),
}
"""The payment of the total that brings a new order into each state: kind and status."""
ONE_DISCOUNT: Final = "Shopify accepts one discount with a new order: it is added to it"
DISCOUNT_TYPES: Final = ("fixed", "shipping")
TAX_TITLE: Final = "Tax"
DISCOUNT_CODE: Final = "DISCOUNT"
RATE: Final = Decimal("0.000001")
ZERO: Final = Decimal(0)


class OrderMoney(Struct, frozen=True, kw_only=True):
    """The amounts of a new order."""

    lines: tuple[LineItemInput, ...] | UnsetType
    shipping: tuple[ShippingLineInput, ...] | UnsetType
    discount: DiscountCodeInput | UnsetType
    transactions: tuple[TransactionInput, ...] | UnsetType


def order_money(patch: OrderPatch, account: Account, notes: Notes) -> OrderMoney:
    """Return lines, shipping, discount and payment of a new order, in one currency."""
    currency = patch.currency if isinstance(patch.currency, str) else account.currency
    lines = patch.line_items or ()
    shipping = patch.shipping_lines or ()
    discounts = patch.discounts or ()
    payment = patch.payment_status
    if currency is None:
        if lines or shipping or discounts:
            notes.invalid("/currency", "the shop's currency is not known yet: send currency")
        currency = NO_CURRENCY
    settings = line_fields.of_lines(account.custom_fields.get("order", ()))
    written = [
        _line(line, currency, settings, notes, pointer)
        for at, line in enumerate(lines)
        if folding.is_sold(line, "Shopify", pointer := f"/line_items/{at}", notes)
    ]
    fees = sent_or(patch.fees, ())
    written += [_fee(fee, currency, notes, f"/fees/{at}") for at, fee in enumerate(fees)]
    if lines and not written:
        notes.invalid("/line_items", "a new Shopify order needs at least one line of more than nothing")
    unit = smallest_unit(currency)
    cost = sum([folding.amount_of(line).quantize(unit, ROUND_HALF_UP) for line in lines], ZERO)
    cost += added(one.amount for one in fees)
    is_known = all(line.unit_price is not None for line in lines)
    shipping, discounts = _fitting(shipping, discounts, cost if is_known else None, currency, notes)
    charged = added(one.price for one in shipping)
    return OrderMoney(
        lines=tuple(written) or UNSET,
        shipping=tuple(_shipping(line, currency, notes, f"/shipping_lines/{at}") for at, line in enumerate(shipping))
        or UNSET,
        discount=_discount(discounts, currency, charged, notes),
        transactions=UNSET if payment is UNSET else _payment(payment, patch, currency, notes),
    )


def total_of(body: OrderWrite, account: Account) -> Decimal | None:
    """Return what Shopify adds a new order up to. None if a variant supplies a price."""
    order, total, code = body.create, ZERO, sent_or(body.create.currency, account.currency or NO_CURRENCY)
    unit = smallest_unit(code)
    lines, charges = sent_or(order.line_items, ()), sent_or(order.shipping_lines, ())
    for line in lines:
        if isinstance(line.price_set, UnsetType):
            return None
        total += (line.quantity * Decimal(line.price_set.shop_money.amount)).quantize(unit, ROUND_HALF_UP)
    discount = sent_or(order.discount_code, DiscountCodeInput())
    if isinstance(discount.item_fixed_discount_code, FixedDiscountInput):
        total -= min(Decimal(discount.item_fixed_discount_code.amount_set.shop_money.amount), total)
    if discount.free_shipping_discount_code is UNSET:
        total += added(one.price_set.shop_money.amount for one in charges)
    taxes = [tax for line in lines for tax in sent_or(line.tax_lines, ())]
    taxes += [tax for charge in charges for tax in sent_or(charge.tax_lines, ())]
    if order.taxes_included is not True:
        total += added(tax.price_set.shop_money.amount for tax in taxes)
    return total


def _fitting(
    shipping: tuple[ShippingLinePatch, ...],
    discounts: tuple[DiscountPatch, ...],
    cost: Decimal | None,
    currency: str,
    notes: Notes,
) -> tuple[tuple[ShippingLinePatch, ...], tuple[DiscountPatch, ...]]:
    """Return shipping and discounts such that the discounts are at most the sum of the lines (`cost`), Shopify's limit.
    The rest is subtracted from the shipping."""
    off, charged = added(one.amount for one in discounts), added(one.price for one in shipping)
    is_free_shipping = len(discounts) == 1 and discounts[0].type == "shipping" and off == charged
    if cost is None or off <= cost or is_free_shipping:
        return shipping, discounts
    rest = min(off - cost, charged)
    if off - cost > charged:
        notes.unsupported(
            "/discounts", "Shopify takes discounts off lines and shipping: they are more than both together"
        )
    parts = shares(rest, [Decimal(one.price) for one in shipping], smallest_unit(currency))
    if rest:
        notes.fold("/discounts/0", "/shipping_lines", "Shopify takes a discount off the lines: the shipping is cheaper")
    shipping = tuple(
        replace(one, price=values.money(values.decimal_string(Decimal(one.price) - part), currency))
        for one, part in zip(shipping, parts, strict=True)
    )
    whole = replace(discounts[0], type="fixed", amount=values.money(values.decimal_string(off - rest), currency))
    for place in range(1, len(discounts)):
        notes.fold(f"/discounts/{place}", "/discounts/0", ONE_DISCOUNT)
    return shipping, (whole,)


def _fee(fee: FeePatch, currency: str, notes: Notes, pointer: str) -> LineItemInput:
    """Return a fee as a line that is marked as one."""
    notes.lose(pointer, "coerced", "Shopify has no fees for apps: it is a line there, and reads as a fee")
    if not fee.name:
        notes.lose(f"{pointer}/name", "defaulted", f"Shopify needs a title: it is {folding.FEE}")
    tax = fee.tax is not None and Decimal(fee.tax)
    return LineItemInput(
        quantity=1,
        title=fee.name or folding.FEE,
        price_set=_bag(fee.amount, currency),
        requires_shipping=False,
        tax_lines=_tax(fee.tax or "0", Decimal(fee.amount), currency) if tax else UNSET,
        properties=(PropertyInput(name=FEE, value="1"),),
    )


def _line(
    line: LineItemPatch, currency: str, settings: tuple[CustomFieldSetting, ...], notes: Notes, pointer: str
) -> LineItemInput:
    if line.variant_id is None and (line.name is None or line.unit_price is None):
        notes.invalid(pointer, "send product.variant_remote_id, or name and unit_price")
    quantity = Decimal(line.quantity)
    if quantity != int(quantity) or quantity < 1:
        notes.invalid(f"{pointer}/quantity", "Shopify accepts only whole quantities")
    product = line.product
    if product is not None and product.name:
        notes.unsupported(f"{pointer}/product/name", "Shopify takes the name of a product from the product")
    if product is not None and product.sku and line.variant_id is None:
        notes.lose(f"{pointer}/product/sku", "coerced", "the shop has no such product: it is the SKU of the line")
    sku = line.sku or (None if product is None else product.sku)
    named = custom_fields.named(line.custom_fields, settings, notes, f"{pointer}/custom_fields") or {}
    fields = {setting.vendor_field: text for setting, text in named.items() if isinstance(text, str)}
    pairs = line_fields.options_by_name(line.options, frozenset(), "Shopify", pointer, notes, fields) | fields
    properties = tuple(PropertyInput(name=name, value=value) for name, value in pairs.items())
    return LineItemInput(
        quantity=int(quantity),
        variant_id=UNSET if line.variant_id is None else gid("ProductVariant", line.variant_id),
        product_id=UNSET if line.product_id is None else gid("Product", line.product_id),
        title=UNSET if line.name is None else line.name,
        sku=UNSET if sku is None else sku,
        price_set=UNSET if line.unit_price is None else _bag(line.unit_price, currency),
        requires_shipping=UNSET if line.requires_shipping is None else line.requires_shipping,
        taxable=UNSET if line.taxable is None else line.taxable,
        tax_lines=_line_tax(line, quantity, currency, notes, pointer),
        properties=properties or UNSET,
    )


def _line_tax(
    line: LineItemPatch, quantity: Decimal, currency: str, notes: Notes, pointer: str
) -> tuple[TaxLineInput, ...] | UnsetType:
    if line.tax is None or not Decimal(line.tax):
        return UNSET
    if line.unit_price is None:
        notes.invalid(f"{pointer}/unit_price", "Shopify needs the tax rate: send the price too")
        return UNSET
    return _tax(line.tax, quantity * Decimal(line.unit_price), currency)


def _tax(amount: str, of: Decimal, currency: str) -> tuple[TaxLineInput, ...]:
    """Return one tax, with its rate computed from amount and price."""
    rate = (Decimal(amount) / of).quantize(RATE, ROUND_HALF_EVEN) if of else ZERO
    text = values.decimal_string(rate.normalize())
    return (TaxLineInput(title=TAX_TITLE, rate=text, price_set=_bag(amount, currency)),)


def _shipping(line: ShippingLinePatch, currency: str, notes: Notes, pointer: str) -> ShippingLineInput:
    if Decimal(line.price) < 0:
        notes.invalid(f"{pointer}/price", "a charge cannot be negative")
    if line.carrier is not None:
        notes.unsupported(f"{pointer}/carrier", "Shopify keeps the source of the rate, not the carrier")
    return ShippingLineInput(
        title=line.title or SHIPPING,
        price_set=_bag(line.price, currency),
        tax_lines=UNSET if line.tax is None or not Decimal(line.tax) else _tax(line.tax, Decimal(line.price), currency),
    )


def _discount(
    discounts: tuple[DiscountPatch, ...], currency: str, charged: Decimal, notes: Notes
) -> DiscountCodeInput | UnsetType:
    """Return the single discount that Shopify allows: an amount off the lines, or free shipping. Several are added up,
    so that the order keeps its total."""
    if not discounts:
        return UNSET
    discount = discounts[0]
    for place in range(1, len(discounts)):
        notes.fold(f"/discounts/{place}", "/discounts/0", ONE_DISCOUNT)
    if len(discounts) > 1:
        whole = sum((Decimal(one.amount) for one in discounts), ZERO)
        discount = replace(discount, type="fixed", amount=values.decimal_string(whole))
    elif discount.type == "shipping" and Decimal(discount.amount) != charged:
        notes.lose(
            "/discounts/0/type", "coerced", "Shopify discounts all of the shipping or none: it is a fixed amount"
        )
        discount = replace(discount, type="fixed")
    elif discount.type not in DISCOUNT_TYPES:
        near = nearest.DISCOUNT.get(discount.type, ("fixed",))
        notes.lose("/discounts/0/type", "coerced", f"Shopify accepts one of: {', '.join(DISCOUNT_TYPES)}")
        discount = replace(discount, type=near[0])
    if discount.label is not None and discount.code is not None:
        notes.unsupported("/discounts/0/label", "Shopify keeps only the code of a discount: send the code alone")
    elif discount.label is not None:
        notes.lose("/discounts/0/label", "coerced", "Shopify keeps only the code of a discount: it is the code")
    elif discount.code is None:
        notes.lose("/discounts/0/code", "defaulted", f"Shopify needs a code: it is {DISCOUNT_CODE}")
    code = discount.code or discount.label or DISCOUNT_CODE
    if discount.type == "fixed":
        return DiscountCodeInput(
            item_fixed_discount_code=FixedDiscountInput(code=code, amount_set=_bag(discount.amount, currency))
        )
    return DiscountCodeInput(free_shipping_discount_code=FreeShippingInput(code=code))


def _payment(
    status: PaymentStatus, patch: OrderPatch, currency: str, notes: Notes
) -> tuple[TransactionInput, ...] | UnsetType:
    """Return a payment of the order's total, from which Shopify derives the payment status."""
    written = patches.chosen(
        status, TRANSACTION, "/payment_status", notes, "a new order can have ", nearest.PAYMENT_STATUS
    )
    if isinstance(written, UnsetType):
        return UNSET
    for place, line in enumerate(patch.line_items or ()):
        if line.unit_price is None:
            notes.invalid(f"/line_items/{place}/unit_price", "send the price: the paid sum is computed from it")
            return UNSET
    kind, state = written
    sums = sum_of(patch)
    if patch.line_items and sums is not None and not sums.total and written != TRANSACTION["paid"]:
        notes.lose("/payment_status", "coerced", "an order that adds up to nothing is paid at Shopify")
    total = values.money(values.decimal_string(ZERO if sums is None else max(sums.total, ZERO)), currency)
    return (TransactionInput(kind=kind, status=state, amount_set=_bag(total, currency)),)


def _bag(amount: str, currency: str) -> MoneyBagInput:
    return MoneyBagInput(shop_money=MoneyInput(amount=amount, currency_code=currency))
