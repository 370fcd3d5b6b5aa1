"""Classify a vendor's error responses as refusals of `mappings.http`, by tables of statuses and codes. Never raises."""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from mappings.http import Budget, RefusalKind, VendorRefusal, VendorReply

S = TypeVar("S")

STATUSES: Final[dict[int, RefusalKind]] = {
    401: "auth",
    403: "not_allowed",
    404: "not_found",
    408: "unavailable",
    409: "version_conflict",
    410: "not_found",
    412: "version_conflict",
    425: "unavailable",
    429: "throttled",
}
"""The default kind of a status. Other statuses are `unavailable` from 500, else `rejected`."""
SENTENCES: Final[dict[RefusalKind, str]] = {
    "unavailable": "the service is not available",
    "throttled": "too many requests",
    "rejected": "the request was refused",
    "auth": "the credentials were refused",
    "not_found": "no such record",
    "duplicate": "a value is already taken",
    "version_conflict": "the record is not in the state that the request requires",
    "not_allowed": "the credentials do not allow this",
}
"""The detail of a refusal for which the vendor gives no reason."""
LONGEST_DETAIL: Final = 1000
MOST_FIELDS: Final = 50
TAKEN: Final = "has already been taken"
"""The words of Rails for a value that another record has."""
UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""The exceptions that decoding a reply may raise, for any bytes."""


class Refusals(Struct, frozen=True, kw_only=True):
    """The error responses of one vendor.

    `statuses` override or extend STATUSES. `codes` are the vendor's own codes and take precedence over the status.
    `request_id` are the headers with the vendor's request id; the first one present counts. `hint` says what to check
    if the API itself is not found.
    """

    vendor: str
    statuses: Mapping[int, RefusalKind] = {}
    codes: Mapping[str, RefusalKind] = {}
    request_id: tuple[str, ...] = ()
    hint: str = "check the connection's base URL"

    def kind(self, status: int, code: str | None = None) -> RefusalKind:
        """Return the kind of an error, by the vendor's code or else by the status."""
        if code is not None and code in self.codes:
            return self.codes[code]
        if status in self.statuses:
            return self.statuses[status]
        return "unavailable" if status >= 500 else STATUSES.get(status, "rejected")

    def usual(self, reply: VendorReply) -> VendorRefusal | None:
        """Return the refusal in a reply whose body has one of the usual forms (`complaint`), None for a success.
        A value that is taken, in the words of Rails, is a `duplicate`."""
        if 200 <= reply.status < 300:
            return None
        body = complaint(reply.body)
        kind = self.kind(reply.status, body.code)
        words = (body.message or "", *dict(body.fields).values())
        if kind == "rejected" and any(TAKEN in one for one in words):
            kind = "duplicate"
        return self.refusal(reply, kind=kind, code=body.code, detail=body.message, fields=body.fields)

    def refusal(
        self,
        reply: VendorReply,
        *,
        kind: RefusalKind,
        code: str | None = None,
        detail: str | None = None,
        fields: tuple[tuple[str, str], ...] = (),
        existing_remote_id: str | None = None,
        retry_after: float | None = None,
        conclusive: bool = True,
    ) -> VendorRefusal:
        """Build a refusal. Fill in a missing detail. Read `retry_after` from the header unless given."""
        return VendorRefusal(
            kind=kind,
            code=code,
            detail=(detail or self._redirect(reply.status) or SENTENCES[kind])[:LONGEST_DETAIL],
            request_id=next((reply.headers[name] for name in self.request_id if name in reply.headers), None),
            retry_after=number(reply.headers.get("retry-after")) if retry_after is None else retry_after,
            fields=fields[:MOST_FIELDS],
            existing_remote_id=existing_remote_id,
            conclusive=conclusive,
        )

    def page(self, reply: VendorReply) -> VendorRefusal:
        """Build the refusal for an HTML page instead of an API answer. The outcome is unknown, so most statuses are
        `unavailable`. A 404 means that the API is missing, not a record."""
        kind: RefusalKind = {401: "auth", 404: "not_allowed", 429: "throttled"}.get(reply.status, "unavailable")  # type: ignore[assignment]
        detail = f"{self.vendor} sent a page with status {reply.status} instead of an API answer"
        return self.refusal(reply, kind=kind, detail=f"{detail}: {self.hint}" if reply.status == 404 else detail)

    def _redirect(self, status: int) -> str | None:
        """Return the detail of a redirect, which has no useful body."""
        if 300 <= status < 400:
            return f"{self.vendor} redirects to another address: check the connection's base URL"
        return None


