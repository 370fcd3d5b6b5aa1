"""Salesforce contact (API 62.0) ↔ canonical Customer, revision 1. A contact is a person.

One e-mail address, five telephone numbers by type, two postal addresses. `company_name` is the name of the contact's
account and read-only; the account itself is a custom field (`AccountId`).
"""

from collections.abc import Mapping
from typing import Final

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from canonical import values
from canonical.customer import (
    Consent,
    ConsentChannel,
    ConsentPatch,
    Customer,
    CustomerPatch,
    Phone,
    PhoneType,
)
from canonical.parts import Address, AddressPatch, AddressType, Loss, ReferencePatch, sent_or
from mappings.kit import markers, patches, people
from mappings.kit.addresses import country_in, note_default, placed, slots_of
from mappings.kit.contact_points import one_email
from mappings.kit.names import full_name, refuse_long_names, two_names
from mappings.salesforce import addresses, custom_fields
from mappings.salesforce.bodies import needed, own_key, reference_to
from mappings.salesforce.endpoints import CONTACTS
from mappings.salesforce.field_values import (
    GROUP,
    LONG,
    LONGEST_IN_ADDRESS,
    LONGEST_TEXT,
    STORES,
    USER,
    changed_at,
    instant,
    long_id,
    remote,
    write_reference,
)
from mappings.salesforce.wire_v62 import Account, Contact, ContactFields, RecordWrite, Text
from mappings.spec import Draft, Mapped, Notes, VendorMapping

UNSUPPORTED: Final = {
    "company_name": "the company is the contact's account: send its id in a custom field for AccountId",
    "language": "Salesforce contacts have no language; a custom field can hold one",
    "lifecycle_stage": "Salesforce keeps leads and opportunities as separate records",
    "tags": "Salesforce keeps topics as separate records",
    **patches.have_no("Salesforce contacts", "timezone", "tax_ids", "tax_exemption"),
}
EMAIL: Final = people.OnlyOne(
    others="a Salesforce contact has one e-mail address",
    type="Salesforce keeps no type of e-mail address",
    status="Salesforce determines itself whether an address works",
    primary="the only e-mail address of a contact is its primary one",
)
PHONES: Final[dict[PhoneType, str]] = {
    "work": "phone",
    "mobile": "mobile_phone",
    "home": "home_phone",
    "fax": "fax",
    "other": "other_phone",
    "unknown": "phone",
}
"""The member for each type of number. Salesforce calls `Phone` the business phone."""
SLOTS: Final[dict[addresses.Kind, tuple[AddressType, ...]]] = {
    "mailing": ("unknown", "billing", "work", "home", "shipping"),
    "other": ("other", "shipping", "billing", "work", "home"),
}
CONSENTS: Final[dict[ConsentChannel, tuple[str, str]]] = {
    "email": ("has_opted_out_of_email", "HasOptedOutOfEmail"),
    "phone": ("do_not_call", "DoNotCall"),
}
"""The field for each channel that a person can opt out of. An org may hide it."""
NO_MAIL: Final = Consent(channel="email", channel_raw="HasOptedOutOfEmail", state="opted_out", state_raw="true")
NO_CALLS: Final = Consent(channel="phone", channel_raw="DoNotCall", state="opted_out", state_raw="true")
LONGEST_FIRST_NAME: Final = 40
LONGEST_LAST_NAME: Final = 80
ONLY_NAME: Final = "a Salesforce contact needs a last name: the only name is written as it"
PRIMARY_ORDER: Final = ("phone", "mobile_phone", "home_phone", "other_phone", "fax")
PRIMARY: Final = "Salesforce marks no primary number: work comes first, then mobile, home, other, fax"


def to_canonical(record: Contact, account: Account) -> Mapped[Customer]:
    """Return the customer."""
    loss: list[Loss] = []
    settings = account.custom_fields.get("customer", ())
    id = record.id if len(record.id) == LONG else long_id(record.id)
    created_at, updated_at = instant(record.created_date), changed_at(record)
    customer = Customer(
        kind="person",
        display_name=record.name or full_name(record.first_name, record.last_name),
        first_name=record.first_name,
        last_name=record.last_name,
        company_name=None if record.account is None else record.account.name,
        job_title=record.title,
        emails=one_email(
            record.email,
            loss,
            status="bounced" if record.is_email_bounced else "unknown",
            status_raw="IsEmailBounced" if record.is_email_bounced else None,
        ),
        phones=_phones(record),
        addresses=_addresses(record, loss),
        currency=record.currency_iso_code or account.currency,
        status="archived" if record.is_deleted else "active",
        status_raw="IsDeleted" if record.is_deleted else None,
        lead_source=record.lead_source,
        owner=reference_to(record.owner_id, record.owner),
        notes=record.description,
        custom_fields=custom_fields.read("Contact", id, settings, account, loss),
        external_id=markers.own_key(record.key),
        consents=_consents(record) if record.has_opted_out_of_email or record.do_not_call else (),
        created_at=created_at,
        updated_at=updated_at,
    )
    return Mapped(data=customer, remote=remote("Contact", id, created_at, updated_at, account), loss=tuple(loss))


