"""OrderPatch to the input of `orderCreate` and `orderUpdate`, revision 1. Few members of an order can be updated."""

from datetime import datetime
from typing import Final

from msgspec import UNSET, UnsetType

from canonical import values
from canonical.order import FulfillmentStatus
from canonical.order_patch import OrderPatch
from canonical.parts import AddressPatch, CustomFieldSetting, ReferencePatch
from mappings.kit import line_fields, nearest, patches
from mappings.kit.addresses import with_buyer
from mappings.shopify import addresses, custom_fields, field_values, metadata
from mappings.shopify.order_enums_r1 import FULFILLMENT_STATUS, PAYMENT_STATUS
from mappings.shopify.order_lines_write_r1 import TRANSACTION, order_money
from mappings.shopify.requests import gid, metafield_key
from mappings.shopify.wire_2026_07 import Account, Order
from mappings.shopify.wire_inputs_2026_07 import (
    AssociateInput,
    AttributeInput,
    OrderCreateInput,
    OrderCustomerInput,
    OrderInput,
    OrderWrite,
)
from mappings.spec import Draft, Notes

STATUS: Final = (
    "Shopify derives the status of orders: cancel one with POST /v1/orders/{id}/cancel; it closes an order once "
    "all of it is fulfilled and paid"
)
DRAFT: Final = (
    "an order at Shopify is placed, and its drafts are records of another kind: place the order at its source first, or"
    " send status open to place it with this write"
)
NEVER: Final[dict[str, str]] = {
    "status": STATUS,
    "internal_note": "Shopify keeps one note on an order: write customer_note",
}
FULFILMENTS: Final = "Shopify derives it from fulfillments: leave it out, and fulfil the order in Shopify"
FRESH: Final = {"status": "open"}
"""The state of every new order."""
DELIVERED: Final[dict[FulfillmentStatus, str | UnsetType]] = {
    "unfulfilled": UNSET,
    "partially_fulfilled": "PARTIAL",
    "fulfilled": "FULFILLED",
}
"""How much of a new order was sent already (OrderCreateFulfillmentStatus)."""
ONLY_NEW: Final = "Shopify accepts this only with a new order"
PAYMENTS: Final = "Shopify derives it from transactions: record the payment or the refund in Shopify"
FIXED: Final = (
    "number",
    "currency",
    "presentment_currency",
    "tax_inclusive",
    "billing_address",
    "line_items",
    "discounts",
    "shipping_lines",
    "fees",
    "is_test",
    "placed_at",
)


def to_vendor(patch: OrderPatch, current: Order | None, account: Account) -> Draft[OrderWrite]:
    """Return the body of a write, with only the members in the patch. `current` is None for a new order."""
    notes = Notes()
    reasons = NEVER | ({"status": DRAFT} if patch.status == "draft" else {})
    patches.refuse_without_place(patch, reasons, notes, FRESH if current is None else {})
    patch = with_buyer(patch, {}, "Shopify", notes) if current is None else patch
    settings = account.custom_fields.get("order", ())
    stored = {} if current is None else metadata.of_order(current)
    named = custom_fields.named(patch.custom_fields, line_fields.of_orders(settings), notes, "/custom_fields", stored)
    fields = metadata.change(
        patch.external_id,
        named,
        settings,
        None if current is None else current.metafields,
        None if current is None else current.external,
    )
    attributes = _attributes(named, settings, current)
    if current is None:
        body = OrderWrite(create=_create(patch, account, attributes, fields, notes))
    else:
        body = OrderWrite(update=_update(patch, current, attributes, fields, notes), cleared=fields.cleared)
    return Draft(body=body, loss=tuple(notes.loss), refused=tuple(notes.refused))


