"""The calls on tickets and their conversations."""

from typing import Any

from emulators.freshdesk import tickets
from emulators.freshdesk.desk import AGENT_ID, Desk, body_of, ensure, iso, known_parameters, moment_of
from emulators.freshdesk.errors import complaint, not_allowed, not_found
from emulators.freshdesk.html import plain, safe
from emulators.freshdesk.paging import PAGING, paged
from emulators.http import Answer, Call, json_answer
from emulators.state import JsonRecord

DEEPEST = 300
SHOWN_FOR = 30 * 86_400.0
LISTED = (
    "filter",
    "requester_id",
    "email",
    "company_id",
    "updated_since",
    "order_by",
    "order_type",
    "include",
    *PAGING,
)
ORDERS = ("created_at", "due_by", "updated_at", "status")
INCLUDED_ONE = ("conversations", "requester", "company", "stats")
INCLUDED_MANY = ("description", "requester", "company", "stats")


def list_tickets(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """List tickets of the last 30 days, or those changed since a time; spam and deleted ones only with a filter."""
    known_parameters(call, LISTED)
    include = _included(call, INCLUDED_MANY)
    which, since = call.param("filter"), call.param("updated_since")
    matches = [one for one in desk.state.all("tickets") if _is_in(one, which)]
    if since is not None:
        start = moment_of(since)
        ensure([] if start else [complaint("updated_since", "It should be an ISO8601 time", "invalid_date")])
        matches = [one for one in matches if str(one["updated_at"]) >= str(start)]
    elif which is None:
        matches = [one for one in matches if str(one["created_at"]) >= iso(desk.now - SHOWN_FOR)]
    for name in ("requester_id", "company_id"):
        if (wanted := call.param(name)) is not None:
            matches = [one for one in matches if str(one[name]) == wanted]
    order, way = call.param("order_by") or "created_at", call.param("order_type") or "desc"
    ensure(
        [complaint("order_by", f"It should be one of these values: '{','.join(ORDERS)}'", "invalid_value")]
        if order not in ORDERS
        else []
    )
    matches.sort(key=lambda one: (str(one[order]), int(one["id"])), reverse=way == "desc")
    answer = paged(desk, call, matches, DEEPEST)
    return answer.with_json([_rendered(desk, one, include, alone=False) for one in answer.json()])


def show_ticket(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Return one ticket, deleted or not."""
    known_parameters(call, ("include",))
    include = _included(call, INCLUDED_ONE)
    return json_answer(200, _rendered(desk, desk.must_get("tickets", ids[0]), include, alone=True))


def create_ticket(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Create a ticket. The same call twice creates two."""
    return json_answer(201, _rendered(desk, tickets.create(desk, body_of(call)), (), alone=True))


def update_ticket(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Change the members that are sent."""
    ticket = tickets.update(desk, _live(desk, call, ids[0]), body_of(call))
    return json_answer(200, _rendered(desk, ticket, (), alone=True))


def delete_ticket(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Delete softly."""
    ticket = desk.must_get("tickets", ids[0])
    if ticket.get("deleted"):
        raise not_found()
    tickets.keep(desk, ticket | {"deleted": True, "updated_at": desk.stamp})
    return Answer(status=204)


def restore_ticket(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Undo a deletion."""
    ticket = desk.must_get("tickets", ids[0])
    if not ticket.get("deleted"):
        raise not_found()
    tickets.keep(desk, {name: ticket[name] for name in ticket if name != "deleted"} | {"updated_at": desk.stamp})
    return Answer(status=204)


def merge_tickets(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Close the secondary tickets in favour of the primary one, with a note in each. Only the notes report the
    merge."""
    body = body_of(call)
    primary = desk.must_get("tickets", str(body.get("primary_id")))
    secondary = [desk.must_get("tickets", str(id)) for id in body.get("ticket_ids") or ()]
    ensure([] if secondary else [complaint("ticket_ids", "It should be a/an Array", "missing_field")])
    for one in secondary:
        closed = tickets.update(desk, one, {"status": tickets.CLOSED})
        _add_conversation(desk, closed, f"This ticket is closed and merged into ticket {primary['id']}", private=True)
    merged = ", ".join(str(one["id"]) for one in secondary)
    _add_conversation(desk, primary, f"Ticket with ID {merged} is merged into this one", private=True)
    return Answer(status=204)


def list_conversations(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """List the conversations of a ticket, oldest first."""
    known_parameters(call, PAGING)
    desk.must_get("tickets", ids[0])
    return paged(desk, call, _conversations(desk, ids[0]))


def create_reply(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Reply to the requester. The answer does not say that the reply is public."""
    ticket, body = _live(desk, call, ids[0]), body_of(call)
    _ensure_body(body, ("body", "from_email", "user_id", "cc_emails", "bcc_emails"))
    reply = _add_conversation(desk, ticket, body["body"], private=False, cc=body.get("cc_emails"))
    requester = desk.person(ticket["requester_id"]) or {}
    members = (
        "body",
        "body_text",
        "id",
        "user_id",
        "from_email",
        "cc_emails",
        "bcc_emails",
        "ticket_id",
        "attachments",
    )
    answer = {name: reply[name] for name in (*members, "created_at", "updated_at")}
    return json_answer(201, answer | {"replied_to": [requester["email"]] if requester.get("email") else []})


def create_note(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Add a note, for agents only unless `private` is false."""
    ticket, body = _live(desk, call, ids[0]), body_of(call)
    _ensure_body(body, ("body", "private", "incoming", "notify_emails", "user_id"))
    private = body.get("private", True)
    ensure(
        [] if isinstance(private, bool) else [complaint("private", "It should be a/an Boolean", "datatype_mismatch")]
    )
    note = _add_conversation(desk, ticket, body["body"], private=private)
    members = ("body", "body_text", "id", "incoming", "private", "user_id", "support_email", "ticket_id", "attachments")
    answer = {name: note[name] for name in (*members, "created_at", "updated_at")}
    return json_answer(201, answer | {"notified_to": body.get("notify_emails") or []})


def _add_conversation(
    desk: Desk, ticket: JsonRecord, body: str, *, private: bool, cc: list[str] | None = None
) -> JsonRecord:
    html = safe(body)
    conversation = {
        "body": html,
        "body_text": plain(html),
        "id": desk.new_id(),
        "incoming": False,
        "private": private,
        "user_id": AGENT_ID,
        "support_email": None,
        "source": 2 if private else 0,
        "category": 2 if private else 3,
        "ticket_id": ticket["id"],
        "to_emails": [],
        "from_email": None if private else "Mara Field <help@desk.example>",
        "cc_emails": cc or [],
        "bcc_emails": [],
        "created_at": desk.stamp,
        "updated_at": desk.stamp,
        "attachments": [],
    }
    desk.state.put("conversations", str(conversation["id"]), conversation, {"ticket": str(ticket["id"])})
    first = {} if private or ticket["stats"]["first_responded_at"] else {"first_responded_at": desk.stamp}
    tickets.touched(desk, ticket, **({} if private else {"agent_responded_at": desk.stamp}), **first)
    return conversation


def _ensure_body(body: dict[str, Any], known: tuple[str, ...]) -> None:
    complaints = [
        complaint(name, "Unexpected/invalid field in request", "invalid_field") for name in body if name not in known
    ]
    if not isinstance(body.get("body"), str) or not body["body"]:
        complaints.append(complaint("body", "It should be a/an String", "missing_field"))
    ensure(complaints)


def _conversations(desk: Desk, ticket_id: str) -> list[JsonRecord]:
    return desk.state.lookup("conversations", "ticket", ticket_id)


def _included(call: Call, known: tuple[str, ...]) -> tuple[str, ...]:
    requested = tuple(name for name in (call.param("include") or "").split(",") if name)
    if any(name not in known for name in requested):
        ensure([complaint("include", f"It should be one of these values: '{', '.join(known)}'", "invalid_value")])
    return requested


def _is_in(ticket: JsonRecord, which: str | None) -> bool:
    if which == "deleted":
        return bool(ticket.get("deleted"))
    if which == "spam":
        return bool(ticket.get("spam")) and not ticket.get("deleted")
    return not ticket.get("deleted") and not ticket.get("spam")


def _rendered(desk: Desk, ticket: JsonRecord, include: tuple[str, ...], *, alone: bool) -> JsonRecord:
    hidden = {"stats"} if alone else {"stats", "attachments", "description", "description_text"}
    answer = {name: ticket[name] for name in ticket if name not in hidden}
    if "stats" in include:
        answer["stats"] = ticket["stats"]
    if "description" in include:
        answer |= {name: ticket[name] for name in ("description", "description_text")}
    if "requester" in include:
        person = desk.person(ticket["requester_id"])
        members = ("id", "name", "email", "mobile", "phone")
        answer["requester"] = None if person is None else {name: person.get(name) for name in members}
    if "company" in include:
        company = desk.state.get("companies", str(ticket["company_id"])) or {}
        answer["company"] = {name: company[name] for name in ("id", "name") if name in company}
    if "conversations" in include:
        answer["conversations"] = _conversations(desk, str(ticket["id"]))[-10:]
    return answer


def _live(desk: Desk, call: Call, id: str) -> JsonRecord:
    ticket = desk.must_get("tickets", id)
    if ticket.get("deleted"):
        raise not_allowed(call.method)
    return ticket
