"""The parts of a new checkout's sum, revision 1: lines, one coupon, one shipping option.

Stripe computes no tax here, has no fees, and applies a coupon to the lines only
(https://docs.stripe.com/payments/checkout/discounts).
"""

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from canonical import values
from canonical.codes import NO_CURRENCY
from canonical.order_patch import DiscountPatch, LineItemPatch, OrderPatch, ShippingLinePatch
from canonical.parts import CustomFieldSetting, sent_or
from canonical.totals import ZERO, added
from mappings.kit import folding, line_fields
from mappings.kit.line_fields import SHIPPING
from mappings.spec import Notes
from mappings.stripe import metadata
from mappings.stripe.money import InexactAmount, charged, decimals, minor_decimal, minor_units
from mappings.stripe.wire_2026_10_28 import Account
from mappings.stripe.wire_writes_2026_10_28 import (
    AmountWrite,
    CouponWrite,
    LineWrite,
    Metadata,
    OrderWrite,
    PriceWrite,
    ProductWrite,
    ShippingOptionWrite,
    ShippingRateWrite,
)

MOST_LINES: Final = 100
"""The most lines of a checkout (https://docs.stripe.com/api/checkout/sessions/create)."""
LONGEST_COUPON: Final = 40
"""The most characters of a coupon's name."""
LONGEST_TITLE: Final = 100
"""The most characters of the name of a shipping option."""
COUPON: Final = "Discount"
NO_TAX: Final = "Stripe computes no tax for this checkout"


class OrderMoney(Struct, frozen=True, kw_only=True):
    """The sum of a new checkout."""

    lines: tuple[LineWrite, ...] | UnsetType
    shipping: tuple[ShippingOptionWrite, ...] | UnsetType = UNSET
    coupon: CouponWrite | None = None


def write(patch: OrderPatch, settings: tuple[CustomFieldSetting, ...], notes: Notes) -> OrderMoney:
    """Return the parts of the sum. What has no place is folded into the others."""
    patch = folding.tax_as_line(patch, notes, NO_TAX)  # first: its losses point into what was sent
    patch = folding.fees_as_lines(patch, notes, "Stripe")
    patch = folding.one_shipping_line(patch, notes, "Stripe")
    lines, currency = sent_or(patch.line_items, ()), patch.currency if isinstance(patch.currency, str) else None
    written = tuple(
        _line(one, patch, currency, pointer, settings, notes)
        for at, one in enumerate(lines)
        if folding.is_sold(one, "Stripe", pointer := f"/line_items/{at}", notes)
    )
    if not written:
        notes.invalid("/line_items", "a checkout needs at least one; the status draft creates a draft invoice")
    if len(lines) > MOST_LINES:
        notes.invalid("/line_items", f"a checkout has at most {MOST_LINES} lines")
    off = added(one.amount for one in sent_or(patch.discounts, ()))
    items = None if any(line.unit_price is None for line in lines) else sum(map(folding.amount_of, lines), ZERO)
    beyond = ZERO if items is None else max(ZERO, off - items)
    return OrderMoney(
        lines=written or UNSET,
        shipping=_shipping(sent_or(patch.shipping_lines, ()), beyond, currency, notes),
        coupon=_coupon(sent_or(patch.discounts, ()), off - beyond, beyond, currency, notes),
    )


def total_of(body: OrderWrite, account: Account) -> Decimal | None:
    """Return the sum of a new order: Stripe rounds the amount of each line. None with a price of the account. A draft
    invoice has no lines yet."""
    session = body.session
    if session is None:
        return ZERO
    total, currency = ZERO, sent_or(session.currency, NO_CURRENCY).upper()
    for line in sent_or(session.line_items, ()):
        if isinstance(line.price_data, UnsetType):
            return None
        total += _rounded(Decimal(line.price_data.unit_amount_decimal) * line.quantity)
    if body.coupon is not None:
        total -= min(total, Decimal(body.coupon.amount_off))
    for option in sent_or(session.shipping_options, ()):
        total += option.shipping_rate_data.fixed_amount.amount
    return total.scaleb(-decimals(currency))


def lines_of(body: OrderWrite) -> tuple[LineItemPatch, ...]:
    """Return the lines of a new checkout, with the amounts folded into them. A line with a price of the account has no
    price here."""
    if body.session is None:
        return ()
    places = decimals(sent_or(body.session.currency, NO_CURRENCY).upper())
    lines = list[LineItemPatch]()
    for line in sent_or(body.session.line_items, ()):
        own = sent_or(line.price_data, None)
        name = None if own is None or isinstance(own.product_data, UnsetType) else own.product_data.name
        price = None if own is None else values.decimal_string(Decimal(own.unit_amount_decimal).scaleb(-places))
        lines.append(LineItemPatch(name=name, quantity=str(line.quantity), unit_price=price))
    return tuple(lines)


def _rounded(minor: Decimal) -> Decimal:
    return minor.to_integral_value(ROUND_HALF_UP)


