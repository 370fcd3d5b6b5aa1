"""Texts of others without the people in them: vendors and parsers like to repeat what they were sent.

E-mail addresses and telephone numbers in E.164 are recognised by their shape. A name has none: who quotes a value into
a text of ours leaves it out instead.
"""

import re
from functools import cache
from typing import Any, Final

import msgspec

from canonical.customer import Customer
from canonical.order import Order
from canonical.ticket import Comment, Ticket

_OUTSIDE: Final = r"\s@\"'`<>(),;:\[\]{}/\\|"
_EMAIL: Final = re.compile(rf"[^{_OUTSIDE}]{{1,64}}(?:@|%40)[^{_OUTSIDE}]{{1,255}}", re.IGNORECASE)
_DOMAIN: Final = re.compile(r"(?:@|%40).*\..", re.IGNORECASE)
_PHONE: Final = re.compile(r"(?:\+|%2B|\b00)[1-9][0-9]{6,14}\b", re.IGNORECASE)


LONGEST: Final = 50_000
"""Characters. A vendor or a parser may repeat a value of any length."""


def without_people(text: str) -> str:
    """The text with `(e-mail)` and `(phone)` in place of what looks like one; both may stand in a path. What is longer
    than anybody reads is cut."""
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}…"
    if "@" in text or "%40" in text:
        text = _EMAIL.sub(lambda found: "(e-mail)" if _DOMAIN.search(found[0]) else found[0], text)
    return _PHONE.sub("(phone)", text)


MOST_SHOWN: Final = 40
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[_.-][A-Za-z0-9]+)*|[0-9]{1,9}")
# Beside letters whatever is not ASCII, as vowel signs and accents of their own say who somebody is, and what is no sign
# at all, as no text of the database may hold a NUL.
_LETTER: Final = re.compile(r"[^\W\d_]|[^\x20-\x7e]")
_DIGIT: Final = re.compile(r"\d")


def shape_of(value: Any) -> str:
    """What a decoded JSON value looks like, without what it says: letters are `x`, digits `0`, marks of ASCII stand. Of
    an object the names of its first members are kept that our own model has as well; of an array the first item."""
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
    """A vendor's word for a choice, shown where it is a single word or a short number as a program would choose it, and
    as its shape where it may be anything: an administrator's label may name a person."""
    text = str(value)
    return text if len(text) <= MOST_SHOWN and _WORD.fullmatch(text) else shape_of(value)


def _name_of(member: str) -> str:
    """A member's name where it is a word of the canonical model, however it is spelled: a map may have people's names,
    and nothing tells these from a schema's."""
    return member if len(member) <= MOST_SHOWN and _folded(member) in _words() else "*"


@cache
def _words() -> frozenset[str]:
    _, parts = msgspec.json.schema_components((Customer, Order, Ticket, Comment))
    return frozenset(_folded(name) for part in parts.values() for name in part.get("properties", {}))


def _folded(name: str) -> str:
    """`createdAt`, `created_at` and `CreatedAt` are one word."""
    return name.replace("_", "").lower()


def _hint_of(value: Any) -> str:
    if isinstance(value, dict | list) and value:
        return "{…}" if isinstance(value, dict) else "[…]"
    return shape_of(value)
