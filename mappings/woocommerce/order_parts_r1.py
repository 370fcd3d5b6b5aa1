"""The lists of an order: lines, coupons, shipping, payment, refunds."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from canonical import values
from canonical.order import Discount, LineItem, Payment, PaymentState, Refund, RefundLine, ShippingLine
from canonical.order import PaymentStatus as Paid
from canonical.parts import Loss
from mappings.woocommerce import wire_v3 as wire
from mappings.woocommerce.money import check_digits, exact, minus, money, quantity, unit_price
from mappings.woocommerce.order_tables_r1 import DISCOUNTS, METHODS
from mappings.woocommerce.wire_v3 import Account

REFUNDED_ITEM: Final = "_refunded_item_id"
"""The meta key by which a line of a refund names the line of its order."""
MOVED: Final = frozenset(("paid", "partially_refunded", "refunded"))


def lines(
    record: wire.Order, given_back: dict[str, Decimal], loss: list[Loss], *, are_sent: bool
) -> tuple[LineItem, ...]:
    """The lines; `given_back` is how many of each were, and `are_sent` that all of them have left."""
    currency = record.currency
    found = []
    for place, line in enumerate(record.line_items):
        sums = line_sums(line.quantity, line.subtotal, line.total, line.total_tax, currency)
        if sums.is_rounded:
            check_digits(line.total, sums.total, f"/line_items/{place}/total", loss)
            check_digits(line.total_tax, sums.tax, f"/line_items/{place}/tax", loss)
        id = str(line.id)
        found.append(
            LineItem(
                remote_id=id,
                product_remote_id=str(line.product_id) if line.product_id else None,
                variant_remote_id=str(line.variation_id) if line.variation_id else None,
                sku=line.sku or None,
                name=line.name,
                quantity=sums.quantity,
                unit_price=sums.unit_price,
                discount=sums.discount,
                tax=sums.tax,
                total=sums.total,
                refunded_quantity=values.quantity(str(given_back[id])) if id in given_back else "0",
                fulfilled_quantity=sums.quantity if are_sent else "0",
            )
        )
    return tuple(found)


class LineSums(NamedTuple):
    """The figures of a line; `is_rounded` where its currency may not have held them."""

    quantity: str
    unit_price: str
    discount: str
    tax: str
    total: str
    is_rounded: bool


@lru_cache(maxsize=4096)
def line_sums(ordered: int | float, subtotal: str, total: str, tax: str, currency: str) -> LineSums:
    """The figures of a line out of those that the shop gives; the same come all the time.

    Raises ValueError for what is no number.
    """
    count, shown, taxed = quantity(ordered), money(total, currency), money(tax, currency)
    return LineSums(
        quantity=count,
        unit_price=unit_price(subtotal, count, currency),
        discount=minus(subtotal, total, currency),
        tax=taxed,
        total=shown,
        is_rounded=len(shown) < len(total) or len(taxed) < len(tax),
    )


def items(record: wire.Order) -> str:
    """What the lines cost before discounts; WooCommerce does not add that up."""
    if len(record.line_items) == 1:
        return money(record.line_items[0].subtotal, record.currency)
    return added([line.subtotal for line in record.line_items], record.currency)


def added(amounts: Sequence[str], currency: str) -> str:
    """A sum of sums."""
    if not amounts:
        return money("", currency)
    return money(format(sum(map(exact, amounts), Decimal()), "f"), currency)


def discounts(record: wire.Order) -> tuple[Discount, ...]:
    """The coupons that were used, with what each took off."""
    return tuple(
        [
            Discount(
                code=one.code or None,
                type=DISCOUNTS.get(one.discount_type or "", "unknown"),
                type_raw=one.discount_type,
                amount=money(one.discount, record.currency),
            )
            for one in record.coupon_lines
        ]
    )


def shipping_lines(record: wire.Order) -> tuple[ShippingLine, ...]:
    """The ways of shipping."""
    return tuple(
        [
            ShippingLine(
                title=one.method_title or None,
                price=money(one.total, record.currency),
                tax=money(one.total_tax, record.currency),
            )
            for one in record.shipping_lines
        ]
    )


def payments(record: wire.Order, paid: Paid, total: str) -> tuple[Payment, ...]:
    """The one payment that an order knows: by which gateway, and whether it was made. Without an id of the gateway it
    goes by the order's."""
    if not record.payment_method:
        return ()
    state: PaymentState = "succeeded" if paid in MOVED else "failed" if paid == "failed" else "pending"
    payment = Payment(
        remote_id=record.transaction_id or str(record.id),
        gateway=record.payment_method,
        method=METHODS.get(record.payment_method, "unknown"),
        method_raw=record.payment_method,
        kind="sale",
        kind_raw=None,
        status="unknown" if paid == "unknown" else state,
        amount=total,
        currency=record.currency,
        processed_at=None if record.date_paid_gmt is None else values.utc(record.date_paid_gmt),
    )
    return (payment,)


def refunds(record: wire.Order, account: Account, loss: list[Loss]) -> tuple[tuple[Refund, ...], dict[str, Decimal]]:
    """The refunds, and how many of each line they gave back. Lines and time of a refund are read beside the order;
    where they were not, that is told."""
    if not record.refunds:
        return (), {}
    found: list[Refund] = []
    given_back: dict[str, Decimal] = {}
    for place, stub in enumerate(record.refunds):
        whole = account.refunds.get(stub.id)
        back = () if whole is None else tuple(_refunded(one, record.currency) for one in whole.line_items)
        for one in back:
            given_back[one.remote_id] = given_back.get(one.remote_id, Decimal()) + Decimal(one.quantity)
        if whole is None:
            detail = "the lines and the time of this refund were not read"
            loss.append(Loss(path=f"/refunds/{place}", kind="truncated", detail=detail))
        found.append(
            Refund(
                remote_id=str(stub.id),
                amount=_positive(stub.total, record.currency),
                currency=record.currency,
                reason=stub.reason or None,
                line_items=tuple(one for one in back if one.remote_id),
                created_at=_made_at(whole),
            )
        )
    given_back.pop("", None)
    return tuple(found), given_back


def _made_at(refund: wire.Refund | None) -> datetime | None:
    return None if refund is None or refund.date_created_gmt is None else values.utc(refund.date_created_gmt)


def _refunded(line: wire.RefundedLine, currency: str) -> RefundLine:
    """How much of one line was given back; without the meta that names it, of none that we know."""
    whole = exact(line.total) + exact(line.total_tax)
    return RefundLine(
        remote_id=_refunded_item(line.meta_data),
        quantity=quantity(line.quantity).removeprefix("-"),
        amount=_positive(format(whole, "f"), currency),
    )


def _refunded_item(meta: tuple[wire.Meta, ...]) -> str:
    for one in meta:
        if one.key == REFUNDED_ITEM:
            found = msgspec.json.decode(one.value)
            return str(found) if isinstance(found, str | int) else ""
    return ""


def _positive(amount: str, currency: str) -> str:
    return money(amount.removeprefix("-"), currency)
