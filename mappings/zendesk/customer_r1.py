"""Zendesk user (Support API v2) ↔ canonical Customer, revision 1.

End users, agents and administrators are one object at Zendesk and all of them are read. A user has one name, one
primary address and one phone number in the record; further ones are identities, which this revision does not touch.
"""

from typing import Final

from msgspec import UNSET, UnsetType

from canonical import values
from canonical.customer import Customer, CustomerKind, CustomerPatch, CustomerStatus, Email, Phone, PhonePatch
from canonical.parts import CustomFieldValue, Loss
from mappings.kit.rails_time_zones import IANA
from mappings.spec import Draft, Mapped, Notes, Remote, VendorMapping
from mappings.zendesk import bodies, custom_fields
from mappings.zendesk.endpoints_customer import ENDPOINTS
from mappings.zendesk.field_values import agent_url, instant, own_external_id
from mappings.zendesk.webhook_r1 import USER_EVENT
from mappings.zendesk.wire_v2 import Account, User, UserWrite

KIND: Final[dict[str | None, CustomerKind]] = {"end-user": "person", "agent": "person", "admin": "person"}
SUSPENDED: Final[dict[CustomerStatus, bool]] = {"active": False, "blocked": True}
"""What can be written: an archived user is made by DELETE and does not come back."""
NO_PLACE: Final[tuple[tuple[str, str], ...]] = (
    ("company_name", "Zendesk keeps a company as an organization of its own, which users are put into there"),
    ("job_title", "Zendesk users have no job title; a user field can hold one, as a custom field here"),
    ("addresses", "Zendesk users have no postal address; user fields can hold one, as custom fields here"),
    ("currency", "Zendesk users have no currency"),
    ("lifecycle_stage", "Zendesk users have no life-cycle stage"),
    ("lead_source", "Zendesk users have no lead source"),
    ("owner_remote_id", "Zendesk users have no owner; a ticket has an assignee"),
    ("tax_ids", "Zendesk users have no tax numbers"),
    ("tax_exemption", "Zendesk users have no tax exemption"),
    ("consents", "Zendesk users have no consents"),
)
ONE_NAME: Final = "Zendesk keeps one name: send display_name"


def to_canonical(user: User, account: Account) -> Mapped[Customer]:
    """What the record means. A deleted user is `archived`, a suspended one `blocked`."""
    loss: list[Loss] = []
    status, status_raw = _status(user)
    settings = account.custom_fields.get("customer", ())
    customer = Customer(
        kind=KIND.get(user.role, "unknown"),
        kind_raw=user.role,
        display_name=user.name,
        company_name=None if user.organization_id is None else _company(user.organization_id, account, loss),
        emails=() if not user.email else _emails(user.email, loss),
        phones=() if not user.phone else (Phone(e164=values.phone(user.phone), raw=user.phone, is_primary=True),),
        language=_language(user.locale, loss),
        timezone=_timezone(user, loss),
        status=status,
        status_raw=status_raw,
        notes=user.notes,
        tags=user.tags or (),
        custom_fields=custom_fields.read(settings, user.user_fields or {}, loss) if settings else (),
        external_id=own_external_id(user.external_id),
        created_at=instant(user.created_at),
        updated_at=instant(user.updated_at),
    )
    if user.details:
        loss.append(Loss(path="/notes", kind="dropped", detail="Zendesk's `details` has no field of its own here"))
    remote = Remote(
        id=str(user.id),
        url=agent_url(user.url, "users", user.id),
        created_at=customer.created_at,
        updated_at=customer.updated_at,
    )
    return Mapped(data=customer, remote=remote, loss=tuple(loss))


