"""CustomerPatch to the input of Shopify's customer mutations, revision 1."""

from collections.abc import Mapping
from typing import Final

from msgspec import UNSET, UnsetType

from canonical import values
from canonical.customer import (
    ConsentPatch,
    ConsentState,
    CustomerPatch,
    TaxExemption,
)
from canonical.parts import AddressPatch, sent_or
from mappings.kit import nearest, people
from mappings.kit.addresses import note_default
from mappings.kit.names import company_as_name, full_name, refuse_long_names, two_names
from mappings.kit.patches import chosen, have_no, refuse_without_place, whole_seconds
from mappings.shopify import addresses, custom_fields, field_values, metadata
from mappings.shopify.wire_2026_07 import Account, Customer, MailingAddress
from mappings.shopify.wire_inputs_2026_07 import (
    REVERSE_CHARGE,
    CustomerInput,
    CustomerWrite,
    MailingAddressInput,
    MarketingConsentInput,
)
from mappings.spec import Draft, Notes

EXEMPT: Final[dict[TaxExemption, bool]] = {"none": False, "exempt": True, "reverse_charge": False}
CONSENT: Final[dict[ConsentState, str]] = {
    "opted_in": "SUBSCRIBED",
    "opted_out": "UNSUBSCRIBED",
    "pending": "PENDING",
}
LONGEST_NAME: Final = 255
NEVER_ASKED: Final = (None, "NOT_SUBSCRIBED")
NEEDED: Final = {"email": "e-mail address", "sms": "phone number"}
ONE_OF_THESE: Final = "Shopify keeps one for each customer"
NO_TYPES: Final = "Shopify keeps no type: omit it"
EMAIL: Final = people.OnlyOne(
    others=ONE_OF_THESE, type=NO_TYPES, status="write consents instead; Shopify sets the rest"
)
PHONE: Final = people.OnlyOne(others=ONE_OF_THESE, type=NO_TYPES)
NO_PLACE: Final = {
    "company_name": "Shopify keeps the company on addresses: write it there",
    "tax_ids": "Shopify keeps tax numbers on companies, not on customers",
    **have_no("Shopify customers", "job_title", "timezone", "currency", "lifecycle_stage", "lead_source", "owner"),
}


def to_vendor(patch: CustomerPatch, current: Customer | None, account: Account) -> Draft[CustomerWrite]:
    """Return the body of a write, with only the members in the patch. `current` is None for a new customer."""
    notes = Notes()
    stored_name = (None, None) if current is None else (current.first_name, current.last_name)
    known = sent_or(patch.display_name, None) or full_name(patch.first_name, patch.last_name) or full_name(*stored_name)
    sent, patch = patch, two_names(company_as_name(patch, known, "Shopify", notes), stored_name, "Shopify", notes)
    refuse_without_place(patch, NO_PLACE, notes)
    refuse_long_names(sent, notes, *((name, LONGEST_NAME) for name in (patch.first_name, patch.last_name)))
    people.check_person(patch, "Shopify", notes)
    settings = account.custom_fields.get("customer", ())
    stored = {} if current is None else metadata.by_field(current.metafields)
    fields = metadata.change(
        patch.external_id,
        custom_fields.named(patch.custom_fields, settings, notes, "/custom_fields", stored),
        settings,
        None if current is None else current.metafields,
        None if current is None else current.external,
    )
    email = people.write_email(patch.emails, EMAIL, notes, folds=False)
    if current is not None and _is_email_of(current, email):
        email = UNSET
    first = next(iter(_stored_addresses(current)), None)
    country = people.country_of(patch.addresses, None if first is None else values.country(first.country_code_v2))
    phone = people.write_phone(patch.phones, PHONE, notes, spelling="e164", country=country)
    reachable = {
        "email": email if email is not UNSET else current and current.default_email_address,
        "sms": phone if phone is not UNSET else current and current.default_phone_number,
    }
    email_consent, sms_consent = _consents(patch.consents, reachable, _asked_channels(current), notes)
    body = CustomerWrite(
        input=CustomerInput(
            email=email,
            phone=phone,
            first_name=patch.first_name,
            last_name=patch.last_name,
            locale=_locale(patch.language, notes),
            note=patch.notes,
            tags=field_values.tags(patch.tags, notes),
            tax_exempt=chosen(patch.tax_exemption, EXEMPT, "/tax_exemption", notes, "Shopify does not have this; "),
            tax_exemptions=_exemptions(patch.tax_exemption, current),
            metafields=fields.set or UNSET,
        ),
        addresses=_addresses(patch.addresses, _stored_addresses(current), notes),
        email_consent=email_consent,
        sms_consent=sms_consent,
        cleared=fields.cleared,
    )
    return notes.draft(body)


