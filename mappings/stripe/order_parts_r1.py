"""Lines and payments of invoices and checkouts, revision 1."""

from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import Final

from canonical import values
from canonical.order import Discount, LineItem, LineOption, Payment, ShippingLine
from canonical.parts import CustomFieldSetting, LossKind, Reference
from mappings.kit.line_fields import HIDDEN
from mappings.kit.references import product as product_of
from mappings.kit.times import from_seconds
from mappings.spec import Notes
from mappings.stripe import metadata, related
from mappings.stripe import wire_2026_10_28 as wire
from mappings.stripe.field_values import id_of
from mappings.stripe.metadata import OF_LINES
from mappings.stripe.money import decimals, money, unit_price
from mappings.stripe.order_enums_r1 import METHOD, PAYMENT_STATE

NAMELESS: Final = ""
FINEST: Final = Decimal(1).scaleb(-9)
LineLoss = tuple[str, LossKind, str]
"""A loss in a line: member, kind, detail."""


def invoice_line(
    line: wire.InvoiceLine,
    currency: str,
    settings: tuple[CustomFieldSetting, ...],
    account: wire.Account,
    notes: Notes,
    place: int,
) -> LineItem:
    """Return a line of an invoice. Product and price are in `pricing`, in older objects in `price` or in `plan`.
    Options are in the metadata."""
    each = price_id = None
    old = line.price or line.plan
    if line.pricing is not None:
        each = line.pricing.unit_amount_decimal
        price_id = None if line.pricing.price_details is None else id_of(line.pricing.price_details.price)
    elif old is not None:
        each, price_id = old.unit_amount_decimal or old.amount_decimal, old.id
    product, sku = related.product_of(line), _sku(line, account)
    exact = line.quantity_decimal
    quantity, price, loss = _each(line.quantity if exact is None else exact, each, line.amount, currency)
    if loss is not None:
        notes.lose(f"/line_items/{place}/{loss[0]}", loss[1], loss[2])
    discount = sum_of(line.discount_amounts)
    return LineItem(
        remote_id=line.id,
        product=product_of(product, price_id, sku),
        sku=sku,
        name=line.description or NAMELESS,
        options=_options(line.metadata, settings),
        quantity=quantity,
        unit_price=price,
        discount=money(discount, currency),
        tax=money(sum_of(line.taxes or line.tax_amounts), currency),
        total=money(line.amount - discount, currency),
        requires_shipping=metadata.flag(line.metadata, metadata.SHIPS),
        taxable=metadata.flag(line.metadata, metadata.TAXABLE),
        custom_fields=metadata.read(line.metadata, settings, notes, f"/line_items/{place}/custom_fields")
        if settings
        else (),
    )


def session_line(
    line: wire.SessionLine,
    currency: str,
    settings: tuple[CustomFieldSetting, ...],
    account: wire.Account,
    notes: Notes,
    place: int,
) -> LineItem:
    """Return a line of a checkout."""
    price, sku = line.price, _sku(line, account)
    each = None if price is None else price.unit_amount_decimal
    quantity, unit, loss = _each(line.quantity, each, line.amount_subtotal, currency)
    if loss is not None:
        notes.lose(f"/line_items/{place}/{loss[0]}", loss[1], loss[2])
    return LineItem(
        remote_id=line.id,
        product=None if price is None else product_of(id_of(price.product), price.id, sku),
        sku=sku,
        name=line.description or NAMELESS,
        options=_options(line.metadata, settings),
        quantity=quantity,
        unit_price=unit,
        discount=money(line.amount_discount, currency),
        tax=money(line.amount_tax, currency),
        total=money(line.amount_subtotal - line.amount_discount, currency),
        requires_shipping=metadata.flag(line.metadata, metadata.SHIPS),
        taxable=metadata.flag(line.metadata, metadata.TAXABLE),
        custom_fields=metadata.read(line.metadata, settings, notes, f"/line_items/{place}/custom_fields")
        if settings
        else (),
    )


def _sku(line: wire.InvoiceLine | wire.SessionLine, account: wire.Account) -> str | None:
    """Return the SKU of a line: its own, or that of its product."""
    product = related.product_of(line)
    return (line.metadata or {}).get(metadata.SKU) or (None if product is None else account.skus.get(product))


