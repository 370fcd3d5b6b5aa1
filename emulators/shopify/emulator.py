"""Shopify's Admin API: one GraphQL endpoint with its version, token and headers."""

import re
import time
from typing import Any
from uuid import uuid4
from weakref import WeakKeyDictionary

from emulators.http import Answer, BadJson, Call, json_answer
from emulators.shopify import cancel, webhooks
from emulators.shopify.context import Context
from emulators.shopify.cost import DEFAULT_PER_MINUTE, Bucket, full_bucket
from emulators.shopify.drift import bent
from emulators.shopify.graph import Request, answered
from emulators.shopify.inventory import LEVEL
from emulators.shopify.placing import placed
from emulators.shopify.variants import VARIANT
from emulators.state import State
from emulators.tokens import TokenRules, Tokens
from emulators.webhooks import Change, Message

JsonRecord = dict[str, Any]

VERSION = "2026-07"
TOKEN = "shopify-dev-token"  # noqa: S105 - the emulator's own, which opens nothing else
TOKENS = Tokens(
    TokenRules(
        vendor="shopify",
        authorize_path="/admin/oauth/authorize",
        token_path="/admin/oauth/access_token",  # noqa: S106 - a path
        old="until_new_is_used",
        seconds=3600,
        separator=",",
        own_scopes=("write_customers", "write_orders", "read_products"),
        header="x-shopify-access-token",
    )
)
_PATH = re.compile(r"/admin/api/(?P<version>[0-9]{4}-[0-9]{2}|unstable)/graphql\.json")
_NO_QUERY = {"errors": {"query": "Required parameter missing or invalid"}}
_WORDS = {
    401: "[API] Invalid API key or access token (unrecognized login or wrong password)",
    402: "Unavailable Shop",
    403: "[API] This action requires merchant approval for read_orders scope.",
    404: "Not Found",
    423: "Locked",
    429: "Exceeded 2 calls per second for api client. Reduce request rates to resume uninterrupted service.",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


class Shopify:
    """The emulator. Lasting data is in the state; this object keeps only parsed documents and the query budget."""

    name = "shopify"
    objects = ("Customer", "Order", VARIANT, LEVEL)
    webhook_rules = webhooks.RULES
    tokens = TOKENS
    drift = staticmethod(bent)
    signed = staticmethod(webhooks.signed)

    def __init__(self) -> None:
        """Start without parsed documents."""
        self._buckets: WeakKeyDictionary[State, tuple[float, Bucket]] = WeakKeyDictionary()

    def answer(self, call: Call, state: State, now: float) -> Answer:
        """Answer one call. Errors in the query itself have status 200."""
        issued = TOKENS.answer(call, state, now)
        if issued is not None:
            return issued
        match = _PATH.fullmatch(call.path)
        if call.headers.get("x-shopify-access-token") != TOKEN and not TOKENS.accepts(call, state, now):
            return self.failure(401)
        if match is None or call.method != "POST" or match["version"] > VERSION != match["version"] != "unstable":
            return self.failure(404)

        request = _request(call)
        if request is None:
            return _answer(400, _NO_QUERY)
        context = Context(state=state, now=now)
        cancel.run_due(context)
        # An expired version is served by the oldest supported one; here there is only one.
        return _answer(200, answered(request, self._bucket(state, now), context))

    def put_record(self, object: str, payload: dict[str, Any], state: State) -> dict[str, Any]:
        """Place a `Customer`, `Order`, `ProductVariant` or `InventoryLevel` in the shape of GraphQL's answers."""
        return placed(object, payload, state, time.time())

    def failure(self, status: int) -> Answer:
        """Return the body of Shopify's edge for this status. A throttled query has status 200 instead."""
        return _answer(status, {"errors": _WORDS.get(status, f"status {status}")})

    def work_due(self, state: State, now: float) -> None:
        """Run the jobs that are due."""
        cancel.run_due(Context(state=state, now=now))

    def webhooks(self, changes: list[Change], state: State) -> list[Message]:
        """Return the webhooks of the app's subscriptions, in the current API version."""
        return webhooks.messages(changes, state, VERSION)

    def _bucket(self, state: State, now: float) -> Bucket:
        """Return the budget of this state. A new limit starts with a full bucket."""
        per_minute = state.setting("per_minute", DEFAULT_PER_MINUTE)
        known = self._buckets.get(state)
        if known is None or known[0] != per_minute:
            known = self._buckets[state] = (per_minute, full_bucket(per_minute, now))
        return known[1]


def _request(call: Call) -> Request | None:
    """Read the request from JSON; None without a query."""
    try:
        body = call.json()
    except BadJson:
        return None
    if not isinstance(body, dict) or not isinstance(body.get("query"), str) or not body["query"].strip():
        return None
    variables, operation = body.get("variables"), body.get("operationName")
    return Request(
        query=body["query"],
        variables=variables if isinstance(variables, dict) else {},
        operation=operation if isinstance(operation, str) else None,
    )


def _answer(status: int, body: JsonRecord) -> Answer:
    headers = {"x-request-id": str(uuid4()), "x-shopify-api-version": VERSION}
    return json_answer(status, body, headers)
