"""The lists of an order: lines, discounts, shipping, payments, refunds, fulfilments."""

from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple

from canonical import values
from canonical.order import (
    Discount,
    Fee,
    Fulfillment,
    FulfillmentLine,
    FulfillmentStatus,
    LineItem,
    LineOption,
    Payment,
    PaymentKind,
    Refund,
    ShippingLine,
    Tracking,
)
from canonical.parts import CustomFieldSetting, Instant, Loss
from mappings.kit.line_fields import HIDDEN, option_value
from mappings.kit.references import product as product_of
from mappings.medusa import metadata
from mappings.medusa import wire_2_21 as wire
from mappings.medusa.metadata import NOTHING
from mappings.medusa.money import exact, money, number, text
from mappings.medusa.order_enums_r1 import METHODS
from mappings.medusa.wire_2_21 import FEE, OURS

ZERO: Final = "0"
Payments = tuple[wire.Payment, ...]


class LineAmounts(NamedTuple):
    """The amounts of a line. `product` is quantity * unit price."""

    quantity: str
    unit_price: str
    discount: str
    tax: str
    total: str
    product: Decimal


@lru_cache(maxsize=4096)
def line_amounts(count: str, price: str, before: str, off: str, tax: str, currency: str) -> LineAmounts:
    """Return the amounts of a line. `before` is its sum before discounts, `off` the discount. Both include the tax if
    the prices do.

    Raises ValueError for text that is not a number.
    """
    return LineAmounts(
        quantity=values.quantity(count),
        unit_price=values.unit_price(price, currency),
        discount=money(off, currency),
        tax=money(tax, currency),
        total=money(text(exact(before) - exact(off)), currency),
        product=exact(count) * exact(price),
    )


def lines(
    record: wire.Order, currency: str, settings: tuple[CustomFieldSetting, ...], loss: list[Loss]
) -> tuple[tuple[LineItem, ...], Decimal, tuple[Fee, ...]]:
    """Return the lines, Σ quantity * unit price, and the lines that are fees."""
    goods: list[LineItem] = []
    fees: list[Fee] = []
    added = Decimal(0)
    for line in record.items or ():
        if line.is_tax_inclusive:
            off = number(line, line.raw_discount_total, line.discount_total)
            before = text(exact(number(line, line.raw_total, line.total)) + exact(off))
        else:
            off = number(line, line.raw_discount_subtotal, line.discount_subtotal, line.discount_total)
            before = number(line, line.raw_subtotal, line.subtotal)
        # Unpacked, because this takes most of the time of an order.
        count, price, discount, tax, total, product = line_amounts(
            number(line, line.raw_quantity, line.quantity),
            number(line, line.raw_unit_price, line.unit_price),
            before,
            off,
            number(line, line.raw_tax_total, line.tax_total),
            currency,
        )
        if line.metadata and FEE in line.metadata:
            fees.append(Fee(name=_name(line), amount=money(before, currency), tax=tax))
            continue
        added += product
        detail, pointer = line.detail, f"/line_items/{len(goods)}"
        goods.append(
            LineItem(
                remote_id=line.id,
                product=product_of(line.product_id, line.variant_id, line.variant_sku or None),
                sku=line.variant_sku or None,
                name=_name(line),
                options=_options(line, pointer, loss) if line.variant_option_values or line.metadata else (),
                quantity=count,
                unit_price=price,
                discount=discount,
                tax=tax,
                total=total,
                refunded_quantity=ZERO
                if detail is None
                else values.quantity(
                    number(detail, detail.raw_return_received_quantity, detail.return_received_quantity, 0)
                ),
                fulfilled_quantity=ZERO
                if detail is None
                else quantity_shipped(
                    number(detail, detail.raw_shipped_quantity, detail.shipped_quantity, 0),
                    number(detail, detail.raw_delivered_quantity, detail.delivered_quantity, 0),
                ),
                requires_shipping=line.requires_shipping,
                custom_fields=metadata.read(line.metadata, settings, loss, f"{pointer}/custom_fields")
                if settings
                else (),
            )
        )
    return tuple(goods), added, tuple(fees)


def _name(line: wire.Line) -> str:
    """Return the product's title and the variant's, each once."""
    title = line.product_title if line.title in (None, "", line.variant_title) else line.title
    return " - ".join(dict.fromkeys(filter(None, (title, line.variant_title))))


def _options(line: wire.Line, pointer: str, loss: list[Loss]) -> tuple[LineOption, ...]:
    """Return the options of the variant, and the metadata of the line."""
    options: list[LineOption] = []
    for source in (line.variant_option_values, line.metadata):
        for name, raw in (source or NOTHING).items():
            if name in OURS or name.startswith(HIDDEN):
                continue
            value = option_value(raw, f"{pointer}/options/{len(options)}/value", loss)
            if value is not None:
                options.append(LineOption(name=name, value=value))
    return tuple(options)


@lru_cache(maxsize=1024)
def quantity_shipped(shipped: str, delivered: str) -> str:
    """Return how many were shipped. Delivered goods count, even if the shop did not mark them as shipped.

    Raises ValueError for text that is not a number.
    """
    return values.quantity(text(max(exact(shipped), exact(delivered))))