def _line(
    line: LineItemPatch,
    patch: OrderPatch,
    currency: str | None,
    pointer: str,
    settings: tuple[CustomFieldSetting, ...],
    notes: Notes,
) -> LineWrite:
    quantity = Decimal(line.quantity)
    if quantity != int(quantity):
        notes.invalid(f"{pointer}/quantity", "Stripe sells whole quantities: send the price of a unit that is whole")
    kept = _metadata(line, pointer, settings, notes)
    if line.variant_id is not None and (line.name is None or line.unit_price is None):
        for member, sent in (
            ("name", line.name),
            ("unit_price", line.unit_price),
            ("product/remote_id", line.product_id),
        ):
            if sent is not None:
                notes.unsupported(f"{pointer}/{member}", "the price at Stripe has its own")
        return LineWrite(quantity=int(quantity), price=line.variant_id, metadata=kept)
    if currency is None:
        notes.invalid("/currency", "is needed for a line with unit_price")
    product: str | UnsetType = line.product_id or UNSET
    if product is not UNSET and line.name:
        notes.lose(
            f"{pointer}/product", "coerced", "the product at Stripe has its own name: the line gets a new product"
        )
        product = UNSET
    code = currency or NO_CURRENCY
    price = minor_decimal(line.unit_price or "0", code)
    if why := charged(int(_rounded(Decimal(price) * quantity)), code):
        notes.invalid(f"{pointer}/unit_price", why)
    return LineWrite(
        quantity=int(quantity),
        price_data=PriceWrite(
            currency=code.lower(),
            unit_amount_decimal=price,
            product=product,
            product_data=UNSET if product is not UNSET else _product(line),
            tax_behavior=_behavior(patch.tax_inclusive),
        ),
        metadata=kept,
    )


def _metadata(
    line: LineItemPatch, pointer: str, settings: tuple[CustomFieldSetting, ...], notes: Notes
) -> Metadata | UnsetType:
    """Return what Stripe has no member for: SKU, options, flags and custom fields of a line."""
    product, sku = line.product, line.sku
    if product is not None:
        sku = sku or product.sku
        for name, value in (("name", product.name), ("sku", product.sku)):
            if value not in (None, sku):
                notes.lose(f"{pointer}/product/{name}", "coerced", f"the line has its own {name}")
    kept: Metadata = {metadata.SKU: sku} if sku else {}
    for name, flag in ((metadata.SHIPS, line.requires_shipping), (metadata.TAXABLE, line.taxable)):
        if flag is not None:
            kept[name] = "true" if flag else "false"
    names = metadata.OF_LINES | {one.vendor_field for one in settings}
    for name, value in line_fields.options_by_name(line.options, names, "Stripe", pointer, notes).items():
        if len(name) > metadata.LONGEST_KEY or len(value) > metadata.LONGEST:
            notes.unsupported(f"{pointer}/options", "Stripe holds 40 characters of a name and 500 of a value")
        elif value:
            kept[name] = value
    fields = metadata.write(UNSET, line.custom_fields, settings, None, notes, f"{pointer}/custom_fields")
    return (kept | sent_or(fields, {})) or UNSET


def _product(line: LineItemPatch) -> ProductWrite:
    return ProductWrite(name=line.name or line.sku or "", metadata={metadata.SKU: line.sku} if line.sku else UNSET)


def _behavior(tax_inclusive: bool | None | UnsetType) -> str | UnsetType:
    if tax_inclusive is None or isinstance(tax_inclusive, UnsetType):
        return UNSET
    return "inclusive" if tax_inclusive else "exclusive"


def _coupon(
    discounts: tuple[DiscountPatch, ...], off: Decimal, beyond: Decimal, currency: str | None, notes: Notes
) -> CouponWrite | None:
    """Return the coupon of this order alone: once, for one redemption. Its name is that of the discounts."""
    if not discounts:
        return None
    for place, one in enumerate(discounts):
        if place:
            notes.fold(f"/discounts/{place}", "/discounts/0", "Stripe accepts one coupon: it is added to that")
        elif beyond:
            notes.fold(
                "/discounts/0", "/shipping_lines/0", "a coupon lowers the lines alone: the rest is off the shipping"
            )
        if one.code or one.label or one.type != "unknown":
            notes.lose(f"/discounts/{place}", "coerced", "it is the name of a coupon; reads show the amount alone")
    if currency is None:
        notes.invalid("/currency", "is needed for a discount")
        return None
    try:
        amount = minor_units(values.money(str(off), currency), currency)
    except InexactAmount as error:
        notes.invalid("/discounts/0/amount", str(error))
        return None
    if not amount:
        return None
    named = ", ".join(name for one in discounts if (name := one.code or one.label))
    return CouponWrite(name=named[:LONGEST_COUPON] or COUPON, amount_off=amount, currency=currency.lower())


def _shipping(
    lines: tuple[ShippingLinePatch, ...], off: Decimal, currency: str | None, notes: Notes
) -> tuple[ShippingOptionWrite, ...] | UnsetType:
    """Return the shipping option, less `off`. The buyer has no other choice."""
    if not lines:
        return UNSET
    (line,) = lines
    if line.carrier is not None:
        notes.unsupported("/shipping_lines/0/carrier", "Stripe does not keep the carrier of shipping")
    if currency is None:
        notes.invalid("/currency", "is needed for the price of shipping")
        return UNSET
    if off:
        line = replace(line, price=values.money(str(max(ZERO, Decimal(line.price) - off)), currency))
    try:
        amount = AmountWrite(amount=minor_units(line.price, currency), currency=currency.lower())
    except InexactAmount as error:
        notes.invalid("/shipping_lines/0/price", str(error))
        return UNSET
    name = line.title or SHIPPING
    if len(name) > LONGEST_TITLE:
        notes.lose("/shipping_lines/0/title", "truncated", f"Stripe keeps {LONGEST_TITLE} characters")
    rate = ShippingRateWrite(display_name=name[:LONGEST_TITLE], fixed_amount=amount)
    return (ShippingOptionWrite(shipping_rate_data=rate),)
