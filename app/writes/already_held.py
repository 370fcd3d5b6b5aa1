"""Fields that already have the wanted value: the vendor needs no way to write them."""

from decimal import Decimal
from typing import Any, Final

import msgspec
from msgspec import Struct

from canonical.classes import LINE, NAMING
from canonical.field_kinds import ComparedField, fields_of
from canonical.order import Order
from canonical.order_patch import LineItemPatch, OrderPatch
from canonical.references import PEOPLE
from canonical.same_value import is_empty, same
from canonical.totals import PARTS, holds
from mappings.spec import Draft, FieldRefusal

LINES: Final = "line_items"
DESCRIBING: Final = frozenset(LineItemPatch.__struct_fields__) - LINE


def still_refused(refused: tuple[FieldRefusal, ...], patch: Struct, data: Struct) -> tuple[FieldRefusal, ...]:
    """Return the refusals, without those of fields whose value equals the record's.

    A caller who sends a whole order again does not ask for a change of its lines. Lines that say more than the record
    are refused only for what the record lacks. A value that reads as it was sent, such as `unknown`, need not be
    writable. Items of a list are judged all the same, because the list is written whole.
    """
    sent, present = msgspec.to_builtins(patch), msgspec.to_builtins(data)
    fields = fields_of(type(patch))

    def left(refusal: FieldRefusal) -> list[FieldRefusal]:
        name = refusal.pointer.split("/")[1]
        is_item = isinstance(sent.get(name), tuple) or refusal.pointer != f"/{name}"
        if name not in sent or (refusal.kind == "invalid" and is_item):
            return [refusal]
        if same(present.get(name), sent[name], fields[name]):
            return []
        lacking: list[str] = []
        if refusal.kind == "unsupported" and name == LINES:
            lacking = _lacking(present.get(name), sent[name], fields[LINES])
        elif refusal.kind == "unsupported" and name in PEOPLE and sent[name] and sent[name].get("email"):
            lacking = [f"/{name}/{member}" for member in _unkept(present.get(name), sent[name], fields[name])]
        return [msgspec.structs.replace(refusal, pointer=pointer) for pointer in lacking] or [refusal]

    return tuple(dict.fromkeys(one for refusal in refused for one in left(refusal)))


def is_part(refusal: FieldRefusal) -> bool:
    """Return whether a refusal is about a part of the sum of an order that the vendor does not change."""
    return refusal.kind == "unsupported" and refusal.pointer.removeprefix("/") in PARTS


def holds_parts(order: Order, whole: OrderPatch, new: Draft[Any], prices: tuple[Decimal, ...]) -> bool:
    """Return whether an order has the parts of the whole body, also where its vendor folds them. `new` is the draft of
    a new order with this body, and `prices` are the unit prices of its lines if the vendor folds parts into them."""
    changed = [one for one in new.loss if one.kind in ("folded", "coerced")]
    moved = {
        names[0]
        for one in changed
        for names in (path.removeprefix("/").split("/") for path in (one.path, one.place or one.path))
    }
    return holds(order, whole, prices=prices, moved=moved)


def _lacking(present: Any, sent: Any, lines: ComparedField) -> list[str]:
    """Return the pointers of the members of lines that the record lacks. Empty if the lines differ in anything else."""
    if not isinstance(sent, tuple) or not isinstance(present, tuple) or len(sent) != len(present):
        return []
    pointers, item = list[str](), lines.item or lines
    for place, (line, held) in enumerate(zip(sent, present, strict=True)):
        absent = [name for name in DESCRIBING if held.get(name) in (None, ()) and not _names_product(line.get(name))]
        if _unkept(held.get("product"), line.get("product"), item.members["product"]):
            absent.append("product")
        if not same(held, {name: value for name, value in line.items() if name not in absent}, item):
            return []
        said = (name for name in line if name in absent and line[name] not in (None, ()))
        pointers += [f"/{LINES}/{place}/{name}" for name in said]
    return pointers


def _unkept(present: Any, sent: Any, reference: ComparedField) -> list[str]:
    """Return the members of a reference that name what it is and that the record lacks. Empty if the references differ
    in anything else."""
    if not isinstance(present, dict) or not isinstance(sent, dict):
        return []
    names = [one for one in NAMING if sent.get(one) is not None and present.get(one) is None]
    known = {one: value for one, value in sent.items() if one not in names}
    return sorted(names) if is_empty(known, reference) or same(present, known, reference) else []


def _names_product(value: Any) -> bool:
    return isinstance(value, dict) and any(value.get(id) is not None for id in ("remote_id", "variant_remote_id"))
