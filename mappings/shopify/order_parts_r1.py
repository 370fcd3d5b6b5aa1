"""The lists inside a Shopify order: lines, discounts, shipping, payments, refunds, parcels.

Sums stay decimal strings; they are only computed where Shopify leaves the adding up to its reader. Lists are gathered
by loops and comprehensions: for as few items as there are generators take twice as long.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple

from canonical import values
from canonical.order import (
    Discount,
    DiscountType,
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
from mappings.kit.line_fields import HIDDEN
from mappings.shopify import custom_fields
from mappings.shopify import wire_2026_07 as wire
from mappings.shopify.field_values import utc
from mappings.shopify.order_enums_r1 import GATEWAY, PARCEL_STATUS, PAYMENT_DETAILS, PAYMENT_KIND, PAYMENT_STATE
from mappings.shopify.requests import tail
from mappings.spec import Notes

ZERO: Final = Decimal(0)
NOT_MOVED: Final = (0, 0)
CARD_DIGITS: Final = 4


@lru_cache(maxsize=4096)
def money(amount: str, currency: str) -> str:
    """A sum with the digits of its currency. GraphQL writes `9.0`, and the same few prices all the time."""
    return values.money(amount, currency)


@lru_cache(maxsize=4096)
def unit_price(amount: str, currency: str) -> tuple[str, Decimal]:
    """A price of one, which may be finer than what can be paid; also to reckon with."""
    price = values.unit_price(amount, currency)
    return price, Decimal(price)


@lru_cache(maxsize=4096)
def exact(amount: str) -> Decimal:
    """The number itself. Raises ValueError for what is no number."""
    return values.parse_decimal(amount)


def amount_of(bag: wire.MoneyBag | None, currency: str) -> str:
    """A sum in the shop's currency; nothing said is nothing charged."""
    return money("0" if bag is None else bag.shop_money.amount, currency)


class Bought(NamedTuple):
    """The lines; what they cost before discounts, which Shopify does not add up; and what each of the order's
    discounts, by its index, took off them."""

    lines: tuple[LineItem, ...]
    cost: Decimal
    taken: dict[int, Decimal]


def bought(
    items: tuple[wire.LineItem, ...],
    currency: str,
    moved: Mapping[str, tuple[int, int]],
    settings: tuple[CustomFieldSetting, ...],
    notes: Notes,
) -> Bought:
    """What was bought. Discounts on the whole order are shared out to its lines by Shopify, and count here. `moved` is
    how many of each line were given back and how many handed over."""
    lines: list[LineItem] = []
    cost, zero, taken = ZERO, money("0", currency), dict[int, Decimal]()
    for item in items:
        quantity, now, product, variant = item.quantity, item.current_quantity, item.product, item.variant
        price, each = unit_price(item.original_unit_price_set.shop_money.amount, currency)
        gross = quantity * each
        cost += gross
        discount = add_taken(item.discount_allocations, taken) if item.discount_allocations else ZERO
        back, sent = moved.get(item.id, NOT_MOVED)
        lines.append(
            LineItem(
                remote_id=tail(item.id),
                product_remote_id=None if product is None else tail(product.id),
                variant_remote_id=None if variant is None else tail(variant.id),
                sku=item.sku,
                name=item.name,
                options=_options(item) if item.custom_attributes else (),
                quantity=str(quantity),
                unit_price=price,
                discount=money(str(discount), currency) if discount else zero,
                tax=taxed(item.tax_lines, currency) if item.tax_lines else zero,
                total=money(str(gross - discount), currency),
                refunded_quantity=str(back if now is None else quantity - now),
                fulfilled_quantity=str(sent),
                requires_shipping=item.requires_shipping,
                taxable=item.taxable,
                custom_fields=_properties(item, settings, notes, len(lines)) if settings else (),
            )
        )
    return Bought(tuple(lines), cost, taken)


