"""The layout of an export: its columns, their types, and the canonical field of each. It is configuration, checked when
Lockstitch starts."""

import codecs
import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Final, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from canonical import values
from canonical.customer import Customer
from canonical.order import Order
from canonical.parts import ObjectName
from canonical.ticket import Ticket
from mappings.csv.fields import CUSTOM, Field, FieldKind, NoSuchField, Path, find_field, missing_fields

ColumnType = Literal["string", "number", "boolean", "date", "datetime", "money", "enum"]
Constant = str | bool | int

OBJECTS: Final[dict[str, tuple[ObjectName, type[Struct]]]] = {
    "customers": ("customer", Customer),
    "orders": ("order", Order),
    "tickets": ("ticket", Ticket),
}
FITS: Final[dict[ColumnType, tuple[FieldKind, ...]]] = {
    "string": ("text",),
    "number": ("quantity", "whole"),
    "boolean": ("boolean",),
    "date": ("instant",),
    "datetime": ("instant",),
    "money": ("amount",),
    "enum": ("enum",),
}
CODES: Final[dict[str, tuple[Callable[[str], bool], str]]] = {
    "currency": (values.is_currency, "an ISO 4217 code"),
    "country_code": (lambda text: values.country(text) == text, "an ISO 3166-1 alpha-2 code"),
}
"""Members that hold a code, with its check and its description."""
DERIVED: Final = frozenset({"totals.outstanding"})
"""Fields that are computed if no column fills them."""
ESCAPING: Final = frozenset({"utf-7", "unicode-escape", "raw-unicode-escape", "punycode", "idna"})
"""Encodings that escape characters in parts: a file may then hold half a character, which cannot be stored."""
BOOLEANS: Final = {"true": True, "yes": True, "y": True, "1": True, "false": False, "no": False, "n": False, "0": False}
NO_VALUES: Final = "values are allowed only for enum and boolean."
REVISION: Final = 1
"""Increase it when the same layout maps differently: then every row is processed again."""


class LayoutError(Exception):
    """The configuration is invalid. The message has one complaint per line."""


class ColumnSetting(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[connections.<name>.csv.columns]]`. `values` maps the cells of an enum or a boolean to canonical values."""

    column: str
    field: str
    type: ColumnType = "string"
    required: bool = False
    values: dict[str, str] = msgspec.field(default_factory=dict)


class LayoutSetting(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[connections.<name>.csv]`. `key` names the columns that identify a record. `constants` are values, by path, for
    fields that the export lacks. The formats are those of `strptime`; without them, dates are ISO 8601. `folder` is the
    absolute path of a folder to read exports from, in addition to uploads."""

    object: Literal["customers", "orders", "tickets"]
    key: str | tuple[str, ...]
    columns: tuple[ColumnSetting, ...]
    constants: dict[str, Constant] = msgspec.field(default_factory=dict)
    delimiter: str = ","
    encoding: str = "utf-8"
    decimal: Literal[".", ","] = "."
    date_format: str | None = None
    datetime_format: str | None = None
    timezone: str = "UTC"
    folder: str | None = None


class Column(Struct, frozen=True, kw_only=True):
    """One column with the field that it fills. The keys of `values` are cells in lower case."""

    name: str
    type: ColumnType
    required: bool
    values: dict[str, str]
    field: Field


class Layout(Struct, frozen=True, kw_only=True):
    """A valid layout. `names` are the columns that are read, each once. Two layouts that may map a row differently have
    different fingerprints."""

    object: ObjectName
    model: type[Struct]
    key: tuple[str, ...]
    names: tuple[str, ...]
    columns: tuple[Column, ...]
    constants: tuple[tuple[Path, Constant], ...]
    unsupported: tuple[str, ...]
    delimiter: str
    encoding: str
    decimal: str
    date_format: str | None
    datetime_format: str | None
    zone: str
    folder: str | None
    fingerprint: bytes

    @property
    def custom_keys(self) -> frozenset[str]:
        """Return the keys of the custom fields that columns fill."""
        paths = [column.field.path for column in self.columns]
        return frozenset(str(path[1]) for path in paths if path[0] == CUSTOM)

    @property
    def mapping(self) -> str:
        """Return the mapping's name, such as `csv.customer`."""
        return f"csv.{self.object}"


def make_layout(setting: LayoutSetting) -> Layout:
    """Return the layout of a connection. Raises LayoutError with all complaints."""
    object_name, model = OBJECTS[setting.object]
    complaints = _complaints_of_form(setting)
    filled: dict[Path, Field] = {}

    def fill(where: str, text: str) -> Field | None:
        try:
            field = find_field(model, text)
        except NoSuchField as error:
            complaints.append(f"{where} {error}.")
            return None
        if field.path in filled:
            complaints.append(f"{where} {text} is filled twice.")
        filled[field.path] = field
        return field

    columns = []
    for number, one in enumerate(setting.columns):
        where = f"csv.columns[{number}] ({one.column}):"
        field = fill(where, one.field)
        if field is None:
            continue
        complaints += [f"{where} {complaint}" for complaint in _complaints_of_column(one, field)]
        name, folded = one.column.strip(), _folded(one.values)
        columns.append(Column(name=name, type=one.type, required=one.required, values=folded, field=field))
    constants = []
    for text, value in setting.constants.items():
        field = fill("csv.constants:", text)
        if field is not None:
            complaints += _complaints_of_constant(text, value, field)
            constants.append((field.path, value))
    complaints += [
        f"csv: {name} is required; fill it with a column or a constant."
        for name in missing_fields(model, filled, DERIVED)
    ]
    complaints += _complaints_of_money(columns, filled)
    if complaints:
        raise LayoutError("\n".join(complaints))
    key = (setting.key,) if isinstance(setting.key, str) else setting.key
    key = tuple(name.strip() for name in key)
    tops = {path[0] for path in filled}
    meaning = msgspec.structs.replace(setting, folder=None)  # the source of a file does not affect its mapping
    return Layout(
        object=object_name,
        model=model,
        key=key,
        names=tuple(dict.fromkeys((*key, *(column.name for column in columns)))),
        columns=tuple(columns),
        constants=tuple(constants),
        unsupported=_unsupported(model, tops),
        delimiter=setting.delimiter,
        encoding=codecs.lookup(setting.encoding).name,
        decimal=setting.decimal,
        date_format=setting.date_format,
        datetime_format=setting.datetime_format,
        zone=setting.timezone,
        folder=setting.folder,
        fingerprint=hashlib.sha256(b"%d %b" % (REVISION, msgspec.json.encode(meaning, order="sorted"))).digest(),
    )


