"""Remove unchanged fields from a patch before a mapping sees it.

Callers can therefore send back a record as they read it, whole or in part. Unchanged fields are not sent, and not
refused even if the vendor cannot write them.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import wraps
from typing import Any, Final, TypeVar

from msgspec import UNSET, Struct
from msgspec.structs import fields, replace

from canonical.parts import AddressPatch, CustomFieldPatch, ReferencePatch
from mappings.kit import custom_fields
from mappings.spec import Draft, Mapped, Unmappable

P = TypeVar("P", bound=Struct)
W = TypeVar("W")
A = TypeVar("A")
AMOUNTS: Final = frozenset({"quantity", "unit_price", "price", "tax", "amount"})
"""Members that are decimal strings: `5` equals `5.00`."""

NONE: Final[Mapping[str, str]] = {}
NUMBERS: Final = {"addresses": "phones"}
"""Of a vendor whose numbers are read in the country of an address."""

_EMPTY: Final[tuple[Any, ...]] = (None, "", (), [])


def changes_only(
    to_canonical: Callable[[Any, A], Mapped[Any]],
    to_vendor: Callable[[P, Any, A], Draft[W]],
    together: frozenset[str] = frozenset(),
    along: Mapping[str, str] = NONE,
) -> Callable[[P, Any, A], Draft[W]]:
    """Wrap a mapping's `to_vendor` to receive only changed fields. The fields of `together` depend on each other: they
    are removed together or not at all. `along`: with a change of the first field, the vendor reads the second one
    otherwise, so that stays too. If the present record cannot be mapped, the patch stays unchanged."""

    @wraps(to_vendor)
    def drafted(patch: P, current: Any, account: A) -> Draft[W]:
        if current is None:
            return to_vendor(patch, None, account)
        try:
            present = to_canonical(current, account).data
        except Unmappable:
            return to_vendor(patch, current, account)
        return to_vendor(without_unchanged(patch, present, together, along), current, account)

    return drafted


def without_unchanged(
    patch: P, present: Struct, together: frozenset[str] = frozenset(), along: Mapping[str, str] = NONE
) -> P:
    """Return the patch without the fields that already have their value. If the buyer stays the same person, remove the
    buyer's unchanged members as well. For `together` and `along` see `changes_only`."""
    sent = {name: value for name in patch.__struct_fields__ if (value := getattr(patch, name)) is not UNSET}
    unchanged = {name for name, value in sent.items() if is_so(value, getattr(present, name))}
    if not sent.keys() & together <= unchanged:
        unchanged -= together
    unchanged -= {name for changing, name in along.items() if changing in sent and changing not in unchanged}
    changed: dict[str, Any] = dict.fromkeys(unchanged, UNSET)
    buyer, known = sent.get("customer"), getattr(present, "customer", None)
    if "customer" not in unchanged and isinstance(buyer, ReferencePatch) and known is not None:
        changed["customer"] = _without_unchanged_members(buyer, known)
    return replace(patch, **changed)


def is_so(sent: Any, held: Any) -> bool:
    """Return whether a sent value equals the present one (`held`). Absent members of a part are not compared, except
    those of an address, which is replaced whole."""
    if sent in _EMPTY:
        return held in _EMPTY
    if isinstance(sent, tuple):
        return isinstance(held, tuple) and _are_so(sent, held)
    if isinstance(sent, Struct):
        return held is not None and all(_member_is_so(name, value, held) for name, value in _sent_members(sent))
    return bool(sent == held) and isinstance(sent, bool) == isinstance(held, bool)


def _are_so(sent: tuple[Any, ...], held: tuple[Any, ...]) -> bool:
    if all(isinstance(one, str) for one in sent):
        return sorted(sent) == sorted(held)  # tags have no order
    if all(isinstance(one, CustomFieldPatch) for one in sent):
        same = custom_fields.unchanged(sent, held)
        is_empty = all(one.key in same or one.value in custom_fields.NOTHING for one in held)
        return is_empty and all(one.key in same for one in sent)
    return len(sent) == len(held) and all(is_so(one, other) for one, other in zip(sent, held, strict=True))


def _sent_members(part: Struct) -> list[tuple[str, Any]]:
    """Return the members of a part that were sent."""
    is_whole = isinstance(part, AddressPatch)
    return [
        (field.name, value)
        for field in fields(part)
        if (value := getattr(part, field.name)) is not UNSET and (is_whole or value != field.default)
    ]


def _member_is_so(name: str, sent: Any, held: Struct) -> bool:
    present = getattr(held, name, None)
    if name in AMOUNTS and sent is not None and present is not None:
        return Decimal(sent) == Decimal(present)
    return is_so(sent, present)


def _without_unchanged_members(buyer: ReferencePatch, known: Struct) -> ReferencePatch:
    if buyer.id is not None or buyer.remote_id not in (None, getattr(known, "remote_id", None)):
        return buyer
    unchanged = [name for name, value in _sent_members(buyer) if _member_is_so(name, value, known)]
    return replace(buyer, **dict.fromkeys(unchanged, None))
