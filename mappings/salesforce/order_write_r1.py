"""Canonical OrderPatch → Salesforce order, revision 1. Lines are written with a new order only."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from canonical.order import OrderStatus
from canonical.order_patch import OrderPatch
from canonical.parts import AddressPatch, ReferencePatch
from mappings.endpoints import NEW_PERSON
from mappings.kit import nearest, patches
from mappings.kit.addresses import check_type
from mappings.kit.people import note_spaces
from mappings.salesforce import addresses, custom_fields, order_lines_write_r1
from mappings.salesforce.bodies import compare_contact, own_key
from mappings.salesforce.enums import order_status
from mappings.salesforce.field_values import CONTACT, long_id, write_reference
from mappings.salesforce.related import account_for, buyer_of, company_of
from mappings.salesforce.wire_v62 import Account, Order, OrderFields, OrderWrite, Text
from mappings.spec import Draft, Notes

REFERENCE: Final = "@{"
UNSUPPORTED: Final[dict[str, str]] = {
    "payment_status": "Salesforce orders have no payments",
    "fulfillment_status": "Salesforce orders have no parcels",
    "number": "Salesforce numbers its orders itself",
    "presentment_currency": "a Salesforce order has one currency",
    "tags": "Salesforce keeps topics as separate records",
    "customer_note": "Salesforce has one text on an order, for colleagues: write internal_note",
}
ONLY_NEW: Final[dict[str, str]] = dict.fromkeys(
    ("line_items", "discounts", "shipping_lines", "fees"),
    "the lines of a Salesforce order are separate records: they are written only with a new order",
)
NO_BUYER: Final = (
    "a Salesforce order belongs to an account: send the customer.email or customer.id of a contact who has one, a "
    "billing_address.company that is the name of exactly one account, or the account's id in a custom field that is "
    "AccountId; or set default_account in the configuration of the connection"
)
BUYER: Final = "Buyer: "
KEPT_AS_TEXT: Final = "no contact: the buyer is named in the description of the order"
LONGEST_NAME: Final = 255


def to_vendor(patch: OrderPatch, current: Order | None, account: Account) -> Draft[OrderWrite]:
    """Return the write. `current` is None for a new order."""
    notes = Notes()
    patches.refuse_without_place(patch, UNSUPPORTED, notes, {"presentment_currency": patch.currency})
    if patch.presentment_currency and patch.presentment_currency == patch.currency:
        notes.lose("/presentment_currency", "dropped", UNSUPPORTED["presentment_currency"])
    if isinstance(patch.tax_inclusive, bool):
        notes.lose("/tax_inclusive", "coerced", "Salesforce orders have no taxes: the prices are those of the lines")
    if patch.is_test is True:
        notes.unsupported("/is_test", "Salesforce has no test orders, so it would count as a sale: use a sandbox")
    settings = account.custom_fields.get("order", ())
    stored = {} if current is None else account.custom_values.get(long_id(current.id), {})
    custom = custom_fields.write("Order", patch.custom_fields, settings, stored, account, notes)
    fields = replace(
        OrderFields(
            effective_date=_day(patch.placed_at, current, notes),
            bill_to_contact_id=_buyer(patch.customer, current, account, notes),
            currency_iso_code=_currency(patch.currency, current, account, notes),
            description=patches.text(patch.internal_note, None),
            key=own_key(patch.external_id, "Order", account, notes),
        ),
        **_address(patch.billing_address, "billing", current, account, notes),
        **_address(patch.shipping_address, "shipping", current, account, notes),
    )
    status = _status(patch, current, account, notes)
    fields = _with_buyer(patch, fields, current, notes)
    if current is not None:
        patches.refuse_without_place(patch, ONLY_NEW, notes, {})
        body = OrderWrite(fields=replace(fields, status=status), custom=custom)
        return Draft(body=body, loss=tuple(notes.loss), refused=tuple(notes.refused))
    _refuse_references(msgspec.to_builtins(patch), "", notes)
    fields, new_account = _with_account(patch, fields, custom, account, notes)
    draft = next((value for value, code in account.order_statuses.items() if code == "Draft"), "Draft")
    sold = order_lines_write_r1.write(patch, account, notes)
    body = OrderWrite(
        fields=replace(fields, status=draft),
        custom=custom,
        lines=sold.lines,
        new_account=new_account,
        products=sold.products,
        activate=UNSET if status == draft else status,
    )
    return Draft(body=body, loss=tuple(notes.loss), refused=tuple(notes.refused))


def _with_account(
    patch: OrderPatch,
    fields: OrderFields,
    custom: Mapping[str, object],
    account: Account,
    notes: Notes,
) -> tuple[OrderFields, str | None]:
    """Return the fields with the account of a new order, or the name of one to make with it."""
    buyer = patch.customer if isinstance(patch.customer, ReferencePatch) else None
    if custom.get("AccountId"):
        return fields, None
    account_id = account_for(patch, account)
    if account_id is not None:
        return replace(fields, account_id=account_id), None
    name = company_of(patch)[0] or (None if buyer is None else buyer.email)
    if account.options.get("create_accounts") and name:
        return fields, name[:LONGEST_NAME]
    if fields.bill_to_contact_id in (UNSET, None, NEW_PERSON):  # the account of a contact is read with the write
        notes.invalid("/customer", NO_BUYER)
    return fields, None


def _with_buyer(patch: OrderPatch, fields: OrderFields, current: Order | None, notes: Notes) -> OrderFields:
    """Return the fields with a buyer who is not a contact in the last line of the description, and without this line
    if the customer is cleared."""
    buyer = patch.customer
    present = None if current is None else current.description
    if buyer is None and present and fields.description is UNSET:
        text = _without_buyer(present)
        return fields if text == present else replace(fields, description=text or None)
    if not isinstance(buyer, ReferencePatch) or not _is_text(buyer, fields, current):
        return fields
    named = ", ".join(one for one in (buyer.name, buyer.email, buyer.phone) if one)
    if not named:
        return fields
    notes.lose("/customer", "coerced", KEPT_AS_TEXT)
    note, last = fields.description, f"{BUYER}{named}"
    text = _without_buyer((note if isinstance(note, str) else "" if note is None else present or "").rstrip("\n"))
    if text and isinstance(note, str):
        notes.lose("/internal_note", "coerced", KEPT_AS_TEXT)
    written = f"{text}\n{last}".strip()
    return replace(fields, description=UNSET if note is UNSET and written == present else written)


def _without_buyer(text: str) -> str:
    before, _, line = text.rpartition("\n")
    return before if line.startswith(BUYER) else text


def _is_text(buyer: ReferencePatch, fields: OrderFields, current: Order | None) -> bool:
    """Return whether a buyer is named in the description: no contact, of an order that has none. The name of its
    account alone is what such an order reads as."""
    if current is None:
        return not fields.bill_to_contact_id
    if current.account is not None and (buyer.name, buyer.email, buyer.phone) == (current.account.name, None, None):
        return False
    return buyer.id is None and buyer.remote_id is None and current.bill_to_contact_id is None


def _refuse_references(value: Any, pointer: str, notes: Notes) -> None:
    """Refuse references in texts. A new order is a composite request: in all its text, Salesforce replaces
    `@{order.id}` by a value of an earlier reply, and there is no escape (REST API Developer Guide, Composite
    Subrequest)."""
    if isinstance(value, str) and REFERENCE in value:
        notes.invalid(pointer, f"Salesforce would replace {REFERENCE}… in a new order: remove it")
    elif isinstance(value, dict):
        for name, one in value.items():
            _refuse_references(one, f"{pointer}/{name}", notes)
    elif isinstance(value, list | tuple):
        for place, one in enumerate(value):
            _refuse_references(one, f"{pointer}/{place}", notes)


def _status(patch: OrderPatch, current: Order | None, account: Account, notes: Notes) -> str | UnsetType:
    """Return the status of the order if it reads as the wanted one, else the org's first that does."""
    wanted = patch.status
    if isinstance(wanted, UnsetType):
        return UNSET
    if current is not None and current.status is not None and not current.is_deleted:
        code = current.status_code or account.order_statuses.get(current.status)
        if order_status(current.status, code) == wanted != "unknown":
            return current.status
    available: dict[OrderStatus, str] = {}
    for value, code in account.order_statuses.items():
        available.setdefault(order_status(value, code), value)
    available.pop("unknown", None)
    return patches.chosen(wanted, available, "/status", notes, "orders of this org have ", nearest.ORDER_STATUS)


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