class ErrorBody(Struct, frozen=True, kw_only=True):
    """What an error body says. `fields` are pairs of vendor field and complaint."""

    code: str | None = None
    message: str | None = None
    fields: tuple[tuple[str, str], ...] = ()


def complaint(body: bytes) -> ErrorBody:
    """Read an error body in one of the usual forms: `{"error": {"code", "message"}}`, `{"code", "message"}`, problem
    details (RFC 9457), Rails' `{"errors": {"name": ["…"]}}` and `{"message", "attributes": ["name"]}`, and Django's
    `{"detail"}` or `{"name": ["…"]}`. Errors may also be a list of texts, or of objects with `field` and `message`."""
    sent = read(body, dict[str, Any]) or {}
    inner = sent["error"] if isinstance(sent.get("error"), dict) else sent
    code = next(filter(None, (text(inner.get(name)) for name in ("code", "type", "error"))), None)
    words = ("message", "detail", "title", "description", "error_description", "non_field_errors")
    message = next(filter(None, (_words(inner.get(name)) for name in words)), None)
    errors = inner.get("errors", sent.get("errors"))
    # Django names the fields themselves.
    named = errors if isinstance(errors, dict) else {} if errors else sent if not (code or message) else {}
    fields = [(str(name), reason) for name, one in named.items() if (reason := _words(one))]
    attributes = inner.get("attributes")
    if message and isinstance(attributes, list):
        fields += [(name, message) for name in attributes if isinstance(name, str)]
    for one in errors if isinstance(errors, list) else ():
        name, reason = (
            (text(one.get("field")), _words(one.get("message"))) if isinstance(one, dict) else (None, _words(one))
        )
        message = message or reason
        fields += [(name, reason or "not valid")] if name else []
    message = message or (fields[0][1] if fields else text(inner.get("error")))
    return ErrorBody(code=code, message=message, fields=tuple(fields))


def _words(value: Any) -> str | None:
    """Return a text, or the texts of a list as one."""
    return (
        text(value) if not isinstance(value, list) else "; ".join(one for one in value if isinstance(one, str)) or None
    )


def limits(*remaining: str, reset: str = "", per_second: float | None = None) -> Callable[[VendorReply], Budget | None]:
    """Return a function that reads the rest of the rate limit: the first of the headers `remaining` that a reply has,
    and the seconds until it resets, or how much is restored in a second."""

    def budget(reply: VendorReply) -> Budget | None:
        rest = next((number(reply.headers[name]) for name in remaining if name in reply.headers), None)
        if rest is None:
            return None
        return Budget(remaining=rest, reset_after=number(reply.headers.get(reset)), restore_per_second=per_second)

    return budget


def read(body: bytes, into: type[S]) -> S | None:
    """Decode a body into a Struct. None if it does not fit."""
    try:
        return msgspec.json.decode(body, type=into)
    except UNREADABLE:
        return None


def is_json(body: bytes) -> bool:
    """Return whether a body begins like a JSON object or array, unlike HTML or warnings before the JSON."""
    return body.lstrip()[:1] in (b"{", b"[")


def text(value: Any) -> str | None:
    """Return a code or a message as text, because plugins send numbers. None for empty text or any other value."""
    return str(value) if isinstance(value, str | int) and value != "" and not isinstance(value, bool) else None


def number(value: Any) -> float | None:
    """Return a count or a number of seconds, 0 or more. None for a date (RFC 9110, 10.2.3) or any other value."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        parsed = float(value)
    except (ValueError, OverflowError):
        return None
    return parsed if isfinite(parsed) and parsed >= 0 else None