def _is_email_of(current: Customer, email: str | None | UnsetType) -> bool:
    """Return whether the customer has this address already, maybe in another case: Shopify keeps the first spelling."""
    stored = current.default_email_address and current.default_email_address.email_address
    return isinstance(email, str) and values.email_key(email) == values.email_key(stored or "")


def _exemptions(wanted: TaxExemption | UnsetType, current: Customer | None) -> tuple[str, ...] | UnsetType:
    """Return the exemptions from certain taxes. `none` removes all, `exempt` includes them."""
    stored = () if current is None else current.tax_exemptions or ()
    if wanted == "reverse_charge":
        return tuple(dict.fromkeys((*stored, REVERSE_CHARGE)))
    return () if wanted == "none" and stored else UNSET


def _locale(language: str | None | UnsetType, notes: Notes) -> str | UnsetType:
    if language is None:
        notes.invalid("/language", "Shopify customers always have a language: it can be changed, not cleared")
        return UNSET
    tag = language if isinstance(language, UnsetType) else values.language(language) or language
    if tag != language:
        notes.lose("/language", "coerced", "spelled as in BCP 47")
    return tag


def _stored_addresses(current: Customer | None) -> tuple[MailingAddress, ...]:
    return () if current is None or current.addresses_v2 is None else current.addresses_v2.nodes


def _addresses(
    sent: tuple[AddressPatch, ...] | None | UnsetType, stored: tuple[MailingAddress, ...], notes: Notes
) -> tuple[MailingAddressInput, ...] | UnsetType:
    """Return all addresses with the default one first: Shopify takes the first as the default."""
    if isinstance(sent, UnsetType):
        return UNSET
    written = [
        addresses.write(address, "unknown", notes, f"/addresses/{place}", stored)
        for place, address in enumerate(sent or ())
    ]
    first = next((place for place, address in enumerate(sent or ()) if address.is_default), 0)
    if sent and first == 0:
        note_default(sent[0], "/addresses/0", "Shopify's first address is the default one", notes)
    return tuple(written[first : first + 1] + written[:first] + written[first + 1 :])


def _asked_channels(current: Customer | None) -> set[str]:
    """Return the channels on which the customer was asked for consent."""
    if current is None:
        return set()
    contacts = {"email": current.default_email_address, "sms": current.default_phone_number}
    return {name for name, one in contacts.items() if one is not None and one.marketing_state not in NEVER_ASKED}


def _consents(
    sent: tuple[ConsentPatch, ...] | None | UnsetType,
    reachable: Mapping[str, object],
    asked_channels: set[str],
    notes: Notes,
) -> tuple[MarketingConsentInput | UnsetType, MarketingConsentInput | UnsetType]:
    """Return the consents to e-mail and text messages. Refuse one without an address or number. Shopify keeps a consent
    forever, so refuse to remove one. `asked_channels` are those on which the customer was asked before: on any other,
    `never` is already true."""
    written: dict[str, MarketingConsentInput | UnsetType] = {"email": UNSET, "sms": UNSET}
    if isinstance(sent, UnsetType):
        return UNSET, UNSET
    if not sent:
        notes.unsupported("/consents", "Shopify keeps every consent: send opted_out for the channel instead")
    for channel in sorted(asked_channels - {one.channel for one in sent}) if sent else ():
        notes.lose("/consents", "coerced", f"Shopify keeps the consent to {channel}: send opted_out for it instead")
    for place, consent in enumerate(sent or ()):
        if consent.channel not in written:
            notes.unsupported(f"/consents/{place}", f"Shopify has no such channel; one of: {', '.join(written)}")
            continue
        if consent.state == "unknown":
            notes.unsupported(f"/consents/{place}/state", f"Shopify cannot set this; one of: {', '.join(CONSENT)}")
            continue
        if not reachable[consent.channel]:
            detail = f"the customer has no {NEEDED[consent.channel]}: write one too"
            notes.unsupported(f"/consents/{place}", detail)
            continue
        if consent.state == "never" and consent.channel not in asked_channels:
            if consent.collected_at is not None:
                notes.lose(f"/consents/{place}/collected_at", "dropped", "Shopify keeps the time of a consent only")
            continue
        collected_at = whole_seconds(consent.collected_at, f"/consents/{place}/collected_at", "Shopify", notes)
        state = chosen(consent.state, CONSENT, f"/consents/{place}/state", notes, near=nearest.CONSENT)
        written[consent.channel] = MarketingConsentInput(
            marketing_state=sent_or(state, ""),
            consent_updated_at=UNSET if collected_at is None else collected_at,
        )
    return written["email"], written["sms"]
