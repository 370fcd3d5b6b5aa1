"""Descriptions of subscriptions in the OpenAPI document."""

from typing import Any, Final

from msgspec import Struct

from app.events.subscriptions import SubscriptionRequest, SubscriptionTest, SubscriptionView, SubscriptionWithSecret

Text = tuple[str, str | None]

# A `Subscription` is what a vendor bills repeatedly.
NAMES: Final = {"SubscriptionView": "EventSubscription"}
_TARGET: Final = '"https://hooks.example.com/lockstitch/7f3c"'
_EVENTS: Final[Text] = (
    "Types of Events: one such as `customer.updated`, all of one object as `customer.*`, or all as `*`.",
    '["customer.*", "order.created"]',
)
_VIEW: Final[dict[str, Text]] = {
    "id": ("The subscription's id.", '"sub_0198f0a2b7c47d3c9a51f2e80b6c4d17"'),
    "target_url": ("The URL to which Events are posted.", _TARGET),
    "events": _EVENTS,
    "connection": ("Only Events of this connection; null for all connections.", "null"),
    "state": ("`disabled`: deliveries wait until you enable it; none is lost.", '"active"'),
    "disabled_reason": ("Why it was disabled.", "null"),
    "disabled_at": ("When it was disabled.", "null"),
    "failing_since": ("The first failed attempt since the last success; null if there is none.", "null"),
    "next_step": ("What you can do; null if nothing is needed.", "null"),
    "created_at": ("When it was created.", '"2026-05-01T09:30:00Z"'),
}
TEXTS: Final[dict[type[Struct], dict[str, Text]]] = {
    SubscriptionRequest: {
        "target_url": (
            "The URL to which Events are posted: a public https address on port 443, 5678 or 8443.",
            _TARGET,
        ),
        "events": _EVENTS,
        "connection": ("Only Events of this connection.", '"hubspot"'),
    },
    SubscriptionView: _VIEW,
    SubscriptionWithSecret: _VIEW
    | {
        "secret": (
            "Signs deliveries (Standard Webhooks 1.0). Shown only once.",
            '"whsec_RzBnZDJfZ0s3Ukp4aFdYNXhVTDBTa0pSQ1J2bTlQWUxRcVRrbnZpVFp3OA=="',
        )
    },
    SubscriptionTest: {
        "delivered": ("Whether the target accepted it, with a status from 200 to 299.", "true"),
        "status": ("The target's status; null if it sent none.", "200"),
        "detail": ("A description of the result.", '"the target accepted it"'),
        "event_id": ("The `webhook-id` of the sample.", '"evt_test_0198f0a2b7c47d3c9a51f2e80b6c4d17"'),
    },
}
LISTED: Final = {"SubscriptionList": ("EventSubscription", "A page of subscriptions.")}
BODIES: Final[dict[str, Any]] = {
    "SubscriptionRequest": {"target_url": "https://hooks.example.com/lockstitch/7f3c", "events": ["customer.*"]}
}
