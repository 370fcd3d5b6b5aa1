"""Fields that already have the wanted value: the vendor needs no way to write them."""

from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec
from msgspec import Struct

from canonical.classes import LINE, NAMING
from canonical.order_patch import LineItemPatch
from canonical.references import PEOPLE
from mappings.spec import FieldRefusal

AMOUNTS: Final = frozenset({"quantity", "unit_price", "amount", "price", "tax"})
"""Decimal strings, which callers may write with different zeros."""
LINES: Final = "line_items"
DESCRIBING: Final = frozenset(LineItemPatch.__struct_fields__) - LINE


def still_refused(refused: tuple[FieldRefusal, ...], patch: Struct, data: Struct) -> tuple[FieldRefusal, ...]:
    """Return the refusals, without those of fields whose value equals the record's.

    A caller who sends a whole order again does not ask for a change of its lines. Lines that say more than the record
    are refused only for what the record lacks. A value that reads as it was sent, such as `unknown`, need not be
    writable. Items of a list are judged all the same, because the list is written whole.
    """
    sent, present = msgspec.to_builtins(patch), msgspec.to_builtins(data)

    def left(refusal: FieldRefusal) -> list[FieldRefusal]:
        name = refusal.pointer.split("/")[1]
        is_item = isinstance(sent.get(name), tuple) or refusal.pointer != f"/{name}"
        if name not in sent or (refusal.kind == "invalid" and is_item):
            return [refusal]
        if _holds(present.get(name), sent[name], name):
            return []
        lacking: list[str] = []
        if refusal.kind == "unsupported" and name == LINES:
            lacking = _lacking(present.get(name), sent[name])
        elif refusal.kind == "unsupported" and name in PEOPLE and sent[name] and sent[name].get("email"):
            lacking = [f"/{name}/{member}" for member in _unkept(present.get(name), sent[name])]
        return [msgspec.structs.replace(refusal, pointer=pointer) for pointer in lacking] or [refusal]

    return tuple(dict.fromkeys(one for refusal in refused for one in left(refusal)))


def _lacking(present: Any, sent: Any) -> list[str]:
    """Return the pointers of the members of lines that the record lacks. Empty if the lines differ in anything else."""
    if not isinstance(sent, tuple) or not isinstance(present, tuple) or len(sent) != len(present):
        return []
    pointers = list[str]()
    for place, (line, held) in enumerate(zip(sent, present, strict=True)):
        absent = [name for name in DESCRIBING if held.get(name) in (None, ()) and not _names_product(line.get(name))]
        if _unkept(held.get("product"), line.get("product")):
            absent.append("product")
        if not _holds(held, {name: value for name, value in line.items() if name not in absent}, LINES):
            return []
        said = (name for name in line if name in absent and line[name] not in (None, ()))
        pointers += [f"/{LINES}/{place}/{name}" for name in said]
    return pointers


def _unkept(present: Any, sent: Any) -> list[str]:
    """Return the members of a reference that name what it is and that the record lacks. Empty if the references differ
    in anything else."""
    if not isinstance(present, dict) or not isinstance(sent, dict):
        return []
    names = [one for one in NAMING if sent.get(one) is not None and present.get(one) is None]
    known = {one: value for one, value in sent.items() if one not in names}
    return sorted(names) if _holds(present, known, "") else []


def _names_product(value: Any) -> bool:
    return isinstance(value, dict) and any(value.get(id) is not None for id in ("remote_id", "variant_remote_id"))


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
