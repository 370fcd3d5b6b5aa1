"""Convert the lists in the body of an order webhook to GraphQL's shape."""

from decimal import Decimal
from typing import Any, Final

import msgspec
from msgspec import UNSET

from canonical import values
from mappings.shopify import wire_2026_07 as wire
from mappings.shopify import wire_webhook as body
from mappings.shopify.customer_webhook_r1 import text_of
from mappings.shopify.requests import gid

NO_DISCOUNT: Final = -1
"""The index of the unnamed discount of a line's sum in old bodies."""


def bag(amount: body.Amount | Decimal | None) -> wire.MoneyBag | None:
    """Return a sum in the shop's currency, None if the body has none."""
    return None if amount is None else wire.MoneyBag(shop_money=wire.MoneyV2(amount=_text(amount)))


def some(amount: body.Amount | Decimal | None) -> wire.MoneyBag:
    """Return a sum in the shop's currency, zero if the body has none."""
    return wire.MoneyBag(shop_money=wire.MoneyV2(amount=_text(amount)))


def _text(amount: body.Amount | Decimal | None) -> str:
    """Return a sum as decimal text. Bodies have it as text or as a number."""
    return "0" if amount is None else amount if isinstance(amount, str) else format(Decimal(str(amount)), "f")


def decimal(amount: body.Amount | None) -> Decimal:
    """Return a sum as a Decimal. Raises ValueError if it is not a number."""
    return values.parse_decimal(_text(amount))


def shop_money(sent: body.MoneySet | None) -> wire.MoneyBag | None:
    """Return the shop's part of a sum in two currencies."""
    return None if sent is None or sent.shop_money is None else bag(sent.shop_money.amount)


def refunded(refund: body.Refund, currency: str) -> Decimal:
    """Return the sum of the refund's transactions, which may differ from that of its lines. If they are in another
    currency than the shop's, return the worth of its lines and adjustments."""
    if not is_foreign(refund, currency):
        return sum((decimal(one.amount) for one in _done(refund)), Decimal(0))
    lines = (part for one in refund.refund_line_items for part in (one.subtotal_set, one.total_tax_set))
    adjusted = (part for one in refund.order_adjustments for part in (one.amount_set, one.tax_amount_set))
    return sum(map(_worth, lines), Decimal(0)) - sum(map(_worth, adjusted), Decimal(0))


def is_foreign(refund: body.Refund, currency: str) -> bool:
    """Return whether money of the refund went back in another currency than the shop's."""
    return any(one.currency not in (None, currency) for one in _done(refund))


def _done(refund: body.Refund) -> list[body.RefundTransaction]:
    return [
        one
        for one in refund.transactions
        if (one.kind or "refund").lower() == "refund" and (one.status or "success").lower() == "success"
    ]


def _worth(sent: body.MoneySet | None) -> Decimal:
    """Return the amount in the shop's currency."""
    return Decimal(0) if sent is None or sent.shop_money is None else decimal(sent.shop_money.amount)


def attribute(name: str, value: Any) -> wire.Attribute:
    """Return a custom attribute. Objects and arrays become JSON text."""
    if isinstance(value, str | int | float) or value is None:
        return wire.Attribute(key=name, value=text_of(value))
    return wire.Attribute(key=name, value=msgspec.json.encode(value).decode())


def _properties(item: body.LineItem) -> tuple[wire.Attribute, ...]:
    """Return the custom attributes of a line: a list of pairs, or an object from some writers."""
    sent = item.properties
    if sent is None:
        return ()
    if isinstance(sent, list):
        return tuple(attribute(pair.name, pair.value) for pair in sent)
    return tuple(attribute(name, value) for name, value in sent.items())


def line(item: body.LineItem) -> wire.LineItem:
    """Return one line."""
    allocations = _allocations(item)
    return wire.LineItem(
        id=gid("LineItem", str(item.id or 0)),
        name=item.name or item.title or "",
        sku=item.sku,
        quantity=item.quantity,
        current_quantity=item.current_quantity,
        requires_shipping=item.requires_shipping,
        taxable=item.taxable,
        original_unit_price_set=some(item.price),
        tax_lines=_taxes(item.tax_lines),
        discount_allocations=allocations,
        custom_attributes=_properties(item),
        product=None if item.product_id is None else wire.Reference(id=gid("Product", str(item.product_id))),
        variant=None if item.variant_id is None else wire.Reference(id=gid("ProductVariant", str(item.variant_id))),
        unfulfilled_quantity=0 if item.fulfillment_status == "fulfilled" else None,
    )


