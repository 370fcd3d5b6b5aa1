"""Validate parameters: their names, their types, and the meaning of an empty value."""

import re
from collections.abc import Callable
from typing import Any

from emulators.stripe.errors import invalid, unknown_parameter

Check = Callable[[str, Any], Any]
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
METADATA_KEYS, METADATA_KEY, METADATA_VALUE = 50, 40, 500
LONGEST_TEXT = 5000


def text(limit: int = LONGEST_TEXT) -> Check:
    """Accept a string up to a length. An empty one is None."""

    def check(name: str, value: Any) -> str | None:
        if not isinstance(value, str):
            raise invalid(name, "Invalid string: must be a string")
        if len(value) > limit:
            raise invalid(name, f"Invalid string: must be at most {limit} characters")
        return value or None

    return check


def whole(name: str, value: Any) -> int:
    """Accept an integer."""
    if not isinstance(value, str) or not re.fullmatch(r"-?\d{1,15}", value):
        raise invalid(name, f"Invalid integer: {value}", "parameter_invalid_integer")
    return int(value)


def decimal(name: str, value: Any) -> str:
    """Accept a number with up to twelve decimals."""
    if not isinstance(value, str) or not re.fullmatch(r"-?\d{1,15}(\.\d{1,12})?", value):
        raise invalid(name, f"Invalid decimal: {value}; must contain at maximum twelve decimal places.")
    return value


def truth(name: str, value: Any) -> bool:
    """Accept true or false."""
    if value not in ("true", "false"):
        raise invalid(name, f"Invalid boolean: {value}")
    return bool(value == "true")


def email(name: str, value: Any) -> str | None:
    """Accept an e-mail address, in its exact spelling."""
    if value == "":
        return None
    if not isinstance(value, str) or not EMAIL.fullmatch(value):
        raise invalid(name, f"Invalid email address: {value}", "email_invalid")
    return value


def choice(*words: str) -> Check:
    """Accept one of these values."""

    def check(name: str, value: Any) -> str:
        if value not in words:
            raise invalid(name, f"Invalid {name}: must be one of {', '.join(words)}")
        return str(value)

    return check


def url(name: str, value: Any) -> str:
    """Accept a URL."""
    if not isinstance(value, str) or not re.fullmatch(r"https?://[^\s]+", value):
        raise invalid(name, "Not a valid URL", "url_invalid")
    return value


def hash_of(checks: dict[str, Check], *, clearable: bool = False) -> Check:
    """Accept a hash with these members. An empty value is None if it can be cleared."""

    def check(name: str, value: Any) -> dict[str, Any] | None:
        if value == "" and clearable:
            return None
        if not isinstance(value, dict):
            raise invalid(name, "Invalid object")
        return judged(value, checks, name)

    return check


def list_of(inner: Check) -> Check:
    """Accept a list. An empty value is the empty list."""

    def check(name: str, value: Any) -> list[Any]:
        if value == "":
            return []
        if not isinstance(value, list):
            raise invalid(name, "Invalid array")
        return [inner(f"{name}[{place}]", one) for place, one in enumerate(value)]

    return check


def metadata(name: str, value: Any) -> dict[str, str]:
    """Accept keys and values. An empty value removes its key, an empty hash all keys."""
    if value == "":
        return {}
    if not isinstance(value, dict):
        raise invalid(name, "Invalid object")
    for key, one in value.items():
        if len(key) > METADATA_KEY:
            raise invalid(name, f"Metadata keys must be at most {METADATA_KEY} characters")
        if not isinstance(one, str) or len(one) > METADATA_VALUE:
            raise invalid(f"{name}[{key}]", f"Metadata values must be strings of at most {METADATA_VALUE} characters")
    return value


def merged(stored: dict[str, str], change: dict[str, str]) -> dict[str, str]:
    """Return metadata after a change, key by key. Raises Refusal for too many keys."""
    if not change:
        return {}
    after = {key: value for key, value in (stored | change).items() if value != ""}
    if len(after) > METADATA_KEYS:
        raise invalid("metadata", f"Metadata can have up to {METADATA_KEYS} keys")
    return after


def judged(values: dict[str, Any], checks: dict[str, Check], within: str = "") -> dict[str, Any]:
    """Return the validated values. Raises Refusal for the first unknown name or wrong type."""
    read: dict[str, Any] = {}
    for name, value in values.items():
        full = f"{within}[{name}]" if within else name
        check = checks.get(name)
        if check is None:
            raise unknown_parameter(full)
        read[name] = check(full, value)
    return read


ADDRESS = {name: text() for name in ("city", "country", "line1", "line2", "postal_code", "state")}
SHIPPING = hash_of({"name": text(), "phone": text(20), "address": hash_of(dict(ADDRESS))}, clearable=True)
EXPAND = list_of(text())
