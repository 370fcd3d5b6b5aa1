"""HubSpot order (CRM v3, object type 0-123) ↔ canonical Order, revision 1.

An order is a copy of one in a shop: its sums and addresses are a snapshot. The status is the stage of a pipeline. Lines
and buyer are associations. HubSpot keeps no payments and no paid amount: an order is paid in full or not at all.
"""

from decimal import Decimal
from typing import Final

import msgspec

from canonical import values
from canonical.codes import NO_CURRENCY
from canonical.order import (
    Discount,
    Fulfillment,
    FulfillmentStatus,
    LineItem,
    Order,
    OrderStatus,
    PaymentStatus,
    ShippingLine,
    Totals,
    Tracking,
)
from canonical.order_patch import OrderPatch
from canonical.parts import Address, AddressType, Reference
from canonical.totals import added, check_payment, check_totals
from mappings.hubspot.custom_fields import read_custom_fields
from mappings.hubspot.endpoints_order import ORDERS
from mappings.hubspot.field_values import instant
from mappings.hubspot.order_enums_r1 import fulfillment_status, payment_status, status_of
from mappings.hubspot.order_lines_write_r1 import lines_of, total_of
from mappings.hubspot.order_write_r1 import draft
from mappings.hubspot.related import BUYERS, LINES, ids_of
from mappings.hubspot.wire_order_v3 import LineItemProperties, OrderProperties, OrderRecord, OrderWrite
from mappings.hubspot.wire_v3 import ORDER_PIPELINE, Account
from mappings.kit.misread import misread
from mappings.kit.references import product
from mappings.kit.unchanged import changes_only
from mappings.spec import Draft, Mapped, Notes, Remote, VendorMapping

MOVED: Final = frozenset({"paid", "partially_refunded", "refunded", "disputed"})
"""The states of orders that were paid. Who disputes a payment has made it."""
ZERO: Final = Decimal(0)
ADDRESSES: Final[dict[AddressType, tuple[str, ...]]] = {
    kind: tuple(
        f"hs_{kind}_address_{part}" for part in ("street", "city", "state", "postal_code", "country", "name", "phone")
    )
    for kind in ("billing", "shipping")
}


def to_canonical(record: OrderRecord, account: Account) -> Mapped[Order]:
    """Return the order. Raises VendorDrift for a sum or a time that cannot be read."""
    try:
        return _mapped(record, account)
    except (ValueError, ArithmeticError) as error:
        raise misread(record, error, "a sum, a count or a time is invalid") from error


def _mapped(record: OrderRecord, account: Account) -> Mapped[Order]:
    properties = msgspec.convert(record.properties, OrderProperties)
    notes = Notes()
    currency = (properties.hs_currency_code or NO_CURRENCY).upper()
    if currency == NO_CURRENCY:
        notes.lose("/currency", "defaulted", "the order has no currency in HubSpot; XXX means unknown")
    status = _status(properties, account)
    payment = payment_status(properties.hs_payment_status)
    fulfillment = fulfillment_status(properties.hs_fulfillment_status)
    lines = _lines(record, account, currency, notes)
    totals, tax_inclusive = _totals(properties, lines, currency, payment, status, notes)
    buyers = _buyers(record, account)
    settings = account.custom_fields.get("order", ())
    order = Order(
        number=properties.hs_order_name or None,
        source_kind="order",
        status=status,
        status_raw=properties.hs_pipeline_stage or None,
        payment_status=payment,
        payment_status_raw=properties.hs_payment_status or None,
        fulfillment_status=fulfillment,
        fulfillment_status_raw=properties.hs_fulfillment_status or None,
        cancelled_at=instant(properties.hs_cancelled_date, "hs_cancelled_date"),
        currency=currency,
        totals=totals,
        tax_inclusive=tax_inclusive,
        customer=_customer(properties, buyers, notes),
        is_guest=not buyers,
        billing_address=_address(record.properties, "billing"),
        shipping_address=_address(record.properties, "shipping"),
        line_items=lines,
        discounts=_discounts(properties, totals, notes),
        shipping_lines=_shipping_lines(totals),
        fulfillments=_fulfillments(record.id, properties, fulfillment),
        channel="unknown",
        channel_raw=properties.hs_source_store or None,
        customer_note=properties.hs_order_note or None,
        external_id=properties.hs_external_order_id or None,
        custom_fields=read_custom_fields(record.properties, settings, notes) if settings else (),
        placed_at=instant(properties.hs_external_created_date, "hs_external_created_date"),
        created_at=record.created_at,
        updated_at=record.updated_at,
    )
    remote = Remote(id=record.id, url=record.url, created_at=record.created_at, updated_at=record.updated_at)
    return Mapped(data=order, remote=remote, loss=(*notes.loss, *check_payment(order)))


