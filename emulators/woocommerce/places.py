"""Billing and shipping addresses of customers and orders."""

import re
from typing import Any

from emulators.state import JsonRecord
from emulators.woocommerce.errors import invalid
from emulators.woocommerce.shop import cleaned

COMMON = ("first_name", "last_name", "company", "address_1", "address_2", "city", "postcode", "country", "state")
MEMBERS = {"billing": (*COMMON, "email", "phone"), "shipping": (*COMMON, "phone")}
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


def is_email(text: str) -> bool:
    """Return whether WordPress accepts it as an e-mail address."""
    return _EMAIL.fullmatch(text) is not None


def blank(kind: str) -> JsonRecord:
    """Return an empty address: every member is empty text."""
    return dict.fromkeys(MEMBERS[kind], "")


def changed(kind: str, place: JsonRecord, body: JsonRecord, *, of_order: bool) -> JsonRecord:
    """Return the address after a write. Absent members stay.

    An e-mail cannot be empty text, and null only in an order, because WordPress validates its format first. The
    controller of orders stores texts unchanged (`update_address`), that of customers passes them through `wc_clean`.
    """
    sent = body.get(kind)
    if kind not in body:
        return place
    if not isinstance(sent, dict):
        raise invalid(kind, f"{kind} is not of type object.")
    return place | {name: _member(kind, name, sent[name], of_order) for name in MEMBERS[kind] if name in sent}


def _member(kind: str, name: str, value: Any, of_order: bool) -> str:
    if name == "email" and value is None and of_order:
        return ""
    if not isinstance(value, str):
        raise invalid(kind, f"{kind}[{name}] is not of type string.")
    if name == "email" and not is_email(value):
        raise invalid(kind, "Invalid email address.")
    return value if of_order else cleaned(value)
