"""What happened, according to a verified webhook: one reader for each scheme.

Where a sender names its events the name is the identity, because a retry may differ in other bytes (HubSpot counts
attempts inside the body); where it does not, or not readably, the bytes are.
"""

from collections.abc import Callable, Mapping
from typing import Final

from app.signatures.events_by_body import hubspot_events, intercom_events, stripe_events
from app.signatures.events_by_header import (
    github_events,
    shopify_events,
    standard_events,
    woocommerce_events,
    zendesk_events,
)
from app.signatures.received import ReceivedEvent
from app.signatures.request import Headers, Scheme
from app.signatures.shared_secret import shared_secret_events

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
    """The events of a request that `verify` has let through, in their order. A body that cannot be read is one event
    with that body as payload; an empty HubSpot array is none. Raises nothing."""
    return _READERS[scheme](headers, body)
