"""Our CustomerPatch to what Medusa takes. Only what the patch names is set."""

from typing import Final

from msgspec import UNSET, UnsetType

from canonical.customer import CustomerPatch, EmailPatch, PhonePatch
from mappings.medusa import metadata
from mappings.medusa.bodies import address_of, refuse_without_place, text
from mappings.medusa.wire_2_21 import Account, Customer, CustomerWrite, Text
from mappings.spec import Draft, Notes

UNSUPPORTED: Final[dict[str, str]] = {
    "kind": "Medusa does not tell people and companies apart",
    "display_name": "Medusa keeps first and last name: write these",
    "job_title": "Medusa keeps no job title",
    "addresses": "Medusa's addresses are records of their own, each made and changed by a call of its own",
    "language": "Medusa keeps no language of a customer",
    "timezone": "Medusa keeps no time zone of a customer",
    "currency": "Medusa keeps no currency of a customer: regions have one",
    "status": "Medusa's customers have no status: they are there or deleted",
    "lifecycle_stage": "Medusa keeps no life-cycle stage",
    "lead_source": "Medusa does not keep where customers came from",
    "owner_remote_id": "Medusa's customers have no owner",
    "notes": "Medusa has no notes: configure a custom field for them",
    "tags": "Medusa has no tags of customers; its groups are records of their own",
    "tax_ids": "Medusa has no tax numbers: configure a custom field for them",
    "tax_exemption": "Medusa decides about taxes by region and product",
    "consents": "Medusa keeps no consents: configure a custom field for them",
}


def to_vendor(patch: CustomerPatch, current: Customer | None, account: Account) -> Draft[CustomerWrite]:
    """The write in Medusa's words; `current` is None for a new customer."""
    notes = Notes()
    refuse_without_place(patch, UNSUPPORTED, notes)
    settings = account.custom_fields.get("customer", ())
    held, is_new = (None, True) if current is None else (current.metadata, False)
    told = metadata.write(patch.external_id, patch.custom_fields, settings, held, notes, is_new=is_new)
    body = CustomerWrite(
        email=_email(patch.emails, notes),
        first_name=text(patch.first_name),
        last_name=text(patch.last_name),
        company_name=text(patch.company_name),
        phone=_phone(patch.phones, notes),
        metadata=told or UNSET,
    )
    return Draft(body=body, loss=tuple(notes.loss), refused=tuple(notes.refused))


def _email(emails: tuple[EmailPatch, ...] | None | UnsetType, notes: Notes) -> Text:
    if isinstance(emails, UnsetType) or not emails:
        return UNSET if isinstance(emails, UnsetType) else None
    chosen = next((place for place, email in enumerate(emails) if email.is_primary is True), 0)
    for place, email in enumerate(emails):
        pointer = f"/emails/{place}"
        if place != chosen:
            notes.unsupported(pointer, "Medusa keeps one e-mail address")
        elif email.type not in (UNSET, "unknown"):
            notes.unsupported(f"{pointer}/type", "Medusa keeps no kind of address")
        elif email.status not in (UNSET, "unknown"):
            notes.unsupported(f"{pointer}/status", "Medusa does not know whether mail arrives")
        elif email.is_primary is False:
            notes.unsupported(f"{pointer}/is_primary", "the only address is the primary one")
    return address_of(emails[chosen].address, f"/emails/{chosen}/address", notes)


def _phone(phones: tuple[PhonePatch, ...] | None | UnsetType, notes: Notes) -> Text:
    if isinstance(phones, UnsetType) or not phones:
        return UNSET if isinstance(phones, UnsetType) else None
    chosen = next((place for place, phone in enumerate(phones) if phone.is_primary is True), 0)
    for place, phone in enumerate(phones):
        pointer = f"/phones/{place}"
        if place != chosen:
            notes.unsupported(pointer, "Medusa keeps one telephone number")
        elif phone.type not in (UNSET, "unknown"):
            notes.unsupported(f"{pointer}/type", "Medusa keeps no kind of number")
        elif phone.is_primary is False:
            notes.unsupported(f"{pointer}/is_primary", "the only number is the primary one")
    number = (phones[chosen].raw or "").strip() or phones[chosen].e164
    if not number:
        notes.invalid(f"/phones/{chosen}", "e164 or raw is needed")
        return UNSET
    return number
