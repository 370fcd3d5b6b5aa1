"""OrderPatch to the body of a write, revision 1.

A new order is a checkout: the only object that Stripe creates with lines in one request. With the status `draft` it is
a draft invoice, whose lines need separate requests. Later, only metadata can be changed, and number and shipping
address of an invoice.
"""

from typing import Final

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from canonical.order import OrderStatus
from canonical.order_patch import OrderPatch
from canonical.parts import AddressPatch, CustomFieldSetting, ReferencePatch, sent_or
from mappings.kit import line_fields, nearest, patches
from mappings.kit.patches import chosen, refuse_without_place
from mappings.spec import Draft, Notes
from mappings.stripe import addresses, metadata, order_lines_write_r1, order_urls_r1
from mappings.stripe import order_enums_r1 as enums
from mappings.stripe import wire_2026_10_28 as wire
from mappings.stripe.order_lines_write_r1 import OrderMoney
from mappings.stripe.wire_writes_2026_10_28 import (
    InvoiceWrite,
    OrderWrite,
    SessionWrite,
    ShippingWrite,
)

NEW: Final[tuple[OrderStatus, ...]] = ("open", "draft")
NO_PLACE: Final[dict[str, str]] = {
    "payment_status": (
        "Stripe collects the money itself: leave payment_status out, and let the buyer pay the checkout; an order that"
        " was paid elsewhere has no place here"
    ),
    "fulfillment_status": "Stripe has no fulfilments",
    "presentment_currency": "Stripe chooses the currency that a buyer sees",
    "billing_address": "Stripe uses the address of the customer, or asks for one",
    "tags": "Stripe's invoices and checkouts have no tags; metadata can hold some, as a custom field here",
    "customer_note": "Stripe's invoices and checkouts have no note of the buyer",
    "internal_note": "Stripe's invoices and checkouts have no note that the buyer does not see",
    "placed_at": "Stripe uses the time of creation",
}
KEY_DECIDES: Final = "the key of the connection decides whether an order is a test"
FRESH: Final = {"payment_status": "unpaid"}
"""The state of every new order."""
FIXED: Final[dict[str, str]] = {
    "currency": "the currency cannot be changed",
    "tax_inclusive": "the tax behavior of a price cannot be changed",
    "customer": "the customer cannot be changed",
    "line_items": "Stripe changes lines in separate requests",
    "shipping_lines": "shipping cannot be changed",
    "discounts": "the discounts cannot be changed",
    "fees": "Stripe has no fees, and changes lines in separate requests",
}
DRAFT: Final = (
    "a draft at Stripe is an invoice that gets its lines later: place the order at its source first, or send status"
    " open for a checkout with these lines"
)
ONLY_SESSION: Final = "Stripe accepts the lines of a draft invoice in separate requests"


def to_vendor(
    patch: OrderPatch, current: wire.Invoice | wire.CheckoutSession | None, account: wire.Account
) -> Draft[OrderWrite]:
    """Return the body of a write. `current` is None for a new order."""
    notes = Notes()
    implied = FRESH if current is None else {}
    if patch.presentment_currency and patch.presentment_currency == patch.currency:
        implied = implied | {"presentment_currency": patch.currency}
        notes.lose("/presentment_currency", "dropped", NO_PLACE["presentment_currency"])
    refuse_without_place(patch, NO_PLACE, notes, implied)
    if patch.is_test is True:
        notes.unsupported("/is_test", KEY_DECIDES)
    elif patch.is_test is False:
        notes.lose("/is_test", "coerced", KEY_DECIDES)
    settings = line_fields.of_orders(account.custom_fields.get("order", ()))
    if current is None and patch.status == "draft" and patch.line_items:
        notes.unsupported("/status", DRAFT)
        patch = replace(patch, status="open")
    if current is None and patch.status != "draft":
        money = order_lines_write_r1.write(patch, line_fields.of_lines(account.custom_fields.get("order", ())), notes)
        session = _new_session(patch, money, settings, notes)
        write = OrderWrite(session=session, coupon=money.coupon)
    else:
        body = _new_invoice(patch, settings, notes) if current is None else _changed(patch, current, settings, notes)
        write = OrderWrite(invoice=body) if isinstance(body, InvoiceWrite) else OrderWrite(session=body)
    return Draft(body=write, loss=tuple(notes.loss), refused=tuple(notes.refused))


def _changed(
    patch: OrderPatch,
    current: wire.Invoice | wire.CheckoutSession,
    settings: tuple[CustomFieldSetting, ...],
    notes: Notes,
) -> InvoiceWrite | SessionWrite:
    refuse_without_place(patch, FIXED, notes)
    if isinstance(current, wire.Invoice):
        _same_status(patch.status, enums.INVOICE_STATUS.get(current.status, "unknown"), notes)
        return _changed_invoice(patch, current, settings, notes)
    _same_status(patch.status, enums.SESSION_STATUS.get(current.status, "unknown"), notes)
    return _changed_session(patch, current, settings, notes)


def _same_status(wanted: OrderStatus | UnsetType, present: OrderStatus, notes: Notes) -> None:
    if not isinstance(wanted, UnsetType) and wanted != present:
        detail = f"Stripe finalises, collects and voids in separate requests; to cancel, use /cancel; one of: {present}"
        notes.invalid("/status", detail)


