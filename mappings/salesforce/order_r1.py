"""Salesforce order (API 62.0) → canonical Order, revision 1.

A Salesforce order has no payments, shipping, discounts or taxes. Their sums are zero, and `meta.loss` reports it. A
reduction order takes back a part of another order and is not read.
"""

from datetime import datetime
from decimal import Decimal
from typing import Final

from canonical import values
from canonical.codes import NO_CURRENCY
from canonical.order import LineItem, Order, OrderStatus, Totals
from canonical.order_patch import OrderPatch
from canonical.parts import Loss, Reference
from canonical.totals import check_items
from mappings.kit import markers
from mappings.kit.misread import misread
from mappings.kit.references import product as product_of
from mappings.salesforce import addresses, custom_fields
from mappings.salesforce import wire_v62 as wire
from mappings.salesforce.endpoints_order import ENDPOINTS
from mappings.salesforce.enums import order_status
from mappings.salesforce.field_values import (
    LONG,
    LONGEST_IN_ADDRESS,
    LONGEST_TEXT,
    STORES,
    changed_at,
    instant,
    long_id,
    remote,
)
from mappings.salesforce.order_lines_write_r1 import lines_of, total_of
from mappings.salesforce.order_write_r1 import to_vendor
from mappings.salesforce.wire_v62 import Account, OrderItem, OrderWrite
from mappings.spec import Mapped, Unmappable, VendorMapping

ZERO: Final = Decimal(0)
"""ISO 4217's code for an unknown currency."""
NO_PAYMENTS: Final = Loss(
    path="/totals/paid",
    kind="defaulted",
    detail="Salesforce orders have no payments, shipping, discounts or taxes; these are zero",
)
DAY_ONLY: Final = Loss(
    path="/placed_at",
    kind="coerced",
    detail="Salesforce keeps only the start date of an order; this is its midnight in UTC",
)
CURRENCY_UNKNOWN: Final = Loss(
    path="/currency", kind="defaulted", detail="neither the order nor the org has a currency; XXX means unknown"
)


