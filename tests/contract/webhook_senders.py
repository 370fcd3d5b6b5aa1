"""Vendors that send signed webhooks to the running Lockstitch, and the receipts that result."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import httpx
import stripe
from standardwebhooks.webhooks import Webhook

from tests.contract.answer_checks import check_answer
from tests.contract.callers import expect
from tests.contract.facade import Facade
from tests.contract.processes import NO_TLS
from tests.contract.webhook_connections import WEBHOOK_SECRETS
from tests.signatures.senders import Sent, sent


class WebhookEndpoint:
    """The webhook endpoint of one connection."""

    def __init__(self, facade: Facade, connection: str, *, url: str | None = None) -> None:
        self._facade = facade
        self.connection = connection
        self.path = f"/v1/webhooks/{connection}"
        self.url = (url or facade.api.url) + self.path
        self._http = httpx.Client(timeout=30.0, verify=NO_TLS, event_hooks={"response": [check_answer]})

    def send(self, case: Sent, *, method: str = "POST") -> httpx.Response:
        """Send a webhook unchanged."""
        return self._http.request(method, self.url, headers=list(case.headers), content=case.body)

    def accepted(self, case: Sent) -> tuple[int, int]:
        """Send it and expect a 202. Return the numbers of new and of duplicate events."""
        counts = expect(self.send(case), 202).json()
        assert counts.keys() == {"accepted", "duplicates"}
        return counts["accepted"], counts["duplicates"]

    def receipts(self, holding: str = "") -> list[dict[str, Any]]:
        """Return the connection's receipts whose dedupe key contains this text, newest last."""
        return self._facade.sql(
            "SELECT * FROM inbound_event WHERE connection = $1 AND strpos(dedupe_key, $2) > 0 ORDER BY id",
            self.connection,
            holding,
        )

    def queued(self, receipt_id: str) -> int:
        """Return the number of jobs ever enqueued for a receipt."""
        (row,) = self._facade.sql(
            "SELECT count(*) AS number FROM audit_event WHERE type = 'job.queued' AND facts::jsonb->>'origin' = $1",
            receipt_id,
        )
        return row["number"]


def now() -> datetime:
    """Return the current time, for signatures."""
    return datetime.now(UTC)


def contact_event(**members: Any) -> dict[str, Any]:
    """Return a new element of HubSpot's array."""
    return {
        "eventId": int(uuid4().int % 10**12),
        "subscriptionId": 25,
        "portalId": 24861357,
        "occurredAt": time.time_ns() // 10**6,
        "subscriptionType": "contact.propertyChange",
        "attemptNumber": 0,
        "objectId": int(uuid4().int % 10**15) + 1,
        "propertyName": "email",
        "propertyValue": "björk@example.com",
    } | members


def hubspot(url: str, *events: dict[str, Any], secret: str = WEBHOOK_SECRETS["hubspot"]) -> Sent:
    """Return an array of events, signed for HubSpot's target URL."""
    body = json.dumps(list(events or [contact_event()]), ensure_ascii=False).encode()
    return sent("hubspot", body, secret=secret, at=now(), url=url)


def shopify(url: str = "", *, topic: str = "customers/update", body: bytes | None = None) -> Sent:
    """Return a customer, with id and topic in unsigned headers."""
    made = (
        body if body is not None else json.dumps({"id": uuid4().int % 10**15 + 1, "email": "ann@example.com"}).encode()
    )
    return (
        sent("shopify", made, secret=WEBHOOK_SECRETS["shopify"])
        .with_header("X-Shopify-Webhook-Id", str(uuid4()).encode())
        .with_header("X-Shopify-Topic", topic.encode())
        .with_header("X-Shopify-Shop-Domain", b"lockstitch-dev.myshopify.com")
    )


def zendesk(url: str = "", *, at: datetime | None = None) -> Sent:
    """Return a ticket event in its envelope."""
    ticket = str(uuid4().int % 10**12 + 1)
    body = json.dumps(
        {
            "account_id": 22129848,
            "detail": {"id": ticket, "status": "OPEN"},
            "event": {},
            "id": str(uuid4()),
            "subject": f"zen:ticket:{ticket}",
            "time": "2026-11-25T10:29:58.304701605Z",
            "type": "zen:event-type:ticket.status_changed",
        }
    ).encode()
    case = sent("zendesk", body, secret=WEBHOOK_SECRETS["zendesk"], at=at or now())
    return case.with_header("X-Zendesk-Webhook-Invocation-Id", uuid4().hex.encode())


def gateway(url: str = "", *, secret: str = WEBHOOK_SECRETS["gateway"], body: str | None = None) -> Sent:
    """Signed by the official package of Standard Webhooks."""
    id, at = f"msg_{uuid4().hex}", now()
    text = body if body is not None else json.dumps({"type": "invoice.paid", "data": {"id": uuid4().hex}})
    headers = {
        "webhook-id": id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(id, at, text),
    }
    return Sent(
        scheme="standard-webhooks",
        headers=tuple((name.encode(), value.encode()) for name, value in headers.items()),
        body=text.encode(),
    )


def payments(url: str = "") -> Sent:
    """Signed by Stripe's official package."""
    at = int(now().timestamp())
    text = json.dumps({"id": f"evt_{uuid4().hex}", "object": "event", "type": "invoice.paid", "created": at})
    digest = stripe.WebhookSignature._compute_signature(f"{at}.{text}", WEBHOOK_SECRETS["payments"])
    return Sent(scheme="stripe", headers=((b"Stripe-Signature", f"t={at},v1={digest}".encode()),), body=text.encode())


def woo(url: str = "") -> Sent:
    """An order as WooCommerce sends it."""
    body = json.dumps({"id": uuid4().int % 10**9, "date_modified_gmt": "2026-11-25T10:29:57"}).encode()
    return sent("woocommerce", body, secret=WEBHOOK_SECRETS["woo"])


def chat(url: str = "") -> Sent:
    """A notification of Intercom."""
    body = json.dumps({"type": "notification_event", "id": f"notif_{uuid4()}", "topic": "ping"}).encode()
    return sent("intercom", body, secret=WEBHOOK_SECRETS["chat"])


def code(url: str = "") -> Sent:
    """An event of GitHub."""
    case = sent("github", json.dumps({"zen": uuid4().hex}).encode(), secret=WEBHOOK_SECRETS["code"])
    return case.with_header("X-GitHub-Delivery", str(uuid4()).encode())


SENDERS: Final[dict[str, Callable[[str], Sent]]] = {
    "hubspot": hubspot,
    "shopify": shopify,
    "zendesk": zendesk,
    "gateway": gateway,
    "payments": payments,
    "woo": woo,
    "chat": chat,
    "code": code,
}
"""By connection: the function that returns a new event for the vendor's target URL."""

SIGNATURE: Final = {
    "hubspot": ("X-HubSpot-Signature-v3", "X-HubSpot-Request-Timestamp"),
    "shopify": ("X-Shopify-Hmac-Sha256",),
    "zendesk": ("X-Zendesk-Webhook-Signature", "X-Zendesk-Webhook-Signature-Timestamp"),
    "gateway": ("webhook-id", "webhook-timestamp", "webhook-signature"),
    "payments": ("Stripe-Signature",),
    "woo": ("X-WC-Webhook-Signature",),
    "chat": ("X-Hub-Signature",),
    "code": ("X-Hub-Signature-256",),
}
"""The headers with the signature, or covered by it."""


def flipped(case: Sent, place: int) -> Sent:
    """Flip one bit of one byte of the body."""
    body = bytearray(case.body)
    body[place] ^= 1
    return replace(case, body=bytes(body))
