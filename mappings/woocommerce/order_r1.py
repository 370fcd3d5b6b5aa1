"""Order, revision 1.

WooCommerce's status becomes three (see `order_enums_r1`). All sums are without tax, so `tax_inclusive` is false even if
the shop enters prices with tax. There is no paid amount: an order is paid in full or not at all.
"""

from decimal import Decimal
from typing import Final

from canonical import values
from canonical.order import Fee, FulfillmentStatus, Order, Refund, Totals
from canonical.order import PaymentStatus as Paid
from canonical.order_patch import OrderPatch
from canonical.parts import Loss, Reference
from canonical.totals import check_payment, check_taxes, check_totals
from mappings.kit import line_fields
from mappings.kit.misread import misread
from mappings.kit.unchanged import changes_only
from mappings.spec import Mapped, Remote, VendorMapping
from mappings.woocommerce import addresses, custom_fields, order_parts_r1, wire_v3
from mappings.woocommerce.endpoints_order import ENDPOINTS
from mappings.woocommerce.money import check_digits, exact, money
from mappings.woocommerce.order_enums_r1 import CANCEL_REASONS, CHANNELS, axes
from mappings.woocommerce.order_lines_write_r1 import lines_of, total_of
from mappings.woocommerce.order_parts_r1 import MOVED, ZERO, added
from mappings.woocommerce.order_status_write_r1 import TOGETHER
from mappings.woocommerce.order_write_r1 import to_vendor
from mappings.woocommerce.requests import meta_text, moment, page_url
from mappings.woocommerce.wire_v3 import CANCEL_REASON, EXTERNAL_ID, Account, OrderWrite

PAGE: Final = "post.php?post=%d&action=edit"
WITHOUT_TAX: Final = Loss(
    path="/tax_inclusive",
    kind="coerced",
    detail="the shop enters prices with tax; lines, discounts and shipping are without tax here, as in its API",
)
NO_TIME: Final = Loss(
    path="/cancelled_at",
    kind="defaulted",
    detail="WooCommerce keeps no time of cancellation; this is the time of the last change",
)


def to_canonical(record: wire_v3.Order, account: Account) -> Mapped[Order]:
    """Return an order in canonical form. Raises VendorDrift for a sum that is not a number."""
    try:
        return _mapped(record, account)
    except (ValueError, ArithmeticError) as error:
        raise misread(record, error, "a sum or a count is not a number") from error


def _mapped(record: wire_v3.Order, account: Account) -> Mapped[Order]:
    loss: list[Loss] = []
    currency, meta, configured = record.currency, record.meta_data, account.custom_fields.get("order", ())
    settings = line_fields.of_orders(configured)
    created_at = moment(record.date_created_gmt, record.date_created, "/created_at", loss)
    updated_at = moment(record.date_modified_gmt, record.date_modified, "/updated_at", loss)
    refunds, given_back = order_parts_r1.refunds(record, account, loss) if record.refunds else ((), {})
    paid_at = moment(record.date_paid_gmt, record.date_paid, "/paid_at", loss)
    reading = axes(record.status, is_paid=paid_at is not None, method=record.payment_method)
    goods = _fulfillment(reading.fulfillment, record)
    lines, items, off, charged = order_parts_r1.lines(
        record, given_back, line_fields.of_lines(configured), loss, are_sent=goods == "fulfilled"
    )
    paid = order_parts_r1.after_refunds(reading.payment, record)
    fees = order_parts_r1.fees(charged, currency) if charged else ()
    totals = _totals(record, items, off, fees, paid, refunds, loss, is_void=reading.status == "cancelled")
    if not _adds_up(totals):
        loss += check_totals(totals, (), False)  # the sum of the lines is computed here
    is_cancelled = reading.status == "cancelled"
    if is_cancelled:
        loss.append(NO_TIME)
    if record.prices_include_tax:
        loss.append(WITHOUT_TAX)
    why = meta_text(meta, CANCEL_REASON) if is_cancelled and meta else None
    order = Order(
        number=record.number or None,
        source_kind="order",
        status=reading.status,
        status_raw=record.status,
        payment_status=paid,
        payment_status_raw=record.status,
        fulfillment_status=goods,
        fulfillment_status_raw=record.status,
        cancel_reason=CANCEL_REASONS.get(why or "", "unknown") if is_cancelled else None,
        cancel_reason_raw=why,
        cancelled_at=updated_at if is_cancelled else None,
        currency=currency,
        presentment_currency=currency,
        totals=totals,
        tax_inclusive=False,
        customer=_customer(record, loss),
        is_guest=record.customer_id == 0,
        billing_address=addresses.read_billing(record.billing, with_company=True),
        shipping_address=addresses.read_shipping(record.shipping),
        line_items=lines,
        discounts=order_parts_r1.discounts(record) if record.coupon_lines else (),
        shipping_lines=order_parts_r1.shipping_lines(record) if record.shipping_lines else (),
        fees=fees,
        payments=order_parts_r1.payments(record, paid, paid_at, totals.total),
        refunds=refunds,
        channel=CHANNELS.get(record.created_via, "unknown"),
        channel_raw=record.created_via or None,
        customer_note=addresses.text(record.customer_note),
        external_id=meta_text(meta, EXTERNAL_ID) if meta else None,
        custom_fields=custom_fields.read(meta, settings, loss) if settings else (),
        placed_at=created_at,
        paid_at=paid_at,
        closed_at=moment(record.date_completed_gmt, record.date_completed, "/closed_at", loss),
        created_at=created_at,
        updated_at=updated_at,
    )
    loss += check_payment(order)
    if "" not in [line.total_tax for line in record.line_items]:
        on_fees = sum([exact(fee.tax) for fee in fees], ZERO)
        loss += check_taxes(totals.tax, lines, order.shipping_lines, on_fees=on_fees)
    remote = Remote(
        id=str(record.id), url=page_url(record.links, PAGE, record.id), created_at=created_at, updated_at=updated_at
    )
    return Mapped(data=order, remote=remote, loss=tuple(loss))


