"""Canonical Order → HubSpot order, revision 1: properties, buyer and line items.

The sums of a new order are computed from its lines, discounts and shipping. A change of discounts or shipping changes
the total by the difference, so that it keeps any other amounts in HubSpot. Line items are separate records: they are
written with a new order only.
"""

from datetime import datetime
from decimal import Decimal
from typing import Final

from msgspec import UNSET, UnsetType

from canonical import values
from canonical.codes import NO_CURRENCY
from canonical.order import Order, OrderStatus
from canonical.order_patch import (
    DiscountPatch,
    LineItemPatch,
    OrderPatch,
    ShippingLinePatch,
)
from canonical.parts import AddressPatch, AddressType, ReferencePatch, sent_or
from canonical.totals import added
from mappings.hubspot import bodies
from mappings.hubspot.account import ORDER_ENUMERATIONS
from mappings.hubspot.custom_fields import write_custom_fields
from mappings.hubspot.field_values import SEPARATOR, iso
from mappings.hubspot.order_enums_r1 import NEAREST, STATUSES, fulfillment_status, payment_status, spelled
from mappings.hubspot.requests import BATCH
from mappings.hubspot.wire_order_v3 import ORDER_KEY, OrderRecord, OrderWrite
from mappings.hubspot.wire_v3 import (
    CLEARED,
    ORDER_PIPELINE,
    Account,
    AssociationType,
    NewAssociation,
    ObjectId,
    Pipeline,
)
from mappings.kit import patches
from mappings.kit.addresses import check_type
from mappings.kit.folding import amount_of, fees_as_lines
from mappings.spec import NUMBER, Draft, Notes

ORDER_TO_CONTACT: Final = 507
"""HubSpot's type of the association from an order to a contact."""
ZERO: Final = Decimal(0)
NO_TAX: Final = "in HubSpot it follows from the sums, and this order has no tax"
UNSUPPORTED: Final[dict[str, str]] = {
    "tags": "HubSpot orders have no tags",
    "internal_note": "HubSpot orders have no note for staff; notes are separate records",
}
NO_LINE_PLACE: Final[dict[str, str]] = {
    "options": "HubSpot line items have no options",
    "requires_shipping": "HubSpot line items do not say whether they are shipped",
    "taxable": "HubSpot line items do not say whether they are taxed",
    "custom_fields": "custom fields of HubSpot line items are not written",
}


def draft(patch: OrderPatch, current: OrderRecord | None, order: Order | None, account: Account) -> Draft[OrderWrite]:
    """Return the write. `current` is the present record, `order` the same record mapped; None on a create."""
    notes = Notes()
    patches.refuse_without_place(patch, UNSUPPORTED, notes)
    if current is None:
        patch = fees_as_lines(patch, notes, "HubSpot")
    elif patch.fees is not UNSET:
        notes.unsupported("/fees", "HubSpot orders have no fees; line items are separate records")
    _refuse_values(patch, order, notes)
    _check_digits(patch, order, notes)
    payment, fulfillment = (account.options.get(f"orders.{name}") for name in ORDER_ENUMERATIONS)
    properties = bodies.sent(
        {
            "hs_order_name": patches.text(patch.number, CLEARED),
            ORDER_KEY: patches.text(patch.external_id, CLEARED),
            "hs_order_note": patches.text(patch.customer_note, CLEARED),
            "hs_external_created_date": _instant(patch.placed_at, notes),
            "hs_currency_code": (patch.currency or UNSET) if order is None or order.currency == NO_CURRENCY else UNSET,
            "hs_payment_status": spelled(patch.payment_status, payment_status, payment, "/payment_status", notes),
            "hs_fulfillment_status": spelled(
                patch.fulfillment_status, fulfillment_status, fulfillment, "/fulfillment_status", notes
            ),
        }
    )
    properties |= _status_written(patch.status, current, account, notes)
    properties |= _address_written(patch.shipping_address, "shipping", notes)
    properties |= _address_written(patch.billing_address, "billing", notes)
    properties |= _customer_written(patch.customer, properties, order, notes)
    properties |= _sums(patch, order, notes)
    settings = account.custom_fields.get("order", ())
    properties |= write_custom_fields(
        patch.custom_fields, None if current is None else current.properties, settings, notes
    )
    body = OrderWrite(
        properties=properties,
        associations=_buyer(patch.customer, order, notes),
        line_items=_new_lines(patch, order, notes),
    )
    return Draft(body=body, loss=tuple(notes.loss), refused=tuple(notes.refused))


