"""Place records from outside: any payload, without the vendor's validation."""

from typing import Any

from emulators.addresses import folded
from emulators.state import JsonRecord
from emulators.zendesk import definitions, tickets, users
from emulators.zendesk.desk import Desk
from emulators.zendesk.identities import add, identities_of
from emulators.zendesk.identities import keep as keep_identity

OBJECTS = (
    "users",
    "identities",
    "tickets",
    "comments",
    "audits",
    "groups",
    "organizations",
    "custom_statuses",
    "ticket_fields",
    "user_fields",
)
SHAPES = {
    "groups": definitions.group,
    "organizations": definitions.organization,
    "custom_statuses": definitions.custom_status,
    "ticket_fields": definitions.ticket_field,
    "user_fields": definitions.user_field,
}


def placed(desk: Desk, object: str, payload: dict[str, Any]) -> JsonRecord:
    """Write the payload as a record, merged into an empty one of its kind, with a new id if it has none."""
    id = payload.get("id") or (desk.state.next_id("tickets", 1) if object == "tickets" else desk.new_id())
    if object == "tickets":
        # An id of another type is placed unchanged, to test readers with invalid answers.
        ticket = tickets.blank(desk, id if isinstance(id, int) else 0) | payload | {"id": id}
        tickets.keep(desk, ticket)
        return ticket
    if object == "users":
        user = users.blank(desk, id) | payload | {"id": id}
        users.keep(desk, user)
        if user["email"] and not identities_of(desk, id):
            add(desk, id, "email", folded(str(user["email"])), primary=True, verified=bool(user["verified"]))
        return user

    shape = SHAPES.get(object)
    record = {**(shape(desk, id, payload) if shape else {}), **payload, "id": id}
    if object == "identities":
        keep_identity(desk, record)
        if (owner := desk.state.get("users", str(record["user_id"]))) is not None:
            users.keep(desk, owner)  # also indexed by this address
    elif object in ("comments", "audits"):
        desk.state.put(object, str(id), record, {"ticket": str(record.get("ticket_id"))})
    else:
        desk.state.put(object, str(id), record)
    return record
