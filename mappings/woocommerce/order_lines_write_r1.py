"""The amounts of a new order: lines, shipping, fees, and the discounts and taxes that are folded into them.

WooCommerce keeps `subtotal` and `total` of a line; the difference is its discount. A line that it cannot sell as a
product is a fee, marked in its meta (`LineMark`), which reads back as the line. WooCommerce sets taxes itself: none, or
by its rates if the shop calculates taxes. It rounds sums to the decimals of the shop.
"""

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from msgspec import UNSET, Struct, UnsetType

from canonical import values
from canonical.order_patch import FeePatch, LineItemPatch, OrderPatch, ShippingLinePatch
from canonical.parts import CustomFieldSetting, sent_or
from canonical.totals import ZERO, added, shares
from mappings.kit import folding
from mappings.kit.line_fields import SHIPPING
from mappings.spec import Notes
from mappings.woocommerce import custom_fields, field_values
from mappings.woocommerce.money import decimals
from mappings.woocommerce.requests import number
from mappings.woocommerce.wire_v3 import (
    LINE,
    Account,
    FeeLineWrite,
    LineMark,
    LineWrite,
    MetaWrite,
    OrderWrite,
    ShippingLineWrite,
)

NEEDS_PRODUCT: Final = (
    "WooCommerce sells the shop's products: send product.variant_remote_id, product.remote_id or the sku of one."
    " Anything else becomes a fee: send name and unit_price"
)
AS_FEE: Final = "the shop has no such product: it is a fee there, and reads as this line"
NOT_WHOLE: Final = "WooCommerce's API sells whole quantities: the line is a fee, and no stock is reduced"
PRICE_NEEDED: Final = "WooCommerce's API sells whole quantities: send one, or a unit_price"
WITH_PRODUCT: Final = "WooCommerce keeps this with the product"
PRODUCTS_SKU: Final = "the product keeps its own SKU at WooCommerce"
OWN_TAX: Final = "WooCommerce works out the tax itself"
NO_TAX: Final = "the WooCommerce shop calculates no taxes"
INCLUDED: Final = "the WooCommerce shop calculates no taxes: the prices are stored with the tax that they include"
WITHOUT: Final = "WooCommerce stores prices without tax and adds the tax itself"
TAX_NEEDED: Final = (
    "the WooCommerce shop adds the tax to prices without tax: send the tax of each line that its price includes"
)
SHIPPING_METHOD: Final = "other"
"""The method of a charge that the shop did not compute."""
DISCOUNT: Final = "Discount"


class Digits(Struct, frozen=True, kw_only=True):
    """How many decimals a sum may have. `of_currency`: it is the currency's number, not a smaller one of the shop."""

    most: int
    of_currency: bool

    @property
    def unit(self) -> Decimal:
        """The smallest sum."""
        return Decimal(1).scaleb(-self.most)


class Amounts(Struct, frozen=True, kw_only=True):
    """The amounts in the body of a new order."""

    products: tuple[LineWrite, ...]
    shipping: tuple[ShippingLineWrite, ...]
    fees: tuple[FeeLineWrite, ...]


class _Sums(Struct, frozen=True, kw_only=True):
    """The sums of a line in the shop's digits: before and after discounts. None if the product supplies the price."""

    subtotal: Decimal | None
    total: Decimal | None