def _refuse_values(patch: OrderPatch, order: Order | None, notes: Notes) -> None:
    if patch.is_test is True:
        notes.unsupported("/is_test", "HubSpot has no test orders: leave is_test out, or accept a sale with ?loss=any")
    if order is not None and patch.currency is not UNSET and order.currency not in (patch.currency, NO_CURRENCY):
        notes.unsupported("/currency", "the currency of a HubSpot order is fixed: its sums are in it")
    if patch.presentment_currency:
        if patch.presentment_currency == (patch.currency or (None if order is None else order.currency)):
            notes.lose("/presentment_currency", "dropped", "HubSpot orders have one currency, and it is the same")
        else:
            notes.unsupported("/presentment_currency", "HubSpot orders have one currency")
    if order is not None and order.tax_inclusive is None and isinstance(patch.tax_inclusive, bool):
        notes.lose("/tax_inclusive", "defaulted", NO_TAX)
    elif order is not None and patch.tax_inclusive not in (UNSET, None, order.tax_inclusive):
        notes.unsupported("/tax_inclusive", "it follows from the sums of a HubSpot order, which exist already")


def _check_digits(patch: OrderPatch, order: Order | None, notes: Notes) -> None:
    """Refuse amounts of a change with more digits than the currency of the order, which the body need not name."""
    digits = None if order is None else values.currency_digits(order.currency)
    amounts = {f"/discounts/{at}/amount": one.amount for at, one in enumerate(sent_or(patch.discounts, ()))}
    amounts |= {f"/shipping_lines/{at}/price": one.price for at, one in enumerate(sent_or(patch.shipping_lines, ()))}
    for pointer, amount in amounts.items() if digits is not None else ():
        if Decimal(amount) != round(Decimal(amount), digits):
            notes.invalid(pointer, f"the currency of the order has {digits} decimals")


def _status_written(
    status: OrderStatus | UnsetType, current: OrderRecord | None, account: Account, notes: Notes
) -> dict[str, str]:
    """Return the stage of the order's pipeline with this status or the nearest one: the present stage if it has it,
    else the first in display order. A new order goes to the account's first pipeline."""
    if isinstance(status, UnsetType):
        return {}
    pipeline = _pipeline(current, account)
    if pipeline is None:
        notes.invalid("/status", "the order's pipeline is unknown: its status cannot be written")
        return {}
    present = None if current is None else pipeline.stages.get(current.properties.get("hs_pipeline_stage") or "")
    candidates = (*(() if present is None else (present,)), *pipeline.stages.values())
    for wanted in (status, NEAREST.get(status)):
        stage = next((one for one in candidates if one.status == wanted), None)
        if stage is not None and status in STATUSES:
            move = {"hs_pipeline_stage": stage.id, "hs_external_order_status": status}
            return move if current is not None else {"hs_pipeline": pipeline.id} | move
    available = {one.status for one in pipeline.stages.values()}
    able = [one for one in sorted(STATUSES) if one in available or NEAREST.get(one) in available]  # type: ignore[call-overload]
    notes.invalid("/status", f"the HubSpot pipeline {pipeline.label!r} has a stage for one of: {', '.join(able)}")
    return {}


def _pipeline(current: OrderRecord | None, account: Account) -> Pipeline[OrderStatus] | None:
    if current is None:
        return next(iter(account.order_pipelines.values()), None)
    return account.order_pipelines.get(current.properties.get("hs_pipeline") or ORDER_PIPELINE)


