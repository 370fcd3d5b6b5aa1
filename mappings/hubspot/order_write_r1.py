"""Canonical Order → HubSpot order, revision 1: properties, buyer and addresses. Its lines and sums are in
`order_lines_write_r1`."""

from datetime import datetime
from typing import Final

from msgspec import UNSET, UnsetType

from canonical import values
from canonical.codes import NO_CURRENCY
from canonical.order import Order, OrderStatus
from canonical.order_patch import OrderPatch
from canonical.parts import AddressPatch, AddressType, ReferencePatch
from mappings.hubspot import bodies
from mappings.hubspot.account import ORDER_ENUMERATIONS
from mappings.hubspot.custom_fields import write_custom_fields
from mappings.hubspot.field_values import iso
from mappings.hubspot.order_enums_r1 import NEAREST, STATUSES, fulfillment_status, payment_status, spelled
from mappings.hubspot.order_lines_write_r1 import NO_TAX, check_digits, new_lines, sums_written
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
from mappings.kit.folding import fees_as_lines
from mappings.spec import Draft, Notes

ORDER_TO_CONTACT: Final = 507
"""HubSpot's type of the association from an order to a contact."""
UNSUPPORTED: Final[dict[str, str]] = {
    "tags": "HubSpot orders have no tags",
    "internal_note": "HubSpot orders have no note for staff; notes are separate records",
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
    check_digits(patch, order, notes)
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
    _keep_buyer(patch, order, notes)
    properties |= _customer_written(patch.customer, properties, order, notes)
    properties |= sums_written(patch, order, notes)
    settings = account.custom_fields.get("order", ())
    properties |= write_custom_fields(
        patch.custom_fields, None if current is None else current.properties, settings, notes
    )
    body = OrderWrite(
        properties=properties,
        associations=_buyer(patch.customer, order, notes),
        line_items=new_lines(patch, order, notes),
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


def _keep_buyer(patch: OrderPatch, order: Order | None, notes: Notes) -> None:
    """Report the name and number that a billing address without them has, because they are the buyer's too."""
    sent, customer = patch.billing_address, patch.customer
    if not isinstance(sent, AddressPatch) or customer is None:
        return
    present = None if order is None else order.billing_address
    for name in ("name", "phone"):
        if not getattr(sent, name) and (getattr(customer, name, None) or getattr(present, name, None)):
            notes.lose(f"/billing_address/{name}", "coerced", f"HubSpot keeps one {name}: that of the buyer counts")


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
        stays = billing is not None and "hs_billing_address_street" not in written
        if place not in written and stays and getattr(billing, name) != text:
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


def _instant(moment: datetime | None | UnsetType, notes: Notes) -> str | UnsetType:
    if isinstance(moment, UnsetType):
        return UNSET
    if moment is not None and moment.microsecond % 1000:
        notes.lose("/placed_at", "coerced", "HubSpot keeps milliseconds")
    return CLEARED if moment is None else iso(moment)
