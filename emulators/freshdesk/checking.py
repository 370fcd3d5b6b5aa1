"""Validate what callers send: known members, and the type of each."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from emulators.freshdesk.desk import moment_of
from emulators.freshdesk.errors import complaint
from emulators.state import JsonRecord

Check = Callable[[Any], str | None]

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
LONGEST = 255
LONGEST_TAG = 32


def text(value: Any) -> str | None:
    """Accept a string of any length."""
    return None if isinstance(value, str) else _mismatch(value, "String")


def line(value: Any) -> str | None:
    """Accept a string that fits a line of the database."""
    if text(value) is None and len(value) > LONGEST:
        return f"Has {len(value)} characters, it can have maximum of {LONGEST} characters"
    return text(value)


def number(value: Any) -> str | None:
    """Accept a positive whole number, such as an id."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return None
    return _mismatch(value, "Positive Integer")


def email(value: Any) -> str | None:
    """Accept an e-mail address."""
    if text(value) is not None:
        return text(value)
    return None if EMAIL.fullmatch(value) else "It should be in the 'valid email address' format"


def emails(value: Any) -> str | None:
    """Accept a list of e-mail addresses."""
    if not isinstance(value, list):
        return _mismatch(value, "Array")
    return next((wrong for one in value if (wrong := email(one)) is not None), None)


def tags(value: Any) -> str | None:
    """Accept words of up to 32 characters without a comma."""
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        return _mismatch(value, "Array")
    if any(len(one) > LONGEST_TAG for one in value):
        return f"It should only contain elements that have maximum of {LONGEST_TAG} characters"
    return "It should not contain: ','" if any("," in one for one in value) else None


def moment(value: Any) -> str | None:
    """Accept a time."""
    if isinstance(value, str) and "T" in value and moment_of(value) is not None:
        return None
    return "It should be in the 'combined date and time ISO8601' format"


def one_of(values: tuple[Any, ...]) -> Check:
    """Accept one of these values."""

    def check(value: Any) -> str | None:
        if isinstance(value, bool) or value not in values:
            return f"It should be one of these values: '{','.join(map(str, values))}'"
        return None

    return check


def members(body: Mapping[str, Any], known: Mapping[str, Check], may_be_null: tuple[str, ...]) -> list[JsonRecord]:
    """Return the complaints about the members of a write. `custom` checks custom fields."""
    complaints: list[JsonRecord] = []
    for name, value in body.items():
        check = known.get(name)
        if check is None:
            complaints.append(complaint(name, "Unexpected/invalid field in request", "invalid_field"))
        elif value is None and name in may_be_null:
            continue
        elif (wrong := check(value)) is not None:
            complaints.append(complaint(name, wrong, _code(wrong)))
    return complaints


def custom(values: Any, fields: list[JsonRecord]) -> list[JsonRecord]:
    """Return the complaints about the values of custom fields. Null empties each of them."""
    if not isinstance(values, dict):
        return [complaint("custom_fields", _mismatch(values, "key/value pair"), "datatype_mismatch")]
    kinds = {field["name"]: field for field in fields}
    complaints: list[JsonRecord] = []
    for name, value in values.items():
        if name not in kinds:
            complaints.append(complaint(name, "Unexpected/invalid field in request", "invalid_field"))
        elif value is not None and (wrong := _of_type(kinds[name], value)) is not None:
            complaints.append(complaint(name, wrong, _code(wrong)))
    return complaints


def mapping(value: Any) -> str | None:
    """Accept anything: `custom` checks it."""
    return None


def _of_type(field: JsonRecord, value: Any) -> str | None:
    kind = field["type"]
    if kind == "custom_checkbox":
        return None if isinstance(value, bool) else _mismatch(value, "Boolean")
    if kind == "custom_number":
        return None if isinstance(value, int) and not isinstance(value, bool) else _mismatch(value, "Integer")
    if kind == "custom_decimal":
        return None if isinstance(value, int | float) and not isinstance(value, bool) else _mismatch(value, "Number")
    if kind == "custom_date":
        is_day = isinstance(value, str) and DAY.fullmatch(value) is not None
        return None if is_day else "It should be in the 'yyyy-mm-dd' format"
    if kind == "custom_dropdown":
        return one_of(tuple(field.get("choices") or ()))(value)
    if kind == "custom_multi_select_dropdown":
        if not isinstance(value, list):
            return _mismatch(value, "Array")
        known = one_of(tuple(field.get("choices") or ()))
        return next((wrong for one in value if (wrong := known(one)) is not None), None)
    return line(value) if kind == "custom_text" else text(value)


def _mismatch(value: Any, wanted: str) -> str:
    return f"Value set is of type {_name(value)}.It should be a/an {wanted}"


def _code(wrong: str) -> str:
    if wrong.startswith("Value set is of type"):
        return "datatype_mismatch"
    return "invalid_value" if wrong.startswith("It should be one of") else "invalid_format"


def _name(value: Any) -> str:
    names = {bool: "Boolean", int: "Integer", float: "Float", str: "String", list: "Array", dict: "key/value pair"}
    return names.get(type(value), "Null")
