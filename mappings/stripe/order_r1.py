"""Order, revision 1: an invoice or a checkout session. `source_kind` says which.

The sums are Stripe's. Only the sum of the lines before discounts is computed, if all lines are read. Stripe has no
times of change.
"""

from typing import Any, Final, cast

from canonical.order import Discount, Order, PaymentStatus, Totals
from canonical.order_patch import OrderPatch
from canonical.parts import CustomField
from canonical.totals import check_payment, check_taxes
from mappings.kit import line_fields
from mappings.kit.misread import misread
from mappings.kit.times import from_seconds
from mappings.kit.unchanged import changes_only
from mappings.spec import Mapped, Notes, Remote, Unmappable, VendorMapping
from mappings.stripe import addresses, metadata
from mappings.stripe import order_enums_r1 as enums
from mappings.stripe import order_parts_r1 as parts
from mappings.stripe import order_sums_r1 as sums
from mappings.stripe import wire_2026_10_28 as wire
from mappings.stripe.endpoints_order import ENDPOINTS
from mappings.stripe.field_values import dashboard, id_of
from mappings.stripe.money import money
from mappings.stripe.order_lines_write_r1 import lines_of, total_of
from mappings.stripe.order_urls_r1 import urls_of
from mappings.stripe.order_write_r1 import to_vendor
from mappings.stripe.related import with_all_items, with_all_lines
from mappings.stripe.wire_writes_2026_10_28 import OrderWrite

Record = wire.Invoice | wire.CheckoutSession


def to_canonical(record: Record, account: wire.Account) -> Mapped[Order]:
    """Return an invoice or a checkout in canonical form. Raises VendorDrift for an invalid amount or time, Unmappable
    for a checkout that sells nothing."""
    notes = Notes()
    if not account.has_skus:
        notes.lose("/line_items", "defaulted", "the connection's key may not read products, which have the SKUs")
    try:
        if isinstance(record, wire.Invoice):
            return _invoice(with_all_lines(record, account), account, notes)
        return _session(with_all_items(record, account), account, notes)
    except (ValueError, ArithmeticError) as error:
        raise misread(record, error, "a sum or a count is not a number") from error


def _invoice(record: wire.Invoice, account: wire.Account, notes: Notes) -> Mapped[Order]:
    currency = record.currency.upper()
    on_lines = line_fields.of_lines(account.custom_fields.get("order", ()))
    lines = tuple(
        [
            parts.invoice_line(line, currency, on_lines, account, notes, place)
            for place, line in enumerate(record.lines.data)
        ]
    )
    if record.lines.has_more:
        notes.lose("/line_items", "truncated", f"only the first {len(lines)} lines are read")
    if record.description:
        notes.lose(
            "/customer_note", "dropped", "the invoice's memo, the seller's note to the buyer, has no canonical field"
        )
    taxes = record.total_taxes or record.total_tax_amounts
    tax_inclusive = parts.inclusive(taxes)
    totals = _invoice_totals(record, currency, tax_inclusive, notes)
    remote_id = id_of(record.customer)
    created_at, moved = from_seconds(record.created), record.status_transitions
    order = Order(
        number=record.number,
        source_kind="invoice",
        source_kind_raw="invoice",
        status=enums.INVOICE_STATUS.get(record.status, "unknown"),
        status_raw=record.status,
        payment_status=_invoice_payment_status(record),
        payment_status_raw=record.status,
        cancelled_at=from_seconds(moved.voided_at),
        currency=currency,
        totals=totals,
        tax_inclusive=tax_inclusive,
        customer=parts.customer(remote_id, record.customer_email, record.customer_phone, record.customer_name, notes),
        is_guest=remote_id is None,
        billing_address=addresses.read(record.customer_address, "billing"),
        shipping_address=addresses.read_shipping(record.shipping_details or record.customer_shipping),
        line_items=lines,
        discounts=parts.discounts(record.total_discount_amounts, currency) if record.total_discount_amounts else (),
        shipping_lines=parts.shipping_lines(record.shipping_cost, currency),
        payments=parts.invoice_payments(record.payments, notes),
        external_id=metadata.external_id(record.metadata),
        is_test=not record.livemode,
        custom_fields=_custom_fields(record, account, notes),
        placed_at=from_seconds(moved.finalized_at) or created_at,
        paid_at=from_seconds(moved.paid_at) if record.status == "paid" else None,
        created_at=created_at,
    )
    notes.loss.extend(check_payment(order))
    without_tax = [line for line in record.lines.data if line.taxes is None and line.tax_amounts is None]
    if not without_tax and not record.lines.has_more:
        notes.loss.extend(check_taxes(totals.tax, lines, order.shipping_lines))
    remote = Remote(id=record.id, url=dashboard(record.livemode, f"invoices/{record.id}"), created_at=created_at)
    return Mapped(data=order, remote=remote, loss=tuple(notes.loss))


