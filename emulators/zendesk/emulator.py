"""The Zendesk emulator: authorisation, rate limit, routing."""

import base64
import uuid
from collections.abc import Callable
from typing import Any

from emulators.http import Answer, Call
from emulators.routes import Routes
from emulators.state import Allowance, State
from emulators.tokens import TokenRules, Tokens
from emulators.zendesk import account, exports, identity_calls, ticket_calls, user_calls, users, webhooks
from emulators.zendesk.desk import Desk
from emulators.zendesk.drift import bent
from emulators.zendesk.errors import failure, no_endpoint, too_many, unauthenticated, unreadable
from emulators.zendesk.placing import OBJECTS, placed

NAME = "zendesk"
TOKEN = "zendesk-dev-token"  # noqa: S105 - an emulator's credential opens nothing
CREDENTIALS = {
    f"Basic {base64.b64encode(f'{account.AGENT_EMAIL}/token:{TOKEN}'.encode()).decode()}",
    f"Bearer {TOKEN}",
}
API = "/api/v2"
TOKENS = Tokens(
    TokenRules(
        vendor=NAME,
        authorize_path="/oauth/authorizations/new",
        token_path="/oauth/tokens",  # noqa: S106 - a path
        old="gone",
        seconds=1800,
    )
)

Handler = Callable[[Desk, Call, tuple[str, ...]], Answer]

# Method, path below /api/v2 with `#` for an id, handler. The first match counts.
ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "users", user_calls.list_users),
    ("POST", "users", user_calls.create_user),
    ("POST", "users/create_or_update", user_calls.create_or_update),
    ("GET", "users/me", user_calls.show_me),
    ("GET", "users/show_many", user_calls.show_many),
    ("GET", "users/search", user_calls.search_users),
    ("GET", "users/#", user_calls.show_user),
    ("PUT", "users/#", user_calls.update_user),
    ("DELETE", "users/#", user_calls.delete_user),
    ("GET", "users/#/identities", identity_calls.list_identities),
    ("POST", "users/#/identities", identity_calls.create_identity),
    ("GET", "users/#/tickets/requested", ticket_calls.list_requested),
    ("GET", "user_fields", account.list_all("user_fields")),
    ("POST", "user_fields", account.create_user_field),
    ("GET", "tickets", ticket_calls.list_tickets),
    ("POST", "tickets", ticket_calls.create_ticket),
    ("GET", "tickets/show_many", ticket_calls.show_many),
    ("GET", "tickets/#", ticket_calls.show_ticket),
    ("PUT", "tickets/#", ticket_calls.update_ticket),
    ("DELETE", "tickets/#", ticket_calls.delete_ticket),
    ("GET", "tickets/#/comments", ticket_calls.list_comments),
    ("GET", "ticket_fields", account.list_all("ticket_fields")),
    ("GET", "custom_statuses", account.list_all("custom_statuses")),
    ("GET", "groups", account.list_all("groups")),
    ("GET", "incremental/users/cursor", exports.exported("users")),
    ("GET", "incremental/tickets/cursor", exports.exported("tickets")),
)
ROUTER = Routes(ROUTES)


class Zendesk:
    """One Zendesk account. `ROUTES` lists its calls."""

    name = NAME
    objects = OBJECTS
    webhook_rules = webhooks.RULES
    tokens = TOKENS
    drift = staticmethod(bent)
    failure = staticmethod(failure)
    signed = staticmethod(webhooks.signed)
    webhooks = staticmethod(webhooks.messages)

    def answer(self, call: Call, state: State, now: float) -> Answer:
        """Reply to one call. Every reply has a request id, every authorised one the headers of the rate limit."""
        issued = TOKENS.answer(call, state, now)
        if issued is not None:
            return issued
        request_id = {"x-request-id": uuid.uuid4().hex, "x-zendesk-api-version": "v2"}
        if call.headers.get("authorization") not in CREDENTIALS and not TOKENS.accepts(call, state, now):
            return unauthenticated().with_headers(request_id)

        allowance = state.spend(now)
        headers = request_id | _limits(allowance)
        if not allowance.allowed:
            return too_many().with_headers(headers | {"retry-after": str(allowance.resets_in)})
        desk = _desk(state, now, call.headers.get("host", "localhost"))
        path = call.path.removeprefix(f"{API}/").removesuffix(".json") if call.path.startswith(f"{API}/") else ""
        return (ROUTER.answer(desk, call, path, unreadable) or no_endpoint()).with_headers(headers)

    def put_record(self, object: str, payload: dict[str, Any], state: State) -> dict[str, Any]:
        """Place a record; see `placing`."""
        return placed(_desk(state, state.clock(), "localhost"), object, payload)


def _desk(state: State, now: float, host: str) -> Desk:
    desk = Desk(state, now, f"http://{host}/{NAME}{API}")
    account.furnish(desk)
    users.furnish(desk)
    return desk


def _limits(allowance: Allowance) -> dict[str, str]:
    limit, remaining = str(allowance.limit), str(allowance.remaining)
    return {
        "x-rate-limit": limit,
        "x-rate-limit-remaining": remaining,
        "ratelimit-limit": limit,
        "ratelimit-remaining": remaining,
        "ratelimit-reset": str(allowance.resets_in),
    }
