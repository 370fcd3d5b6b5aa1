"""Fields of a patch in a vendor's terms: refuse those without a place, choose from a table, write references."""

from collections.abc import Mapping
from typing import TypeVar

from msgspec import UNSET, Struct, UnsetType

from canonical import values
from mappings.spec import Notes

K = TypeVar("K")
V = TypeVar("V")
E = TypeVar("E", str, None)

MOST_DIGITS = 18
"""Every number of this many digits fits into 64 bits."""


def refuse_without_place(patch: Struct, reasons: Mapping[str, str], notes: Notes) -> None:
    """Refuse each field that the patch names and the vendor cannot hold. It cannot be emptied either."""
    for name, reason in reasons.items():
        if not isinstance(getattr(patch, name), UnsetType):
            notes.unsupported(f"/{name}", reason)


def chosen(wanted: K | UnsetType, words: Mapping[K, V], pointer: str, notes: Notes, what: str = "") -> V | UnsetType:
    """Return the vendor's value for a canonical one. One that it lacks is refused with the list of those it has;
    `what` begins the sentence."""
    if isinstance(wanted, UnsetType):
        return UNSET
    if wanted not in words:
        notes.invalid(pointer, f"{what}one of: {', '.join(map(str, words)) or 'none'}")
        return UNSET
    return words[wanted]


def text(value: str | None | UnsetType, empty: E) -> str | E | UnsetType:
    """Return plain text: absent leaves the field, null and "" empty it, which the vendor writes as `empty`."""
    return value if isinstance(value, UnsetType) else value or empty


def record_id(wanted: str | None | UnsetType, pointer: str, vendor: str, notes: Notes) -> int | None | UnsetType:
    """Return the numeric id of another record, or None to take it away."""
    if not isinstance(wanted, str):
        return wanted
    if not (wanted.isascii() and wanted.isdecimal()) or len(wanted) > MOST_DIGITS:
        notes.invalid(pointer, f"a {vendor} id is a whole number")
        return UNSET
    return int(wanted)


def email(address: str, pointer: str, notes: Notes) -> str:
    """Return an e-mail address in lower case, and note where it was spelled otherwise."""
    folded = values.email(address)
    if folded != address:
        notes.lose(pointer, "coerced", "trimmed and lower-cased")
    return folded


def checked_email(address: str, pointer: str, notes: Notes) -> str | None:
    """Return an e-mail address like `email`, None for one that is refused as invalid."""
    if not values.is_email(address):
        notes.invalid(pointer, "not an e-mail address")
        return None
    return email(address, pointer, notes)


def phone(e164: str, pointer: str, notes: Notes) -> str | None:
    """Return a number in E.164, None for one that is refused as invalid. Note where it was spelled otherwise."""
    number = values.phone(e164)
    if number is None:
        notes.invalid(pointer, "not a phone number in E.164, such as +4930123456")
    elif number != e164:
        notes.lose(pointer, "coerced", "written without spaces or punctuation")
    return number
