"""What the OpenAPI document says of a call, and what many calls share."""

from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct

Method = Literal["get", "post", "patch", "delete"]

READ_PROBLEMS: Final = (
    *("unauthenticated", "forbidden", "not-found", "not-acceptable", "invalid-correlation-id", "invalid-field"),
    *("unsupported-action", "rate-limited", "vendor-rejected", "vendor-throttled", "vendor-auth-failed"),
    *("vendor-drift", "vendor-unavailable", "vendor-timeout", "connection-paused", "internal", "store-unavailable"),
)
WRITE_PROBLEMS: Final = (
    *READ_PROBLEMS,
    *("malformed-body", "idempotency-key-missing", "idempotency-key-invalid", "body-too-large"),
    *("unsupported-media-type", "unsupported-field", "idempotency-key-reused", "idempotency-in-progress"),
    *("outcome-unknown", "duplicate-record", "version-conflict"),
)
OWN_PROBLEMS: Final = (
    *("unauthenticated", "forbidden", "not-found", "not-acceptable", "invalid-correlation-id", "invalid-field"),
    *("rate-limited", "internal", "store-unavailable"),
)
ARCHIVE_PROBLEMS: Final = tuple(code for code in WRITE_PROBLEMS if code != "unsupported-media-type")
CHECK_PROBLEMS: Final = (*READ_PROBLEMS, "malformed-body", "body-too-large")
DECISION_PROBLEMS: Final = (*CHECK_PROBLEMS, "unsupported-media-type")


class Call(Struct, frozen=True, kw_only=True):
    """One operation. `answer` is the component of its success, `other_answers` those of other statuses; `body` that of
    its request, or `body_text` the media type and an example of one that is no JSON; `queries` and `headers` name
    parameters; any of the `scopes` opens it, any key where there are none, anybody where it is `open`."""

    method: Method
    path: str
    tag: str
    name: str
    summary: str
    description: str = ""
    scopes: tuple[str, ...] = ()
    open: bool = False
    status: int = 200
    also: tuple[int, ...] = ()
    answer: str | None = None
    other_answers: Mapping[int, str] = {}
    media_type: str = "application/json"
    body: str | None = None
    body_optional: bool = False
    body_text: tuple[str, str] | None = None
    queries: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    problems: tuple[str, ...] = OWN_PROBLEMS


READ_HEADERS: Final = ("X-Correlation-ID", "traceparent")
WAITING_HEADERS: Final = ("Prefer", *READ_HEADERS)
MAPPED_HEADERS: Final = ("X-Lockstitch-Mapping", *WAITING_HEADERS)
WRITE_HEADERS: Final = ("Idempotency-Key", "Lockstitch-Callback", *MAPPED_HEADERS)
REPLAYS: Final = (
    "Repeating the request with its key replays the recorded answer byte for byte, without touching the vendor."
    " Records live 7 days by default (LOCKSTITCH_OPERATION_RETENTION_DAYS); after that the key is free again."
    " While the outcome is not decided the answer is 202 with the operation, and so it is at once with"
    " `Prefer: respond-async`; its end is told by the event `operation.finished`."
)
