"""Our CustomerPatch to what Shopify's customer mutations take."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import UNSET, UnsetType

from canonical.customer import (
    ConsentPatch,
    ConsentState,
    CustomerPatch,
    CustomerStatus,
    EmailPatch,
    PhonePatch,
    TaxExemption,
)
from canonical.parts import AddressPatch
from mappings.shopify import addresses, custom_fields, metadata
from mappings.shopify.wire_2026_07 import Account, Customer, MailingAddress
from mappings.shopify.wire_inputs_2026_07 import (
    CustomerInput,
    CustomerWrite,
    MailingAddressInput,
    MarketingConsentInput,
)
from mappings.spec import Draft, Notes

EXEMPT: Final[dict[TaxExemption, bool]] = {"none": False, "exempt": True}
STATUSES: Final[tuple[CustomerStatus, ...]] = ("active",)
CONSENT: Final[dict[ConsentState, str]] = {
    "opted_in": "SUBSCRIBED",
    "opted_out": "UNSUBSCRIBED",
    "pending": "PENDING",
}
NEEDED: Final = {"email": "e-mail address", "sms": "phone number"}
NO_PLACE: Final[dict[str, str]] = {
    "display_name": "Shopify makes it of first and last name; write those",
    "company_name": "Shopify keeps a company's name on addresses; write it there",
    "job_title": "Shopify has no place for it",
    "timezone": "Shopify keeps no time zone of a customer",
    "currency": "Shopify keeps no currency of a customer",
    "lifecycle_stage": "Shopify has no life cycle of customers",
    "lead_source": "Shopify has no place for it",
    "owner_remote_id": "Shopify's customers have no owner",
    "tax_ids": "Shopify keeps tax numbers on companies, not on customers",
}


def to_vendor(patch: CustomerPatch, current: Customer | None, account: Account) -> Draft[CustomerWrite]:
    """The write in Shopify's words; only what the patch names is in it. `current` is None for a new customer."""
    notes = Notes()
    _refuse(patch, notes)
    settings = account.custom_fields.get("customer", ())
    held = {} if current is None else metadata.by_field(current.metafields)
    fields = metadata.change(
        patch.external_id,
        custom_fields.named(patch.custom_fields, settings, notes, "/custom_fields", held),
        settings,
        None if current is None else current.metafields,
        None if current is None else current.external,
    )
    email, phone = _email(patch.emails, notes), _phone(patch.phones, notes)
    reachable = {
        "email": email if email is not UNSET else current and current.default_email_address,
        "sms": phone if phone is not UNSET else current and current.default_phone_number,
    }
    email_consent, sms_consent = _consents(patch.consents, reachable, notes)
    body = CustomerWrite(
        input=CustomerInput(
            email=email,
            phone=phone,
            first_name=patch.first_name,
            last_name=patch.last_name,
            locale=_locale(patch.language, notes),
            note=patch.notes,
            tags=() if patch.tags is None else patch.tags,
            tax_exempt=_exempt(patch.tax_exemption, notes),
            metafields=fields.set or UNSET,
        ),
        addresses=_addresses(patch.addresses, _held(current), notes),
        email_consent=email_consent,
        sms_consent=sms_consent,
        cleared=fields.cleared,
    )
    return Draft(body=body, loss=tuple(notes.loss), refused=tuple(notes.refused))


def _refuse(patch: CustomerPatch, notes: Notes) -> None:
    for name, why in NO_PLACE.items():
        if getattr(patch, name) is not UNSET:
            notes.unsupported(f"/{name}", why)
    if patch.kind not in (UNSET, "person"):
        notes.invalid("/kind", "Shopify's customers are persons; one of: person")
    if patch.status is not UNSET and patch.status not in STATUSES:
        notes.invalid("/status", f"Shopify cannot set this state of a customer; one of: {', '.join(STATUSES)}")


def _primary(sent: tuple[Any, ...], name: str, notes: Notes) -> Any:
    """The one that Shopify has a place for: the primary one, or the first."""
    kept = next((one for one in sent if one.is_primary is True), sent[0])
    for place, one in enumerate(sent):
        if one is not kept:
            notes.unsupported(f"/{name}/{place}", "Shopify keeps one of these for each customer")
    return kept


