"""Tickets: valid values, the defaults of a new one, and the times that an update changes."""

from typing import Any

from emulators.freshdesk import checking, contacts, fields
from emulators.freshdesk.desk import Desk, ensure, iso, moment_of
from emulators.freshdesk.errors import complaint
from emulators.freshdesk.html import plain, safe
from emulators.state import JsonRecord

RESPOND_WITHIN, RESOLVE_WITHIN = 86_400.0, 3 * 86_400.0
RESOLVED, CLOSED = 4, 5
ASKING = ("requester_id", "phone", "email", "twitter_id", "facebook_id", "unique_external_id")
NULLABLE = ("responder_id", "group_id", "company_id", "type", "tags", "cc_emails", "custom_fields", "description")
REFERENCES = (
    ("responder_id", "agents", "agent"),
    ("group_id", "groups", "group"),
    ("company_id", "companies", "company"),
)

COMMON: dict[str, checking.Check] = {
    "subject": checking.line,
    "description": checking.text,
    "priority": checking.one_of((1, 2, 3, 4)),
    "requester_id": checking.number,
    "email": checking.email,
    "phone": checking.line,
    "name": checking.line,
    "twitter_id": checking.line,
    "facebook_id": checking.line,
    "unique_external_id": checking.line,
    "responder_id": checking.number,
    "group_id": checking.number,
    "company_id": checking.number,
    "tags": checking.tags,
    "custom_fields": checking.mapping,
    "due_by": checking.moment,
    "fr_due_by": checking.moment,
    "parent_id": checking.number,
}


def blank(desk: Desk, id: int) -> JsonRecord:
    """Return an empty ticket. `stats` is returned only with `include=stats`."""
    return {
        "cc_emails": [],
        "fwd_emails": [],
        "reply_cc_emails": [],
        "ticket_cc_emails": [],
        "fr_escalated": False,
        "spam": False,
        "email_config_id": None,
        "group_id": None,
        "priority": 1,
        "requester_id": None,
        "responder_id": None,
        "source": 2,
        "company_id": None,
        "status": 2,
        "subject": None,
        "association_type": None,
        "support_email": None,
        "to_emails": None,
        "product_id": None,
        "id": id,
        "type": None,
        "due_by": iso(desk.now + RESOLVE_WITHIN),
        "fr_due_by": iso(desk.now + RESPOND_WITHIN),
        "is_escalated": False,
        "description": "<div></div>",
        "description_text": "",
        "custom_fields": {one["name"]: None for one in fields.custom_fields(desk, "ticket_fields")},
        "created_at": desk.stamp,
        "updated_at": desk.stamp,
        "associated_tickets_count": None,
        "tags": [],
        "attachments": [],
        "nr_due_by": None,
        "nr_escalated": False,
        "stats": {
            "agent_responded_at": None,
            "requester_responded_at": None,
            "first_responded_at": None,
            "status_updated_at": None,
            "reopened_at": None,
            "resolved_at": None,
            "closed_at": None,
            "pending_since": None,
        },
    }


def keep(desk: Desk, ticket: JsonRecord) -> None:
    """Write a ticket."""
    desk.state.put("tickets", str(ticket["id"]), ticket)


def create(desk: Desk, body: dict[str, Any]) -> JsonRecord:
    """Create a ticket, and a contact for an unknown requester."""
    complaints = _complaints(desk, body, desk.stamp, new=True)
    for name in ("subject", "description"):
        if not body.get(name):
            complaints.append(complaint(name, "It should be a/an String", "missing_field"))
    ensure(complaints)
    id = desk.state.next_id("tickets", 1)
    while desk.state.get("tickets", str(id)) is not None:
        id = desk.state.next_id("tickets", 1)
    ticket = _applied(desk, blank(desk, id), body)
    ticket["cc_emails"] = ticket["ticket_cc_emails"] = body.get("cc_emails") or []
    ticket["stats"]["status_updated_at"] = desk.stamp
    keep(desk, ticket)
    return ticket


def update(desk: Desk, ticket: JsonRecord, body: dict[str, Any]) -> JsonRecord:
    """Change a ticket."""
    complaints = _complaints(desk, body, ticket["created_at"], new=False)
    for name in ("subject", "description"):
        if name in body and not body[name]:
            complaints.append(complaint(name, "It should not be blank as this is a mandatory field", "invalid_value"))
    ensure(complaints)
    changed = _applied(desk, ticket, body) | {"updated_at": desk.stamp}
    if changed["status"] != ticket["status"]:
        changed["stats"] = ticket["stats"] | _times(desk, changed["status"])
    keep(desk, changed)
    return changed


def touched(desk: Desk, ticket: JsonRecord, **stats: str) -> None:
    """Record that a conversation was added to a ticket."""
    keep(desk, ticket | {"updated_at": desk.stamp, "stats": ticket["stats"] | stats})


