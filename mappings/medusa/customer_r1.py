"""Customer, revision 1: registered, entered by the shop, or a guest who ordered.

An e-mail address is unique among registered customers, and among the others. So two customers can have the same one.
Addresses are separate records, which are read with the customer.
"""

from typing import Final

from msgspec import UNSET, UnsetType

from canonical import values
from canonical.customer import Customer, CustomerPatch, EmailPatch
from canonical.parts import Address, AddressType, Loss
from mappings.kit import patches, people
from mappings.kit.contact_points import one_email, one_phone
from mappings.kit.names import full_name, two_names
from mappings.kit.patches import refuse_without_place
from mappings.kit.unchanged import changes_only
from mappings.medusa import addresses, metadata
from mappings.medusa import wire_2_21 as wire
from mappings.medusa.endpoints_customer import ENDPOINTS
from mappings.medusa.wire_2_21 import Account, CustomerWrite
from mappings.spec import Draft, Mapped, Notes, Remote, VendorMapping

UNSUPPORTED: Final = {
    "kind": "Medusa does not distinguish people and companies",
    "addresses": "Medusa's addresses are separate records: each needs a separate request",
    "currency": "Medusa's customers have no currency: regions have one",
    "notes": "Medusa has no notes: configure a custom field for them",
    "tags": "Medusa has no tags of customers; its groups are separate records",
    "tax_ids": "Medusa has no tax numbers: configure a custom field for them",
    "tax_exemption": "Medusa decides about taxes by region and product",
    "consents": "Medusa keeps no consents: configure a custom field for them",
    **patches.have_no(
        "Medusa's customers", "job_title", "language", "timezone", "status", "lifecycle_stage", "lead_source", "owner"
    ),
}


def to_canonical(record: wire.Customer, account: Account) -> Mapped[Customer]:
    """Return a customer in canonical form."""
    loss: list[Loss] = []
    settings = account.custom_fields.get("customer", ())
    created_at, updated_at = values.utc(record.created_at), values.utc(record.updated_at)
    country = next((place.country_code for place in record.addresses if place.country_code), None)
    customer = Customer(
        display_name=full_name(record.first_name, record.last_name),
        first_name=record.first_name or None,
        last_name=record.last_name or None,
        company_name=record.company_name or None,
        emails=one_email(record.email, loss),
        phones=one_phone(record.phone, values.country(country)),
        addresses=_addresses(record) if record.addresses else (),
        custom_fields=metadata.read(record.metadata, settings, loss),
        external_id=metadata.external_id(record.metadata),
        created_at=created_at,
        updated_at=updated_at,
    )
    remote = Remote(id=record.id, created_at=created_at, updated_at=updated_at)
    return Mapped(data=customer, remote=remote, loss=tuple(loss))


def _addresses(record: wire.Customer) -> tuple[Address, ...]:
    read = [
        addresses.read(place, _kind(place), place.address_name or None, is_default=place.is_default_shipping)
        for place in record.addresses
    ]
    return tuple([address for address in read if address is not None])


def _kind(place: wire.Place) -> AddressType:
    """Return the type of an address, the use for which it is the default. A default for both is a billing address."""
    if place.is_default_billing:
        return "billing"
    return "shipping" if place.is_default_shipping else "other"


def to_vendor(patch: CustomerPatch, current: wire.Customer | None, account: Account) -> Draft[CustomerWrite]:
    """Return the body of a write. `current` is None for a new customer."""
    notes = Notes()
    stored_name = (None, None) if current is None else (current.first_name, current.last_name)
    patch = two_names(patch, stored_name, "Medusa", notes)
    refuse_without_place(patch, UNSUPPORTED, notes)
    settings = account.custom_fields.get("customer", ())
    stored, is_new = (None, True) if current is None else (current.metadata, False)
    kept = metadata.write(patch.external_id, patch.custom_fields, settings, stored, notes, is_new=is_new)
    addresses = () if current is None else current.addresses
    country = values.country(next((one.country_code for one in addresses if one.country_code), None))
    body = CustomerWrite(
        email=_email(patch.emails, notes),
        first_name=patches.text(patch.first_name, None),
        last_name=patches.text(patch.last_name, None),
        company_name=patches.text(patch.company_name, None),
        phone=people.write_phone(patch.phones, people.only_phone("Medusa"), notes, country=country),
        metadata=kept or UNSET,
    )
    return notes.draft(body)


def _email(sent: tuple[EmailPatch, ...] | None | UnsetType, notes: Notes) -> str | None | UnsetType:
    address = people.write_email(sent, people.only_email("Medusa"), notes)
    if not sent or not address:
        return address
    return patches.ascii_email(address, f"/emails/{people.primary(sent)}/address", "Medusa", notes)


CUSTOMER: Final = VendorMapping[wire.Customer, Customer, CustomerPatch, CustomerWrite, Account](
    vendor="medusa",
    object="customer",
    revision=1,
    vendor_api="2.21",
    record=wire.Customer,
    account=Account,
    endpoints=ENDPOINTS,
    to_canonical=to_canonical,
    to_vendor=changes_only(to_canonical, to_vendor),
    coerces=True,
    slots={"emails": people.one_slot, "phones": people.one_slot},
)
