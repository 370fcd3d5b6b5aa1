"""Vendors that Lockstitch does not call. It verifies their webhooks and forwards them unchanged.

They have no mappings: each verified webhook becomes a `webhook.received` Event.
"""

from typing import Final

from mappings.manifest import Manifest
from mappings.webhooks import BODY, Envelope, Ping, Scheme, Signature, WebhookManifest, header, member, unmapped

STANDARD: Final = Scheme(
    name="standard-webhooks",
    signature="standard-webhooks",
    # The header has the time of the attempt; the body may have that of the event.
    envelope=Envelope(identity=((header("webhook-id"), BODY),), topic=member("type"), time=member("timestamp")),
)
INTERCOM: Final = Scheme(
    name="intercom",
    # The key is the app's client secret. SHA-1 collisions do not weaken an HMAC (RFC 6151, RFC 2104).
    signature=Signature(header="x-hub-signature", algorithm="sha1", encoding="hex", label="sha1="),
    # The topic `ping`, sent on set-up, has no id and is an event too.
    envelope=Envelope(
        genuine=member("type", "notification_event"),
        identity=((member("id"), BODY),),
        topic=member("topic"),
        records=((member("data.item.type"), member("data.item.id")),),
        time=member("created_at"),
    ),
    # Sent whenever the URL is saved (its guide "Set up webhooks").
    ping=Ping(method="HEAD"),
)
GITHUB: Final = Scheme(
    name="github",
    # The older SHA-1 header is ignored.
    signature=Signature(header="x-hub-signature-256", encoding="hex", label="sha256="),
    # A `ping`, sent on set-up, is an event too. The shape of the body depends on the event.
    envelope=Envelope(identity=((header("x-github-delivery"), BODY),), topic=header("x-github-event")),
)


def _sender(scheme: Scheme, title: str, docs: str, *changing: str) -> Manifest:
    """Return the manifest of a vendor whose scheme has the vendor's name."""
    webhooks = WebhookManifest(scheme=scheme, notice=unmapped, changing=frozenset(changing))
    return Manifest(name=scheme.name, title=title, docs=docs, webhooks=webhooks)


WEBHOOK_SENDERS: Final = (
    _sender(STANDARD, "Standard Webhooks", "https://www.standardwebhooks.com/"),
    _sender(
        INTERCOM,
        "Intercom",
        "https://developers.intercom.com/docs/webhooks",
        "delivery_attempts",
        "delivery_status",
        "delivered_at",
        "first_sent_at",
    ),
    _sender(GITHUB, "GitHub", "https://docs.github.com/en/webhooks"),
)