def _new_session(
    patch: OrderPatch, money: OrderMoney, settings: tuple[CustomFieldSetting, ...], notes: Notes
) -> SessionWrite:
    chosen(patch.status, dict.fromkeys(NEW), "/status", notes, "a new order at Stripe is ", nearest.ORDER_STATUS)
    for name in ("number", "shipping_address"):
        if getattr(patch, name) not in (UNSET, None):
            notes.unsupported(f"/{name}", "a checkout has none before the purchase; a draft invoice has one")
    currency = patch.currency if isinstance(patch.currency, str) else None
    urls, fields = order_urls_r1.new(patch.custom_fields, settings, notes)
    customer, email = _customer(patch.customer, notes)
    return SessionWrite(
        mode="payment",
        # A page hosted by Stripe needs a success_url. Without one, the checkout is for embedding.
        ui_mode=UNSET if "success_url" in urls else "embedded_page",
        redirect_on_completion=UNSET if "success_url" in urls else "never",
        success_url=urls.get("success_url", UNSET),
        cancel_url=urls.get("cancel_url", UNSET),
        currency=UNSET if currency is None else currency.lower(),
        customer=customer,
        customer_email=email,
        line_items=money.lines,
        shipping_options=money.shipping,
        metadata=metadata.write(patch.external_id, fields, order_urls_r1.others(settings), None, notes),
    )


def _new_invoice(patch: OrderPatch, settings: tuple[CustomFieldSetting, ...], notes: Notes) -> InvoiceWrite:
    for name in ("shipping_lines", "discounts", "fees", "tax_inclusive"):
        if getattr(patch, name) not in (UNSET, None, ()):
            notes.unsupported(f"/{name}", ONLY_SESSION)
    customer, email = _customer(patch.customer, notes)
    if customer is UNSET:
        notes.invalid("/customer", "Stripe needs a customer for an invoice: send its id or remote_id")
    elif email is not UNSET:
        notes.unsupported("/customer/email", "an invoice shows the address of its customer")
    fields = order_urls_r1.fixed(patch.custom_fields, settings, {}, notes)
    return InvoiceWrite(
        customer=customer,
        currency=patch.currency.lower() if isinstance(patch.currency, str) else UNSET,
        number=patch.number or UNSET,
        shipping_details=_ship_to(patch, None, notes),
        metadata=metadata.write(patch.external_id, fields, order_urls_r1.others(settings), None, notes),
    )


def _changed_invoice(
    patch: OrderPatch, current: wire.Invoice, settings: tuple[CustomFieldSetting, ...], notes: Notes
) -> InvoiceWrite:
    fields = order_urls_r1.fixed(patch.custom_fields, settings, {}, notes)
    stored = current.metadata or {}
    return InvoiceWrite(
        number=patch.number if isinstance(patch.number, str | UnsetType) and patch.number != "" else None,
        shipping_details=_ship_to(patch, current, notes),
        metadata=metadata.write(patch.external_id, fields, order_urls_r1.others(settings), stored, notes),
    )


def _changed_session(
    patch: OrderPatch, current: wire.CheckoutSession, settings: tuple[CustomFieldSetting, ...], notes: Notes
) -> SessionWrite:
    for name in ("number", "shipping_address"):
        if not isinstance(getattr(patch, name), UnsetType):
            notes.unsupported(f"/{name}", "it cannot be changed for a checkout")
    if patch.external_id is None and current.client_reference_id:
        notes.unsupported("/external_id", "the client_reference_id of a checkout cannot be removed")
    fields = order_urls_r1.fixed(patch.custom_fields, settings, order_urls_r1.urls_of(current), notes)
    others, stored = order_urls_r1.others(settings), current.metadata or {}
    return SessionWrite(metadata=metadata.write(patch.external_id, fields, others, stored, notes))


def _customer(customer: ReferencePatch | None | UnsetType, notes: Notes) -> tuple[str | UnsetType, str | UnsetType]:
    """Return the id of a customer, or the e-mail address of a guest."""
    if customer is None or isinstance(customer, UnsetType):
        return UNSET, UNSET
    for member in ("phone", "name"):
        if getattr(customer, member) is not None:
            notes.lose(f"/customer/{member}", "coerced", f"Stripe uses the {member} of the customer, or asks for it")
    if customer.remote_id is None:
        return UNSET, UNSET if customer.email is None else patches.email(customer.email, "/customer/email", notes)
    if customer.email is not None:
        notes.lose("/customer/email", "coerced", "Stripe uses the address of the customer")
    return customer.remote_id, UNSET


def _buyer(patch: OrderPatch) -> str | None:
    """Return the addressee of a shipping address without a name."""
    customer, billing = sent_or(patch.customer, None), sent_or(patch.billing_address, None)
    named = [one.name for one in (customer, billing) if one is not None and one.name]
    return named[0] if named else None if customer is None else customer.email


def _ship_to(patch: OrderPatch, current: wire.Invoice | None, notes: Notes) -> ShippingWrite | None | UnsetType:
    address = patch.shipping_address
    if not isinstance(address, AddressPatch):
        return UNSET if isinstance(address, UnsetType) or current is None else None
    name = _buyer(patch) if current is None else current.customer_name
    return addresses.write_shipping(address, "/shipping_address", name, notes, whole=current is not None)
