"""The declaration of a call in the OpenAPI document, and parts that calls share."""

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
    """One operation.

    `answer` is the component of the success, `other_answers` those of other statuses. `body` is the component of the
    request; `body_text` is media type and example of a body that is not JSON. `queries` and `headers` name parameters.
    One of the `scopes` is required; without scopes any key is accepted, and `open` needs no key.
    """

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
    "A repeated request with the same key gets the recorded answer, byte for byte, without a call to the vendor."
    " Answers are kept for 7 days by default (LOCKSTITCH_OPERATION_RETENTION_DAYS); then the key is free again."
    " While the outcome is undecided, the answer is 202 with the operation; with `Prefer: respond-async`, at once."
    " The event `operation.finished` reports the outcome."
)