def _complaints_of_form(setting: LayoutSetting) -> list[str]:
    complaints = []
    if len(setting.delimiter) != 1 or setting.delimiter in '"\r\n':
        complaints.append(
            f"csv.delimiter is {setting.delimiter!r}: it must be one character, not a quote or a line end."
        )
    try:
        codec = codecs.lookup(setting.encoding)
        "".encode(codec.name)
        if codec.name in ESCAPING:
            complaints.append(
                f"csv.encoding is {setting.encoding!r}: an escaping encoding is not supported; use one such as utf-8."
            )
    except (LookupError, ValueError):
        complaints.append(f"csv.encoding is {setting.encoding!r}: it is not a known text encoding.")
    if values.timezone(setting.timezone) is None:
        complaints.append(f"csv.timezone is {setting.timezone!r}: it must be an IANA time zone such as Europe/Berlin.")
    else:
        ZoneInfo(setting.timezone)
    for name, text in (("date_format", setting.date_format), ("datetime_format", setting.datetime_format)):
        if text is not None and not _is_format(text):
            complaints.append(
                f"csv.{name} is {text!r}: it must have day, month and year in strptime notation, such as %d.%m.%Y."
            )
    if not setting.key or (isinstance(setting.key, tuple) and not all(setting.key)):
        complaints.append("csv.key must name the column or columns that identify a record.")
    if setting.folder is not None and not PurePath(setting.folder).is_absolute():
        complaints.append(f"csv.folder is {setting.folder!r}: it must be an absolute path.")
    if not setting.columns:
        complaints.append("csv.columns is empty: name at least one column.")
    return complaints


def _is_format(text: str) -> bool:
    """Return whether a date survives formatting and parsing with this format."""
    probe = datetime(2026, 11, 25, 14, 35, tzinfo=UTC)
    try:
        return datetime.strptime(probe.strftime(text), text).date() == probe.date()  # noqa: DTZ007 - the day only
    except (ValueError, re.error):
        return False


def _complaints_of_column(one: ColumnSetting, field: Field) -> list[str]:
    if field.path[0] != CUSTOM and field.kind not in FITS[one.type]:
        fitting = " or ".join(name for name, kinds in FITS.items() if field.kind in kinds)
        return [f"type {one.type} does not fit {one.field}, which takes {fitting}."]
    if one.values and one.type not in ("enum", "boolean"):
        return [NO_VALUES]
    folded = _folded(one.values)
    words: tuple[str, ...] = ("true", "false") if one.type == "boolean" else field.words
    return [
        f"values: {word!r} is not one of {', '.join(words)}."
        for word in dict.fromkeys(one.values.values())
        if words and word not in words
    ] + [
        f"values: {cell!r} is there twice with different values; case does not count."
        for cell, word in one.values.items()
        if folded[_fold(cell)] != word
    ]


def _folded(words: dict[str, str]) -> dict[str, str]:
    return {_fold(cell): word for cell, word in words.items()}


def _fold(cell: str) -> str:
    return cell.strip().lower()


def _complaints_of_constant(text: str, value: Constant, field: Field) -> list[str]:
    if field.path[0] == CUSTOM:
        return [f"csv.constants: {text} must be filled by a column."]
    is_decimal = isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,9})?", value) is not None
    fits = {
        "text": isinstance(value, str),
        "enum": value in field.words,
        "amount": is_decimal,
        "quantity": is_decimal,
        "boolean": isinstance(value, bool),
        "whole": isinstance(value, int) and not isinstance(value, bool),
        "instant": False,
    }
    code = CODES.get(str(field.path[-1]))
    if fits[field.kind] and (code is None or code[0](str(value))):
        return []
    decimal = 'a decimal in quotes, such as "0.5"'
    wanted = {
        "enum": f"one of {', '.join(field.words)}",
        "amount": decimal,
        "quantity": decimal,
        "whole": "a number",
    }
    expected = wanted.get(field.kind, field.kind) if code is None else code[1]
    return [f"csv.constants: {text} takes {expected}."]


def _complaints_of_money(columns: list[Column], filled: dict[Path, Field]) -> list[str]:
    return [
        f"csv.columns ({column.name}): an amount needs a currency; fill currency with a column or a constant."
        for column in columns
        if column.type == "money"
        and column.field.path[0] != CUSTOM
        and not {(*column.field.path[:-1], "currency"), ("currency",)} & filled.keys()
    ]


def _unsupported(model: type[Struct], tops: set[str | int]) -> tuple[str, ...]:
    """Return the fields that this export never supplies, for `meta.unsupported`."""
    made = {"customer": {"display_name"}, "ticket": {"status_category"}}.get(model.__name__.lower(), set())
    return tuple(
        member.name
        for member in msgspec.structs.fields(model)
        if member.name not in tops | made | {"id", "meta", "raw"} and not member.name.endswith("_raw")
    )