def amounts(patch: OrderPatch, account: Account, of_lines: tuple[CustomFieldSetting, ...], notes: Notes) -> Amounts:
    """Return the amounts of a new order. Their sum is that of the patch, before taxes that the shop adds."""
    digits = digits_of(patch, account)
    patch = _with_taxes_of_the_shop(patch, account, notes)
    adds_tax = account.calculates_taxes is True
    is_net = patch.tax_inclusive is True and adds_tax
    lines, charges = sent_or(patch.line_items, ()), sent_or(patch.shipping_lines, ())
    gross = [_line_sum(line, place, digits, notes) for place, line in enumerate(lines)]
    prices = [_rounded(one.price, f"/shipping_lines/{at}/price", digits, notes) for at, one in enumerate(charges)]
    off_lines, off_shipping, rest = _discounts(patch, gross, prices, digits, notes)
    sums = [
        _sums(line, amount, off, digits, is_net=is_net)
        for line, amount, off in zip(lines, gross, off_lines, strict=True)
    ]
    products, fees = _lines(lines, sums, of_lines, notes)
    paid = [price - off for price, off in zip(prices, off_shipping, strict=True)]
    if is_net:
        paid = [one - Decimal(charge.tax or "0") for one, charge in zip(paid, charges, strict=True)]
        before, after = sum(filter(None, gross), ZERO), sum([one.subtotal or ZERO for one in sums], ZERO)
        rest = (rest * after / before).quantize(digits.unit) if before else rest
    fees += [_fee(one, place, digits, notes, is_net=is_net) for place, one in enumerate(sent_or(patch.fees, ()))]
    if rest:
        fees.append(FeeLineWrite(name=_discount_name(patch), total=_text(-rest)))
    return Amounts(
        products=tuple(products),
        shipping=tuple(_charge(one, at, sum_, notes) for at, (one, sum_) in enumerate(zip(charges, paid, strict=True))),
        fees=tuple(fees),
    )


def total_of(body: OrderWrite, account: Account) -> Decimal | None:
    """Return what WooCommerce adds a new order up to. None if a product supplies a price, or if the shop adds taxes."""
    if account.calculates_taxes:
        return None
    lines, total = sent_or(body.line_items, ()), ZERO
    for line in lines:
        if isinstance(line.total, UnsetType):
            return None
        total += Decimal(line.total)
    total += added(one.total for one in sent_or(body.shipping_lines, ()))
    for fee in sent_or(body.fee_lines, ()):
        # A negative fee reduces the order to zero at most (WC_Abstract_Order::calculate_totals).
        total += max(Decimal(fee.total), -total) if total > 0 else Decimal(fee.total)
    return total


def lines_of(body: OrderWrite) -> tuple[LineItemPatch, ...]:
    """Return the lines of a new order, without the taxes that the shop adds."""
    marks = [one.value for fee in sent_or(body.fee_lines, ()) for one in sent_or(fee.meta_data, ()) if one.key == LINE]
    lines = [
        LineItemPatch(
            quantity=str(line.quantity), unit_price=_text(Decimal(sent_or(line.subtotal, "0")) / line.quantity)
        )
        for line in sent_or(body.line_items, ())
    ]
    for mark in marks:
        assert isinstance(mark, LineMark)  # noqa: S101 - the value under this key
        lines.insert(mark.place, LineItemPatch(quantity=mark.quantity, unit_price=mark.unit_price))
    return tuple(lines)


def digits_of(patch: OrderPatch, account: Account) -> Digits:
    """Return the digits of sums: the currency's, or the shop's if it has fewer."""
    named = patch.currency if isinstance(patch.currency, str) else account.currency
    currency = values.currency_digits(named) if named is not None else 2
    if account.decimals is not None and account.decimals < currency:
        return Digits(most=account.decimals, of_currency=False)
    return Digits(most=currency, of_currency=True)


def _with_taxes_of_the_shop(patch: OrderPatch, account: Account, notes: Notes) -> OrderPatch:
    """Return the patch without the taxes that the shop does not store. One that calculates none gets them as a fee, or
    keeps them within the prices."""
    if not account.calculates_taxes:
        if patch.tax_inclusive is True:
            notes.lose("/tax_inclusive", "coerced", INCLUDED)
        return folding.tax_as_fee(patch, notes, NO_TAX)
    for name in ("line_items", "shipping_lines", "fees"):
        for place, one in enumerate(sent_or(getattr(patch, name), ())):
            if one.tax is not None and Decimal(one.tax):
                notes.lose(f"/{name}/{place}/tax", "coerced", OWN_TAX)
    if patch.tax_inclusive is True:
        if folding.states_taxes(patch):
            notes.lose("/tax_inclusive", "coerced", WITHOUT)
        else:
            notes.unsupported("/tax_inclusive", TAX_NEEDED)
    return patch


