"""Read the events of a verified webhook: one reader per scheme.

The sender's event id is the identity of an event, because a retry may differ in other bytes (HubSpot counts attempts in
the body). Without a readable id, the digest of the bytes is the identity.
"""

from collections.abc import Callable, Mapping
from typing import Final

from app.signatures.github import github_events
from app.signatures.hubspot import hubspot_events
from app.signatures.intercom import intercom_events
from app.signatures.received import ReceivedEvent
from app.signatures.request import Headers, Scheme
from app.signatures.shared_secret import shared_secret_events
from app.signatures.shopify import shopify_events
from app.signatures.standard_webhooks import standard_events
from app.signatures.stripe import stripe_events
from app.signatures.woocommerce import woocommerce_events
from app.signatures.zendesk import zendesk_events

_READERS: Final[Mapping[Scheme, Callable[[Headers, bytes], tuple[ReceivedEvent, ...]]]] = {
    "hubspot": hubspot_events,
    "shopify": shopify_events,
    "zendesk": zendesk_events,
    "woocommerce": woocommerce_events,
    "stripe": stripe_events,
    "intercom": intercom_events,
    "github": github_events,
    "standard-webhooks": standard_events,
    "shared-secret": shared_secret_events,
}


def events_of(scheme: Scheme, headers: Headers, body: bytes) -> tuple[ReceivedEvent, ...]:
    """Return the events of a request that `verify` has accepted, in order. Never raises.

    An unreadable body is one event with that body as payload. An empty HubSpot array has no events.
    """
    return _READERS[scheme](headers, body)