def _typeless(one: EmailPatch | PhonePatch, sent: tuple[Any, ...], name: str, notes: Notes) -> None:
    if one.type not in (UNSET, "unknown"):
        notes.unsupported(f"/{name}/{sent.index(one)}/type", "Shopify does not tell types of these apart")


def _email(sent: tuple[EmailPatch, ...] | None | UnsetType, notes: Notes) -> str | None | UnsetType:
    if isinstance(sent, UnsetType):
        return UNSET
    if not sent:
        return None
    email: EmailPatch = _primary(sent, "emails", notes)
    _typeless(email, sent, "emails", notes)
    if email.status not in (UNSET, "unknown"):
        notes.unsupported(f"/emails/{sent.index(email)}/status", "write consents; Shopify finds out the rest itself")
    return email.address


def _phone(sent: tuple[PhonePatch, ...] | None | UnsetType, notes: Notes) -> str | None | UnsetType:
    if isinstance(sent, UnsetType):
        return UNSET
    if not sent:
        return None
    phone: PhonePatch = _primary(sent, "phones", notes)
    _typeless(phone, sent, "phones", notes)
    number = phone.e164 or phone.raw
    if not number:
        notes.invalid(f"/phones/{sent.index(phone)}", "e164 or raw is needed")
    return number


def _locale(language: str | None | UnsetType, notes: Notes) -> str | UnsetType:
    if language is None:
        notes.invalid("/language", "Shopify's customers always have a language: it can be changed, not cleared")
        return UNSET
    return language


def _exempt(exemption: TaxExemption | UnsetType, notes: Notes) -> bool | UnsetType:
    if isinstance(exemption, UnsetType):
        return UNSET
    if exemption not in EXEMPT:
        notes.invalid("/tax_exemption", f"Shopify cannot hold this; one of: {', '.join(EXEMPT)}")
        return UNSET
    return EXEMPT[exemption]


def _held(current: Customer | None) -> tuple[MailingAddress, ...]:
    return () if current is None or current.addresses_v2 is None else current.addresses_v2.nodes


def _addresses(
    sent: tuple[AddressPatch, ...] | None | UnsetType, held: tuple[MailingAddress, ...], notes: Notes
) -> tuple[MailingAddressInput, ...] | UnsetType:
    """All addresses; the default one goes first, which is how Shopify is told."""
    if isinstance(sent, UnsetType):
        return UNSET
    written = [
        (not address.is_default, addresses.write(address, "unknown", notes, f"/addresses/{place}", held))
        for place, address in enumerate(sent or ())
    ]
    return tuple(address for _, address in sorted(written, key=lambda one: one[0]))


def _consents(
    sent: tuple[ConsentPatch, ...] | None | UnsetType, reachable: Mapping[str, object], notes: Notes
) -> tuple[MarketingConsentInput | UnsetType, MarketingConsentInput | UnsetType]:
    """Consent to e-mail and to text messages, each where the customer can be reached by it. Shopify remembers a consent
    for ever, so none can be taken away."""
    held: dict[str, MarketingConsentInput | UnsetType] = {"email": UNSET, "sms": UNSET}
    if isinstance(sent, UnsetType):
        return UNSET, UNSET
    if not sent:
        notes.unsupported("/consents", "Shopify keeps every consent: send opted_out for the channel instead")
    for place, consent in enumerate(sent or ()):
        if consent.channel not in held:
            notes.invalid(f"/consents/{place}/channel", f"Shopify cannot hold this; one of: {', '.join(held)}")
            continue
        if consent.state not in CONSENT:
            notes.invalid(f"/consents/{place}/state", f"Shopify cannot set this; one of: {', '.join(CONSENT)}")
            continue
        if not reachable[consent.channel]:
            notes.invalid(f"/consents/{place}/channel", f"the customer has no {NEEDED[consent.channel]} to agree to")
            continue
        held[consent.channel] = MarketingConsentInput(
            marketing_state=CONSENT[consent.state],
            consent_updated_at=UNSET if consent.collected_at is None else consent.collected_at,
        )
    return held["email"], held["sms"]
