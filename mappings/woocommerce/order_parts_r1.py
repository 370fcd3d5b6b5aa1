"""The lists of an order: lines, coupons, shipping, payment, refunds."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from canonical import values
from canonical.order import Discount, Fee, LineItem, LineOption, Payment, PaymentState, Refund, RefundLine, ShippingLine
from canonical.order import PaymentStatus as Paid
from canonical.parts import CustomFieldSetting, Loss
from mappings.kit.line_fields import HIDDEN, option_value
from mappings.kit.references import product as product_of
from mappings.woocommerce import custom_fields
from mappings.woocommerce import wire_v3 as wire
from mappings.woocommerce.addresses import text
from mappings.woocommerce.money import check_digits, exact, minus, money, quantity, unit_price
from mappings.woocommerce.order_enums_r1 import DISCOUNTS, METHODS
from mappings.woocommerce.requests import moment
from mappings.woocommerce.wire_v3 import Account

REFUNDED_ITEM: Final = "_refunded_item_id"
"""The meta key in which a refund line names its order line."""
ZERO: Final = Decimal(0)
MOVED: Final = frozenset(("paid", "partially_refunded", "refunded"))


class Bought(NamedTuple):
    """The lines, their sum before discounts, which WooCommerce does not send, the discounts of those that are stored as
    fees, and the other fees."""

    lines: tuple[LineItem, ...]
    items: str
    discount: Decimal
    fees: tuple[wire.FeeLine, ...]


def lines(
    record: wire.Order,
    given_back: dict[str, Decimal],
    settings: tuple[CustomFieldSetting, ...],
    loss: list[Loss],
    *,
    are_sent: bool,
) -> Bought:
    """Return the lines, among them those that are stored as fees. `given_back` is the refunded quantity of each line;
    `are_sent` means that all have shipped."""
    currency = record.currency
    goods: list[LineItem] = []
    cost = ZERO
    for line in record.line_items:
        pointer = f"/line_items/{len(goods)}"
        # Unpacked: mapping an order spends most of its time here.
        product, variant, count, price, discount, tax, total, is_rounded, subtotal = sold(
            line.product_id, line.variation_id, line.quantity, line.subtotal, line.total, line.total_tax, currency
        )
        if is_rounded:
            check_digits(line.total, total, f"{pointer}/total", loss)
            check_digits(line.total_tax, tax, f"{pointer}/tax", loss)
        id, meta = str(line.id), line.meta_data
        cost += subtotal
        goods.append(
            LineItem(
                remote_id=id,
                product=product_of(product, variant, line.sku or None),
                sku=line.sku or None,
                name=text(line.name) or "",
                options=_options(meta, pointer, loss) if meta else (),
                quantity=count,
                unit_price=price,
                discount=discount,
                tax=tax,
                total=total,
                refunded_quantity=values.quantity(str(given_back[id])) if id in given_back else "0",
                fulfilled_quantity=count if are_sent else "0",
                custom_fields=custom_fields.read(meta, settings, loss, f"{pointer}/custom_fields") if settings else (),
            )
        )
    off, fees = ZERO, list[wire.FeeLine]()
    for fee in record.fee_lines:
        mark = _mark(fee)
        if mark is None:
            fees.append(fee)
            continue
        bought = _marked_line(fee, mark, currency, given_back, loss, len(goods), settings, are_sent=are_sent)
        cost += exact(bought.quantity) * exact(bought.unit_price)
        off += exact(bought.discount)
        goods.insert(min(mark.place, len(goods)), bought)
    return Bought(tuple(goods), money(format(cost, "f"), currency), off, tuple(fees))


def _mark(fee: wire.FeeLine) -> wire.LineMark | None:
    """Return the line that a fee is, None for any other fee."""
    for one in fee.meta_data:
        if one.key == wire.LINE:
            try:
                return msgspec.json.decode(one.value, type=wire.LineMark)
            except msgspec.MsgspecError:
                return None  # a person or a plugin changed it
    return None


def _marked_line(
    fee: wire.FeeLine,
    mark: wire.LineMark,
    currency: str,
    given_back: dict[str, Decimal],
    loss: list[Loss],
    place: int,
    settings: tuple[CustomFieldSetting, ...],
    *,
    are_sent: bool,
) -> LineItem:
    """Return the line that is stored as a fee. A name or a sum that was changed at the shop takes precedence."""
    id, pointer, name = str(fee.id), f"/line_items/{place}", text(fee.name) or ""
    count, total, price, discount = values.quantity(mark.quantity), money(fee.total, currency), mark.unit_price, ZERO
    if exact(fee.total) == exact(mark.total):
        discount = exact(mark.subtotal) - exact(mark.total)
    else:
        price = unit_price(fee.total, count, currency)
    meta = tuple(one for one in fee.meta_data if one.key != wire.LINE)
    return LineItem(
        remote_id=id,
        product=product_of(mark.product_id, mark.variation_id, mark.sku),
        sku=mark.sku,
        name=mark.name if name == mark.title else name,
        options=_options(meta, pointer, loss) if meta else (),
        quantity=count,
        unit_price=values.unit_price(price, currency),
        discount=money(format(discount, "f"), currency),
        tax=money(fee.total_tax, currency),
        total=total,
        refunded_quantity=values.quantity(str(given_back[id])) if id in given_back else "0",
        fulfilled_quantity=count if are_sent else "0",
        requires_shipping=mark.requires_shipping,
        taxable=mark.taxable,
        custom_fields=custom_fields.read(meta, settings, loss, f"{pointer}/custom_fields") if settings else (),
    )


def fees(records: tuple[wire.FeeLine, ...], currency: str) -> tuple[Fee, ...]:
    """Return the fees that are no lines."""
    return tuple(
        [
            Fee(name=text(one.name) or "", amount=money(one.total, currency), tax=money(one.total_tax, currency))
            for one in records
        ]
    )


def _options(meta: tuple[wire.LineMeta, ...], pointer: str, loss: list[Loss]) -> tuple[LineOption, ...]:
    """Return the options of a line: an attribute of the shop as it is displayed, any other as it was stored, because
    displayed text is sanitized."""
    options: list[LineOption] = []
    for one in meta:
        if not one.key or one.key.startswith(HIDDEN):
            continue
        path = f"{pointer}/options/{len(options)}/value"
        is_attribute = one.display_key not in (None, "", one.key)
        value = (is_attribute and option_value(one.display_value, path, loss)) or option_value(one.value, path, loss)
        if value is not None:
            options.append(LineOption(name=text(one.display_key) or one.key, value=values.unescaped(value)))
    return tuple(options)


class Sold(NamedTuple):
    """The amounts of a line, cached by its inputs. `is_rounded`: the currency may have too few digits for them."""

    product: str | None
    variant: str | None
    quantity: str
    unit_price: str
    discount: str
    tax: str
    total: str
    is_rounded: bool
    subtotal: Decimal


@lru_cache(maxsize=4096)
def sold(product: int, variant: int, ordered: int | float, subtotal: str, total: str, tax: str, currency: str) -> Sold:
    """Return the quantity and amounts of a line. Raises ValueError if one is not a number."""
    count, total_money, taxed = quantity(ordered), money(total, currency), money(tax, currency)
    return Sold(
        product=str(product) if product else None,
        variant=str(variant) if variant else None,
        quantity=count,
        unit_price=unit_price(subtotal, count, currency),
        discount=minus(subtotal, total, currency),
        tax=taxed,
        total=total_money,
        is_rounded=len(total_money) < len(total) or len(taxed) < len(tax),
        subtotal=exact(subtotal),
    )


def added(amounts: Sequence[str], currency: str) -> str:
    """Return the total of some sums, mostly of only one."""
    if len(amounts) == 1:
        return money(amounts[0], currency)
    return money(format(sum(map(exact, amounts), ZERO), "f"), currency)


def discounts(record: wire.Order) -> tuple[Discount, ...]:
    """Return the coupons of an order with the amount of each."""
    return tuple(
        [
            Discount(
                code=text(one.code),
                type=DISCOUNTS.get(one.discount_type or "", "unknown"),
                type_raw=one.discount_type,
                amount=money(one.discount, record.currency),
            )
            for one in record.coupon_lines
        ]
    )


def shipping_lines(record: wire.Order) -> tuple[ShippingLine, ...]:
    """Return the shipping lines."""
    return tuple(
        [
            ShippingLine(
                title=text(one.method_title),
                price=money(one.total, record.currency),
                tax=money(one.total_tax, record.currency),
            )
            for one in record.shipping_lines
        ]
    )


def payments(record: wire.Order, paid: Paid, paid_at: datetime | None, total: str) -> tuple[Payment, ...]:
    """Return the single payment of an order: its gateway and whether it was made. Without a gateway id it has the
    order's id."""
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
        processed_at=paid_at,
    )
    return (payment,)


