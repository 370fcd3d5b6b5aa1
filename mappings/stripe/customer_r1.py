"""Customer, revision 1.

A customer of Stripe has one name, of a person or a company, one e-mail address that is not unique, one phone
number, a billing and a shipping address. A deleted customer leaves a stub.
"""

from typing import Final

from canonical import values
from canonical.customer import Customer, CustomerPatch, TaxExemption, TaxId
from canonical.parts import Address
from mappings.kit import people
from mappings.kit.addresses import slots_of
from mappings.kit.contact_points import one_email, one_phone
from mappings.kit.times import from_seconds
from mappings.kit.unchanged import NUMBERS, changes_only
from mappings.spec import Mapped, Notes, Remote, VendorMapping
from mappings.stripe import addresses, metadata, subscriptions_r1
from mappings.stripe import wire_2026_10_28 as wire
from mappings.stripe.customer_write_r1 import to_vendor
from mappings.stripe.endpoints_customer import ENDPOINTS
from mappings.stripe.field_values import dashboard, kind_of
from mappings.stripe.wire_writes_2026_10_28 import CustomerWrite

TAX_EXEMPTION: Final[dict[str | None, TaxExemption]] = {
    "none": "none",
    "exempt": "exempt",
    "reverse": "reverse_charge",
}


def to_canonical(record: wire.Customer, account: wire.Account) -> Mapped[Customer]:
    """Return a customer in canonical form. Raises VendorDrift for a time that does not exist."""
    notes = Notes()
    settings = account.custom_fields.get("customer", ())
    created_at = from_seconds(record.created)
    country = None if record.address is None else values.country(record.address.country)
    customer = Customer(
        kind=kind_of(record.individual_name, record.business_name),
        status="active",  # a deleted one is a stub, which is no record
        display_name=record.name or None,
        company_name=record.business_name or None,
        emails=one_email(record.email, notes.loss),
        phones=one_phone(record.phone, country),
        addresses=_addresses(record) if record.address is not None or record.shipping is not None else (),
        language=_language(record.preferred_locales, notes) if record.preferred_locales else None,
        currency=None if record.currency is None else record.currency.upper(),
        notes=record.description or None,
        custom_fields=metadata.read(record.metadata, settings, notes),
        external_id=metadata.external_id(record.metadata),
        tax_ids=() if record.tax_ids is None else _tax_ids(record.tax_ids, notes),
        tax_exemption=TAX_EXEMPTION.get(record.tax_exempt, "unknown"),
        tax_exemption_raw=record.tax_exempt,
        subscriptions=() if record.subscriptions is None else subscriptions_r1.read(record.subscriptions, notes),
        created_at=created_at,
    )
    if record.individual_name and record.individual_name != record.name:
        notes.lose("/display_name", "dropped", "the individual's own name has no canonical field")
    return Mapped(
        data=customer,
        remote=Remote(id=record.id, url=dashboard(record.livemode, f"customers/{record.id}"), created_at=created_at),
        loss=tuple(notes.loss),
    )


def _addresses(record: wire.Customer) -> tuple[Address, ...]:
    billing = addresses.read(record.address, "billing")
    shipping = addresses.read_shipping(record.shipping)
    if billing is None:
        return () if shipping is None else (shipping,)
    return (billing,) if shipping is None else (billing, shipping)


def _language(locales: tuple[str, ...], notes: Notes) -> str | None:
    if len(locales) > 1:
        notes.lose("/language", "dropped", f"{len(locales) - 1} less preferred locales are not returned")
    language = values.language(locales[0])
    if language is None:
        notes.lose("/language", "dropped", "Stripe's locale is not a BCP 47 tag")
    elif language != locales[0]:
        notes.lose("/language", "coerced", "spelled differently at Stripe")
    return language


def _tax_ids(tax_ids: wire.TaxIds, notes: Notes) -> tuple[TaxId, ...]:
    if tax_ids.has_more:
        notes.lose("/tax_ids", "truncated", f"only the first {len(tax_ids.data)} are read")
    return tuple(
        [
            TaxId(type=one.type, value=one.value, country_code=values.country(one.country))
            for one in tax_ids.data
            if one.value is not None
        ]
    )


CUSTOMER: Final = VendorMapping[wire.Customer, Customer, CustomerPatch, CustomerWrite, wire.Account](
    vendor="stripe",
    object="customer",
    revision=1,
    vendor_api="2026-10-28",
    record=wire.Customer,
    account=wire.Account,
    endpoints=ENDPOINTS,
    to_canonical=to_canonical,
    to_vendor=changes_only(to_canonical, to_vendor, along=NUMBERS),
    stores_one_name=True,
    longest={"company_name": 150, "notes": 5000},
    slots={"emails": people.one_slot, "phones": people.one_slot, "addresses": slots_of(addresses.SLOTS)},
)