def _line_sum(line: LineItemPatch, place: int, digits: Digits, notes: Notes) -> Decimal | None:
    if line.unit_price is None:
        return None
    amount = values.decimal_string(folding.amount_of(line))
    return _rounded(amount, f"/line_items/{place}/unit_price", digits, notes)


def _rounded(amount: str, pointer: str, digits: Digits, notes: Notes) -> Decimal:
    """Return a sum as the shop rounds it. Refuse one that the shop rounds to less than the currency has."""
    kept = Decimal(amount).quantize(digits.unit, ROUND_HALF_UP)
    if decimals(amount) <= digits.most:
        return kept
    if digits.of_currency:
        notes.lose(pointer, "coerced", f"the sum is stored as {kept}: the currency has {digits.most} decimals")
    else:
        notes.invalid(pointer, f"the sum would be rounded: the shop is set to {digits.most} decimals")
    return kept


def _discounts(
    patch: OrderPatch, gross: list[Decimal | None], prices: list[Decimal], digits: Digits, notes: Notes
) -> tuple[list[Decimal], list[Decimal], Decimal]:
    """Return the discount of each line and each shipping charge, and the rest, which becomes a fee."""
    discounts, unit = sent_or(patch.discounts, ()), digits.unit
    amounts = [_rounded(one.amount, f"/discounts/{place}/amount", digits, notes) for place, one in enumerate(discounts)]
    weights = [one if one is not None and one > 0 else ZERO for one in gross]
    of_shipping = sum([off for one, off in zip(discounts, amounts, strict=True) if one.type == "shipping"], ZERO)
    off_shipping = min(of_shipping, sum(prices, ZERO))
    off_lines = min(sum(amounts, ZERO) - off_shipping, sum(weights, ZERO))
    rest = sum(amounts, ZERO) - off_shipping - off_lines
    for place, one in enumerate(discounts):
        is_off_shipping = one.type == "shipping" and off_shipping
        target = "/shipping_lines" if is_off_shipping else "/line_items" if off_lines else "/fees"
        notes.fold(f"/discounts/{place}", target, "WooCommerce keeps discounts within the sums of what they reduce")
    if rest and (off_lines or off_shipping):
        fee = f"/fees/{len(sent_or(patch.fees, ()))}"
        notes.fold(f"/discounts/{len(discounts) - 1}", fee, "what is left of the discounts is a negative fee")
    return list(shares(off_lines, weights, unit)), list(shares(off_shipping, prices, unit)), rest


def _sums(line: LineItemPatch, gross: Decimal | None, off: Decimal, digits: Digits, *, is_net: bool) -> _Sums:
    """Return the sums of a line, without its tax if `is_net`. The tax is that after discounts."""
    if gross is None:
        return _Sums(subtotal=None, total=None)
    total = gross - off
    if not is_net:
        return _Sums(subtotal=gross, total=total)
    net = total - Decimal(line.tax or "0")
    subtotal = (gross * net / total).quantize(digits.unit, ROUND_HALF_UP) if total else net
    return _Sums(subtotal=subtotal, total=net)


def _lines(
    lines: tuple[LineItemPatch, ...], sums: list[_Sums], of_lines: tuple[CustomFieldSetting, ...], notes: Notes
) -> tuple[list[LineWrite], list[FeeLineWrite]]:
    """Return the lines of products, and the others as fees."""
    products: list[LineWrite] = []
    fees: list[FeeLineWrite] = []
    for place, (line, amount) in enumerate(zip(lines, sums, strict=True)):
        pointer = f"/line_items/{place}"
        meta = custom_fields.write_line(line, of_lines, pointer, notes)
        has_product = line.product_id or line.variant_id
        if has_product and _is_sold(line):
            products.append(_product_line(line, pointer, amount, meta, notes))
        elif has_product and amount.total is None:
            notes.invalid(f"{pointer}/quantity", PRICE_NEEDED)
        elif amount.total is None or not (line.name or line.sku):
            notes.invalid(pointer, NEEDS_PRODUCT)
        else:
            notes.lose(pointer, "coerced", NOT_WHOLE if has_product else AS_FEE)
            fees.append(_line_as_fee(line, place, amount, meta))
    return products, fees