def _address_written(address: AddressPatch | None | UnsetType, kind: AddressType, notes: Notes) -> dict[str, str]:
    """Return the properties of an address. Name and number of the billing address are the buyer's too: they are
    written, and never cleared here."""
    if isinstance(address, UnsetType):
        return {}
    pointer = f"/{kind}_address"
    place = address or AddressPatch()
    if place.country_code and values.country(place.country_code) != place.country_code:
        notes.invalid(f"{pointer}/country_code", "not an ISO 3166-1 alpha-2 code such as DE")
    if place.company:
        notes.unsupported(f"{pointer}/company", "HubSpot's addresses of orders have no company")
    check_type(address, kind, pointer, "HubSpot", notes)
    is_place = any((place.line1, place.line2, place.city, place.region, place.postal_code, place.country_code))
    if not is_place and (place.name or place.phone):
        notes.lose(pointer, "coerced", "HubSpot keeps an address without a place as the name and number of the buyer")
    if "\n" in (place.line1 or ""):
        for name in ("line1", "line2") if place.line2 else ("line1",):
            detail = "HubSpot keeps the street as one text: its first line reads as line1, all others as line2"
            notes.lose(f"{pointer}/{name}", "coerced", detail)
    written = {
        "street": f"{place.line1 or ''}\n{place.line2}" if place.line2 else place.line1 or CLEARED,
        "city": place.city or CLEARED,
        "state": place.region or CLEARED,
        "postal_code": place.postal_code or CLEARED,
        "country": place.country_code or CLEARED,
    }
    for name, text in (("name", place.name), ("phone", place.phone)):
        if text or kind == "shipping":
            written[name] = text or CLEARED
    return {f"hs_{kind}_address_{name}": text for name, text in written.items()}


def _customer_written(
    customer: ReferencePatch | None | UnsetType, written: dict[str, str], order: Order | None, notes: Notes
) -> dict[str, str]:
    """Return the buyer as recorded at purchase. Name and number of a billing address in the same write win."""
    billing = None if order is None else order.billing_address
    if isinstance(customer, UnsetType):
        return {}
    if customer is None:
        for name in () if billing is None or "hs_billing_address_street" in written else ("name", "phone"):
            if getattr(billing, name):
                notes.lose(f"/billing_address/{name}", "dropped", f"HubSpot keeps one {name}, that of the buyer too")
        return {f"hs_billing_address_{name}": CLEARED for name in ("email", "name", "phone")} | {
            name: text for name, text in written.items() if name.startswith("hs_billing_address_")
        }
    properties: dict[str, str] = {}
    if customer.email is not None:
        email = patches.checked_email(customer.email, "/customer/email", notes)
        properties = {} if email is None else {"hs_billing_address_email": email}
    for name, text in (("name", customer.name), ("phone", customer.phone)):
        place = f"hs_billing_address_{name}"
        if text is None:
            continue
        if written.get(place, text) != text:
            notes.lose(f"/customer/{name}", "dropped", f"HubSpot keeps one {name}: that of the billing address")
            continue
        if place not in written and billing is not None and getattr(billing, name) != text:
            detail = f"HubSpot keeps one {name}: it becomes that of the billing address too"
            notes.lose(f"/billing_address/{name}", "coerced", detail)
        properties[place] = text
    return properties


def _buyer(
    customer: ReferencePatch | None | UnsetType, order: Order | None, notes: Notes
) -> tuple[NewAssociation, ...]:
    """Return the association with the contact. HubSpot accepts its id, only on a create."""
    if isinstance(customer, UnsetType):
        return ()
    if customer is not None and customer.id is not None:
        notes.invalid("/customer/id", "unknown customer at this connection")
        return ()
    wanted = None if customer is None else customer.remote_id
    if order is not None:
        present = None if order.customer is None else order.customer.remote_id
        if wanted != present and (wanted is not None or customer is None):
            detail = "HubSpot keeps the buyer as an association, which cannot be changed together with the order"
            notes.unsupported("/customer", detail)
        return ()
    if wanted is None:
        return ()
    return (NewAssociation(to=ObjectId(id=wanted), types=(AssociationType(association_type_id=ORDER_TO_CONTACT),)),)


def _new_lines(patch: OrderPatch, order: Order | None, notes: Notes) -> tuple[dict[str, str], ...]:
    """Return the properties of the lines of a new order."""
    lines = patch.line_items
    if isinstance(lines, UnsetType):
        return ()
    if order is not None:
        if not _are_same(lines or (), order):
            notes.unsupported("/line_items", "HubSpot's line items are separate records: change them in HubSpot")
            return ()
        for place, line in enumerate(lines or ()):
            _refuse_members(line, f"/line_items/{place}", notes)
        return ()
    if len(lines or ()) > BATCH:
        notes.invalid("/line_items", f"HubSpot creates at most {BATCH} line items with one order")
        return ()
    return tuple(_line(line, place, patch.currency or None, notes) for place, line in enumerate(lines or ()))


