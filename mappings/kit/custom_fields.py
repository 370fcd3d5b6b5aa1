"""Custom fields at any vendor: which a caller may name, which values fit a type, and the choices of the account.

Each vendor folder converts the values to the vendor's spelling.
"""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any, Final, TypeVar

from msgspec import UnsetType

from canonical import values
from canonical.field_kinds import ComparedField, fields_of
from canonical.parts import CustomField, CustomFieldPatch, CustomFieldSetting, CustomFieldType, CustomFieldValue
from canonical.same_value import same
from mappings.manifest import FieldOptions
from mappings.spec import Notes

A = TypeVar("A")

CHOOSING: Final = frozenset[CustomFieldType](("enum", "multi_enum"))
MOST_NAMED: Final = 20
"""Choices that a refusal lists."""
DAY_LENGTH: Final = len("2026-05-01")
EXPECTED: Final[dict[CustomFieldType, str]] = {
    "string": "text",
    "number": "a number",
    "boolean": "true or false",
    "date": "a date such as 2026-05-01",
    "datetime": "a time such as 2026-05-01T09:30:00Z",
    "enum": "one choice as text",
    "multi_enum": "a list of choices as text",
}
"""Description of a value of each type, for refusals."""


class ChosenField(CustomFieldSetting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A configured field with the choices that the account has, in the account's order."""

    choices: tuple[str, ...]


def only_configured(account: Callable[..., A]) -> Callable[..., A]:
    """Return the `build_account` of a vendor whose only account facts are the configured custom fields."""
    return lambda replies, custom_fields: account(custom_fields=dict(custom_fields))


def name_of(setting: CustomFieldSetting) -> str:
    """Return the field's name among the options of its object."""
    return f"custom_fields.{setting.key}"


def add_choices(
    settings: tuple[CustomFieldSetting, ...], options: FieldOptions, open_keys: frozenset[str] = frozenset()
) -> tuple[CustomFieldSetting, ...]:
    """Add the account's choices to the settings of enum fields, except those of `open_keys`, which accept other values.
    Include inactive options, because the vendor decides whether they can still be written."""
    return tuple(setting if setting.key in open_keys else _chosen_field(setting, options) for setting in settings)


def named(
    patch: tuple[CustomFieldPatch, ...] | UnsetType | None,
    settings: tuple[CustomFieldSetting, ...],
    notes: Notes,
    pointer: str = "/custom_fields",
    same: frozenset[str] = frozenset(),
) -> Iterator[tuple[int, CustomFieldSetting, CustomFieldValue]]:
    """Yield the fields that a patch sets: index in the array, setting, and a value of its type, or None to clear the
    field. Skip the keys of `same`: their values do not change.

    Refuse and skip an unknown key, a value of another type, and an unknown choice. Without known choices, the vendor
    validates the value.
    """
    known, unknown_key = {setting.key: setting for setting in settings}, _unknown_key(settings)
    for place, field in enumerate(patch if isinstance(patch, tuple) else ()):
        setting = known.get(field.key)
        if field.key in same:
            continue
        if setting is None:
            notes.unsupported(f"{pointer}/{place}/key", unknown_key)
        elif field.value is not None and not fits(setting.type, field.value):
            notes.invalid(f"{pointer}/{place}/value", f"must be {EXPECTED[setting.type]}")
        elif isinstance(setting, ChosenField) and (unknown := _unknown(field.value, setting.choices)):
            notes.invalid(f"{pointer}/{place}/value", _no_choice(unknown, setting.choices))
        else:
            yield place, setting, field.value


def unchanged(
    patch: tuple[CustomFieldPatch, ...] | UnsetType | None, stored: tuple[CustomField, ...]
) -> frozenset[str]:
    """Return the keys whose values in the patch equal the present ones (`stored`)."""
    known = {field.key: field for field in stored}
    kind = ComparedField(members=fields_of(CustomFieldPatch), part=CustomFieldPatch)
    sent = patch if isinstance(patch, tuple) else ()
    return frozenset(field.key for field in sent if field.key in known and same(known[field.key], field, kind))


def fits(kind: CustomFieldType, value: Any) -> bool:
    """Return whether a caller's value has this type."""
    match kind:
        case "string" | "enum":
            return isinstance(value, str)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case "date":
            return isinstance(value, str) and day(value) is not None
        case "datetime":
            return isinstance(value, str) and _has_offset(value) and moment(value) is not None
        case "multi_enum":
            return isinstance(value, list) and all(isinstance(one, str) for one in value)


def day(text: str) -> str | None:
    """Return the text if it is a full date (RFC 3339, full-date), else None."""
    if len(text) != DAY_LENGTH:
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None


def moment(text: str) -> str | None:
    """Convert an ISO 8601 time to RFC 3339 in UTC. A time without an offset counts as UTC. None for any other text."""
    try:
        instant = values.utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return None
    return instant.isoformat().replace("+00:00", "Z")


def _has_offset(text: str) -> bool:
    """Return whether a text is a time with an offset (RFC 3339, date-time)."""
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _unknown_key(settings: tuple[CustomFieldSetting, ...]) -> str:
    if not settings:
        return "no custom fields are configured for this object at this connection"
    return f"unknown custom field; one of: {', '.join(setting.key for setting in settings)}"


def _chosen_field(setting: CustomFieldSetting, options: FieldOptions) -> CustomFieldSetting:
    choices = options.get(name_of(setting), ()) if setting.type in CHOOSING else ()
    if not choices:
        return setting
    return ChosenField(
        key=setting.key,
        vendor_field=setting.vendor_field,
        type=setting.type,
        label=setting.label,
        choices=tuple(choice.value for choice in choices),
    )


def _unknown(value: CustomFieldValue, choices: tuple[str, ...]) -> list[str]:
    """Return the values that are not among the choices. Empty text is allowed: it clears a field, as null does."""
    chosen = value if isinstance(value, list) else [value] if isinstance(value, str) and value else []
    known = choices if len(chosen) <= 1 else frozenset(choices)
    return [one for one in chosen if one not in known]


def _no_choice(unknown: list[str], choices: tuple[str, ...]) -> str:
    examples = ", ".join(choices[:MOST_NAMED])
    more = f" and {len(choices) - MOST_NAMED} more" if len(choices) > MOST_NAMED else ""
    return f"{unknown[0][:80]!r} is not a choice here; one of: {examples}{more}"
