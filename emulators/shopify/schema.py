"""The executable schema: our SDL, Shopify's scalars, and enums that accept any value in answers."""

from collections.abc import Callable
from datetime import UTC
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from graphql import GraphQLEnumType, GraphQLError, GraphQLScalarType, GraphQLSchema, build_schema

from emulators.shopify.ids import read_moment

SDL_FILES = sorted((Path(__file__).parent / "schema").glob("*.graphql"))


class OpenEnum(GraphQLEnumType):
    """An enum that refuses unknown values in input, as GraphQL requires, and accepts them in answers: a vendor's answer
    may have a value that its earlier schema did not have, and readers must be tested with it."""

    def coerce_output_value(self, output_value: Any) -> str:
        """Return the stored value unchanged."""
        return str(output_value)


def built() -> GraphQLSchema:
    """Return the schema without resolvers."""
    schema = build_schema("\n".join(file.read_text() for file in SDL_FILES))
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLEnumType) and not kind.name.startswith("__"):
            # build_schema can only build plain enums.
            kind.__class__ = OpenEnum
        elif isinstance(kind, GraphQLScalarType) and kind.name in _READERS:
            kind.coerce_input_value = _READERS[kind.name]
            kind.coerce_output_value = _as_it_is
    return schema


def _as_it_is(value: Any) -> Any:
    return value


def _decimal(value: Any) -> str:
    """Read decimals, sent as text or as numbers, as text."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise GraphQLError(f"Decimal cannot represent {value!r}.")
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise GraphQLError(f"invalid decimal '{value}'")
    return format(number, "f")


def _date_time(value: Any) -> str:
    read = read_moment(value) if isinstance(value, str) else None
    if read is None:
        raise GraphQLError(f"DateTime '{value}' is invalid")
    return read.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise GraphQLError(f"{value!r} is not a text.")
    return value


_READERS: dict[str, Callable[[Any], Any]] = {
    "DateTime": _date_time,
    "Decimal": _decimal,
    "UnsignedInt64": _text,
    "URL": _text,
}

SCHEMA = built()
