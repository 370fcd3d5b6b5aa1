"""Order, revision 1: an order, or a draft. A draft that is placed becomes an order with the same id."""

from typing import Final

from msgspec.structs import replace

from canonical import values
from canonical.order import Order
from canonical.order_patch import OrderPatch
from canonical.parts import Loss, Reference
from canonical.totals import added, check_payment, check_taxes
from mappings.kit import line_fields
from mappings.kit.misread import misread
from mappings.kit.names import full_name
from mappings.kit.unchanged import changes_only
from mappings.medusa import addresses, metadata, order_parts_r1, order_sums_r1
from mappings.medusa import wire_2_21 as wire
from mappings.medusa.endpoints_order import ENDPOINTS
from mappings.medusa.money import NotSent, place_of
from mappings.medusa.order_enums_r1 import FULFILLMENTS, PARTS_ON_THE_WAY, PAYMENTS, STATUSES
from mappings.medusa.order_lines_write_r1 import lines_of, total_of
from mappings.medusa.order_write_r1 import to_vendor
from mappings.medusa.wire_2_21 import Account, OrderWrite
from mappings.spec import Mapped, Remote, VendorDrift, VendorMapping

COARSER: Final = Loss(
    path="/fulfillment_status",
    kind="coerced",
    detail="Medusa's status is more detailed; fulfillment_status_raw has it",
)
MIXED: Final = Loss(
    path="/tax_inclusive",
    kind="ambiguous",
    detail="some prices include tax and others do not; totals are given without tax, unit prices as at Medusa",
)
PAID: Final = frozenset({"paid", "partially_refunded", "refunded"})


def to_canonical(record: wire.Order, account: Account) -> Mapped[Order]:
    """Return an order in canonical form. Raises VendorDrift for a sum that is not a number."""
    try:
        return _mapped(record, account)
    except NotSent as error:
        raise VendorDrift(place_of(error.record, record) or "$", str(error)) from error
    except (ValueError, ArithmeticError) as error:
        raise misread(record, error, "a sum or a count is not a number") from error


def _mapped(record: wire.Order, account: Account) -> Mapped[Order]:
    loss: list[Loss] = []
    currency, configured = record.currency_code.upper(), account.custom_fields.get("order", ())
    settings, on_lines = line_fields.of_orders(configured), line_fields.of_lines(configured)
    record = _in_one_order(record)
    created_at = None if record.created_at is None else values.utc(record.created_at)
    updated_at = None if record.updated_at is None else values.utc(record.updated_at)
    inclusive = order_sums_r1.is_tax_inclusive(record)
    with_tax = inclusive is True
    lines, products, fees = order_parts_r1.lines(record, currency, on_lines, loss)
    payments = order_parts_r1.all_payments(record.payment_collections) if record.payment_collections else ()
    status = STATUSES.get(record.status, "unknown")
    paid = PAYMENTS.get(record.payment_status, "unknown")
    # A cancelled draft can still be placed. It keeps the time of its cancellation.
    is_over = status in ("cancelled", "archived") and record.canceled_at is not None
    is_void = is_over or status == "cancelled" or paid == "voided"
    if record.fulfillment_status in PARTS_ON_THE_WAY:
        loss.append(COARSER)
    if inclusive is None:
        loss.append(MIXED)
    channel = None if record.sales_channel is None else record.sales_channel.name or None
    order = Order(
        number=record.custom_display_id or (None if record.display_id is None else str(record.display_id)),
        source_kind="draft_order" if record.is_draft_order else "order",
        status=status,
        status_raw=record.status,
        payment_status=paid,
        payment_status_raw=record.payment_status,
        fulfillment_status=FULFILLMENTS.get(record.fulfillment_status, "unknown"),
        fulfillment_status_raw=record.fulfillment_status,
        cancelled_at=values.utc(record.canceled_at) if is_over and record.canceled_at is not None else None,
        currency=currency,
        presentment_currency=currency,
        totals=order_sums_r1.totals(record, currency, lines, products, fees, inclusive, loss, is_void=is_void),
        tax_inclusive=inclusive,
        customer=_customer(record, loss),
        is_guest=record.customer_id is None,
        billing_address=addresses.read(record.billing_address, "billing", "billing"),
        shipping_address=addresses.read(record.shipping_address, "shipping", "shipping"),
        line_items=lines,
        discounts=order_parts_r1.discounts(record, currency, with_tax=with_tax),
        shipping_lines=order_parts_r1.shipping_lines(record.shipping_methods or (), currency, with_tax=with_tax),
        fees=fees,
        payments=order_parts_r1.payments(payments) if payments else (),
        refunds=order_parts_r1.refunds(payments) if payments else (),
        fulfillments=order_parts_r1.fulfillments(record.fulfillments) if record.fulfillments else (),
        channel="draft" if record.is_draft_order else "unknown" if channel is None else "other",
        channel_raw=channel,
        external_id=metadata.external_id(record.metadata),
        custom_fields=metadata.read(record.metadata, settings, loss) if settings else (),
        placed_at=None if record.is_draft_order else created_at,
        paid_at=order_parts_r1.paid_at(payments) if paid in PAID else None,
        created_at=created_at,
        updated_at=updated_at,
    )
    loss += check_payment(order)
    if record.shipping_methods is not None:
        loss += check_taxes(order.totals.tax, lines, order.shipping_lines, on_fees=added(one.tax for one in fees))
    remote = Remote(id=record.id, created_at=created_at, updated_at=updated_at)
    return Mapped(data=order, remote=remote, loss=tuple(loss))


def _in_one_order(record: wire.Order) -> wire.Order:
    """Return the order with its lines by id. Medusa lists them in any order, and another one is no change."""
    if record.items is None or len(record.items) < 2:
        return record
    return replace(record, items=tuple(sorted(record.items, key=lambda line: line.id)))


def _customer(record: wire.Order, loss: list[Loss]) -> Reference | None:
    """Return the buyer. Name and phone are those of the billing address, else of the shipping address."""
    email = values.email(record.email) if record.email else None
    if email != (record.email or None):
        loss.append(Loss(path="/customer/email", kind="coerced", detail="trimmed and lower-cased"))
    name = phone = None
    for place in (record.billing_address, record.shipping_address):
        if place is not None:
            name = name or full_name(place.first_name, place.last_name)
            phone = phone or place.phone or None
    if record.customer_id is None and not (email or name or phone):
        return None
    return Reference(remote_id=record.customer_id, email=email, phone=phone, name=name)


ORDER: Final = VendorMapping[wire.Order, Order, OrderPatch, OrderWrite, Account](
    vendor="medusa",
    object="order",
    revision=1,
    vendor_api="2.21",
    record=wire.Order,
    account=Account,
    endpoints=ENDPOINTS,
    to_canonical=to_canonical,
    to_vendor=changes_only(to_canonical, to_vendor),
    total_of=total_of,
    lines_of=lines_of,
    coerces=True,
)
