"""Everything that Lockstitch answers with a problem document (RFC 9457).

    Problem
    ├── CallerProblem      the request has to change
    │   ├── MalformedBody, InvalidHost, InvalidCorrelationId                                         400
    │   ├── IdempotencyKeyMissing, IdempotencyKeyInvalid                                             400
    │   ├── Unauthenticated, InvalidSignature 401, NotFound 404
    │   ├── Forbidden, WrongAccount, ApprovalRejected, ApprovalExpired                               403
    │   ├── MethodNotAllowed 405, NotAcceptable 406, Erased 410
    │   ├── BodyTooLarge 413, UnsupportedMediaType 415
    │   ├── InvalidField, UnsupportedField, UnsupportedAction, IdempotencyKeyReused                  422
    │   ├── AmbiguousMatch, NotSystemOfRecord, IdempotencyInProgress, StateConflict 409
    │   └── VersionConflict 412, RateLimited 429
    ├── VendorProblem      the vendor refused, failed, or did not answer
    │   ├── DuplicateRecord, OutcomeUnknown 409, VendorRejected 422, VendorThrottled 429
    │   └── VendorAuthFailed, VendorDrifted 502, VendorUnavailable, ConnectionPaused 503, VendorTimeout 504
    └── LockstitchProblem  a fault of Lockstitch
        └── Internal 500, StoreUnavailable 503

The class holds what is always true: code, status, category, whether a retry can help. Its docstring explains the
problem at `/problems/{code}`. The instance says what happened this time. It holds no secret, and `detail` goes to the
caller only, never to a log. All problems stay in one file, so you see the whole list when you add one.
"""

from collections.abc import Sequence
from typing import Any, Final, Self

from app.identifiers import what_else
from app.problem_document import FieldError, Problem, sentence, summary


class CallerProblem(Problem, fault="caller", category="permanent"):
    """The request has to change before it can succeed."""


class MalformedBody(CallerProblem):
    """The body is not JSON in UTF-8, starts with a byte order mark, is nested deeper than 64, breaks off, or takes too
    long to arrive."""

    code, status, title = "malformed-body", 400, "The body is not readable JSON"
    next_step = "Send one JSON document in UTF-8. In n8n let the HTTP node build it: Body Content Type = JSON."


class InvalidHost(CallerProblem):
    """A request has one Host header that names a host (RFC 9112, section 3.2). A request with none, or with two, can
    mean different things to a proxy and to Lockstitch."""

    code, status, title = "invalid-host", 400, "The Host header is invalid"
    next_step = "Send one Host header with the host of the URL. HTTP clients do this, so check the proxies in between."


class InvalidCorrelationId(CallerProblem):
    """X-Correlation-ID ties the calls of one workflow run together; it is 1-128 characters of A-Z a-z 0-9 . _ : / + =
    @ and -."""

    code, status, title = "invalid-correlation-id", 400, "X-Correlation-ID is invalid"
    next_step = "Send 1-128 characters of [A-Za-z0-9._:/+=@-], or omit the header: Lockstitch then creates one."


class IdempotencyKeyMissing(CallerProblem):
    """Every call that changes something at a vendor needs an Idempotency-Key, so that a retry is recognised."""

    code, status, title = "idempotency-key-missing", 400, "An Idempotency-Key header is required"
    next_step = (
        "In n8n add the header Idempotency-Key with "
        "{{ $('Run').first().json.run_id }}-{{ $runIndex }}-{{ $itemIndex }}, where a first Set node called Run makes "
        "run_id once: {{ $workflow.id }}-{{ $execution.id }}-{{ $now.toMillis() }}."
    )


class IdempotencyKeyInvalid(CallerProblem):
    """A key is 1-255 visible ASCII characters without space, bare or quoted, and sent once."""

    code, status, title = "idempotency-key-invalid", 400, "The Idempotency-Key is invalid"
    next_step = "Send one Idempotency-Key header with 1-255 visible ASCII characters and no space."


class Unauthenticated(CallerProblem, category="auth"):
    """The API key is missing, unknown, expired or revoked, or belongs to another environment."""

    code, status, title = "unauthenticated", 401, "A valid API key is required"
    next_step = "Send Authorization: Bearer lsk_…; `lockstitch key create` creates a key."


