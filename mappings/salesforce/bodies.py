"""What the writes of all objects share: fields without a place, the caller's own key, text that cannot be empty."""

from collections.abc import Mapping
from typing import Final

from msgspec import UNSET, Struct, UnsetType

from mappings.salesforce.wire_v62 import KEY, Account
from mappings.spec import Notes

RESERVED: Final = "lockstitch:"


def refuse_without_place(patch: Struct, reasons: Mapping[str, str], notes: Notes) -> None:
    """Name every field that was sent and that Salesforce has no place for: it cannot be emptied either."""
    for name, reason in reasons.items():
        if not isinstance(getattr(patch, name), UnsetType):
            notes.unsupported(f"/{name}", reason)


def text(value: str | None | UnsetType) -> str | None | UnsetType:
    """Plain text: absent leaves it, null and "" empty it, which is the same to Salesforce."""
    return value if isinstance(value, UnsetType) else value or None


def needed(value: str | None | UnsetType, pointer: str, why: str, notes: Notes) -> str | UnsetType:
    """Text that Salesforce does not let be empty."""
    if isinstance(value, UnsetType):
        return UNSET
    if not value or not value.strip():
        notes.invalid(pointer, why)
        return UNSET
    return value


def own_key(value: str | None | UnsetType, sobject: str, account: Account, notes: Notes) -> str | None | UnsetType:
    """The caller's own key, in the field that the administrator has made for it."""
    if isinstance(value, UnsetType):
        return UNSET
    if not account.has(sobject, KEY):
        notes.unsupported(
            "/external_id", f"this org has no unique field {KEY} on {sobject}: its administrator has to make it"
        )
        return UNSET
    if value is not None and (value.startswith(RESERVED) or value != value.strip()):
        notes.invalid("/external_id", f"a key has no space at its ends and does not begin with {RESERVED}")
        return UNSET
    return value


def read_key(key: str | None) -> str | None:
    """The caller's own key; a mark of ours is none."""
    return None if key is None or key.startswith(RESERVED) else key
