"""OrderPatch to the body of a write.

A new order is a draft. A change of its status is a separate request, so it must be sent alone. Lines and shipping
belong to a new draft; to change them later takes several requests.
"""

from typing import Final

from msgspec import UNSET, UnsetType

from canonical import values
from canonical.order import OrderStatus
from canonical.order_patch import OrderPatch
from canonical.parts import AddressPatch, ReferencePatch
from mappings.kit import line_fields, patches
from mappings.kit.addresses import with_buyer
from mappings.kit.names import full_name
from mappings.kit.patches import refuse_without_place
from mappings.medusa import addresses, metadata
from mappings.medusa.account import region_for
from mappings.medusa.order_enums_r1 import STATUSES, STEPS
from mappings.medusa.order_lines_write_r1 import lines, shipping_lines, with_net_amounts
from mappings.medusa.wire_2_21 import Account, Order, OrderBody, OrderWrite, PlaceWrite
from mappings.spec import Draft, Notes

UNSUPPORTED: Final[dict[str, str]] = {
    "payment_status": "Medusa computes it from the payments, which are separate records",
    "fulfillment_status": "Medusa computes it from the fulfilments, which are separate records",
    "number": "Medusa numbers its orders itself",
    "presentment_currency": "a Medusa order has one currency",
    "tags": "Medusa has no tags of orders",
    "customer_note": "Medusa keeps no note of the buyer: configure a custom field for it",
    "internal_note": "Medusa keeps no note with an order: configure a custom field for it",
    "placed_at": "Medusa sets the time of an order itself",
}
FIXED: Final[dict[str, str]] = {
    "tax_inclusive": "whether prices include the tax is a setting of the shop",
    "discounts": "Medusa computes the discount of a promotion itself",
}
"""What only a new order is written with."""
FRESH: Final = {"payment_status": "unpaid", "fulfillment_status": "unfulfilled"}
"""The state of every new order."""
PLACED: Final[frozenset[OrderStatus]] = frozenset({"open", "completed", "archived"})
"""Statuses of placed orders. A new order is stored as a draft, the nearest status."""
ALONE: Final = "Medusa changes the status in a separate request: send the other fields first, then the status alone"
OWN_ADDRESS: Final = "Medusa uses the e-mail address that this customer has there"
FORMER_ADDRESS: Final = "the draft would keep the former buyer's e-mail address: send the new buyer's email too"
PLACE_FIRST: Final = "place the draft first: send open, then this"
WRITABLE: Final = ("draft", *STEPS)


def to_vendor(patch: OrderPatch, current: Order | None, account: Account) -> Draft[OrderWrite]:
    """Return the body of a write. `current` is None for a new order."""
    notes = Notes()
    implied = FRESH | {"presentment_currency": patch.currency}
    refuse_without_place(patch, UNSUPPORTED, notes, implied if current is None else {})
    if current is not None:
        refuse_without_place(patch, FIXED, notes, {})
    else:
        patch = with_net_amounts(patch, account, notes)
        patch = with_buyer(patch, {}, "Medusa", notes, members=("name", "phone"), in_shipping=True)
    if patch.is_test is True:
        notes.unsupported("/is_test", "Medusa has no test orders: leave is_test out, or accept a sale with ?loss=any")
    is_draft = current is None or current.is_draft_order
    step = None
    if current is None:
        _check_first_status(patch, notes)
    else:
        step = _step(patch, current, notes)
    settings = line_fields.of_orders(account.custom_fields.get("order", ()))
    stored = None if current is None else current.metadata
    kept = metadata.write(patch.external_id, patch.custom_fields, settings, stored, notes, is_new=current is None)
    body = OrderBody(
        region_id=UNSET if current is not None else region_for(patch, account, notes),
        currency_code=_currency(patch, current, notes),
        customer_id=_customer_id(patch.customer, current, notes),
        email=_email(patch.customer, current, notes),
        billing_address=_address(patch, "billing", current, notes),
        shipping_address=_address(patch, "shipping", current, notes),
        items=lines(patch, current, account, notes),
        shipping_methods=shipping_lines(patch.shipping_lines, current, account, notes),
        metadata=kept or UNSET,
    )
    _check_buyer(patch, current, notes)
    if step is not None and body != OrderBody():
        notes.invalid("/status", ALONE)
    write = OrderWrite(body=body, is_draft=is_draft if step is None else step == STEPS["open"], step=step)
    return Draft(body=write, loss=tuple(notes.loss), refused=tuple(notes.refused))


def _check_first_status(patch: OrderPatch, notes: Notes) -> None:
    """Note that a new order is a draft. Refuse a status that says more than an open one."""
    detail = "a new order is a draft at Medusa: change its status to open to place it"
    if patch.status is UNSET:
        notes.lose("/status", "defaulted", detail)
    elif patch.status in PLACED:
        notes.lose("/status", "coerced", detail)
    elif patch.status != "draft":
        notes.invalid("/status", "one of: draft, for a new order; change it to open afterwards to place it")