def _are_same(lines: tuple[LineItemPatch, ...], order: Order) -> bool:
    """Return whether lines sent again are those of the order: the same goods, quantities, prices and taxes."""
    return len(lines) == len(order.line_items) and all(
        (sent.sku or stored.sku) == stored.sku
        and (sent.name or stored.name) == stored.name
        and Decimal(sent.quantity) == Decimal(stored.quantity)
        and (sent.unit_price is None or Decimal(sent.unit_price) == Decimal(stored.unit_price))
        and (sent.tax is None or Decimal(sent.tax) == Decimal(stored.tax))
        and sent.product_id in (None, None if stored.product is None else stored.product.remote_id)
        for sent, stored in zip(lines, order.line_items, strict=True)
    )


def _line(line: LineItemPatch, place: int, currency: str | None, notes: Notes) -> dict[str, str]:
    pointer = f"/line_items/{place}"
    _refuse_members(line, pointer, notes)
    name = line.name or (None if line.product is None else line.product.name) or line.sku
    if name is None:
        notes.invalid(f"{pointer}/name", "HubSpot needs the name of each line")
    if line.unit_price is None:
        notes.invalid(f"{pointer}/unit_price", "HubSpot needs the price of each line")
    if line.product_id and not (line.product_id.isascii() and line.product_id.isdecimal()):
        notes.invalid(f"{pointer}/product/remote_id", f"a HubSpot product id is a whole number ({NUMBER})")
    sku = line.sku or (None if line.product is None else line.product.sku)
    _check_product(line, sku, name, pointer, notes)
    written: dict[str, str | None] = {
        "name": name,
        "hs_sku": sku,
        "hs_product_id": line.product_id,
        "quantity": line.quantity,
        "price": line.unit_price,
        "tax": line.tax,
        "hs_line_item_currency_code": currency,
        "hs_position_on_quote": str(place),
    }
    return {key: text for key, text in written.items() if text}


def _check_product(line: LineItemPatch, sku: str | None, name: str | None, pointer: str, notes: Notes) -> None:
    """Note the losses of the product: HubSpot names it by id, and a line has one name and one SKU."""
    product = line.product
    if product is None:
        return
    if product.remote_id is None:
        notes.lose(f"{pointer}/product", "coerced", "HubSpot names products by id: the line keeps a name and a SKU")
        return
    for member, kept in (("sku", sku), ("name", name)):
        if getattr(product, member) not in (None, kept):
            notes.lose(f"{pointer}/product/{member}", "dropped", f"HubSpot keeps the {member} of the line")


def _refuse_members(line: LineItemPatch, pointer: str, notes: Notes) -> None:
    for member, reason in NO_LINE_PLACE.items():
        if getattr(line, member) not in (None, ()):
            notes.unsupported(f"{pointer}/{member}", reason)
    if line.variant_id is not None:
        notes.unsupported(f"{pointer}/product/variant_remote_id", "HubSpot products have no variants")


def _sums(patch: OrderPatch, order: Order | None, notes: Notes) -> dict[str, str]:
    """Return the sums of a new order, or those that a change of discounts or shipping moves."""
    discounts, shipping = patch.discounts, patch.shipping_lines
    lines = () if order is not None else patch.line_items or ()
    written: dict[str, str] = {}
    sums: dict[str, Decimal] = {}
    if order is None:
        sums["hs_subtotal_price"] = sum((Decimal(one.quantity) * Decimal(one.unit_price or 0) for one in lines), ZERO)
        sums["hs_order_discount"], sums["hs_shipping_cost"] = ZERO, ZERO
    if not isinstance(discounts, UnsetType):
        sums["hs_order_discount"] = _discount(discounts or (), notes)
        codes = SEPARATOR.join(one.code for one in discounts or () if one.code)
        if codes or order is not None:
            written["hs_discount_codes"] = codes
    if not isinstance(shipping, UnsetType):
        sums["hs_shipping_cost"] = _shipping(shipping or (), order, notes)
    if order is not None:
        return written | _moved(sums, order)
    taxes = [*(one.tax for one in lines), *(one.tax for one in shipping or ())]
    tax = sum((Decimal(one) for one in taxes if one is not None), ZERO)
    if not tax and patch.tax_inclusive is not UNSET:
        notes.lose("/tax_inclusive", "defaulted", NO_TAX)
    if not (lines or discounts or shipping):
        return written
    total = sums["hs_subtotal_price"] - sums["hs_order_discount"] + sums["hs_shipping_cost"]
    sums |= {"hs_tax": tax, "hs_total_price": total if patch.tax_inclusive else total + tax}
    return written | {name: _amount(amount, patch.currency or NO_CURRENCY) for name, amount in sums.items()}


