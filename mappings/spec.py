"""What a vendor folder declares: its manifest (`Vendor`), how an object is reached (`Endpoints`) and one or more
revisions of how it is understood (`VendorMapping`).

The transport is data, the mapping is a pair of plain typed functions. Everything here is pure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Final, Generic, Literal, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from canonical.order_patch import OrderCancel
from canonical.parts import CustomFieldSetting, Instant, Loss, LossKind, ObjectName
from mappings import coercion
from mappings.drift import UNNAMED, named_in, place_of, places_holding
from mappings.http import Budget, VendorRefusal, VendorReply, VendorRequest
from mappings.webhooks import WebhookManifest

R = TypeVar("R")  # one record as the vendor sends it
M = TypeVar("M", bound=Struct)  # our reading of it
P = TypeVar("P", bound=Struct)  # what a caller may write
W = TypeVar("W")  # the body the vendor accepts
A = TypeVar("A", bound=Struct)  # facts about the account

Action = Literal["create", "update", "upsert", "archive", "cancel", "comment"]
UpsertKey = Literal["email", "external_id"]

NUMBER: Final = "[1-9][0-9]{0,18}"
"""The ids of vendors that count: a positive number of 64 bits."""
MOST_NAMED: Final = 3
"""A value that more members hold does not tell which of them a reading broke over."""


class Unmappable(Exception):
    """A record that no honest reading exists for, such as a deleted stub. `path` is a JSONPath into the record, and
    `place` leads to the very member, where that is missing or its name is known from the record alone."""

    def __init__(self, path: str, reason: str, *, place: str | None = None) -> None:
        super().__init__(f"{reason} - at {path}")
        self.path = path
        self.reason = reason
        self.place = place or place_of(path, reason)


class VendorDrift(Unmappable):
    """The record no longer fits the wire Structs: a field that we read is missing or has another type."""


class Remote(Struct, frozen=True, kw_only=True):
    """The record's identity at the vendor. `id` is its shortest URL-safe form; `version` is a token that the vendor
    itself compares on an update, where it has one."""

    id: str
    url: str | None = None
    created_at: Instant | None = None
    updated_at: Instant | None = None
    version: str | None = None


class Mapped(Struct, Generic[M], frozen=True, kw_only=True):
    """A record read: what it means, where it is, and what could not be carried over."""

    data: M
    remote: Remote
    loss: tuple[Loss, ...] = ()


class FieldRefusal(Struct, frozen=True, kw_only=True):
    """One field of a write that cannot be done: `invalid` as a value, or `unsupported` as a field at this vendor."""

    kind: Literal["invalid", "unsupported"]
    pointer: str
    detail: str


class Draft(Struct, Generic[W], frozen=True, kw_only=True):
    """A write in the vendor's words. `refused` is empty when it may be sent; under `?lossy=accept` the unsupported
    ones among them become `loss`."""

    body: W
    loss: tuple[Loss, ...] = ()
    refused: tuple[FieldRefusal, ...] = ()


class Notes(Struct, kw_only=True):
    """Collects, while a mapping runs, what was lost and what cannot be written."""

    loss: list[Loss] = []
    refused: list[FieldRefusal] = []

    def lose(self, path: str, kind: LossKind, detail: str) -> None:
        """Something changed or went missing on the way; `path` is a JSON Pointer into the canonical resource."""
        self.loss.append(Loss(path=path, kind=kind, detail=detail))

    def invalid(self, pointer: str, detail: str) -> None:
        """The value cannot stand: say what can."""
        self.refused.append(FieldRefusal(kind="invalid", pointer=pointer, detail=detail))

    def unsupported(self, pointer: str, detail: str) -> None:
        """The vendor has no place for this field."""
        self.refused.append(FieldRefusal(kind="unsupported", pointer=pointer, detail=detail))


class ListQuery(Struct, frozen=True, kw_only=True):
    """One page of a list. `after` is the vendor's own cursor; `filters` are exact matches that the endpoint declares;
    `parent` is the remote id of the ticket whose comments are listed, and `newest_first` turns these round."""

    limit: int
    after: str | None = None
    updated_since: datetime | None = None
    filters: Mapping[str, str] = {}
    parent: str | None = None
    newest_first: bool = False


class Page(Struct, Generic[A], frozen=True, kw_only=True):
    """Records of one answer, each as its own bytes, the cursor of the next page, and the account facts enriched by
    what the vendor sent beside the records (people, for example)."""

    records: tuple[msgspec.Raw, ...]
    next: str | None
    account: A


class Receipt(Struct, frozen=True, kw_only=True):
    """What a vendor's answer to a write tells. Without `record` the caller reads it by `remote_id`.
    `pending` means that the vendor accepted and still works on it."""

    remote_id: str | None = None
    record: msgspec.Raw | None = None
    created: bool | None = None
    pending: bool = False


class Recovery(Struct, frozen=True, kw_only=True):
    """How a write whose reply was lost is settled (contract, Writes 5).

    `key`: the vendor replays the same request under its idempotency key for `lifetime` seconds; afterwards `marker`
    or nothing.
    `unique`: a unique constraint at the vendor makes sending again safe.
    `marker`: the write carries our operation id, which can be looked up.
    `state`: the record is read and compared; setting the same values again is harmless.
    `none`: there is no way to know.
    `strength` is that of the look-up: `strong` (absence means not done) or `search` (an index that lags by
    `search_lag` seconds, so absence never proves anything).
    """

    by: Literal["key", "unique", "marker", "state", "none"]
    strength: Literal["strong", "search", "none"] = "none"
    lifetime: float = 0.0
    search_lag: float = 0.0
    note: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Endpoints(Generic[W, A]):
    """How one object is reached: pure functions from intent to request, and from reply to records.

    A verb that is None is `unsupported-action`. `marker` is our operation id, to be written where the vendor keeps it.
    `find_marker(marker, parent, body, account)` asks for the record that carries a marker (its reply goes through
    `marked`, which gives the remote id or None); it gives None where this very write had no place for its marker, so
    that no look-up proves anything.
    `find` asks for the record that holds a unique key, through a strongly consistent read; `native upsert` is used
    where the vendor has one, else find-then-write under a lock. `side_load` names one more read that completes the
    records (people behind ids), until it returns None. `guard` holds a change to the version of the record that was
    read, where the vendor itself compares versions: for callers who name one, so that nothing fits in between.
    `bulk` counts the characters of HTML that `absorb` has put beside the records.
    """

    read: Callable[[str, A], VendorRequest] | None
    record: Callable[[VendorReply, A], tuple[msgspec.Raw | None, A]]
    list: Callable[[ListQuery, A], VendorRequest] | None = None
    page: Callable[[VendorReply, ListQuery, A], Page[A]] | None = None
    filters: frozenset[str] = frozenset()
    max_limit: int = 100
    updated_since: bool = True
    side_load: Callable[[tuple[msgspec.Raw, ...], A], VendorRequest | None] | None = None
    absorb: Callable[[VendorReply, A], A] | None = None
    bulk: Callable[[A], int] = lambda account: 0
    create: Callable[[W, str, str | None, A], VendorRequest] | None = None  # body, marker, parent, account
    update: Callable[[str, W, str, A], VendorRequest] | None = None  # remote id, body, marker, account
    guard: Callable[[VendorRequest, A], VendorRequest] | None = None
    upsert: Mapping[UpsertKey, Callable[[str, W, str, A], VendorRequest]] = field(default_factory=dict)
    find: Mapping[UpsertKey, Callable[[str, A], VendorRequest]] = field(default_factory=dict)
    archive: Callable[[str, A], VendorRequest] | None = None
    cancel: Callable[[str, OrderCancel, str, A], tuple[VendorRequest, tuple[FieldRefusal, ...]]] | None = None
    receipt: Callable[[VendorReply, Action], Receipt] | None = None
    find_marker: Callable[[str, str | None, W | None, A], VendorRequest | None] | None = None
    marked: Callable[[VendorReply, str], str | None] | None = None
    recovery: Mapping[Action, Recovery] = field(default_factory=dict)

    def actions(self) -> tuple[Action, ...]:
        """The verbs that this object has at this vendor."""
        verbs: dict[Action, bool] = {
            "create": self.create is not None,
            "update": self.update is not None,
            "upsert": bool(self.upsert or self.find),
            "archive": self.archive is not None,
            "cancel": self.cancel is not None,
        }
        return tuple(verb for verb, can in verbs.items() if can)


@dataclass(frozen=True, kw_only=True)
class ReadShape(Generic[M, A]):
    """A second form in which the vendor sends the same object, such as the body of its webhooks.
    `matches` recognises it by the record's top-level member names."""

    record: type[Any]
    matches: Callable[[frozenset[str]], bool]
    to_canonical: Callable[[Any, A], Mapped[M]]


