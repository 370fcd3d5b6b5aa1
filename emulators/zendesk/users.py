"""Users: end users, agents and administrators are one object with different `role`."""

from typing import Any

from emulators.addresses import folded
from emulators.state import JsonRecord
from emulators.zendesk.account import AGENT_EMAIL
from emulators.zendesk.desk import ADMIN_ROLE_ID, AGENT_ID, GROUP_ID, Desk
from emulators.zendesk.errors import bad_attribute, invalid
from emulators.zendesk.identities import add, check_email, identities_of, set_phone
from emulators.zendesk.index import note

ROLES = ("end-user", "agent", "admin")
# Writable members and their types. Null empties any of them except the name.
WRITABLE: dict[str, type | tuple[type, ...]] = {
    "name": str,
    "alias": str,
    "details": str,
    "notes": str,
    "signature": str,
    "time_zone": str,
    "locale": str,
    "locale_id": int,
    "external_id": (str, int),
    "organization_id": int,
    "role": str,
    "tags": list,
    "verified": bool,
    "suspended": bool,
    "moderator": bool,
    "only_private_comments": bool,
    "restricted_agent": bool,
    "ticket_restriction": str,
    "default_group_id": int,
    "custom_role_id": int,
}


def blank(desk: Desk, id: int) -> JsonRecord:
    """Return an empty user with every field of the vendor."""
    return {
        "id": id,
        "url": desk.url(f"users/{id}"),
        "name": "",
        "email": None,
        "created_at": desk.stamp,
        "updated_at": desk.stamp,
        "time_zone": "Eastern Time (US & Canada)",
        "iana_time_zone": "America/New_York",
        "phone": None,
        "shared_phone_number": None,
        "photo": None,
        "locale_id": 1,
        "locale": "en-US",
        "organization_id": None,
        "role": "end-user",
        "verified": False,
        "external_id": None,
        "tags": [],
        "alias": None,
        "active": True,
        "shared": False,
        "shared_agent": False,
        "last_login_at": None,
        "two_factor_auth_enabled": None,
        "signature": None,
        "details": None,
        "notes": None,
        "role_type": None,
        "custom_role_id": None,
        "is_billing_admin": None,
        "moderator": False,
        "ticket_restriction": "requested",
        "only_private_comments": False,
        "restricted_agent": True,
        "suspended": False,
        "default_group_id": None,
        "report_csv": False,
        "user_fields": {},
        "suspension_details": None,
    }


def keep(desk: Desk, user: JsonRecord) -> None:
    """Write a user, indexed by the external id. The search index follows later."""
    keys: dict[str, str] = {}
    if user["active"] and user["external_id"] is not None:
        keys["external_id"] = str(user["external_id"])
    desk.state.put("users", str(user["id"]), user, keys)
    identities = identities_of(desk, int(user["id"]))
    addresses = {folded(str(one["value"])) for one in identities if one["type"] == "email"}
    addresses |= {folded(str(user["email"]))} if user["email"] else set()
    note(desk, user, sorted(addresses))


def by_external_id(desk: Desk, external_id: object) -> JsonRecord | None:
    """Return the active user with this external id."""
    matches = desk.state.lookup("users", "external_id", str(external_id))
    return matches[0] if matches else None


def create(desk: Desk, body: dict[str, Any]) -> JsonRecord:
    """Create a user. 422 without a name, for a malformed or taken address, a taken external id, an unknown role."""
    if not str(body.get("name") or "").strip():
        raise invalid("name", "Name: is too short (minimum one character)", "ValueTooShort")
    email = check_email(desk, body["email"]) if body.get("email") else None
    user = _written(desk, blank(desk, desk.new_id()), body)
    user["email"] = email
    user["user_fields"] = {field["key"]: None for field in desk.state.all("user_fields")} | user["user_fields"]
    user_id = int(user["id"])
    if email is not None:
        add(desk, user_id, "email", email, primary=True, verified=user["verified"])
    for identity in body.get("identities") or ():
        _add_identity(desk, user, identity)
    if body.get("phone") is not None:
        user["phone"] = str(body["phone"])
        user["shared_phone_number"] = set_phone(desk, user_id, user["phone"])
    keep(desk, user)
    return user


