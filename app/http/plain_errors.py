"""Say what is wrong with a value in words for people who build JSON in an automation tool."""

import re
from collections.abc import Iterator
from typing import Any, Final, Literal, get_args, get_origin

_TYPE: Final = re.compile(r"Expected `([^`]*)`, got `([^`]*)`")
_LIMIT: Final = re.compile(r"Expected `([^`]*)`( of length)? (>=|<=|>) (\S+)")
_PATTERN: Final = re.compile(r"Expected `str` matching regex '(.*)'", re.DOTALL)
_NOUNS: Final = {
    "str": "a string",
    "int": "a whole number",
    "float": "a decimal number",
    "bool": "true or false",
    "array": "an array",
    "object": "an object",
}
_FORMS: Final = {
    "^[A-Z]{3}$": "three capital letters such as EUR",
    r"^-?[0-9]{1,15}(\\.[0-9]{1,9})?$": 'a decimal number as a string, such as "19.90"',
    r"\\S": "text, not only blanks",
    "^evt_[0-9a-f]{36}$": "the id of an event, which is evt_ and 36 hexadecimal digits",
}
"""Patterns of the canonical model, as msgspec repeats them."""
_BOUNDS: Final = {">=": "at least", "<=": "at most", ">": "above"}
_UNKNOWN: Final = "unknown"


def in_words(reason: str) -> str:
    """Return an error of the decoder in plain words. It never repeats what was sent: it may be personal data."""
    if match := _TYPE.fullmatch(reason):
        wanted = dict.fromkeys(_NOUNS.get(one, one) for one in match[1].split(" | "))
        hint = ": put it in quotes" if _NOUNS["str"] in wanted and match[2] in ("int", "float") else ""
        return f"must be {' or '.join(wanted)}, not {_NOUNS.get(match[2], match[2])}{hint}"
    if match := _LIMIT.fullmatch(reason):
        bound = f"{_BOUNDS[match[3]]} {match[4]}"
        if match[2] is None:
            return f"must be {bound}"
        unit = "item" if match[1] == "array" else "character"
        return f"must have {bound} {unit}{'' if match[4] == '1' else 's'}"
    if (match := _PATTERN.fullmatch(reason)) and match[1] in _FORMS:
        return f"must be {_FORMS[match[1]]}"
    if reason.startswith("Invalid RFC3339"):
        return "must be a time such as 2026-01-31T12:00:00Z (RFC 3339)"
    return reason[:1].lower() + reason[1:].replace("`", "")


def choices_in(kind: Any) -> Iterator[str]:
    """Yield the strings that a field accepts, without `unknown`, which only reads show."""
    if get_origin(kind) is Literal:
        yield from (one for one in get_args(kind) if one != _UNKNOWN)
        return
    for option in get_args(kind):
        yield from choices_in(option)
