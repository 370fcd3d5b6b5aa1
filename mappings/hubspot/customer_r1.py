"""Customer, revision 1: a HubSpot contact is a person.

Reads and writes one e-mail address, a telephone, a mobile and a fax number, and one postal address, which is all that
a contact has places for but for additional e-mail addresses; those are told as dropped. Property names and their
meaning: knowledge.hubspot.com, HubSpot's default contact properties.
"""

from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from canonical import values
from canonical.customer import (
    Customer,
    CustomerPatch,
    Email,
    EmailPatch,
    LifecycleStage,
    Phone,
    PhonePatch,
    PhoneType,
)
from canonical.parts import Address, AddressPatch, CustomField, Loss
from mappings.hubspot.bodies import put_choice, put_text, refuse_unsupported
from mappings.hubspot.custom_fields import SEPARATOR, read_custom_fields, write_custom_fields
from mappings.hubspot.endpoints import CONTACTS
from mappings.hubspot.field_values import spell_language, spell_zone, zone
from mappings.hubspot.related import full_name
from mappings.hubspot.wire_v3 import CLEARED, EXTERNAL_ID, Account, ContactProperties, ContactRecord, RecordWrite
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
"""HubSpot's default stages, in its order. Accounts may add their own, which read as `unknown`."""
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
UNSUPPORTED: Final[dict[str, str]] = {
    "display_name": "HubSpot makes a contact's name of the first and the last name: write those",
    "currency": "HubSpot contacts have no currency",
    "lead_source": "HubSpot finds the original source of a contact itself (hs_analytics_source)",
    "notes": "notes on a HubSpot contact are records of their own, not a field",
    "tags": "HubSpot contacts have no tags",
    "tax_ids": "HubSpot contacts have no tax numbers",
    "tax_exemption": "HubSpot contacts have no tax exemption",
    "consents": "HubSpot keeps consents as communication subscriptions, not on the contact",
}
ADDRESS_PROPERTIES: Final = ("address", "city", "state", "zip", "country")
NUMBERS: Final[dict[PhoneType | UnsetType, str]] = {
    UNSET: "phone",
    "unknown": "phone",
    "mobile": "mobilephone",
    "fax": "fax",
}
"""Where each kind of number is kept. The first that there is leads, in this order."""
BAD_ADDRESS: Final = "hs_email_bad_address"
NO_PLACE_IN_ADDRESS: Final = ("name", "company", "line2", "phone")


def to_canonical(record: ContactRecord, account: Account) -> Mapped[Customer]:
    """What a contact means. HubSpot's "" and null are both null here."""
    return mapped(record, account, Notes(), with_additional=False)


def mapped(record: ContactRecord, account: Account, notes: Notes, *, with_additional: bool) -> Mapped[Customer]:
    """The same with what is lost told to `notes`. `with_additional` says that a later revision goes on to read the
    additional e-mail addresses, so that they are not lost."""
    told = msgspec.convert(record.properties, ContactProperties)
    settings = account.custom_fields.get("customer", ())
    custom: tuple[CustomField, ...] = ()
    if settings:
        custom = read_custom_fields(record.properties, settings, notes)
    if told.hs_additional_emails and not with_additional:
        _drop_additional(told.hs_additional_emails, notes)
    stage = told.lifecyclestage or None
    country = values.country(told.country) if told.country else None
    customer = Customer(
        kind="person",
        display_name=full_name(told.firstname, told.lastname),
        first_name=told.firstname or None,
        last_name=told.lastname or None,
        company_name=told.company or None,
        job_title=told.jobtitle or None,
        emails=_emails(told.email, told.hs_email_bad_address, notes) if told.email else (),
        phones=_phones(told, country) if told.phone or told.mobilephone or told.fax else (),
        addresses=_addresses(told, country),
        language=_language(told.hs_language, notes) if told.hs_language else None,
        timezone=_timezone(told.hs_timezone, notes) if told.hs_timezone else None,
        status="archived" if record.archived else "active",
        status_raw="archived" if record.archived else None,
        lifecycle_stage=LIFECYCLE.get(stage, "unknown") if stage else "unknown",
        lifecycle_stage_raw=stage,
        lead_source=told.hs_analytics_source or None,
        owner_remote_id=told.hubspot_owner_id or None,
        custom_fields=custom,
        external_id=told.lockstitch_external_id or None,
        created_at=record.created_at,
        updated_at=record.updated_at,
    )
    remote = Remote(id=record.id, url=record.url, created_at=record.created_at, updated_at=record.updated_at)
    return Mapped(data=customer, remote=remote, loss=tuple(notes.loss))


