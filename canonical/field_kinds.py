"""Say of each field that a write may name how its values are compared: its kind, its members, the order of its items.

The Structs of writes say it themselves, with a few names of texts.
"""

from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Final, get_args

from msgspec import Meta, Struct, inspect

from canonical.customer import CustomerPatch, EmailPatch
from canonical.order_patch import OrderPatch
from canonical.parts import AddressPatch, CustomFieldPatch, Money, ObjectName, ProductReferencePatch, ReferencePatch
from canonical.ticket import CommentPatch, TicketPatch


class Kind(Enum):
    """What a value without members is."""

    TEXT = "text"
    CHOICE = "choice"
    EMAIL = "email"
    PHONE = "phone"
    COUNTRY = "country"
    LANGUAGE = "language"
    TAG = "tag"
    AMOUNT = "amount"
    INSTANT = "instant"
    MARK = "mark"
    SETTING = "setting"


class ComparedField(Struct, frozen=True, kw_only=True):
    """How the values of a field are compared.

    `members` are those of an object, `item` is what a list holds. A list that is not `ordered` is compared as a set in
    which an item may occur twice. An object that `is_whole` is replaced whole: an absent member is empty. `part` is the
    Struct of a write.
    """

    kind: Kind = Kind.TEXT
    members: Mapping[str, "ComparedField"] = {}
    item: "ComparedField | None" = None
    ordered: bool = False
    is_whole: bool = False
    part: type[Struct] | None = None


NAMED: Final = {
    "email": Kind.EMAIL,
    "phone": Kind.PHONE,
    "country_code": Kind.COUNTRY,
    "language": Kind.LANGUAGE,
    "tags": Kind.TAG,
}
"""The kind of a text by the name of its field. Every other text is exact."""
ORDERED: Final = frozenset({"line_items", "discounts", "shipping_lines", "fees", "options"})
"""Lists whose order vendors keep."""
AMOUNT: Final = next(one for one in get_args(Money) if isinstance(one, Meta))
MARKS: Final = frozenset({"is_primary", "is_default"})
"""Members that mark one item of a list. Absent is false."""
_PATCHES: Final[Mapping[ObjectName, type[Struct]]] = {
    "customer": CustomerPatch,
    "order": OrderPatch,
    "ticket": TicketPatch,
    "comment": CommentPatch,
}
NOT_COMPARED: Final = {"connection": (ReferencePatch, ProductReferencePatch), "label": (CustomFieldPatch,)}
"""Members that a mapped record does not know or that a write ignores, with the parts that have them."""


def kinds_of(object_name: ObjectName) -> Mapping[str, ComparedField]:
    """Return how each field of an object that a write may name is compared. Read-only fields are not among them."""
    return fields_of(_PATCHES[object_name])


@cache
def fields_of(patch: type[Struct]) -> Mapping[str, ComparedField]:
    """Return how each field of a Struct of writes, such as `CustomerPatch`, is compared."""
    info = inspect.type_info(patch)
    assert isinstance(info, inspect.StructType)  # noqa: S101 - it is a Struct
    return _members(info)


def _members(info: inspect.StructType) -> dict[str, ComparedField]:
    return {
        one.encode_name: _field(one.encode_name, one.type, info.cls)
        for one in info.fields
        if not issubclass(info.cls, NOT_COMPARED.get(one.encode_name, ()))
    }


def _field(name: str, kind: inspect.Type, owner: type[Struct]) -> ComparedField:
    if owner is CustomFieldPatch:
        return ComparedField(kind=Kind.SETTING if name == "value" else Kind.TEXT)
    if name in MARKS:
        return ComparedField(kind=Kind.MARK)
    for option in _options(kind):
        if isinstance(option, inspect.VarTupleType):
            return ComparedField(item=_field(name, option.item_type, owner), ordered=name in ORDERED)
        if isinstance(option, inspect.StructType):
            return ComparedField(members=_members(option), is_whole=option.cls is AddressPatch, part=option.cls)
        if isinstance(option, inspect.DateTimeType):
            return ComparedField(kind=Kind.INSTANT)
        if isinstance(option, inspect.LiteralType):
            return ComparedField(kind=Kind.CHOICE)
        if isinstance(option, inspect.StrType) and option.pattern == AMOUNT.pattern:
            return ComparedField(kind=Kind.AMOUNT)
    if owner is EmailPatch and name == "address":
        return ComparedField(kind=Kind.EMAIL)
    return ComparedField(kind=NAMED.get(name, Kind.TEXT))


def _options(kind: inspect.Type) -> tuple[inspect.Type, ...]:
    """Return what a type allows, without the descriptions."""
    bare = _bare(kind)
    return tuple(_bare(one) for one in bare.types) if isinstance(bare, inspect.UnionType) else (bare,)


def _bare(kind: inspect.Type) -> inspect.Type:
    return kind.type if isinstance(kind, inspect.Metadata) else kind
