"""What a write asks for and the record holds already: no vendor has to have a way to write that."""

from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec
from msgspec import Struct

from mappings.spec import FieldRefusal

AMOUNTS: Final = frozenset({"quantity", "unit_price", "amount", "price", "tax"})
"""Decimal strings, which callers may write with other zeros than we do."""


def still_refused(refused: tuple[FieldRefusal, ...], patch: Struct, data: Struct) -> tuple[FieldRefusal, ...]:
    """The refusals without those for want of a place whose field reads back as it was sent: whoever sends an order
    again, lines and all, asks for no change of its lines."""
    sent, present = msgspec.to_builtins(patch), msgspec.to_builtins(data)

    def is_held(refusal: FieldRefusal) -> bool:
        name = refusal.pointer.split("/")[1]
        return refusal.kind == "unsupported" and name in sent and _holds(present.get(name), sent[name], name)

    return tuple(refusal for refusal in refused if not is_held(refusal))


def _holds(present: Any, sent: Any, name: str) -> bool:
    """In doubt False: then the caller is told. Inside a field, what is null was not sent."""
    if sent is None or sent == ():
        return present in (None, ())
    if isinstance(sent, dict):
        told = {key: value for key, value in sent.items() if value is not None and value != ()}
        return isinstance(present, dict) and all(_holds(present.get(key), value, key) for key, value in told.items())
    if isinstance(sent, tuple):
        if not isinstance(present, tuple) or len(sent) != len(present):
            return False
        return all(_holds(one, other, name) for one, other in zip(present, sent, strict=True))
    if name in AMOUNTS and isinstance(sent, str) and isinstance(present, str):
        return _amount(sent) == _amount(present)
    return bool(sent == present)


def _amount(text: str) -> Decimal | str:
    try:
        return Decimal(text)
    except InvalidOperation:
        return text
