"""Comments and audits of tickets. An audit has what one write changed."""

import html
import re
from typing import Any

from emulators.state import JsonRecord
from emulators.zendesk.desk import Desk
from emulators.zendesk.errors import bad_attribute, invalid

TAG = re.compile(r"<[^>]+>")
LINE_END = re.compile(r"<br\s*/?>|</(?:p|div|li|h[1-6])>", re.IGNORECASE)
AUDITED = (
    "subject",
    "requester_id",
    "priority",
    "type",
    "status",
    "assignee_id",
    "group_id",
    "organization_id",
    "custom_status_id",
    "external_id",
    "tags",
    "due_at",
    "problem_id",
)


def comment_of(body: dict[str, Any]) -> dict[str, Any] | None:
    """Return the comment of a write, with a `body` or an `html_body`. A new ticket may have a `description` instead."""
    comment = body.get("comment")
    if comment is None and body.get("description"):
        comment = {"body": body["description"]}
    if isinstance(comment, str):
        comment = {"body": comment}
    if comment is None:
        return None
    if not isinstance(comment, dict):
        raise bad_attribute("comment", "an object")
    if not isinstance(comment.get("body") or comment.get("html_body") or "", str):
        raise bad_attribute("comment", "an object with a body")
    return comment if comment.get("body") or comment.get("html_body") else None


def plain(comment: dict[str, Any]) -> str:
    """Return a comment's text. HTML loses its markup and keeps its lines."""
    if comment.get("html_body"):
        return html.unescape(TAG.sub("", LINE_END.sub("\n", str(comment["html_body"])))).strip()
    return str(comment["body"])


def is_public(comment: dict[str, Any]) -> bool:
    """Return whether the requester sees a comment. It is public by default."""
    return comment.get("public") is not False


def audit(
    desk: Desk,
    ticket: JsonRecord,
    before: JsonRecord | None,
    comment: dict[str, Any] | None,
    body: dict[str, Any],
    *,
    author_id: object,
) -> JsonRecord:
    """Record one write to a ticket: its comment, its changes, and the caller's own `metadata` under `custom`."""
    author = desk.state.get("users", str(author_id))
    if author is None:
        raise invalid("author", "Author: is invalid", "InvalidValue")
    custom = body.get("metadata") or {}
    if not isinstance(custom, dict):
        raise bad_attribute("metadata", "an object")
    id = desk.new_id()
    record: JsonRecord = {
        "id": id,
        "ticket_id": ticket["id"],
        "created_at": desk.stamp,
        "author_id": author["id"],
        "metadata": {"system": {}, "custom": custom},
        "events": [],
        "via": ticket["via"],
    }
    if comment is not None:
        posted = _comment(desk, ticket, comment, record)
        desk.state.put("comments", str(posted["id"]), posted, {"ticket": str(ticket["id"])})
        record["events"].append({name: posted[name] for name in EVENT_FIELDS} | {"audit_id": id})
    record["events"] += _changes(desk, ticket, before)
    desk.state.put("audits", str(id), record, {"ticket": str(ticket["id"])})
    return record


EVENT_FIELDS = ("id", "type", "author_id", "body", "html_body", "plain_body", "public", "attachments")


def comments_of(desk: Desk, ticket_id: object) -> list[JsonRecord]:
    """Return a ticket's comments, oldest first."""
    return desk.state.lookup("comments", "ticket", str(ticket_id))


def _comment(desk: Desk, ticket: JsonRecord, comment: dict[str, Any], audit: JsonRecord) -> JsonRecord:
    text = plain(comment)
    markup = comment.get("html_body") or f'<p dir="auto">{html.escape(text, quote=False)}</p>'.replace("\n", "<br>")
    return {
        "id": desk.new_id(),
        "type": "Comment",
        "author_id": audit["author_id"],
        "body": text,
        "html_body": f'<div class="zd-comment" dir="auto">{markup}</div>',
        "plain_body": text,
        "public": is_public(comment),
        "attachments": [],
        "audit_id": audit["id"],
        "via": ticket["via"],
        "created_at": desk.stamp,
        "metadata": audit["metadata"],
    }


def _changes(desk: Desk, ticket: JsonRecord, before: JsonRecord | None) -> list[dict[str, Any]]:
    """Return an event for each audited field: `Create` for a new ticket, later `Change` with the previous value."""
    events: list[dict[str, Any]] = []
    names = [*AUDITED, *(str(field["id"]) for field in ticket["custom_fields"])]
    now = _values(ticket)
    was = _values(before) if before is not None else {}
    for name in names:
        value, previous = now.get(name), was.get(name)
        if before is None and value not in (None, []):
            events.append({"id": desk.new_id(), "type": "Create", "value": _as_text(value), "field_name": name})
        elif before is not None and value != previous:
            change = {"value": _as_text(value), "field_name": name, "previous_value": _as_text(previous)}
            events.append({"id": desk.new_id(), "type": "Change", **change})
    return events


def _values(ticket: JsonRecord) -> dict[str, Any]:
    custom = {str(field["id"]): field["value"] for field in ticket["custom_fields"]}
    return {name: ticket[name] for name in AUDITED} | custom


def _as_text(value: Any) -> Any:
    """Return an id as text, as in audits; other values unchanged."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