def _fulfillment(reading: FulfillmentStatus, record: wire_v3.Order) -> FulfillmentStatus:
    """Return the fulfillment status. A refunded order was fulfilled only if it was completed before."""
    is_completed = record.date_completed_gmt or record.date_completed
    return "fulfilled" if reading == "unknown" and record.status == "refunded" and is_completed else reading


def _totals(
    record: wire_v3.Order,
    items: str,
    off: Decimal,
    fees: tuple[Fee, ...],
    paid: Paid,
    refunds: tuple[Refund, ...],
    loss: list[Loss],
    *,
    is_void: bool,
) -> Totals:
    """Return the sums. `off` are discounts that WooCommerce does not count as such, those of lines stored as fees."""
    currency = record.currency
    total, zero = _sum(record.total, currency, "/totals/total", loss), money("", currency)
    tax = _sum(record.total_tax, currency, "/totals/tax", loss)
    shipping = _sum(record.shipping_total, currency, "/totals/shipping", loss)
    discount = _sum(record.discount_total, currency, "/totals/discount", loss)
    if off:
        discount = money(format(exact(discount) + off, "f"), currency)
    is_paid = paid in MOVED
    return Totals(
        items=items,
        discount=discount,
        shipping=shipping,
        fees=added([fee.amount for fee in fees], currency) if fees else zero,
        tip=zero,
        tax=tax,
        total=total,
        paid=total if is_paid else zero,
        refunded=added([refund.amount for refund in refunds], currency) if refunds else zero,
        outstanding=zero if is_paid or is_void else total,
    )


def _sum(amount: str, currency: str, path: str, loss: list[Loss]) -> str:
    rounded = money(amount, currency)
    if len(rounded) < len(amount):
        check_digits(amount, rounded, path, loss)
    return rounded


def _adds_up(totals: Totals) -> bool:
    """Return whether the parts add up to the total, as they nearly always do. The paid amount is all or nothing."""
    parts = exact(totals.items) - exact(totals.discount) + exact(totals.shipping) + exact(totals.fees)
    return parts + exact(totals.tax) == exact(totals.total)


def _customer(record: wire_v3.Order, loss: list[Loss]) -> Reference | None:
    billing = record.billing
    name = addresses.name_of(billing.first_name, billing.last_name)
    email = values.email(billing.email) if billing.email else None
    if email != (billing.email or None):
        loss.append(Loss(path="/customer/email", kind="coerced", detail="trimmed and lower-cased"))
    if not (record.customer_id or name or email or billing.phone):
        return None
    return Reference(
        remote_id=str(record.customer_id) if record.customer_id else None,
        email=email,
        phone=addresses.text(billing.phone),
        name=name,
    )


ORDER: Final = VendorMapping[wire_v3.Order, Order, OrderPatch, OrderWrite, Account](
    vendor="woocommerce",
    object="order",
    revision=1,
    vendor_api="v3",
    record=wire_v3.Order,
    account=Account,
    endpoints=ENDPOINTS,
    to_canonical=to_canonical,
    to_vendor=changes_only(to_canonical, to_vendor, TOGETHER, along={"billing_address": "customer"}),
    total_of=total_of,
    lines_of=lines_of,
    coerces=True,
)
