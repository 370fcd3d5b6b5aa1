"""Convert fields of a patch to a vendor's values: refuse unsupported fields, look up enum values, write references."""

from collections.abc import Callable, Container, Mapping
from datetime import datetime
from typing import Any, Final, TypeVar

from msgspec import UNSET, Struct, UnsetType

from canonical import values
from canonical.parts import AddressPatch, ReferencePatch
from mappings.kit.markers import PREFIX
from mappings.spec import Draft, Notes

K = TypeVar("K")
V = TypeVar("V")
E = TypeVar("E", str, None)

IMPLIED: Final = {"kind": "person", "status": "active", "channel": "api"}
"""Values that a customer or ticket reads at a vendor without the field."""
ORDINARY: Final = {"tax_exemption": "none"}
"""Values that are no reason to refuse, but are not read at a vendor without the field: they are lost."""
WORDS: Final = {
    "display_name": "display name",
    "lifecycle_stage": "life-cycle stage",
    "tax_ids": "tax numbers",
    "timezone": "time zone",
    "external_id": "key of the caller's own",
}
"""Fields by the words of a sentence, where these are not their names."""
MOST_DIGITS = 18
"""Digits of the longest numbers that always fit into 64 bits."""


def refuse_without_place(
    patch: Struct, reasons: Mapping[str, str], notes: Notes, implied: Mapping[str, object] = IMPLIED
) -> None:
    """Refuse each field in the patch that the vendor cannot store, even if it is null. A value that every record of the
    vendor has (`implied`) counts as stored."""
    for name, reason in reasons.items():
        sent = getattr(patch, name)
        if sent in (UNSET, implied.get(name, UNSET)):
            continue
        if name in ORDINARY and sent == ORDINARY[name]:
            notes.lose(f"/{name}", "dropped", reason)
        else:
            notes.unsupported(f"/{name}", reason)


def read_only(reason: str) -> Callable[[Struct, Any, Any], Draft[None]]:
    """Return a `to_vendor` that refuses every field that was sent."""

    def refused(patch: Struct, current: Any, account: Any) -> Draft[None]:
        notes = Notes()
        for name in patch.__struct_fields__:
            if getattr(patch, name) is not UNSET:
                notes.unsupported(f"/{name}", reason)
        return notes.draft(None)

    return refused


def have_no(who: str, *fields: str) -> dict[str, str]:
    """Return the reasons to refuse fields that a vendor does not have: `have_no("Zendesk users", "currency")`."""
    return {field: f"{who} have no {WORDS.get(field, field.replace('_', ' '))}" for field in fields}


def refuse_members(part: Struct, names: tuple[str, ...], pointer: str, reason: str, notes: Notes) -> None:
    """Refuse each of these members of a part, such as an address, that has a value."""
    for name in names:
        if getattr(part, name):
            notes.unsupported(f"{pointer}/{name}", reason)


def own_key(wanted: str | None | UnsetType, vendor: str, notes: Notes) -> str | None | UnsetType:
    """Return the caller's key, for a vendor that stores it in the place of the marker (`markers.PREFIX`). Refuse one
    that looks like a marker, or that the vendor would trim."""
    if isinstance(wanted, str) and wanted.startswith(PREFIX):
        notes.invalid("/external_id", f"the prefix {PREFIX} is reserved for Lockstitch: send another key")
        return UNSET
    if isinstance(wanted, str) and wanted != wanted.strip():
        notes.invalid("/external_id", f"remove the spaces around it: {vendor} would trim them")
        return UNSET
    return wanted


def country_code(address: AddressPatch, pointer: str, notes: Notes) -> str | None:
    """Return the country of an address. Refuse a code that is not ISO 3166-1 alpha-2."""
    code = address.country_code or None
    if code is not None and values.country(code) != code:
        notes.invalid(f"{pointer}/country_code", "not an ISO 3166-1 alpha-2 code such as DE")
    return code