def _buyers(record: OrderRecord, account: Account) -> tuple[str, ...]:
    """Return the ids of the associated contacts."""
    associations = record.associations
    buyers = () if isinstance(associations, msgspec.UnsetType) else ids_of(associations.contacts)
    return buyers or account.order_links.get(BUYERS, {}).get(record.id, ())


def _status(properties: OrderProperties, account: Account) -> OrderStatus:
    pipeline = account.order_pipelines.get(properties.hs_pipeline or ORDER_PIPELINE)
    stage = pipeline.stages.get(properties.hs_pipeline_stage or "") if pipeline is not None else None
    return "unknown" if stage is None else status_of(stage.status, properties.hs_external_order_status)


def _lines(record: OrderRecord, account: Account, currency: str, notes: Notes) -> tuple[LineItem, ...]:
    """Return the line items in the order of their positions, then of their ids."""
    associations = record.associations
    ids = (
        () if isinstance(associations, msgspec.UnsetType) else ids_of(associations.line_items, associations.underscored)
    )
    ids = ids or account.order_links.get(LINES, {}).get(record.id, ())
    if any(id not in account.line_items for id in ids):
        notes.lose("/line_items", "truncated", "not all line items of the order were read")
    placed: list[tuple[tuple[Decimal, int, str], LineItem]] = []
    for id in ids:
        stub = account.line_items.get(id)
        if stub is None:
            continue
        properties = msgspec.convert(stub.properties, LineItemProperties)
        place = values.parse_decimal(properties.hs_position_on_quote or "0")
        placed.append(((place, len(id), id), _line(id, properties, currency)))
    return tuple(line for _, line in sorted(placed, key=lambda one: one[0]))


def _line(id: str, properties: LineItemProperties, currency: str) -> LineItem:
    """Return a line. One without a quantity counts once, as in HubSpot."""
    count, price = properties.quantity or "1", properties.price or "0"
    gross = values.parse_decimal(count) * values.parse_decimal(price)
    net = values.parse_decimal(properties.amount) if properties.amount else gross
    return LineItem(
        remote_id=id,
        product=product(properties.hs_product_id or None, sku=properties.hs_sku or None),
        sku=properties.hs_sku or None,
        name=properties.name or "",
        quantity=values.quantity(count),
        unit_price=values.unit_price(price, currency),
        discount=values.money(values.decimal_string(max(gross - net, ZERO)), currency),
        tax=values.money(properties.tax or properties.hs_tax_amount or "0", currency),
        total=values.money(values.decimal_string(net), currency),
    )


def _totals(
    properties: OrderProperties,
    lines: tuple[LineItem, ...],
    currency: str,
    payment: PaymentStatus,
    status: OrderStatus,
    notes: Notes,
) -> tuple[Totals, bool | None]:
    """Return the totals, and whether prices include tax. None if the sums leave it open."""

    def exact(text: str | None) -> Decimal:
        return values.parse_decimal(text or "0")

    def rounded(amount: Decimal) -> Decimal:
        return exact(values.money(values.decimal_string(amount), currency))

    discount, shipping, tax = (
        exact(one) for one in (properties.hs_order_discount, properties.hs_shipping_cost, properties.hs_tax)
    )
    discount = abs(discount)
    gross = items = sum((exact(line.quantity) * exact(line.unit_price) for line in lines), ZERO)
    taken, stated = added(line.discount for line in lines), exact(properties.hs_subtotal_price)
    if not lines or (properties.hs_subtotal_price and stated not in (items - discount, items - taken, rounded(items))):
        items = stated
    if (
        not lines
        and properties.hs_total_price
        and _is_after(stated, discount, exact(properties.hs_total_price), shipping, tax)
    ):
        items = stated + discount
    total = exact(properties.hs_total_price)
    net = gross - discount + shipping
    if taken and total not in (rounded(net), rounded(net + tax)) and total + taken in (net, net + tax):
        items, discount = gross, discount + taken  # the total is after the discounts of the lines
    before_tax = items - discount + shipping
    if not properties.hs_total_price:
        total = before_tax + tax
        notes.lose("/totals/total", "defaulted", "the order has no total in HubSpot; this is the sum of its parts")
    is_void = status == "cancelled" or payment == "voided" or bool(properties.hs_cancelled_date)
    zero = values.money("0", currency)
    total_money = values.money(values.decimal_string(total), currency)
    totals = Totals(
        items=values.money(values.decimal_string(items), currency),
        discount=values.money(values.decimal_string(discount), currency),
        shipping=values.money(values.decimal_string(shipping), currency),
        fees=zero,
        tip=zero,
        tax=values.money(values.decimal_string(tax), currency),
        total=total_money,
        paid=total_money if payment in MOVED else zero,
        refunded=total_money if payment == "refunded" else zero,
        outstanding=zero if payment in MOVED or is_void else total_money,
    )
    sums = rounded(before_tax), rounded(before_tax + tax)
    inclusive = None if not tax else True if total in (before_tax, sums[0]) else False if total == sums[1] else None
    notes.loss += check_totals(totals, lines, inclusive)
    return totals, inclusive