@dataclass(frozen=True, kw_only=True, eq=False)
class VendorMapping(Generic[R, M, P, W, A]):
    """One revision of how a vendor's object and ours correspond. All revisions of an object share their calls, so that
    one answer of the vendor can be read by two of them. `builds_on` is the earlier revision whose reading this one
    takes and completes, where it does. `coerces` is for vendors whose plugins write into records: scalars in another
    spelling than documented are read all the same (see `coercion`)."""

    vendor: str
    object: ObjectName
    revision: int
    vendor_api: str
    record: type[R]
    model: type[M]
    patch: type[P]
    account: type[A]
    endpoints: Endpoints[W, A]
    to_canonical: Callable[[R, A], Mapped[M]]
    to_vendor: Callable[[P, R | None, A], Draft[W]]
    shapes: tuple[ReadShape[M, A], ...] = ()
    builds_on: "VendorMapping[R, M, P, W, A] | None" = None
    coerces: bool = False

    @property
    def name(self) -> str:
        """The canonical name, such as `hubspot.customer`."""
        return f"{self.vendor}.{self.object}"

    @cached_property
    def _decoder(self) -> msgspec.json.Decoder[R]:
        return msgspec.json.Decoder(self.record)

    def decode(self, record: bytes | msgspec.Raw) -> R:
        """The record as a wire Struct.

        Raises VendorDrift with the JSONPath where it does not fit.
        """
        return decode_loosely(record, self.record) if self.coerces else _decoded(record, self._decoder)

    def read(self, record: bytes | msgspec.Raw, account: A) -> Mapped[M]:
        """Bytes of one record in the main shape to what they mean.

        Raises VendorDrift where the record does not fit, Unmappable where it has no honest reading.
        """
        return self.to_canonical(self.decode(record), account)