def _buyer(customer: ReferencePatch | None | UnsetType, current: Order | None, account: Account, notes: Notes) -> Text:
    if customer is None and current is not None and current.account is not None and current.account.name:
        notes.lose("/customer", "coerced", "an order of Salesforce keeps its account, whose name is shown")
    if customer is None or isinstance(customer, UnsetType):
        return customer if current is not None else UNSET
    if customer.remote_id == NEW_PERSON:
        note_spaces(customer.name, "/customer", notes)
        return NEW_PERSON
    if customer.remote_id is None and customer.id is None and (current is None or current.bill_to_contact_id is None):
        return UNSET
    if customer.remote_id is None:
        pointer = "/customer/id" if customer.id is not None else "/customer"
        notes.invalid(pointer, f"{'unknown customer at this connection; ' if customer.id else ''}{NO_BUYER}")
        return UNSET
    buyer = write_reference(customer, (CONTACT,), "/customer", "a contact", notes)
    person = buyer_of(account) if current is None else None
    if current is not None and current.bill_to_contact_id == buyer:
        person = current.bill_to_contact
    compare_contact(customer, person, "/customer", notes)
    return buyer


def _currency(wanted: str | None | UnsetType, current: Order | None, account: Account, notes: Notes) -> str | UnsetType:
    if isinstance(wanted, UnsetType) or (wanted is not None and wanted == account.currency):
        return UNSET
    several = account.has_currencies("Order")
    if wanted is None or not several:
        known = account.currency or "that of the org"
        detail = f"this Salesforce org has one currency: send {known}, or switch on multiple currencies in the org"
        notes.invalid("/currency", "a Salesforce order always has a currency" if several else detail)
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
    if address is not None and address.type == kind and not addresses.has_place(address):
        notes.lose(f"{pointer}/type", "dropped", "Salesforce keeps no address without a place")
    return addresses.write(address, kind, current, account, pointer, notes)
