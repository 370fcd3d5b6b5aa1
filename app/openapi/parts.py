"""Headers and meanings of statuses in the OpenAPI document, which belong to no single operation."""

from typing import Final

from app.http.edge import header_of
from app.http.headers import Header

TEXT: Final = {"type": "string"}
COMMON_HEADERS: Final = (
    Header(
        name="X-Correlation-ID",
        meaning="Connects the calls of one workflow run. Generated if absent.",
        example="wf-12-1774433221345",
        pattern="^[A-Za-z0-9._:/+=@-]{1,128}$",
        read=lambda request, admitted: admitted.correlation_id,
    ),
    Header(
        name="traceparent",
        meaning="W3C Trace Context.",
        example="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        read=lambda request, _: header_of(request.scope, "traceparent"),
    ),
)
"""Headers of every call with a key, which `admit` and the edge read."""
ANSWER_HEADERS: Final[dict[str, tuple[str, str]]] = {
    "X-Correlation-ID": ("The run of this call.", "orders-4711"),
    "traceresponse": (
        "This call's span (W3C Trace Context).",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ),
    "RateLimit": ("The remaining budget of the key (IETF draft).", '"default";r=199;t=1'),
    "RateLimit-Policy": ("The budget of the key (IETF draft).", '"default";q=600;w=60'),
    "ETag": ("Strong entity tag of the resource.", '"4d801e8b078e9c014d801e8b078e9c01"'),
    "Age": ("Age in seconds of an answer from the last-seen state (RFC 9111).", "42"),
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
OWN_EXAMPLES: Final = {
    "Orders": {
        "id": "ord_0198f0a2b7c47d3c9a51f2e80b6c4d17",
        "connection": "shopify",
        "upsert_on": "external_id",
        "external_id": "web-1001",
    },
    "Tickets": {
        "id": "tkt_0198f0a2b7c47d3c9a51f2e80b6c4d17",
        "connection": "zendesk",
        "upsert_on": "external_id",
        "external_id": "form-815",
    },
}
"""Examples of parameters whose declaration has that of a customer, by the tag of the operation."""
EVERYWHERE: Final = ("X-Correlation-ID", "traceresponse")
PROBLEM_HEADERS: Final[dict[int, tuple[str, ...]]] = {
    401: ("WWW-Authenticate",),
    409: ("Retry-After",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}
MEANINGS: Final = {
    200: "Done.",
    201: "Created.",
    202: "Recorded.",
    204: "Done. The answer has no body.",
    303: "Continue at the URL in `Location`.",
    304: "Unchanged.",
    400: "Refused. The page says why.",
}
"""Of the statuses of a success."""
