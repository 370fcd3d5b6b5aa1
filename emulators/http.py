"""The request and the answer of an emulator, independent of any web framework."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

JSON_TYPE = "application/json; charset=utf-8"
HTML_TYPE = "text/html; charset=utf-8"


class BadJson(ValueError):
    """The body of a call is not JSON. An emulator that lets it escape answers with its own 400."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request as the vendor sees it.

    `path` is the decoded path below `/<vendor>` and begins with a slash; `query` keeps order and repeats;
    `headers` has lower-cased names, repeated headers joined with a comma and a space.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: dict[str, str] = {}
    body: bytes = b""

    def param(self, name: str) -> str | None:
        """Return the first value of a query parameter: `""` if it is empty, None if it is absent."""
        return next((value for key, value in self.query if key == name), None)

    def params(self, name: str) -> list[str]:
        """Return every value of a repeated query parameter, in order."""
        return [value for key, value in self.query if key == name]

    def json(self) -> Any:
        """Return the body as JSON. Raises `BadJson` for anything else, also for an empty body."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadJson(str(error)) from error


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One reply of the vendor. Header names are lower-case, without content-length."""

    status: int
    headers: dict[str, str] = {}
    body: bytes = b""

    def json(self) -> Any:
        """Return the body as JSON. Raises `BadJson` if it is not (an HTML error page, an empty 204)."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadJson(str(error)) from error

    def with_json(self, data: Any) -> "Answer":
        """Return the same answer with another body, `data`."""
        return Answer(status=self.status, headers=self.headers, body=msgspec.json.encode(data))

    def with_headers(self, more: Mapping[str, str]) -> "Answer":
        """Return the same answer with headers added or replaced."""
        return Answer(status=self.status, headers={**self.headers, **more}, body=self.body)


def json_answer(status: int, data: Any, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an answer with a JSON body."""
    return Answer(status=status, headers={"content-type": JSON_TYPE, **(headers or {})}, body=msgspec.json.encode(data))


def html_answer(status: int) -> Answer:
    """Return the page of a proxy in front of the vendor: valid HTTP, but not the API's answer."""
    page = (
        f"<!DOCTYPE html>\n<html><head><title>{status}</title></head>"
        f"<body><h1>{status}</h1><p>We are sorry, something went wrong.</p></body></html>\n"
    )
    return Answer(status=status, headers={"content-type": HTML_TYPE}, body=page.encode())


def read_query(raw: bytes) -> tuple[tuple[str, str], ...]:
    """Return a raw query string as pairs, with `+` and percent escapes decoded and empty values kept."""
    return tuple(parse_qsl(raw.decode("latin-1"), keep_blank_values=True))


def read_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return raw headers as one dict with lower-case names, repeats joined as in RFC 9110, section 5.3."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
