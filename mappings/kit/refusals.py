"""Refusals of a vendor in the terms of `mappings.http`: tables of statuses and codes. Nothing in here raises."""

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from mappings.http import RefusalKind, VendorRefusal, VendorReply

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
"""What a status means where the vendor does not say otherwise. From 500 on it is `unavailable`, else `rejected`."""
SENTENCES: Final[dict[RefusalKind, str]] = {
    "unavailable": "the service is not available",
    "throttled": "too many requests",
    "rejected": "the request was refused",
    "auth": "the credentials were refused",
    "not_found": "no such record",
    "duplicate": "a value is taken already",
    "version_conflict": "the record is in another state than the request needs",
    "not_allowed": "the credentials do not allow this",
}
"""The detail of a refusal that gives no reason."""
LONGEST_DETAIL: Final = 1000
MOST_FIELDS: Final = 50
UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding a reply may raise, whatever its bytes are."""


class Refusals(Struct, frozen=True, kw_only=True):
    """How one vendor refuses.

    `statuses` differ from or add to STATUSES; `codes` are the vendor's own, and decide before the status. `request_id`
    are the headers that hold the vendor's id of a request, of which the first that is there counts. `hint` is added to
    the detail where the API itself is not found: what to check.
    """

    vendor: str
    statuses: Mapping[int, RefusalKind] = {}
    codes: Mapping[str, RefusalKind] = {}
    request_id: tuple[str, ...] = ()
    hint: str = "check the connection's base URL"

    def kind(self, status: int, code: str | None = None) -> RefusalKind:
        """Return what a status means, with the vendor's code where it has one."""
        if code is not None and code in self.codes:
            return self.codes[code]
        if status in self.statuses:
            return self.statuses[status]
        return "unavailable" if status >= 500 else STATUSES.get(status, "rejected")

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
        """Return the refusal. A missing detail is filled in; `retry_after` is read from its header unless given."""
        return VendorRefusal(
            kind=kind,
            code=code,
            detail=(detail or self._silence(reply.status) or SENTENCES[kind])[:LONGEST_DETAIL],
            request_id=next((reply.headers[name] for name in self.request_id if name in reply.headers), None),
            retry_after=number(reply.headers.get("retry-after")) if retry_after is None else retry_after,
            fields=fields[:MOST_FIELDS],
            existing_remote_id=existing_remote_id,
            conclusive=conclusive,
        )

    def page(self, reply: VendorReply) -> VendorRefusal:
        """Return the refusal in an HTML page that came in place of an answer of the API. It does not tell what was
        done, so it is `unavailable` at most statuses; a 404 means that the API is not there, and not a record."""
        kind: RefusalKind = {401: "auth", 404: "not_allowed", 429: "throttled"}.get(reply.status, "unavailable")  # type: ignore[assignment]
        detail = f"a page with status {reply.status} came in place of an answer of {self.vendor}"
        return self.refusal(reply, kind=kind, detail=f"{detail}: {self.hint}" if reply.status == 404 else detail)

    def _silence(self, status: int) -> str | None:
        """What a redirect means, which has no body worth reading."""
        if 300 <= status < 400:
            return f"{self.vendor} redirects to another address: check the connection's base URL"
        return None


def read(body: bytes, into: type[S]) -> S | None:
    """Return a body as a Struct, None where it is none."""
    try:
        return msgspec.json.decode(body, type=into)
    except UNREADABLE:
        return None


def is_json(body: bytes) -> bool:
    """Return whether a body begins as a JSON object or array. HTML, and warnings before the JSON, do not."""
    return body.lstrip()[:1] in (b"{", b"[")


def text(value: Any) -> str | None:
    """Return a code or a message as text: plugins send numbers. None for anything else and for an empty text."""
    return str(value) if isinstance(value, str | int) and value != "" else None


def number(value: Any) -> float | None:
    """Return a count or a number of seconds, 0 or more. None for a date (RFC 9110, 10.2.3) or anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        parsed = float(value)
    except (ValueError, OverflowError):
        return None
    return parsed if isfinite(parsed) and parsed >= 0 else None
