"""CustomerPatch to the body of a write, revision 1."""

from typing import Final

from msgspec import UNSET, UnsetType

from canonical import values
from canonical.customer import CustomerKind, CustomerPatch, TaxExemption, TaxIdPatch
from canonical.parts import sent_or
from mappings.kit import people
from mappings.kit.addresses import country_in, note_default, placed
from mappings.kit.names import one_name, refuse_long_names
from mappings.kit.patches import chosen, have_no, refuse_without_place
from mappings.spec import Draft, Notes
from mappings.stripe import addresses, metadata
from mappings.stripe.field_values import kind_of
from mappings.stripe.wire_2026_10_28 import Account, Customer
from mappings.stripe.wire_writes_2026_10_28 import AddressWrite, CustomerWrite, ShippingWrite, TaxIdWrite

TAX_EXEMPT: Final[dict[TaxExemption, str]] = {"none": "none", "exempt": "exempt", "reverse_charge": "reverse"}
NO_PLACE: Final = {
    "currency": "Stripe fixes a customer's currency itself, with the first invoice or subscription",
    "status": "Stripe's customers have no status: they exist or are deleted",
    "tags": "Stripe's customers have no tags; metadata can hold some, as a custom field here",
    **have_no("Stripe's customers", "job_title", "timezone", "lifecycle_stage", "lead_source", "owner", "consents"),
}
READS_AS: Final[dict[CustomerKind, str]] = {
    "person": "a Stripe customer with the name of an individual reads as a person",
    "organization": "a Stripe customer with a company name reads as an organization",
    "unknown": "Stripe keeps no kind: it reads as unknown",
}
LONGEST_NAME: Final = 256
LONGEST_PHONE: Final = 20
LONGEST_INDIVIDUAL: Final = 150
Places = tuple[AddressWrite | None | UnsetType, ShippingWrite | None | UnsetType]


def to_vendor(patch: CustomerPatch, current: Customer | None, account: Account) -> Draft[CustomerWrite]:
    """Return the body of a write. `current` is None for a new customer."""
    notes = Notes()
    was_company = current is not None and bool(current.business_name)
    is_person = patch.kind == "person" or (
        patch.kind is UNSET and not was_company and bool(sent_or(patch.first_name, None))
    )
    sent, patch = patch, one_name(patch, None if current is None else current.name, "Stripe", notes)
    refuse_without_place(patch, NO_PLACE, notes)
    billing, shipping = _addresses(patch, current, notes)
    stored = None if current is None else current.metadata or {}
    settings = account.custom_fields.get("customer", ())
    individual = _individual(patch, current, is_person=is_person)
    body = CustomerWrite(
        name=_text(patch.display_name, current),
        business_name=_text(patch.company_name, current),
        individual_name=individual,
        email=_text(people.write_email(patch.emails, people.only_email("Stripe"), notes), current),
        phone=_phone(patch, current, notes),
        description=_text(patch.notes, current),
        address=billing,
        shipping=shipping,
        preferred_locales=_locales(patch.language, current, notes),
        tax_exempt=chosen(patch.tax_exemption, TAX_EXEMPT, "/tax_exemption", notes),
        tax_id_data=_tax_ids(patch.tax_ids, current, notes),
        metadata=metadata.write(patch.external_id, patch.custom_fields, settings, stored, notes),
    )
    refuse_long_names(sent, notes, (patch.display_name, LONGEST_NAME))
    _kind(patch, current, individual, notes)
    return notes.draft(body)


def _individual(patch: CustomerPatch, current: Customer | None, *, is_person: bool) -> str | None | UnsetType:
    """Return the name that marks a customer with a company name as a person: without it they read as an organization.
    Once it is there, it follows their name."""
    name, company, stored = patch.display_name, patch.company_name, None
    if current is not None:
        name = current.name if name is UNSET else name
        company = current.business_name if company is UNSET else company
        stored = current.individual_name
    if patch.kind == "organization":
        return UNSET if stored is None else None
    follows = bool(stored) and current is not None and stored == current.name
    if not follows and not (company and is_person):
        return UNSET
    if isinstance(name, str) and name and len(name) <= LONGEST_INDIVIDUAL:
        return UNSET if name == stored else name
    return None if follows else UNSET


