"""Convert values in undocumented spellings: numbers as text, text as numbers, null or false for "", `[]` for an empty
object, an object for an array that lost an item. Plugins in dynamically typed languages send all these spellings.

A record that fits its wire Struct is never converted. Otherwise each member is converted to the type that the Struct
names, if its value is unambiguous. Any other value stays unchanged, and the decoder refuses it with its path. Digits
are kept as written.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import inspect

from canonical import values

_NOTHING: Final[tuple[Any, ...]] = (None, False, "", [], {}, "0000-00-00T00:00:00", "0000-00-00 00:00:00")
"""Spellings of an absent value; PHP has several, MySQL a date."""
_TRUTH: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_WHOLE: Final = re.compile(r"-?[0-9]{1,18}")
_encode: Final = msgspec.json.Encoder(decimal_format="number").encode


def fitted(record: bytes | msgspec.Raw, into: Any) -> bytes:
    """Return the record with each unambiguous member converted to its type in `into`.

    Raises msgspec's errors for invalid JSON, and RecursionError.
    """
    return _encode(_fit(_decode(record), _known(into)))


def _exact(digits: str) -> Decimal | float:
    """Return a number exactly as written. Return a float if it is too long to be a count or an amount."""
    try:
        return values.parse_decimal(digits)
    except ValueError:
        return float(digits)


_decode: Final = msgspec.json.Decoder(float_hook=_exact).decode


@cache
def _known(into: Any) -> inspect.Type:
    return inspect.type_info(into)


def _fit(value: Any, kind: inspect.Type) -> Any:
    if isinstance(kind, inspect.Metadata):
        return _fit(value, kind.type)
    if isinstance(kind, inspect.UnionType):
        return _fit_one_of(value, kind.types)
    fit = _FITS.get(type(kind))
    return value if fit is None else fit(value, kind)


def _fit_one_of(value: Any, kinds: tuple[inspect.Type, ...]) -> Any:
    """Keep the value if it has one of the types. Otherwise convert it to the first type that it fits."""
    for kind in kinds:
        if _is(value, kind):
            return _fit(value, kind)
    for kind in kinds:
        fitted = _fit(value, kind)
        if _is(fitted, kind):
            return fitted
    return None if inspect.NoneType() in kinds and value in _NOTHING else value


def _is(value: Any, kind: inspect.Type) -> bool:
    """Return whether the value has this JSON type, without a look at its content."""
    if isinstance(kind, inspect.Metadata):
        return _is(value, kind.type)
    if isinstance(kind, inspect.UnionType):
        return any(_is(value, one) for one in kind.types)
    if isinstance(kind, inspect.DateTimeType) and value in _NOTHING:
        return False
    forms = _FORMS.get(type(kind))
    return forms is None or type(value) in forms


def _text(value: Any, _kind: Any) -> Any:
    if value is True:
        return "true"
    if isinstance(value, int) and value is not False:
        return str(value)
    return format(value, "f") if isinstance(value, Decimal) else value


def _whole(value: Any, _kind: Any) -> Any:
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        return int(value)
    return int(value) if isinstance(value, Decimal) and value == value.to_integral_value() else value


def _number(value: Any, _kind: Any) -> Any:
    try:
        return values.parse_decimal(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _truth(value: Any, _kind: Any) -> Any:
    return _TRUTH.get(str(value).strip().lower(), value) if isinstance(value, str | int) else value


def _members(value: Any, kind: inspect.StructType) -> Any:
    if not isinstance(value, dict):
        return {} if value == [] else value
    members = dict(value)
    for field in kind.fields:
        name = field.encode_name
        if name not in members:
            continue
        members[name] = _fit(members[name], field.type)
        if not field.required and members[name] in _NOTHING and not _is(members[name], field.type):
            del members[name]
    return members


def _items(value: Any, kind: inspect.VarTupleType) -> Any:
    """Convert an object to an array: its values if all are objects, of `key` and `value` pairs if those are expected.

    Convert the items of an array.
    """
    if isinstance(value, dict) and isinstance(kind.item_type, inspect.StructType):
        if all(isinstance(one, dict) for one in value.values()):
            value = list(value.values())
        elif {field.name for field in kind.item_type.fields} >= {"key", "value"}:
            value = [{"key": key, "value": one} for key, one in value.items()]
    if not isinstance(value, list):
        return value
    return [_fit(one, kind.item_type) for one in value if one is not None or _is(one, kind.item_type)]


def _values(value: Any, kind: inspect.DictType) -> Any:
    if not isinstance(value, dict):
        return {} if value == [] else value
    return {name: _fit(one, kind.value_type) for name, one in value.items()}


_FITS: Final[dict[type[inspect.Type], Callable[[Any, Any], Any]]] = {
    inspect.StrType: _text,
    inspect.IntType: _whole,
    inspect.FloatType: _number,
    inspect.BoolType: _truth,
    inspect.StructType: _members,
    inspect.VarTupleType: _items,
    inspect.DictType: _values,
}
_FORMS: Final[dict[type[inspect.Type], tuple[type[Any], ...]]] = {
    inspect.NoneType: (type(None),),
    inspect.StrType: (str,),
    inspect.DateTimeType: (str,),
    inspect.IntType: (int,),
    inspect.FloatType: (int, Decimal),
    inspect.BoolType: (bool,),
    inspect.StructType: (dict,),
    inspect.DictType: (dict,),
    inspect.VarTupleType: (list,),
}
"""Python types of decoded values, by expected type. Any other type, such as Raw, accepts every value."""
