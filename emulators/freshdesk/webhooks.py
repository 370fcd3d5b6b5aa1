"""The webhooks of an administrator's automation rules: a body and a header with a secret, both configured. Freshdesk
signs nothing.

The rules here are those of the template in Lockstitch's documentation, one for new tickets and one for changed ones.
"""

import msgspec

from emulators.state import State
from emulators.webhooks import Change, Message, Try, WebhookRules

HEADER = "X-Lockstitch-Secret"
# Three more tries. The vendor makes them after 5, 30 and 60 minutes.
RULES = WebhookRules(objects=("tickets", "conversations"), tries=4, timeout=10.0)


def messages(changes: list[Change], state: State) -> list[Message]:
    """Return one request for each ticket that a call changed. If the call added a comment, the request reports the
    comment."""
    spoken = {str((change.after or {}).get("ticket_id")) for change in changes if change.object == "conversations"}
    requests: list[Message] = []
    for change in changes:
        if change.object == "tickets" and change.id not in spoken and (happened := _happened(change)) is not None:
            requests.append(_message(happened, change.after or change.before or {}, change.id))
        if change.object == "conversations" and change.before is None and change.after is not None:
            kind = "note_added" if change.after["private"] else "replied"
            ticket = state.get("tickets", str(change.after["ticket_id"]))
            if ticket is not None:
                requests.append(_message(f"ticket.{kind}", ticket, str(ticket["id"])))
    return requests


def signed(message: Message, attempt: Try) -> Message:
    """Return the request with the secret, the same at every try."""
    return Message(topics=message.topics, headers=message.headers | {HEADER: attempt.secret}, body=message.body)


def _happened(change: Change) -> str | None:
    if change.before is None:
        return "ticket.created"
    if change.after is None or (change.after.get("deleted") and not change.before.get("deleted")):
        return "ticket.deleted"
    return None if change.after == change.before else "ticket.updated"


def _message(happened: str, ticket: dict[str, object], id: str) -> Message:
    body = {"event": happened, "ticket_id": int(id), "updated_at": ticket.get("updated_at")}
    headers = {"Content-Type": "application/json", "User-Agent": "Freshdesk"}
    return Message(topics=(happened,), headers=headers, body=msgspec.json.encode(body))