def _step(patch: OrderPatch, current: Order, notes: Notes) -> str | None:
    """Return the path that moves the order to the wanted status. None if it has it already."""
    present = STATUSES.get(current.status, "unknown")
    if isinstance(patch.status, UnsetType) or patch.status == present:
        return None
    if patch.status == "cancelled":
        notes.invalid("/status", "an order is cancelled by POST /v1/orders/{id}/cancel")
        return None
    step = STEPS.get(patch.status)
    if step is None or (patch.status == "open" and present != "draft"):
        notes.invalid("/status", f"one of: {', '.join(WRITABLE)}; only a draft can become open")
        return None
    if current.is_draft_order and patch.status != "open":
        notes.invalid("/status", PLACE_FIRST)
        return None
    return step


def _currency(patch: OrderPatch, current: Order | None, notes: Notes) -> str | UnsetType:
    if isinstance(patch.currency, UnsetType) or (current is not None and _is_its_own(patch.currency, current)):
        return UNSET
    if patch.currency is None:
        notes.invalid("/currency", "a Medusa order always has a currency")
        return UNSET
    if current is not None:
        notes.unsupported("/currency", "a Medusa order has the currency of its region, which cannot be changed")
        return UNSET
    return patch.currency.lower()


def _is_its_own(currency: str | None, current: Order) -> bool:
    return currency is not None and currency.lower() == current.currency_code


def _customer_id(buyer: ReferencePatch | None | UnsetType, current: Order | None, notes: Notes) -> str | UnsetType:
    if buyer is None:
        if current is not None:
            notes.invalid("/customer", "the buyer of a Medusa order cannot be removed")
        return UNSET
    if isinstance(buyer, UnsetType):
        return UNSET
    if buyer.remote_id is None:
        if buyer.id is not None:
            notes.invalid("/customer/id", "unknown customer at this connection")
        return UNSET
    if current is not None and buyer.remote_id == current.customer_id:
        return UNSET
    if current is not None and not current.is_draft_order:
        notes.unsupported("/customer/remote_id", "Medusa transfers a placed order only if both customers agree")
        return UNSET
    if current is not None and current.email and not buyer.email:
        notes.invalid("/customer/email", FORMER_ADDRESS)
        return UNSET
    return buyer.remote_id


def _email(buyer: ReferencePatch | None | UnsetType, current: Order | None, notes: Notes) -> str | UnsetType:
    if buyer is None or isinstance(buyer, UnsetType) or not buyer.email:
        return UNSET
    if current is None and buyer.remote_id is not None:
        # Medusa creates another customer for an unknown address, and gives the order to them.
        notes.lose("/customer/email", "ambiguous", OWN_ADDRESS)
        return UNSET
    email = patches.email(buyer.email, "/customer/email", notes)
    address = patches.ascii_email(email, "/customer/email", "Medusa", notes)
    return UNSET if current is not None and values.email_key(current.email or "") == address else address


def _address(patch: OrderPatch, kind: addresses.Purpose, current: Order | None, notes: Notes) -> PlaceWrite | UnsetType:
    address = patch.billing_address if kind == "billing" else patch.shipping_address
    if isinstance(address, UnsetType) or (address is None and current is None):
        return UNSET
    stored = None if current is None else current.billing_address if kind == "billing" else current.shipping_address
    is_placed = current is not None and not current.is_draft_order
    return addresses.write(address, kind, stored, notes, is_placed=is_placed)


def _check_buyer(patch: OrderPatch, current: Order | None, notes: Notes) -> None:
    """Refuse a name or phone of the buyer that is in no address: Medusa keeps them there."""
    buyer = patch.customer
    if buyer is None or isinstance(buyer, UnsetType):
        return
    names, phones = _in_addresses(patch, current)
    if buyer.name is not None and buyer.name.strip() not in names:
        detail = "Medusa takes the buyer's name from the addresses: write it to billing_address.name"
        notes.unsupported("/customer/name", detail)
    if buyer.phone is not None and buyer.phone not in phones:
        detail = "Medusa takes the buyer's phone from the addresses: write it to billing_address.phone"
        notes.unsupported("/customer/phone", detail)


def _in_addresses(patch: OrderPatch, current: Order | None) -> tuple[frozenset[str], frozenset[str]]:
    names: set[str | None] = set()
    phones: set[str | None] = set()
    for sent, stored in (
        (patch.billing_address, None if current is None else current.billing_address),
        (patch.shipping_address, None if current is None else current.shipping_address),
    ):
        if isinstance(sent, AddressPatch):
            names.add(sent.name)
            phones.add(sent.phone)
        elif sent is not None and stored is not None:
            names.add(full_name(stored.first_name, stored.last_name))
            phones.add(stored.phone)
    return frozenset(filter(None, names)), frozenset(filter(None, phones))
