"""The amounts of a new order: lines, discount, shipping, and payments already made."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from canonical import values
from canonical.codes import NO_CURRENCY
from canonical.order import PaymentStatus
from canonical.order_patch import DiscountPatch, LineItemPatch, OrderPatch, ShippingLinePatch
from canonical.parts import CustomFieldSetting
from mappings.kit import line_fields, nearest, patches
from mappings.kit.line_fields import SHIPPING
from mappings.shopify import custom_fields
from mappings.shopify.requests import gid
from mappings.shopify.wire_2026_07 import Account
from mappings.shopify.wire_inputs_2026_07 import (
    DiscountCodeInput,
    FixedDiscountInput,
    FreeShippingInput,
    LineItemInput,
    MoneyBagInput,
    MoneyInput,
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
    charged = sum((Decimal(one.price) for one in shipping), ZERO)
    written = tuple(_line(line, currency, settings, notes, f"/line_items/{at}") for at, line in enumerate(lines))
    return OrderMoney(
        lines=written or UNSET,
        shipping=tuple(_shipping(line, currency, notes, f"/shipping_lines/{at}") for at, line in enumerate(shipping))
        or UNSET,
        discount=_discount(discounts, currency, charged, notes),
        transactions=UNSET if payment is UNSET else _payment(payment, patch, currency, notes),
    )


def _line(
    line: LineItemPatch, currency: str, settings: tuple[CustomFieldSetting, ...], notes: Notes, pointer: str
) -> LineItemInput:
    if line.variant_id is None and (line.name is None or line.unit_price is None):
        notes.invalid(pointer, "send product.variant_remote_id, or name and unit_price")
    quantity = Decimal(line.quantity)
    if quantity != int(quantity) or quantity < 1:
        notes.invalid(f"{pointer}/quantity", "Shopify accepts only whole quantities")
    named = custom_fields.named(line.custom_fields, settings, notes, f"{pointer}/custom_fields") or {}
    # A custom field wins over an option of the same name.
    pairs = line_fields.options_by_name(line.options, frozenset(), "Shopify", pointer, notes)
    pairs |= {setting.vendor_field: text for setting, text in named.items() if isinstance(text, str)}
    properties = tuple(PropertyInput(name=name, value=value) for name, value in pairs.items())
    return LineItemInput(
        quantity=int(quantity),
        variant_id=UNSET if line.variant_id is None else gid("ProductVariant", line.variant_id),
        product_id=UNSET if line.product_id is None else gid("Product", line.product_id),
        title=UNSET if line.name is None else line.name,
        sku=UNSET if line.sku is None else line.sku,
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
        notes.lose(f"/discounts/{place}", "coerced", "Shopify accepts one discount with a new order: it is added to it")
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
    if discount.code is not None and discount.label not in (None, discount.code):
        notes.unsupported("/discounts/0/label", "Shopify keeps only the code of a discount: send the code alone")
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
    total = values.money(values.decimal_string(_total(patch)), currency)
    return (TransactionInput(kind=kind, status=state, amount_set=_bag(total, currency)),)


def _total(patch: OrderPatch) -> Decimal:
    lines, shipping = patch.line_items or (), patch.shipping_lines or ()
    total = sum((Decimal(line.quantity) * Decimal(line.unit_price or "0") for line in lines), ZERO)
    total += sum((Decimal(line.price) for line in shipping), ZERO)
    total -= sum((Decimal(discount.amount) for discount in patch.discounts or ()), ZERO)
    if patch.tax_inclusive is not True:
        total += sum((Decimal(line.tax or "0") for line in lines), ZERO)
        total += sum((Decimal(line.tax or "0") for line in shipping), ZERO)
    return max(total, ZERO)


def _bag(amount: str, currency: str) -> MoneyBagInput:
    return MoneyBagInput(shop_money=MoneyInput(amount=amount, currency_code=currency))
