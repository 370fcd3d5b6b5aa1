"""The lists inside a Shopify order: lines, discounts, shipping, payments, refunds, parcels.

Sums stay decimal strings; they are only computed where Shopify leaves the adding up to its reader.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Final

from canonical import values
from canonical.order import (
    Discount,
    DiscountType,
    Fulfillment,
    FulfillmentLine,
    LineItem,
    Payment,
    PaymentMethod,
    Refund,
    RefundLine,
    ShippingLine,
    Tracking,
)
from canonical.parts import CustomField, CustomFieldSetting
from mappings.shopify import custom_fields
from mappings.shopify import wire_2026_07 as wire
from mappings.shopify.asking import tail
from mappings.shopify.links import utc
from mappings.shopify.order_tables_r1 import GATEWAY, PARCEL_STATUS, PAYMENT_DETAILS, PAYMENT_KIND, PAYMENT_STATE
from mappings.spec import Notes

ZERO: Final = Decimal(0)
CARD_DIGITS: Final = 4


@lru_cache(maxsize=4096)
def money(amount: str, currency: str) -> str:
    """A sum with the digits of its currency. GraphQL writes `9.0`, and the same few prices all the time."""
    return values.money(amount, currency)


@lru_cache(maxsize=4096)
def unit_price(amount: str, currency: str) -> str:
    """A price of one, which may be finer than what can be paid."""
    return values.unit_price(amount, currency)


def amount_of(bag: wire.MoneyBag | None, currency: str) -> str:
    """A sum in the shop's currency; nothing said is nothing charged."""
    return money("0" if bag is None else bag.shop_money.amount, currency)


def line(
    item: wire.LineItem,
    currency: str,
    moved: tuple[int, int],
    settings: tuple[CustomFieldSetting, ...],
    notes: Notes,
    place: int,
) -> LineItem:
    """One line; discounts on the whole order are shared out to its lines by Shopify, and count here. `moved` is how
    many were given back and how many handed over."""
    discount = allocated(item.discount_allocations)
    price = unit_price(item.original_unit_price_set.shop_money.amount, currency)
    total = item.quantity * Decimal(price) - discount
    return LineItem(
        remote_id=tail(item.id),
        product_remote_id=None if item.product is None else tail(item.product.id),
        variant_remote_id=None if item.variant is None else tail(item.variant.id),
        sku=item.sku,
        name=item.name,
        quantity=str(item.quantity),
        unit_price=price,
        discount=money(str(discount), currency),
        tax=money(str(taxed(item.tax_lines)), currency),
        total=money(str(total), currency),
        refunded_quantity=str(moved[0] if item.current_quantity is None else item.quantity - item.current_quantity),
        fulfilled_quantity=str(moved[1]),
        requires_shipping=item.requires_shipping,
        taxable=item.taxable,
        custom_fields=_properties(item, settings, notes, place) if settings else (),
    )


def allocated(allocations: tuple[wire.DiscountAllocation, ...]) -> Decimal:
    """What discounts took off one line. A loop, because lines are many and sums of generators dear."""
    total = ZERO
    for allocation in allocations:
        total += Decimal(allocation.allocated_amount_set.shop_money.amount)
    return total


def taxed(lines: tuple[wire.TaxLine, ...]) -> Decimal:
    """What taxes come to on one line."""
    total = ZERO
    for line_ in lines:
        total += Decimal(line_.price_set.shop_money.amount)
    return total


def _properties(
    item: wire.LineItem, settings: tuple[CustomFieldSetting, ...], notes: Notes, place: int
) -> tuple[CustomField, ...]:
    held = {custom_fields.LINE + pair.key: pair.value for pair in item.custom_attributes}
    return custom_fields.read(settings, held, notes, f"/line_items/{place}/custom_fields")


def discounts(
    applied: tuple[wire.DiscountApplication, ...],
    lines: Iterable[wire.LineItem],
    shipping: Iterable[wire.ShippingLine],
    currency: str,
) -> tuple[Discount, ...]:
    """The order's discounts, each with what it took off in all."""
    if not applied:
        return ()
    taken: dict[int, Decimal] = {}
    for item in lines:
        _add_taken(item.discount_allocations, taken)
    for charge in shipping:
        _add_taken(charge.discount_allocations, taken)
    return tuple(
        Discount(
            code=one.code or None,
            label=one.title or one.description or None,
            type=_discount_type(one),
            type_raw=None if one.value is None else one.value.kind,
            amount=amount_of(one.total, currency)
            if one.total is not None
            else money(str(taken.get(one.index, ZERO)), currency),
        )
        for one in applied
    )


def _add_taken(allocations: tuple[wire.DiscountAllocation, ...], taken: dict[int, Decimal]) -> None:
    for allocation in allocations:
        index = allocation.discount_application.index
        taken[index] = taken.get(index, ZERO) + Decimal(allocation.allocated_amount_set.shop_money.amount)


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
        carrier=item.source,
        price=amount_of(item.original_price_set, currency),
        tax=money(str(taxed(item.tax_lines)), currency),
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
        amount=amount_of(transaction.amount_set, currency),
        currency=currency,
        processed_at=utc(transaction.processed_at),
        last4=None if details is None else _last4(details.number),
    )


def _method(transaction: wire.Transaction) -> tuple[PaymentMethod, str | None]:
    """How was paid: by what Shopify knows of the payment, else by the gateway's name."""
    details, gateway = transaction.payment_details, transaction.gateway or None
    if details is None or details.kind is None:
        return GATEWAY.get((gateway or "").lower(), "unknown"), gateway
    return PAYMENT_DETAILS.get(details.kind, "unknown"), details.payment_method_name or details.kind


def _last4(masked: str | None) -> str | None:
    digits = (masked or "")[-CARD_DIGITS:]
    return digits if len(digits) == CARD_DIGITS and digits.isdecimal() else None


def refund(one: wire.Refund, currency: str) -> Refund:
    """Money given back; the amounts of lines are without tax."""
    return Refund(
        remote_id=tail(one.id),
        amount=amount_of(one.total_refunded_set, currency),
        currency=currency,
        reason=one.note,
        line_items=tuple(
            RefundLine(
                remote_id=tail(item.line_item.id),
                quantity=str(item.quantity),
                amount=amount_of(item.subtotal_set, currency),
            )
            for item in one.refund_line_items.nodes
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
            FulfillmentLine(remote_id=tail(item.line_item.id), quantity=str(item.quantity))
            for item in one.fulfillment_line_items.nodes
            if item.quantity is not None
        ),
        tracking=tuple(Tracking(carrier=info.company, number=info.number, url=info.url) for info in one.tracking_info),
        shipped_at=utc(one.created_at),
        delivered_at=utc(one.delivered_at),
    )


def quantities(refunds: Iterable[wire.Refund], parcels: Iterable[wire.Fulfillment]) -> Mapping[str, tuple[int, int]]:
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