def update(desk: Desk, user: JsonRecord, body: dict[str, Any]) -> JsonRecord:
    """Change a user. A new `email` becomes an additional address; the primary one stays (see `identity_calls`)."""
    if not user["active"]:
        raise invalid("base", "The user is deleted")
    changed = _written(desk, user, body)
    user_id = int(user["id"])
    if body.get("email"):
        email = check_email(desk, body["email"], user_id)
        if email not in {identity["value"] for identity in identities_of(desk, user_id)}:
            add(desk, user_id, "email", email, primary=user["email"] is None)
        changed["email"] = user["email"] or email
    if "phone" in body:
        changed["phone"] = None if body["phone"] is None else str(body["phone"])
        changed["shared_phone_number"] = set_phone(desk, user_id, changed["phone"])
    changed["updated_at"] = desk.stamp
    keep(desk, changed)
    return changed


def delete(desk: Desk, user: JsonRecord) -> JsonRecord:
    """Delete softly: the record stays, inactive and without an address. 422 for the requester of an open ticket."""
    unclosed = [
        ticket
        for ticket in desk.state.lookup("tickets", "requester", str(user["id"]))
        if ticket["status"] not in ("closed", "deleted")
    ]
    if unclosed:
        raise invalid("base", f"User is requester on {len(unclosed)} ticket(s) that are not closed.")
    for identity in identities_of(desk, int(user["id"])):
        desk.state.delete("identities", str(identity["id"]))
    gone = {**user, "active": False, "email": None, "updated_at": desk.stamp}
    keep(desk, gone)
    return gone


def furnish(desk: Desk) -> None:
    """Create the account's administrator, who makes every call, if there is none."""
    if desk.state.get("users", str(AGENT_ID)) is not None:
        return

    agent = blank(desk, AGENT_ID) | {
        "name": "Dev Admin",
        "email": AGENT_EMAIL,
        "role": "admin",
        "verified": True,
        "role_type": 4,
        "moderator": True,
        "ticket_restriction": None,
        "restricted_agent": False,
        "default_group_id": GROUP_ID,
        "custom_role_id": ADMIN_ROLE_ID,
        "report_csv": True,
    }
    add(desk, AGENT_ID, "email", AGENT_EMAIL, primary=True, verified=True)
    keep(desk, agent)


def _written(desk: Desk, user: JsonRecord, body: dict[str, Any]) -> JsonRecord:
    """Return the user with the writable members of a body. Unknown members are ignored, as at the vendor."""
    written = dict(user)
    for name, kind in WRITABLE.items():
        if name not in body:
            continue
        value = body[name]
        if value is not None and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
            raise bad_attribute(name, _kind_name(kind))
        written[name] = value
    _check(desk, user, written)
    if written["external_id"] is not None:
        written["external_id"] = str(written["external_id"])
    written["tags"] = sorted({str(tag).lower() for tag in written["tags"] or ()})
    written["role"] = written["role"] or "end-user"
    written["user_fields"] = {**user["user_fields"], **_known_fields(desk, body.get("user_fields"))}
    return written


def _check(desk: Desk, user: JsonRecord, written: JsonRecord) -> None:
    if not str(written["name"] or "").strip():
        raise invalid("name", "Name: is too short (minimum one character)", "ValueTooShort")
    if written["role"] not in (None, *ROLES):
        raise invalid("role", f"Role: {written['role']} is not included in the list", "InvalidValue")
    if written["external_id"] is not None:
        other = by_external_id(desk, written["external_id"])
        if other is not None and other["id"] != user["id"]:
            raise invalid(
                "external_id",
                f"External: {written['external_id']} is already being used by another user",
                "DuplicateValue",
            )
    organization_id = written["organization_id"]
    if organization_id is not None and desk.state.get("organizations", str(organization_id)) is None:
        raise invalid("organization", "Organization: is invalid", "InvalidValue")


def _known_fields(desk: Desk, values: object) -> dict[str, Any]:
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise bad_attribute("user_fields", "an object")
    known = {field["key"] for field in desk.state.all("user_fields")}
    return {key: value for key, value in values.items() if key in known}


def _add_identity(desk: Desk, user: JsonRecord, identity: dict[str, Any]) -> None:
    kind, value = identity.get("type"), identity.get("value")
    if kind == "email":
        email = check_email(desk, value)
        add(desk, int(user["id"]), "email", email, primary=user["email"] is None)
        user["email"] = user["email"] or email
    elif kind == "phone_number" and isinstance(value, str):
        user["phone"] = value
        user["shared_phone_number"] = set_phone(desk, int(user["id"]), value)


def _kind_name(kind: type | tuple[type, ...]) -> str:
    names = {str: "a string", int: "an integer", bool: "a boolean", list: "an array"}
    return " or ".join(names[one] for one in (kind if isinstance(kind, tuple) else (kind,)))
