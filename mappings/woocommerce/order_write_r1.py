"""OrderPatch to the body of a write, revision 1.

Lines and shipping are written only with a new order: on an update, WooCommerce would add them to the existing ones.
"""

from collections import Counter
from decimal import Decimal
from typing import Final

from msgspec import UNSET, UnsetType

from canonical import values
from canonical.order_patch import LineItemPatch, OrderPatch, ShippingLinePatch
from canonical.parts import AddressPatch, AddressType, CustomFieldSetting, ReferencePatch
from mappings.kit import line_fields, patches
from mappings.kit.addresses import check_type, with_buyer
from mappings.kit.folding import fees_as_lines
from mappings.kit.line_fields import SHIPPING
from mappings.kit.patches import refuse_without_place
from mappings.spec import Draft, Notes
from mappings.woocommerce import addresses, custom_fields, field_values
from mappings.woocommerce.money import decimals
from mappings.woocommerce.order_status_write_r1 import status
from mappings.woocommerce.wire_v3 import (
    NOWHERE,
    Account,
    FeeLineWrite,
    LineWrite,
    Order,
    OrderWrite,
    PlaceWrite,
    ShippingLineWrite,
    Text,
)

UNSUPPORTED: Final[dict[str, str]] = {
    "number": "WooCommerce assigns order numbers",
    "presentment_currency": "a WooCommerce order has one currency",
    "tax_inclusive": "a setting of the WooCommerce shop decides whether prices include tax",
    "discounts": "WooCommerce computes the amount of a coupon: it cannot be set",
    "tags": "WooCommerce orders have no tags",
    "internal_note": "WooCommerce keeps notes in separate records",
    "placed_at": "WooCommerce sets the time of an order",
}
ONLY_NEW: Final = "WooCommerce would add this to the existing ones: it is written only with a new order"
NEEDS_PRODUCT: Final = (
    "WooCommerce sells the shop's products: send product.variant_remote_id, product.remote_id or the sku of one."
    " Anything else becomes a fee: send name and unit_price"
)
AS_FEE: Final = "the shop has no such product: it is a fee with this name and sum"
OWN_TAX: Final = "WooCommerce works out the tax itself"
SHIPPING_METHOD: Final = "other"
"""The method of a charge that the shop did not compute."""
MOST_DIGITS: Final = 18


