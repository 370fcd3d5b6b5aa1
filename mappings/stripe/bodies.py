"""Request bodies of Stripe: `application/x-www-form-urlencoded`, nested in brackets.

Examples: `address[city]=Bern`, `line_items[0][quantity]=2`, `metadata[tier]=gold`. An empty value clears a member
(https://docs.stripe.com/api, Update a customer). UNSET members are left out.
"""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlencode

from msgspec import UNSET, Struct

CONTENT_TYPE: Final = "application/x-www-form-urlencoded"


def encoded(body: Struct, *expand: str) -> bytes:
    """Return a body as form fields, with the members to expand in the answer."""
    fields = [*_members(body), *(("expand[]", path) for path in expand)]
    return urlencode(fields).encode()


def _members(body: Struct) -> Iterator[tuple[str, str]]:
    for name in body.__struct_fields__:
        yield from _field(name, getattr(body, name))


def _field(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if value is UNSET:
        return
    if isinstance(value, Struct):
        for member in value.__struct_fields__:
            yield from _field(f"{name}[{member}]", getattr(value, member))
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _field(f"{name}[{key}]", inner)
    elif isinstance(value, tuple):
        if not value:
            yield name, ""
        for place, inner in enumerate(value):
            yield from _field(f"{name}[{place}]", inner)
    else:
        yield name, _text(value)


def _text(value: str | int | bool | None) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
