"""The calls on a user's identities."""

from emulators.http import Answer, Call, json_answer
from emulators.state import JsonRecord
from emulators.zendesk import users
from emulators.zendesk.desk import Desk, body_of
from emulators.zendesk.errors import invalid
from emulators.zendesk.identities import E164, add, check_email, identities_of, keep, owner_of
from emulators.zendesk.paging import listed_few


def list_identities(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """List all identities of one user."""
    user = desk.must_get("users", ids[0])
    return listed_few(desk, call, "identities", identities_of(desk, int(user["id"])))


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


def _make_primary(desk: Desk, user: JsonRecord, identity: JsonRecord) -> JsonRecord:
    for other in identities_of(desk, int(user["id"])):
        if other["primary"] and other["id"] != identity["id"]:
            keep(desk, {**other, "primary": False, "updated_at": desk.stamp})
    primary = {**identity, "primary": True, "updated_at": desk.stamp}
    keep(desk, primary)
    users.keep(desk, {**user, "email": identity["value"], "updated_at": desk.stamp})
    return primary