_decoders: dict[type[Any], msgspec.json.Decoder[Any]] = {}


def decode(record: bytes | msgspec.Raw, into: type[R]) -> R:
    """Bytes to a wire Struct, through one cached decoder a type.

    Raises VendorDrift: msgspec's own sentence, and its path as JSONPath.
    """
    decoder = _decoders.get(into)
    if decoder is None:
        decoder = _decoders[into] = msgspec.json.Decoder(into)
    return _decoded(record, decoder)  # type: ignore[no-any-return]


def decode_loosely(record: bytes | msgspec.Raw, into: type[R]) -> R:
    """The same, scalars in another spelling included: see `coercion`. Raises VendorDrift for what fits neither way."""
    try:
        return decode(record, into)
    except VendorDrift as drift:
        try:
            fitted = coercion.fitted(record, into)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise drift from None
        return decode(fitted, into)


def _decoded(record: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[R]) -> R:
    try:
        return decoder.decode(record)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).rpartition(" - at `")
        path, reason = path.rstrip("`") if reason else "$", reason or str(error)
        place = place_of(named_in(record, path, reason), reason) if UNNAMED in path else None
        raise VendorDrift(path, reason, place=place) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise VendorDrift("$", "the vendor's answer is not JSON") from error
    except RecursionError as error:
        raise VendorDrift("$", "the vendor's answer is nested more deeply than can be read") from error


def misread(record: Struct, error: Exception, what: str) -> VendorDrift:
    """What to raise where a record fits its Struct and a value in it says nothing: the path leads to the value, where
    the error tells it and no more than three members hold it. `what` is for an error that does not tell."""
    text = getattr(error, "text", None)
    held = [] if text is None else list(places_holding(msgspec.json.decode(msgspec.json.encode(record)), text))
    if not 1 <= len(held) <= MOST_NAMED:
        return VendorDrift("$", f"{what}: {type(error).__name__}")
    others = f", or at {' or '.join(held[1:])}" if len(held) > 1 else ""
    return VendorDrift(held[0], f"{error}{others}")


