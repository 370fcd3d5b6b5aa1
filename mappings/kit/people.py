"""Customers of a vendor that stores one e-mail address and one telephone number: write the primary, refuse the rest."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from msgspec import UNSET, Struct, UnsetType

from canonical import values
from canonical.customer import CustomerPatch, EmailPatch, EmailStatus, PhonePatch, PhoneType
from canonical.field_kinds import fields_of
from canonical.parts import AddressPatch, ReferencePatch
from canonical.same_value import same
from canonical.slots import Slots
from mappings.kit import nearest, patches
from mappings.kit.names import SURPLUS, tidy
from mappings.spec import Notes

KNOWN: Final = (UNSET, "unknown")


class OnlyOne(Struct, frozen=True, kw_only=True):
    """Reasons to refuse everything except one plain address or number. A reason of None accepts that part."""

    others: str
    type: str | None = None
    status: str | None = None
    primary: str | None = None


def only_email(vendor: str) -> OnlyOne:
    """Return the reasons of a vendor that stores one e-mail address without details."""
    return OnlyOne(
        others=f"{vendor} keeps one e-mail address",
        type=f"{vendor} keeps no type of e-mail address",
        status=f"{vendor} does not track whether mail is delivered",
        primary="the only address is the primary one",
    )


def only_phone(vendor: str) -> OnlyOne:
    """Return the reasons of a vendor that stores one telephone number without details."""
    return OnlyOne(
        others=f"{vendor} keeps one telephone number",
        type=f"{vendor} keeps no type of phone number",
        primary="the only number is the primary one",
    )


def primary(sent: Sequence[EmailPatch | PhonePatch], otherwise: int = 0) -> int:
    """Return the index of the primary entry, or `otherwise` if none is marked."""
    return next((place for place, one in enumerate(sent) if one.is_primary is True), otherwise)


def write_email(
    sent: tuple[EmailPatch, ...] | None | UnsetType,
    reasons: OnlyOne,
    notes: Notes,
    *,
    folds: bool = True,
    stored_status: EmailStatus = "unknown",
) -> str | None | UnsetType:
    """Return the primary address, or None to remove it. Refuse the others. Lower-case it, unless the vendor compares
    addresses without case and keeps their spelling (`folds=False`). For `stored_status` see `refuse_details`."""
    if isinstance(sent, UnsetType) or not sent:
        return UNSET if isinstance(sent, UnsetType) else None
    place = only(sent, "/emails", reasons, notes, stored_status)
    address = sent[place].address
    return patches.email(address, f"/emails/{place}/address", notes) if folds else address


def write_phone(
    sent: tuple[PhonePatch, ...] | None | UnsetType,
    reasons: OnlyOne,
    notes: Notes,
    spelling: Literal["raw", "e164"] = "raw",
    *,
    country: str | None = None,
) -> str | None | UnsetType:
    """Return the primary number, or None to remove it. Refuse the others. `spelling` is the preferred form; `country`
    is that of the record, in which the vendor or Lockstitch reads a number without a prefix."""
    if isinstance(sent, UnsetType) or not sent:
        return UNSET if isinstance(sent, UnsetType) else None
    place = only(sent, "/phones", reasons, notes)
    number, raw = sent[place], (sent[place].raw or "").strip()
    if not (number.e164 or raw):
        notes.invalid(f"/phones/{place}", "send e164 or raw")
        return UNSET
    if spelling == "raw":
        return phone_text(number, country)
    e164 = number.e164 or values.phone(raw, country)
    if e164 is None:
        notes.unsupported(f"/phones/{place}", "its country is unknown: send e164, or an address with a country_code")
        return UNSET
    if number.e164 is None and raw != e164:
        by = "" if values.phone(raw) == e164 else ", in the country of the address"
        notes.lose(f"/phones/{place}/raw", "coerced", f"written as {e164}{by}")
    elif values.phone_extension(raw):
        notes.lose(f"/phones/{place}/raw", "coerced", f"written as {e164}, without the extension")
    return e164


def country_of(addresses: tuple[AddressPatch, ...] | None | UnsetType, stored: str | None) -> str | None:
    """Return the country in which numbers are read after a write: that of the addresses if they have one country, or of
    the present record (`stored`) if none are sent."""
    if isinstance(addresses, UnsetType):
        return stored
    countries = {one.country_code or None for one in addresses or ()}
    return countries.pop() if len(countries) == 1 else None


def with_country(raw: str, patch: CustomerPatch, pointer: str, notes: Notes) -> str:
    """Return a number for a vendor that keeps no country of a customer: in E.164 if it can be read in the country of
    the addresses that are sent, else as it is."""
    e164 = values.phone(raw, country_of(patch.addresses, None))
    if e164 is None or values.phone(raw) == e164:
        return raw
    notes.lose(pointer, "coerced", f"written as {e164}, because no country is stored with it")
    return e164


def numbers_by_type(
    phones: Sequence[PhonePatch], fields: Mapping[PhoneType, str], vendor: str, notes: Notes
) -> dict[str, int]:
    """Return the index of the number for each field of a vendor that stores one number of each type. `fields` names the
    field of each type, `unknown` for a number without one. A type that is missing or taken goes to the nearest free
    one; refuse a number that has none."""
    chosen: dict[str, int] = {}
    left: list[tuple[int, PhoneType]] = []
    for index, phone in enumerate(phones):
        kind: PhoneType = "unknown" if isinstance(phone.type, UnsetType) else phone.type
        name = fields.get(kind)
        if name is None or name in chosen:
            left.append((index, kind))
        else:
            chosen[name] = index
    for index, kind in left:
        near = next((one for one in nearest.PHONE.get(kind, ()) if fields.get(one, "") not in ("", *chosen)), None)
        if near is None:
            notes.unsupported(f"/phones/{index}", f"{vendor} stores one number of each type: {', '.join(fields)}")
        elif kind == "unknown":
            notes.lose(f"/phones/{index}/type", "defaulted", f"a number without a type is stored as a {near} number")
            chosen[fields[near]] = index
        else:
            detail = f"{kind} is stored as {near}, the nearest free type at {vendor}"
            notes.lose(f"/phones/{index}/type", "coerced", detail)
            chosen[fields[near]] = index
    return chosen


def one_slot(items: Sequence[EmailPatch | PhonePatch]) -> dict[str, int]:
    """Return the index of the one item that the vendor stores (`Slots`)."""
    return {"primary": primary(items)} if items else {}


def slots_by_type(fields: Mapping[PhoneType, str]) -> Slots:
    """Return the slots of a vendor that stores one number of each type, as in `numbers_by_type`."""
    return lambda phones: numbers_by_type(phones, fields, "", Notes())


def check_person(patch: CustomerPatch, vendor: str, notes: Notes, *, has_status: bool = False) -> None:
    """Refuse a customer who is not a person, or not active, for a vendor with only active people. With `has_status`,
    the mapping writes the status itself, such as blocked."""
    if patch.kind not in (UNSET, "person"):
        notes.unsupported("/kind", f"{vendor} stores every customer as a person")
    if not has_status and patch.status not in (UNSET, "active"):
        notes.unsupported("/status", f"{vendor} stores only active customers here: DELETE archives one")


def phone_text(phone: PhonePatch, country: str | None) -> str | None:
    """Return the caller's spelling of a number if it equals the E.164 form in the country, so callers can send back an
    array as they read it. Otherwise return E.164 with the extension. None without a number."""
    raw = (phone.raw or "").strip()
    if not phone.e164 or not raw:
        return phone.e164 or raw
    return raw if values.phone(raw, country) == phone.e164 else phone.e164 + values.phone_extension(raw)


def refuse_details(
    one: EmailPatch | PhonePatch, pointer: str, reasons: OnlyOne, notes: Notes, stored_status: EmailStatus = "unknown"
) -> None:
    """Refuse the details of an address or a number that the vendor cannot store. `stored_status` is accepted: it is the
    status that the vendor reports for the address."""
    if reasons.type is not None and one.type not in KNOWN:
        notes.unsupported(f"{pointer}/type", reasons.type)
    if reasons.status is not None and isinstance(one, EmailPatch) and one.status not in (*KNOWN, stored_status):
        notes.unsupported(f"{pointer}/status", reasons.status)
    if reasons.primary is not None and one.is_primary is False:
        notes.unsupported(f"{pointer}/is_primary", reasons.primary)


def only(
    sent: Sequence[EmailPatch | PhonePatch],
    pointer: str,
    reasons: OnlyOne,
    notes: Notes,
    stored_status: EmailStatus = "unknown",
) -> int:
    """Return the index of the primary entry. Refuse the others, and its unsupported details."""
    place = primary(sent)
    for other in range(len(sent)):
        if other != place:
            notes.unsupported(f"{pointer}/{other}", reasons.others)
    refuse_details(sent[place], f"{pointer}/{place}", reasons, notes, stored_status)
    return place


def note_spaces(name: str | None, pointer: str, notes: Notes) -> None:
    """Note a loss for the name of a person whose record is made with the write, if it has surplus spaces: it is split
    into first and last name."""
    if name is not None and tidy(name) != name:
        notes.lose(f"{pointer}/name", "coerced", SURPLUS)


def compare_person(patch: ReferencePatch, known: Mapping[str, str | None], pointer: str, notes: Notes) -> None:
    """Note a loss for each member of a reference that differs from the known person: it is not written. The members of
    an unknown person only name them, so nothing is lost."""
    kinds = fields_of(ReferencePatch)
    if not known:
        note_spaces(patch.name, pointer, notes)
    for name, stored in known.items():
        sent = getattr(patch, name)
        if sent is not None and stored is not None and not same(stored, sent, kinds[name]):
            notes.lose(f"{pointer}/{name}", "coerced", "the reference names a person whose own data are not changed")