def after_refunds(paid: Paid, record: wire.Order) -> Paid:
    """Return the payment status. A partial refund does not change WooCommerce's status, and no status undoes one."""
    if paid != "paid" or not record.refunds:
        return paid
    back = sum([exact(stub.total or "0").copy_abs() for stub in record.refunds if stub.id], ZERO)
    if not back:
        return paid
    return "refunded" if back >= exact(record.total) else "partially_refunded"


def refunds(record: wire.Order, account: Account, loss: list[Loss]) -> tuple[tuple[Refund, ...], dict[str, Decimal]]:
    """Return the refunds and the refunded quantity of each line. Lines and time of a refund need a separate read; if
    it is missing, a loss is noted. A refund without an id was deleted."""
    stubs = [stub for stub in record.refunds if stub.id]
    marks = {str(fee.id): mark for fee in record.fee_lines if (mark := _mark(fee)) is not None}
    entries: list[Refund] = []
    given_back: dict[str, Decimal] = {}
    for place, stub in enumerate(stubs):
        whole = account.refunds.get(stub.id or 0)
        back = () if whole is None else _lines_of(whole, marks, record.currency)
        for one in back:
            given_back[one.remote_id] = given_back.get(one.remote_id, Decimal()) + Decimal(one.quantity)
        if whole is None:
            detail = "the lines and the time of this refund were not read"
            loss.append(Loss(path=f"/refunds/{place}", kind="truncated", detail=detail))
        entries.append(
            Refund(
                remote_id=str(stub.id),
                amount=_positive(stub.total, record.currency),
                currency=record.currency,
                reason=text(stub.reason),
                line_items=tuple([one for one in back if one.remote_id]),
                created_at=None
                if whole is None
                else moment(whole.date_created_gmt, whole.date_created, f"/refunds/{place}/created_at", loss),
            )
        )
    given_back.pop("", None)
    return tuple(entries), given_back