def _invoice_totals(record: wire.Invoice, currency: str, tax_inclusive: bool | None, notes: Notes) -> Totals:
    """Return the sums. `items` is the sum of the lines, because `subtotal` is after the discounts of single lines.
    The lines need no check: each is read so that its product is its amount."""
    items = record.subtotal
    if record.lines.data and not record.lines.has_more:
        items = sum([line.amount for line in record.lines.data])
    taxes = record.total_taxes or record.total_tax_amounts
    remaining = record.amount_remaining
    return sums.totals(
        currency,
        tax_inclusive,
        notes,
        items=items,
        discount=parts.sum_of(record.total_discount_amounts),
        shipping=record.amount_shipping if record.shipping_cost is None else record.shipping_cost.amount_subtotal,
        tax=parts.sum_of(taxes) if taxes else record.tax or 0,
        total=record.total,
        paid=record.amount_paid,
        refunded=record.post_payment_credit_notes_amount,
        outstanding=0
        if record.status == "void"
        else record.total - record.amount_paid
        if remaining is None
        else remaining,
    )


def _invoice_payment_status(record: wire.Invoice) -> PaymentStatus:
    """Return the status of an invoice. A paid one may have been credited since; an open one may be partly paid."""
    status = enums.INVOICE_PAYMENT.get(record.status, "unknown")
    given_back = record.post_payment_credit_notes_amount
    if status == "paid" and given_back > 0:
        return "refunded" if given_back >= record.amount_paid else "partially_refunded"
    return "partially_paid" if status == "unpaid" and record.amount_paid > 0 else status


def _session(record: wire.CheckoutSession, account: wire.Account, notes: Notes) -> Mapped[Order]:
    if record.currency is None or record.amount_total is None:
        raise Unmappable("$.currency", f"a checkout in mode {record.mode} without an amount sells nothing")
    currency = record.currency.upper()
    listed = record.line_items or wire.SessionLines()
    on_lines = line_fields.of_lines(account.custom_fields.get("order", ()))
    lines = tuple(
        [parts.session_line(line, currency, on_lines, account, notes, place) for place, line in enumerate(listed.data)]
    )
    if record.line_items is None:
        notes.lose("/line_items", "dropped", "the answer does not contain the lines of the checkout")
    elif listed.has_more:
        notes.lose("/line_items", "truncated", f"only the first {len(lines)} lines are read")
    charge = _charge(record)
    tax_inclusive = parts.inclusive_prices(listed.data)
    payment_status = _session_payment_status(record, charge)
    totals = _session_totals(record, currency, charge, tax_inclusive, notes)
    payments = () if charge is None else (parts.charged(charge),)
    who = record.customer_details or wire.CustomerDetails()
    remote_id = id_of(record.customer)
    created_at = from_seconds(record.created)
    presented = record.presentment_details
    order = Order(
        source_kind="checkout_session",
        source_kind_raw="checkout.session",
        status=enums.SESSION_STATUS.get(record.status, "unknown"),
        status_raw=record.status,
        payment_status=payment_status,
        payment_status_raw=record.payment_status,
        currency=currency,
        presentment_currency=None
        if presented is None or presented.presentment_currency is None
        else presented.presentment_currency.upper(),
        totals=totals,
        tax_inclusive=tax_inclusive,
        customer=parts.customer(remote_id, who.email or record.customer_email, who.phone, who.name, notes),
        is_guest=remote_id is None,
        billing_address=addresses.read(who.address, "billing", name=who.name),
        shipping_address=addresses.read_shipping(_shipping(record)),
        line_items=lines,
        discounts=_session_discounts(record, currency),
        shipping_lines=parts.shipping_lines(record.shipping_cost, currency),
        payments=payments,
        channel="online",
        external_id=metadata.external_id(record.metadata) or record.client_reference_id or None,
        is_test=not record.livemode,
        custom_fields=_custom_fields(record, account, notes),
        placed_at=created_at,
        paid_at=payments[0].processed_at if payments and record.payment_status == "paid" else None,
        created_at=created_at,
    )
    notes.loss.extend(check_payment(order))
    if not listed.has_more:
        notes.loss.extend(check_taxes(totals.tax, lines, order.shipping_lines))
    return Mapped(data=order, remote=Remote(id=record.id, created_at=created_at), loss=tuple(notes.loss))