def _is_after(subtotal: Decimal, discount: Decimal, total: Decimal, shipping: Decimal, tax: Decimal) -> bool:
    """Return whether a subtotal is the sum after discounts: then it makes up the total, with or without tax."""
    return bool(discount) and total - shipping in (subtotal, subtotal + tax)


def _customer(properties: OrderProperties, buyers: tuple[str, ...], notes: Notes) -> Reference | None:
    """Return the buyer: the first associated contact, with address, name and number as the order holds them."""
    if len(buyers) > 1:
        notes.lose("/customer", "ambiguous", f"{len(buyers)} contacts are associated with the order; this is the first")
    raw_email = properties.hs_billing_address_email
    email = values.email(raw_email) if raw_email else None
    if email != (raw_email or None):
        notes.lose("/customer/email", "coerced", "trimmed and lower-cased")
    name, phone = properties.hs_billing_address_name or None, properties.hs_billing_address_phone or None
    if not (buyers or email or name or phone):
        return None
    return Reference(remote_id=next(iter(buyers), None), email=email, phone=phone, name=name)


def _address(properties: dict[str, str | None], kind: AddressType) -> Address | None:
    """Return an address. Only a name or a number is no address: it is the buyer's."""
    street, city, state, postal_code, country, name, phone = (properties.get(key) or None for key in ADDRESSES[kind])
    if not (street or city or state or postal_code or country):
        return None
    line1, _, line2 = (street or "").partition("\n")
    return Address(
        type=kind,
        name=name,
        line1=line1 or None,
        line2=line2 or None,
        city=city,
        region=state,
        postal_code=postal_code,
        country_code=values.country(country),
        country_raw=country,
        phone=phone,
    )


def _discounts(properties: OrderProperties, totals: Totals, notes: Notes) -> tuple[Discount, ...]:
    """Return the discounts. HubSpot keeps the codes of an order, and the sum of all discounts as an amount."""
    codes = properties.hs_discount_codes or None
    if codes is None and not Decimal(totals.discount):
        return ()
    if codes is not None and ";" in codes:
        notes.lose("/discounts", "ambiguous", "HubSpot keeps several codes and only the sum of their discounts")
    return (Discount(code=codes, type="fixed", amount=totals.discount),)


def _shipping_lines(totals: Totals) -> tuple[ShippingLine, ...]:
    zero = totals.fees
    return (ShippingLine(price=totals.shipping, tax=zero),) if Decimal(totals.shipping) else ()


def _fulfillments(id: str, properties: OrderProperties, status: FulfillmentStatus) -> tuple[Fulfillment, ...]:
    """Return the parcel with the tracking number, under the id of the order."""
    number = properties.hs_shipping_tracking_number
    return (Fulfillment(remote_id=id, status=status, tracking=(Tracking(number=number),)),) if number else ()


def to_vendor(patch: OrderPatch, current: OrderRecord | None, account: Account) -> Draft[OrderWrite]:
    """Return the properties to write, and on a create the buyer and the lines. `current` is None on a create."""
    order = None if current is None else to_canonical(current, account).data
    return draft(patch, current, order, account)


ORDER: Final = VendorMapping[OrderRecord, Order, OrderPatch, OrderWrite, Account](
    vendor="hubspot",
    object="order",
    revision=1,
    vendor_api="v3",
    record=OrderRecord,
    account=Account,
    endpoints=ORDERS,
    to_canonical=to_canonical,
    to_vendor=changes_only(to_canonical, to_vendor, along={"customer": "billing_address"}),
    total_of=total_of,
    lines_of=lines_of,
)
