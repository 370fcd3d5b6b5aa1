"""Compare a sent value with the one of a record, without what vendors do not keep: order, case of addresses, zeros."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from app.writes.already_held import AMOUNTS, amount
from canonical import values

_FOLDED: Final = frozenset({"address", "email", "tags", "country_code", "language"})


def is_empty(value: Any) -> bool:
    """Return whether a value says nothing."""
    return value in (None, (), [], "", "unknown")


def equals(present: Any, sent: Any, name: str) -> bool:
    """Return whether the record holds what was sent in the field `name`. Inside a field, null counts as not sent."""
    return _equals(msgspec.to_builtins(present), msgspec.to_builtins(sent), name)


def _equals(present: Any, sent: Any, name: str) -> bool:
    if is_empty(present) or is_empty(sent):
        return is_empty(present) and is_empty(sent)
    if isinstance(sent, Mapping):
        if not isinstance(present, Mapping):
            return False
        if "raw" in sent and "e164" in sent:
            return _same_phone(present, sent)
        given = {key: value for key, value in sent.items() if not is_empty(value)}
        return all(_equals(present.get(key), value, key) for key, value in given.items())
    if isinstance(sent, list | tuple):
        return isinstance(present, list | tuple) and _same_items(present, sent, name)
    if isinstance(sent, str) and isinstance(present, str):
        as_stored: Callable[[str], object] = amount if name in AMOUNTS else str.casefold if name in _FOLDED else str
        return as_stored(sent.strip()) == as_stored(present.strip())
    return bool(sent == present)


def _same_items(present: Any, sent: Any, name: str) -> bool:
    """Return whether each item has a counterpart, in any order."""
    left = list(present)
    for one in sent:
        found = next((place for place, other in enumerate(left) if _equals(other, one, name)), None)
        if found is None:
            return False
        del left[found]
    return not left


def _same_phone(present: Mapping[str, Any], sent: Mapping[str, Any]) -> bool:
    """Return whether two numbers reach the same telephone, and the other members that were sent are equal."""
    rest = {key: value for key, value in sent.items() if key not in ("raw", "e164")}
    return bool(_spellings(present) & _spellings(sent)) and all(
        _equals(present.get(key), value, key) for key, value in rest.items()
    )


def _spellings(phone: Mapping[str, Any]) -> set[str]:
    raw = phone.get("raw") or ""
    digits = "".join(one for one in raw if one.isdigit())
    return {one for one in (phone.get("e164"), values.phone(raw), digits) if one}
