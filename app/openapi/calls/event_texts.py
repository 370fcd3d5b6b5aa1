"""What the OpenAPI document says of Events: data only."""

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
        "id": ("Unique; ids sort as the feed reads. Every delivery of it names this id.", f'"{EVENT_ID}"'),
        "type": ("What has happened to what.", '"customer.updated"'),
        "timestamp": ("When it was appended.", '"2026-05-01T09:30:00Z"'),
        "api_version": ("The version of this contract.", '"v1"'),
        "connection": ("Where it happened; null for what belongs to no connection.", '"hubspot"'),
        "correlation_id": ("The run that it belongs to.", '"orders-4711-1767225600000"'),
        "changed": (
            "The top-level fields that differ from what was last seen, all that have a value on first sight; without"
            " `updated_at`. Null where it has no meaning.",
            '["emails"]',
        ),
        "data": (
            "The resource as the API shows it, with `id` and `meta`; of a deleted one the last that was seen. A"
            " comment, an operation, or what else the type says. Of `webhook.received`: `type` (the vendor's topic) and"
            ' `payload`, which is JSON as it was sent, a string where it was other text, else `{"base64": …}`.',
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
            "description": "Send it as `after`, at once while `has_more` is true, else whenever you look again: it is"
            " the id of the last Event, and stays as it was sent on an empty page. Null before the first Event.",
            "examples": [EVENT_ID],
        },
        "has_more": {"type": "boolean", "description": "Whether there are more already.", "examples": [False]},
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
        "description": f"Only these types: one, `customer.*`, or several, separated by commas or by repeating the"
        f" parameter. There are: {', '.join(EVENT_TYPES)}.",
        "examples": ["customer.*,order.created"],
    },
    "events.after": {
        "type": "string",
        "pattern": "^evt_[0-9a-f]{36}$",
        "description": "Only what comes after the Event with this id, which may have been deleted meanwhile.",
        "examples": [EVENT_ID],
    },
    "feeds.type": {
        "type": "string",
        "description": "Only these types of the object's, such as `customer.created`; several as in `/v1/events`.",
        "examples": [EVENT_PATTERNS[1]],
    },
}
PATHS: Final[dict[str, tuple[str, str]]] = {
    "objects": ("customers, orders or tickets.", "customers"),
    "event_type": ("A type of Event.", "customer.updated"),
}
