"""Billing and shipping addresses as customers and orders have them."""

import re
from typing import Any

from emulators.state import JsonRecord
from emulators.woocommerce.errors import invalid
from emulators.woocommerce.shop import cleaned

COMMON = ("first_name", "last_name", "company", "address_1", "address_2", "city", "postcode", "country", "state")
MEMBERS = {"billing": (*COMMON, "email", "phone"), "shipping": (*COMMON, "phone")}
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


def is_email(text: str) -> bool:
    """Whether WordPress takes it for an address."""
    return _EMAIL.fullmatch(text) is not None


def blank(kind: str) -> JsonRecord:
    """An address of which nothing is known: everything is empty text."""
    return dict.fromkeys(MEMBERS[kind], "")


def changed(kind: str, place: JsonRecord, body: JsonRecord, *, null_email: bool) -> JsonRecord:
    """The address with what was sent; members that were not sent stay. An e-mail cannot be empty text, and null only
    where `null_email`: WordPress judges its format before anybody asks what it is for."""
    sent = body.get(kind)
    if kind not in body:
        return place
    if not isinstance(sent, dict):
        raise invalid(kind, f"{kind} is not of type object.")
    return place | {name: _member(kind, name, sent[name], null_email) for name in MEMBERS[kind] if name in sent}


def _member(kind: str, name: str, value: Any, null_email: bool) -> str:
    if name == "email" and value is None and null_email:
        return ""
    if not isinstance(value, str):
        raise invalid(kind, f"{kind}[{name}] is not of type string.")
    if name == "email" and not is_email(value):
        raise invalid(kind, "Invalid email address.")
    return cleaned(value)
