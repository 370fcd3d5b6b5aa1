"""Text as WordPress stores it.

Texts of customers and titles of shipping pass through `sanitize_text_field`: it removes tags and percent-encoded
octets, and folds spaces and line breaks. Other texts are stored as they were sent. "<" and "&" may be stored as
character references. Reads replace these, so a write adds them where a text would otherwise read as another one.
"""

import re
from typing import Final, TypeVar

from msgspec import UnsetType

from canonical import values
from mappings.spec import Notes

T = TypeVar("T", str, str | None, str | UnsetType, str | None | UnsetType)

CHANGED: Final = "WordPress removes line breaks, repeated spaces and percent-encoded characters"
_OCTET: Final = re.compile(r"%[0-9a-f]{2}", re.IGNORECASE)
_SPACES: Final = re.compile(r"[\r\n\t ]+")


def escaped(text: T) -> T:
    """Return a text that WordPress stores whole and that reads as `text`."""
    if not isinstance(text, str):
        return text
    kept = text if values.unescaped(text) == text else text.replace("&", "&amp;")
    return kept.replace("<", "&lt;")


def sanitized(text: T, pointer: str, notes: Notes) -> T:
    """Return `escaped` text after `sanitize_text_field`. Note a loss if it then reads as another one."""
    if not isinstance(text, str):
        return text
    kept = _SPACES.sub(" ", escaped(text)).strip()
    while (octet := _OCTET.search(kept)) is not None:
        kept = _SPACES.sub(" ", kept.replace(octet[0], "")).strip()
    if values.unescaped(kept) != text:
        notes.lose(pointer, "coerced", CHANGED)
    return kept