def add_taken(allocations: tuple[wire.DiscountAllocation, ...], taken: dict[int, Decimal]) -> Decimal:
    """What discounts took off one line, added to what each of them took off others."""
    total = ZERO
    for allocation in allocations:
        amount, index = exact(allocation.allocated_amount_set.shop_money.amount), allocation.discount_application.index
        total += amount
        taken[index] = taken.get(index, ZERO) + amount
    return total


def taxed(lines: tuple[wire.TaxLine, ...], currency: str) -> str:
    """What taxes come to on one line."""
    total = ZERO
    for line in lines:
        total += exact(line.price_set.shop_money.amount)
    return money(str(total), currency)


def _options(item: wire.LineItem) -> tuple[LineOption, ...]:
    """What was chosen or asked for with a line. The variant's own choices are part of its name."""
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
    held = {pair.key: pair.value for pair in item.custom_attributes}
    return custom_fields.read(settings, held, notes, f"/line_items/{place}/custom_fields")


def discounts(
    applied: tuple[wire.DiscountApplication, ...],
    shipping: tuple[wire.ShippingLine, ...],
    taken: dict[int, Decimal],
    currency: str,
) -> tuple[Discount, ...]:
    """The order's discounts, each with what it took off in all: what it has `taken` off lines, and off shipping."""
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
                amount=money(one.total.shop_money.amount, currency)
                if one.total is not None
                else money(str(taken.get(one.index, ZERO)), currency),
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
    """One shipping charge, before discounts."""
    return ShippingLine(
        title=item.title,
        price=money(item.original_price_set.shop_money.amount, currency),
        tax=taxed(item.tax_lines or (), currency),
    )


def payment(transaction: wire.Transaction, currency: str) -> Payment:
    """One movement of money."""
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
        amount=money(transaction.amount_set.shop_money.amount, currency),
        currency=currency,
        processed_at=utc(transaction.processed_at),
        last4=None if details is None or not details.number else _last4(details.number),
    )


def _method(transaction: wire.Transaction) -> tuple[PaymentMethod, str | None]:
    """How was paid: by what Shopify knows of the payment, else by the gateway's name."""
    details, gateway = transaction.payment_details, transaction.gateway or None
    if details is None or details.kind is None:
        return GATEWAY.get((gateway or "").lower(), "unknown"), gateway
    return PAYMENT_DETAILS.get(details.kind, "unknown"), details.payment_method_name or details.kind


def _last4(masked: str) -> str | None:
    digits = masked[-CARD_DIGITS:]
    return digits if len(digits) == CARD_DIGITS and digits.isdecimal() else None


def refund(one: wire.Refund, currency: str) -> Refund:
    """Money given back; the amounts of lines are without tax."""
    return Refund(
        remote_id=tail(one.id),
        amount=money(one.total_refunded_set.shop_money.amount, currency),
        currency=currency,
        reason=one.note,
        line_items=tuple(
            [
                RefundLine(
                    remote_id=tail(item.line_item.id),
                    quantity=str(item.quantity),
                    amount=money(item.subtotal_set.shop_money.amount, currency),
                )
                for item in one.refund_line_items.nodes
            ]
        ),
        created_at=utc(one.created_at),
    )


def parcel(one: wire.Fulfillment) -> Fulfillment:
    """One parcel or hand-over; what the carrier says goes before what the shop says."""
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
    """How much of each line was given back, and how much was handed over, by the line's global id."""
    counted: dict[str, tuple[int, int]] = {}
    for one in refunds:
        for item in one.refund_line_items.nodes:
            back, sent = counted.get(item.line_item.id, (0, 0))
            counted[item.line_item.id] = back + item.quantity, sent
    for parcel_ in parcels:
        if (parcel_.status or "").upper() in ("CANCELLED", "ERROR", "FAILURE"):
            continue
        for held in parcel_.fulfillment_line_items.nodes:
            back, sent = counted.get(held.line_item.id, (0, 0))
            counted[held.line_item.id] = back, sent + (held.quantity or 0)
    return counted