class InvalidSignature(CallerProblem, category="auth"):
    """The webhook's signature is missing, wrong or too old. The response does not say which; the metric
    `lockstitch_webhooks_refused_total` counts each reason."""

    code, status, title = "invalid-signature", 401, "The webhook signature is invalid"
    next_step = "Sign the raw body with a secret configured for this connection, and with the current time."

    def __init__(self, **facts: Any) -> None:
        super().__init__(**facts, headers=(("WWW-Authenticate", 'Webhook-Signature realm="lockstitch"'),))


class WrongAccount(CallerProblem, category="auth"):
    """The signature is valid, but the webhook is from another account of the vendor than the connection's, or from its
    test mode. Nothing was recorded."""

    code, status, title = "wrong-account", 403, "The webhook is from another account"
    next_step = (
        "Send this account's webhooks to its own connection. A moved connection: `lockstitch environment rebind`."
    )


class Forbidden(CallerProblem, category="auth"):
    """The API key is valid but lacks the scope for this call."""

    code, status, title = "forbidden", 403, "The API key may not do this"
    next_step = "Use a key with the named scope, or ask an operator to create one."


class NotFound(CallerProblem):
    """There is no such route, record, or connection in the id; or the id belongs to another object, or is not known
    at that connection."""

    code, status, title = "not-found", 404, "Not found"
    next_step = (
        "Check the path and the id. The id of a record is a canonical one such as cus_…, or <connection>:<vendor id>."
    )

    @classmethod
    def unknown(cls, identifier: str, name: str, *, next_step: str | None = None) -> Self:
        """Build the problem of an id that names no `name`, such as `dead letter`, or something else."""
        detail = what_else(identifier, name) or f"No {name} has the id {identifier[:80]}."
        return cls(detail, next_step=next_step)


class MethodNotAllowed(CallerProblem):
    """The route exists, but not with this method; `Allow` names those that do."""

    code, status, title = "method-not-allowed", 405, "This method is not offered here"
    next_step = "Use a method from the Allow header."


class NotAcceptable(CallerProblem):
    """Responses are JSON. The Accept header excludes it."""

    code, status, title = "not-acceptable", 406, "The requested media type is not offered"
    next_step = "Accept application/json, or omit the Accept header."


class BodyTooLarge(CallerProblem):
    """A request body may be at most 1 MiB, and an export 32 MiB, counted on chunked bodies too."""

    code, status, title = "body-too-large", 413, "The body is too large"
    next_step = "Send at most 1 MiB; split the work into several calls."


class UnsupportedMediaType(CallerProblem):
    """Bodies are application/json, or application/merge-patch+json on PATCH, in UTF-8 and without content coding;
    exports are text/csv in the charset of their layout."""

    code, status, title = "unsupported-media-type", 415, "This media type is not accepted"
    next_step = "Send Content-Type: application/json."


class InvalidField(CallerProblem):
    """A field or query parameter has the wrong type or format, is read-only or unknown, or holds a value that this
    connection does not accept."""

    code, status, title = "invalid-field", 422, "A field is not valid"
    next_step = "Correct the fields named in errors and send the request again."

    @classmethod
    def at(cls, pointer: str, detail: str) -> Self:
        """Build one error about the body, at a JSON Pointer. An empty pointer is the whole body."""
        return cls.listing((FieldError(pointer=pointer, detail=detail),))

    @classmethod
    def of(cls, parameter: str, detail: str) -> Self:
        """Build one error about a query parameter."""
        return cls.listing((FieldError(parameter=parameter, detail=detail),))

    @classmethod
    def listing(cls, errors: Sequence[FieldError], **facts: Any) -> Self:
        """Build a problem with several errors. The detail repeats the first ones."""
        return cls(sentence(summary(errors)), errors=tuple(errors), **facts)


class UnsupportedField(CallerProblem):
    """The vendor has no place for a field that was sent. Nothing is dropped silently."""

    code, status, title = "unsupported-field", 422, "The connection cannot hold a field"
    next_step = (
        "Omit the named fields (of a copy: list the others in its fields), or add ?loss=any to drop them and list them"
        " in meta.loss."
    )


class UnsupportedAction(CallerProblem):
    """This connection does not support this action. The detail names the connections that do."""

    code, status, title = "unsupported-action", 422, "The connection cannot do this"
    next_step = "Use another connection with ?connection=, or omit this step."


class AmbiguousMatch(CallerProblem, category="conflict"):
    """More than one record has the value that was asked for, so Lockstitch chooses none. `candidates` lists some."""

    code, status, title = "ambiguous-match", 409, "More than one record matches"
    next_step = "Name one record by its id, or merge the duplicates at the vendor."


