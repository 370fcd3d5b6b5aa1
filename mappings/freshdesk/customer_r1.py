"""Freshdesk contact (API v2) ↔ canonical Customer, revision 1.

A contact has one name, a primary and other e-mail addresses, a work and a mobile number, and a postal address as one
text. It has the id of its company; the company's name would need one more request each and is not read.
"""

from typing import Final

from msgspec import UNSET, UnsetType

from canonical import values
from canonical.customer import Customer, CustomerPatch
from canonical.parts import Address, AddressPatch, AddressType, Loss
from mappings.freshdesk import bodies
from mappings.freshdesk.contact_points import (
    KINDS,
    addresses_written,
    emails_read,
    numbers_written,
    phones_read,
)
from mappings.freshdesk.endpoints_customer import ENDPOINTS
from mappings.freshdesk.field_values import LONGEST_LINE
from mappings.freshdesk.locales import language_read, language_written, zone_read, zone_written
from mappings.freshdesk.wire_v2 import Account, Contact, ContactWrite
from mappings.kit import json_custom_fields, markers, patches, people
from mappings.kit.addresses import note_default, placed, slots_of
from mappings.kit.names import one_name, refuse_long_names, required_name
from mappings.spec import Draft, Mapped, Notes, Remote, VendorMapping

NO_PLACE: Final = {
    "company_name": "Freshdesk keeps companies as separate records: assign contacts to them in Freshdesk",
    "owner": "Freshdesk contacts have no owner; tickets have an assignee",
    **patches.have_no(
        "Freshdesk contacts", "currency", "lifecycle_stage", "lead_source", "tax_ids", "tax_exemption", "consents"
    ),
}
SLOTS: Final[dict[str, tuple[AddressType, ...]]] = {
    "address": ("unknown", "billing", "home", "work", "shipping", "other")
}
ONLY_LINES: Final = "Freshdesk keeps only the lines of a postal address"
ONE_TEXT: Final = "Freshdesk keeps an address as one text; this becomes a line of it"


def to_canonical(contact: Contact, account: Account) -> Mapped[Customer]:
    """Return a contact as a canonical customer. A deleted one is `archived`. The raw status says whether the address is
    verified."""
    loss: list[Loss] = []
    settings = account.custom_fields.get("customer", ())
    deleted = bool(contact.deleted)
    customer = Customer(
        kind="person",
        kind_raw="contact",
        display_name=contact.name,
        first_name=contact.first_name,
        last_name=contact.last_name,
        job_title=contact.job_title,
        emails=emails_read(contact, loss),
        phones=phones_read(contact),
        addresses=_address(contact.address, loss) if contact.address else (),
        language=language_read(contact.language, loss),
        timezone=zone_read(contact.time_zone, loss),
        status="archived" if deleted else "active",
        status_raw="deleted" if deleted else "verified" if contact.active else "unverified",
        notes=contact.description,
        tags=() if isinstance(contact.tags, UnsetType) else contact.tags or (),
        custom_fields=json_custom_fields.read("Freshdesk", settings, contact.custom_fields or {}, loss),
        external_id=markers.own_key(contact.unique_external_id),
        created_at=values.utc(contact.created_at),
        updated_at=values.utc(contact.updated_at),
    )
    if isinstance(contact.tags, UnsetType):
        loss.append(
            Loss(path="/tags", kind="dropped", detail="Freshdesk's lists do not have them: read this contact by its id")
        )
    remote = Remote(id=str(contact.id), created_at=customer.created_at, updated_at=customer.updated_at)
    return Mapped(data=customer, remote=remote, loss=tuple(loss))


def to_vendor(patch: CustomerPatch, current: Contact | None, account: Account) -> Draft[ContactWrite]:
    """Return the body of a write. `current` is None for a new contact."""
    notes = Notes()
    settings = account.custom_fields.get("customer", ())
    stored = None if current is None else current.custom_fields or {}
    sent, patch = (
        patch,
        one_name(patch, None if current is None else current.name, "Freshdesk", notes, with_company=False),
    )
    patches.refuse_without_place(patch, NO_PLACE, notes)
    email, other_emails = addresses_written(patch.emails, current, notes)
    phone, mobile = numbers_written(patch, notes)
    body = ContactWrite(
        name=required_name(patch, "Freshdesk", notes, is_new=current is None),
        email=email,
        other_emails=other_emails,
        phone=phone,
        mobile=mobile,
        address=_address_written(patch.addresses, current, notes),
        job_title=patch.job_title,
        language=language_written(patch.language, notes),
        time_zone=zone_written(patch.timezone, notes),
        description=patch.notes,
        unique_external_id=patches.own_key(patch.external_id, "Freshdesk", notes),
        tags=bodies.tags(patch.tags, notes),
        custom_fields=dict(json_custom_fields.write(patch.custom_fields, settings, stored, notes)) or UNSET,
    )
    refuse_long_names(sent, notes, (body.name, LONGEST_LINE))
    people.check_person(patch, "Freshdesk", notes)
    if patch.status == "active" and current is not None and current.deleted:
        notes.unsupported("/status", "the contact is deleted: restore it in Freshdesk")
    return notes.draft(body)


def _address(text: str, loss: list[Loss]) -> tuple[Address, ...]:
    line1, line2 = _two_lines(text)
    if line2 is not None:
        loss.append(Loss(path="/addresses/0/line2", kind="ambiguous", detail="Freshdesk keeps an address as one text"))
    return (Address(line1=line1, line2=line2, is_default=True),)


def _two_lines(text: str) -> tuple[str, str | None]:
    """Return the first line of an address, and all others as one."""
    first, *rest = [line.strip() for line in text.replace("\r", "\n").split("\n") if line.strip()] or [text]
    return first, ", ".join(rest) or None


def _address_written(
    addresses: tuple[AddressPatch, ...] | None | UnsetType, current: Contact | None, notes: Notes
) -> str | None | UnsetType:
    if isinstance(addresses, UnsetType):
        return UNSET
    if not addresses:
        return None
    pointer, chosen = placed(addresses, SLOTS, "Freshdesk", notes)["address"]
    note_default(chosen, pointer, "Freshdesk's only address is the default one", notes)
    patches.refuse_members(chosen, ("name", "company", "phone"), pointer, ONLY_LINES, notes)
    lines = {
        "line1": chosen.line1,
        "line2": chosen.line2,
        "city": chosen.city,
        "postal_code": chosen.postal_code,
        "region": chosen.region,
        "country_code": chosen.country_code,
    }
    for name, line in lines.items():
        if line and (name not in ("line1", "line2") or line.splitlines() != [line.strip()]):
            notes.lose(f"{pointer}/{name}", "coerced", ONE_TEXT)
    stored = None if current is None else current.address
    sent = tuple(line for line in lines.values() if line)
    if stored and sent == tuple(line for line in _two_lines(stored) if line):
        return stored
    text = "\n".join(line for line in lines.values() if line and line.strip())
    if not text:
        notes.unsupported(pointer, f"{ONLY_LINES}, and this one has none")
        return UNSET
    return text


CUSTOMER: Final = VendorMapping(
    vendor="freshdesk",
    object="customer",
    revision=1,
    vendor_api="v2",
    record=Contact,
    account=Account,
    endpoints=ENDPOINTS,
    to_canonical=to_canonical,
    to_vendor=to_vendor,
    stores_one_name=True,
    hidden_keys={"email": "in_lists"},
    longest={"job_title": LONGEST_LINE},
    slots={"phones": people.slots_by_type(KINDS), "addresses": slots_of(SLOTS)},
)
