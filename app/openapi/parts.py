"""Parameters, headers, tags and example requests of the OpenAPI document: data only."""

from typing import Any, Final

from app.openapi.calls import (
    audit_texts,
    dead_letter_texts,
    drift_texts,
    event_texts,
    mapping_texts,
    options,
    subscription_texts,
)

Schema = dict[str, Any]

TEXT: Final = {"type": "string"}
INTRODUCTION: Final = """\
Send `Authorization: Bearer lsk_…` with every call that needs a key. `lockstitch key create` creates one; its scopes
limit what it can do.

Send an `Idempotency-Key` with every call that changes something at a vendor. The call has exactly one effect, no matter
how often you repeat it. Answers are kept for 7 days by default.

`X-Correlation-ID` connects the calls of one workflow run in answers, logs and traces.

Every error is a problem document (RFC 9457). Let programs branch on its `code`; its `next_step` says what you can do.
Bodies are JSON in UTF-8, at most 1 MiB. An unknown member is refused, never dropped. HEAD works wherever GET does."""
TAGS: Final = {
    "Customers": "People and organisations that buy, ask or receive messages.",
    "Orders": "What was bought, its price, and its progress.",
    "Tickets": "Requests for support, and their comments.",
    "Operations": "The outcome of writes.",
    "Uploads": "Exports of legacy systems, row by row.",
    "Webhooks": "Webhooks that vendors send.",
    "Subscriptions": "URLs that receive events.",
    "Events": "The change feed, for polling.",
    "Operators": "Connections, queue, dead letters, drift, mappings and the audit trail, for operators.",
    "About": "The caller, the contracts, the problems.",
    "Health": "For probes and scrapers.",
}
QUERIES: Final[dict[str, Schema]] = {
    "connection": TEXT
    | {"description": "The connection. If absent, the object's system of record.", "examples": ["hubspot"]},
    "limit": {
        "type": "integer",
        "minimum": 1,
        "maximum": 250,
        "default": 50,
        "description": "Maximum number of resources per page. A page may have fewer even if `has_more` is true.",
        "examples": [50],
    },
    "cursor": TEXT | {"description": "`next_cursor` of the previous page, unchanged.", "examples": ["q7Jm3wT0"]},
    "updated_since": TEXT
    | {
        "format": "date-time",
        "description": "Only records changed at or after this time (RFC 3339 with a zone).",
        "examples": ["2026-05-01T00:00:00Z"],
    },
    "email": TEXT | {"description": "Only this exact address.", "examples": ["ann@example.com"]},
    "number": TEXT | {"description": "Only this exact number, as people use it.", "examples": ["#1001"]},
    "external_id": TEXT | {"description": "Only this exact key, which the caller assigned.", "examples": ["crm-77"]},
    "status": TEXT | {"description": "Only this canonical status.", "examples": ["open"]},
    "state": {
        "enum": ["queued", "executing", "succeeded", "failed", "unknown"],
        "description": "Only operations in this state.",
        "examples": ["unknown"],
    },
    **dead_letter_texts.QUERIES,
    **drift_texts.QUERIES,
    **options.QUERIES,
    **event_texts.QUERIES,
    **audit_texts.QUERIES,
    "include": {"enum": ["raw"], "description": "`raw` adds the vendor's payload.", "examples": ["raw"]},
    "upsert_on": {
        "enum": ["email", "external_id"],
        "description": "Update the record with this value, or create one.",
        "examples": ["email"],
    },
    "lossy": {
        "enum": ["accept"],
        "description": "Drop fields that the vendor does not support, and list them in `meta.loss`.",
        "examples": ["accept"],
    },
}
HEADERS: Final[dict[str, tuple[str, str, bool]]] = {
    "Idempotency-Key": (
        "1-255 visible ASCII characters, bare or quoted. Identifies one request.",
        "wf-12-1774433221345-0-0",
        True,
    ),
    "X-Correlation-ID": (
        "Connects the calls of one workflow run. Generated if absent.",
        "wf-12-1774433221345",
        False,
    ),
    "traceparent": ("W3C Trace Context.", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", False),
    "Prefer": (
        "`wait=N`: maximum seconds to wait for the vendor, 0 to 30. `respond-async`, for writes: 202 at once, or after"
        " `wait=N`; a worker runs the write, in order per record (RFC 7240).",
        "respond-async, wait=5",
        False,
    ),
    "Lockstitch-Callback": (
        "A URL that also receives the `operation.finished` event, such as the `$execution.resumeUrl` of an n8n Wait"
        " node. At most 2000 characters. The rules for targets of subscriptions apply.",
        "https://n8n.example.com/webhook-waiting/1051",
        False,
    ),
    "X-Lockstitch-Mapping": (
        "Requires the scope `ops:write`. Use this mapping revision. A read returns its result. A write is not sent and"
        " does not use its key; the answer is 200 with the request that would be sent.",
        "hubspot.customer@r2",
        False,
    ),
    "If-Match": ("Write only if the record still has this entity tag.", '"4d801e8b078e9c01"', False),
    "If-None-Match": ("Answer 304 if the record still has this entity tag.", '"4d801e8b078e9c01"', False),
}
PATTERNS: Final[dict[str, str]] = {
    "Idempotency-Key": r'^("[!#-\[\]-~]{1,255}"|[!#-~][!-~]{0,254})$',
    "X-Correlation-ID": "^[A-Za-z0-9._:/+=@-]{1,128}$",
    "X-Lockstitch-Mapping": r"^[a-z0-9-]{1,60}\.[a-z]{1,20}@r[1-9][0-9]{0,3}$",
}
PATHS: Final[dict[str, tuple[str, str]]] = {
    "id": ("A canonical id, or `<connection>:<vendor id>`.", "cus_0198f0a2b7c47d3c9a51f2e80b6c4d17"),
    "object": ("customer, order or ticket.", "customer"),
    "code": ("A problem's code.", "not-found"),
    **event_texts.PATHS,
    **options.PATHS,
    "correlation_id": ("The run: the X-Correlation-ID of its calls.", "orders-4711"),
    "name": ("A connection's name.", "hubspot"),
    "mapping": ("A mapping's name: the vendor and the object.", "hubspot.customer"),
    "connection": ("The connection of the webhook or export.", "hubspot"),
}
ANSWER_HEADERS: Final[dict[str, tuple[str, str]]] = {
    "X-Correlation-ID": ("The run of this call.", "orders-4711"),
    "traceresponse": (
        "This call's span (W3C Trace Context).",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ),
    "RateLimit": ("The remaining budget of the key (IETF draft).", '"default";r=199;t=1'),
    "RateLimit-Policy": ("The budget of the key (IETF draft).", '"default";q=600;w=60'),
    "ETag": ("Strong entity tag of the resource.", '"4d801e8b078e9c014d801e8b078e9c01"'),
    "Location": ("Path of the new resource or operation.", "/v1/customers/cus_0198f0a2b7c47d3c9a51f2e80b6c4d17"),
    "Idempotent-Replayed": ("`true` for a recorded answer; absent otherwise.", "true"),
    "Preference-Applied": ("The preferences that were honoured.", "respond-async, wait=5"),
    "Link": ("The next page, `rel=next` (RFC 8288); absent on the last page.", '</v1/customers?cursor=…>; rel="next"'),
    "Retry-After": ("Seconds to wait.", "1"),
    "WWW-Authenticate": ("How to authenticate (RFC 6750).", 'Bearer realm="lockstitch"'),
    "Accept-Patch": (
        "The media types that PATCH accepts (RFC 5789).",
        "application/json, application/merge-patch+json",
    ),
}
EVERYWHERE: Final = ("X-Correlation-ID", "traceresponse")
PROBLEM_HEADERS: Final[dict[int, tuple[str, ...]]] = {
    401: ("WWW-Authenticate",),
    409: ("Retry-After",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}
BODIES: Final[dict[str, Any]] = {
    "CustomerPatch": {
        "first_name": "Ann",
        "last_name": "Bell",
        "emails": [{"address": "ann@example.com", "is_primary": True}],
    },
    "OrderPatch": {
        "currency": "EUR",
        "customer": {"email": "ann@example.com"},
        "line_items": [{"name": "Mug", "quantity": "2", "unit_price": "5.00"}],
    },
    "OrderCancel": {"reason": "customer", "restock": True},
    "TicketPatch": {
        "subject": "Late parcel",
        "description": "Order #1001 has not arrived.",
        "requester": {"name": "Ann Bell", "email": "ann@example.com"},
    },
    "CommentPatch": {"body_text": "It is on its way.", "visibility": "public"},
    "ConnectionPause": {"note": "moving to another account"},
    "Resolution": {"outcome": "succeeded", "remote_id": "1051"},
    **dead_letter_texts.BODIES,
    **subscription_texts.BODIES,
    **mapping_texts.BODIES,
}
"""Realistic requests. Not every field at once, because some exclude each other."""
