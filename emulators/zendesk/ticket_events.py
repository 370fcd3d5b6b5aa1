"""Events on tickets and comments, as in Zendesk's webhooks."""

from collections.abc import Callable
from typing import Any

from emulators.state import JsonRecord, State
from emulators.zendesk.desk import AGENT_ID

Happened = list[tuple[str, dict[str, Any]]]


def ticket_detail(ticket: JsonRecord) -> JsonRecord:
    """Return the ticket after the event, as in every event about it."""
    return {
        "actor_id": _id(AGENT_ID),  # who makes every call
        "assignee_id": _id(ticket["assignee_id"]),
        "brand_id": _id(ticket["brand_id"]),
        "created_at": ticket["created_at"],
        "custom_status": _id(ticket["custom_status_id"]),
        "description": ticket["description"],
        "external_id": _id(ticket["external_id"]),
        "form_id": _id(ticket["ticket_form_id"]),
        "group_id": _id(ticket["group_id"]),
        "id": str(ticket["id"]),
        "is_public": ticket["is_public"],
        "organization_id": _id(ticket["organization_id"]),
        "priority": _word(ticket["priority"]),
        "requester_id": _id(ticket["requester_id"]),
        "status": _word(ticket["status"]),
        "subject": ticket["subject"],
        "submitter_id": _id(ticket["submitter_id"]),
        "tags": ticket["tags"],
        "type": _word(ticket["type"]),
        "updated_at": ticket["updated_at"],
        "via": {"channel": _channel(ticket.get("via"))},
    }


def ticket_events(before: JsonRecord | None, after: JsonRecord | None) -> Happened:
    """Return the events of one change of a ticket: created, deleted, restored, or one for each changed field."""
    if after is None:
        return [] if before is None else [("permanently_deleted", {})]
    if before is None:
        return [] if after["status"] == "deleted" else [("created", {})]
    if after["status"] == "deleted" or before["status"] == "deleted":
        if after["status"] == before["status"]:
            return []
        return [("soft_deleted" if after["status"] == "deleted" else "undeleted", {})]
    return _fields(before, after) + _tags(before, after) + _people(before, after) + _custom_fields(before, after)


def comment_events(before: JsonRecord | None, after: JsonRecord | None, state: State) -> Happened:
    """Return the events of a comment: added, also with a new ticket, or made private by its author."""
    if after is None:
        return []
    author = state.get("users", str(after.get("author_id"))) or {}
    if before is None:
        comment = {
            "author": {
                "id": _id(after.get("author_id")),
                "is_staff": author.get("role") in ("agent", "admin"),
                "name": author.get("name"),
            },
            "body": after.get("body"),
            "id": str(after["id"]),
            "is_public": after.get("public", True),
        }
        return [("comment_added", {"comment": comment})]
    if before.get("public") is True and after.get("public") is False:
        return [("comment_made_private", {"comment": {"id": str(after["id"])}})]
    return []


def _id(id: Any) -> str | None:
    return None if id is None else str(id)


def _word(word: Any) -> Any:
    return word.upper() if isinstance(word, str) else word


def _same(value: Any) -> Any:
    return value


def _channel(via: Any) -> Any:
    channel = via.get("channel") if isinstance(via, dict) else None
    return "web_service" if channel == "api" else channel


# The event of a field, the field, and the form of its value.
FIELDS: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
    ("status_changed", "status", _word),
    ("custom_status_changed", "custom_status_id", _id),
    ("priority_changed", "priority", _word),
    ("type_changed", "type", _word),
    ("subject_changed", "subject", _same),
    ("description_changed", "description", _same),
    ("agent_assignment_changed", "assignee_id", _id),
    ("group_assignment_changed", "group_id", _id),
    ("requester_changed", "requester_id", _id),
    ("submitter_changed", "submitter_id", _id),
    ("organization_changed", "organization_id", _id),
    ("external_id_changed", "external_id", _id),
    ("brand_changed", "brand_id", _id),
    ("form_changed", "ticket_form_id", _id),
    ("problem_link_changed", "problem_id", _id),
    ("task_due_at_changed", "due_at", _same),
)
PEOPLE = (("email_ccs_changed", "email_cc_ids"), ("followers_changed", "follower_ids"))


def _fields(before: JsonRecord, after: JsonRecord) -> Happened:
    return [
        (name, {"current": write(after[field]), "previous": write(before[field])})
        for name, field, write in FIELDS
        if before[field] != after[field]
    ]


def _tags(before: JsonRecord, after: JsonRecord) -> Happened:
    was, now = before["tags"] or [], after["tags"] or []
    if was == now:
        return []
    added, removed = [tag for tag in now if tag not in was], [tag for tag in was if tag not in now]
    return [("tags_changed", {"tags_added": added, "tags_removed": removed})]


def _people(before: JsonRecord, after: JsonRecord) -> Happened:
    return [
        (name, {"current": [str(id) for id in after[field] or ()], "previous": [str(id) for id in before[field] or ()]})
        for name, field in PEOPLE
        if before[field] != after[field]
    ]


def _custom_fields(before: JsonRecord, after: JsonRecord) -> Happened:
    was = {field["id"]: field["value"] for field in before["custom_fields"] or ()}
    return [
        (
            "custom_field_changed",
            {"current": field["value"], "previous": was.get(field["id"]), "field": {"id": str(field["id"])}},
        )
        for field in after["custom_fields"] or ()
        if was.get(field["id"]) != field["value"]
    ]