def _complaints(desk: Desk, body: dict[str, Any], created_at: str, *, new: bool) -> list[JsonRecord]:
    statuses = tuple(map(int, fields.choices(desk, "default_status")))
    checks = COMMON | {
        "status": checking.one_of(statuses),
        "source": checking.one_of((1, 2, 3, 5, 6, 7, 9, 10, 11)),
        "type": checking.one_of(tuple(fields.choices(desk, "default_ticket_type"))),
    }
    if new:
        checks["cc_emails"] = checking.emails
    complaints = checking.members(body, checks, NULLABLE)
    if body.get("custom_fields") is not None:
        complaints += checking.custom(body["custom_fields"], fields.custom_fields(desk, "ticket_fields"))
    for name, object, called in REFERENCES:
        if isinstance(body.get(name), int) and desk.state.get(object, str(body[name])) is None:
            complaints.append(complaint(name, f"There is no {called} matching the given {name}", "invalid_value"))
    return complaints + _asking(desk, body, new=new) + _due(body, created_at)


def _asking(desk: Desk, body: dict[str, Any], *, new: bool) -> list[JsonRecord]:
    if new and not any(body.get(name) for name in ASKING):
        message = f"Please fill at least 1 of {', '.join(ASKING)} fields"
        return [complaint("requester_id", message, "missing_field")]
    if isinstance(body.get("requester_id"), int) and desk.person(body["requester_id"]) is None:
        return [complaint("requester_id", "There is no contact matching the given requester_id", "invalid_value")]
    if body.get("phone") and not body.get("email") and not body.get("requester_id") and not body.get("name"):
        return [complaint("name", "It should be a/an String as phone is set and email is not", "missing_field")]
    return []


def _due(body: dict[str, Any], created_at: str) -> list[JsonRecord]:
    """Check the two due times: both or neither, the response not after the solution, and neither before the ticket."""
    times = {name: moment_of(body[name]) for name in ("due_by", "fr_due_by") if isinstance(body.get(name), str)}
    if len(times) == 1:
        missing = "fr_due_by" if "due_by" in times else "due_by"
        return [complaint(missing, f"It should be set, as {next(iter(times))} is", "missing_field")]
    if len(times) == 2 and None not in times.values():
        if str(times["fr_due_by"]) > str(times["due_by"]):
            return [complaint("fr_due_by", "It should be less than or equal to due_by", "invalid_value")]
        early = [name for name, time in times.items() if str(time) < created_at]
        return [complaint(name, "It should be greater than created_at", "invalid_value") for name in early]
    return []


def _applied(desk: Desk, ticket: JsonRecord, body: dict[str, Any]) -> JsonRecord:
    plainly = ("subject", "status", "priority", "source", "type", "responder_id", "group_id", "company_id")
    changed = ticket | {name: body[name] for name in plainly if name in body}
    if "description" in body:
        html = safe(body["description"])
        changed |= {"description": html, "description_text": plain(html)}
    if "tags" in body:
        changed["tags"] = list(dict.fromkeys(body["tags"] or []))
    for name in ("due_by", "fr_due_by"):
        if name in body:
            changed[name] = moment_of(body[name])
    changed["custom_fields"] = ticket["custom_fields"] | (body.get("custom_fields") or {})
    changed["requester_id"] = _requester(desk, ticket, body)
    return changed


def _requester(desk: Desk, ticket: JsonRecord, body: dict[str, Any]) -> int:
    if body.get("requester_id"):
        return int(body["requester_id"])
    contact: JsonRecord | None = None
    if body.get("email"):
        contact = contacts.holder(desk, body["email"])
    elif body.get("unique_external_id"):
        contact = contacts.with_external_id(desk, body["unique_external_id"])
    elif body.get("phone"):
        called = body["phone"]
        contact = next(iter(desk.state.find("contacts", lambda one: called in (one["phone"], one["mobile"]))), None)
    elif not any(body.get(name) for name in ASKING):
        return int(ticket["requester_id"])
    if contact is not None and contact.get("deleted"):
        ensure([complaint("email", "There is no contact matching the given email", "invalid_value")])
    if contact is not None:
        return int(contact["id"])
    reach = {name: body[name] for name in ("email", "phone", "twitter_id", "unique_external_id") if body.get(name)}
    name = body.get("name") or str(next(iter(reach.values()))).partition("@")[0]
    return int(contacts.made(desk, {"name": name, **reach})["id"])


def _times(desk: Desk, status: int) -> dict[str, Any]:
    times: dict[str, Any] = {"status_updated_at": desk.stamp}
    if status in (RESOLVED, CLOSED):
        times["resolved_at"] = desk.stamp
        times["closed_at"] = desk.stamp if status == CLOSED else None
        return times
    return times | {"resolved_at": None, "closed_at": None, "pending_since": desk.stamp if status == 3 else None}
