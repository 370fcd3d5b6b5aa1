"""Tickets: one record each, changed only with an audit."""

from typing import Any

from emulators.state import JsonRecord
from emulators.zendesk import comments
from emulators.zendesk.account import STATUS_ID
from emulators.zendesk.desk import AGENT_ID, BRAND_ID, FORM_ID, GROUP_ID, Desk
from emulators.zendesk.errors import invalid, outdated
from emulators.zendesk.ticket_rules import applied, submitter

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def blank(desk: Desk, id: int) -> JsonRecord:
    """Return an empty ticket with every field of the vendor."""
    return {
        "url": desk.url(f"tickets/{id}"),
        "id": id,
        "external_id": None,
        "via": {"channel": "api", "source": {"from": {}, "to": {}, "rel": None}},
        "created_at": desk.stamp,
        "updated_at": desk.stamp,
        "generated_timestamp": int(desk.now),
        "type": None,
        "subject": None,
        "raw_subject": None,
        "description": "",
        "priority": None,
        "status": "new",
        "recipient": None,
        "requester_id": AGENT_ID,
        "submitter_id": AGENT_ID,
        "assignee_id": None,
        "organization_id": None,
        "group_id": GROUP_ID,
        "collaborator_ids": [],
        "follower_ids": [],
        "email_cc_ids": [],
        "forum_topic_id": None,
        "problem_id": None,
        "has_incidents": False,
        "is_public": True,
        "due_at": None,
        "tags": [],
        "custom_fields": [],
        "satisfaction_rating": {"score": "unoffered"},
        "sharing_agreement_ids": [],
        "custom_status_id": STATUS_ID["new"],
        "encoded_id": _encoded(id),
        "fields": [],
        "followup_ids": [],
        "ticket_form_id": FORM_ID,
        "brand_id": BRAND_ID,
        "allow_channelback": False,
        "allow_attachments": True,
        "from_messaging_channel": False,
        "support_type": "agent",
    }


def keep(desk: Desk, ticket: JsonRecord) -> None:
    """Write a ticket, indexed by its external id and its requester."""
    keys = {"requester": str(ticket["requester_id"])}
    if ticket["external_id"] is not None and ticket["status"] != "deleted":
        keys["external_id"] = str(ticket["external_id"])
    desk.state.put("tickets", str(ticket["id"]), ticket, keys)


def create(desk: Desk, body: dict[str, Any]) -> tuple[JsonRecord, JsonRecord]:
    """Create a ticket. Return it and its first audit. Its first comment is its description for good."""
    comment = comments.comment_of(body)
    if comment is None:
        raise invalid("base", "Description: cannot be blank", "BlankValue")
    id = desk.state.next_id("tickets", 1)
    while desk.state.get("tickets", str(id)) is not None:
        id = desk.state.next_id("tickets", 1)

    ticket = applied(desk, blank(desk, id), body)
    ticket["submitter_id"] = submitter(desk, body)
    text = comments.plain(comment)
    ticket["subject"] = ticket["subject"] or text[:80]
    ticket["raw_subject"] = ticket["subject"]
    ticket["description"] = text
    ticket["is_public"] = comments.is_public(comment)
    if ticket["organization_id"] is None:
        requester = desk.state.get("users", str(ticket["requester_id"]))
        ticket["organization_id"] = requester["organization_id"] if requester else None
    keep(desk, ticket)
    author_id = comment.get("author_id") or ticket["submitter_id"]
    audit = comments.audit(desk, ticket, None, comment, body, author_id=author_id)
    return ticket, audit


def update(desk: Desk, ticket: JsonRecord, body: dict[str, Any]) -> tuple[JsonRecord, JsonRecord]:
    """Change a ticket. Return it and the audit. 422 for a closed one; 409 for a safe update of an outdated copy."""
    if ticket["status"] == "closed":
        raise invalid("status", "Status: closed prevents ticket update")
    if body.get("safe_update") is True and body.get("updated_stamp") != ticket["updated_at"]:
        raise outdated()

    comment = comments.comment_of({"comment": body.get("comment")})
    changed = applied(desk, ticket, body)
    if comment is not None and _reopens(desk, ticket, comment, body):
        changed |= {"status": "open", "custom_status_id": STATUS_ID["open"]}
    if comment is not None and comments.is_public(comment):
        changed["is_public"] = True
    changed["updated_at"] = desk.stamp
    changed["generated_timestamp"] = int(desk.now)
    keep(desk, changed)
    author_id = (comment or {}).get("author_id") or AGENT_ID
    return changed, comments.audit(desk, changed, ticket, comment, body, author_id=author_id)


def delete(desk: Desk, ticket: JsonRecord) -> None:
    """Delete softly: the ticket is in no list or search and not found by its id; the incremental export has it with
    status `deleted`."""
    gone = {**ticket, "status": "deleted", "updated_at": desk.stamp, "generated_timestamp": int(desk.now)}
    keep(desk, gone)


def _reopens(desk: Desk, ticket: JsonRecord, comment: dict[str, Any], body: dict[str, Any]) -> bool:
    """Return whether an end user's answer reopens a pending or solved ticket."""
    if "status" in body or ticket["status"] not in ("pending", "hold", "solved") or comment.get("author_id") is None:
        return False
    author = desk.state.get("users", str(comment["author_id"]))
    return author is not None and author["role"] == "end-user"


def _encoded(id: int) -> str:
    """Return a ticket's number as the short code of e-mails, which hides how many tickets there are."""
    scattered, letters = (id * 2_654_435_761) % 32**11, ""
    for _ in range(11):
        scattered, digit = divmod(scattered, 32)
        letters += ALPHABET[digit]
    return f"{letters[:6]}-{letters[6:]}"
