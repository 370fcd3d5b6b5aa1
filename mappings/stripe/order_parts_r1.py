"""Lines and payments of invoices and checkouts, revision 1."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from canonical import values
from canonical.order import Discount, LineItem, OrderCustomer, Payment, ShippingLine
from mappings.spec import Notes
from mappings.stripe import wire_2026_10_28 as wire
from mappings.stripe.money import decimals, money, unit_price
from mappings.stripe.order_tables_r1 import METHOD, PAYMENT_STATE
from mappings.stripe.reading import id_of, instant

NAMELESS: Final = ""
FINEST: Final = Decimal(1).scaleb(-9)


def invoice_line(line: wire.InvoiceLine, currency: str, notes: Notes, place: int) -> LineItem:
    """One line of an invoice. Its product and price stand in `pricing`, in older objects in `price`."""
    details = None if line.pricing is None else line.pricing.price_details
    price_id = line.price.id if line.price is not None else None if details is None else id_of(details.price)
    product = details.product if details is not None else None if line.price is None else id_of(line.price.product)
    each = line.pricing.unit_amount_decimal if line.pricing is not None else None
    if each is None and line.price is not None:
        each = line.price.unit_amount_decimal
    count: int | str | None = line.quantity
    if line.quantity_decimal is not None and line.quantity_decimal != str(count):
        count = line.quantity_decimal
    quantity, price = _each(count, each, line.amount, currency, notes, place)
    discount = sum_of(line.discount_amounts)
    return LineItem(
        remote_id=line.id,
        product_remote_id=product,
        variant_remote_id=price_id,
        name=line.description or NAMELESS,
        quantity=quantity,
        unit_price=price,
        discount=money(discount, currency),
        tax=money(sum_of(line.taxes or line.tax_amounts), currency),
        total=money(line.amount - discount, currency),
    )


def session_line(line: wire.SessionLine, currency: str, notes: Notes, place: int) -> LineItem:
    """One line of a checkout."""
    price = line.price
    each = None if price is None else price.unit_amount_decimal
    quantity, unit = _each(line.quantity, each, line.amount_subtotal, currency, notes, place)
    return LineItem(
        remote_id=line.id,
        product_remote_id=None if price is None else id_of(price.product),
        variant_remote_id=None if price is None else price.id,
        name=line.description or NAMELESS,
        quantity=quantity,
        unit_price=unit,
        discount=money(line.amount_discount, currency),
        tax=money(line.amount_tax, currency),
        total=money(line.amount_subtotal - line.amount_discount, currency),
    )


def _each(
    quantity: str | int | None, each: str | None, amount: int, currency: str, notes: Notes, place: int
) -> tuple[str, str]:
    """How many, and the price of one, so that their product is the line's amount. Prorated and tiered lines cost
    another amount than their price says: theirs is divided."""
    if each is not None and isinstance(quantity, int):
        if each.isdecimal() and int(each) * quantity == amount:
            return str(quantity), money(int(each), currency)  # the usual case
        if abs(Decimal(each) * quantity - amount) < 1:
            return str(quantity), unit_price(each, currency)
    count = values.quantity("0" if quantity is None else quantity)
    if Decimal(count) == 0:
        if amount or quantity is None:
            notes.lose(f"/line_items/{place}/quantity", "defaulted", "Stripe names none; the amount stands as of one")
            return "1", money(amount, currency)
        return count, unit_price(each or "0", currency)
    if each is not None and abs(Decimal(each) * Decimal(count) - amount) < 1:
        return count, unit_price(each, currency)
    exact = (Decimal(amount).scaleb(-decimals(currency)) / Decimal(count)).quantize(FINEST, ROUND_HALF_EVEN)
    notes.lose(f"/line_items/{place}/unit_price", "coerced", "the line's amount divided by its quantity")
    return count, values.unit_price(format(exact.normalize(), "f"), currency)


def sum_of(parts: tuple[wire.Discounted, ...] | tuple[wire.Taxed, ...] | None) -> int:
    """Amounts added up, in minor units."""
    total = 0
    for part in parts or ():
        total += part.amount
    return total


def inclusive(taxes: tuple[wire.Taxed, ...] | None) -> bool | None:
    """Whether the prices hold the taxes; None where there are none, or some do and some do not."""
    told = {tax.inclusive if tax.inclusive is not None else _holds(tax.tax_behavior) for tax in taxes or ()}
    return told.pop() if len(told) == 1 else None


def inclusive_prices(lines: tuple[wire.SessionLine, ...]) -> bool | None:
    """The same for a checkout, of which each price says how it is meant."""
    told = {_holds(line.price.tax_behavior) for line in lines if line.price is not None}
    return told.pop() if len(told) == 1 else None


def _holds(behavior: str | None) -> bool | None:
    return True if behavior == "inclusive" else False if behavior == "exclusive" else None


def discounts(amounts: tuple[wire.Discounted, ...] | None, currency: str) -> tuple[Discount, ...]:
    """What each discount took off the invoice. How it was worked out stands with its coupon, which is not read."""
    return tuple(Discount(amount=money(one.amount, currency)) for one in amounts or () if one.amount)


def shipping_lines(cost: wire.ShippingCost | None, currency: str) -> tuple[ShippingLine, ...]:
    """The one way of shipping that was charged; its title stands with the rate, which is not read."""
    if cost is None:
        return ()
    return (ShippingLine(price=money(cost.amount_subtotal, currency), tax=money(cost.amount_tax, currency)),)


def customer(
    remote_id: str | None, email: str | None, phone: str | None, name: str | None, notes: Notes
) -> OrderCustomer | None:
    """Who bought, as known at purchase."""
    if remote_id is None and not email and not phone and not name:
        return None
    address = values.email(email) if email else None
    if address != (email or None):
        notes.lose("/customer/email", "coerced", "trimmed and lower-cased")
    return OrderCustomer(remote_id=remote_id, email=address, phone=phone or None, name=name or None)


def invoice_payments(payments: wire.InvoicePayments | None, notes: Notes) -> tuple[Payment, ...]:
    """Payments of an invoice. Stripe names the payment behind each; what it was made with is told there only."""
    if payments is None:
        return ()
    if payments.has_more:
        notes.lose("/payments", "truncated", f"only the first {len(payments.data)} are read")
    return tuple(_invoice_payment(one) for one in payments.data)


def _invoice_payment(one: wire.InvoicePayment) -> Payment:
    currency = one.currency.upper()
    return Payment(
        remote_id=one.id,
        gateway="stripe",
        kind="sale",
        kind_raw=None if one.payment is None else one.payment.type,
        status=PAYMENT_STATE.get(one.status, "unknown"),
        status_raw=one.status,
        amount=money(one.amount_requested if one.amount_paid is None else one.amount_paid, currency),
        currency=currency,
        processed_at=instant(one.status_transitions.paid_at),
    )


def charged(charge: wire.Charge) -> Payment:
    """The charge of a checkout. One that is not captured is only an authorisation."""
    currency = charge.currency.upper()
    details = charge.payment_method_details
    return Payment(
        remote_id=charge.id,
        gateway="stripe",
        method="unknown" if details is None else METHOD.get(details.type, "unknown"),
        method_raw=None if details is None else details.type,
        kind="authorization" if charge.captured is False else "sale",
        status=PAYMENT_STATE.get(charge.status, "unknown"),
        status_raw=charge.status,
        amount=money(charge.amount, currency),
        currency=currency,
        processed_at=instant(charge.created),
        last4=None if details is None or details.card is None else details.card.last4,
    )
