"""The Freshdesk emulator: authorisation, rate limit, routing, and placing records."""

import base64
import uuid
from collections.abc import Callable
from typing import Any

from emulators.freshdesk import contacts, fields, ticket_calls, tickets, webhooks
from emulators.freshdesk.desk import Desk
from emulators.freshdesk.drift import bent
from emulators.freshdesk.errors import failure, too_many, unauthenticated, unreadable
from emulators.http import Answer, Call
from emulators.routes import Routes
from emulators.state import Allowance, State

NAME = "freshdesk"
TOKEN = "freshdesk-dev-token"  # noqa: S105 - an emulator's credential opens nothing
API = "/api/v2/"
OBJECTS = ("contacts", "tickets", "conversations", "agents", "groups", "companies", "ticket_fields", "contact_fields")

Handler = Callable[[Desk, Call, tuple[str, ...]], Answer]

# Method, path below /api/v2 with `#` for an id, handler. The first match counts.
ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "contacts", contacts.list_contacts),
    ("POST", "contacts", contacts.create_contact),
    ("POST", "contacts/merge", contacts.merge_contacts),
    ("GET", "contacts/#", contacts.show_contact),
    ("PUT", "contacts/#", contacts.update_contact),
    ("DELETE", "contacts/#", contacts.delete_contact),
    ("PUT", "contacts/#/restore", contacts.restore_contact),
    ("GET", "tickets", ticket_calls.list_tickets),
    ("POST", "tickets", ticket_calls.create_ticket),
    ("PUT", "tickets/merge", ticket_calls.merge_tickets),
    ("GET", "tickets/#", ticket_calls.show_ticket),
    ("PUT", "tickets/#", ticket_calls.update_ticket),
    ("DELETE", "tickets/#", ticket_calls.delete_ticket),
    ("PUT", "tickets/#/restore", ticket_calls.restore_ticket),
    ("GET", "tickets/#/conversations", ticket_calls.list_conversations),
    ("POST", "tickets/#/reply", ticket_calls.create_reply),
    ("POST", "tickets/#/notes", ticket_calls.create_note),
    ("GET", "ticket_fields", fields.list_fields("ticket_fields")),
    ("POST", "admin/ticket_fields", fields.create_field("ticket_fields")),
    ("GET", "contact_fields", fields.list_fields("contact_fields")),
    ("POST", "contact_fields", fields.create_field("contact_fields")),
    ("GET", "agents", fields.list_agents),
    ("GET", "groups", fields.list_groups),
    ("GET", "agents/#", fields.show_agent),
    ("GET", "groups/#", fields.show("groups")),
    ("GET", "companies/#", fields.show("companies")),
)
ROUTER = Routes(ROUTES)


class Freshdesk:
    """One Freshdesk account. `ROUTES` lists its calls."""

    name = NAME
    objects = OBJECTS
    webhook_rules = webhooks.RULES
    drift = staticmethod(bent)
    failure = staticmethod(failure)
    signed = staticmethod(webhooks.signed)
    webhooks = staticmethod(webhooks.messages)

    def answer(self, call: Call, state: State, now: float) -> Answer:
        """Reply to one call. Every authorised reply reports the rest of the limit. Each member of `include` costs one
        call more."""
        request_id = {"x-request-id": uuid.uuid4().hex, "x-freshdesk-api-version": "latest=v2; requested=v2"}
        if not _is_authorised(call.headers.get("authorization", "")):
            return unauthenticated().with_headers(request_id)
        included = len([name for name in (call.param("include") or "").split(",") if name])
        for _ in range(included):
            state.spend(now)
        allowance = state.spend(now)
        headers = request_id | _limits(allowance, 1 + included)
        if not allowance.allowed:
            return too_many().with_headers(headers | {"retry-after": str(allowance.resets_in)})
        desk = _desk(state, now, call.headers.get("host", "localhost"))
        path = call.path.removeprefix(API) if call.path.startswith(API) else ""
        return (ROUTER.answer(desk, call, path, unreadable) or Answer(status=404)).with_headers(headers)

    def put_record(self, object: str, payload: dict[str, Any], state: State) -> dict[str, Any]:
        """Place any payload as a record without validation, merged into an empty record of its kind."""
        desk = _desk(state, state.clock(), "localhost")
        id = payload.get("id") or (state.next_id("tickets", 1) if object == "tickets" else desk.new_id())
        if object == "tickets":
            record = tickets.blank(desk, id) | payload | {"id": id}
            tickets.keep(desk, record)
        elif object == "contacts":
            record = contacts.blank(desk, id) | payload | {"id": id}
            contacts.keep(desk, record)
        else:
            record = payload | {"id": id}
            keys: dict[str, str] = {name: str(payload[name]) for name in ("name", "email") if name in payload}
            keys |= {"ticket": str(payload["ticket_id"])} if "ticket_id" in payload else {}
            state.put(object, str(id), record, keys)
        return record


def _is_authorised(header: str) -> bool:
    """Check the credential: the key is the user name, and the password is ignored."""
    kind, _, encoded = header.partition(" ")
    try:
        user = base64.b64decode(encoded, validate=True).decode().partition(":")[0]
    except ValueError:
        return False
    return kind.lower() == "basic" and user == TOKEN


def _desk(state: State, now: float, host: str) -> Desk:
    desk = Desk(state, now, f"http://{host}/{NAME}")
    fields.furnish(desk)
    return desk


def _limits(allowance: Allowance, spent: int) -> dict[str, str]:
    return {
        "x-ratelimit-total": str(allowance.limit),
        "x-ratelimit-remaining": str(allowance.remaining),
        "x-ratelimit-used-currentrequest": str(spent),
    }