def _options(stored: dict[str, str] | None, settings: tuple[CustomFieldSetting, ...]) -> tuple[LineOption, ...]:
    """Return the options of a line: all of its metadata that is nothing else."""
    if not stored:
        return ()
    fields = {one.vendor_field for one in settings}
    return tuple(
        [
            LineOption(name=key, value=text)
            for key, text in stored.items()
            if text and key not in OF_LINES and key not in fields and not key.startswith(HIDDEN)
        ]
    )


@lru_cache(maxsize=8192)
def _each(quantity: str | int | None, each: str | None, amount: int, currency: str) -> tuple[str, str, LineLoss | None]:
    """Return quantity and unit price, so that their product is the line's amount. If the price gives another amount, as
    in prorated and tiered lines, the amount is divided."""
    count = values.quantity("0" if quantity is None else quantity)
    number = Decimal(count)
    if number == 0:
        if amount or quantity is None:
            return (
                "1",
                money(amount, currency),
                ("quantity", "defaulted", "Stripe has no quantity; 1 is assumed"),
            )
        return count, unit_price(each or "0", currency), None
    if each is not None and abs(values.parse_decimal(each) * number - amount) < 1:
        return count, unit_price(each, currency), None
    exact = (Decimal(amount).scaleb(-decimals(currency)) / number).quantize(FINEST, ROUND_HALF_EVEN)
    price = values.unit_price(format(exact.normalize(), "f"), currency)
    return count, price, ("unit_price", "coerced", "the line's amount divided by its quantity")


def sum_of(parts: tuple[wire.Discounted, ...] | tuple[wire.Taxed, ...] | None) -> int:
    """Return the sum in minor units."""
    if not parts:
        return 0
    if len(parts) == 1:
        return parts[0].amount
    return sum([part.amount for part in parts])


def inclusive(taxes: tuple[wire.Taxed, ...] | None) -> bool | None:
    """Return whether prices include the taxes. None without taxes, or if they differ."""
    if not taxes:
        return None
    answers = {tax.inclusive if tax.inclusive is not None else _includes(tax.tax_behavior) for tax in taxes}
    return answers.pop() if len(answers) == 1 else None


def inclusive_prices(lines: tuple[wire.SessionLine, ...]) -> bool | None:
    """Return the same for a checkout. Each price has its own answer."""
    if len(lines) == 1:
        return None if lines[0].price is None else _includes(lines[0].price.tax_behavior)
    answers = {_includes(line.price.tax_behavior) for line in lines if line.price is not None}
    return answers.pop() if len(answers) == 1 else None


def _includes(behavior: str | None) -> bool | None:
    return True if behavior == "inclusive" else False if behavior == "exclusive" else None


def discounts(amounts: tuple[wire.Discounted, ...] | None, currency: str) -> tuple[Discount, ...]:
    """Return the discounts of an invoice. Their rules are in coupons, which are not read."""
    return tuple([Discount(amount=money(one.amount, currency)) for one in amounts or () if one.amount])


def shipping_lines(cost: wire.ShippingCost | None, currency: str) -> tuple[ShippingLine, ...]:
    """Return the shipping line. Its title is in the shipping rate, which is read with a checkout."""
    if cost is None:
        return ()
    title = cost.shipping_rate.display_name if isinstance(cost.shipping_rate, wire.ShippingRate) else None
    price, tax = money(cost.amount_subtotal, currency), money(cost.amount_tax, currency)
    return (ShippingLine(title=title or None, price=price, tax=tax),)


def customer(
    remote_id: str | None, email: str | None, phone: str | None, name: str | None, notes: Notes
) -> Reference | None:
    """Return the buyer, as known at the purchase."""
    if remote_id is None and not email and not phone and not name:
        return None
    address = values.email(email) if email else None
    if address != (email or None):
        notes.lose("/customer/email", "coerced", "trimmed and lower-cased")
    return Reference(remote_id=remote_id, email=address, phone=phone or None, name=name or None)


def invoice_payments(payments: wire.InvoicePayments | None, notes: Notes) -> tuple[Payment, ...]:
    """Return the payments of an invoice. The payment method is not in these records."""
    if payments is None:
        return ()
    if payments.has_more:
        notes.lose("/payments", "truncated", f"only the first {len(payments.data)} are read")
    return tuple([_invoice_payment(one) for one in payments.data])


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
        processed_at=from_seconds(one.status_transitions.paid_at),
    )


def charged(charge: wire.Charge) -> Payment:
    """Return the charge of a checkout. A charge that is not captured is an authorization."""
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
        processed_at=from_seconds(charge.created),
        last4=None if details is None or details.card is None else details.card.last4,
    )
