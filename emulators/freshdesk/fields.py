"""The fields of tickets and contacts that an administrator defines, and the initial content of every account."""

import re
from typing import Any

from emulators.freshdesk.desk import AGENT_ID, COMPANY_ID, GROUP_ID, SECOND_AGENT_ID, Desk, body_of, ensure
from emulators.freshdesk.errors import complaint, duplicate
from emulators.freshdesk.paging import paged
from emulators.http import Answer, Call, json_answer
from emulators.state import JsonRecord

TYPES = ["Question", "Incident", "Problem", "Feature Request", "Refund"]
STATUSES = {
    "2": ["Open", "Being Processed"],
    "3": ["Pending", "Awaiting your Reply"],
    "4": ["Resolved", "This ticket has been Resolved"],
    "5": ["Closed", "This ticket has been Closed"],
    "6": ["Waiting on Customer", "Awaiting your Reply"],
    "7": ["Waiting on Third Party", "Being Processed"],
}
PRIORITIES = {"Low": 1, "Medium": 2, "High": 3, "Urgent": 4}
SOURCES = {"Email": 1, "Portal": 2, "Phone": 3, "Chat": 7, "Feedback Widget": 9, "Outbound Email": 10}
KINDS = (
    "custom_text",
    "custom_paragraph",
    "custom_number",
    "custom_decimal",
    "custom_checkbox",
    "custom_date",
    "custom_dropdown",
    "custom_multi_select_dropdown",
)
STANDARD: tuple[tuple[str, str, str, Any], ...] = (
    ("requester", "Search a requester", "default_requester", None),
    ("subject", "Subject", "default_subject", None),
    ("ticket_type", "Type", "default_ticket_type", TYPES),
    ("source", "Source", "default_source", SOURCES),
    ("status", "Status", "default_status", STATUSES),
    ("priority", "Priority", "default_priority", PRIORITIES),
    ("group", "Group", "default_group", {"Front desk": GROUP_ID}),
    ("agent", "Agent", "default_agent", {"Mara Field": AGENT_ID}),
    ("description", "Description", "default_description", None),
)


def furnish(desk: Desk) -> None:
    """Create the initial content once: two agents, a group, a company, the standard fields."""
    if desk.state.count("ticket_fields"):
        return
    for id, name, address in ((AGENT_ID, "Mara Field", "mara"), (SECOND_AGENT_ID, "Otto Lind", "otto")):
        agent = {"id": id, "name": name, "email": f"{address}@desk.example", "created_at": desk.stamp}
        desk.state.put("agents", str(id), agent, {"email": str(agent["email"])})
    desk.state.put("groups", str(GROUP_ID), {"id": GROUP_ID, "name": "Front desk", "created_at": desk.stamp})
    desk.state.put("companies", str(COMPANY_ID), {"id": COMPANY_ID, "name": "Loop & Hook", "created_at": desk.stamp})
    for place, (name, label, kind, choices) in enumerate(STANDARD, start=1):
        keep(desk, "ticket_fields", field(desk, name, label, kind, place, choices))
    for place, name in enumerate(("name", "email", "phone", "mobile", "address"), start=1):
        keep(desk, "contact_fields", field(desk, name, name.capitalize(), f"default_{name}", place, None))


def field(desk: Desk, name: str, label: str, kind: str, place: int, choices: Any) -> JsonRecord:
    """Return the definition of a field."""
    entry = {
        "id": desk.new_id(),
        "name": name,
        "label": label,
        "label_for_customers": label,
        "description": None,
        "position": place,
        "type": kind,
        "default": kind.startswith("default_"),
        "required_for_closure": False,
        "required_for_agents": name in ("requester", "subject", "status", "priority", "description"),
        "required_for_customers": False,
        "customers_can_edit": False,
        "customers_can_filter": False,
        "displayed_to_customers": not kind.startswith("custom_"),
        "created_at": desk.stamp,
        "updated_at": desk.stamp,
    }
    return entry if choices is None else {**entry, "choices": choices}


def keep(desk: Desk, object: str, entry: JsonRecord) -> None:
    """Write a definition."""
    desk.state.put(object, str(entry["id"]), entry, {"name": str(entry["name"])})


def custom_fields(desk: Desk, object: str) -> list[JsonRecord]:
    """Return the fields that an administrator created."""
    return [one for one in desk.state.all(object) if not one["default"]]


def choices(desk: Desk, kind: str) -> Any:
    """Return the present choices of a standard field."""
    return next((one.get("choices") for one in desk.state.all("ticket_fields") if one["type"] == kind), None)


def list_fields(object: str) -> Any:
    """Return a handler that lists definitions, filtered by `type`."""

    def handler(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
        kind = call.param("type")
        return json_answer(200, [one for one in desk.state.all(object) if kind in (None, one["type"])])

    return handler


def create_field(object: str) -> Any:
    """Return a handler that defines a field. Its name is derived from its label and must be new."""

    def handler(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
        body = body_of(call)
        complaints = [
            complaint(name, "It should be a/an String", "missing_field")
            for name in ("label", "label_for_customers", "type")
            if not isinstance(body.get(name), str) or not body[name]
        ]
        if not complaints and body["type"] not in KINDS:
            complaints = [complaint("type", f"It should be one of these values: '{','.join(KINDS)}'", "invalid_value")]
        ensure(complaints)
        name = "cf_" + re.sub(r"[^a-z0-9]+", "_", body["label"].lower()).strip("_")
        if desk.state.lookup(object, "name", name):
            raise duplicate("label")
        place = desk.state.count(object) + 1
        chosen = [one["value"] if isinstance(one, dict) else one for one in body.get("choices") or ()] or None
        made = field(desk, name, body["label"], body["type"], place, chosen)
        made |= {key: body[key] for key in ("label_for_customers", "displayed_to_customers") if key in body}
        keep(desk, object, made)
        return json_answer(201, made)

    return handler


def show(object: str) -> Any:
    """Return a handler that returns one record unchanged."""

    def handler(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
        return json_answer(200, desk.must_get(object, ids[0]))

    return handler


def list_agents(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """List the agents. `contact` is the person."""
    return paged(desk, call, [_agent(one) for one in desk.state.all("agents")])


def list_groups(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """List the groups of agents."""
    return paged(desk, call, desk.state.all("groups"))


def show_agent(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Return an agent. `contact` is the person, as in the list."""
    return json_answer(200, _agent(desk.must_get("agents", ids[0])))


def _agent(agent: JsonRecord) -> JsonRecord:
    contact = {"name": agent["name"], "email": agent["email"], "active": True, "language": "en", "time_zone": "London"}
    described = {"id": agent["id"], "available": True, "occasional": False, "ticket_scope": 1, "type": "support_agent"}
    return {**described, "contact": contact}
