"""Remove personal data from foreign texts, because vendors and parsers often repeat what they were sent.

E-mail addresses and E.164 telephone numbers are recognised by their shape. Names have none, so never quote a value that
may contain a name.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from canonical.customer import Customer
from canonical.order import Order
from canonical.ticket import Comment, Ticket

_OUTSIDE: Final = r"\s@\"'`<>(),;:\[\]{}/\\|"
_EMAIL: Final = re.compile(rf"[^{_OUTSIDE}]{{1,64}}(?:@|%40)[^{_OUTSIDE}]{{1,255}}", re.IGNORECASE)
_AT: Final = re.compile("@|%40")
_LOCAL: Final = re.compile(rf"(?:'|[^{_OUTSIDE}=&?#])+$")
_HOST: Final = re.compile(rf"[^{_OUTSIDE}=&?#]{{1,255}}")
_ESCAPED: Final = re.compile(r"\\[nrt]")
LONGEST_LOCAL: Final = 66
"""Characters before the sign of an address, with an escaped line break."""
_DOMAIN: Final = re.compile(r"(?:@|%40).*\..", re.IGNORECASE)
_PHONE: Final = re.compile(r"(?:\+|%2B|\b00)[1-9][0-9]{6,14}\b", re.IGNORECASE)


LONGEST: Final = 50_000
"""Characters. A vendor or a parser may repeat a value of any length."""


def without_people(text: str) -> str:
    """Replace e-mail addresses by `(e-mail)` and telephone numbers by `(phone)`, also percent-encoded ones. Cut a
    text longer than `LONGEST`."""
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}…"
    if "@" in text or "%40" in text:
        text = _EMAIL.sub(lambda match: "(e-mail)" if _DOMAIN.search(match[0]) else match[0], text)
    return _PHONE.sub("(phone)", text)


def addresses_in(text: str) -> Iterator[str]:
    """Yield what may be an e-mail address, also in JSON and in a URL. An apostrophe may be part of it, or before it."""
    for at in _AT.finditer(text):
        before = _LOCAL.search(_ESCAPED.sub(" ", text[max(0, at.start() - LONGEST_LOCAL) : at.start()]))
        domain = _HOST.match(text, at.end())
        local = "" if before is None or domain is None else before[0]
        while local and domain is not None:
            yield f"{unquote(local) if at[0] == '%40' else local}@{domain[0].rstrip('.')}"
            local = local.partition("'")[2]


MOST_SHOWN: Final = 40
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[_.-][A-Za-z0-9]+)*|[0-9]{1,9}")
# Letters, every non-ASCII character (separate vowel signs and accents can identify a person), and control characters
# (PostgreSQL text must not contain NUL).
_LETTER: Final = re.compile(r"[^\W\d_]|[^\x20-\x7e]")
_DIGIT: Final = re.compile(r"\d")


def shape_of(value: Any) -> str:
    """Return the shape of a decoded JSON value without its content.

    Letters become `x` and digits `0`; ASCII punctuation stays. An object shows its first members, and only names that
    the canonical model has too. An array shows its first item.
    """
    if isinstance(value, str):
        shape = _DIGIT.sub("0", _LETTER.sub("x", value[:MOST_SHOWN]))
        return f'"{shape}{"…" if len(value) > MOST_SHOWN else ""}"'
    if isinstance(value, dict):
        members = [f"{_name_of(name)}: {_hint_of(inner)}" for name, inner in list(value.items())[:5]]
        return "{" + ", ".join(members + (["…"] if len(value) > len(members) else [])) + "}"
    if isinstance(value, list):
        return f"[{', '.join([_hint_of(one) for one in value[:1]] + (['…'] if len(value) > 1 else []))}]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return _DIGIT.sub("0", str(value)[:MOST_SHOWN])


def word_of(value: Any) -> str:
    """Return a vendor's enum value if it is a single word or a short number, otherwise its shape.

    An administrator's label may name a person.
    """
    text = str(value)
    return text if len(text) <= MOST_SHOWN and _WORD.fullmatch(text) else shape_of(value)


def _name_of(member: str) -> str:
    """Return a member's name if the canonical model has it in any spelling, otherwise `*`.

    The names of a map's members may be people's names.
    """
    return member if len(member) <= MOST_SHOWN and _folded(member) in _canonical_names() else "*"


@cache
def _canonical_names() -> frozenset[str]:
    _, parts = msgspec.json.schema_components((Customer, Order, Ticket, Comment))
    return frozenset(_folded(name) for part in parts.values() for name in part.get("properties", {}))


def _folded(name: str) -> str:
    """Fold the spellings `createdAt`, `created_at` and `CreatedAt` into one."""
    return name.replace("_", "").lower()


def _hint_of(value: Any) -> str:
    if isinstance(value, dict | list) and value:
        return "{…}" if isinstance(value, dict) else "[…]"
    return shape_of(value)
