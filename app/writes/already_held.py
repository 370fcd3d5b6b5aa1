"""Fields that already have the wanted value: the vendor needs no way to write them."""

from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec
from msgspec import Struct

from mappings.spec import FieldRefusal

AMOUNTS: Final = frozenset({"quantity", "unit_price", "amount", "price", "tax"})
"""Decimal strings, which callers may write with different zeros."""


def still_refused(refused: tuple[FieldRefusal, ...], patch: Struct, data: Struct) -> tuple[FieldRefusal, ...]:
    """Return the refusals, without unsupported fields whose value equals the record's.

    A caller who sends a whole order again does not ask for a change of its lines.
    """
    sent, present = msgspec.to_builtins(patch), msgspec.to_builtins(data)

    def is_held(refusal: FieldRefusal) -> bool:
        name = refusal.pointer.split("/")[1]
        return refusal.kind == "unsupported" and name in sent and _holds(present.get(name), sent[name], name)

    return tuple(refusal for refusal in refused if not is_held(refusal))


def _holds(present: Any, sent: Any, name: str) -> bool:
    """Return whether the record holds what was sent; False in doubt. Inside a field, null counts as not sent."""
    if sent is None or sent == ():
        return present in (None, ())
    if isinstance(sent, dict):
        given = {key: value for key, value in sent.items() if value is not None and value != ()}
        return isinstance(present, dict) and all(_holds(present.get(key), value, key) for key, value in given.items())
    if isinstance(sent, tuple):
        if not isinstance(present, tuple) or len(sent) != len(present):
            return False
        return all(_holds(one, other, name) for one, other in zip(present, sent, strict=True))
    if name in AMOUNTS and isinstance(sent, str) and isinstance(present, str):
        return amount(sent) == amount(present)
    return bool(sent == present)


def amount(text: str) -> Decimal | str:
    try:
        return Decimal(text)
    except InvalidOperation:
        return text