def _phones(record: Contact) -> tuple[Phone, ...]:
    country = addresses.country_of(record.mailing_country_code, record.mailing_country)
    phones: list[Phone] = []
    kinds: tuple[tuple[PhoneType, str, str | None], ...] = (
        ("work", "Phone", record.phone),
        ("mobile", "MobilePhone", record.mobile_phone),
        ("home", "HomePhone", record.home_phone),
        ("other", "OtherPhone", record.other_phone),
        ("fax", "Fax", record.fax),
    )
    for kind, name, raw in kinds:
        if raw:
            e164 = values.phone(raw, country)
            phones.append(Phone(e164=e164, raw=raw, type=kind, type_raw=name, is_primary=not phones))
    return tuple(phones)


def _addresses(record: Contact, loss: list[Loss]) -> tuple[Address, ...]:
    mailing = addresses.read(
        "unknown",
        "Mailing",
        record.mailing_street,
        record.mailing_city,
        record.mailing_state,
        record.mailing_postal_code,
        record.mailing_country,
        record.mailing_country_code,
        record.mailing_state_code,
        pointer="/addresses/0",
        loss=loss,
        is_default=True,
    )
    other = addresses.read(
        "other",
        "Other",
        record.other_street,
        record.other_city,
        record.other_state,
        record.other_postal_code,
        record.other_country,
        record.other_country_code,
        record.other_state_code,
        pointer="/addresses/0" if mailing is None else "/addresses/1",
        loss=loss,
    )
    if other is None:
        return () if mailing is None else (mailing,)
    return (other,) if mailing is None else (mailing, other)


def _consents(record: Contact) -> tuple[Consent, ...]:
    """Return the opt-outs. An unset field is unknown: the person may not have been asked."""
    if not record.do_not_call:
        return (NO_MAIL,)
    return (NO_MAIL, NO_CALLS) if record.has_opted_out_of_email else (NO_CALLS,)


def to_vendor(patch: CustomerPatch, current: Contact | None, account: Account) -> Draft[RecordWrite]:
    """Return the fields to write. `current` is None on a create."""
    notes = Notes()
    stored_name = (None, None) if current is None else (current.first_name, current.last_name)
    sent, patch = patch, two_names(patch, stored_name, "Salesforce", notes, single="last")
    patch, last_name = _derived(patch, current, notes)
    patches.refuse_without_place(patch, UNSUPPORTED, notes)
    is_bounced = current is not None and current.is_email_bounced
    named = "/display_name" if isinstance(sent.last_name, UnsetType) else "/last_name"
    fields = replace(
        ContactFields(
            first_name=patches.text(patch.first_name, None),
            last_name=needed(patch.last_name, named, "a Salesforce contact always has a last name", notes),
            title=patches.text(patch.job_title, None),
            email=people.write_email(patch.emails, EMAIL, notes, stored_status="bounced" if is_bounced else "unknown"),
            lead_source=patches.text(patch.lead_source, None),
            owner_id=_owner(patch.owner, notes),
            description=patches.text(patch.notes, None),
            currency_iso_code=_currency(patch.currency, account, notes),
            key=own_key(patch.external_id, "Contact", account, notes),
        ),
        **_phones_written(patch, current, notes),
        **_addresses_written(patch.addresses, current, account, notes),
        **_consents_written(patch.consents, account, notes),
    )
    first = UNSET if last_name is not None and patch.first_name == last_name else patch.first_name
    refuse_long_names(sent, notes, (first, LONGEST_FIRST_NAME), (last_name or patch.last_name, LONGEST_LAST_NAME))
    people.check_person(patch, "Salesforce", notes)
    settings = account.custom_fields.get("customer", ())
    stored = {} if current is None else account.custom_values.get(long_id(current.id), {})
    custom = custom_fields.write("Contact", patch.custom_fields, settings, stored, account, notes)
    body = RecordWrite(fields=fields, custom=custom, last_name=last_name)
    return notes.draft(body)


def _phones_written(patch: CustomerPatch, current: Contact | None, notes: Notes) -> Mapping[str, str | None]:
    phones = patch.phones
    if isinstance(phones, UnsetType):
        return {}
    sent = phones or ()
    kept: dict[str, str | None] = dict.fromkeys(PHONES.values())
    stored_country = (
        None if current is None else addresses.country_of(current.mailing_country_code, current.mailing_country)
    )
    country = country_in("mailing", SLOTS, patch.addresses, stored_country)
    chosen = people.numbers_by_type(sent, PHONES, "Salesforce", notes)
    for name, index in chosen.items():
        kept[name] = people.phone_text(sent[index], country)
        if not kept[name]:
            notes.invalid(f"/phones/{index}", "send e164, or raw if you only have a national spelling")
    first = next((name for name in PRIMARY_ORDER if kept[name]), None)
    for name, index in chosen.items():
        if first is not None and sent[index].is_primary not in (UNSET, name == first):
            notes.unsupported(f"/phones/{index}/is_primary", PRIMARY)
    return kept