def _create(
    patch: OrderPatch,
    account: Account,
    attributes: tuple[AttributeInput, ...] | UnsetType,
    fields: metadata.Change,
    notes: Notes,
) -> OrderCreateInput:
    money = order_money(patch, account, notes)
    customer = None if patch.customer is UNSET else patch.customer
    _check_customer(customer, notes)
    billing, shipping = patch.billing_address, patch.shipping_address
    return OrderCreateInput(
        name=patch.number if isinstance(patch.number, str) else UNSET,
        currency=patch.currency if isinstance(patch.currency, str) else UNSET,
        presentment_currency=_presentment(patch, account, notes),
        customer=UNSET
        if customer is None or customer.remote_id is None
        else OrderCustomerInput(to_associate=AssociateInput(id=gid("Customer", customer.remote_id))),
        email=UNSET if customer is None or customer.email is None else customer.email,
        phone=_phone(customer, _country(billing, shipping), notes),
        billing_address=UNSET
        if billing is UNSET or billing is None
        else addresses.write(billing, "billing", notes, "/billing_address"),
        shipping_address=UNSET
        if shipping is UNSET or shipping is None
        else addresses.write(shipping, "shipping", notes, "/shipping_address"),
        line_items=money.lines,
        shipping_lines=money.shipping,
        discount_code=money.discount,
        transactions=money.transactions,
        taxes_included=patch.tax_inclusive if isinstance(patch.tax_inclusive, bool) else UNSET,
        note=patch.customer_note if isinstance(patch.customer_note, str) else UNSET,
        fulfillment_status=_delivered(patch.fulfillment_status, notes),
        tags=UNSET if patch.tags is None else field_values.tags(patch.tags, notes),
        test=patch.is_test,
        processed_at=_placed_at(patch, notes),
        custom_attributes=attributes,
        metafields=fields.set or UNSET,
    )


def _delivered(status: FulfillmentStatus | UnsetType, notes: Notes) -> str | UnsetType:
    """Return how much of a new order was sent already, by another system: Shopify makes no fulfillment of it."""
    if status == "partially_fulfilled":
        notes.lose("/fulfillment_status", "coerced", "Shopify stores that a part was sent, but not which lines")
    return patches.chosen(
        status, DELIVERED, "/fulfillment_status", notes, "a new order can be ", nearest.FULFILLMENT_STATUS
    )


def _check_states(patch: OrderPatch, current: Order, notes: Notes) -> None:
    """Refuse other states of money and goods than the order's. The nearest value that a new order gets counts as the
    same."""
    goods, money = patch.fulfillment_status, patch.payment_status
    sent = FULFILLMENT_STATUS.get((current.display_fulfillment_status or "").upper(), "unknown")
    paid = PAYMENT_STATUS.get((current.display_financial_status or "").upper(), "unknown")
    if not isinstance(goods, UnsetType) and (
        goods in DELIVERED
        or not patches.nearest(goods, (sent,), nearest.FULFILLMENT_STATUS, "/fulfillment_status", notes)
    ):
        notes.unsupported("/fulfillment_status", FULFILMENTS)
    if not isinstance(money, UnsetType) and (
        money in TRANSACTION or not patches.nearest(money, (paid,), nearest.PAYMENT_STATUS, "/payment_status", notes)
    ):
        notes.unsupported("/payment_status", PAYMENTS)


def _placed_at(patch: OrderPatch, notes: Notes) -> datetime | UnsetType:
    if isinstance(patch.placed_at, UnsetType) or patch.placed_at is None:
        return UNSET
    if patch.placed_at.microsecond:
        notes.lose("/placed_at", "coerced", "Shopify stores whole seconds")
    return patch.placed_at.replace(microsecond=0)


