"""Requests and replies as plain data: what a mapping asks of a vendor, and what came back.

Nothing here performs I/O. `app.vendors` turns a `VendorRequest` into bytes on a wire and adds authentication.
"""

from collections.abc import Mapping
from typing import Literal

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


class VendorRequest(Struct, frozen=True, kw_only=True):
    """One HTTP request, relative to the connection's base URL.

    `route` is the template of `path` ("/tickets/{id}"): it names the span and the metric, so it holds no ids.
    `effect` says that the request changes something: such a request is never sent twice blindly.
    `idempotent` says that the vendor itself recognises a repeat (an idempotency key in `headers`, or an upsert by a
    unique key), so that a lost reply may be followed by the same bytes again.
    `cost` is what the request takes from the connection's budget, in the vendor's own units.
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


class VendorReply(Struct, frozen=True, kw_only=True):
    """What the vendor answered. Header names are lower-cased; of repeated headers the last one stands."""

    status: int
    headers: dict[str, str]
    body: bytes


class VendorRefusal(Struct, frozen=True, kw_only=True):
    """The vendor said no, in words of its own.

    `code` and `detail` are the vendor's, for the caller and the vendor's support; they may hold personal data and
    so never reach a log or a span. `fields` are (vendor field, complaint). `retry_after` is in seconds.
    `existing_remote_id` is the record that already holds a unique value, where the vendor tells. `conclusive` is False
    where it does not tell whether an earlier sending of the same request was carried out, such as an error that the
    vendor repeats under an idempotency key. `undone` is True where it says, at whatever status, that all that it had
    begun was taken back.
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

    @property
    def category(self) -> Category:
        """The one of the five categories that decides what happens next."""
        return CATEGORY_OF[self.kind]


class Budget(Struct, frozen=True, kw_only=True):
    """What the vendor says is left: `remaining` units now, of which `restore_per_second` come back; or none until
    `reset_after` seconds have passed."""

    remaining: float
    restore_per_second: float | None = None
    reset_after: float | None = None
