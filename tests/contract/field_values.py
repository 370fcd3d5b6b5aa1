"""Values for each field that a caller may write, generated from the patch Structs.

A mark makes each value occur in one record only.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final
from zlib import crc32

from msgspec import Struct, inspect

from canonical.parts import CustomFieldPatch
from tests.contract.samples import Body

LEFT_OUT: Final = frozenset({"id", "connection", "remote_id", "variant_remote_id"})
"""They name a record of one system; the tests of references send them."""
FORMATS: Final[dict[str, tuple[str, ...]]] = {
    "postal_code": ("10115", "SW1A 1AA", "02139-4307"),
    "country_code": ("DE", "US", "GB"),
    "language": ("de", "pt-BR", "en-GB"),
    "timezone": ("Europe/Berlin", "America/New_York", "Asia/Kolkata"),
    "currency": ("EUR", "USD"),
    "presentment_currency": ("USD", "EUR"),
    "quantity": ("2", "1", "3"),
    "sku": ("SKU-{mark}", "sku-{mark}"),
    "phone": ("+49 30 1{number}", "(030) 1{number}"),
    "e164": ("+49303{number}", "+44204{number}"),
    "raw": ("+49 30 3{number}", "020 4{number}"),
    "email": ("Ann.{mark}@Example.com", "{mark}+tag@example.com"),
    "address": ("Ann.{mark}@Example.com", "{mark}+tag@example.com"),
    "amount": ("1.50", "0.40"),
    "tax": ("1.90", "0.19"),
    "price": ("4.90", "12.00"),
    "unit_price": ("19.90", "7.00", "1000.00"),
    "type": ("eu_vat", "gb_vat"),
    "value": ("DE811569869", "GB980780684"),
}
"""Texts of fields that have a format, by the name of the field."""
LINES: Final = (
    "Mac{mark} {name} McÜñ 漢字",
    '<b>{mark}</b> & 5 < 6 "{name}" O\'Neill',
    " {name}  {mark}\u2028ÅNGSTRÖM ",
)
TEXTS: Final = (*LINES, "First {name} {mark}\n\nThird, and <i> & so on\nfourth")
INSTANTS: Final = (
    "2026-05-04T09:30:00Z",
    "2027-12-31T23:59:59Z",
    "2026-07-01T12:00:00.250125Z",
    "2027-07-01T12:00:00.750Z",
)
LONGEST_LINE: Final = 1000
CUSTOM_FIELDS: Final = {"custom_fields": "written", "line_custom_fields": "line_written"}
"""The keys of the custom fields that the connections have, of records and of the lines of orders."""


@cache
def fields(patch: type[Struct]) -> Mapping[str, inspect.Type]:
    """Return the types of the fields that are generated, by name."""
    described = inspect.type_info(patch)
    assert isinstance(described, inspect.StructType)
    return {one.encode_name: one.type for one in described.fields if one.encode_name not in LEFT_OUT}


def values(name: str, kind: inspect.Type, mark: str) -> list[Any]:
    """Return several values of a field: each word of an enum, both of a boolean, texts with signs that get lost
    easily, structs with every member and with every second one, and lists of one and of two items."""
    match kind:
        case inspect.UnionType():
            return [value for one in kind.types for value in values(name, one, mark)]
        case inspect.Metadata():
            return values(name, kind.type, mark)
        case inspect.LiteralType():
            return [word for word in kind.values if word != "unknown"]
        case inspect.BoolType():
            return [False, True]
        case inspect.DateTimeType():
            return list(INSTANTS)
        case inspect.StrType():
            long = (kind.max_length or 0) > LONGEST_LINE
            return [_text(one, name, mark) for one in FORMATS.get(name) or (TEXTS if long else LINES)]
        case inspect.StructType(cls=struct) if struct is CustomFieldPatch:
            return [{"key": CUSTOM_FIELDS[name], "value": _text(one, name, mark)} for one in LINES]
        case inspect.StructType():
            return list(_structs(kind, mark))
        case inspect.VarTupleType():
            return list(_lists(name, kind.item_type, mark))
    return []


def _text(form: str, name: str, mark: str) -> str:
    return form.format(name=name, mark=mark, number=f"{crc32(mark.encode()) % 10**7:07}")


def _structs(struct: inspect.StructType, mark: str) -> Iterator[Body]:
    """Yield as many values as the member has that has the most, each with all members; then two with every second
    member, besides those that are required."""
    members = {
        name: those
        for name, kind in fields(struct.cls).items()
        if (those := values("line_custom_fields" if name == "custom_fields" else name, kind, mark))
    }
    required = {one.encode_name for one in struct.fields if one.required}
    for turn in range(max(map(len, members.values()))):
        yield {name: those[turn % len(those)] for name, those in members.items()}
    for half in (0, 1):
        kept = set(list(members)[half::2]) | required
        yield {name: those[half % len(those)] for name, those in members.items() if name in kept}


def _lists(name: str, item: inspect.Type, mark: str) -> Iterator[list[Any]]:
    singles = values(name, item, mark)
    yield from ([one] for one in singles)
    if name not in CUSTOM_FIELDS:
        yield [singles[0], *values(name, item, f"{mark}z")[1:2]]
