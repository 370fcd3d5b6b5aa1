"""Shopify's webhooks: what is read of the record, in the shape of its REST API. The signature covers only the body.

Reference: Shopify's "Webhooks" (headers, verification, topics). Here every topic has one subscription without metafield
namespaces, so bodies have no metafields.
"""

import base64
import hashlib
import hmac
import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec

from emulators.shopify import records
from emulators.shopify.fields import SHOP
from emulators.shopify.rest_customer import customer_body, deleted_customer
from emulators.shopify.rest_order import order_body
from emulators.shopify.rest_parts import number
from emulators.state import State
from emulators.webhooks import Change, Message, Try, WebhookRules

JsonRecord = dict[str, Any]
TopicAndBody = tuple[str, JsonRecord]

# Eight more tries within four hours. Afterwards Shopify deletes the subscription; this emulator keeps it.
RULES = WebhookRules(objects=(records.CUSTOMER, records.ORDER), tries=9, timeout=5.0)
PAID = {"PAID": "orders/paid", "PARTIALLY_PAID": "orders/partially_paid"}
FULFILLED = {"FULFILLED": "orders/fulfilled", "PARTIALLY_FULFILLED": "orders/partially_fulfilled"}
ENABLED = {"ENABLED": "customers/enable", "DISABLED": "customers/disable"}


def messages(changes: list[Change], state: State, version: str) -> list[Message]:
    """Return the webhooks of one call. Those of one change share their event id; each has its own webhook id."""
    made: list[Message] = []
    for change in changes:
        bodies = _of_customer(change) if change.object == records.CUSTOMER else _of_order(change, state)
        event_id = str(uuid.uuid4())
        made += [_message(topic, body, change.at, event_id, version) for topic, body in bodies]
    return made


def signed(message: Message, attempt: Try) -> Message:
    """Return the request of one try, the same at every try."""
    digest = hmac.new(attempt.secret.encode(), message.body, hashlib.sha256).digest()
    signature = {"X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode()}
    return Message(topics=message.topics, headers=message.headers | signature, body=message.body)


def _of_customer(change: Change) -> list[TopicAndBody]:
    before, after = change.before, change.after
    if after is None:
        return [] if before is None else [("customers/delete", deleted_customer(before))]
    body = customer_body(after)
    if before is None:
        return [("customers/create", body)]
    topics = ["customers/update"] if before != after else []
    topic = ENABLED.get(str(after.get("state")))
    if topic is not None and before.get("state") != after.get("state"):
        topics.append(topic)
    return [(topic, body) for topic in topics]


def _of_order(change: Change, state: State) -> list[TopicAndBody]:
    before, after = change.before, change.after
    if after is None:
        return [] if before is None else [("orders/delete", {"id": number(before["id"])})]
    if before == after:
        return []
    was: JsonRecord = before or {}
    topics = ["orders/create" if before is None else "orders/updated"]
    if after.get("cancelledAt") and not was.get("cancelledAt"):
        topics.append("orders/cancelled")
    for field, named in (("displayFinancialStatus", PAID), ("displayFulfillmentStatus", FULFILLED)):
        topic = named.get(str(after.get(field)))
        if topic is not None and after.get(field) != was.get(field):
            topics.append(topic)
    body = order_body(after, state)
    return [(topic, body) for topic in topics]


def _message(topic: str, body: JsonRecord, at: float, event_id: str, version: str) -> Message:
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Shopify-Captain-Hook",
        "X-Shopify-API-Version": version,
        "X-Shopify-Event-Id": event_id,
        "X-Shopify-Shop-Domain": SHOP["myshopifyDomain"],
        "X-Shopify-Topic": topic,
        "X-Shopify-Triggered-At": datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z"),
        "X-Shopify-Webhook-Id": str(uuid.uuid4()),
    }
    return Message(topics=(topic,), headers=headers, body=msgspec.json.encode(body))
