"""Canonical OrderPatch → Salesforce order, revision 1. Lines are written with a new order only."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType
from msgspec.structs import replace

from canonical import values
from canonical.order import OrderStatus
from canonical.order_patch import LineItemPatch, OrderPatch
from canonical.parts import AddressPatch, ReferencePatch
from mappings.kit import nearest, patches
from mappings.kit.addresses import check_type
from mappings.kit.folding import fees_as_lines
from mappings.salesforce import addresses, custom_fields
from mappings.salesforce.bodies import compare_contact, own_key
from mappings.salesforce.enums import order_status
from mappings.salesforce.field_values import CONTACT, is_id, long_id, write_reference
from mappings.salesforce.wire_v62 import Account, LineFields, Order, OrderFields, OrderWrite, Text
from mappings.spec import Draft, Notes

PRICE_ENTRY: Final = "01u"
REFERENCE: Final = "@{"
MOST_LINES: Final = 200
"""The most records in one collection."""
UNSUPPORTED: Final[dict[str, str]] = {
    "payment_status": "Salesforce orders have no payments",
    "fulfillment_status": "Salesforce orders have no parcels",
    "number": "Salesforce numbers its orders itself",
    "presentment_currency": "a Salesforce order has one currency",
    "tax_inclusive": "Salesforce orders have no taxes",
    "tags": "Salesforce keeps topics as separate records",
    "customer_note": "Salesforce has one text on an order, for colleagues: write internal_note",
}
ONLY_NEW: Final = "the lines of a Salesforce order are separate records: they are written only with a new order"
NO_BUYER: Final = (
    "a Salesforce order belongs to an account: send the customer.email or customer.id of a contact who has one, or the "
    "account's id in a custom field that is AccountId"
)
NEEDS_ENTRY: Final = (
    "Salesforce sells price book entries: send the sku of an active product of the standard price book, or the entry's "
    "id, which begins with 01u, as product.variant_remote_id"
)


def to_vendor(patch: OrderPatch, current: Order | None, account: Account) -> Draft[OrderWrite]:
    """Return the write. `current` is None for a new order."""
    notes = Notes()
    if current is None:
        patch = fees_as_lines(patch, notes, "Salesforce")
    elif patch.fees is not UNSET:
        notes.unsupported("/fees", ONLY_NEW)
    implied = {"tax_inclusive": False, "presentment_currency": patch.currency}
    patches.refuse_without_place(patch, UNSUPPORTED, notes, implied)
    for name in ("discounts", "shipping_lines"):
        if getattr(patch, name):
            notes.unsupported(f"/{name}", "Salesforce orders have only the agreed price of each line")
    if patch.is_test is True:
        notes.unsupported("/is_test", "Salesforce has no test orders, so it would count as a sale: use a sandbox")
    settings = account.custom_fields.get("order", ())
    held = {} if current is None else account.held.get(long_id(current.id), {})
    custom = custom_fields.write("Order", patch.custom_fields, settings, held, account, notes)
    fields = replace(
        OrderFields(
            effective_date=_day(patch.placed_at, current, notes),
            bill_to_contact_id=_buyer(patch.customer, current, notes),
            currency_iso_code=_currency(patch.currency, current, account, notes),
            description=patches.text(patch.internal_note, None),
            key=own_key(patch.external_id, "Order", account, notes),
        ),
        **_address(patch.billing_address, "billing", current, account, notes),
        **_address(patch.shipping_address, "shipping", current, account, notes),
    )
    status = _status(patch, current, account, notes)
    if current is not None:
        if not isinstance(patch.line_items, UnsetType):
            notes.unsupported("/line_items", ONLY_NEW)
        body = OrderWrite(fields=replace(fields, status=status), custom=custom)
        return Draft(body=body, loss=tuple(notes.loss), refused=tuple(notes.refused))
    _refuse_references(msgspec.to_builtins(patch), "", notes)
    if not fields.bill_to_contact_id and not custom.get("AccountId"):
        notes.invalid("/customer", NO_BUYER)
    draft = next((value for value, code in account.order_statuses.items() if code == "Draft"), "Draft")
    lines = patch.line_items or ()
    if len(lines) > MOST_LINES:
        notes.invalid("/line_items", f"Salesforce accepts at most {MOST_LINES} lines with a new order")
    body = OrderWrite(
        fields=replace(fields, status=draft),
        custom=custom,
        lines=tuple(_line(line, f"/line_items/{place}", notes) for place, line in enumerate(lines)),
        activate=UNSET if status == draft else status,
    )
    return Draft(body=body, loss=tuple(notes.loss), refused=tuple(notes.refused))


def _refuse_references(value: Any, pointer: str, notes: Notes) -> None:
    """A new order is a composite request. In all its text, Salesforce replaces `@{order.id}` by a value of an earlier
    reply, and there is no escape (REST API Developer Guide, Composite Subrequest)."""
    if isinstance(value, str) and REFERENCE in value:
        notes.invalid(pointer, f"Salesforce would replace {REFERENCE}… in a new order: remove it")
    elif isinstance(value, dict):
        for name, one in value.items():
            _refuse_references(one, f"{pointer}/{name}", notes)
    elif isinstance(value, list | tuple):
        for place, one in enumerate(value):
            _refuse_references(one, f"{pointer}/{place}", notes)


def _line(line: LineItemPatch, pointer: str, notes: Notes) -> LineFields:
    """One line: an entry of a price book, quantity, price, and the text that the buyer saw."""
    entry = line.variant_id or ""
    if not is_id(entry, (PRICE_ENTRY,)):
        notes.invalid(f"{pointer}/product/variant_remote_id" if entry else pointer, NEEDS_ENTRY)
    if line.unit_price is None:
        notes.invalid(f"{pointer}/unit_price", "Salesforce requires a unit_price for every line")
    for name in ("requires_shipping", "taxable", "custom_fields"):
        if getattr(line, name):
            notes.unsupported(f"{pointer}/{name}", "Salesforce keeps it on the product")
    if line.options:
        notes.unsupported(f"{pointer}/options", "Salesforce keeps no options on an order line")
    if line.product_id is not None:
        notes.unsupported(f"{pointer}/product/remote_id", "the price book entry determines the product")
    if line.tax is not None and Decimal(line.tax):
        notes.unsupported(f"{pointer}/tax", "Salesforce orders have no taxes")
    return LineFields(
        pricebook_entry_id=long_id(entry),
        quantity=_json_number(line.quantity),
        unit_price=_json_number(line.unit_price or "0"),
        description=line.name or UNSET,
    )


def _json_number(amount: str) -> Raw:
    """A decimal string as a JSON number with all its digits, which a float would not keep."""
    return Raw(values.decimal_string(Decimal(amount)).encode())


def _status(patch: OrderPatch, current: Order | None, account: Account, notes: Notes) -> str | UnsetType:
    """The status of the order if it reads as the wanted one, else the org's first that does."""
    wanted = patch.status
    if isinstance(wanted, UnsetType):
        return UNSET
    if current is not None and current.status is not None and not current.is_deleted:
        code = current.status_code or account.order_statuses.get(current.status)
        if order_status(current.status, code) == wanted != "unknown":
            return current.status
    held: dict[OrderStatus, str] = {}
    for value, code in account.order_statuses.items():
        held.setdefault(order_status(value, code), value)
    held.pop("unknown", None)
    return patches.chosen(wanted, held, "/status", notes, "orders of this org have ", nearest.ORDER_STATUS)