def _drop_additional(addresses: str, notes: Notes) -> None:
    detail = "an additional e-mail address, which this revision does not read"
    count = len([address for address in addresses.split(SEPARATOR) if address])
    notes.loss += [Loss(path=f"/emails/{index}", kind="dropped", detail=detail) for index in range(1, count + 1)]


def _emails(text: str, is_bad: str | None, notes: Notes) -> tuple[Email, ...]:
    address = values.email(text)
    if address != text:
        notes.lose("/emails/0/address", "coerced", "trimmed and lower-cased")
    if is_bad == "true":
        return (Email(address=address, is_primary=True, status="bounced", status_raw=BAD_ADDRESS),)
    return (Email(address=address, is_primary=True),)


def _phones(told: ContactProperties, country: str | None) -> tuple[Phone, ...]:
    phones: list[Phone] = []
    if told.phone:
        phones.append(Phone(e164=values.phone(told.phone, country), raw=told.phone, is_primary=True))
    if told.mobilephone:
        e164 = values.phone(told.mobilephone, country)
        phones.append(Phone(e164=e164, raw=told.mobilephone, type="mobile", is_primary=not phones))
    if told.fax:
        phones.append(Phone(e164=values.phone(told.fax, country), raw=told.fax, type="fax", is_primary=not phones))
    return tuple(phones)


def _addresses(told: ContactProperties, country: str | None) -> tuple[Address, ...]:
    if not (told.address or told.city or told.state or told.zip or told.country):
        return ()
    address = Address(
        line1=told.address or None,
        city=told.city or None,
        region=told.state or None,
        postal_code=told.zip or None,
        country_code=country,
        country_raw=told.country or None,
        is_default=True,
    )
    return (address,)


def _language(text: str, notes: Notes) -> str | None:
    language = values.language(text)
    if language is None:
        notes.lose("/language", "dropped", f"HubSpot's language {text!r} is no BCP 47 tag")
    return language


def _timezone(text: str, notes: Notes) -> str | None:
    name = zone(text)
    if name is None:
        notes.lose("/timezone", "dropped", f"HubSpot's time zone {text!r} is no IANA zone")
    return name


def to_vendor(patch: CustomerPatch, current: ContactRecord | None, account: Account) -> Draft[RecordWrite]:
    """The properties to set. `current` is the contact as it is, None on a create."""
    notes = Notes()
    properties: dict[str, str] = {}
    put_text(properties, "firstname", patch.first_name)
    put_text(properties, "lastname", patch.last_name)
    put_text(properties, "company", patch.company_name)
    put_text(properties, "jobtitle", patch.job_title)
    put_text(properties, "hubspot_owner_id", patch.owner_remote_id)
    put_text(properties, EXTERNAL_ID, patch.external_id)
    _write_emails(patch.emails, current, properties, notes)
    _write_phones(patch.phones, current, properties, notes)
    _write_addresses(patch.addresses, properties, notes)
    _write_language(patch.language, account, properties, notes)
    _write_timezone(patch.timezone, account, properties, notes)
    _write_lifecycle(patch.lifecycle_stage, current, account, properties, notes)
    bag = current.properties if current is not None else None
    write_custom_fields(patch.custom_fields, bag, account.custom_fields.get("customer", ()), properties, notes)
    if patch.kind not in (UNSET, "person"):
        notes.invalid("/kind", "a HubSpot contact is one of: person")
    if patch.status not in (UNSET, "active"):
        notes.invalid("/status", "a HubSpot contact is written as one of: active; to archive it, send DELETE")
    refuse_unsupported(patch, UNSUPPORTED, notes)
    return Draft(body=RecordWrite(properties=properties), loss=tuple(notes.loss), refused=tuple(notes.refused))


