"""Order, revision 1: from Admin GraphQL 2026-07 and from the body of order webhooks.

The sums are Shopify's before returns (`totalPriceSet`, `totalReceivedSet` and so on). They match the lines as bought,
so the rule of the totals holds. `refunded` has the returned amount.
"""

from datetime import datetime
from decimal import Decimal
from typing import Final

import msgspec

from canonical import values
from canonical.order import Fee, Order, OrderChannel, OrderStatus, Payment, PaymentStatus, Totals
from canonical.order_patch import OrderPatch
from canonical.parts import CustomField, CustomFieldSetting, Reference
from canonical.totals import added, check_payment, check_taxes, check_totals
from mappings.kit import line_fields
from mappings.kit.misread import misread
from mappings.kit.unchanged import changes_only
from mappings.shopify import addresses, custom_fields, metadata, order_webhook_r1, wire_webhook
from mappings.shopify import order_enums_r1 as enums
from mappings.shopify import order_parts_r1 as parts
from mappings.shopify import wire_2026_07 as wire
from mappings.shopify.endpoints_order import ENDPOINTS
from mappings.shopify.field_values import admin_url, is_webhook, utc
from mappings.shopify.order_lines_write_r1 import total_of
from mappings.shopify.order_write_r1 import to_vendor
from mappings.shopify.related import beyond, completed
from mappings.shopify.requests import tail
from mappings.shopify.wire_inputs_2026_07 import OrderWrite
from mappings.shopify.wire_variables_2026_07 import Sizes
from mappings.spec import Mapped, Notes, ReadShape, Remote, VendorMapping

BROKEN: Final = "a sum, a count or a time is invalid"


def to_canonical(order: wire.Order, account: wire.Account) -> Mapped[Order]:
    """Return an order in canonical form, completed by further reads."""
    notes = Notes()
    whole, sizes = completed(order, account)
    _note_truncated(whole, sizes, notes)
    try:
        return _mapped(whole, account, notes)
    except (ValueError, ArithmeticError) as error:
        raise misread(whole, error, BROKEN) from error


def webhook_to_canonical(body: wire_webhook.Order, account: wire.Account) -> Mapped[Order]:
    """Return the order in the body of a webhook in canonical form."""
    notes = Notes()
    try:
        mapped = _mapped(order_webhook_r1.as_record(body, account, notes), account, notes)
    except (ValueError, ArithmeticError) as error:
        raise misread(body, error, BROKEN) from error
    if body.fulfillment_status is not None:
        return mapped
    # The webhook sends null for an unfulfilled order.
    unsaid = msgspec.structs.replace(mapped.data, fulfillment_status_raw=None)
    return msgspec.structs.replace(mapped, data=unsaid)


