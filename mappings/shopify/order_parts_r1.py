"""The lists in an order: lines, discounts, shipping, payments, refunds, fulfillments.

Sums stay decimal strings and are computed only if Shopify does not send them. Loops and comprehensions build the lists:
for so few items, generators take twice as long.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple

from canonical import values
from canonical.order import (
    Discount,
    DiscountType,
    Fee,
    Fulfillment,
    FulfillmentLine,
    LineItem,
    LineOption,
    Payment,
    PaymentMethod,
    Refund,
    RefundLine,
    ShippingLine,
    Tracking,
)
from canonical.parts import CustomField, CustomFieldSetting
from canonical.totals import smallest_unit
from mappings.kit.line_fields import HIDDEN
from mappings.kit.references import product as product_of
from mappings.shopify import custom_fields
from mappings.shopify import wire_2026_07 as wire
from mappings.shopify.field_values import utc
from mappings.shopify.order_enums_r1 import GATEWAY, PARCEL_STATUS, PAYMENT_DETAILS, PAYMENT_KIND, PAYMENT_STATE
from mappings.shopify.requests import tail
from mappings.shopify.wire_2026_07 import FEE
from mappings.spec import Notes

ZERO: Final = Decimal(0)
NOT_MOVED: Final = (0, 0)
CARD_DIGITS: Final = 4


@lru_cache(maxsize=4096)
def unit_price(amount: str, currency: str) -> tuple[str, Decimal]:
    """Return the price of one piece, also as a Decimal. It may have more digits than the currency."""
    price = values.unit_price(amount, currency)
    return price, Decimal(price)


def amount_of(bag: wire.MoneyBag | None, currency: str) -> str:
    """Return a sum in the shop's currency. A missing sum is zero."""
    return values.money("0" if bag is None else bag.shop_money.amount, currency)


class Bought(NamedTuple):
    """The lines, their sum before discounts, which Shopify does not send, the amount of each discount on them, by the
    discount's index, and the lines that are fees."""

    lines: tuple[LineItem, ...]
    cost: Decimal
    taken: dict[int, Decimal]
    fees: tuple[Fee, ...]


def lines(
    items: tuple[wire.LineItem, ...],
    currency: str,
    moved: Mapping[str, tuple[int, int]],
    settings: tuple[CustomFieldSetting, ...],
    notes: Notes,
) -> Bought:
    """Return the lines. They include discounts on the whole order, which Shopify allocates to lines. `moved` has the
    refunded and the fulfilled quantity of each line."""
    lines: list[LineItem] = []
    unit = smallest_unit(currency)
    cost, zero, taken, fees = ZERO, values.money("0", currency), dict[int, Decimal](), list[Fee]()
    for item in items:
        quantity, now, product, variant = item.quantity, item.current_quantity, item.product, item.variant
        price, each = unit_price(item.original_unit_price_set.shop_money.amount, currency)
        gross = quantity * each
        if gross % unit:  # Shopify rounds each line
            gross = Decimal(values.money(format(gross, "f"), currency))
        discount = add_taken(item.discount_allocations, taken) if item.discount_allocations else ZERO
        if item.custom_attributes and FEE in [pair.key for pair in item.custom_attributes]:
            fees.append(fee(item.name, gross, taxed(item.tax_lines or (), currency), currency))
            continue
        cost += gross
        back, sent = moved.get(item.id, NOT_MOVED)
        left = item.unfulfilled_quantity
        if now is not None and left is not None:  # an order that was sent elsewhere has no fulfillments
            sent = max(sent, now - left)
        lines.append(
            LineItem(
                remote_id=tail(item.id),
                product=product_of(
                    None if product is None else tail(product.id),
                    None if variant is None else tail(variant.id),
                    item.sku,
                ),
                sku=item.sku,
                name=item.name,
                options=_options(item) if item.custom_attributes else (),
                quantity=str(quantity),
                unit_price=price,
                discount=values.money(str(discount), currency) if discount else zero,
                tax=taxed(item.tax_lines, currency) if item.tax_lines else zero,
                total=values.money(str(gross - discount), currency),
                refunded_quantity=str(back if now is None else quantity - now),
                fulfilled_quantity=str(sent),
                requires_shipping=item.requires_shipping,
                taxable=item.taxable,
                custom_fields=_properties(item, settings, notes, len(lines)) if settings else (),
            )
        )
    return Bought(tuple(lines), cost, taken, tuple(fees))


def fee(name: str, amount: Decimal, tax: str, currency: str) -> Fee:
    """Return one fee."""
    return Fee(name=name, amount=values.money(format(amount, "f"), currency), tax=tax)


def add_taken(allocations: Iterable[wire.DiscountAllocation], taken: dict[int, Decimal]) -> Decimal:
    """Return the total of discounts, as those on one line, and add each discount's part to `taken`."""
    total = ZERO
    for allocation in allocations:
        amount, index = (
            values.parse_decimal(allocation.allocated_amount_set.shop_money.amount),
            allocation.discount_application.index,
        )
        total += amount
        taken[index] = taken.get(index, ZERO) + amount
    return total


def taxed(lines: tuple[wire.TaxLine, ...], currency: str) -> str:
    """Return the total tax on one line."""
    total = ZERO
    for line in lines:
        total += values.parse_decimal(line.price_set.shop_money.amount)
    return values.money(str(total), currency)


def _options(item: wire.LineItem) -> tuple[LineOption, ...]:
    """Return the options of a line. Those of the variant are part of its name."""
    return tuple(
        [
            LineOption(name=pair.key, value=pair.value)
            for pair in item.custom_attributes
            if pair.value and not pair.key.startswith(HIDDEN)
        ]
    )


