"""HubSpot contact (CRM v3) ↔ canonical Customer, revision 1. A contact is a person.

Reads and writes one e-mail address, a telephone, a mobile and a fax number, and one postal address. Additional e-mail
addresses are reported as dropped. Properties: knowledge.hubspot.com, HubSpot's default contact properties.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from canonical import values
from canonical.customer import (
    Customer,
    CustomerPatch,
    EmailStatus,
    LifecycleStage,
    Phone,
    PhoneType,
)
from canonical.parts import Address, AddressPatch, AddressType, Loss
from mappings.hubspot import bodies
from mappings.hubspot.custom_fields import read_custom_fields, write_custom_fields
from mappings.hubspot.endpoints import CONTACTS
from mappings.hubspot.field_values import SEPARATOR, spell_language, spell_zone, zone
from mappings.hubspot.related import owner_of
from mappings.hubspot.wire_v3 import CLEARED, EXTERNAL_ID, Account, ContactProperties, ContactRecord, RecordWrite
from mappings.kit import nearest, patches, people
from mappings.kit.addresses import note_default, placed, slots_of
from mappings.kit.contact_points import one_email
from mappings.kit.names import full_name, two_names
from mappings.spec import Draft, Mapped, Notes, Remote, VendorMapping

LIFECYCLE: Final[dict[str, LifecycleStage]] = {
    "subscriber": "subscriber",
    "lead": "lead",
    "marketingqualifiedlead": "marketing_qualified",
    "salesqualifiedlead": "sales_qualified",
    "opportunity": "opportunity",
    "customer": "customer",
    "evangelist": "evangelist",
    "other": "other",
}
"""HubSpot's default stages, in its order. A stage that an account added reads as `unknown`."""
LIFECYCLE_WRITE: Final[dict[LifecycleStage, str]] = {
    "subscriber": "subscriber",
    "lead": "lead",
    "marketing_qualified": "marketingqualifiedlead",
    "sales_qualified": "salesqualifiedlead",
    "opportunity": "opportunity",
    "customer": "customer",
    "evangelist": "evangelist",
    "other": "other",
}
UNSUPPORTED: Final = {
    "lead_source": "HubSpot determines the original source of a contact itself (hs_analytics_source)",
    "notes": "notes on a HubSpot contact are separate records",
    "consents": "HubSpot keeps consents as communication subscriptions, not on the contact",
    **patches.have_no("HubSpot contacts", "currency", "tags", "tax_ids", "tax_exemption"),
}
ADDRESS_PROPERTIES: Final = ("address", "city", "state", "zip", "country")
NUMBERS: Final[dict[PhoneType, str]] = {
    "unknown": "phone",
    "mobile": "mobilephone",
    "fax": "fax",
}
"""The property of each type of number. The first one with a number is primary, in this order."""
BAD_ADDRESS: Final = "hs_email_bad_address"
EMAIL: Final = people.OnlyOne(
    others="this revision writes one e-mail address, the primary one",
    type="HubSpot keeps no type of e-mail address",
    status="HubSpot determines itself whether an address works",
    primary="the only e-mail address of a contact is its primary one",
)
NO_PLACE_IN_ADDRESS: Final = "HubSpot's address is street, city, state, postal code, country"
SLOTS: Final[dict[str, tuple[AddressType, ...]]] = {
    "address": ("unknown", "work", "billing", "home", "shipping", "other")
}
SINGLE: Final = {"phones": people.slots_by_type(NUMBERS), "addresses": slots_of(SLOTS)}


def to_canonical(record: ContactRecord, account: Account) -> Mapped[Customer]:
    """Return the customer. HubSpot's "" and null are both null."""
    return mapped(record, account, Notes(), with_additional=False)


def mapped(record: ContactRecord, account: Account, notes: Notes, *, with_additional: bool) -> Mapped[Customer]:
    """Return the customer and add losses to `notes`. `with_additional` says that the caller reads the additional e-mail
    addresses, so they are not lost."""
    properties = msgspec.convert(record.properties, ContactProperties)
    settings = account.custom_fields.get("customer", ())
    custom = read_custom_fields(record.properties, settings, notes)
    if properties.hs_additional_emails and not with_additional:
        _drop_additional(properties.hs_additional_emails, notes)
    stage, is_bad = properties.lifecyclestage or None, properties.hs_email_bad_address == "true"
    country = values.country(properties.country) if properties.country else None
    customer = Customer(
        kind="person",
        display_name=full_name(properties.firstname, properties.lastname),
        first_name=properties.firstname or None,
        last_name=properties.lastname or None,
        company_name=properties.company or None,
        job_title=properties.jobtitle or None,
        emails=one_email(
            properties.email,
            notes.loss,
            status="bounced" if is_bad else "unknown",
            status_raw=BAD_ADDRESS if is_bad else None,
        ),
        phones=_phones(properties, country),
        addresses=_addresses(properties, country),
        language=_language(properties.hs_language, notes) if properties.hs_language else None,
        timezone=_timezone(properties.hs_timezone, notes) if properties.hs_timezone else None,
        status="archived" if record.archived else "active",
        status_raw="archived" if record.archived else None,
        lifecycle_stage=LIFECYCLE.get(stage, "unknown") if stage else "unknown",
        lifecycle_stage_raw=stage,
        lead_source=properties.hs_analytics_source or None,
        owner=owner_of(properties.hubspot_owner_id, account),
        custom_fields=custom,
        external_id=properties.lockstitch_external_id or None,
        created_at=record.created_at,
        updated_at=record.updated_at,
    )
    remote = Remote(id=record.id, url=record.url, created_at=record.created_at, updated_at=record.updated_at)
    return Mapped(data=customer, remote=remote, loss=tuple(notes.loss))


