"""A user's identities: e-mail addresses and phone numbers, each of one user of the account."""

import re

from emulators.addresses import folded
from emulators.state import JsonRecord
from emulators.zendesk.desk import Desk
from emulators.zendesk.errors import invalid

EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\".]{2,}")
E164 = re.compile(r"\+[1-9]\d{6,14}")


def owner_of(desk: Desk, value: str) -> int | None:
    """Return the id of the user with this address or number, or None."""
    identities = desk.state.lookup("identities", "value", folded(value))
    return int(identities[0]["user_id"]) if identities else None


def identities_of(desk: Desk, user_id: int) -> list[JsonRecord]:
    """Return a user's identities in the order of their creation."""
    return desk.state.lookup("identities", "user", str(user_id))


def check_email(desk: Desk, email: object, user_id: int | None = None) -> str:
    """Return the address in lower case. 422 if it is malformed, or belongs to another user than `user_id`."""
    if not isinstance(email, str) or EMAIL.fullmatch(email) is None:
        raise invalid("email", f"Email: {email} is not properly formatted", "InvalidValue")
    if owner_of(desk, email) not in (None, user_id):
        raise invalid("email", f"Email: {email} is already being used by another user", "DuplicateValue")
    return folded(email)


def add(
    desk: Desk, user_id: int, kind: str, value: str, *, primary: bool = False, verified: bool = False
) -> JsonRecord:
    """Add an identity to a user without any check. `kind` is `email` or `phone_number`."""
    id = desk.new_id()
    identity: JsonRecord = {
        "url": desk.url(f"users/{user_id}/identities/{id}"),
        "id": id,
        "user_id": user_id,
        "type": kind,
        "value": value,
        "verified": verified,
        "primary": primary,
        "created_at": desk.stamp,
        "updated_at": desk.stamp,
    }
    if kind == "email":
        identity |= {"undeliverable_count": 0, "deliverable_state": "deliverable"}
    keep(desk, identity)
    return identity


def set_phone(desk: Desk, user_id: int, phone: str | None) -> bool | None:
    """Replace a user's direct line. Return whether the number is shared, None if there is none.

    A number that is not E.164, or is already another user's direct line, is stored as a shared one, without an
    identity.
    """
    for identity in identities_of(desk, user_id):
        if identity["type"] == "phone_number":
            desk.state.delete("identities", str(identity["id"]))
    if phone is None:
        return None
    if E164.fullmatch(phone) is None or owner_of(desk, phone) not in (None, user_id):
        return True

    add(desk, user_id, "phone_number", phone)
    return False


def keep(desk: Desk, identity: JsonRecord) -> None:
    """Write an identity, indexed by its value and by its user."""
    desk.state.put(
        "identities",
        str(identity["id"]),
        identity,
        {"value": folded(str(identity["value"])), "user": str(identity["user_id"])},
    )