REVIEWED: Final = (
    "Follow GET /v1/operations/{operation_id}: it succeeds if an operator approves it. To write the rest now, omit the"
    " named fields and send a new Idempotency-Key."
)


class NotSystemOfRecord(CallerProblem, category="conflict"):
    """The write would change a field that another system owns, and the caller is not one of its writers. `errors` names
    the fields. `GET /v1/ownership/{object}` lists owners and writers."""

    code, status, title = "not-system-of-record", 409, "Another system owns a field"
    next_step = "Omit the named fields, or change them at the system that owns them."

    def __init__(self, detail: str = "", *, review: bool = False, skipped: tuple[Any, ...] = (), **facts: Any) -> None:
        """`review`: the write becomes a dead letter, which an operator can redrive. `skipped`: other fields that the
        write would leave as they are."""
        super().__init__(detail, next_step=REVIEWED if review else None, **facts)
        self.review = review
        self.skipped = skipped


class Erased(CallerProblem):
    """The person was erased here. Nothing about them is read, stored or sent until they return."""

    code, status, title = "erased", 410, "The person was erased"
    next_step = (
        "If the person has returned, an operator lifts each erasure that `lockstitch person export` names:"
        " `lockstitch person lift era_…`."
    )


class IdempotencyKeyReused(CallerProblem, category="conflict"):
    """The key was used for another request. A key stands for one request: method, path, query, content type, body."""

    code, status, title = "idempotency-key-reused", 422, "The Idempotency-Key belongs to another request"
    next_step = "Use a new key for a new request. Send the same bytes again to repeat the old one."


class IdempotencyInProgress(CallerProblem, category="conflict", retryable=True):
    """The first request with this key is still running."""

    code, status, title = "idempotency-in-progress", 409, "The first request with this key is still running"
    next_step = "Wait for Retry-After, then send the same request again."


class StateConflict(CallerProblem, category="conflict"):
    """The resource has ended, or a decision about it has already been made."""

    code, status, title = "state-conflict", 409, "Not possible in its present state"
    next_step = "Read it again. Its state shows what is still possible."


class ApprovalRejected(CallerProblem):
    """The write needed the approval of a person, who rejected it. Nothing was sent."""

    code, status, title = "approval-rejected", 403, "A person rejected the write"
    next_step = "End this run, or send another write with a new Idempotency-Key. The key of this one is used up."


class ApprovalExpired(CallerProblem):
    """The write needed the approval of a person, and no one decided in time. Nothing was sent."""

    code, status, title = "approval-expired", 403, "No one approved the write in time"
    next_step = (
        "To ask again, send the write with a new Idempotency-Key. The event operation.approval_requested notifies those"
        " who approve."
    )


class AlreadyClaimed(CallerProblem, category="conflict"):
    """Another run has claimed the name, and is doing or has done what it stands for."""

    code, status, title = "claimed", 409, "Another run has the claim"
    next_step = (
        "End this run: the other one does the work. After a failure there, claim again when that claim has ended."
    )


class VersionConflict(CallerProblem, category="conflict"):
    """If-Match named a version that is no longer current: another write came in between."""

    code, status, title = "version-conflict", 412, "The record has changed since it was read"
    next_step = "Read the record again, apply the change to it, and send the new ETag."


class RateLimited(CallerProblem, category="throttle", retryable=True):
    """This API key has used up its budget of calls; the RateLimit header shows the budget. Or too many bodies were
    unfinished at once, and this one made no progress for longest."""

    code, status, title = "rate-limited", 429, "Too many calls"
    next_step = "Wait for Retry-After, or send fewer items at once."


class VendorProblem(Problem, fault="vendor", category="transient", retryable=True):
    """The vendor refused, failed, or did not answer."""

    next_step = "Try again later."


class DuplicateRecord(VendorProblem, category="conflict", retryable=False):
    """The vendor already has a record with a value that must be unique there."""

    code, status, title = "duplicate-record", 409, "The vendor already has this record"
    next_step = (
        "Omit or change the value that vendor.detail names, or PATCH the record that has it. Each is a new request,"
        " with a new Idempotency-Key."
    )


