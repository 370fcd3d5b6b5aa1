"""Parameters of the query and the path: declared once, read strictly, and described in the OpenAPI document.

Of a query, only declared names are accepted, each once and of its type. Everything wrong is reported at once.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Generic, Protocol, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from app.errors import InvalidField
from app.http.nearest_name import did_you_mean
from app.problem_document import FieldError
from canonical.parts import Instant

T = TypeVar("T")

MOST_PARAMETERS: Final = 50
_BOOLEANS: Final = {"true": True, "false": False}
_TEXT: Final = {"type": "string"}


class Parameter(Struct, Generic[T], frozen=True, kw_only=True):
    """A query parameter. `read` raises ValueError with what is accepted; several arguments are several errors."""

    name: str
    meaning: str
    schema: Mapping[str, Any]
    read: Callable[[str], T]
    default: T
    repeatable: bool = False


class PathText(Struct, frozen=True):
    """A parameter of the path."""

    name: str
    meaning: str
    example: str


def text(name: str, meaning: str, example: str, *, longest: int = 255) -> Parameter[str | None]:
    """Declare a non-empty text; None when it was not sent."""

    def read(value: str) -> str:
        if not 0 < len(value) <= longest:
            raise ValueError(f"1 to {longest} characters")
        return value

    schema = _TEXT | {"examples": [example]}
    return Parameter(name=name, meaning=meaning, schema=schema, read=read, default=None)


def matching(
    name: str,
    meaning: str,
    example: str,
    pattern: str,
    convert: Callable[[re.Match[str]], T],
    *,
    otherwise: str,
    schema: Mapping[str, Any] | None = None,
) -> Parameter[T | None]:
    """Declare a text that matches a pattern; it is read as `convert` returns. `otherwise` says what is accepted."""
    plain, wanted = text(name, meaning, example), re.compile(pattern)

    def read(value: str) -> T:
        match = wanted.fullmatch(plain.read(value) or "")
        if match is None:
            raise ValueError(otherwise)
        return convert(match)

    json_schema = schema or {**plain.schema, "pattern": f"^{pattern}$"}
    return Parameter(name=name, meaning=meaning, schema=json_schema, read=read, default=None)


def choice(
    name: str, meaning: str, values: tuple[str, ...], *, example: str | None = None, default: str | None = None
) -> Parameter[str | None]:
    """Declare one of a few words."""

    def read(value: str) -> str:
        if value not in values:
            raise ValueError(f"one of: {', '.join(values)}")
        return value

    schema: dict[str, Any] = {"enum": list(values), "examples": [example or values[0]]}
    if default is not None:
        schema["default"] = default
    return Parameter(name=name, meaning=meaning, schema=schema, read=read, default=default)


def choices(name: str, meaning: str, values: tuple[str, ...], *, example: str) -> Parameter[tuple[str, ...]]:
    """Declare any of a few words, separated by commas or sent several times; none when it was not sent."""

    def read(value: str) -> tuple[str, ...]:
        chosen = tuple(dict.fromkeys(value.split(",")))
        wrong = [f"unknown: {word[:80]!r}" for word in chosen if word not in values]
        if wrong:
            wrong[0] += f"; known: {', '.join(values)}"
            raise ValueError(*wrong)
        return chosen

    schema = _TEXT | {"examples": [example]}
    return Parameter(name=name, meaning=meaning, schema=schema, read=read, default=(), repeatable=True)


def boolean(name: str, meaning: str) -> Parameter[bool | None]:
    """Declare `true` or `false`; None when it was not sent."""
    word = choice(name, meaning, tuple(_BOOLEANS))
    schema = {"type": "boolean", "examples": [False]}
    return Parameter(
        name=name, meaning=meaning, schema=schema, read=lambda value: _BOOLEANS[word.read(value) or ""], default=None
    )


def whole(name: str, meaning: str, lowest: int, highest: int, *, example: int, default: T) -> Parameter[int | T]:
    """Declare a whole number in a range."""

    def read(value: str) -> int:
        if not (value.isascii() and value.isdigit() and len(value) < 10 and lowest <= int(value) <= highest):
            raise ValueError(f"{lowest} to {highest}")
        return int(value)

    schema: dict[str, Any] = {"type": "integer", "minimum": lowest, "maximum": highest, "examples": [example]}
    if default is not None:
        schema["default"] = default
    return Parameter(name=name, meaning=meaning, schema=schema, read=read, default=default)


def instant(name: str, meaning: str) -> Parameter[datetime | None]:
    """Declare an RFC 3339 time with a zone."""

    def read(value: str) -> datetime:
        try:
            # A time at the edge of the calendar has no counterpart in UTC, which the database stores.
            return msgspec.convert(value.replace(" ", "+"), Instant).astimezone(UTC)
        except (msgspec.ValidationError, OverflowError) as error:
            raise ValueError("an RFC 3339 time with a zone, such as 2026-05-01T00:00:00Z") from error

    schema = _TEXT | {"format": "date-time", "examples": ["2026-05-01T00:00:00Z"]}
    return Parameter(name=name, meaning=f"{meaning} (RFC 3339 with a zone).", schema=schema, read=read, default=None)


def cursor(pattern: str = ".+", *, longest: int = 80) -> Parameter[str | None]:
    """Declare the cursor of a list whose cursors match this pattern."""
    plain = text("cursor", "`next_cursor` of the previous page, unchanged.", "q7Jm3wT0", longest=longest)
    wanted = re.compile(pattern, re.DOTALL)

    def read(value: str) -> str | None:
        if not wanted.fullmatch(plain.read(value) or ""):
            raise ValueError("is not a cursor of this list")
        return value

    return replace(plain, read=read)


LIMIT: Final = whole(
    "limit",
    "Maximum number of resources per page. A page may have fewer even if `has_more` is true.",
    1,
    250,
    example=50,
    default=50,
)


RECORD_ID: Final = PathText(
    "id", "A canonical id, or `<connection>:<vendor id>`.", "cus_0198f0a2b7c47d3c9a51f2e80b6c4d17"
)
RECORD_CONNECTION: Final = text("connection", "The connection. If absent, the object's system of record.", "hubspot")


class _HasScope(Protocol):
    @property
    def scope(self) -> Any:
        """The ASGI scope."""


class Query:
    """The query parameters of one request, read as declared. `check` raises what was wrong, all of it together.

    `values` are those of all declared parameters, or their defaults. After `check` has passed, they are what was sent.
    """

    def __init__(self, request: _HasScope, declared: tuple[Parameter[Any], ...]) -> None:
        self.errors: list[FieldError] = []
        raw = request.scope["query_string"]
        sent = self._parse(raw, {one.name: one for one in declared}) if raw else {}
        self.values: Mapping[str, Any] = {one.name: self._read(one, sent) for one in declared}

    def check(self) -> None:
        """Raise InvalidField with everything that was wrong."""
        if self.errors:
            raise InvalidField.listing(self.errors)

    def _read(self, parameter: Parameter[Any], sent: dict[str, str]) -> Any:
        if parameter.name not in sent:
            return parameter.default
        try:
            return parameter.read(sent[parameter.name])
        except ValueError as error:
            self.errors += [FieldError(parameter=parameter.name, detail=detail) for detail in error.args]
            return parameter.default

    def _parse(self, raw: bytes, declared: dict[str, Parameter[Any]]) -> dict[str, str]:
        values: dict[str, str] = {}
        try:
            pairs = parse_qsl(
                raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS
            )
        except ValueError:
            self._complain("query", "not readable as UTF-8 parameters")
            return values
        for name, value in pairs:
            if name not in declared:
                offered = ", ".join(declared) or "none"
                self._complain(name[:80], f"unknown parameter; known: {offered}.{did_you_mean(name, declared)}")
            elif "\0" in value:
                self._complain(name, "holds a NUL character")
            elif name in values and declared[name].repeatable:
                values[name] += f",{value}"
            elif name in values:
                self._complain(name, "sent twice; send it once")
            else:
                values[name] = value
        return values

    def _complain(self, name: str, detail: str) -> None:
        self.errors.append(FieldError(parameter=name, detail=detail))
