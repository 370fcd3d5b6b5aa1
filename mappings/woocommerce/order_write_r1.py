"""OrderPatch to the body of a write, revision 1.

Amounts are written only with a new order (see `order_lines_write_r1`): on an update, WooCommerce would add them to the
existing ones.
"""

from typing import Final

from msgspec import UNSET, UnsetType

from canonical.order_patch import OrderPatch
from canonical.parts import AddressPatch, AddressType, ReferencePatch
from mappings.kit import line_fields, patches
from mappings.kit.addresses import check_type, with_buyer
from mappings.kit.patches import refuse_without_place
from mappings.spec import Draft, Notes
from mappings.woocommerce import addresses, custom_fields, field_values
from mappings.woocommerce.order_lines_write_r1 import Amounts, amounts
from mappings.woocommerce.order_status_write_r1 import status
from mappings.woocommerce.requests import number
from mappings.woocommerce.wire_v3 import (
    NOWHERE,
    Account,
    Order,
    OrderWrite,
    PlaceWrite,
    Text,
)

UNSUPPORTED: Final[dict[str, str]] = {
    "number": "WooCommerce assigns order numbers",
    "presentment_currency": "a WooCommerce order has one currency",
    "tags": "WooCommerce orders have no tags",
    "internal_note": "WooCommerce keeps notes in separate records",
    "placed_at": "WooCommerce sets the time of an order",
}
ONLY_NEW: Final = "WooCommerce would add this to the existing ones: it is written only with a new order"
FIXED: Final[dict[str, str]] = {
    "tax_inclusive": "WooCommerce stores prices without tax",
    "discounts": "WooCommerce computes the amount of a coupon: it cannot be set",
    **dict.fromkeys(("line_items", "shipping_lines", "fees"), ONLY_NEW),
}
"""What only a new order is written with."""
NOTHING_SOLD: Final = Amounts(products=(), shipping=(), fees=())


def to_vendor(patch: OrderPatch, current: Order | None, account: Account) -> Draft[OrderWrite]:
    """Return the body of a write. `current` is None for a new order."""
    notes = Notes()
    implied = {"presentment_currency": patch.currency if current is None else current.currency}
    refuse_without_place(patch, UNSUPPORTED, notes, implied)
    if current is not None:
        refuse_without_place(patch, FIXED, notes, {"tax_inclusive": False})
    stored_name = None if current is None else addresses.name_of(current.billing.first_name, current.billing.last_name)
    patch = with_buyer(patch, {"name": stored_name}, "WooCommerce", notes, is_new=current is None)
    sent = patch.billing_address
    if patch.customer is None and (stored_name if sent is UNSET else sent and sent.name):
        notes.lose("/customer", "coerced", "WooCommerce shows the name of the billing address as that of the buyer")
    if patch.is_test is True:
        notes.unsupported(
            "/is_test", "WooCommerce has no test orders: leave is_test out, or accept a sale with ?loss=any"
        )
    buyer = patch.customer
    billing = addresses.with_own(
        _place(patch.billing_address, "billing", current, notes), email=_email(buyer, notes), phone=_phone(buyer)
    )
    settings = account.custom_fields.get("order", ())
    stored = None if current is None else current.meta_data
    meta = custom_fields.write(patch.external_id, patch.custom_fields, line_fields.of_orders(settings), stored, notes)
    sold = amounts(patch, account, line_fields.of_lines(settings), notes) if current is None else NOTHING_SOLD
    body = OrderWrite(
        status=status(patch, current, notes),
        currency=_currency(patch.currency, current, notes),
        customer_id=_customer_id(buyer, notes),
        billing=billing,
        shipping=_place(patch.shipping_address, "shipping", current, notes),
        line_items=sold.products or UNSET,
        fee_lines=sold.fees or UNSET,
        shipping_lines=sold.shipping or UNSET,
        customer_note=field_values.escaped(patches.text(patch.customer_note, "")),
        meta_data=meta or UNSET,
    )
    return Draft(body=body, loss=tuple(notes.loss), refused=tuple(notes.refused))


def _place(
    address: AddressPatch | None | UnsetType, kind: AddressType, current: Order | None, notes: Notes
) -> PlaceWrite | UnsetType:
    if isinstance(address, UnsetType):
        return UNSET
    pointer = f"/{kind}_address"
    check_type(address, kind, pointer, "WooCommerce", notes)
    stored = NOWHERE if current is None else current.billing if kind == "billing" else current.shipping
    return addresses.write(address, kind, pointer, notes, stored=stored, of_customer=False)


def _email(buyer: ReferencePatch | None | UnsetType, notes: Notes) -> str | None | UnsetType:
    if buyer is None:
        return None
    if isinstance(buyer, UnsetType) or buyer.email is None:
        return UNSET
    return patches.email(buyer.email, "/customer/email", notes)


def _phone(buyer: ReferencePatch | None | UnsetType) -> Text:
    if buyer is None:
        return ""
    return UNSET if isinstance(buyer, UnsetType) or buyer.phone is None else field_values.escaped(buyer.phone)


def _customer_id(buyer: ReferencePatch | None | UnsetType, notes: Notes) -> int | UnsetType:
    """Return the id of the shop's user; 0 makes it a guest order."""
    if buyer is None:
        return 0
    if isinstance(buyer, UnsetType):
        return UNSET
    if buyer.id is not None and buyer.remote_id is None:
        notes.invalid("/customer/id", "unknown customer at this connection: send the remote_id of one")
    return UNSET if buyer.remote_id is None else number(buyer.remote_id, "/customer/remote_id", notes)


def _currency(currency: str | None | UnsetType, current: Order | None, notes: Notes) -> Text:
    if isinstance(currency, UnsetType) or (current is not None and currency == current.currency):
        return UNSET
    if currency is None:
        notes.invalid("/currency", "a WooCommerce order always has a currency")
        return UNSET
    if current is not None:
        notes.unsupported(
            "/currency", "WooCommerce would keep all amounts unchanged in another currency: it cannot be changed"
        )
        return UNSET
    return currency