def to_vendor(patch: CustomerPatch, current: User | None, account: Account) -> Draft[UserWrite]:
    """The write in Zendesk's words. `current` is None for a user to create, or to create or update."""
    notes = Notes()
    bodies.refuse_without_place(patch, NO_PLACE, notes)
    body = UserWrite(
        name=_name(patch, current, notes),
        email=_email(patch, current, notes),
        phone=UNSET if isinstance(patch.phones, UnsetType) else _phone(patch.phones or (), notes),
        locale=_locale(patch.language, notes),
        time_zone=_time_zone(patch.timezone, notes),
        notes=patch.notes,
        tags=UNSET if isinstance(patch.tags, UnsetType) else bodies.tags(patch.tags or (), notes),
        external_id=bodies.external_id(patch.external_id, notes),
        suspended=_suspended(patch.status, notes),
        user_fields=_user_fields(patch, current, account, notes),
    )
    if not isinstance(patch.kind, UnsetType) and patch.kind != "person":
        notes.invalid("/kind", "a Zendesk user is a person; one of: person")
    return Draft(body=body, loss=tuple(notes.loss), refused=tuple(notes.refused))


def _status(user: User) -> tuple[CustomerStatus, str]:
    # Two booleans at Zendesk; the words are the names of theirs.
    if not user.active:
        return "archived", "inactive"
    return ("blocked", "suspended") if user.suspended else ("active", "active")


def _company(organization_id: int, account: Account, loss: list[Loss]) -> str | None:
    name = account.organizations.get(organization_id)
    if name is None:
        detail = f"the name of organization {organization_id} was not sent along"
        loss.append(Loss(path="/company_name", kind="dropped", detail=detail))
    return name


def _emails(text: str, loss: list[Loss]) -> tuple[Email, ...]:
    address = values.email(text)
    if address != text:
        loss.append(Loss(path="/emails/0/address", kind="coerced", detail="lower-cased"))
    return (Email(address=address, is_primary=True),)


def _language(locale: str | None, loss: list[Loss]) -> str | None:
    if locale is None:
        return None
    language = values.language(locale)
    if language is None:
        loss.append(Loss(path="/language", kind="dropped", detail="the locale at Zendesk is no BCP 47 tag"))
    elif language != locale:
        loss.append(Loss(path="/language", kind="coerced", detail=f"spelled {locale} at Zendesk"))
    return language


def _timezone(user: User, loss: list[Loss]) -> str | None:
    zone = user.time_zone
    if zone is None or values.timezone(zone) is not None:
        return zone or values.timezone(user.iana_time_zone)
    found = values.timezone(user.iana_time_zone) or IANA.get(zone)
    if found is None:
        loss.append(Loss(path="/timezone", kind="dropped", detail="the time zone at Zendesk has no IANA name"))
    elif user.iana_time_zone is None:
        loss.append(Loss(path="/timezone", kind="coerced", detail=f"called {zone} at Zendesk"))
    return found


def _name(patch: CustomerPatch, current: User | None, notes: Notes) -> str | UnsetType:
    parts = [part for part in (patch.first_name, patch.last_name) if isinstance(part, str) and part]
    for pointer, part in (("/first_name", patch.first_name), ("/last_name", patch.last_name)):
        if isinstance(part, str) and part:
            notes.unsupported(pointer, ONE_NAME)
    if isinstance(patch.display_name, str) and patch.display_name.strip():
        return patch.display_name
    if not isinstance(patch.display_name, UnsetType) and (current is not None or patch.display_name is not None):
        notes.invalid("/display_name", "Zendesk needs a name")
        return UNSET
    if current is not None:
        return UNSET
    if parts:
        # Sent only where the caller accepts the loss: better one name of two parts than none.
        return " ".join(parts)
    notes.lose("/display_name", "defaulted", "a new Zendesk user without a name is named by address or number")
    return UNSET


