"""Requests to a vendor and its replies, as plain data.

Nothing here performs I/O. `app.vendors` turns a `VendorRequest` into bytes on a wire and adds authentication.
"""

import math
from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Category = Literal["transient", "throttle", "permanent", "auth", "conflict"]
RefusalKind = Literal[
    "unavailable",
    "throttled",
    "rejected",
    "auth",
    "not_found",
    "duplicate",
    "version_conflict",
    "not_allowed",
]

CATEGORY_OF: Mapping[RefusalKind, Category] = {
    "unavailable": "transient",
    "throttled": "throttle",
    "rejected": "permanent",
    "not_found": "permanent",
    "not_allowed": "permanent",
    "auth": "auth",
    "duplicate": "conflict",
    "version_conflict": "conflict",
}


DEFAULT: Final = "default"
"""The bucket of requests for which the vendor has no limit of their own."""


class VendorRequest(Struct, frozen=True, kw_only=True):
    """One HTTP request, relative to the connection's base URL.

    `route` is the template of `path` ("/tickets/{id}"). It names the span and the metric, so it holds no ids.
    `effect` marks a request that changes data. It is not sent again unless a repeat is safe.
    `idempotent` marks a request whose repeat the vendor recognises (by an idempotency key in `headers`, or an upsert by
    a unique key). After a lost reply, the same bytes may be sent again.
    `cost` is the request's share of the account's budget, in the vendor's own units, and `bucket` names a limit of its
    own that the vendor has for it (`Vendor.buckets`).
    """

    method: Method
    path: str
    route: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    effect: bool = False
    idempotent: bool = False
    cost: float = 1.0
    bucket: str = DEFAULT

    def __repr__(self) -> str:
        """Show no values: they may be secrets or personal data."""
        names = "&".join(name for name, _ in self.query)
        return f"VendorRequest({self.method} {self.route}{'?' if names else ''}{names})"


class VendorReply(Struct, frozen=True, kw_only=True):
    """One HTTP response of the vendor. Header names are in lower case; of a repeated header, the last value counts."""

    status: int
    headers: dict[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"VendorReply(status={self.status})"


class VendorRefusal(Struct, frozen=True, kw_only=True):
    """An error response of the vendor.

    `code` and `detail` are the vendor's own, for the caller and the vendor's support. They may hold personal data:
    never log or trace them. `fields` are pairs of vendor field and complaint. `retry_after` is in seconds.
    `existing_remote_id` is the record that already has the unique value, if the vendor names it. `conclusive` is False
    if an earlier attempt of the same request may have succeeded, as with an error that the vendor replays under an
    idempotency key. `undone` is True if the vendor states, at any status, that it rolled everything back.
    `retry` is whether the vendor says that a retry may help, None if it does not say. `uncommitted`: the record that
    already has the unique value is being created by another request, so no read finds it yet.
    """

    kind: RefusalKind
    code: str | None = None
    detail: str
    request_id: str | None = None
    retry_after: float | None = None
    fields: tuple[tuple[str, str], ...] = ()
    existing_remote_id: str | None = None
    conclusive: bool = True
    undone: bool = False
    retry: bool | None = None
    uncommitted: bool = False

    @property
    def category(self) -> Category:
        """Return the category, which decides how the refusal is handled."""
        return CATEGORY_OF[self.kind]


class Budget(Struct, frozen=True, kw_only=True):
    """The rest of the rate limit, as the vendor reports it: `remaining` units now, refilled with `restore_per_second`
    units, or reset after `reset_after` seconds."""

    remaining: float
    restore_per_second: float | None = None
    reset_after: float | None = None

    def limit_within(self, seconds: float) -> float:
        """Return the limit of so many seconds, infinite if the vendor does not report it."""
        per_second = self.restore_per_second
        return math.inf if per_second is None or per_second <= 0 else per_second * seconds
