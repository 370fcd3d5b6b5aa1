"""Ids, times, and the URL of a record.

An id has 15 case-sensitive characters, or 18 with a suffix for systems that ignore case. The API always sends 18, so
that form is the id. An id that people copy from a page's URL has 15.
"""

from datetime import UTC, datetime
from typing import Final

from msgspec import UnsetType

from canonical import values
from canonical.parts import ReferencePatch
from mappings.kit.patches import remote_id
from mappings.salesforce.wire_v62 import Account, Case, Contact, Order
from mappings.spec import Notes, Remote
from mappings.stored import EVERY_TEXT, TextChange

PATTERN: Final = "[a-zA-Z0-9]{15}[A-Z0-5]{3}"
LONG: Final = 18
USER: Final = "005"
GROUP: Final = "00G"
CONTACT: Final = "003"
ACCOUNT: Final = "001"
CASE: Final = "500"
ORDER: Final = "801"
CASE_COMMENT: Final = "00a"
_BLANKS: Final = "".join(map(chr, range(ord(" ") + 1)))
STORES: Final = {
    EVERY_TEXT: TextChange(
        text=lambda text: text.strip(_BLANKS), detail="Salesforce removes blanks at the beginning and the end"
    )
}
LONGEST_TEXT: Final = 32_000
"""The most characters of a description (Object Reference, also the following)."""
LONGEST_IN_ADDRESS: Final = {"line1": 255, "city": 40, "region": 80, "postal_code": 20}
_STORED: Final = STORES[EVERY_TEXT]
_SUFFIX: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def kept_text(text: str | None, pointer: str, notes: Notes) -> str | None:
    """Return a text that `STORES` does not cover as Salesforce stores it. Note a loss if that changes it."""
    stored = text and _STORED.text(text)
    if stored != text:
        notes.lose(pointer, "coerced", _STORED.detail)
    return stored


def instant(moment: datetime | None) -> datetime | None:
    """Return a time in UTC. Salesforce nearly always sends UTC."""
    return moment if moment is None or moment.tzinfo is UTC else values.utc(moment)


def changed_at(record: Contact | Case | Order) -> datetime | None:
    """Return when a record last changed: by anyone (`SystemModstamp`), else by a user."""
    return instant(record.system_modstamp or record.last_modified_date)


def remote(sobject: str, id: str, created_at: datetime | None, updated_at: datetime | None, account: Account) -> Remote:
    """Return the identity of a record."""
    page = account.pages.get(sobject)
    if page is None:
        return Remote(id=id, created_at=created_at, updated_at=updated_at)
    return Remote(id=id, url=page.replace("{ID}", id), created_at=created_at, updated_at=updated_at)


def long_id(text: str) -> str:
    """Return an id of 15 characters with its suffix, any other text as it is."""
    if len(text) != 15:
        return text
    suffix = ""
    for start in (0, 5, 10):
        bits = sum(1 << place for place, letter in enumerate(text[start : start + 5]) if "A" <= letter <= "Z")
        suffix += _SUFFIX[bits]
    return text + suffix


def is_id(text: str, prefixes: tuple[str, ...] = ()) -> bool:
    """Return whether a text has the form of an id, and one of the prefixes if there are any."""
    return len(text) in (15, 18) and text.isascii() and text.isalnum() and (not prefixes or text[:3] in prefixes)


def write_reference(
    reference: ReferencePatch | None | UnsetType, prefixes: tuple[str, ...], pointer: str, what: str, notes: Notes
) -> str | None | UnsetType:
    """Return the id of another record with 18 characters, None to remove it. One with another prefix is refused."""
    wanted = remote_id(reference)
    if not isinstance(wanted, str):
        return wanted
    if not is_id(wanted, prefixes):
        notes.invalid(
            f"{pointer}/remote_id", f"send the Salesforce id of {what}: 18 characters that begin with {prefixes[0]}"
        )
        return None
    return long_id(wanted)