def _properties(
    item: wire.LineItem, settings: tuple[CustomFieldSetting, ...], notes: Notes, place: int
) -> tuple[CustomField, ...]:
    stored = {pair.key: pair.value for pair in item.custom_attributes}
    return custom_fields.read(settings, stored, notes, f"/line_items/{place}/custom_fields")


def discounts(
    applied: tuple[wire.DiscountApplication, ...],
    shipping: tuple[wire.ShippingLine, ...],
    taken: dict[int, Decimal],
    currency: str,
) -> tuple[Discount, ...]:
    """Return the order's discounts, each with its total amount on lines (`taken`) and shipping."""
    if not applied:
        return ()
    for charge in shipping:
        add_taken(charge.discount_allocations, taken)
    return tuple(
        [
            Discount(
                code=one.code or None,
                label=one.title or one.description or None,
                type=_discount_type(one),
                type_raw=None if one.value is None else one.value.kind,
                amount=values.money(one.total.shop_money.amount, currency)
                if one.total is not None
                else values.money(str(taken.get(one.index, ZERO)), currency),
            )
            for one in applied
        ]
    )


def _discount_type(one: wire.DiscountApplication) -> DiscountType:
    if (one.target_type or "").upper() == "SHIPPING_LINE":
        return "shipping"
    value = one.value
    if value is None or (value.percentage is None and value.amount is None):
        return "unknown"
    return "fixed" if value.percentage is None else "percentage"


def shipping_line(item: wire.ShippingLine, currency: str) -> ShippingLine:
    """Return one shipping charge, before discounts."""
    return ShippingLine(
        title=item.title,
        price=values.money(item.original_price_set.shop_money.amount, currency),
        tax=taxed(item.tax_lines or (), currency),
    )


def payment(transaction: wire.Transaction, currency: str) -> Payment:
    """Return one payment."""
    method, method_raw = _method(transaction)
    details = transaction.payment_details
    return Payment(
        remote_id=tail(transaction.id),
        gateway=transaction.gateway or None,
        method=method,
        method_raw=method_raw,
        kind=PAYMENT_KIND.get((transaction.kind or "").upper(), "unknown"),
        kind_raw=transaction.kind,
        status=PAYMENT_STATE.get((transaction.status or "").upper(), "unknown"),
        status_raw=transaction.status,
        amount=values.money(transaction.amount_set.shop_money.amount, currency),
        currency=currency,
        processed_at=utc(transaction.processed_at),
        last4=None if details is None or not details.number else _last4(details.number),
    )


def _method(transaction: wire.Transaction) -> tuple[PaymentMethod, str | None]:
    """Return the payment method: from Shopify's payment details, else from the gateway's name."""
    details, gateway = transaction.payment_details, transaction.gateway or None
    if details is None or details.kind is None:
        return GATEWAY.get((gateway or "").lower(), "unknown"), gateway
    return PAYMENT_DETAILS.get(details.kind, "unknown"), details.payment_method_name or details.kind


def _last4(masked: str) -> str | None:
    digits = masked[-CARD_DIGITS:]
    return digits if len(digits) == CARD_DIGITS and digits.isdecimal() else None


def refund(one: wire.Refund, currency: str) -> Refund:
    """Return one refund. Amounts of lines are without tax."""
    return Refund(
        remote_id=tail(one.id),
        amount=values.money(one.total_refunded_set.shop_money.amount, currency),
        currency=currency,
        reason=one.note,
        line_items=tuple(
            [
                RefundLine(
                    remote_id=tail(item.line_item.id),
                    quantity=str(item.quantity),
                    amount=values.money(item.subtotal_set.shop_money.amount, currency),
                )
                for item in one.refund_line_items.nodes
            ]
        ),
        created_at=utc(one.created_at),
    )


def parcel(one: wire.Fulfillment) -> Fulfillment:
    """Return one fulfillment. The carrier's status takes precedence over the shop's."""
    raw = one.display_status or one.status
    return Fulfillment(
        remote_id=tail(one.id),
        status=PARCEL_STATUS.get((raw or "").upper(), "unknown"),
        status_raw=raw,
        location=None if one.location is None else one.location.name,
        line_items=tuple(
            [
                FulfillmentLine(remote_id=tail(item.line_item.id), quantity=str(item.quantity))
                for item in one.fulfillment_line_items.nodes
                if item.quantity is not None
            ]
        ),
        tracking=tuple(
            [Tracking(carrier=info.company, number=info.number, url=info.url) for info in one.tracking_info]
        ),
        shipped_at=utc(one.created_at),
        delivered_at=utc(one.delivered_at),
    )


def quantities(
    refunds: tuple[wire.Refund, ...], parcels: tuple[wire.Fulfillment, ...]
) -> Mapping[str, tuple[int, int]]:
    """Return the refunded and the fulfilled quantity of each line, by the line's global id."""
    counted: dict[str, tuple[int, int]] = {}
    for one in refunds:
        for item in one.refund_line_items.nodes:
            back, sent = counted.get(item.line_item.id, (0, 0))
            counted[item.line_item.id] = back + item.quantity, sent
    for parcel_ in parcels:
        if (parcel_.status or "").upper() in ("CANCELLED", "ERROR", "FAILURE"):
            continue
        for part in parcel_.fulfillment_line_items.nodes:
            back, sent = counted.get(part.line_item.id, (0, 0))
            counted[part.line_item.id] = back, sent + (part.quantity or 0)
    return counted