def _day(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise values.UnreadableValue("not a day", text) from error


def to_canonical(record: wire.Order, account: Account) -> Mapped[Order]:
    """Return the order. Raises Unmappable for a reduction order, VendorDrift for a malformed sum or day."""
    if record.is_reduction_order:
        raise Unmappable("$.IsReductionOrder", "a reduction order takes back part of another order: read that one")
    try:
        return _mapped(record, account)
    except (ValueError, ArithmeticError) as error:
        raise misread(record, error, "a sum, a count or a day is invalid") from error


def _mapped(record: wire.Order, account: Account) -> Mapped[Order]:
    loss: list[Loss] = []
    id = record.id if len(record.id) == LONG else long_id(record.id)
    settings = account.custom_fields.get("order", ())
    currency = record.currency_iso_code or account.currency or NO_CURRENCY
    created_at, updated_at = instant(record.created_date), changed_at(record)
    items = _items(record, id, account, loss)
    zero = values.money("0", currency)
    lines, lines_sum = _lines(items, currency, zero) if items else ((), record.total_amount)
    status: OrderStatus = "archived"
    if not record.is_deleted:
        status = order_status(record.status, record.status_code or account.order_statuses.get(record.status or ""))
    totals = _totals(record, lines, currency, zero, is_void=status == "cancelled")
    if lines and lines_sum != record.total_amount:  # else the sum is exact
        loss += check_items(totals.items, lines)
    loss.append(NO_PAYMENTS)
    if currency == NO_CURRENCY:
        loss.append(CURRENCY_UNKNOWN)
    if record.effective_date is not None:
        loss.append(DAY_ONLY)
    order = Order(
        number=record.order_number,
        source_kind="order",
        status=status,
        status_raw=record.status,
        currency=currency,
        totals=totals,
        customer=_customer(record, loss),
        is_guest=record.bill_to_contact_id is None and record.account_id is None,
        billing_address=addresses.read(
            "billing",
            "Billing",
            record.billing_street,
            record.billing_city,
            record.billing_state,
            record.billing_postal_code,
            record.billing_country,
            record.billing_country_code,
            record.billing_state_code,
            pointer="/billing_address",
            loss=loss,
        ),
        shipping_address=addresses.read(
            "shipping",
            "Shipping",
            record.shipping_street,
            record.shipping_city,
            record.shipping_state,
            record.shipping_postal_code,
            record.shipping_country,
            record.shipping_country_code,
            record.shipping_state_code,
            pointer="/shipping_address",
            loss=loss,
        ),
        line_items=lines,
        internal_note=record.description,
        external_id=markers.own_key(record.key),
        custom_fields=custom_fields.read("Order", id, settings, account, loss) if settings else (),
        placed_at=None if record.effective_date is None else values.utc(_day(record.effective_date)),
        created_at=created_at,
        updated_at=updated_at,
    )
    return Mapped(data=order, remote=remote("Order", id, created_at, updated_at, account), loss=tuple(loss))


def _items(record: wire.Order, id: str, account: Account, loss: list[Loss]) -> tuple[OrderItem, ...]:
    """Return the lines of the reply and of further reads."""
    included = record.order_items
    if included is None:
        return ()
    if included.done:
        return included.records
    more = account.more_lines.get(id, wire.MoreLines(next=""))
    lines = included.records + more.lines
    if more.next is not None:
        loss.append(Loss(path="/line_items", kind="truncated", detail=f"only the first {len(lines)} lines are read"))
    return lines


def _lines(items: tuple[OrderItem, ...], currency: str, zero: str) -> tuple[tuple[LineItem, ...], Decimal]:
    """Return the lines and their sum: Σ quantity * unit price."""
    lines: list[LineItem] = []
    lines_sum = ZERO
    for item in items:
        count, price, product, sold = item.quantity or ZERO, item.unit_price or ZERO, item.product2, item.total_price
        sku, title = (None, None) if product is None else (product.product_code, product.name)
        product_total = count * price
        lines_sum += product_total
        lines.append(
            LineItem(
                remote_id=item.id,
                product=product_of(item.product2_id, item.pricebook_entry_id, sku, title),
                sku=sku,
                name=item.description or title or "",
                quantity=values.quantity(str(count)),
                unit_price=values.unit_price(str(price), currency),
                discount=zero,
                tax=zero,
                total=values.money(str(product_total if sold is None else sold), currency),
            )
        )
    return tuple(lines), lines_sum


def _totals(record: wire.Order, lines: tuple[LineItem, ...], currency: str, zero: str, *, is_void: bool) -> Totals:
    total = record.total_amount
    if total is None:
        total = sum((Decimal(line.total) for line in lines), ZERO)
    owed = values.money(str(total), currency)
    return Totals(
        items=owed,
        discount=zero,
        shipping=zero,
        fees=zero,
        tip=zero,
        tax=zero,
        total=owed,
        paid=zero,
        refunded=zero,
        outstanding=zero if is_void else owed,
    )


def _customer(record: wire.Order, loss: list[Loss]) -> Reference | None:
    """Return the billed contact; without one only the name of the account, which is not a customer."""
    person, company = record.bill_to_contact, record.account
    if record.bill_to_contact_id is None:
        return None if company is None or company.name is None else Reference(name=company.name)
    if person is None:
        return Reference(remote_id=record.bill_to_contact_id)
    email = values.email(person.email) if person.email else None
    if email != (person.email or None):
        loss.append(Loss(path="/customer/email", kind="coerced", detail="trimmed and lower-cased"))
    return Reference(remote_id=record.bill_to_contact_id, name=person.name, email=email, phone=person.phone)


ORDER: Final = VendorMapping[wire.Order, Order, OrderPatch, OrderWrite, Account](
    vendor="salesforce",
    object="order",
    revision=1,
    vendor_api="v62.0",
    record=wire.Order,
    account=Account,
    endpoints=ENDPOINTS,
    to_canonical=to_canonical,
    to_vendor=to_vendor,
    total_of=total_of,
    lines_of=lines_of,
    stores=STORES,
    longest={
        "internal_note": LONGEST_TEXT,
        **{f"billing_address/{name}": most for name, most in LONGEST_IN_ADDRESS.items()},
        **{f"shipping_address/{name}": most for name, most in LONGEST_IN_ADDRESS.items()},
    },
)
