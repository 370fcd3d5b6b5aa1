"""The calls on users."""

from typing import Any

from emulators.addresses import folded
from emulators.http import Answer, Call, json_answer
from emulators.state import JsonRecord
from emulators.zendesk import users
from emulators.zendesk.desk import AGENT_ID, Desk, body_of
from emulators.zendesk.errors import bad_attribute, bad_request
from emulators.zendesk.identities import owner_of
from emulators.zendesk.index import known
from emulators.zendesk.paging import listed, listed_few, offset_page

MANY = 100


def list_users(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """List the users who are not deleted, of some roles or all (`role`, `role[]`), or with one `external_id`."""
    external_id = call.param("external_id")
    if external_id is not None:
        match = users.by_external_id(desk, external_id)
        return listed_few(desk, call, "users", [match] if match else [])
    roles = set(call.params("role[]") or call.params("role"))
    return listed(desk, call, "users", keep=lambda user: user["active"] and (not roles or user["role"] in roles))


def show_user(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Return one user, deleted or not."""
    return json_answer(200, {"user": desk.must_get("users", ids[0])})


def show_me(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Return the user of the credential."""
    return json_answer(200, {"user": desk.must_get("users", AGENT_ID)})


def show_many(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Return up to 100 users by `ids` or `external_ids`, comma-separated, without those that do not exist."""
    by_id, by_external_id = call.param("ids"), call.param("external_ids")
    requested = [part.strip() for part in (by_id or by_external_id or "").split(",") if part.strip()]
    if not requested or len(requested) > MANY:
        raise bad_request("InvalidParameter", f"Between 1 and {MANY} ids or external_ids are expected")
    look = users.by_external_id if by_id is None else (lambda desk, id: desk.state.get("users", id))
    people = [user for user in (look(desk, one) for one in dict.fromkeys(requested)) if user is not None]
    return json_answer(200, {"users": people, "next_page": None, "previous_page": None, "count": len(people)})


def search_users(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Search by `external_id`, exactly and at once, or by `query` in the lagging index: `email:"…"`, or part of a name
    or address."""
    external_id = call.param("external_id")
    if external_id is not None:
        match = users.by_external_id(desk, external_id)
        return offset_page(desk, call, "users", [match] if match else [])
    return offset_page(desk, call, "users", _searched(desk, call.param("query") or ""))


def create_user(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Create a user."""
    return _created(users.create(desk, body_of(call, "user")))


def create_or_update(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Update (200) the user with this `external_id`, else the one with this `email`, or create (201) one."""
    body = body_of(call, "user")
    match = _match(desk, body)
    if match is None:
        return _created(users.create(desk, body))
    return json_answer(200, {"user": users.update(desk, match, body)}, {"location": match["url"]})


def update_user(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Change the members that are sent."""
    return json_answer(200, {"user": users.update(desk, desk.must_get("users", ids[0]), body_of(call, "user"))})


def delete_user(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Delete softly and return the rest."""
    return json_answer(200, {"user": users.delete(desk, desk.must_get("users", ids[0]))})


def _searched(desk: Desk, query: str) -> list[JsonRecord]:
    name, _, value = query.partition(":")
    address, text = folded(value.strip('"')), query.strip('"').casefold()
    if name == "email":
        owner = owner_of(desk, address)
        return [one for one in known(desk, address) if owner == one["id"] or address == folded(str(one["email"]))]
    return [one for one in known(desk) if text in f"{one['name']} {one['email']}".casefold()]


def _match(desk: Desk, body: dict[str, Any]) -> JsonRecord | None:
    external_id, email = body.get("external_id"), body.get("email")
    if external_id is not None:
        match = users.by_external_id(desk, external_id)
        if match is not None:
            return match
    if email is None:
        return None
    if not isinstance(email, str):
        raise bad_attribute("email", "a string")
    owner = owner_of(desk, email)
    return desk.state.get("users", str(owner)) if owner is not None else None


def _created(user: JsonRecord) -> Answer:
    return json_answer(201, {"user": user}, {"location": user["url"]})
