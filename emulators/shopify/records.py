"""Stored customers and orders, and their keys."""

from typing import Any

from emulators.addresses import folded
from emulators.shopify import index
from emulators.shopify.defaults import Filling, filled
from emulators.shopify.ids import kind_of, moment
from emulators.shopify.shapes import part, parts
from emulators.state import State

JsonRecord = dict[str, Any]

CUSTOMER = "Customer"
ORDER = "Order"


def load(state: State, kind: str, gid: str) -> JsonRecord | None:
    """Return the record with this global id; None if there is none or the id is of another kind."""
    return state.get(kind, gid) if kind_of(gid) == kind else None


def save(state: State, kind: str, record: JsonRecord, now: float) -> JsonRecord:
    """Write a customer or an order with its keys and its index entry, completed for the schema. Return it as it was
    written."""
    currency = record.get("currencyCode")
    filling = Filling(state=state, at=moment(now), currency=currency if isinstance(currency, str) else "USD")
    record = filled(kind, record, filling)
    with state.transaction():
        state.put(kind, record["id"], record, keys=_keys(kind, record))
        index.write(state, kind, record)
    return record


def remove(state: State, kind: str, gid: str) -> None:
    """Delete a record for good, also from the index."""
    state.delete(kind, gid)
    index.remove(state, kind, gid)


def by_key(state: State, kind: str, name: str, value: str) -> JsonRecord | None:
    """Return the record with a unique key: `email` (lower case), `phone` (E.164), or a `metafield_key`."""
    matches = state.lookup(kind, name, value)
    return matches[0] if matches else None


def metafield_key(namespace: str, key: str) -> str:
    """Return the name under which a record is indexed by a metafield with unique values."""
    return f"metafield {namespace}.{key}"


def email_of(record: JsonRecord) -> str | None:
    """Return a customer's e-mail address."""
    return part(record, "defaultEmailAddress").get("emailAddress")


def phone_of(record: JsonRecord) -> str | None:
    """Return a customer's phone number."""
    return part(record, "defaultPhoneNumber").get("phoneNumber")


def _keys(kind: str, record: JsonRecord) -> dict[str, str]:
    keys = {
        metafield_key(str(one.get("namespace")), str(one.get("key"))): str(one.get("value"))
        for one in parts(record.get("metafields"))
    }
    if kind == CUSTOMER and (email := email_of(record)):
        keys["email"] = folded(str(email))
    if kind == CUSTOMER and (phone := phone_of(record)):
        keys["phone"] = str(phone)
    return keys
