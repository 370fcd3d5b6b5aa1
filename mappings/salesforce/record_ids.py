"""Salesforce's ids: 15 characters in which case counts, or the same with 3 more that tell it to those who ignore case.

The API always sends 18 characters, so that form is the id; what people copy from a page's address has 15.
"""

from typing import Final

from msgspec import UnsetType

from mappings.spec import Notes

PATTERN: Final = "[a-zA-Z0-9]{15}[A-Z0-5]{3}"
LONG: Final = 18
USER: Final = "005"
GROUP: Final = "00G"
CONTACT: Final = "003"
ACCOUNT: Final = "001"
CASE: Final = "500"
ORDER: Final = "801"
CASE_COMMENT: Final = "00a"
_TOLD_BY: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def long_id(text: str) -> str:
    """The 18 characters of an id of 15; anything else as it is."""
    if len(text) != 15:
        return text
    suffix = ""
    for start in (0, 5, 10):
        bits = sum(1 << place for place, letter in enumerate(text[start : start + 5]) if "A" <= letter <= "Z")
        suffix += _TOLD_BY[bits]
    return text + suffix


def is_id(text: str, prefixes: tuple[str, ...] = ()) -> bool:
    """Whether a text can be an id, of the sObjects with these prefixes where some are named."""
    return len(text) in (15, 18) and text.isascii() and text.isalnum() and (not prefixes or text[:3] in prefixes)


def written(
    wanted: str | None | UnsetType, prefixes: tuple[str, ...], pointer: str, what: str, notes: Notes
) -> str | None | UnsetType:
    """A reference to write: an id of the right kind in its long form, None to take it away."""
    if not isinstance(wanted, str):
        return wanted
    if not is_id(wanted, prefixes):
        notes.invalid(pointer, f"the Salesforce id of {what} is expected: 18 characters that begin with {prefixes[0]}")
        return None
    return long_id(wanted)
