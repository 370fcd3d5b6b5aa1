"""Zendesk user (Support API v2) ↔ canonical Customer, revision 1.

End users, agents and administrators are one object at Zendesk, and all of them are read. A user has one name, one
primary address and one phone number; further ones are identities, which this revision does not read or write.
"""

from typing import Final

from msgspec import UNSET, UnsetType

from canonical import values
from canonical.customer import Customer, CustomerKind, CustomerPatch, CustomerStatus
from canonical.parts import Loss
from mappings.kit import json_custom_fields, markers, patches, people
from mappings.kit.contact_points import one_email, one_phone
from mappings.kit.names import one_name, required_name
from mappings.kit.rails_time_zones import IANA
from mappings.spec import Draft, Mapped, Notes, Remote, VendorMapping
from mappings.zendesk import bodies
from mappings.zendesk.endpoints_customer import ENDPOINTS
from mappings.zendesk.field_values import agent_url
from mappings.zendesk.webhook_r1 import USER_EVENT
from mappings.zendesk.wire_v2 import Account, User, UserWrite

KIND: Final[dict[str | None, CustomerKind]] = {"end-user": "person", "agent": "person", "admin": "person"}
SUSPENDED: Final[dict[CustomerStatus, bool]] = {"active": False, "blocked": True}
"""Statuses that can be written. DELETE archives a user, for good."""
NO_PLACE: Final = {
    "company_name": "Zendesk keeps companies as organizations: assign users to them in Zendesk",
    "job_title": "Zendesk users have no job title; a user field can hold one, as a custom field here",
    "addresses": "Zendesk users have no postal address; user fields can hold one, as custom fields here",
    "owner": "Zendesk users have no owner; a ticket has an assignee",
    **patches.have_no(
        "Zendesk users", "currency", "lifecycle_stage", "lead_source", "tax_ids", "tax_exemption", "consents"
    ),
}
EMAIL: Final = people.OnlyOne(
    others="a Zendesk user has one e-mail address; more are separate identities",
    type="Zendesk keeps no type of e-mail address",
    status="Zendesk verifies e-mail addresses itself",
)
PHONE: Final = people.OnlyOne(
    others="a Zendesk user has one phone number; more are separate identities",
    type="Zendesk keeps no type of phone number",
)


def to_canonical(user: User, account: Account) -> Mapped[Customer]:
    """Map a user. A deleted user is `archived`, a suspended one `blocked`."""
    loss: list[Loss] = []
    status, status_raw = _status(user)
    settings = account.custom_fields.get("customer", ())
    customer = Customer(
        kind=KIND.get(user.role, "unknown"),
        kind_raw=user.role,
        display_name=user.name,
        company_name=None if user.organization_id is None else _company(user.organization_id, account, loss),
        emails=one_email(user.email, loss, "lower-cased"),
        phones=one_phone(user.phone),
        language=_language(user.locale, loss),
        timezone=_timezone(user, loss),
        status=status,
        status_raw=status_raw,
        notes=user.notes,
        tags=user.tags or (),
        custom_fields=json_custom_fields.read("Zendesk", settings, user.user_fields or {}, loss),
        external_id=markers.own_key(user.external_id),
        created_at=values.utc(user.created_at),
        updated_at=values.utc(user.updated_at),
    )
    if user.details:
        loss.append(Loss(path="/notes", kind="dropped", detail="Zendesk's `details` has no canonical field"))
    remote = Remote(
        id=str(user.id),
        url=agent_url(user.url, "users", user.id),
        created_at=customer.created_at,
        updated_at=customer.updated_at,
    )
    return Mapped(data=customer, remote=remote, loss=tuple(loss))


def to_vendor(patch: CustomerPatch, current: User | None, account: Account) -> Draft[UserWrite]:
    """Draft a write. `current` is None for a user to create, or to create or update."""
    notes = Notes()
    settings = account.custom_fields.get("customer", ())
    stored = None if current is None else current.user_fields or {}
    patch = one_name(patch, None if current is None else current.name, "Zendesk", notes, with_company=False)
    patches.refuse_without_place(patch, NO_PLACE, notes)
    body = UserWrite(
        name=required_name(patch, "Zendesk", notes, is_new=current is None),
        email=_email(patch, current, notes),
        phone=_phone(patch, notes),
        locale=_locale(patch.language, notes),
        time_zone=_time_zone(patch.timezone, notes),
        notes=patch.notes,
        tags=bodies.tags(patch.tags, notes),
        external_id=bodies.external_id(patch.external_id, notes),
        suspended=_suspended(patch.status, notes),
        user_fields=dict(json_custom_fields.write(patch.custom_fields, settings, stored, notes)) or UNSET,
    )
    people.check_person(patch, "Zendesk", notes, has_status=True)
    return notes.draft(body)