def _is_sold(line: LineItemPatch) -> bool:
    count = Decimal(line.quantity)
    return count > 0 and count == count.to_integral_value()


def _product_line(
    line: LineItemPatch, pointer: str, amount: _Sums, meta: tuple[MetaWrite, ...], notes: Notes
) -> LineWrite:
    for name in ("requires_shipping", "taxable"):
        if getattr(line, name) is not None:
            notes.unsupported(f"{pointer}/{name}", WITH_PRODUCT)
    if line.sku is not None and (line.product is None or line.product.sku != line.sku):
        notes.lose(f"{pointer}/sku", "coerced", PRODUCTS_SKU)
    return LineWrite(
        quantity=int(Decimal(line.quantity)),
        product_id=number(line.product_id, f"{pointer}/product/remote_id", notes),
        variation_id=number(line.variant_id, f"{pointer}/product/variant_remote_id", notes),
        name=field_values.escaped(line.name) if line.name else UNSET,
        subtotal=UNSET if amount.subtotal is None else _text(amount.subtotal),
        total=UNSET if amount.total is None else _text(amount.total),
        meta_data=meta or UNSET,
    )


def _line_as_fee(line: LineItemPatch, place: int, amount: _Sums, meta: tuple[MetaWrite, ...]) -> FeeLineWrite:
    """Return a line as a fee, with a name for people, and the line itself in its mark."""
    subtotal, total, count = amount.subtotal or ZERO, amount.total or ZERO, Decimal(line.quantity)
    is_as_sent = subtotal == folding.amount_of(line) or not count
    price = line.unit_price or "0" if is_as_sent else values.decimal_string(round(subtotal / count, 9))
    name = line.name or line.sku or ""
    mark = LineMark(
        place=place,
        name=name,
        sku=line.sku or None,
        product_id=line.product_id,
        variation_id=line.variant_id,
        quantity=values.quantity(line.quantity),
        unit_price=price,
        subtotal=_text(subtotal),
        total=_text(total),
        requires_shipping=line.requires_shipping,
        taxable=line.taxable,
    )
    return FeeLineWrite(
        name=field_values.escaped(mark.title),
        total=_text(total),
        tax_status="none" if line.taxable is False else UNSET,
        meta_data=(*meta, MetaWrite(key=LINE, value=mark)),
    )


def _fee(fee: FeePatch, place: int, digits: Digits, notes: Notes, *, is_net: bool) -> FeeLineWrite:
    amount = _rounded(fee.amount, f"/fees/{place}/amount", digits, notes)
    if is_net:
        amount -= Decimal(fee.tax or "0")
    if not fee.name:
        notes.lose(f"/fees/{place}/name", "defaulted", f"WooCommerce needs a name: it is {folding.FEE}")
    return FeeLineWrite(name=field_values.escaped(fee.name or folding.FEE), total=_text(amount))


def _charge(line: ShippingLinePatch, place: int, amount: Decimal, notes: Notes) -> ShippingLineWrite:
    pointer = f"/shipping_lines/{place}"
    if line.carrier is not None:
        notes.unsupported(f"{pointer}/carrier", "WooCommerce keeps the shipping method, not the carrier")
    if not line.title:
        notes.lose(f"{pointer}/title", "defaulted", f"WooCommerce shows a name: it is {SHIPPING}")
    title = field_values.sanitized(line.title or SHIPPING, f"{pointer}/title", notes)
    return ShippingLineWrite(method_id=SHIPPING_METHOD, method_title=title, total=_text(amount))


def _discount_name(patch: OrderPatch) -> str:
    names = [one.label or one.code for one in sent_or(patch.discounts, ())]
    return field_values.escaped(", ".join(filter(None, names)) or DISCOUNT)


def _text(amount: Decimal) -> str:
    return values.decimal_string(amount)
