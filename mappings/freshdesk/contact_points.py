"""Read and write a contact's e-mail addresses, one of them primary, and its work and mobile numbers."""

from typing import Final

from msgspec import UNSET, UnsetType

from canonical import values
from canonical.customer import CustomerPatch, Email, EmailPatch, Phone, PhonePatch, PhoneType
from canonical.parts import Loss
from mappings.freshdesk.wire_v2 import Contact
from mappings.kit import patches, people
from mappings.kit.contact_points import email_address
from mappings.spec import Notes

Number = str | None | UnsetType
KINDS: Final[dict[PhoneType, str]] = {"work": "work", "mobile": "mobile"}
"""The phone types of Freshdesk's `phone` and `mobile`."""


def emails_read(contact: Contact, loss: list[Loss]) -> tuple[Email, ...]:
    """Return the primary and the other addresses. Freshdesk's lists contain only the primary one."""
    emails: list[Email] = []
    others = contact.other_emails
    if isinstance(others, UnsetType):
        loss.append(
            Loss(
                path="/emails",
                kind="dropped",
                detail="Freshdesk's lists have only the primary address: read this contact by its id",
            )
        )
        others = None
    for place, text in enumerate((contact.email, *(others or ()))):
        address = email_address(text, f"/emails/{len(emails)}/address", loss, "lower-cased")
        if address is not None:
            emails.append(Email(address=address, is_primary=place == 0))
    return tuple(emails)


def phones_read(contact: Contact) -> tuple[Phone, ...]:
    """Return the work number, then the mobile one. Freshdesk does not rank them."""
    phones: list[Phone] = []
    if contact.phone:
        phones.append(_phone(contact.phone, "work", "phone", first=True))
    if contact.mobile:
        phones.append(_phone(contact.mobile, "mobile", "mobile", first=not phones))
    return tuple(phones)


def addresses_written(
    patch: tuple[EmailPatch, ...] | None | UnsetType, current: Contact | None, notes: Notes
) -> tuple[str | None | UnsetType, tuple[str, ...] | UnsetType]:
    """Return the primary address and the other ones, UNSET if they are unchanged."""
    if isinstance(patch, UnsetType):
        return UNSET, UNSET
    primary = next((place for place, email in enumerate(patch or ()) if email.is_primary is True), 0)
    wanted: dict[str, None] = {}
    first: str | None = None
    for place, email in enumerate(patch or ()):
        address = _address(email, place, notes)
        if place == primary:
            first = address
        elif address is not None:
            wanted[address] = None
    wanted.pop(first or "", None)
    others = tuple(wanted)
    if current is None:
        return (UNSET if first is None else first), others or UNSET
    listed = current.other_emails
    stored = None if isinstance(listed, UnsetType) else tuple(values.email(one) for one in listed or ())
    same = first == (values.email(current.email) if current.email else None)
    return (UNSET if same else first), (UNSET if others == stored else others)


def numbers_written(patch: CustomerPatch, notes: Notes) -> tuple[Number, Number]:
    """Return the work and the mobile number. A number without a type is a work number. None clears it."""
    if isinstance(patch.phones, UnsetType):
        return UNSET, UNSET
    phones = patch.phones or ()
    chosen = people.numbers_by_type(phones, KINDS, "Freshdesk", notes)
    first = next((kind for kind in KINDS.values() if kind in chosen), None)
    for kind, place in chosen.items():
        if phones[place].is_primary not in (UNSET, kind == first):
            notes.lose(f"/phones/{place}/is_primary", "coerced", "Freshdesk ranks no numbers: the work number is first")
    kept = {kind: _number(phones[place], place, patch, notes) for kind, place in chosen.items()}
    return kept.get("work"), kept.get("mobile")


def _phone(text: str, kind: str, raw: str, *, first: bool) -> Phone:
    return Phone(
        e164=values.phone(text), raw=text, type="mobile" if kind == "mobile" else "work", type_raw=raw, is_primary=first
    )


def _address(email: EmailPatch, place: int, notes: Notes) -> str | None:
    if email.type not in (UNSET, "unknown"):
        notes.unsupported(f"/emails/{place}/type", "Freshdesk keeps no type of e-mail address")
    if email.status not in (UNSET, "unknown"):
        notes.unsupported(f"/emails/{place}/status", "Freshdesk verifies e-mail addresses itself")
    return patches.checked_email(email.address, f"/emails/{place}/address", notes)


def _number(phone: PhonePatch, place: int, patch: CustomerPatch, notes: Notes) -> str | None:
    if phone.e164:
        number = patches.phone(phone.e164, f"/phones/{place}/e164", notes)
        return None if number is None else people.phone_text(phone, None)
    if not phone.raw or not phone.raw.strip():
        notes.invalid(f"/phones/{place}", "send e164 or raw")
        return None
    return people.with_country(phone.raw, patch, f"/phones/{place}/raw", notes)
