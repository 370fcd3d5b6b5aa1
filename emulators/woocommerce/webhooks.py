"""WooCommerce's webhooks: one request per topic. The body is the record as the API shows it; the signature covers only
the body.

A new webhook gets a ping first, with a form and without a signature. WooCommerce never retries. Reference:
WC_Webhook of WooCommerce. Here every topic has one webhook from the start.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from urllib.parse import urlencode

import msgspec

from emulators.http import Answer, Call, json_answer
from emulators.state import JsonRecord, State
from emulators.webhooks import Change, Message, Try, WebhookRules
from emulators.woocommerce import customers, orders
from emulators.woocommerce.errors import invalid, missing, refused
from emulators.woocommerce.shop import Shop, body_of, text_of

RULES = WebhookRules(objects=("customers", "orders", "webhooks"), tries=1, timeout=60.0)
RESOURCES = {"customers": "customer", "orders": "order"}
TOPICS = tuple(
    f"{resource}.{event}" for resource in ("customer", "order") for event in ("created", "updated", "deleted")
)
RESTORED = "order.restored"
AGENT = "WooCommerce/10.7.0 Hookshot (WordPress/6.8)"
PING = "ping"
SIGNATURE = "X-WC-Webhook-Signature"


def messages(changes: list[Change], state: State, base: str) -> list[Message]:
    """Return the webhooks of one call, one request per record."""
    return [message for change in changes for message in _messages(change, Shop(state, change.at, base))]


def signed(message: Message, attempt: Try) -> Message:
    """Return the request with its signature. A ping has none."""
    if message.topics == (PING,):
        return message
    digest = hmac.new(attempt.secret.encode(), message.body, hashlib.sha256).digest()
    headers = message.headers | {SIGNATURE: base64.b64encode(digest).decode()}
    return Message(topics=message.topics, headers=headers, body=message.body)


def create(shop: Shop, call: Call, _ids: tuple[str, ...]) -> Answer:
    """Create a webhook as an administrator does. The target decides here where it is sent."""
    body = body_of(call)
    topic = text_of(body, "topic")
    if topic is None or text_of(body, "delivery_url") is None:
        raise missing("topic" if topic is None else "delivery_url")
    if topic not in (*TOPICS, RESTORED):
        raise invalid("topic", "topic is not one of the topics of WooCommerce.")
    resource, _, event = topic.partition(".")
    webhook = {
        "id": shop.state.next_id("webhooks", len(TOPICS) + 2),
        "name": text_of(body, "name") or f"Webhook created on {topic}",
        "status": text_of(body, "status") or "active",
        "topic": topic,
        "resource": resource,
        "event": event,
        "hooks": [],
        "delivery_url": text_of(body, "delivery_url"),
        **shop.times("date_created", shop.now),
        **shop.times("date_modified", shop.now),
    }
    shop.state.put("webhooks", str(webhook["id"]), webhook)
    return json_answer(201, webhook | {"_links": shop.links("webhooks", webhook["id"])})


def show(shop: Shop, _call: Call, ids: tuple[str, ...]) -> Answer:
    """Return one webhook."""
    webhook = shop.state.get("webhooks", ids[0])
    if webhook is None:
        raise refused(404, "woocommerce_rest_shop_webhook_invalid_id", "Invalid ID.")
    return json_answer(200, webhook | {"_links": shop.links("webhooks", webhook["id"])})


def _messages(change: Change, shop: Shop) -> Iterator[Message]:
    if change.object == "webhooks":
        if change.before is None:
            yield _ping(change.id)
        return
    event = _event(change)
    record = change.after or change.before
    if event is None or record is None:
        return
    render = customers.rendered if change.object == "customers" else orders.rendered
    body = {"id": record["id"]} if event == "deleted" else render(shop, record)
    yield _message(f"{RESOURCES[change.object]}.{event}", body, shop)


def _event(change: Change) -> str | None:
    before, after = change.before, change.after
    if after is None or (after.get("status") == "trash" and (before or {}).get("status") != "trash"):
        # Deleting a record from the bin sends nothing: the move to the bin already did.
        return None if before is None or (after is None and before.get("status") == "trash") else "deleted"
    if before is None:
        return "created"
    if before.get("status") == "trash" != after.get("status"):
        return "restored"
    return "updated"


def _ping(id: str) -> Message:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": AGENT}
    return Message(topics=(PING,), headers=headers, body=urlencode({"webhook_id": id}).encode())


def _message(topic: str, body: JsonRecord, shop: Shop) -> Message:
    resource, _, event = topic.partition(".")
    id = str((*TOPICS, RESTORED).index(topic) + 1)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": AGENT,
        "X-WC-Webhook-Source": f"{shop.base}/",
        "X-WC-Webhook-Topic": topic,
        "X-WC-Webhook-Resource": resource,
        "X-WC-Webhook-Event": event,
        "X-WC-Webhook-ID": id,
        # A hash of the webhook and the second: two changes of one second share it.
        "X-WC-Webhook-Delivery-ID": hashlib.sha256(f"{id}{int(shop.now)}".encode()).hexdigest()[:32],
    }
    return Message(topics=(topic,), headers=headers, body=msgspec.json.encode(body))