def _allocations(item: body.LineItem) -> tuple[wire.DiscountAllocation, ...]:
    """Return the discounts on a line: one amount each, or one unassigned sum in old bodies."""
    if item.discount_allocations is UNSET:
        return () if not decimal(item.total_discount) else (_allocation(item.total_discount, NO_DISCOUNT),)
    return tuple(_allocation(one.amount, one.discount_application_index) for one in item.discount_allocations)


def _allocation(amount: body.Amount | None, index: int) -> wire.DiscountAllocation:
    return wire.DiscountAllocation(
        allocated_amount_set=some(amount), discount_application=wire.DiscountIndex(index=index)
    )


def _taxes(lines: tuple[body.TaxLine, ...] | None) -> tuple[wire.TaxLine, ...] | None:
    return None if lines is None else tuple(wire.TaxLine(price_set=some(line.price)) for line in lines)


def shipping(item: body.ShippingLine) -> wire.ShippingLine:
    """Return one shipping charge."""
    return wire.ShippingLine(
        title=item.title,
        original_price_set=some(item.price),
        tax_lines=_taxes(item.tax_lines),
        discount_allocations=tuple(
            _allocation(one.amount, one.discount_application_index) for one in item.discount_allocations
        ),
    )


def discounts(order: body.Order) -> tuple[wire.DiscountApplication, ...]:
    """Return the order's discounts. Old bodies have codes with a sum each."""
    if order.discount_applications is UNSET:
        return tuple(_code(one) for one in order.discount_codes or ())
    return tuple(
        wire.DiscountApplication(
            index=place,
            target_type=one.target_type,
            value=_value(one.value_type),
            code=one.code,
            title=one.title,
            description=one.description,
        )
        for place, one in enumerate(order.discount_applications)
    )


def _code(one: body.DiscountCode) -> wire.DiscountApplication:
    return wire.DiscountApplication(
        index=NO_DISCOUNT,
        target_type="shipping_line" if one.type == "shipping" else "line_item",
        value=_value(one.type),
        code=one.code,
        total=bag(one.amount),
    )


def _value(kind: str | None) -> wire.PricingValue:
    """Return the type of a discount. Its value is not needed, because Shopify has applied it."""
    if kind == "percentage":
        return wire.PricingValue(kind=kind, percentage=0.0)
    return wire.PricingValue(kind=kind, amount="0" if kind == "fixed_amount" else None)


def refund(one: body.Refund, currency: str) -> wire.Refund:
    """Return one refund, in the shop's currency."""
    return wire.Refund(
        id=gid("Refund", str(one.id)),
        note=one.note,
        created_at=one.created_at,
        total_refunded_set=some(refunded(one, currency)),
        refund_line_items=wire.RefundLineItems(
            nodes=tuple(
                wire.RefundLineItem(
                    quantity=item.quantity,
                    line_item=wire.Reference(id=gid("LineItem", str(item.line_item_id))),
                    subtotal_set=shop_money(item.subtotal_set) or some(item.subtotal),
                )
                for item in one.refund_line_items
            )
        ),
    )


def parcel(one: body.Fulfillment) -> wire.Fulfillment:
    """Return one fulfillment."""
    return wire.Fulfillment(
        id=gid("Fulfillment", str(one.id)),
        status=one.status,
        display_status=one.shipment_status,
        created_at=one.created_at,
        delivered_at=None,
        location=None,
        tracking_info=_tracking(one),
        fulfillment_line_items=wire.FulfillmentLineItems(
            nodes=tuple(
                wire.FulfillmentLineItem(
                    quantity=item.quantity, line_item=wire.Reference(id=gid("LineItem", str(item.id)))
                )
                for item in one.line_items
            )
        ),
    )


def _tracking(one: body.Fulfillment) -> tuple[wire.TrackingInfo, ...]:
    numbers = one.tracking_numbers or ((one.tracking_number,) if one.tracking_number else ())
    urls = one.tracking_urls or ((one.tracking_url,) if one.tracking_url else ())
    return tuple(
        wire.TrackingInfo(
            company=one.tracking_company,
            number=numbers[place] if place < len(numbers) else None,
            url=urls[place] if place < len(urls) else None,
        )
        for place in range(max(len(numbers), len(urls)))
    )