class Option(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One value that a field can hold at a connection."""

    value: str
    """The value to write. Example: `"waiting_on_customer"`"""
    label: str
    """The name that users of the vendor see. Example: `"Waiting on contact"`"""
    active: bool | UnsetType = UNSET
    """False if only older records have it; absent if the vendor does not say. Example: `true`"""


FieldOptions = Mapping[str, tuple[Option, ...]]
"""Options by the name of the field; those of a custom field by `custom_fields.<key>`."""

Pages = tuple[VendorReply, ...]
"""The answers to one request and those for its further pages; empty where it failed."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Choices(Generic[A]):
    """Where the options of fields come from: what the account facts hold, and lists that are asked for when somebody
    wants to see them.

    `requests` are made for an account, `following` gives the request of the next page of an answer, `read` makes the
    options of an object of the answers, in the order of the requests. A field whose list could not be had is left out.

    What custom fields can hold is judged before a write as well: `definitions` are those of the requests that tell it,
    by object, asked for together with the account facts where a connection has such fields; a vendor whose account
    facts hold it has none. `open_fields` are the keys of fields that take other values than their choices.
    """

    requests: Callable[[A], tuple[VendorRequest, ...]]
    following: Callable[[VendorRequest, VendorReply], VendorRequest | None]
    read: Callable[[A, ObjectName, tuple[Pages, ...]], FieldOptions]
    definitions: Mapping[ObjectName, VendorRequest] = field(default_factory=dict)
    open_fields: Callable[[A, ObjectName], frozenset[str]] = lambda account, object_name: frozenset()


@dataclass(frozen=True, kw_only=True)
class Auth:
    """How a connection's credentials become a header. `template` is filled with the named secrets:
    `Bearer {token}`; with `basic` the template is `user:password` and is sent base64-encoded (RFC 7617)."""

    secrets: tuple[str, ...]
    header: str
    template: str
    basic: bool = False


@dataclass(frozen=True, kw_only=True)
class Pacing:
    """The vendor's published limit: `units` in any `per_seconds`, at most `concurrency` requests at once."""

    units: float
    per_seconds: float
    concurrency: int = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class Manifest:
    """What is known of any vendor: what it is called, how its webhooks are understood, which objects we map.

    A vendor that is no more than this is an intake: Lockstitch takes its webhooks and never calls it.
    `remote_id` is the pattern of the ids that the vendor gives: what does not fit names no record of it.
    `remote_id_form` turns what people have as an id into the one form in which we know it, where a vendor has several.
    """

    name: str
    title: str
    docs: str
    webhooks: WebhookManifest | None = None
    mappings: tuple[VendorMapping[Any, Any, Any, Any, Any], ...] = ()
    remote_id: str = r"[A-Za-z0-9._~@=+-]{1,255}"
    remote_id_form: Callable[[str], str] = str


@dataclass(frozen=True, kw_only=True, eq=False)
class Vendor(Manifest, Generic[A]):
    """The manifest of a vendor that Lockstitch calls: beside what any has, everything about its transport that is data.

    `refusal` reads an error out of a reply, at whatever status the vendor hides it, and gives None for a success.
    `budget` reads what is left of the rate limit. `account_requests` fetch the facts that `build_account` makes an
    account of (from replies in the same order; None for one that failed); `default_account` holds the vendor's
    documented defaults. `setup` are requests that prepare an account once (properties that hold our marker): each is
    safe to repeat, and a refusal of kind `duplicate` counts as done. `unwrap` finds the records of one object in a
    whole answer, a webhook body or a bare record, and raises Unmappable with path and reason where there is none.
    `choices` are the options of fields, for drop-downs.
    """

    api_version: str
    default_base_url: str | None
    auth: Auth
    pacing: Pacing
    headers: tuple[tuple[str, str], ...] = ()
    request_id_header: str | None
    refusal: Callable[[VendorReply], VendorRefusal | None]
    budget: Callable[[VendorReply], Budget | None]
    account_requests: tuple[VendorRequest, ...]
    build_account: Callable[[tuple[VendorReply | None, ...], Mapping[ObjectName, tuple[CustomFieldSetting, ...]]], A]
    unwrap: Callable[[bytes, ObjectName], tuple[msgspec.Raw, ...]]
    setup: tuple[VendorRequest, ...] = ()
    choices: Choices[A] | None = None
    mappings: tuple[VendorMapping[Any, Any, Any, Any, A], ...]
    timeout_seconds: float = 10.0
    response_limit_bytes: int = 16 * 1024 * 1024
