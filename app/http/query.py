"""Query parameters, strictly: known names only, each once, each of its type; everything wrong is told at once."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl

import msgspec

from app.errors import InvalidField
from app.http.admission import AnyRequest
from app.problem_document import FieldError
from canonical.parts import Instant

BOOLEANS: Final = {"true": True, "false": False}
MOST_PARAMETERS: Final = 50


class Query:
    """The parameters of one request. Reading notes complaints; `check` raises them together. Those that are
    `repeatable` may be sent several times."""

    def __init__(self, request: AnyRequest, known: tuple[str, ...], *, repeatable: tuple[str, ...] = ()) -> None:
        self._complaints: list[FieldError] = []
        self._repeatable = repeatable
        self._values = self._parse(request.scope["query_string"], known)

    def text(self, name: str, longest: int = 255) -> str | None:
        """A non-empty text, or None when it was not sent."""
        value = self._values.get(name)
        if value is not None and not 0 < len(value) <= longest:
            self.complain(name, f"1 to {longest} characters")
            return None
        return value

    def choice(self, name: str, choices: tuple[str, ...]) -> str | None:
        """One of a few words."""
        value = self._values.get(name)
        if value is not None and value not in choices:
            self.complain(name, f"one of: {', '.join(choices)}")
            return None
        return value

    def choices(self, name: str, offered: tuple[str, ...]) -> tuple[str, ...]:
        """Any of a few words, separated by commas; none when it was not sent."""
        value = self._values.get(name)
        chosen = () if value is None else tuple(dict.fromkeys(value.split(",")))
        for word in chosen:
            if word not in offered:
                self.complain(name, f"there is no {word[:80]!r}; there are: {', '.join(offered)}")
        return chosen

    def whole(self, name: str, lowest: int, highest: int, default: int) -> int:
        """A whole number in a range."""
        value = self._values.get(name)
        if value is None:
            return default
        if not (value.isascii() and value.isdigit() and len(value) < 10 and lowest <= int(value) <= highest):
            self.complain(name, f"{lowest} to {highest}")
            return default
        return int(value)

    def instant(self, name: str) -> datetime | None:
        """An RFC 3339 time with its zone."""
        value = self._values.get(name)
        if value is None:
            return None
        try:
            # A time at the edge of the calendar has no counterpart in UTC, which is what the database keeps.
            return msgspec.convert(value.replace(" ", "+"), Instant).astimezone(UTC)
        except (msgspec.ValidationError, OverflowError):
            self.complain(name, "an RFC 3339 time with a zone, such as 2026-05-01T00:00:00Z")
            return None

    def several(self, names: tuple[str, ...]) -> Mapping[str, str]:
        """Those of the named texts that were sent."""
        return {name: value for name in names if (value := self.text(name)) is not None}

    def complain(self, name: str, detail: str) -> None:
        """Note what is wrong with a parameter."""
        self._complaints.append(FieldError(parameter=name, detail=detail))

    @property
    def errors(self) -> tuple[FieldError, ...]:
        """What is wrong with the parameters read so far."""
        return tuple(self._complaints)

    def check(self) -> None:
        """Raises InvalidField with everything that was wrong."""
        if self._complaints:
            raise InvalidField.listing(self._complaints)

    def _parse(self, raw: bytes, known: tuple[str, ...]) -> dict[str, str]:
        values: dict[str, str] = {}
        if not raw:
            return values
        try:
            pairs = parse_qsl(
                raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS
            )
        except ValueError:
            self.complain("query", "not readable as UTF-8 parameters")
            return values
        for name, value in pairs:
            if name not in known:
                offered = ", ".join(known) or "none"
                self.complain(name[:80], f"not a parameter here; there are: {offered}")
            elif "\0" in value:
                self.complain(name, "holds a NUL character")
            elif name in values and name in self._repeatable:
                values[name] += f",{value}"
            elif name in values:
                self.complain(name, "was sent twice")
            else:
                values[name] = value
        return values