def chosen(
    wanted: K | UnsetType,
    words: Mapping[K, V],
    pointer: str,
    notes: Notes,
    what: str = "",
    near: Mapping[K, tuple[K, ...]] | None = None,
) -> V | UnsetType:
    """Return the vendor's value for a canonical one, or for the nearest one (`near`, see `nearest`) with a loss. Refuse
    any other value, with a sentence that begins with `what` and lists the known ones."""
    if isinstance(wanted, UnsetType):
        return UNSET
    if wanted in words:
        return words[wanted]
    substitute = nearest(wanted, words, near or {}, pointer, notes)
    if substitute is not None:
        return words[substitute]
    notes.invalid(pointer, f"{what}one of: {', '.join(map(str, words)) or 'none'}")
    return UNSET


def nearest(
    wanted: K, available: Container[K], near: Mapping[K, tuple[K, ...]], pointer: str, notes: Notes
) -> K | None:
    """Return the nearest value that the vendor has (`available`), and note the loss. None if there is none."""
    substitute = next((one for one in near.get(wanted, ()) if one in available), None)
    if substitute is not None:
        notes.lose(pointer, "coerced", f"{wanted} is stored as {substitute}, the nearest value there")
    return substitute


def text(value: str | None | UnsetType, empty: E) -> str | E | UnsetType:
    """Return plain text, UNSET for an absent field, or `empty`, the vendor's empty value, for null and ""."""
    return value if isinstance(value, UnsetType) else value or empty


def remote_id(reference: ReferencePatch | None | UnsetType) -> str | None | UnsetType:
    """Return the vendor's id of another record, or None to remove the reference."""
    if not isinstance(reference, ReferencePatch):
        return reference
    return UNSET if reference.remote_id is None else reference.remote_id


def record_id(
    reference: ReferencePatch | None | UnsetType, pointer: str, vendor: str, notes: Notes
) -> int | None | UnsetType:
    """Return the numeric id of another record, or None to remove the reference."""
    wanted = remote_id(reference)
    if not isinstance(wanted, str):
        return wanted
    if not (wanted.isascii() and wanted.isdecimal()) or len(wanted) > MOST_DIGITS:
        notes.invalid(f"{pointer}/remote_id", f"a {vendor} id is a whole number")
        return UNSET
    return int(wanted)


def whole_seconds(
    moment: datetime | None | UnsetType, pointer: str, vendor: str, notes: Notes
) -> datetime | None | UnsetType:
    """Return a time without fractions of a second. Note a loss if that changes it."""
    if not isinstance(moment, datetime) or not moment.microsecond:
        return moment
    notes.lose(pointer, "coerced", f"{vendor} keeps whole seconds")
    return moment.replace(microsecond=0)


def email(address: str, pointer: str, notes: Notes) -> str:
    """Return an e-mail address, trimmed and in lower case. Note a loss if that changes it."""
    folded = values.email(address)
    if folded != address:
        notes.lose(pointer, "coerced", "trimmed and lower-cased")
    return folded


def checked_email(address: str, pointer: str, notes: Notes) -> str | None:
    """Return an e-mail address like `email`. Refuse an invalid address and return None."""
    if not values.is_email(address):
        notes.invalid(pointer, "not an e-mail address")
        return None
    return email(address, pointer, notes)


def ascii_email(address: str, pointer: str, vendor: str, notes: Notes) -> str | UnsetType:
    """Return an e-mail address for a vendor that takes ASCII only: with its domain as DNS has it. Refuse one with other
    letters before the @ and return UNSET."""
    written = values.email_key(address)
    if written.isascii():
        return written
    notes.unsupported(pointer, f"{vendor} takes e-mail addresses in ASCII only")
    return UNSET


def phone(e164: str, pointer: str, notes: Notes) -> str | None:
    """Return a number in E.164. Note a loss if that changes it. Refuse an invalid number and return None."""
    number = values.phone(e164)
    if number is None:
        notes.invalid(pointer, "not an E.164 number: begin with + and the country code")
    elif number != e164:
        notes.lose(pointer, "coerced", "written without spaces or punctuation")
    return number