def _drop_additional(addresses: str, notes: Notes) -> None:
    detail = "an additional e-mail address, which this revision does not read"
    count = len([address for address in addresses.split(SEPARATOR) if address])
    notes.loss += [Loss(path=f"/emails/{index}", kind="dropped", detail=detail) for index in range(1, count + 1)]


def _phones(properties: ContactProperties, country: str | None) -> tuple[Phone, ...]:
    phones: list[Phone] = []
    kinds: tuple[tuple[PhoneType, str | None], ...] = (
        ("unknown", properties.phone),
        ("mobile", properties.mobilephone),
        ("fax", properties.fax),
    )
    for kind, text in kinds:
        if text:
            phones.append(Phone(e164=values.phone(text, country), raw=text, type=kind, is_primary=not phones))
    return tuple(phones)


def _addresses(properties: ContactProperties, country: str | None) -> tuple[Address, ...]:
    if not (properties.address or properties.city or properties.state or properties.zip or properties.country):
        return ()
    address = Address(
        line1=properties.address or None,
        city=properties.city or None,
        region=properties.state or None,
        postal_code=properties.zip or None,
        country_code=country,
        country_raw=properties.country or None,
        is_default=True,
    )
    return (address,)


def _language(text: str, notes: Notes) -> str | None:
    language = values.language(text)
    if language is None:
        notes.lose("/language", "dropped", f"HubSpot's language {text!r} is not a BCP 47 tag")
    return language


def _timezone(text: str, notes: Notes) -> str | None:
    name = zone(text)
    if name is None:
        notes.lose("/timezone", "dropped", f"HubSpot's time zone {text!r} is not an IANA time zone")
    return name


def to_vendor(patch: CustomerPatch, current: ContactRecord | None, account: Account) -> Draft[RecordWrite]:
    """Return the properties to write. `current` is None on a create."""
    notes = Notes()
    names = {} if current is None else current.properties
    patch = two_names(patch, (names.get("firstname"), names.get("lastname")), "HubSpot", notes)
    patches.refuse_without_place(patch, UNSUPPORTED, notes)
    properties = bodies.sent(
        {
            "firstname": patches.text(patch.first_name, CLEARED),
            "lastname": patches.text(patch.last_name, CLEARED),
            "company": patches.text(patch.company_name, CLEARED),
            "jobtitle": patches.text(patch.job_title, CLEARED),
            "hubspot_owner_id": patches.text(patches.remote_id(patch.owner), CLEARED),
            EXTERNAL_ID: patches.text(patch.external_id, CLEARED),
            "email": patches.text(
                people.write_email(patch.emails, EMAIL, notes, stored_status=stored_status(current)), CLEARED
            ),
            **_phones_written(patch, current, notes),
            **_address_written(patch.addresses, notes),
            "hs_language": _language_written(patch.language, account, notes),
            "hs_timezone": _timezone_written(patch.timezone, account, notes),
            "lifecyclestage": _lifecycle_written(patch.lifecycle_stage, current, account, notes),
        }
    )
    stored = None if current is None else current.properties
    properties |= write_custom_fields(patch.custom_fields, stored, account.custom_fields.get("customer", ()), notes)
    people.check_person(patch, "HubSpot", notes)
    return notes.draft(RecordWrite(properties=properties))


def stored_status(current: ContactRecord | None) -> EmailStatus:
    """Return the status of the primary address that HubSpot reports."""
    is_bad = current is not None and current.properties.get(BAD_ADDRESS) == "true"
    return "bounced" if is_bad else "unknown"


