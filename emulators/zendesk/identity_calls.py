"""The calls on a user's identities."""

from emulators.http import Answer, Call, json_answer
from emulators.state import JsonRecord
from emulators.zendesk import users
from emulators.zendesk.desk import Desk, body_of
from emulators.zendesk.errors import invalid, not_found
from emulators.zendesk.identities import E164, add, check_email, identities_of, keep, owner_of
from emulators.zendesk.paging import listed_few


def list_identities(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """List all identities of one user."""
    user = desk.must_get("users", ids[0])
    return listed_few(desk, call, "identities", identities_of(desk, int(user["id"])))


def show_identity(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Return one identity."""
    return json_answer(200, {"identity": _of_user(desk, ids)})


def create_identity(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Add an address or a number to a user. `primary: true` makes an address the user's own."""
    user = desk.must_get("users", ids[0])
    body = body_of(call, "identity")
    kind, value = body.get("type"), body.get("value")
    if kind not in ("email", "phone_number"):
        raise invalid("type", f"Type: {kind} is not supported", "InvalidValue")
    if kind == "email":
        value = check_email(desk, value)
    elif not isinstance(value, str) or E164.fullmatch(value) is None:
        raise invalid("value", f"Phone number: {value} is not properly formatted", "InvalidFormat")
    elif owner_of(desk, value) is not None:
        raise invalid("value", f"Phone number: {value} is already being used by another user", "DuplicateValue")

    identity = add(desk, int(user["id"]), kind, value, verified=body.get("verified") is True)
    if kind == "email" and (body.get("primary") is True or user["email"] is None):
        identity = _make_primary(desk, user, identity)
    users.keep(desk, desk.must_get("users", ids[0]))
    return json_answer(201, {"identity": identity}, {"location": identity["url"]})


def make_primary(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Make an address the user's own, the only way to change a user's `email`. Return all identities."""
    identity = _of_user(desk, ids)
    if identity["type"] != "email":
        raise invalid("type", "Only an email identity can be primary", "InvalidValue")
    _make_primary(desk, desk.must_get("users", ids[0]), identity)
    return list_identities(desk, call, ids[:1])


def verify_identity(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Mark an identity as verified."""
    identity = {**_of_user(desk, ids), "verified": True, "updated_at": desk.stamp}
    keep(desk, identity)
    return json_answer(200, {"identity": identity})


def delete_identity(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Remove an identity, except the primary address."""
    identity = _of_user(desk, ids)
    if identity["primary"]:
        raise invalid("base", "The primary email address can't be deleted")
    desk.state.delete("identities", str(identity["id"]))
    return Answer(status=204)


def _make_primary(desk: Desk, user: JsonRecord, identity: JsonRecord) -> JsonRecord:
    for other in identities_of(desk, int(user["id"])):
        if other["primary"] and other["id"] != identity["id"]:
            keep(desk, {**other, "primary": False, "updated_at": desk.stamp})
    primary = {**identity, "primary": True, "updated_at": desk.stamp}
    keep(desk, primary)
    users.keep(desk, {**user, "email": identity["value"], "updated_at": desk.stamp})
    return primary


def _of_user(desk: Desk, ids: tuple[str, ...]) -> JsonRecord:
    identity = desk.must_get("identities", ids[1])
    if str(identity["user_id"]) != ids[0]:
        raise not_found()
    return identity
