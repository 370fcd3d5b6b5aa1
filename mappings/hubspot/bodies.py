"""What both mappings do with one field of a write: put text, choose an enumeration's value, refuse the rest."""

from collections.abc import Mapping
from typing import TypeVar

from msgspec import Struct, UnsetType

from mappings.hubspot.wire_v3 import CLEARED
from mappings.spec import Notes

C = TypeVar("C", bound=str)  # the canonical values of an enumeration


def put_text(properties: dict[str, str], name: str, value: str | None | UnsetType) -> None:
    """Set a property of plain text: absent leaves it, null clears it."""
    if not isinstance(value, UnsetType):
        properties[name] = value or CLEARED


def put_choice(
    properties: dict[str, str],
    name: str,
    value: C | UnsetType,
    table: Mapping[C, str],
    options: tuple[str, ...] | None,
    pointer: str,
    notes: Notes,
) -> None:
    """Set an enumeration from its write table. A value that the table or the account lacks is refused with the list
    of those that this account can hold; `options` are the account's own, None where they are not known."""
    if isinstance(value, UnsetType):
        return
    held = [ours for ours, theirs in table.items() if not theirs or options is None or theirs in options]
    if value not in held:
        notes.invalid(pointer, f"this HubSpot account holds one of: {', '.join(held)}")
        return
    properties[name] = table[value]


def refuse_unsupported(patch: Struct, reasons: Mapping[str, str], notes: Notes) -> None:
    """Name every field that was sent and that HubSpot has no place for."""
    for name, reason in reasons.items():
        if not isinstance(getattr(patch, name), UnsetType):
            notes.unsupported(f"/{name}", reason)