def _lines_of(refund: wire.Refund, marks: Mapping[str, wire.LineMark], currency: str) -> tuple[RefundLine, ...]:
    """Return the refunded lines, among them those that are stored as fees (`marks`)."""
    lines = [_refunded(one, quantity(one.quantity), currency) for one in refund.line_items]
    for fee in refund.fee_lines:
        mark = marks.get(_refunded_item(fee.meta_data))
        if mark is not None:  # a fee has no quantity: the whole sum is the whole line, less than that is money alone
            is_whole = exact(fee.total) == -exact(mark.total)
            lines.append(_refunded(fee, mark.quantity if is_whole else "0", currency))
    return tuple(lines)


def _refunded(line: wire.RefundedLine | wire.RefundedFee, count: str, currency: str) -> RefundLine:
    """Return the refunded part of one line. Without its meta the order line is unknown."""
    whole = exact(line.total) + exact(line.total_tax)
    return RefundLine(
        remote_id=_refunded_item(line.meta_data),
        quantity=count.removeprefix("-"),
        amount=_positive(format(whole, "f"), currency),
    )


def _refunded_item(meta: tuple[wire.Meta, ...]) -> str:
    for one in meta:
        if one.key == REFUNDED_ITEM:
            id = msgspec.json.decode(one.value)
            return str(id) if isinstance(id, str | int) else ""
    return ""


def _positive(amount: str | None, currency: str) -> str:
    if amount is None:
        raise ValueError("not a sum of money")
    return money(amount.removeprefix("-"), currency)
