"""Convert the body of an order webhook to the record of the API. What the body lacks is noted as loss.

The body has the outstanding amount but not the received one, and no payments.
"""

from decimal import Decimal
from typing import Final

from msgspec import UNSET

from mappings.shopify import wire_2026_07 as wire
from mappings.shopify import wire_webhook as body
from mappings.shopify.customer_webhook_r1 import NOT_SENT, as_address, as_metafields, external_of, split_tags
from mappings.shopify.order_webhook_parts_r1 import (
    attribute,
    bag,
    decimal,
    discounts,
    is_foreign,
    line,
    parcel,
    refund,
    refunded,
    shipping,
    shop_money,
    some,
)
from mappings.shopify.requests import gid, metafield_key
from mappings.spec import Notes

CONVERTED: Final = (
    "it was returned in the buyer's currency; the webhook has its worth in the shop's only for lines and adjustments"
)
UNPAID: Final = frozenset({"pending", "authorized", "voided", "expired"})
"""States without a received payment, for any outstanding amount."""


def as_record(order: body.Order, account: wire.Account, notes: Notes) -> wire.Order:
    """Return a webhook's order in GraphQL's shape."""
    lines = () if order.line_items is UNSET else order.line_items
    metafields = None if order.metafields is UNSET else as_metafields(order.metafields)
    _note_missing(order, account, notes)
    paid = _paid(order, notes)
    return wire.Order(
        id=gid("Order", str(order.id)),
        name=order.name or (None if order.order_number is None else str(order.order_number)),
        test=order.test,
        created_at=order.created_at,
        updated_at=order.updated_at,
        processed_at=order.processed_at,
        closed_at=order.closed_at,
        cancelled_at=order.cancelled_at,
        cancel_reason=order.cancel_reason,
        display_financial_status=order.financial_status,
        display_fulfillment_status=_fulfillment_status(order),
        source_name=order.source_name,
        note=order.note,
        tags=split_tags(order.tags),
        email=order.email or order.contact_email or None,
        phone=order.phone,
        currency_code=order.currency,
        presentment_currency_code=order.presentment_currency,
        taxes_included=order.taxes_included,
        duties_included=order.duties_included,
        total_price_set=some(order.total_price),
        total_discounts_set=_sum(order.total_discounts, "/totals/discount", notes),
        total_tax_set=_sum(order.total_tax, "/totals/tax", notes),
        total_shipping_price_set=_shipping_total(order),
        total_tip_received_set=bag(order.total_tip_received),
        total_received_set=bag(paid),
        total_refunded_set=bag(sum((refunded(one, order.currency) for one in order.refunds), Decimal(0))),
        total_outstanding_set=bag(
            _outstanding(order, paid) if order.total_outstanding is None else order.total_outstanding
        ),
        original_total_duties_set=shop_money(order.original_total_duties_set),
        original_total_additional_fees_set=shop_money(order.original_total_additional_fees_set),
        custom_attributes=tuple(attribute(one.name, one.value) for one in order.note_attributes or ()),
        customer=_customer(order.customer),
        billing_address=None if order.billing_address is None else as_address(order.billing_address),
        shipping_address=None if order.shipping_address is None else as_address(order.shipping_address),
        line_items=wire.LineItems(nodes=tuple(line(item) for item in lines)),
        shipping_lines=wire.ShippingLines(nodes=tuple(shipping(item) for item in order.shipping_lines)),
        discount_applications=wire.DiscountApplications(nodes=discounts(order)),
        transactions_count=None,
        transactions=(),
        refunds=tuple(refund(one, order.currency) for one in order.refunds),
        fulfillments_count=None,
        fulfillments=tuple(parcel(one) for one in order.fulfillments),
        external=external_of(metafields),
        metafields=metafields,
    )


def _sum(amount: body.Amount | None, pointer: str, notes: Notes) -> wire.MoneyBag | None:
    if amount is None:
        notes.lose(pointer, "defaulted", "the webhook does not contain it; zero is assumed")
    return bag(amount)


def _paid(order: body.Order, notes: Notes) -> Decimal:
    """Return the received amount: the total minus the outstanding amount, unless the state means that it is zero."""
    status = (order.financial_status or "").lower()
    if status in UNPAID:
        return Decimal(0)
    if order.total_outstanding is not None:
        return decimal(order.total_price) - decimal(order.total_outstanding)
    if status in ("paid", "refunded", "partially_refunded"):
        return decimal(order.total_price)
    notes.lose("/totals/paid", "ambiguous", "the webhook does not contain what was received")
    return Decimal(0)


def _outstanding(order: body.Order, paid: Decimal) -> Decimal:
    """Return the outstanding amount of an order that does not contain it. It is zero for a void or cancelled order."""
    is_void = order.cancelled_at is not None or (order.financial_status or "").lower() == "voided"
    return Decimal(0) if is_void else decimal(order.total_price) - paid


def _fulfillment_status(order: body.Order) -> str | None:
    if order.fulfillment_status is UNSET:
        return None
    return order.fulfillment_status or "unfulfilled"


def _shipping_total(order: body.Order) -> wire.MoneyBag | None:
    total = shop_money(order.total_shipping_price_set)
    return total or some(sum((decimal(line.price) for line in order.shipping_lines), Decimal(0)))


def _note_missing(order: body.Order, account: wire.Account, notes: Notes) -> None:
    notes.lose("/payments", "dropped", NOT_SENT)
    for place, one in enumerate(order.refunds):
        if is_foreign(one, order.currency):
            notes.lose(f"/refunds/{place}/amount", "ambiguous", CONVERTED)
    if order.metafields is UNSET:
        notes.lose("/external_id", "dropped", NOT_SENT)
        if any(metafield_key(setting.vendor_field) for setting in account.custom_fields.get("order", ())):
            notes.lose("/custom_fields", "dropped", "the webhook contains no metafields")
    if order.line_items is UNSET:
        notes.lose("/line_items", "dropped", NOT_SENT)


def _customer(customer: body.OrderCustomer | None) -> wire.OrderCustomer | None:
    if customer is None:
        return None
    name = " ".join(part for part in (customer.first_name, customer.last_name) if part)
    return wire.OrderCustomer(
        id=None if customer.id is None else gid("Customer", str(customer.id)),
        display_name=name or customer.email,
        default_email_address=wire.ContactEmail(email_address=customer.email) if customer.email else None,
        default_phone_number=wire.ContactPhone(phone_number=customer.phone) if customer.phone else None,
    )
