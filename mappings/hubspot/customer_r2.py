"""Customer, revision 2: all of a contact's e-mail addresses, and what HubSpot keeps of consent on the contact.

Everything else is as in revision 1. The primary address is `email`, the others are `hs_additional_emails`. A consent is
what HubSpot states, never a guess: `hs_email_optout` says that the person has unsubscribed from all e-mail, and its
absence says nothing; among the legal bases for processing a contact's data only a freely given consent is one; it
names no channel. Subscriptions to single kinds of mail are no properties of a contact. Property names and their
meaning: knowledge.hubspot.com, HubSpot's default contact properties, and on the legal basis of processing.
"""

from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from canonical import values
from canonical.customer import Consent, Customer, CustomerPatch, Email, EmailPatch
from mappings.hubspot import customer_r1
from mappings.hubspot.custom_fields import SEPARATOR
from mappings.hubspot.endpoints import CONTACTS
from mappings.hubspot.wire_v3 import CLEARED, Account, ContactConsents, ContactRecord, RecordWrite
from mappings.spec import Draft, Mapped, Notes, VendorMapping

FREELY_GIVEN: Final = "Freely given consent from contact"
"""The one of HubSpot's legal bases that is a consent."""
ADDITIONAL: Final = "hs_additional_emails"


def to_canonical(record: ContactRecord, account: Account) -> Mapped[Customer]:
    """What a contact means: as revision 1 reads it, with every address and the consents."""
    notes = Notes()
    before = customer_r1.mapped(record, account, notes, with_additional=True)
    properties = record.properties
    told = ContactConsents(
        hs_additional_emails=properties.get(ADDITIONAL),
        hs_email_optout=properties.get("hs_email_optout"),
        hs_legal_basis=properties.get("hs_legal_basis"),
    )
    if not (told.hs_additional_emails or told.hs_email_optout or told.hs_legal_basis):
        return before
    emails = before.data.emails
    if told.hs_additional_emails:
        emails += _additional(told.hs_additional_emails, emails, notes)
    consents = _consents(told) if told.hs_email_optout or told.hs_legal_basis else ()
    customer = msgspec.structs.replace(before.data, emails=emails, consents=consents)
    return Mapped(data=customer, remote=before.remote, loss=tuple(notes.loss))


def _additional(texts: str, primary: tuple[Email, ...], notes: Notes) -> tuple[Email, ...]:
    """The further addresses in HubSpot's order, each once. Where the contact has no primary one, the first leads."""
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
        notes.lose("/emails/0/is_primary", "ambiguous", "the contact has no primary address; an additional one leads")
    return tuple(emails)


def _consents(told: ContactConsents) -> tuple[Consent, ...]:
    consents: list[Consent] = []
    if told.hs_email_optout == "true":
        consents.append(Consent(channel="email", channel_raw="hs_email_optout", state="opted_out", state_raw="true"))
    if FREELY_GIVEN in (told.hs_legal_basis or "").split(SEPARATOR):
        consents.append(Consent(channel_raw="hs_legal_basis", state="opted_in", state_raw=FREELY_GIVEN))
    return tuple(consents)


def to_vendor(patch: CustomerPatch, current: ContactRecord | None, account: Account) -> Draft[RecordWrite]:
    """The properties to set: those of revision 1, and all addresses. `current` is the contact, None on a create."""
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
    """The array replaces what is there: the one that is marked, or else the first, is the primary address."""
    primary = next((index for index, email in enumerate(emails) if email.is_primary is True), 0)
    additional: list[str] = []
    properties = {"email": CLEARED}
    for index, email in enumerate(emails):
        address = values.email(email.address)
        if address != email.address:
            notes.lose(f"/emails/{index}/address", "coerced", "trimmed and lower-cased")
        if SEPARATOR in address:
            notes.invalid(f"/emails/{index}/address", "HubSpot separates addresses by semicolons, so none may hold one")
        if email.type not in (UNSET, "unknown"):
            notes.unsupported(f"/emails/{index}/type", "HubSpot has no kinds of e-mail addresses")
        customer_r1.judge_status(email, current if index == primary else None, f"/emails/{index}/status", notes)
        if email.is_primary is False and index == primary:
            notes.unsupported(
                f"/emails/{index}/is_primary", "the first address of a HubSpot contact is its primary one"
            )
        if index == primary:
            properties["email"] = address
        else:
            additional.append(address)
    if additional or had_additional:
        properties[ADDITIONAL] = SEPARATOR.join(additional) or CLEARED
    return properties


CUSTOMER: Final = VendorMapping(
    vendor="hubspot",
    object="customer",
    revision=2,
    vendor_api="v3",
    record=ContactRecord,
    model=Customer,
    patch=CustomerPatch,
    account=Account,
    endpoints=CONTACTS,
    to_canonical=to_canonical,
    to_vendor=to_vendor,
    builds_on=customer_r1.CUSTOMER,
)
