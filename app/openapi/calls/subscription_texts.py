"""What the OpenAPI document says of subscriptions."""

from typing import Any, Final

from msgspec import Struct

from app.events.subscriptions import SubscriptionRequest, SubscriptionTest, SubscriptionView, SubscriptionWithSecret

Text = tuple[str, str | None]

# A `Subscription` is what a vendor bills repeatedly.
NAMES: Final = {"SubscriptionView": "EventSubscription"}
_TARGET: Final = '"https://hooks.example.com/lockstitch/7f3c"'
_EVENTS: Final[Text] = (
    "What to be told: a type such as `customer.updated`, all of one subject as `customer.*`, or everything as `*`.",
    '["customer.*", "order.created"]',
)
_VIEW: Final[dict[str, Text]] = {
    "id": ("Its id.", '"sub_0198f0a2b7c47d3c9a51f2e80b6c4d17"'),
    "target_url": ("Where Events are posted.", _TARGET),
    "events": _EVENTS,
    "connection": ("Only Events of this connection; null for those of all.", "null"),
    "state": ("`disabled`: deliveries wait until somebody enables it; none is lost.", '"active"'),
    "disabled_reason": ("Why it was disabled.", "null"),
    "disabled_at": ("When it was disabled.", "null"),
    "failing_since": ("The first failed attempt since one has succeeded; null while all is well.", "null"),
    "next_step": ("What a person can do, where there is something to do.", "null"),
    "created_at": ("When it was made.", '"2026-05-01T09:30:00Z"'),
}
TEXTS: Final[dict[type[Struct], dict[str, Text]]] = {
    SubscriptionRequest: {
        "target_url": ("Where Events are posted: a public https address, on port 443, 5678 or 8443.", _TARGET),
        "events": _EVENTS,
        "connection": ("Only Events of this connection.", '"hubspot"'),
    },
    SubscriptionView: _VIEW,
    SubscriptionWithSecret: _VIEW
    | {
        "secret": (
            "Deliveries are signed with it (Standard Webhooks 1.0). Shown this once.",
            '"whsec_RzBnZDJfZ0s3Ukp4aFdYNXhVTDBTa0pSQ1J2bTlQWUxRcVRrbnZpVFp3OA=="',
        )
    },
    SubscriptionTest: {
        "delivered": ("Whether the target accepted it, with a status from 200 to 299.", "true"),
        "status": ("The target's status; null where it gave none.", "200"),
        "detail": ("What came of it, in words.", '"the target accepted it"'),
        "event_id": ("The `webhook-id` of the sample.", '"evt_test_0198f0a2b7c47d3c9a51f2e80b6c4d17"'),
    },
}
LISTED: Final = {"SubscriptionList": ("EventSubscription", "A page of subscriptions.")}
BODIES: Final[dict[str, Any]] = {
    "SubscriptionRequest": {"target_url": "https://hooks.example.com/lockstitch/7f3c", "events": ["customer.*"]}
}