def _write_emails(
    emails: tuple[EmailPatch, ...] | None | UnsetType,
    current: ContactRecord | None,
    properties: dict[str, str],
    notes: Notes,
) -> None:
    if isinstance(emails, UnsetType):
        return
    properties["email"] = CLEARED
    primary = next((index for index, email in enumerate(emails or ()) if email.is_primary is True), 0)
    for index, email in enumerate(emails or ()):
        if index != primary:
            notes.unsupported(f"/emails/{index}", "this revision writes one e-mail address, the primary one")
            continue
        address = values.email(email.address)
        properties["email"] = address
        if address != email.address:
            notes.lose(f"/emails/{index}/address", "coerced", "trimmed and lower-cased")
        if email.type not in (UNSET, "unknown"):
            notes.unsupported(f"/emails/{index}/type", "HubSpot has no kinds of e-mail addresses")
        judge_status(email, current, f"/emails/{index}/status", notes)
        if email.is_primary is False:
            notes.unsupported(f"/emails/{index}/is_primary", "the only e-mail address of a contact is its primary one")


def judge_status(email: EmailPatch, current: ContactRecord | None, pointer: str, notes: Notes) -> None:
    """Refuse a status that HubSpot has not found itself; one that was read may be sent back."""
    is_bad = current is not None and current.properties.get(BAD_ADDRESS) == "true"
    if email.status not in (UNSET, "unknown", "bounced" if is_bad else "unknown"):
        notes.unsupported(pointer, "HubSpot finds itself whether an address works")


def _write_phones(
    phones: tuple[PhonePatch, ...] | None | UnsetType,
    current: ContactRecord | None,
    properties: dict[str, str],
    notes: Notes,
) -> None:
    """A contact has one number of no kind, one mobile and one fax number; the first of these counts as primary."""
    if isinstance(phones, UnsetType):
        return
    order = tuple(dict.fromkeys(NUMBERS.values()))
    properties |= dict.fromkeys(order, CLEARED)
    sent = {NUMBERS[phone.type] for phone in phones or () if phone.type in NUMBERS}
    first = next((name for name in order if name in sent), None)
    for index, phone in enumerate(phones or ()):
        if phone.type not in NUMBERS:
            notes.invalid(f"/phones/{index}/type", "HubSpot tells apart one of: mobile, fax, unknown")
            continue
        name = NUMBERS[phone.type]
        if properties[name]:
            notes.unsupported(f"/phones/{index}", "HubSpot has place for one number, one mobile and one fax number")
            continue
        text = _phone_text(phone, current)
        if not text:
            notes.invalid(f"/phones/{index}", "send e164, or raw where only a national spelling is known")
            continue
        properties[name] = text
        if phone.is_primary not in (UNSET, name == first):
            notes.unsupported(f"/phones/{index}/is_primary", "HubSpot marks none: phone leads, then mobile, then fax")


def _phone_text(phone: PhonePatch, current: ContactRecord | None) -> str | None:
    """The caller's own spelling where it means the same number, so that an array that was read can be sent back."""
    if not phone.e164 or not phone.raw:
        return phone.e164 or phone.raw
    country = values.country(current.properties.get("country")) if current is not None else None
    return phone.raw if values.phone(phone.raw, country) == phone.e164 else phone.e164


