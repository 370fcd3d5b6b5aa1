"""The initial content of every account: an administrator, a group, the system's ticket fields and statuses."""

from typing import Any

from emulators.http import Answer, Call, json_answer
from emulators.zendesk.definitions import custom_status, group, ticket_field, user_field
from emulators.zendesk.desk import GROUP_ID, Desk, body_of
from emulators.zendesk.errors import invalid

STATUS_ID = {
    "new": 27_000_000_000_401,
    "open": 27_000_000_000_402,
    "pending": 27_000_000_000_403,
    "hold": 27_000_000_000_404,
    "solved": 27_000_000_000_405,
    "closed": 27_000_000_000_405,
}
CATEGORIES = ("new", "open", "pending", "hold", "solved")
SYSTEM_FIELDS = ("subject", "description", "status", "tickettype", "priority", "group", "assignee")
FIRST_FIELD_ID = 27_000_000_000_501
AGENT_EMAIL = "dev@example.com"


def furnish(desk: Desk) -> None:
    """Create the initial content, unless it exists."""
    if desk.state.get("groups", str(GROUP_ID)) is not None:
        return

    desk.state.put("groups", str(GROUP_ID), group(desk, GROUP_ID, {"name": "Support"}))
    for category in CATEGORIES:
        status_id = STATUS_ID[category]
        status = custom_status(desk, status_id, {"status_category": category, "agent_label": category.capitalize()})
        desk.state.put("custom_statuses", str(status_id), {**status, "default": True})
    for place, kind in enumerate(SYSTEM_FIELDS, start=1):
        field_id = FIRST_FIELD_ID + place - 1
        title = "Type" if kind == "tickettype" else kind.capitalize()
        field = ticket_field(desk, field_id, {"type": kind, "title": title, "position": place})
        desk.state.put("ticket_fields", str(field_id), {**field, "removable": False})


def list_all(object: str) -> Any:
    """Return a handler that lists a short collection without pages: fields, groups, statuses, organizations."""

    def handler(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
        records = desk.state.all(object)
        return json_answer(200, {object: records, "next_page": None, "previous_page": None, "count": len(records)})

    return handler


def create_user_field(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Create a user field. `key` and `title` are required; the key must be new."""
    body = body_of(call, "user_field")
    for name in ("key", "title"):
        if not body.get(name):
            raise invalid(name, f"{name.capitalize()}: cannot be blank", "BlankValue")
    if any(field["key"] == body["key"] for field in desk.state.all("user_fields")):
        raise invalid("key", f"Key: {body['key']} has already been taken", "DuplicateValue")
    field = user_field(desk, desk.new_id(), body)
    desk.state.put("user_fields", str(field["id"]), field)
    return json_answer(201, {"user_field": field}, {"location": field["url"]})


def category_of(desk: Desk, custom_status_id: int) -> str | None:
    """Return the status category of a custom status, None for an unknown status."""
    status = desk.state.get("custom_statuses", str(custom_status_id))
    return status["status_category"] if status else None