def _session_totals(
    record: wire.CheckoutSession, currency: str, charge: wire.Charge | None, tax_inclusive: bool | None, notes: Notes
) -> Totals:
    details = record.total_details or wire.TotalDetails()
    total = record.amount_total or 0
    paid = total if record.payment_status == "paid" else 0
    items = record.amount_subtotal or 0
    lines = record.line_items
    if lines is not None and not lines.has_more:
        added = sum([line.amount_subtotal for line in lines.data])
        if added != items:
            detail = f"the lines add up to {money(added, currency)}, the vendor says {money(items, currency)}"
            notes.lose("/totals/items", "ambiguous", detail)
    return sums.totals(
        currency,
        tax_inclusive,
        notes,
        items=items,
        discount=details.amount_discount or 0,
        shipping=(details.amount_shipping or 0)
        if record.shipping_cost is None
        else record.shipping_cost.amount_subtotal,
        tax=details.amount_tax or 0,
        total=total,
        paid=paid,
        refunded=0 if charge is None else charge.amount_refunded,
        outstanding=0 if record.status == "expired" else total - paid,
    )


def _session_discounts(record: wire.CheckoutSession, currency: str) -> tuple[Discount, ...]:
    """Return the discounts of a checkout: Stripe sends only their sum."""
    off = 0 if record.total_details is None else record.total_details.amount_discount
    return (Discount(amount=money(off, currency)),) if off else ()


def _session_payment_status(record: wire.CheckoutSession, charge: wire.Charge | None) -> PaymentStatus:
    status = enums.SESSION_PAYMENT.get((record.payment_status, record.status), "unknown")
    intent = record.payment_intent
    if status == "pending" and isinstance(intent, wire.PaymentIntent) and intent.status == "requires_capture":
        return "authorized"
    if charge is None or status != "paid":
        return status
    if charge.disputed:
        return "disputed"
    if charge.amount_refunded > 0:
        return "refunded" if charge.amount_refunded >= charge.amount else "partially_refunded"
    return status


def _charge(record: wire.CheckoutSession) -> wire.Charge | None:
    intent = record.payment_intent
    charge = intent.latest_charge if isinstance(intent, wire.PaymentIntent) else None
    return charge if isinstance(charge, wire.Charge) else None


def _shipping(record: wire.CheckoutSession) -> wire.Shipping | None:
    """Return the shipping address. It has had three names in the history of the API."""
    collected = None if record.collected_information is None else record.collected_information.shipping_details
    return collected or record.shipping_details or record.shipping


def _custom_fields(record: Record, account: wire.Account, notes: Notes) -> tuple[CustomField, ...]:
    """Return the custom fields: metadata, and the URLs of a checkout."""
    settings = line_fields.of_orders(account.custom_fields.get("order", ()))
    if not settings:
        return ()
    stored = record.metadata or {}
    if isinstance(record, wire.CheckoutSession):
        stored = stored | urls_of(record)
    return metadata.read(stored, settings, notes)


ORDER: Final = VendorMapping[Record, Order, OrderPatch, OrderWrite, wire.Account](
    vendor="stripe",
    object="order",
    revision=1,
    vendor_api="2026-10-28",
    record=cast("type[Record]", cast(Any, Record)),  # msgspec decodes a union by its tag `object`
    account=wire.Account,
    endpoints=ENDPOINTS,
    to_canonical=to_canonical,
    to_vendor=changes_only(to_canonical, to_vendor),
    longest={"line_items/sku": metadata.LONGEST},
    total_of=total_of,
    lines_of=lines_of,
)