def _mapped(order: wire.Order, account: wire.Account, notes: Notes) -> Mapped[Order]:
    currency = order.currency_code
    configured = account.custom_fields.get("order", ())
    settings, on_lines = line_fields.of_orders(configured), line_fields.of_lines(configured)
    moved = parts.quantities(order.refunds, order.fulfillments) if order.refunds or order.fulfillments else {}
    lines, cost, taken, marked = parts.lines(order.line_items.nodes, currency, moved, on_lines, notes)
    fees = (*marked, *_fees(order, currency))
    totals = _totals(order, cost, fees, currency)
    payment_status = enums.PAYMENT_STATUS.get((order.display_financial_status or "").upper(), "unknown")
    payments = tuple([parts.payment(one, currency) for one in order.transactions])
    billing, shipping = order.billing_address, order.shipping_address
    status, status_raw = _status(order)
    remote_id, created_at, updated_at = tail(order.id), utc(order.created_at), utc(order.updated_at)
    totals = _with_all_shipping(totals, order, currency)
    notes.loss.extend(check_totals(totals, (), order.taxes_included))  # the sum of the lines is computed here
    data = Order(
        number=order.name,
        source_kind="order",
        status=status,
        status_raw=status_raw,
        payment_status=payment_status,
        payment_status_raw=order.display_financial_status,
        fulfillment_status=enums.FULFILLMENT_STATUS.get((order.display_fulfillment_status or "").upper(), "unknown"),
        fulfillment_status_raw=order.display_fulfillment_status,
        cancel_reason=None
        if order.cancel_reason is None
        else enums.CANCEL_REASON.get(order.cancel_reason.upper(), "unknown"),
        cancel_reason_raw=order.cancel_reason,
        cancelled_at=utc(order.cancelled_at),
        currency=currency,
        presentment_currency=order.presentment_currency_code,
        totals=totals,
        tax_inclusive=order.taxes_included,
        customer=_customer(order, notes),
        is_guest=order.customer is None,
        billing_address=None if billing is None else addresses.read(billing, "billing", False),
        shipping_address=None if shipping is None else addresses.read(shipping, "shipping", False),
        line_items=lines,
        discounts=parts.discounts(order.discount_applications.nodes, order.shipping_lines.nodes, taken, currency),
        shipping_lines=tuple([parts.shipping_line(item, currency) for item in order.shipping_lines.nodes]),
        fees=fees,
        payments=payments,
        refunds=tuple([parts.refund(one, currency) for one in order.refunds]),
        fulfillments=tuple([parts.parcel(one) for one in order.fulfillments]),
        channel=_channel(order.source_name),
        channel_raw=order.source_name,
        tags=order.tags,
        customer_note=order.note,
        external_id=metadata.external_id(order.external),
        is_test=order.test or False,
        custom_fields=_custom_fields(order, settings, notes) if settings else (),
        placed_at=utc(order.processed_at),
        paid_at=_paid_at(payments, payment_status),
        closed_at=utc(order.closed_at),
        created_at=created_at,
        updated_at=updated_at,
    )
    notes.loss.extend(check_payment(data))
    if _knows_taxes(order):
        notes.loss.extend(check_taxes(totals.tax, lines, data.shipping_lines, on_fees=added(one.tax for one in fees)))
    url = admin_url(account.domain, "orders", remote_id)
    remote = Remote(id=remote_id, url=url, created_at=created_at, updated_at=updated_at)
    return Mapped(data=data, remote=remote, loss=tuple(notes.loss))


def _knows_taxes(order: wire.Order) -> bool:
    """Return whether every line and shipping charge was read, with its taxes."""
    if order.line_items.page_info.has_next_page or order.shipping_lines.page_info.has_next_page:
        return False
    taxes = [line.tax_lines for line in order.line_items.nodes]
    return None not in taxes and None not in [charge.tax_lines for charge in order.shipping_lines.nodes]


def _status(order: wire.Order) -> tuple[OrderStatus, str]:
    """Return the status. Shopify has no field for it: its search and admin derive open, closed or cancelled from two
    times."""
    if order.cancelled_at is not None:
        return "cancelled", "cancelled"
    if order.closed_at is not None:
        return "completed", "closed"
    return "open", "open"


def _fees(order: wire.Order, currency: str) -> tuple[Fee, ...]:
    """Return Shopify's own fees. Duties are one unless prices include them."""
    sums = {"Additional fees": order.original_total_additional_fees_set}
    if not order.duties_included:
        sums["Duties"] = order.original_total_duties_set
    amounts = ((name, values.parse_decimal(bag.shop_money.amount)) for name, bag in sums.items() if bag is not None)
    return tuple([parts.fee(name, amount, values.money("0", currency), currency) for name, amount in amounts if amount])


def _totals(order: wire.Order, items: Decimal, fees: tuple[Fee, ...], currency: str) -> Totals:
    """Return Shopify's sums. It has none for the lines before discounts: `items` is computed."""
    return Totals(
        items=values.money(str(items), currency),
        discount=parts.amount_of(order.total_discounts_set, currency),
        shipping=parts.amount_of(order.total_shipping_price_set, currency),
        fees=values.money(format(added(one.amount for one in fees), "f"), currency),
        tip=parts.amount_of(order.total_tip_received_set, currency),
        tax=parts.amount_of(order.total_tax_set, currency),
        total=values.money(order.total_price_set.shop_money.amount, currency),
        paid=parts.amount_of(order.total_received_set, currency),
        refunded=parts.amount_of(order.total_refunded_set, currency),
        outstanding=parts.amount_of(order.total_outstanding_set, currency),
    )