def _phones_written(patch: CustomerPatch, current: ContactRecord | None, notes: Notes) -> Mapping[str, str]:
    """Return the properties of the numbers: one without a type, one mobile and one fax number. The first is primary."""
    phones = patch.phones
    if isinstance(phones, UnsetType):
        return {}
    properties = dict.fromkeys(NUMBERS.values(), CLEARED)
    sent = phones or ()
    chosen = people.numbers_by_type(sent, NUMBERS, "HubSpot", notes)
    first = next((name for name in properties if name in chosen), None)
    stored_country = None if current is None else values.country(current.properties.get("country"))
    country = people.country_of(patch.addresses, stored_country)
    for name, index in chosen.items():
        phone = sent[index]
        text = people.phone_text(phone, country)
        if not text:
            notes.invalid(f"/phones/{index}", "send e164, or raw if you only have a national spelling")
            continue
        properties[name] = text
        if phone.is_primary not in (UNSET, name == first):
            notes.unsupported(
                f"/phones/{index}/is_primary",
                "HubSpot marks no primary number: phone comes first, then mobile, then fax",
            )
    return properties


def _address_written(addresses: tuple[AddressPatch, ...] | None | UnsetType, notes: Notes) -> Mapping[str, str]:
    if isinstance(addresses, UnsetType):
        return {}
    if not addresses:
        return dict.fromkeys(ADDRESS_PROPERTIES, CLEARED)
    pointer, address = placed(addresses, SLOTS, "HubSpot", notes)["address"]
    note_default(address, pointer, "HubSpot's only address is the default one", notes)
    code = patches.country_code(address, pointer, notes)
    patches.refuse_members(address, ("name", "company", "phone"), pointer, NO_PLACE_IN_ADDRESS, notes)
    if address.line2:
        for name in ("line1", "line2") if address.line1 else ("line2",):
            notes.lose(
                f"{pointer}/{name}", "coerced", "HubSpot stores one line of the street: both are joined by a comma"
            )
    return {
        "address": ", ".join(line for line in (address.line1, address.line2) if line) or CLEARED,
        "city": address.city or CLEARED,
        "state": address.region or CLEARED,
        "zip": address.postal_code or CLEARED,
        "country": code or CLEARED,
    }


def _language_written(language: str | None | UnsetType, account: Account, notes: Notes) -> str | UnsetType:
    if isinstance(language, UnsetType) or not language:
        return patches.text(language, CLEARED)
    options = account.options.get("contacts.hs_language")
    spelled = spell_language(language, options)
    if spelled is not None:
        return spelled
    main = language.lower().replace("_", "-").split("-")[0]
    near = next((option for option in sorted(options or (), key=len) if option.split("-")[0] == main), None)
    if near is None:
        known = ", ".join(options or ()) or "none"
        notes.unsupported("/language", f"the account does not have this language; one of: {known}")
        return UNSET
    notes.lose("/language", "coerced", f"{language} is stored as {near}, which the account has")
    return near


def _timezone_written(timezone: str | None | UnsetType, account: Account, notes: Notes) -> str | UnsetType:
    if isinstance(timezone, UnsetType) or not timezone:
        return patches.text(timezone, CLEARED)
    spelled = spell_zone(timezone)
    options = account.options.get("contacts.hs_timezone")
    if values.timezone(timezone) is None:
        notes.invalid("/timezone", "not an IANA time zone such as Europe/Berlin")
    elif options is not None and spelled not in options:
        notes.unsupported("/timezone", f"HubSpot's list of time zones does not have {timezone}")
    else:
        return spelled
    return UNSET


def _lifecycle_written(
    stage: LifecycleStage | UnsetType, current: ContactRecord | None, account: Account, notes: Notes
) -> str | UnsetType:
    """Return the lifecycle stage. HubSpot moves it only forward: to move it back, clear the property in an earlier
    write (developers.hubspot.com, Contacts)."""
    options = account.options.get("contacts.lifecyclestage")
    wanted = bodies.chosen(stage, LIFECYCLE_WRITE, options, "/lifecycle_stage", notes, nearest.LIFECYCLE)
    order = options or tuple(LIFECYCLE)
    present = current.properties.get("lifecyclestage") if current is not None else None
    if not isinstance(wanted, UnsetType) and present in order and order.index(wanted) < order.index(present):
        notes.invalid(
            "/lifecycle_stage",
            f"HubSpot moves the lifecycle stage only forward, and {stage} is before {LIFECYCLE.get(present, present)}: "
            "clear the stage of this contact in HubSpot first, then write it again",
        )
    return wanted


CUSTOMER: Final = VendorMapping(
    vendor="hubspot",
    object="customer",
    revision=1,
    vendor_api="v3",
    record=ContactRecord,
    account=Account,
    endpoints=CONTACTS,
    to_canonical=to_canonical,
    to_vendor=to_vendor,
    hidden_keys={"email": "always"},
    slots={"emails": people.one_slot, **SINGLE},
)