def _status(user: User) -> tuple[CustomerStatus, str]:
    # Two booleans at Zendesk, called by their names.
    if not user.active:
        return "archived", "inactive"
    return ("blocked", "suspended") if user.suspended else ("active", "active")


def _company(organization_id: int, account: Account, loss: list[Loss]) -> str | None:
    name = account.organizations.get(organization_id)
    if name is None:
        detail = f"the answer does not contain the name of organization {organization_id}"
        loss.append(Loss(path="/company_name", kind="dropped", detail=detail))
    return name


def _language(locale: str | None, loss: list[Loss]) -> str | None:
    if locale is None:
        return None
    language = values.language(locale)
    if language is None:
        loss.append(Loss(path="/language", kind="dropped", detail="Zendesk's locale is not a BCP 47 tag"))
    elif language != locale:
        loss.append(Loss(path="/language", kind="coerced", detail=f"spelled {locale} at Zendesk"))
    return language


def _timezone(user: User, loss: list[Loss]) -> str | None:
    zone = user.time_zone
    if zone is None or values.timezone(zone) is not None:
        return zone or values.timezone(user.iana_time_zone)
    iana_name = values.timezone(user.iana_time_zone) or IANA.get(zone)
    if iana_name is None:
        loss.append(Loss(path="/timezone", kind="dropped", detail="Zendesk's time zone has no IANA name"))
    elif user.iana_time_zone is None:
        loss.append(Loss(path="/timezone", kind="coerced", detail=f"called {zone} at Zendesk"))
    return iana_name


def _suspended(status: CustomerStatus | UnsetType, notes: Notes) -> bool | UnsetType:
    if isinstance(status, UnsetType) or status in SUSPENDED:
        return UNSET if isinstance(status, UnsetType) else SUSPENDED[status]
    notes.unsupported("/status", f"a Zendesk user has one of: {', '.join(SUSPENDED)}; DELETE archives a customer")
    return UNSET


def _email(patch: CustomerPatch, current: User | None, notes: Notes) -> str | UnsetType:
    if isinstance(patch.emails, UnsetType):
        return UNSET
    stored = None if current is None or not current.email else values.email(current.email)
    if not patch.emails:
        if stored is not None:
            notes.unsupported("/emails", "Zendesk cannot remove a user's primary address by an update")
        return UNSET

    place = people.only(patch.emails, "/emails", EMAIL, notes)
    pointer, sent = f"/emails/{place}/address", patch.emails[place].address
    if stored is None or not values.is_email(sent):
        address = patches.checked_email(sent, pointer, notes)
        return UNSET if address is None else address
    if values.email(sent) != stored:
        detail = "Zendesk adds another address as a second one and keeps the first; make it primary in Zendesk"
        notes.unsupported(pointer, detail)
    return UNSET


def _phone(patch: CustomerPatch, notes: Notes) -> str | None | UnsetType:
    phones = patch.phones
    if isinstance(phones, UnsetType) or not phones:
        return UNSET if isinstance(phones, UnsetType) else None

    place = people.only(phones, "/phones", PHONE, notes)
    sent = phones[place]
    if sent.e164:
        number = patches.phone(sent.e164, f"/phones/{place}/e164", notes)
        return None if number is None else people.phone_text(sent, None)
    if not sent.raw:
        notes.invalid(f"/phones/{place}", "send e164 or raw")
        return UNSET
    return people.with_country(sent.raw, patch, f"/phones/{place}/raw", notes)


def _locale(language: str | None | UnsetType, notes: Notes) -> str | UnsetType:
    if isinstance(language, UnsetType):
        return UNSET
    tag = None if language is None else values.language(language)
    if tag is None:
        notes.invalid("/language", "a Zendesk user always has one: send a BCP 47 tag such as de or pt-BR")
        return UNSET
    if tag != language:
        notes.lose("/language", "coerced", "spelled as in BCP 47")
    return tag


def _time_zone(zone: str | None | UnsetType, notes: Notes) -> str | UnsetType:
    if isinstance(zone, UnsetType):
        return UNSET
    if zone is None or values.timezone(zone) is None:
        notes.invalid("/timezone", "a Zendesk user always has one: send an IANA name such as Europe/Berlin")
        return UNSET
    return zone


CUSTOMER: Final = VendorMapping(
    vendor="zendesk",
    object="customer",
    revision=1,
    vendor_api="v2",
    record=User,
    account=Account,
    endpoints=ENDPOINTS,
    to_canonical=to_canonical,
    to_vendor=to_vendor,
    stores_one_name=True,
    hidden_keys={"email": "always"},
    shapes=(USER_EVENT,),
    slots={"emails": people.one_slot, "phones": people.one_slot},
)