def _kind(patch: CustomerPatch, current: Customer | None, individual: str | None | UnsetType, notes: Notes) -> None:
    """Refuse a kind that no customer has with the names of the patch, and note one that changes with them."""
    person, company, kept = None, None, patch.kind
    if current is not None:
        person, company = current.individual_name, current.business_name
        kept = kind_of(person, company)
    person = person if isinstance(individual, UnsetType) else individual
    company = company if isinstance(patch.company_name, UnsetType) else patch.company_name
    if patch.kind == "unknown" or (patch.kind == "organization" and not company):
        reason = "Stripe does not distinguish people and companies: an organization needs a company_name"
        notes.unsupported("/kind", reason)
        return
    reads = kind_of(person, company)
    if sent_or(patch.kind, kept) not in (UNSET, reads):
        notes.lose("/kind", "coerced", READS_AS[reads])


def _text(wanted: str | None | UnsetType, current: Customer | None) -> str | None | UnsetType:
    """Return a text to set or clear. A create has nothing to clear."""
    if wanted is None or wanted == "":
        return UNSET if current is None else None
    return wanted


def _phone(patch: CustomerPatch, current: Customer | None, notes: Notes) -> str | None | UnsetType:
    phones = patch.phones
    if isinstance(phones, UnsetType) or not phones:
        return phones if isinstance(phones, UnsetType) else _text(None, current)
    stored_country = None if current is None or current.address is None else values.country(current.address.country)
    country = country_in("billing", addresses.SLOTS, patch.addresses, stored_country)
    number = people.write_phone(phones, people.only_phone("Stripe"), notes, country=country)
    if not isinstance(number, str) or len(number) <= LONGEST_PHONE:
        return number
    place = people.primary(phones)
    if e164 := phones[place].e164:
        notes.lose(f"/phones/{place}/raw", "coerced", f"Stripe stores at most {LONGEST_PHONE} characters: e164 is sent")
        return e164
    notes.unsupported(f"/phones/{place}", f"Stripe stores at most {LONGEST_PHONE} characters of a number: send e164")
    return UNSET


def _addresses(patch: CustomerPatch, current: Customer | None, notes: Notes) -> Places:
    """Return the addresses. The array is replaced as a whole, so an address that is not in it is cleared."""
    if isinstance(patch.addresses, UnsetType):
        return UNSET, UNSET
    whole, sent = current is not None, patch.addresses or ()
    billing: AddressWrite | None | UnsetType = UNSET if current is None or current.address is None else None
    shipping: ShippingWrite | None | UnsetType = UNSET if current is None or current.shipping is None else None
    for kind, (pointer, address) in placed(sent, addresses.SLOTS, "Stripe", notes).items():
        if kind == "billing":
            note_default(address, pointer, "Stripe's default address is the billing address", notes)
            billing = addresses.write_billing(address, pointer, notes, whole=whole)
        else:
            shipping = addresses.write_shipping(address, pointer, _name(patch, current), notes, whole=whole)
    return billing, shipping


def _name(patch: CustomerPatch, current: Customer | None) -> str | None:
    """Return the addressee of an address without a name: the customer, their company, or their e-mail address."""
    emails = sent_or(patch.emails, ())
    sent = sent_or(patch.display_name, "") or (None if current is None else current.name)
    return sent or sent_or(patch.company_name, "") or (emails[people.primary(emails)].address if emails else None)


def _locales(
    language: str | None | UnsetType, current: Customer | None, notes: Notes
) -> tuple[str, ...] | None | UnsetType:
    if isinstance(language, UnsetType):
        return UNSET
    if not language:
        return UNSET if current is None else ()
    tag = values.language(language)
    if tag is None:
        notes.invalid("/language", "not a BCP 47 language tag such as pt-BR")
        return UNSET
    if tag != language:
        notes.lose("/language", "coerced", "spelled as in BCP 47")
    return (tag,)


def _tax_ids(
    tax_ids: tuple[TaxIdPatch, ...] | None | UnsetType, current: Customer | None, notes: Notes
) -> tuple[TaxIdWrite, ...] | UnsetType:
    """Return the tax numbers of a new customer. Later, each is a separate record."""
    if isinstance(tax_ids, UnsetType):
        return UNSET
    if current is not None:
        notes.unsupported(
            "/tax_ids", "Stripe accepts tax numbers with a new customer; later each needs a separate request"
        )
        return UNSET
    for place, one in enumerate(tax_ids or ()):
        if one.country_code not in (None, one.type[:2].upper(), one.value[:2]):
            notes.unsupported(f"/tax_ids/{place}/country_code", "Stripe derives the country from the number")
    return tuple(TaxIdWrite(type=one.type, value=one.value) for one in tax_ids or ()) or UNSET