def _addresses_written(
    wanted: tuple[AddressPatch, ...] | None | UnsetType, current: Contact | None, account: Account, notes: Notes
) -> Mapping[str, Text]:
    if isinstance(wanted, UnsetType):
        return {}
    chosen = placed(wanted or (), SLOTS, "Salesforce", notes)
    written: dict[str, Text] = {}
    for kind in SLOTS:
        pointer, address = chosen.get(kind, ("", None))
        if address is not None and address.is_default and kind == "other":
            detail = "Salesforce's default is the mailing address, not the one of type other"
            notes.unsupported(f"{pointer}/is_default", detail)
        elif address is not None and kind != "other":
            note_default(address, pointer, "Salesforce's default is the mailing address", notes)
        written |= addresses.write(address, kind, current, account, pointer, notes)
    return written


def _derived(patch: CustomerPatch, current: Contact | None, notes: Notes) -> tuple[CustomerPatch, str | None]:
    """Return the last name that a new contact without one gets: the first name, which is then its only name, that of
    the company, or the start of the e-mail address. Return the patch without what became the name."""
    first = sent_or(patch.first_name, "").strip()
    if current is not None:
        if not first or (patch.last_name, current.first_name, current.last_name) != (UNSET, None, first):
            return patch, None
        notes.lose("/first_name", "coerced", ONLY_NAME)
        return replace(patch, first_name=UNSET), None
    if sent_or(patch.last_name, "").strip():
        return patch, None
    if first:
        notes.lose("/first_name", "coerced", ONLY_NAME)
        return patch, first
    if company := sent_or(patch.company_name, "").strip():
        notes.lose("/company_name", "coerced", "a Salesforce contact has no company of its own: it is the last name")
        return replace(patch, company_name=UNSET), company
    emails = sent_or(patch.emails, ())
    if not emails or not isinstance(patch.last_name, UnsetType):
        return patch, None
    notes.lose("/last_name", "defaulted", "a new Salesforce contact needs a last name: the start of the e-mail address")
    return patch, emails[people.primary(emails)].address.partition("@")[0] or None


def _consents_written(
    consents: tuple[ConsentPatch, ...] | None | UnsetType, account: Account, notes: Notes
) -> Mapping[str, bool]:
    if isinstance(consents, UnsetType):
        return {}
    here = {channel: member for channel, (member, name) in CONSENTS.items() if account.has("Contact", name)}
    kept = dict.fromkeys(here.values(), False)
    for index, consent in enumerate(consents or ()):
        member = here.get(consent.channel)
        if member is None:
            notes.unsupported(f"/consents/{index}", f"this org keeps one of: {', '.join(here) or 'none'}")
        elif consent.state != "opted_out":
            notes.unsupported(f"/consents/{index}", "Salesforce keeps only refusals; one of: opted_out")
        else:
            kept[member] = True
        if consent.collected_at is not None:
            notes.unsupported(f"/consents/{index}/collected_at", "Salesforce does not keep the time of a consent")
    return kept


def _owner(wanted: ReferencePatch | None | UnsetType, notes: Notes) -> str | UnsetType:
    if wanted is None:
        notes.invalid("/owner", "a Salesforce contact always has an owner: name another user")
        return UNSET
    owner = write_reference(wanted, (USER, GROUP), "/owner", "a user", notes)
    return UNSET if owner is None else owner


def _currency(wanted: str | None | UnsetType, account: Account, notes: Notes) -> str | UnsetType:
    if isinstance(wanted, UnsetType) or (wanted is not None and wanted == account.currency):
        return UNSET
    if "Contact" not in account.fields or not account.has("Contact", "CurrencyIsoCode"):
        notes.unsupported("/currency", "this org has one currency, so its contacts have none")
        return UNSET
    return needed(wanted, "/currency", "a Salesforce contact always has a currency", notes)


CUSTOMER: Final = VendorMapping(
    vendor="salesforce",
    object="customer",
    revision=1,
    vendor_api="v62.0",
    record=Contact,
    account=Account,
    endpoints=CONTACTS,
    to_canonical=to_canonical,
    to_vendor=to_vendor,
    stores=STORES,
    longest={
        "job_title": 128,
        "notes": LONGEST_TEXT,
        **{f"addresses/{name}": most for name, most in LONGEST_IN_ADDRESS.items()},
    },
    slots={"emails": people.one_slot, "phones": people.slots_by_type(PHONES), "addresses": slots_of(SLOTS)},
)
