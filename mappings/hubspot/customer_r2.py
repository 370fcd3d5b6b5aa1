"""HubSpot contact (CRM v3) ↔ canonical Customer, revision 2: all e-mail addresses, and consents.

Everything else is as in revision 1. The primary address is `email`, the others are `hs_additional_emails`.
`hs_email_optout` means that the person unsubscribed from all e-mail; without it nothing is known. Of the legal bases,
only a freely given consent is a consent; it names no channel. Subscriptions to single kinds of mail are not properties
of a contact. Properties: knowledge.hubspot.com, HubSpot's default contact properties, and legal basis of processing.
"""

from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from canonical import values
from canonical.customer import Consent, Customer, CustomerPatch, Email, EmailPatch
from mappings.hubspot import customer_r1
from mappings.hubspot.endpoints import CONTACTS
from mappings.hubspot.field_values import SEPARATOR
from mappings.hubspot.wire_v3 import CLEARED, Account, ContactConsents, ContactRecord, RecordWrite
from mappings.kit import patches, people
from mappings.spec import Draft, Mapped, Notes, VendorMapping

FREELY_GIVEN: Final = "Freely given consent from contact"
"""The legal basis that is a consent."""
ADDITIONAL: Final = "hs_additional_emails"
PRIMARY: Final = msgspec.structs.replace(
    customer_r1.EMAIL, primary="the first address of a HubSpot contact is its primary one"
)
OTHERS: Final = msgspec.structs.replace(customer_r1.EMAIL, primary=None)


def to_canonical(record: ContactRecord, account: Account) -> Mapped[Customer]:
    """Return the customer of revision 1 with every address and the consents."""
    notes = Notes()
    before = customer_r1.mapped(record, account, notes, with_additional=True)
    properties = record.properties
    extra = ContactConsents(
        hs_additional_emails=properties.get(ADDITIONAL),
        hs_email_optout=properties.get("hs_email_optout"),
        hs_legal_basis=properties.get("hs_legal_basis"),
    )
    if not (extra.hs_additional_emails or extra.hs_email_optout or extra.hs_legal_basis):
        return before
    emails = before.data.emails
    if extra.hs_additional_emails:
        emails += _additional(extra.hs_additional_emails, emails, notes)
    consents = _consents(extra) if extra.hs_email_optout or extra.hs_legal_basis else ()
    customer = msgspec.structs.replace(before.data, emails=emails, consents=consents)
    return Mapped(data=customer, remote=before.remote, loss=tuple(notes.loss))


def _additional(texts: str, primary: tuple[Email, ...], notes: Notes) -> tuple[Email, ...]:
    """Return the additional addresses in HubSpot's order, each once. Without a primary address, the first one is
    primary."""
    known = {primary[0].address} if primary else set()
    emails: list[Email] = []
    for text in texts.split(SEPARATOR):
        address = values.email(text)
        if not address or address in known:
            continue
        if address != text:
            notes.lose(f"/emails/{len(primary) + len(emails)}/address", "coerced", "trimmed and lower-cased")
        emails.append(Email(address=address, is_primary=not known))
        known.add(address)
    if emails and emails[0].is_primary:
        notes.lose(
            "/emails/0/is_primary",
            "ambiguous",
            "the contact has no primary address; its first additional one is returned as primary",
        )
    return tuple(emails)


def _consents(extra: ContactConsents) -> tuple[Consent, ...]:
    consents: list[Consent] = []
    if extra.hs_email_optout == "true":
        consents.append(Consent(channel="email", channel_raw="hs_email_optout", state="opted_out", state_raw="true"))
    if FREELY_GIVEN in (extra.hs_legal_basis or "").split(SEPARATOR):
        consents.append(Consent(channel_raw="hs_legal_basis", state="opted_in", state_raw=FREELY_GIVEN))
    return tuple(consents)


def to_vendor(patch: CustomerPatch, current: ContactRecord | None, account: Account) -> Draft[RecordWrite]:
    """Return the properties of revision 1 with all addresses. `current` is None on a create."""
    draft = customer_r1.to_vendor(msgspec.structs.replace(patch, emails=UNSET), current, account)
    if isinstance(patch.emails, UnsetType):
        return draft
    notes = Notes()
    had = current is not None and bool(current.properties.get(ADDITIONAL))
    properties = draft.body.properties | _write_emails(patch.emails or (), current, had, notes)
    return Draft(
        body=RecordWrite(properties=properties),
        loss=(*draft.loss, *notes.loss),
        refused=(*draft.refused, *notes.refused),
    )


def _write_emails(
    emails: tuple[EmailPatch, ...], current: ContactRecord | None, had_additional: bool, notes: Notes
) -> dict[str, str]:
    primary = people.primary(emails)
    additional: list[str] = []
    properties = {"email": CLEARED}
    for index, email in enumerate(emails):
        pointer = f"/emails/{index}"
        address = patches.email(email.address, f"{pointer}/address", notes)
        if SEPARATOR in address:
            notes.invalid(
                f"{pointer}/address", "HubSpot separates addresses with semicolons: an address cannot contain one"
            )
        if index == primary:
            properties["email"] = address
            people.refuse_details(email, pointer, PRIMARY, notes, customer_r1.stored_status(current))
        else:
            additional.append(address)
            people.refuse_details(email, pointer, OTHERS, notes)
    if additional or had_additional:
        properties[ADDITIONAL] = SEPARATOR.join(additional) or CLEARED
    return properties


CUSTOMER: Final = VendorMapping(
    vendor="hubspot",
    object="customer",
    revision=2,
    vendor_api="v3",
    record=ContactRecord,
    account=Account,
    endpoints=CONTACTS,
    to_canonical=to_canonical,
    to_vendor=to_vendor,
    builds_on=customer_r1.CUSTOMER,
    slots=customer_r1.SINGLE,
)