def discounts(record: wire.Order, currency: str, *, with_tax: bool) -> tuple[Discount, ...]:
    """Return the discounts: the sum of each promotion on lines, and on shipping."""
    added: dict[tuple[str | None, str | None, bool], Decimal] = {}
    for line in record.items or ():
        for one in line.adjustments or ():
            key = (one.code, one.description, False)
            added[key] = added.get(key, Decimal(0)) + _taken(one, with_tax=with_tax)
    for method in record.shipping_methods or ():
        for one in method.adjustments or ():
            key = (one.code, one.description, True)
            added[key] = added.get(key, Decimal(0)) + _taken(one, with_tax=with_tax)
    return tuple(
        [
            Discount(
                code=code or None,
                label=label or None,
                type="shipping" if is_shipping else "unknown",
                amount=money(amount, currency),
            )
            for (code, label, is_shipping), amount in added.items()
        ]
    )


def _taken(one: wire.Adjustment, *, with_tax: bool) -> Decimal:
    amounts = (one.raw_total, one.total) if with_tax else (one.raw_subtotal, one.subtotal)
    return exact(number(one, *amounts, one.amount))


def shipping_lines(methods: tuple[wire.Method, ...], currency: str, *, with_tax: bool) -> tuple[ShippingLine, ...]:
    """Return the shipping lines, before discounts."""
    return tuple(
        [
            ShippingLine(
                title=method.name or None,
                price=money(
                    number(method, method.raw_original_total, method.original_total)
                    if with_tax
                    else number(method, method.raw_original_subtotal, method.original_subtotal),
                    currency,
                ),
                tax=money(number(method, method.raw_tax_total, method.tax_total), currency),
            )
            for method in methods
        ]
    )


def all_payments(collections: tuple[wire.Collection, ...]) -> Payments:
    """Return the payments of all collections."""
    return tuple([payment for collection in collections for payment in collection.payments or ()])


def paid_at(records: Payments) -> Instant | None:
    """Return the time of the last capture. The time when a collection was completed changes with a refund."""
    times = [one.created_at for payment in records for one in payment.captures or () if one.created_at is not None]
    return values.utc(max(times)) if times else None


def payments(records: Payments) -> tuple[Payment, ...]:
    """Return authorizations, captures, refunds and voids, each as one payment."""
    movements: list[Payment] = []
    for payment in records:
        if payment.canceled_at is not None:
            movements.append(_movement(payment, payment, payment.canceled_at, "void"))
        elif not payment.captures:
            movements.append(_movement(payment, payment, payment.created_at, "authorization"))
        movements += [_movement(payment, one, one.created_at, "capture") for one in payment.captures or ()]
        movements += [_movement(payment, one, one.created_at, "refund") for one in payment.refunds or ()]
    return tuple(movements)


def _movement(
    payment: wire.Payment, moved: wire.Payment | wire.Capture | wire.Refund, at: Instant | None, kind: PaymentKind
) -> Payment:
    currency = payment.currency_code.upper()
    return Payment(
        remote_id=moved.id,
        gateway=payment.provider_id or None,
        method=METHODS.get(payment.provider_id, "unknown"),
        method_raw=payment.provider_id or None,
        kind=kind,
        status="succeeded",
        amount=money(number(moved, moved.raw_amount, moved.amount), currency),
        currency=currency,
        processed_at=None if at is None else values.utc(at),
    )


def refunds(records: Payments) -> tuple[Refund, ...]:
    """Return the refunds. Medusa does not say for which lines."""
    return tuple(
        [
            Refund(
                remote_id=refund.id,
                amount=money(number(refund, refund.raw_amount, refund.amount), payment.currency_code.upper()),
                currency=payment.currency_code.upper(),
                reason=refund.note or (None if refund.refund_reason is None else refund.refund_reason.label) or None,
                created_at=None if refund.created_at is None else values.utc(refund.created_at),
            )
            for payment in records
            for refund in payment.refunds or ()
        ]
    )


def fulfillments(records: tuple[wire.Fulfillment, ...]) -> tuple[Fulfillment, ...]:
    """Return the fulfilments."""
    return tuple([_fulfillment(one) for one in records])


def _fulfillment(record: wire.Fulfillment) -> Fulfillment:
    status, word = _progress(record)
    return Fulfillment(
        remote_id=record.id,
        status=status,
        status_raw=word,
        line_items=tuple(
            [
                FulfillmentLine(
                    remote_id=one.line_item_id, quantity=values.quantity(number(one, one.raw_quantity, one.quantity))
                )
                for one in record.items or ()
                if one.line_item_id is not None
            ]
        ),
        tracking=tuple(
            [
                Tracking(number=label.tracking_number or None, url=_link(label.tracking_url))
                for label in record.labels or ()
                if label.tracking_number or _link(label.tracking_url)
            ]
        ),
        shipped_at=None if record.shipped_at is None else values.utc(record.shipped_at),
        delivered_at=None if record.delivered_at is None else values.utc(record.delivered_at),
    )


def _progress(record: wire.Fulfillment) -> tuple[FulfillmentStatus, str | None]:
    """Return the status of a fulfillment by its last time, as Medusa's status of orders."""
    if record.canceled_at is not None:
        return "cancelled", "canceled"
    if record.delivered_at is not None:
        return "delivered", "delivered"
    if record.shipped_at is not None:
        return "shipped", "shipped"
    return ("fulfilled", "fulfilled") if record.packed_at is not None else ("in_progress", None)


def _link(url: str | None) -> str | None:
    """Return a link. The administration pages write "#" if none was entered."""
    return url if url and url != "#" else None
