"""What Zendesk checks and derives when a ticket is written."""

from datetime import datetime
from typing import Any

from emulators.state import JsonRecord
from emulators.zendesk import users
from emulators.zendesk.account import STATUS_ID, category_of
from emulators.zendesk.desk import AGENT_ID, Desk, iso
from emulators.zendesk.errors import bad_attribute, invalid
from emulators.zendesk.identities import owner_of

STATUSES = ("new", "open", "pending", "hold", "solved", "closed")
PRIORITIES = ("urgent", "high", "normal", "low")
TYPES = ("problem", "incident", "question", "task")
TEXTS = ("subject", "external_id", "recipient")
CHOICES = {"priority": PRIORITIES, "type": TYPES}


def applied(desk: Desk, ticket: JsonRecord, body: dict[str, Any]) -> JsonRecord:
    """Return the ticket with the members of `body`. Read-only members (description, ids, times) are ignored, as at the
    vendor.

    400 for a value of the wrong type, 422 for one that breaks a rule.
    """
    written = dict(ticket)
    for name in TEXTS:
        if name in body:
            written[name] = _text(name, body[name])
    written["raw_subject"] = written["subject"]
    for name, choices in CHOICES.items():
        if name in body:
            written[name] = _choice(name, body[name], choices)
    written |= _people(desk, body)
    written |= _status(desk, ticket, body, assigned=written["assignee_id"] is not None)
    if written["status"] == "solved" and written["assignee_id"] is None:
        written["assignee_id"] = AGENT_ID
    if "tags" in body:
        written["tags"] = tags_of(body["tags"])
    _put_custom_fields(desk, ticket, written, body)
    # Only tasks keep a due date, and only incidents a problem.
    due_at = _moment(body["due_at"]) if body.get("due_at") else body.get("due_at", ticket["due_at"])
    problem_id = body.get("problem_id", ticket["problem_id"])
    written["due_at"] = due_at if written["type"] == "task" else None
    written["problem_id"] = problem_id if written["type"] == "incident" else None
    return written


def tags_of(sent: object) -> list[str]:
    """Return tags as the vendor stores them: lower case, each once, sorted. A string is split at spaces."""
    if isinstance(sent, str):
        sent = sent.split()
    if sent is None:
        return []
    if not isinstance(sent, list) or not all(isinstance(tag, str) for tag in sent):
        raise bad_attribute("tags", "an array of strings")
    return sorted({word.lower() for tag in sent for word in tag.replace(",", " ").split()})


def person(desk: Desk, body: dict[str, Any], attribute: str) -> int:
    """Return the id of the user with the address in `body`. Create the user if there is none, which needs a name."""
    email = body.get("email")
    owner = owner_of(desk, email) if isinstance(email, str) else None
    if owner is not None:
        return owner
    if not str(body.get("name") or "").strip():
        raise invalid(attribute, "Requester Name: is too short (minimum one character)", "ValueTooShort")
    fields: dict[str, Any] = {
        name: body[name] for name in ("name", "email", "phone", "external_id", "locale_id") if name in body
    }
    return int(users.create(desk, fields)["id"])


def submitter(desk: Desk, body: dict[str, Any]) -> int:
    """Return who submits a new ticket and writes its first comment: the calling agent by default."""
    return AGENT_ID if body.get("submitter_id") is None else _existing(desk, "users", body["submitter_id"], "submitter")


def _people(desk: Desk, body: dict[str, Any]) -> dict[str, Any]:
    people: dict[str, Any] = {}
    requester = body.get("requester")
    if isinstance(requester, dict):
        people["requester_id"] = person(desk, requester, "requester")
    elif body.get("requester_id") is not None:
        people["requester_id"] = _existing(desk, "users", body["requester_id"], "requester")
    if "assignee_email" in body:
        people["assignee_id"] = _agent(desk, owner_of(desk, str(body["assignee_email"])))
    elif "assignee_id" in body:
        people["assignee_id"] = _agent(desk, body["assignee_id"]) if body["assignee_id"] is not None else None
    for name, object in (("group_id", "groups"), ("organization_id", "organizations")):
        if name in body:
            known = body[name] is None
            people[name] = None if known else _existing(desk, object, body[name], name.removesuffix("_id"))
    for name, ids in (("email_ccs", "email_cc_ids"), ("followers", "follower_ids")):
        if name in body:
            people[ids] = [_invited(desk, one) for one in _invitations(name, body[name])]
    if "collaborator_ids" in body:
        people["collaborator_ids"] = [
            _existing(desk, "users", id, "collaborator") for id in _items("collaborator_ids", body["collaborator_ids"])
        ]
    elif "email_cc_ids" in people:
        people["collaborator_ids"] = people["email_cc_ids"]
    return people


