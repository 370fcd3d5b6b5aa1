"""Properties of a write."""

from collections.abc import Mapping
from typing import TypeVar

from msgspec import UnsetType

from mappings.kit import patches
from mappings.spec import Notes

C = TypeVar("C", bound=str)  # the canonical values of an enumeration


def sent(properties: Mapping[str, str | UnsetType]) -> dict[str, str]:
    """Return the properties without those that the patch leaves as they are."""
    return {name: value for name, value in properties.items() if not isinstance(value, UnsetType)}


def chosen(
    wanted: C | UnsetType,
    table: Mapping[C, str],
    options: tuple[str, ...] | None,
    pointer: str,
    notes: Notes,
    near: Mapping[C, tuple[C, ...]],
) -> str | UnsetType:
    """Return HubSpot's value of an enumeration, or that of the nearest value (`near`). `options` are those of the
    account, None if they are unknown."""
    available = {ours: theirs for ours, theirs in table.items() if not theirs or options is None or theirs in options}
    return patches.chosen(wanted, available, pointer, notes, "this HubSpot account has ", near)