def _day(placed_at: datetime | None | UnsetType, current: Order | None, notes: Notes) -> str | UnsetType:
    if not isinstance(placed_at, datetime):
        if current is None:
            notes.lose("/placed_at", "defaulted", "a Salesforce order needs a start date: the day of the write")
        elif placed_at is None:
            notes.invalid("/placed_at", "a Salesforce order always has a start date: send placed_at")
        return UNSET
    moment = placed_at.astimezone(UTC)
    if (moment.hour, moment.minute, moment.second, moment.microsecond) != (0, 0, 0, 0):
        notes.lose("/placed_at", "coerced", "Salesforce keeps only the day, in UTC")
    return moment.date().isoformat()


def _buyer(customer: ReferencePatch | None | UnsetType, current: Order | None, notes: Notes) -> Text:
    if customer is None or isinstance(customer, UnsetType):
        return customer if current is not None else UNSET
    if customer.remote_id is None:
        pointer = "/customer/id" if customer.id is not None else "/customer"
        notes.invalid(pointer, f"{'unknown customer at this connection; ' if customer.id else ''}{NO_BUYER}")
        return UNSET
    buyer = write_reference(customer, (CONTACT,), "/customer", "a contact", notes)
    person = current.bill_to_contact if current is not None and current.bill_to_contact_id == buyer else None
    compare_contact(customer, person, "/customer", notes)
    return buyer


def _currency(wanted: str | None | UnsetType, current: Order | None, account: Account, notes: Notes) -> str | UnsetType:
    if isinstance(wanted, UnsetType) or (wanted is not None and wanted == account.currency):
        return UNSET
    several = account.has_currencies("Order")
    if wanted is None or not several:
        known = account.currency or "that of the org"
        notes.invalid("/currency", f"one of: {known}" if not several else "a Salesforce order always has a currency")
        return UNSET
    if current is not None and current.currency_iso_code == wanted:
        return UNSET
    return wanted


def _address(
    address: AddressPatch | None | UnsetType,
    kind: Literal["billing", "shipping"],
    current: Order | None,
    account: Account,
    notes: Notes,
) -> Mapping[str, Text]:
    if isinstance(address, UnsetType):
        return {}
    pointer = f"/{kind}_address"
    check_type(address, kind, pointer, "Salesforce", notes)
    return addresses.write(address, kind, current, account, pointer, notes)
