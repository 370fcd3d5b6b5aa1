"""Zendesk's webhooks: one event per request, signed over its time and its body.

In `detail` ids are text ("0" for none of a user's, null for none of a ticket's) and choices are in upper case.
Reference: Zendesk's "Webhook event types" and "Verifying webhooks". One subscription takes every event here.
"""

import base64
import hashlib
import hmac
import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec

from emulators.state import State
from emulators.webhooks import Change, Message, Try, WebhookRules
from emulators.zendesk.desk import AGENT_ID
from emulators.zendesk.ticket_events import comment_events, ticket_detail, ticket_events
from emulators.zendesk.user_events import identity_events, user_detail, user_events

JsonRecord = dict[str, Any]

ACCOUNT_ID = 22_129_848
WEBHOOK_ID = "01J8Q0ZK3V5H7M9N2P4R6T8W0Y"
VERSIONS = {"ticket": "2022-11-06", "user": "2022-06-20"}
OBJECTS = ("tickets", "comments", "users", "identities")
RULES = WebhookRules(objects=OBJECTS, tries=4, timeout=10.0)  # three more tries


def messages(changes: list[Change], state: State) -> list[Message]:
    """Return the events of one call, one a request. They share a sequence, in which each has its position."""
    events = [event for change in changes for event in _events(change, changes, state)]
    sequence = uuid.uuid4().hex.upper()
    return [
        _message(about, happened, detail, event | {"meta": {"sequence": {"id": sequence, "position": place}}}, at)
        for place, (about, happened, detail, event, at) in enumerate(events, start=1)
    ]


def signed(message: Message, attempt: Try) -> Message:
    """Return the request of one try. The signature covers its time and the body."""
    at = datetime.fromtimestamp(int(attempt.at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    digest = hmac.new(attempt.secret.encode(), at.encode() + message.body, hashlib.sha256).digest()
    signature = {
        "X-Zendesk-Webhook-Signature": base64.b64encode(digest).decode(),
        "X-Zendesk-Webhook-Signature-Timestamp": at,
    }
    return Message(topics=message.topics, headers=message.headers | signature, body=message.body)


def _events(
    change: Change, changes: list[Change], state: State
) -> list[tuple[str, str, JsonRecord, JsonRecord, float]]:
    """Return the events of a change: object, event name, detail, the event's own members, time."""
    if change.object in ("tickets", "comments"):
        return _events_of_ticket(change, state)
    return _events_of_user(change, changes, state)


def _events_of_ticket(change: Change, state: State) -> list[tuple[str, str, JsonRecord, JsonRecord, float]]:
    if change.object == "tickets":
        ticket, happened = change.after or change.before, ticket_events(change.before, change.after)
    else:
        record = change.after or change.before or {}
        ticket = state.get("tickets", str(record.get("ticket_id") or _ticket_of(record, state)))
        happened = comment_events(change.before, change.after, state)
    if ticket is None:
        return []
    return [("ticket", name, ticket_detail(ticket), event, change.at) for name, event in happened]


def _ticket_of(comment: JsonRecord, state: State) -> str:
    """Return the ticket of a comment. Only the comment's audit names it."""
    audit = state.get("audits", str(comment.get("audit_id")))
    return str(audit["ticket_id"]) if audit is not None else ""


def _events_of_user(
    change: Change, changes: list[Change], state: State
) -> list[tuple[str, str, JsonRecord, JsonRecord, float]]:
    if change.object == "users":
        user, happened = change.after or change.before, user_events(change.before, change.after)
    else:
        identity = change.after or change.before or {}
        user = state.get("users", str(identity.get("user_id")))
        happened = identity_events(change.before, change.after)
        if any(one.object == "users" and one.id == str(identity.get("user_id")) and _is_birth(one) for one in changes):
            happened = []  # the identities of a new user have no events of their own
    if user is None or (user["id"] == AGENT_ID and change.before is None):
        return []  # the administrator existed before any webhook
    return [("user", name, user_detail(user), event, change.at) for name, event in happened]


def _is_birth(change: Change) -> bool:
    return change.before is None


def _message(about: str, happened: str, detail: JsonRecord, event: JsonRecord, at: float) -> Message:
    topic = f"{about}.{happened}"
    body = {
        "account_id": ACCOUNT_ID,
        "detail": detail,
        "event": event,
        "id": str(uuid.uuid4()),
        "subject": f"zen:{about}:{detail['id']}",
        "time": datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z"),
        "type": f"zen:event-type:{topic}",
        "zendesk_event_version": VERSIONS[about],
    }
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Zendesk Webhook",
        "X-Zendesk-Account-Id": str(ACCOUNT_ID),
        "X-Zendesk-Webhook-Id": WEBHOOK_ID,
        "X-Zendesk-Webhook-Invocation-Id": uuid.uuid4().hex,
    }
    return Message(topics=(topic,), headers=headers, body=msgspec.json.encode(body))
