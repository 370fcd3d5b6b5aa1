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
Send `Authorization: Bearer lsk_…` with every call that needs a key; `lockstitch key create` makes one, and its
scopes say what it opens.

Every call that changes something at a vendor carries an `Idempotency-Key` and has exactly one effect, however often
it is sent. Records of answers live 7 days by default.

`X-Correlation-ID` ties the calls of one workflow run together: in answers, logs and traces.

Every refusal is a problem document (RFC 9457) whose `code` a program decides by and whose `next_step` says what a
person can do. Bodies are JSON in UTF-8, at most 1 MiB; what is not known is refused, never dropped. HEAD works
wherever GET does."""
TAGS: Final = {
    "Customers": "People and organisations that buy, ask or are talked to.",
    "Orders": "What was bought, what it cost, and how far it has come.",
    "Tickets": "What somebody asked for, and the comments that follow.",
    "Operations": "What became of a write.",
    "Uploads": "Exports of legacy systems, row by row.",
    "Webhooks": "What vendors tell of changes at their side.",
    "Subscriptions": "Who is told of changes, and where.",
    "Events": "What has changed, for those who come and ask.",
    "Operators": "What runs, what waits, what went wrong, and the switches for it.",
    "About": "The caller, the contracts, the problems.",
    "Health": "For probes and scrapers.",
}
QUERIES: Final[dict[str, Schema]] = {
    "connection": TEXT
    | {"description": "Which connection; the object's system of record when left out.", "examples": ["hubspot"]},
    "limit": {
        "type": "integer",
        "minimum": 1,
        "maximum": 250,
        "default": 50,
        "description": "Most resources in a page; a page may hold fewer while `has_more` is true.",
        "examples": [50],
    },
    "cursor": TEXT | {"description": "`next_cursor` of the page before, as it was given.", "examples": ["q7Jm3wT0"]},
    "updated_since": TEXT
    | {
        "format": "date-time",
        "description": "Only what changed at or after this time (RFC 3339 with a zone).",
        "examples": ["2026-05-01T00:00:00Z"],
    },
    "email": TEXT | {"description": "Exactly this address.", "examples": ["ann@example.com"]},
    "number": TEXT | {"description": "Exactly this number, as people call it.", "examples": ["#1001"]},
    "external_id": TEXT | {"description": "Exactly this key of the caller's own.", "examples": ["crm-77"]},
    "status": TEXT | {"description": "Exactly this canonical status.", "examples": ["open"]},
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
    "include": {"enum": ["raw"], "description": "`raw` adds the vendor's own payload.", "examples": ["raw"]},
    "upsert_on": {
        "enum": ["email", "external_id"],
        "description": "Update the record that holds this value, or create one.",
        "examples": ["email"],
    },
    "lossy": {
        "enum": ["accept"],
        "description": "Drop fields that the vendor has no place for, and list them in `meta.loss`.",
        "examples": ["accept"],
    },
}
HEADERS: Final[dict[str, tuple[str, str, bool]]] = {
    "Idempotency-Key": (
        "1-255 visible ASCII characters, bare or quoted; it stands for one request.",
        "wf-12-1774433221345-0-0",
        True,
    ),
    "X-Correlation-ID": (
        "Ties the calls of one workflow run together; made when absent.",
        "wf-12-1774433221345",
        False,
    ),
    "traceparent": ("W3C Trace Context.", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", False),
    "Prefer": (
        "`wait=N`: the most seconds that this call may wait for the vendor, 0 to 30. `respond-async`, on writes: 202 at"
        " once, or after `wait=N`; a worker carries it out, in order per record (RFC 7240).",
        "respond-async, wait=5",
        False,
    ),
    "Lockstitch-Callback": (
        "A URL that gets the `operation.finished` event too, such as the `$execution.resumeUrl` of an n8n Wait node."
        " At most 2000 characters; under the rules of subscriptions.",
        "https://n8n.example.com/webhook-waiting/1051",
        False,
    ),
    "X-Lockstitch-Mapping": (
        "Only with the scope `ops:write`: understand the record by this revision. A read answers with what it makes of"
        " it; a write is not sent, does not use its key up, and answers 200 with what would be sent.",
        "hubspot.customer@r2",
        False,
    ),
    "If-Match": ("Only if the record still has this entity tag.", '"4d801e8b078e9c01"', False),
    "If-None-Match": ("304 if the record still has this entity tag.", '"4d801e8b078e9c01"', False),
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
    "connection": ("The connection that the webhook, or the export, is for.", "hubspot"),
}
ANSWER_HEADERS: Final[dict[str, tuple[str, str]]] = {
    "X-Correlation-ID": ("The run that this call belongs to.", "orders-4711"),
    "traceresponse": (
        "This call's span (W3C Trace Context).",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ),
    "RateLimit": ("What is left of the key's budget (IETF draft).", '"default";r=199;t=1'),
    "RateLimit-Policy": ("The key's budget (IETF draft).", '"default";q=600;w=60'),
    "ETag": ("Strong entity tag of the resource.", '"4d801e8b078e9c014d801e8b078e9c01"'),
    "Location": ("Where the new resource, or the operation, is.", "/v1/customers/cus_0198f0a2b7c47d3c9a51f2e80b6c4d17"),
    "Idempotent-Replayed": ("`true` when this is the recorded answer; absent when it is fresh.", "true"),
    "Preference-Applied": ("The preferences that were honoured.", "respond-async, wait=5"),
    "Link": ("The next page, `rel=next` (RFC 8288); absent on the last one.", '</v1/customers?cursor=…>; rel="next"'),
    "Retry-After": ("Whole seconds to wait.", "1"),
    "WWW-Authenticate": ("How to authenticate (RFC 6750).", 'Bearer realm="lockstitch"'),
    "Accept-Patch": ("The media types that PATCH takes (RFC 5789).", "application/json, application/merge-patch+json"),
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
"""Requests that mean something: not every field at once, since some exclude each other."""