def _with_all_shipping(totals: Totals, order: wire.Order, currency: str) -> Totals:
    """Return the sums with shipping before discounts, if so they add up: Shopify's is after them, and its discounts
    include them."""
    off = parts.add_taken([one for charge in order.shipping_lines.nodes for one in charge.discount_allocations], {})
    if not off or not check_totals(totals, (), order.taxes_included):
        return totals
    shipping = values.money(format(added([totals.shipping]) + off, "f"), currency)
    whole = msgspec.structs.replace(totals, shipping=shipping)
    return totals if check_totals(whole, (), order.taxes_included) else whole


def _customer(order: wire.Order, notes: Notes) -> Reference | None:
    """Return the buyer as recorded in the order, with the contact of the customer where the order has none. A guest has
    at most an e-mail address, a number and the name of the billing address."""
    known, billing = order.customer, order.billing_address
    own = None if known is None or known.default_email_address is None else known.default_email_address.email_address
    number = None if known is None or known.default_phone_number is None else known.default_phone_number.phone_number
    address = order.email or own or None
    email = values.email(address) if address else None
    if email != address:
        notes.lose("/customer/email", "coerced", "written in lower case without spaces around it")
    name = known.display_name if known is not None else billing.name if billing is not None else None
    if known is None and not (email or order.phone or name):
        return None
    return Reference(
        remote_id=None if known is None or known.id is None else tail(known.id),
        email=email,
        phone=order.phone or number,
        name=name,
    )


def _channel(source: str | None) -> OrderChannel:
    """Return the channel. Shopify's channels have names; an app that creates orders has a number."""
    if source is None:
        return "unknown"
    return "api" if source.isdecimal() else enums.CHANNEL.get(source, "unknown")


def _custom_fields(
    order: wire.Order, settings: tuple[CustomFieldSetting, ...], notes: Notes
) -> tuple[CustomField, ...]:
    return custom_fields.read(settings, metadata.of_order(order), notes, "/custom_fields")


def _paid_at(payments: tuple[Payment, ...], status: PaymentStatus) -> datetime | None:
    """Return the time of the last payment of an order that was paid in full."""
    if status not in enums.PAID:
        return None
    came_in = [
        one.processed_at
        for one in payments
        if one.processed_at is not None and one.status == "succeeded" and one.kind in ("sale", "capture")
    ]
    return max(came_in, default=None)


def _note_truncated(order: wire.Order, sizes: Sizes, notes: Notes) -> None:
    """Note a loss for each inner list that is longer than was read."""
    if order.line_items.page_info.has_next_page:
        notes.lose("/line_items", "truncated", f"only the first {len(order.line_items.nodes)} lines are read")
    if order.shipping_lines.page_info.has_next_page:
        notes.lose("/shipping_lines", "truncated", f"only the first {len(order.shipping_lines.nodes)} are read")
    if order.discount_applications.page_info.has_next_page:
        notes.lose("/discounts", "truncated", f"only the first {len(order.discount_applications.nodes)} are read")
    if beyond(order.transactions_count, len(order.transactions)):
        notes.lose("/payments", "truncated", f"only the first {len(order.transactions)} are read")
    if beyond(order.fulfillments_count, len(order.fulfillments)):
        notes.lose("/fulfillments", "truncated", f"only the first {len(order.fulfillments)} are read")
    if len(order.refunds) >= sizes.events:
        notes.lose("/refunds", "truncated", f"only the first {sizes.events} are read; there may be more")
    for place, refund in enumerate(order.refunds):
        if refund.refund_line_items.page_info.has_next_page:
            notes.lose(f"/refunds/{place}/line_items", "truncated", "only the first lines are read")
    for place, parcel in enumerate(order.fulfillments):
        if parcel.fulfillment_line_items.page_info.has_next_page:
            notes.lose(f"/fulfillments/{place}/line_items", "truncated", "only the first lines are read")


ORDER: Final = VendorMapping[wire.Order, Order, OrderPatch, OrderWrite, wire.Account](
    vendor="shopify",
    object="order",
    revision=1,
    vendor_api="2026-07",
    record=wire.Order,
    account=wire.Account,
    endpoints=ENDPOINTS,
    to_canonical=to_canonical,
    to_vendor=changes_only(to_canonical, to_vendor),
    longest={"tags": 255},
    total_of=total_of,
    shapes=(ReadShape(record=wire_webhook.Order, matches=is_webhook, to_canonical=webhook_to_canonical),),
)