class OutcomeUnknown(VendorProblem, category="conflict", retryable=False):
    """Lockstitch cannot determine whether the vendor applied the write. It does not send it again on its own."""

    code, status, title = "outcome-unknown", 409, "It is unknown whether the write happened"
    next_step = (
        "Do not send the write under another key: it may have been done. An operator (scope ops:write) looks at the"
        " vendor and decides it with POST /v1/operations/{id}/resolve, or lets Lockstitch look again with POST"
        " /v1/operations/{id}/check. Until then a request with its key gets this answer. After it, the request gets the"
        " record, or its key is free and it is carried out. GET /v1/operations/{id} and the event operation.finished"
        " show the decision."
    )

    def __init__(self, detail: str = "", *, operation_id: str | None = None, **facts: Any) -> None:
        super().__init__(detail, operation_id=operation_id, **facts)
        if operation_id is not None:
            self.next_step = self.next_step.replace("{id}", operation_id)


class VendorRejected(VendorProblem, category="permanent", retryable=False, fault="caller"):
    """The vendor refused the data."""

    code, status, title = "vendor-rejected", 422, "The vendor refused the data"
    next_step = "Correct what vendor.detail names, and send it with a new Idempotency-Key."


class VendorThrottled(VendorProblem, category="throttle"):
    """The vendor's rate limit is used up, and the wait is longer than this call allows."""

    code, status, title = "vendor-throttled", 429, "The vendor throttles"
    next_step = "Wait for Retry-After, then send the same request again."

    def __init__(self, detail: str = "", *, is_ours: bool = False, **facts: Any) -> None:
        """`is_ours`: Lockstitch keeps below the limit; the vendor did not ask for a pause."""
        super().__init__(detail, **facts)
        self.is_ours = is_ours


class VendorAuthFailed(VendorProblem, category="auth", retryable=False):
    """The vendor refuses Lockstitch's credential. The connection is paused until an operator renews it."""

    code, status, title = "vendor-auth-failed", 502, "The vendor refuses Lockstitch's credential"
    next_step = "An operator must renew the connection's credential. Changing the request does not help."


class VendorDrifted(VendorProblem, category="permanent", retryable=False):
    """The vendor's answer no longer matches the schema that Lockstitch knows. Lockstitch does not guess."""

    code, status, title = "vendor-drift", 502, "The vendor's answer has another shape"
    next_step = "Report the path to the operator: the mapping needs a new revision."


class VendorUnavailable(VendorProblem):
    """The vendor could not be reached or failed; nothing was changed."""

    code, status, title = "vendor-unavailable", 503, "The vendor is not available"
    next_step = "Nothing was changed. Send the same request again later."


class ConnectionPaused(VendorProblem):
    """An operator paused the connection, its credential failed, or the vendor keeps failing."""

    code, status, title = "connection-paused", 503, "The connection is paused"
    next_step = (
        "Nothing was sent. Wait for Retry-After, then try again. An operator finds the reason at GET /ops/connections."
    )

    def __init__(self, detail: str = "", *, until_resumed: bool = False, **facts: Any) -> None:
        """`until_resumed`: until an operator resumes it."""
        super().__init__(detail, **facts)
        self.until_resumed = until_resumed

    @property
    def is_no_failure(self) -> bool:
        """Whether the pause is an operator's, or that of a refused credential, which a first request may be probing.
        Nothing was sent, so it says nothing new about the vendor or the credential."""
        return self.until_resumed or self.category == "auth"


class VendorTimeout(VendorProblem):
    """The vendor did not answer in time; nothing was changed."""

    code, status, title = "vendor-timeout", 504, "The vendor did not answer in time"
    next_step = "Nothing was changed. Send the same request again later."


class LockstitchProblem(Problem, fault="lockstitch", category="transient", retryable=True):
    """A fault of Lockstitch: neither the request nor the vendor was wrong."""

    next_step = "Send the same request again; with the same Idempotency-Key nothing happens twice."


class Internal(LockstitchProblem):
    """Something inside Lockstitch failed. The correlation id leads an operator to the log."""

    code, status, title = "internal", 500, "Lockstitch failed"


class StoreUnavailable(LockstitchProblem):
    """The database does not answer. Nothing was sent, unless `operation_id` names a write."""

    code, status, title = "store-unavailable", 503, "Lockstitch's database is not available"


def _leaves(kind: type[Problem]) -> list[type[Problem]]:
    below = [leaf for child in kind.__subclasses__() for leaf in _leaves(child)]
    return below or [kind]


CATALOGUE: dict[str, type[Problem]] = {kind.code: kind for kind in _leaves(Problem)}
"""Every problem by its code, for `/problems/{code}` and the OpenAPI document."""


class Complaint(Exception):
    """The configuration or the command does not work as given.

    The message says what is wrong and what to do, without secrets. The command line prints it and exits with 1.
    """
