"""Vendors that Lockstitch does not call. It verifies their webhooks and forwards them unchanged.

They have no mappings: each verified webhook becomes a `webhook.received` Event.
"""

from typing import Final

from mappings.spec import Manifest
from mappings.webhooks import Scheme, WebhookManifest, unmapped


def _sender(name: Scheme, title: str, docs: str, *changing: str) -> Manifest:
    """Return the manifest of a vendor whose scheme has the vendor's name."""
    webhooks = WebhookManifest(scheme=name, notice=unmapped, changing=frozenset(changing))
    return Manifest(name=name, title=title, docs=docs, webhooks=webhooks)


WEBHOOK_SENDERS: Final = (
    _sender("standard-webhooks", "Standard Webhooks", "https://www.standardwebhooks.com/"),
    _sender(
        "intercom",
        "Intercom",
        "https://developers.intercom.com/docs/webhooks",
        "delivery_attempts",
        "delivery_status",
        "delivered_at",
        "first_sent_at",
    ),
    _sender("github", "GitHub", "https://docs.github.com/en/webhooks"),
)
