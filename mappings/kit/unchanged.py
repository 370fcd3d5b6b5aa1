"""What a change says that is so already, left out before a mapping sees it.

So a record that was read can be sent back, whole or in part: nothing is sent for what stays, and no field is refused
for what is not asked of it, not even one that the vendor lets nobody write.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import wraps
from typing import Any, Final, TypeVar

from msgspec import UNSET, Struct
from msgspec.structs import fields, replace

from canonical.order_patch import OrderCustomerPatch
from canonical.parts import AddressPatch, CustomFieldPatch
from mappings.kit import custom_fields
from mappings.spec import Draft, Mapped, Unmappable

P = TypeVar("P", bound=Struct)
W = TypeVar("W")
A = TypeVar("A")
AMOUNTS: Final = frozenset({"quantity", "unit_price", "price", "tax", "amount"})
"""Members that are decimal strings, of which `5` and `5.00` say the same."""

_NOTHING: Final[tuple[Any, ...]] = (None, "", (), [])


def changes_only(
    to_canonical: Callable[[Any, A], Mapped[Any]],
    to_vendor: Callable[[P, Any, A], Draft[W]],
    together: frozenset[str] = frozenset(),
) -> Callable[[P, Any, A], Draft[W]]:
    """A mapping's `to_vendor` that is told of changes only. The fields of `together` decide with one another what is
    sent: they are left out all at once or not at all. A record that cannot be read is compared with nothing."""

    @wraps(to_vendor)
    def drafted(patch: P, current: Any, account: A) -> Draft[W]:
        if current is None:
            return to_vendor(patch, None, account)
        try:
            present = to_canonical(current, account).data
        except Unmappable:
            return to_vendor(patch, current, account)
        return to_vendor(without_unchanged(patch, present, together), current, account)

    return drafted


def without_unchanged(patch: P, present: Struct, together: frozenset[str] = frozenset()) -> P:
    """The patch without the fields that the record has already as it wants them. Of a buyer who stays the same, the
    members that do as well are left out."""
    said = {name: value for name in patch.__struct_fields__ if (value := getattr(patch, name)) is not UNSET}
    stays = {name for name, value in said.items() if is_so(value, getattr(present, name))}
    if not said.keys() & together <= stays:
        stays -= together
    changed: dict[str, Any] = dict.fromkeys(stays, UNSET)
    buyer, known = said.get("customer"), getattr(present, "customer", None)
    if "customer" not in stays and isinstance(buyer, OrderCustomerPatch) and known is not None:
        changed["customer"] = _of_the_same(buyer, known)
    return replace(patch, **changed)


def is_so(sent: Any, held: Any) -> bool:
    """Whether a record has a field as it is sent: `held` is what is read of it. Members of a part that are not sent are
    not compared, but for those of an address, which is replaced whole."""
    if sent in _NOTHING:
        return held in _NOTHING
    if isinstance(sent, tuple):
        return isinstance(held, tuple) and _are_so(sent, held)
    if isinstance(sent, Struct):
        return held is not None and all(_member_is_so(name, value, held) for name, value in _said(sent))
    return bool(sent == held) and isinstance(sent, bool) == isinstance(held, bool)


def _are_so(sent: tuple[Any, ...], held: tuple[Any, ...]) -> bool:
    if all(isinstance(one, str) for one in sent):
        return sorted(sent) == sorted(held)  # tags, whose order means nothing
    if all(isinstance(one, CustomFieldPatch) for one in sent):
        same = custom_fields.unchanged(sent, held)
        is_empty = all(one.key in same or one.value in custom_fields.NOTHING for one in held)
        return is_empty and all(one.key in same for one in sent)
    return len(sent) == len(held) and all(is_so(one, other) for one, other in zip(sent, held, strict=True))


def _said(part: Struct) -> list[tuple[str, Any]]:
    """The members of a part that were sent."""
    is_whole = isinstance(part, AddressPatch)
    return [
        (field.name, value)
        for field in fields(part)
        if (value := getattr(part, field.name)) is not UNSET and (is_whole or value != field.default)
    ]


def _member_is_so(name: str, sent: Any, held: Struct) -> bool:
    there = getattr(held, name, None)
    if name in AMOUNTS and sent is not None and there is not None:
        return Decimal(sent) == Decimal(there)
    return is_so(sent, there)


def _of_the_same(buyer: OrderCustomerPatch, known: Struct) -> OrderCustomerPatch:
    if buyer.id is not None or buyer.remote_id not in (None, getattr(known, "remote_id", None)):
        return buyer
    return replace(buyer, **{name: None for name, value in _said(buyer) if _member_is_so(name, value, known)})
