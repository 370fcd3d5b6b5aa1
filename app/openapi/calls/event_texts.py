"""Descriptions of Events in the OpenAPI document: data only."""

from typing import Any, Final

from msgspec import Struct

from app.events.models import EventDocument
from app.events.types import EVENT_PATTERNS, EVENT_TYPES

Text = tuple[str, str | None]
Schema = dict[str, Any]

EVENT_ID: Final = "evt_000000000000000f4240000000000012d687"
EVENT: Final[Schema] = {"$ref": "#/components/schemas/Event"}
TEXTS: Final[dict[type[Struct], dict[str, Text]]] = {
    EventDocument: {
        "id": ("Unique; ids sort in the order of the feed. Every delivery of the Event has this id.", f'"{EVENT_ID}"'),
        "type": ("What happened to which object.", '"customer.updated"'),
        "timestamp": ("When the Event was appended.", '"2026-05-01T09:30:00Z"'),
        "api_version": ("The version of this contract.", '"v1"'),
        "connection": ("The connection; null if the Event belongs to none.", '"hubspot"'),
        "correlation_id": ("The run of the Event.", '"orders-4711-1767225600000"'),
        "changed": (
            "Top-level fields that differ from the last known state, without `updated_at`. For a record that is new to"
            " Lockstitch, all fields with a value. Null if not applicable.",
            '["emails"]',
        ),
        "data": (
            "The resource as the API returns it, with `id` and `meta`; for a deletion, its last known state. For other"
            " types a comment, an operation and so on. For `webhook.received`: `type` (the vendor's topic) and"
            ' `payload`, which is the JSON that was sent, a string for other text, otherwise `{"base64": …}`.',
            '{"id": "cus_0198f0a2b7c47d3c9a51f2e80b6c4d17", "display_name": "Ann Lee"}',
        ),
    },
}
LIST: Final[Schema] = {
    "title": "EventList",
    "description": "A page of the change feed, oldest first.",
    "type": "object",
    "properties": {
        "data": {"type": "array", "items": EVENT, "description": "The Events, oldest first."},
        "next_cursor": {
            "type": ["string", "null"],
            "description": "Send it as `after`: at once if `has_more` is true, otherwise at your next poll. It is the"
            " id of the last Event; an empty page repeats the id that you sent. Null before the first Event.",
            "examples": [EVENT_ID],
        },
        "has_more": {"type": "boolean", "description": "Whether there are more Events now.", "examples": [False]},
    },
    "required": ["data", "next_cursor", "has_more"],
}
FEED: Final[Schema] = {
    "title": "EventFeed",
    "description": "The newest Events of one object, newest first.",
    "type": "array",
    "items": EVENT,
}
ANSWERS: Final = (LIST, FEED)
QUERIES: Final[dict[str, Schema]] = {
    "events.type": {
        "type": "string",
        "description": f"Only these types: one, `customer.*`, or several, separated by commas or as repeated"
        f" parameters. The types are: {', '.join(EVENT_TYPES)}.",
        "examples": ["customer.*,order.created"],
    },
    "events.after": {
        "type": "string",
        "pattern": "^evt_[0-9a-f]{36}$",
        "description": "Only Events after the one with this id, which may be deleted by now.",
        "examples": [EVENT_ID],
    },
    "feeds.type": {
        "type": "string",
        "description": "Only these types of the object, such as `customer.created`; several as in `/v1/events`.",
        "examples": [EVENT_PATTERNS[1]],
    },
}
PATHS: Final[dict[str, tuple[str, str]]] = {
    "objects": ("customers, orders or tickets.", "customers"),
    "event_type": ("A type of Event.", "customer.updated"),
}