def to_vendor(patch: OrderPatch, current: Order | None, account: Account) -> Draft[OrderWrite]:
    """Return the body of a write. `current` is None for a new order."""
    notes = Notes()
    refuse_without_place(patch, UNSUPPORTED, notes, {"tax_inclusive": False, "presentment_currency": patch.currency})
    if current is None:
        patch = fees_as_lines(patch, notes, "WooCommerce")
    elif patch.fees is not UNSET:
        notes.unsupported("/fees", ONLY_NEW)
    there = None if current is None else addresses.name_of(current.billing.first_name, current.billing.last_name)
    patch = with_buyer(patch, {"name": there}, "WooCommerce", notes, is_new=current is None)
    if patch.is_test is True:
        notes.unsupported("/is_test", "WooCommerce has no test orders: it would count as a sale")
    buyer = patch.customer
    billing = addresses.with_own(
        _place(patch.billing_address, "billing", current, notes), email=_email(buyer, notes), phone=_phone(buyer)
    )
    settings = account.custom_fields.get("order", ())
    held = None if current is None else current.meta_data
    meta = custom_fields.write(patch.external_id, patch.custom_fields, line_fields.of_orders(settings), held, notes)
    of_lines = line_fields.of_lines(settings)
    digits = _digits(patch, current, account)
    products, fees = _lines(patch.line_items, current, digits, of_lines, notes)
    body = OrderWrite(
        status=status(patch, current, notes),
        currency=_currency(patch.currency, current, notes),
        customer_id=_customer_id(buyer, notes),
        billing=billing,
        shipping=_place(patch.shipping_address, "shipping", current, notes),
        line_items=products,
        fee_lines=fees,
        shipping_lines=_shipping_lines(patch.shipping_lines, current, digits, notes),
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
    held = NOWHERE if current is None else current.billing if kind == "billing" else current.shipping
    return addresses.write(address, kind, pointer, notes, held=held, of_customer=False)


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
    return UNSET if buyer.remote_id is None else _number(buyer.remote_id, "/customer/remote_id", notes)


def _number(id: str | None, pointer: str, notes: Notes) -> int | UnsetType:
    if id is None:
        return UNSET
    if not (id.isascii() and id.isdecimal() and len(id) <= MOST_DIGITS and int(id) > 0):
        notes.invalid(pointer, "WooCommerce ids are positive numbers")
        return UNSET
    return int(id)


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


def _digits(patch: OrderPatch, current: Order | None, account: Account) -> tuple[int, str]:
    """Return how many decimals a sum may have and whose rule it is: the currency's, or the shop's if it has fewer."""
    named = patch.currency if isinstance(patch.currency, str) else account.currency
    currency = values.currency_digits(named) if named is not None else 2
    if account.decimals is not None and account.decimals < currency:
        return account.decimals, "the shop is set to"
    return currency, "the currency has"


def _lines(
    lines: tuple[LineItemPatch, ...] | None | UnsetType,
    current: Order | None,
    digits: tuple[int, str],
    settings: tuple[CustomFieldSetting, ...],
    notes: Notes,
) -> tuple[tuple[LineWrite, ...] | UnsetType, tuple[FeeLineWrite, ...] | UnsetType]:
    """Return the lines of products, and the others as fees."""
    if isinstance(lines, UnsetType):
        return UNSET, UNSET
    if current is not None:
        if not _are_fees(lines or (), current, digits, notes):
            notes.unsupported("/line_items", ONLY_NEW)
        return UNSET, UNSET
    products: list[LineWrite] = []
    fees: list[FeeLineWrite] = []
    for place, line in enumerate(lines or ()):
        if line.product_id or line.variant_id:
            products.append(_line(line, f"/line_items/{place}", digits, settings, notes))
        else:
            fees.append(_fee(line, f"/line_items/{place}", digits, notes))
    return tuple(products), tuple(fees) or UNSET


def _are_fees(lines: tuple[LineItemPatch, ...], current: Order, digits: tuple[int, str], notes: Notes) -> bool:
    """Return whether the order has these lines, all without a product, as the fees that a new order gets for them. Then
    `notes` get what fees do not hold."""
    if not lines or current.line_items or any(line.product_id or line.variant_id for line in lines):
        return False
    lacking = Notes()
    wanted = [_fee(line, f"/line_items/{place}", digits, lacking) for place, line in enumerate(lines)]
    if Counter((fee.name, fee.total) for fee in wanted) != Counter((fee.name, fee.total) for fee in current.fee_lines):
        return False
    notes.refused += lacking.refused
    return True


def _fee(line: LineItemPatch, pointer: str, digits: tuple[int, str], notes: Notes) -> FeeLineWrite:
    """Return a line without a product of the shop as a fee, whose name has what a fee has no member for."""
    if line.unit_price is None or not (line.name or line.sku):
        notes.invalid(pointer, NEEDS_PRODUCT)
    else:
        notes.lose(pointer, "coerced", AS_FEE)
    if line.tax is not None:
        notes.unsupported(f"{pointer}/tax", OWN_TAX)
    for name in ("options", "custom_fields", "requires_shipping", "taxable"):
        if getattr(line, name) not in (None, ()):
            notes.unsupported(f"{pointer}/{name}", "a WooCommerce fee has a name and a sum")
    count, price = Decimal(line.quantity), Decimal(line.unit_price or 0)
    name = line.name or line.sku or ""
    if line.sku not in (None, name):
        name = f"{name} ({line.sku})"
    if count != 1:
        name = f"{values.decimal_string(count.normalize())} x {name}"
    return FeeLineWrite(name=name, total=_amount(values.decimal_string(count * price), pointer, digits, notes))


def _line(
    line: LineItemPatch,
    pointer: str,
    digits: tuple[int, str],
    settings: tuple[CustomFieldSetting, ...],
    notes: Notes,
) -> LineWrite:
    if line.tax is not None:
        notes.unsupported(f"{pointer}/tax", OWN_TAX)
    for name in ("requires_shipping", "taxable"):
        if getattr(line, name) is not None:
            notes.unsupported(f"{pointer}/{name}", "WooCommerce keeps this with the product")
    count = Decimal(line.quantity)
    if count != count.to_integral_value() or count <= 0:
        notes.invalid(f"{pointer}/quantity", "WooCommerce's API accepts only whole quantities")
        count = Decimal(1)
    subtotal: Text = UNSET
    if line.unit_price is not None:
        subtotal = _amount(
            values.decimal_string(count * Decimal(line.unit_price)), f"{pointer}/unit_price", digits, notes
        )
    return LineWrite(
        quantity=int(count),
        product_id=_number(line.product_id, f"{pointer}/product/remote_id", notes),
        variation_id=_number(line.variant_id, f"{pointer}/product/variant_remote_id", notes),
        name=field_values.escaped(line.name) if line.name else UNSET,
        subtotal=subtotal,
        total=subtotal,
        meta_data=custom_fields.write_line(line, settings, pointer, notes) or UNSET,
    )


def _shipping_lines(
    lines: tuple[ShippingLinePatch, ...] | None | UnsetType,
    current: Order | None,
    digits: tuple[int, str],
    notes: Notes,
) -> tuple[ShippingLineWrite, ...] | UnsetType:
    if isinstance(lines, UnsetType):
        return UNSET
    if current is not None:
        notes.unsupported("/shipping_lines", ONLY_NEW)
        return UNSET
    written = []
    for place, line in enumerate(lines or ()):
        pointer = f"/shipping_lines/{place}"
        if line.carrier is not None:
            notes.unsupported(f"{pointer}/carrier", "WooCommerce keeps the shipping method, not the carrier")
        if line.tax is not None:
            notes.unsupported(f"{pointer}/tax", OWN_TAX)
        price = _amount(line.price, f"{pointer}/price", digits, notes)
        title = field_values.sanitized(line.title or SHIPPING, f"{pointer}/title", notes)
        written.append(ShippingLineWrite(method_id=SHIPPING_METHOD, method_title=title, total=price))
    return tuple(written)


def _amount(amount: str, pointer: str, digits: tuple[int, str], notes: Notes) -> str:
    """Return a sum that the shop stores without loss. Refuse one that it would round."""
    most, whose = digits
    if decimals(amount) > most:
        notes.invalid(pointer, f"the sum would be rounded: {whose} {most} decimals")
        return amount
    return values.decimal_string(Decimal(amount).quantize(Decimal(1).scaleb(-most)))