def _status(desk: Desk, ticket: JsonRecord, body: dict[str, Any], *, assigned: bool) -> dict[str, Any]:
    """Return the requested status, by name or by custom status. A ticket that is assigned, or was opened, is
    not new."""
    custom = body.get("custom_status_id")
    if custom is not None and custom != ticket["custom_status_id"]:
        category = category_of(desk, custom)
        if category is None:
            raise invalid("custom_status_id", "Custom status: is invalid", "InvalidValue")
        return {"status": category, "custom_status_id": custom}

    status = body.get("status")
    if status is not None and status not in STATUSES:
        raise invalid("status", f"Status: {status} is not included in the list", "InvalidValue")
    status = status or ticket["status"]
    if status == "new" and (assigned or ticket["status"] != "new"):
        status = "open"
    if status == ticket["status"]:
        return {}
    return {"status": status, "custom_status_id": STATUS_ID[status]}


def _put_custom_fields(desk: Desk, ticket: JsonRecord, written: JsonRecord, body: dict[str, Any]) -> None:
    """Set custom fields and the tags of their choices. Unknown fields and choices are ignored."""
    fields = {field["id"]: field for field in desk.state.all("ticket_fields") if field["removable"] and field["active"]}
    values: dict[int, Any] = dict.fromkeys(fields)
    values |= {field["id"]: field["value"] for field in ticket["custom_fields"] if field["id"] in fields}
    before = dict(values)
    for id, value in _fields_of(body):
        if id in fields:
            values[id] = _field_value(fields[id], value, values[id])
    written["custom_fields"] = [{"id": id, "value": value} for id, value in values.items()]
    written["fields"] = written["custom_fields"]

    chosen = {id for id, field in fields.items() if field["type"] in ("tagger", "multiselect")}
    dropped = {tag for id in chosen for tag in _as_tags(before[id])}
    added = {tag for id in chosen for tag in _as_tags(values[id])}
    if dropped != added:
        written["tags"] = sorted((set(written["tags"]) - (dropped - added)) | added)


def _fields_of(body: dict[str, Any]) -> list[tuple[int, Any]]:
    fields = body.get("custom_fields", body.get("fields"))
    if fields is None:
        return []
    if isinstance(fields, dict):
        return [(int(id), value) for id, value in fields.items() if str(id).isdecimal()]
    if not isinstance(fields, list) or not all(isinstance(field, dict) and "id" in field for field in fields):
        raise bad_attribute("custom_fields", "an array of objects with an id")
    return [(int(field["id"]), field.get("value")) for field in fields if str(field["id"]).isdecimal()]


def _field_value(field: JsonRecord, value: Any, stored: Any) -> Any:
    """Return a value as a field of this type stores it: numbers as strings, choices by their tag, the stored value for
    an unknown choice."""
    if value is None or value == "":
        return None
    if field["type"] == "checkbox":
        return value is True or value in ("true", "1", 1)
    if field["type"] in ("tagger", "multiselect"):
        tags = {option["value"] for option in field["custom_field_options"]}
        wanted = value if isinstance(value, list) else [value]
        if not set(map(str, wanted)) <= tags:
            return stored
        return value if field["type"] == "tagger" else list(wanted)
    if field["type"] in ("integer", "decimal"):
        return str(value)
    return value


def _as_tags(value: Any) -> list[str]:
    return [] if value is None else [str(one) for one in (value if isinstance(value, list) else [value])]


def _moment(value: object) -> str:
    """Return a time in whole seconds, as the vendor stores it."""
    try:
        return iso(datetime.fromisoformat(str(value)).timestamp())
    except ValueError as error:
        raise invalid("due_at", "Due At: is not a valid date", "InvalidValue") from error


def _items(name: str, value: object) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise bad_attribute(name, "an array")
    return value


def _invitations(name: str, value: object) -> list[dict[str, Any]]:
    people = _items(name, value)
    if not all(isinstance(one, dict) for one in people):
        raise bad_attribute(name, "an array of objects")
    return [one for one in people if one.get("action") != "delete"]


def _text(name: str, value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise bad_attribute(name, "a string")


def _choice(name: str, value: object, choices: tuple[str, ...]) -> str | None:
    if value is None or value == "":
        return None
    if value not in choices:
        raise invalid("base", f"{name.capitalize()}: is invalid", "InvalidValue")
    return str(value)


def _existing(desk: Desk, object: str, id: Any, attribute: str) -> int:
    record = desk.state.get(object, str(id)) if isinstance(id, int | str) else None
    if record is None or record.get("active") is False:
        raise invalid(attribute, f"{attribute.capitalize()}: is invalid", "InvalidValue")
    record_id: int = record["id"]
    return record_id


def _agent(desk: Desk, id: Any) -> int:
    user = desk.state.get("users", str(id)) if id is not None else None
    if user is None or not user["active"] or user["role"] == "end-user":
        raise invalid("assignee", "Assignee: is not an agent of this account", "InvalidValue")
    return int(user["id"])


def _invited(desk: Desk, one: dict[str, Any]) -> int:
    if one.get("user_id") is not None:
        return _existing(desk, "users", one["user_id"], "collaborator")
    email = one.get("user_email")
    return person(desk, {"email": email, "name": one.get("user_name") or email}, "collaborator")
