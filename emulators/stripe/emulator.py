"""The Stripe emulator: authorisation, rate limit, idempotency keys, routing, expansion."""

import base64
import binascii
import re
from typing import Any

from emulators.http import Answer, Call, json_answer
from emulators.state import State
from emulators.stripe import coupons, customers, events, idempotency, invoices, products, sessions, webhooks
from emulators.stripe.desk import Desk, Handler, random_text
from emulators.stripe.drift import bent
from emulators.stripe.errors import Refusal, failure, too_many, unauthenticated, unrecognised
from emulators.stripe.expand import Included, expanded
from emulators.stripe.forms import nested, read_body
from emulators.stripe.placing import OBJECTS, placed
from emulators.webhooks import Change, Message

NAME = "stripe"
KEY, LIVE_KEY = "sk_test_dev", "rk_live_dev"
API_VERSION = "2026-10-28.endive"
SERVER_ERROR = 500

# Method, path with `#` for an id, handler. The first match counts.
ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/v1/customers", customers.list_all),
    ("POST", "/v1/customers", customers.create),
    ("GET", "/v1/customers/search", customers.search),
    ("GET", "/v1/customers/#", customers.show),
    ("POST", "/v1/customers/#", customers.update),
    ("DELETE", "/v1/customers/#", customers.delete),
    ("GET", "/v1/invoices", invoices.list_all),
    ("POST", "/v1/invoices", invoices.create),
    ("GET", "/v1/invoices/search", invoices.search),
    ("GET", "/v1/invoices/#", invoices.show),
    ("POST", "/v1/invoices/#", invoices.update),
    ("DELETE", "/v1/invoices/#", invoices.delete),
    ("POST", "/v1/invoices/#/finalize", invoices.finalize),
    ("POST", "/v1/invoices/#/pay", invoices.pay),
    ("POST", "/v1/invoices/#/void", invoices.void),
    ("POST", "/v1/invoices/#/mark_uncollectible", invoices.give_up),
    ("POST", "/v1/invoiceitems", invoices.create_item),
    ("POST", "/v1/coupons", coupons.create),
    ("GET", "/v1/coupons/#", coupons.show),
    ("GET", "/v1/events", events.list_all),
    ("GET", "/v1/products", products.list_all),
    ("GET", "/v1/products/#", products.show),
    ("GET", "/v1/checkout/sessions", sessions.list_all),
    ("POST", "/v1/checkout/sessions", sessions.create),
    ("GET", "/v1/checkout/sessions/#", sessions.show),
    ("GET", "/v1/checkout/sessions/#/line_items", sessions.list_lines),
    ("POST", "/v1/checkout/sessions/#", sessions.update),
    ("POST", "/v1/checkout/sessions/#/expire", sessions.expire),
)
PATTERNS = [(method, re.compile(path.replace("#", "([^/]+)")), handler) for method, path, handler in ROUTES]
INCLUDED: dict[tuple[str, str], Included] = {
    ("customer", "subscriptions"): customers.subscriptions,
    ("customer", "tax_ids"): customers.tax_ids,
    ("invoice", "payments"): invoices.payments,
    ("checkout.session", "line_items"): sessions.line_items,
}


class Stripe:
    """One Stripe account. `ROUTES` lists its calls. The key decides whether a record is live or a test."""

    name = NAME
    objects = OBJECTS
    webhook_rules = webhooks.RULES
    drift = staticmethod(bent)
    failure = staticmethod(failure)
    signed = staticmethod(webhooks.signed)

    def answer(self, call: Call, state: State, now: float) -> Answer:
        """Reply to one call. Every reply has a request id."""
        headers = {
            "request-id": f"req_{random_text(14)}",
            "stripe-version": call.headers.get("stripe-version", API_VERSION),
        }
        key = _key(call.headers.get("authorization"))
        if key not in (KEY, LIVE_KEY):
            return unauthenticated(key).with_headers(headers)
        if not state.spend(now).allowed:
            return too_many().with_headers(headers)
        if (sent := call.headers.get("idempotency-key")) is not None:
            headers["idempotency-key"] = sent
        kept = idempotency.remembered(state, call)
        if kept is not None:
            return kept.with_headers(headers)
        return _routed(Desk(state, now, live=key == LIVE_KEY), call).with_headers(headers)

    def put_record(self, object: str, payload: dict[str, Any], state: State) -> dict[str, Any]:
        """Place a record; see `placing`."""
        return placed(Desk(state, state.clock()), object, payload)

    def keep(self, call: Call, answer: Answer, state: State) -> None:
        """Remember a failure under its idempotency key, as Stripe does once an endpoint has begun, even a 500."""
        if answer.status >= SERVER_ERROR:
            idempotency.remember(state, call, answer)

    def webhooks(self, changes: list[Change], state: State) -> list[Message]:
        """Return the events for these changes."""
        return webhooks.messages(changes)


def _key(authorization: str | None) -> str | None:
    """Return the key, sent as a bearer token or as the user of Basic authorisation."""
    kind, _, value = (authorization or "").partition(" ")
    if kind == "Bearer":
        return value
    if kind != "Basic":
        return None
    try:
        return base64.b64decode(value, validate=True).decode("utf-8", "replace").partition(":")[0]
    except binascii.Error:
        return None


def _routed(desk: Desk, call: Call) -> Answer:
    for method, pattern, handler in PATTERNS:
        match = pattern.fullmatch(call.path)
        if match is not None and method == call.method:
            return _handled(handler, desk, call, match.groups())
    return unrecognised(call.method, call.path)


def _handled(handler: Handler, desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Return the handler's answer. A refused call writes nothing; its key is remembered only if its endpoint had
    begun."""
    try:
        with desk.state.savepoint():
            values = read_body(call.body) if call.method == "POST" else nested(call.query)
            result = handler(desk, values, ids)
            paths = [str(path) for path in values.get("expand") or []]
            answer = json_answer(200, _visible(expanded(desk, result, paths, INCLUDED)))
    except Refusal as refusal:
        if refusal.kept:
            idempotency.remember(desk.state, call, refusal.answer)
        return refusal.answer
    idempotency.remember(desk.state, call, answer)
    return answer


def _visible(value: Any) -> Any:
    """Return the value without private members, at any depth."""
    if isinstance(value, list):
        return [_visible(one) for one in value]
    if isinstance(value, dict):
        return {name: _visible(one) for name, one in value.items() if not name.startswith("_")}
    return value
