"""Stripe's events on customers, invoices, checkouts and subscriptions, with the object inside.

Stripe sends several at once, in no order, and retries for three days. Here they are sent one by one and retried sooner.
"""

import hashlib
import hmac
from typing import Any

import msgspec

from emulators.state import JsonRecord
from emulators.stripe.desk import random_text
from emulators.webhooks import Change, Message, Try, WebhookRules

RULES = WebhookRules(objects=("customers", "invoices", "checkout_sessions", "subscriptions"), tries=16, timeout=10.0)
API_VERSION = "2026-10-28.endive"
INVOICE_TOPICS = {
    "open": ("invoice.finalized",),
    "paid": ("invoice.paid", "invoice.payment_succeeded"),
    "void": ("invoice.voided",),
    "uncollectible": ("invoice.marked_uncollectible",),
}
SESSION_TOPICS = {"complete": "checkout.session.completed", "expired": "checkout.session.expired"}


def messages(changes: list[Change]) -> list[Message]:
    """Return the events of one call, one a request."""
    return [_message(topic, body, change) for change in changes for topic, body in _events(change)]


def signed(message: Message, attempt: Try) -> Message:
    """Return a request that is signed over its time and body, again at every try."""
    at = int(attempt.at)
    digest = hmac.new(attempt.secret.encode(), f"{at}.".encode() + message.body, hashlib.sha256).hexdigest()
    headers = message.headers | {"Stripe-Signature": f"t={at},v1={digest}"}
    return Message(topics=message.topics, headers=headers, body=message.body)


def _events(change: Change) -> list[tuple[str, JsonRecord]]:
    before, after = change.before, change.after
    kind = {"customers": "customer", "invoices": "invoice", "subscriptions": "customer.subscription"}.get(change.object)
    if after is None or after.get("deleted"):
        return [] if before is None or kind is None else [(f"{kind}.deleted", before)]
    if before == after:
        return []
    if change.object == "checkout_sessions":
        return _of_session(before, after)
    if before is None:
        return [(f"{kind}.created", after)]
    topics = [f"{kind}.updated"]
    if change.object == "invoices" and before.get("status") != after.get("status"):
        topics += INVOICE_TOPICS.get(str(after.get("status")), ())
    return [(topic, after) for topic in topics]


def _of_session(before: JsonRecord | None, after: JsonRecord) -> list[tuple[str, JsonRecord]]:
    """Return the event of a checkout. There is none before it ends."""
    topic = SESSION_TOPICS.get(str(after.get("status")))
    if topic is not None and (before is None or before.get("status") != after.get("status")):
        return [(topic, after)]
    if before is not None and (before.get("payment_status"), after.get("payment_status")) == ("unpaid", "paid"):
        return [("checkout.session.async_payment_succeeded", after)]
    return []


def _message(topic: str, record: JsonRecord, change: Change) -> Message:
    data: dict[str, Any] = {"object": visible(record)}
    if topic.endswith(".updated") and change.before is not None:
        before = visible(change.before)
        data["previous_attributes"] = {name: before.get(name) for name in record if before.get(name) != record[name]}
        data["previous_attributes"] = visible(data["previous_attributes"])
    body = {
        "id": f"evt_{random_text(24)}",
        "object": "event",
        "api_version": API_VERSION,
        "created": int(change.at),
        "data": data,
        "livemode": record.get("livemode", False),
        "pending_webhooks": 1,
        "request": {"id": f"req_{random_text(14)}", "idempotency_key": None},
        "type": topic,
    }
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    }
    return Message(topics=(topic,), headers=headers, body=msgspec.json.encode(body))


def visible(record: JsonRecord) -> JsonRecord:
    """Return a record without its private members."""
    return {name: value for name, value in record.items() if not name.startswith("_")}