def _write_addresses(
    addresses: tuple[AddressPatch, ...] | None | UnsetType, properties: dict[str, str], notes: Notes
) -> None:
    if isinstance(addresses, UnsetType):
        return
    properties |= dict.fromkeys(ADDRESS_PROPERTIES, CLEARED)
    for index in range(1, len(addresses or ())):
        notes.unsupported(f"/addresses/{index}", "HubSpot contacts have one postal address")
    if not addresses:
        return
    address = addresses[0]
    properties |= {
        "address": address.line1 or CLEARED,
        "city": address.city or CLEARED,
        "state": address.region or CLEARED,
        "zip": address.postal_code or CLEARED,
        "country": address.country_code or CLEARED,
    }
    if address.type not in (UNSET, "unknown"):
        notes.invalid("/addresses/0/type", "HubSpot does not tell what an address is for; it holds one of: unknown")
    if address.country_code and values.country(address.country_code) != address.country_code:
        notes.invalid("/addresses/0/country_code", "not an ISO 3166-1 alpha-2 code such as DE")
    for name in NO_PLACE_IN_ADDRESS:
        if getattr(address, name):
            notes.unsupported(f"/addresses/0/{name}", "HubSpot's address is street, city, state, postal code, country")


def _write_language(
    language: str | None | UnsetType, account: Account, properties: dict[str, str], notes: Notes
) -> None:
    if isinstance(language, UnsetType):
        return
    if not language:
        properties["hs_language"] = CLEARED
        return
    options = account.options.get("contacts.hs_language")
    spelled = spell_language(language, options)
    if spelled is not None:
        properties["hs_language"] = spelled
        return
    near = [
        option for option in options or () if option.split("-")[0] == language.lower().replace("_", "-").split("-")[0]
    ]
    notes.invalid("/language", f"this HubSpot account does not have it; near: {', '.join(near) or 'none'}")


def _write_timezone(
    timezone: str | None | UnsetType, account: Account, properties: dict[str, str], notes: Notes
) -> None:
    if isinstance(timezone, UnsetType):
        return
    spelled = spell_zone(timezone) if timezone else CLEARED
    options = account.options.get("contacts.hs_timezone")
    if timezone and values.timezone(timezone) is None:
        notes.invalid("/timezone", "not an IANA time zone such as Europe/Berlin")
    elif spelled and options is not None and spelled not in options:
        notes.invalid("/timezone", f"HubSpot's list of time zones does not have {timezone}")
    else:
        properties["hs_timezone"] = spelled


def _write_lifecycle(
    stage: LifecycleStage | UnsetType,
    current: ContactRecord | None,
    account: Account,
    properties: dict[str, str],
    notes: Notes,
) -> None:
    """HubSpot moves a stage only forward; to move it back, the property has to be cleared first, which is a write of
    its own (developers.hubspot.com, Contacts)."""
    order = account.options.get("contacts.lifecyclestage")
    put_choice(properties, "lifecyclestage", stage, LIFECYCLE_WRITE, order, "/lifecycle_stage", notes)
    order = order or tuple(LIFECYCLE)
    wanted = properties.get("lifecyclestage")
    present = current.properties.get("lifecyclestage") if current is not None else None
    if wanted is None or present not in order or order.index(wanted) >= order.index(present):
        return
    notes.invalid(
        "/lifecycle_stage",
        f"HubSpot moves the lifecycle stage only forward, and {stage} is before {LIFECYCLE.get(present, present)}: "
        "clear the stage of this contact in HubSpot first, then write it again",
    )


CUSTOMER: Final = VendorMapping(
    vendor="hubspot",
    object="customer",
    revision=1,
    vendor_api="v3",
    record=ContactRecord,
    model=Customer,
    patch=CustomerPatch,
    account=Account,
    endpoints=CONTACTS,
    to_canonical=to_canonical,
    to_vendor=to_vendor,
)