def _moved(sums: dict[str, Decimal], order: Order) -> dict[str, str]:
    """Return the sums that differ from those of the order, and its total."""
    present = {"hs_order_discount": Decimal(order.totals.discount), "hs_shipping_cost": Decimal(order.totals.shipping)}
    moved = {name: amount for name, amount in sums.items() if amount != present[name]}
    if not moved:
        return {}
    by = sum((moved[name] - present[name]) * (-1 if name == "hs_order_discount" else 1) for name in moved)
    moved["hs_total_price"] = Decimal(order.totals.total) + by
    return {name: _amount(amount, order.currency) for name, amount in moved.items()}


def _discount(discounts: tuple[DiscountPatch, ...], notes: Notes) -> Decimal:
    for place, one in enumerate(discounts):
        if place:
            notes.fold(f"/discounts/{place}", "/discounts/0", "HubSpot keeps the sum of all discounts")
            continue
        if one.type != "fixed":
            notes.lose("/discounts/0/type", "coerced", "HubSpot keeps the amount of the discounts")
        if one.label:
            notes.lose("/discounts/0/label", "dropped", "HubSpot keeps no names of discounts")
    return sum((Decimal(one.amount) for one in discounts), ZERO)


def _shipping(lines: tuple[ShippingLinePatch, ...], order: Order | None, notes: Notes) -> Decimal:
    """Return the cost of shipping. Its taxes are part of the tax of a new order, which stays as it is later."""
    taxes = added(one.tax for one in lines)
    is_kept = order is None or taxes == Decimal(order.totals.tax) - added(one.tax for one in order.line_items)
    charged = added(one.price for one in lines)
    for place, one in enumerate(lines):
        if one.tax is not None and Decimal(one.tax) and not is_kept:
            notes.unsupported(f"/shipping_lines/{place}/tax", "HubSpot keeps one tax for the whole order: it stays")
        if not charged:
            notes.lose(f"/shipping_lines/{place}", "dropped", "HubSpot keeps the cost of shipping only: this has none")
            continue
        if place:
            notes.fold(f"/shipping_lines/{place}", "/shipping_lines/0", "HubSpot keeps one cost of shipping")
            continue
        for name in ("title", "carrier"):
            if getattr(one, name):
                notes.lose(f"/shipping_lines/0/{name}", "dropped", "HubSpot keeps only the cost of shipping")
        if one.tax is not None and Decimal(one.tax) and is_kept:
            notes.fold("/shipping_lines/0/tax", "/totals/tax", "HubSpot keeps one tax for the whole order")
    return charged


def total_of(body: OrderWrite, account: Account) -> Decimal | None:
    """Return the sum of a new order in HubSpot: the net prices that it computes for the lines, less the discount, with
    shipping, and with the tax unless the total is without it. None for an order without amounts."""
    total, discount, shipping, tax = (
        Decimal(body.properties.get(name) or "0")
        for name in ("hs_total_price", "hs_order_discount", "hs_shipping_cost", "hs_tax")
    )
    if "hs_total_price" not in body.properties:
        return None
    before_tax = sum(map(amount_of, lines_of(body)), ZERO) - discount + shipping
    return before_tax + tax if abs(total - before_tax) > abs(tax) / 2 else before_tax


def lines_of(body: OrderWrite) -> tuple[LineItemPatch, ...]:
    """Return the lines of a new order, with the amounts folded into them."""
    return tuple(
        LineItemPatch(
            name=line.get("name"), quantity=line["quantity"], unit_price=line.get("price"), tax=line.get("tax")
        )
        for line in body.line_items
    )


def _instant(moment: datetime | None | UnsetType, notes: Notes) -> str | UnsetType:
    if isinstance(moment, UnsetType):
        return UNSET
    if moment is not None and moment.microsecond % 1000:
        notes.lose("/placed_at", "coerced", "HubSpot keeps milliseconds")
    return CLEARED if moment is None else iso(moment)


def _amount(amount: Decimal, currency: str) -> str:
    return values.money(values.decimal_string(amount), currency)