def _email(patch: CustomerPatch, current: User | None, notes: Notes) -> str | UnsetType:
    if isinstance(patch.emails, UnsetType):
        return UNSET
    held = None if current is None or not current.email else values.email(current.email)
    if not patch.emails:
        if held is not None:
            notes.unsupported("/emails", "Zendesk does not take a user's primary address away by an update")
        return UNSET

    place = next((place for place, email in enumerate(patch.emails) if email.is_primary is True), 0)
    for other in range(len(patch.emails)):
        if other != place:
            notes.unsupported(f"/emails/{other}", "Zendesk keeps one address in a user; more are identities there")
    chosen = patch.emails[place]
    if chosen.type not in (UNSET, "unknown"):
        notes.unsupported(f"/emails/{place}/type", "Zendesk keeps no kind of address")
    if chosen.status not in (UNSET, "unknown"):
        notes.unsupported(f"/emails/{place}/status", "Zendesk finds out by itself whether an address is good")
    if not values.is_email(chosen.address):
        notes.invalid(f"/emails/{place}/address", "not an e-mail address")
        return UNSET
    address = values.email(chosen.address)
    if address == held:
        return UNSET
    if held is not None:
        detail = "Zendesk adds another address as a second one and keeps the first; make it primary in Zendesk"
        notes.unsupported(f"/emails/{place}/address", detail)
        return UNSET
    if address != chosen.address:
        notes.lose(f"/emails/{place}/address", "coerced", "lower-cased")
    return address


def _phone(phones: tuple[PhonePatch, ...], notes: Notes) -> str | None | UnsetType:
    if not phones:
        return None

    place = next((place for place, phone in enumerate(phones) if phone.is_primary is True), 0)
    for other in range(len(phones)):
        if other != place:
            notes.unsupported(f"/phones/{other}", "Zendesk keeps one number in a user; more are identities there")
    chosen = phones[place]
    if chosen.type not in (UNSET, "unknown"):
        notes.unsupported(f"/phones/{place}/type", "Zendesk keeps no kind of number")
    if chosen.e164:
        e164 = values.phone(chosen.e164)
        if e164 is None:
            notes.invalid(f"/phones/{place}/e164", "not a phone number in E.164, such as +4930123456")
        elif e164 != chosen.e164:
            notes.lose(f"/phones/{place}/e164", "coerced", "written without spaces or punctuation")
        return e164
    if not chosen.raw:
        notes.invalid(f"/phones/{place}", "e164 or raw is needed")
    return chosen.raw


def _locale(language: str | None | UnsetType, notes: Notes) -> str | UnsetType:
    if isinstance(language, UnsetType):
        return UNSET
    if language is None or values.language(language) is None:
        notes.invalid("/language", "a Zendesk user always has one: send a BCP 47 tag such as de or pt-BR")
        return UNSET
    return language.strip().replace("_", "-")


def _time_zone(zone: str | None | UnsetType, notes: Notes) -> str | UnsetType:
    if isinstance(zone, UnsetType):
        return UNSET
    if zone is None or values.timezone(zone) is None:
        notes.invalid("/timezone", "a Zendesk user always has one: send an IANA name such as Europe/Berlin")
        return UNSET
    return zone


def _suspended(status: CustomerStatus | UnsetType, notes: Notes) -> bool | UnsetType:
    if isinstance(status, UnsetType):
        return UNSET
    suspended = SUSPENDED.get(status)
    if suspended is None:
        notes.invalid("/status", f"one of: {', '.join(SUSPENDED)}; a customer is archived by DELETE")
        return UNSET
    return suspended


def _user_fields(
    patch: CustomerPatch, current: User | None, account: Account, notes: Notes
) -> dict[str, CustomFieldValue] | UnsetType:
    if isinstance(patch.custom_fields, UnsetType):
        return UNSET
    settings = account.custom_fields.get("customer", ())
    held = None if current is None else current.user_fields or {}
    return dict(custom_fields.write(patch.custom_fields, settings, held, notes)) or UNSET


CUSTOMER: Final = VendorMapping(
    vendor="zendesk",
    object="customer",
    revision=1,
    vendor_api="v2",
    record=User,
    model=Customer,
    patch=CustomerPatch,
    account=Account,
    endpoints=ENDPOINTS,
    to_canonical=to_canonical,
    to_vendor=to_vendor,
    shapes=(USER_EVENT,),
)