def _update(
    patch: OrderPatch,
    current: Order,
    attributes: tuple[AttributeInput, ...] | UnsetType,
    fields: metadata.Change,
    notes: Notes,
) -> OrderInput:
    patches.refuse_without_place(patch, dict.fromkeys(FIXED, ONLY_NEW), notes, {})
    _check_states(patch, current, notes)
    shipping = patch.shipping_address
    stored = current.shipping_address
    country = _country(shipping) or (None if stored is None else values.country(stored.country_code_v2))
    email, phone = _contact(patch.customer, country, notes)
    if shipping is None:
        notes.unsupported("/shipping_address", "Shopify cannot remove the address of an order: send another one")
    return OrderInput(
        email=email,
        phone=phone,
        note=patch.customer_note,
        tags=field_values.tags(patch.tags, notes),
        shipping_address=UNSET
        if shipping is UNSET or shipping is None
        else addresses.write(shipping, "shipping", notes, "/shipping_address", () if stored is None else (stored,)),
        custom_attributes=attributes,
        metafields=fields.set or UNSET,
    )


def _check_customer(customer: ReferencePatch | None, notes: Notes) -> None:
    """Refuse a customer that a new order cannot have."""
    if customer is None:
        return
    if customer.id is not None and customer.remote_id is None:
        notes.invalid("/customer/id", "unknown customer at this shop: send remote_id, or email for a guest")


def _country(*addresses: AddressPatch | None | UnsetType) -> str | None:
    return next((one.country_code for one in addresses if isinstance(one, AddressPatch) and one.country_code), None)


def _phone(customer: ReferencePatch | None, country: str | None, notes: Notes) -> str | UnsetType:
    """Return the number, in E.164 if its country is known: Shopify refuses one that it cannot read."""
    if customer is None or customer.phone is None:
        return UNSET
    number = values.phone(customer.phone, country) or customer.phone
    if number != customer.phone:
        notes.lose("/customer/phone", "coerced", f"written as {number}")
    return number


def _contact(
    customer: ReferencePatch | None | UnsetType, country: str | None, notes: Notes
) -> tuple[str | UnsetType, str | UnsetType]:
    """Return e-mail and phone of an existing order. Refuse another customer."""
    if isinstance(customer, UnsetType):
        return UNSET, UNSET
    if customer is None:
        notes.unsupported("/customer", "Shopify cannot remove the customer of an order")
        return UNSET, UNSET
    for name in ("id", "remote_id", "name"):
        if getattr(customer, name) is not None:
            notes.unsupported(f"/customer/{name}", "Shopify can change only the email and phone of an order's customer")
    return UNSET if customer.email is None else customer.email, _phone(customer, country, notes)


def _presentment(patch: OrderPatch, account: Account, notes: Notes) -> str | UnsetType:
    """Return the buyer's currency. Refuse one other than the shop's: a patch has no sums in a second currency."""
    wanted = patch.presentment_currency
    if not isinstance(wanted, str):
        return UNSET
    if wanted != ((patch.currency if isinstance(patch.currency, str) else account.currency) or wanted):
        notes.unsupported("/presentment_currency", "sums in a second currency cannot be written: send the shop's")
        return UNSET
    return wanted


def _attributes(
    named: dict[CustomFieldSetting, str | None | UnsetType] | None,
    settings: tuple[CustomFieldSetting, ...],
    current: Order | None,
) -> tuple[AttributeInput, ...] | UnsetType:
    """Return all attributes of the order. Shopify replaces the list, so attributes that are not configured as custom
    fields are sent unchanged."""
    if named is None:
        return UNSET
    ours = {one.vendor_field: one for one in line_fields.of_orders(settings) if metafield_key(one.vendor_field) is None}
    if not ours:
        return UNSET
    stored = () if current is None else current.custom_attributes
    kept = tuple(
        AttributeInput(key=pair.key, value=pair.value or "")
        for pair in stored
        if pair.key not in ours or named.get(ours[pair.key]) is UNSET
    )
    sent = ((field, named.get(setting)) for field, setting in ours.items())
    written = tuple(AttributeInput(key=field, value=text) for field, text in sent if isinstance(text, str))
    if not written and len(kept) == len(stored):
        return UNSET
    return kept + written
