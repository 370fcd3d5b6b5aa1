"""CustomerPatch to the body of a write. It sets only what the patch names."""

from typing import Final

from msgspec import UNSET

from canonical import values
from canonical.customer import CustomerPatch
from mappings.kit import patches, people
from mappings.kit.names import two_names
from mappings.kit.patches import refuse_without_place
from mappings.medusa import metadata
from mappings.medusa.wire_2_21 import Account, Customer, CustomerWrite
from mappings.spec import Draft, Notes

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


def to_vendor(patch: CustomerPatch, current: Customer | None, account: Account) -> Draft[CustomerWrite]:
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
        email=people.write_email(patch.emails, people.only_email("Medusa"), notes),
        first_name=patches.text(patch.first_name, None),
        last_name=patches.text(patch.last_name, None),
        company_name=patches.text(patch.company_name, None),
        phone=people.write_phone(patch.phones, people.only_phone("Medusa"), notes, country=country),
        metadata=kept or UNSET,
    )
    return notes.draft(body)
