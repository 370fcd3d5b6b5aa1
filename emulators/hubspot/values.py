"""Property values: what HubSpot accepts, and the text that it stores. Every stored value is a string."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from emulators.addresses import folded
from emulators.hubspot.bodies import fields_missing
from emulators.hubspot.errors import Issue, Refusal, values_not_valid
from emulators.hubspot.kinds import Kind
from emulators.hubspot.seed import OWNERS, PIPELINES_OF
from emulators.state import State

LONGEST = 65_536

_EMAIL = re.compile(r"[^\s@;,]+@[^\s@;,]+\.[^\s@;,.]{2,}")
_MILLIS = re.compile(r"-?\d{1,15}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def checked(kind: Kind, properties: Any, before: Mapping[str, str], state: State) -> dict[str, str]:
    """Return the values of a write as they are stored, on top of those `before` it; `""` clears one.

    A JSON null is skipped; numbers and booleans become text. Whether a stage belongs to its pipeline is not checked
    here. Raises `Refusal` with every unknown property and every bad value.
    """
    if not isinstance(properties, Mapping):
        raise fields_missing(["properties"])
    values: dict[str, str] = {}
    issues: list[Issue] = []
    for name, raw in properties.items():
        if raw is None:
            continue
        text = _text(name, raw)
        try:
            values[name] = _value(kind, name, text, before.get(name, ""), state)
        except _Bad as bad:
            issues.append(Issue(name=name, value=text, code=bad.code, message=bad.message))
    if issues:
        raise values_not_valid(issues)
    return values


def instant(moment: datetime) -> str:
    """Return ISO 8601 in UTC with milliseconds, the form of all times in HubSpot's v3."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant_at(seconds: float) -> str:
    """Return Unix seconds in the same form."""
    return instant(_EPOCH + timedelta(seconds=seconds))


def millis(text: str) -> int | None:
    """Return a date or time (epoch milliseconds, or ISO 8601, UTC without a zone) in epoch milliseconds."""
    moment = _moment(text)
    return None if moment is None else (moment - _EPOCH) // timedelta(milliseconds=1)


class _Bad(Exception):
    """One value is refused."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def _text(name: str, raw: Any) -> str:
    if isinstance(raw, str):
        return raw
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, int | float):
        return str(raw)
    raise Refusal(400, f"Invalid input JSON on line 1, column 2: Cannot deserialize the value of {name}", category=None)


def _value(kind: Kind, name: str, text: str, before: str, state: State) -> str:
    definition = state.get(kind.definitions, name)
    if definition is None:
        raise _Bad("PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')
    if definition["modificationMetadata"]["readOnlyValue"]:
        raise _Bad("READ_ONLY_VALUE", f'"{name}" is a read only property; its value cannot be set.')
    if text == "":
        return ""
    if len(text) > LONGEST:
        raise _Bad("PROPERTY_VALUE_TOO_LONG", f"{name} is longer than {LONGEST} characters.")
    if kind.name == "contacts" and name == "email":
        return _email(text)
    if name == "hs_additional_emails":
        return ";".join(dict.fromkeys(_email(one) for one in text.split(";") if one.strip()))

    match definition["type"]:
        case "number":
            return _number(text)
        case "date":
            return _day(text)
        case "datetime":
            return _time(text)
        case "bool":
            return _chosen(text, ["true", "false"])
        case "enumeration" if definition["fieldType"] == "checkbox":
            return _several(text, before, _choices(kind, definition, state))
        case "enumeration":
            return _chosen(text, _choices(kind, definition, state))
        case _:
            return text


def _email(text: str) -> str:
    address = folded(text.strip())
    if not _EMAIL.fullmatch(address):
        raise _Bad("INVALID_EMAIL", f"Email address {text} is invalid")
    return address


def _number(text: str) -> str:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise _Bad("INVALID_NUMBER", f"{text} was not a valid number.")
    return text.strip()


def _day(text: str) -> str:
    moment = _moment(text)
    if moment is None:
        raise _Bad("INVALID_DATE", f"{text} was not a valid date.")
    if (moment.hour, moment.minute, moment.second, moment.microsecond) != (0, 0, 0, 0):
        raise _Bad(
            "INVALID_DATE", f"{text} is at {moment:%H:%M:%S}.{moment.microsecond // 1000:03d} UTC, not midnight!"
        )
    return moment.date().isoformat()


def _time(text: str) -> str:
    moment = _moment(text)
    if moment is None:
        raise _Bad("INVALID_LONG", f"{text} was not a valid long.")
    return instant(moment)


def _moment(text: str) -> datetime | None:
    text = text.strip()
    try:
        if _MILLIS.fullmatch(text):
            return _EPOCH + timedelta(milliseconds=int(text))
        if len(text) == len("2024-01-31"):
            day = date.fromisoformat(text)
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _choices(kind: Kind, definition: dict[str, Any], state: State) -> list[str] | None:
    """Return the allowed values; None if this emulator does not keep them (teams)."""
    match definition["name"]:
        case "hubspot_owner_id":
            return [owner["id"] for owner in state.all(OWNERS) if not owner["archived"]]
        case "hs_pipeline":
            return [pipeline["id"] for pipeline in state.all(PIPELINES_OF[kind.name])]
        case "hs_pipeline_stage":
            return [stage["id"] for pipeline in state.all(PIPELINES_OF[kind.name]) for stage in pipeline["stages"]]
    if definition["externalOptions"]:
        return None
    return [option["value"] for option in definition["options"]]


def _chosen(text: str, choices: list[str] | None) -> str:
    if choices is not None and text not in choices:
        raise _Bad("INVALID_OPTION", f"{text} was not one of the allowed options: [{', '.join(choices)}]")
    return text


def _several(text: str, before: str, choices: list[str] | None) -> str:
    """Return the chosen values: `a;b` replaces the present ones, `;a;b` adds to them."""
    chosen = [_chosen(one, choices) for one in text.split(";") if one]
    kept = [one for one in before.split(";") if one] if text.startswith(";") else []
    return ";".join(dict.fromkeys([*kept, *chosen]))
