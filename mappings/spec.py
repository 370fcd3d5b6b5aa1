"""Types that a vendor folder declares for an object: one or more revisions of its mapping (`VendorMapping`).
`endpoints` declares its requests, and `manifest` the vendor itself.

The transport is data; a mapping is a pair of plain typed functions. Everything here is pure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, Generic, Literal, TypeVar, cast

import msgspec
from msgspec import Struct

from canonical.order_patch import LineItemPatch
from canonical.parts import Instant, Loss, LossKind, ObjectName
from canonical.schema import ROOTS
from canonical.slots import Slots
from mappings import coercion
from mappings.drift import UNNAMED, named_in, place_of
from mappings.endpoints import Endpoints, FieldRefusal
from mappings.stored import TextChange

R = TypeVar("R")  # one record as the vendor sends it
M = TypeVar("M", bound=Struct)  # the canonical resource
P = TypeVar("P", bound=Struct)  # the fields that a caller may write
W = TypeVar("W")  # the body the vendor accepts
A = TypeVar("A", bound=Struct)  # facts about the account


class Unmappable(Exception):
    """A record cannot be mapped, such as a deleted stub. `path` is a JSONPath into the record. `place` is the JSONPath
    of the exact member, including the name of a missing member or one that `path` leaves out."""

    def __init__(self, path: str, reason: str, *, place: str | None = None) -> None:
        super().__init__(f"{reason} - at {path}")
        self.path = path
        self.reason = reason
        self.place = place or place_of(path, reason)


class VendorDrift(Unmappable):
    """The record does not fit the wire Struct: a member that Lockstitch reads is missing or has another type."""


class SeveralRecords(Unmappable):
    """A look-up by a key that should name one record finds several."""


class Remote(Struct, frozen=True, kw_only=True):
    """The record's identity at the vendor. `id` is its shortest URL-safe form. `version` is the vendor's token for
    optimistic locking, if it has one."""

    id: str
    url: str | None = None
    created_at: Instant | None = None
    updated_at: Instant | None = None
    version: str | None = None


class Mapped(Struct, Generic[M], frozen=True, kw_only=True):
    """A mapped record: the canonical resource, its identity at the vendor, and the losses."""

    data: M
    remote: Remote
    loss: tuple[Loss, ...] = ()


class Draft(Struct, Generic[W], frozen=True, kw_only=True):
    """A write in the vendor's format. Send it only if `refused` is empty. `?loss=` says which refusals of kind
    `unsupported` become losses."""

    body: W
    loss: tuple[Loss, ...] = ()
    refused: tuple[FieldRefusal, ...] = ()


class Notes(Struct, kw_only=True):
    """Collects the losses and refusals of a mapping while it runs."""

    loss: list[Loss] = []
    refused: list[FieldRefusal] = []

    def lose(self, path: str, kind: LossKind, detail: str) -> None:
        """Record a loss. `path` is a JSON Pointer into the canonical resource."""
        self.loss.append(Loss(path=path, kind=kind, detail=detail))

    def fold(self, path: str, place: str, detail: str) -> None:
        """Record that the value at `path` went into another field. `place` is the pointer of that field, which need not
        be in the body: a line that was added has the index after the last one."""
        self.loss.append(Loss(path=path, kind="folded", detail=detail, place=place))

    def invalid(self, pointer: str, detail: str) -> None:
        """Refuse a value. `detail` names the valid values."""
        self.refused.append(FieldRefusal(kind="invalid", pointer=pointer, detail=detail))

    def unsupported(self, pointer: str, detail: str) -> None:
        """Refuse a field that the vendor cannot store."""
        self.refused.append(FieldRefusal(kind="unsupported", pointer=pointer, detail=detail))

    def draft(self, body: W) -> Draft[W]:
        """Return a write with this body, and the collected losses and refusals."""
        return Draft(body=body, loss=tuple(self.loss), refused=tuple(self.refused))


@dataclass(frozen=True, kw_only=True)
class ReadShape(Generic[M, A]):
    """Another shape of the same object, such as a webhook body. `matches` recognises it by the names of the record's
    top-level members."""

    record: type[Any]
    matches: Callable[[frozenset[str]], bool]
    to_canonical: Callable[[Any, A], Mapped[M]]


@dataclass(frozen=True, kw_only=True, eq=False)
class VendorMapping(Generic[R, M, P, W, A]):
    """One revision of the mapping between a vendor's object and the canonical one. All revisions of an object share
    their endpoints, so two of them can read the same answer. `builds_on` is an earlier revision whose result this one
    completes. `coerces` accepts scalars in undocumented spellings (see `coercion`), for vendors whose plugins change
    records. `total_of(body, account)` returns the sum in major units that the vendor computes from the body of a new
    order; None if the body leaves it to the vendor, such as the price of a product. Every mapping of orders that
    creates some has one. It never raises. `lines_of(body)` returns names, quantities, unit prices and taxes of the
    lines of a new order, for a vendor whose lines hold other parts of the sum. `stores` is what the vendor itself
    changes in texts, by field (see `stored`): a write sends the text that it would store. `longest` are the most
    characters of texts that the vendor would refuse otherwise, by path (see `stored.too_long`). `hidden_keys` are the
    keys by which the vendor also finds records whose value is not read: by a list (`in_lists`), or at all (`always`).
    `slots` says which items of a list the vendor stores where it has one place for each; a list without an entry takes
    any number. `stores_one_name`: a customer has one name at the vendor, not a first and a last name."""

    vendor: str
    object: ObjectName
    revision: int
    vendor_api: str
    record: type[R]
    account: type[A]
    endpoints: Endpoints[W, A]
    to_canonical: Callable[[R, A], Mapped[M]]
    to_vendor: Callable[[P, R | None, A], Draft[W]]
    total_of: Callable[[W, A], Decimal | None] | None = None
    lines_of: Callable[[W], tuple[LineItemPatch, ...]] | None = None
    shapes: tuple[ReadShape[M, A], ...] = ()
    builds_on: "VendorMapping[R, M, P, W, A] | None" = None
    coerces: bool = False
    stores: Mapping[str, TextChange] = field(default_factory=dict)
    longest: Mapping[str, int] = field(default_factory=dict)
    hidden_keys: Mapping[str, Literal["in_lists", "always"]] = field(default_factory=dict)
    slots: Mapping[str, Slots] = field(default_factory=dict)
    stores_one_name: bool = False

    def __post_init__(self) -> None:
        """Raise TypeError for a mapping that creates orders without `total_of`."""
        if self.object == "order" and self.endpoints.create is not None and self.total_of is None:
            raise TypeError(f"{self.name} creates orders, so it needs a total_of")

    @property
    def name(self) -> str:
        """Return the mapping's name, such as `hubspot.customer`."""
        return f"{self.vendor}.{self.object}"

    @property
    def model(self) -> type[M]:
        """Return the canonical resource of the object."""
        return cast("type[M]", ROOTS[self.object])

    @property
    def patch(self) -> type[P]:
        """Return the fields of the object that a caller may write."""
        return cast("type[P]", ROOTS[f"{self.object}-write"])

    @cached_property
    def _decoder(self) -> msgspec.json.Decoder[R]:
        return msgspec.json.Decoder(self.record)

    def decode(self, record: bytes | msgspec.Raw) -> R:
        """Decode a record into its wire Struct.

        Raises VendorDrift, with the JSONPath, if the record does not fit.
        """
        return decode_loosely(record, self.record) if self.coerces else _decoded(record, self._decoder)

    def read(self, record: bytes | msgspec.Raw, account: A) -> Mapped[M]:
        """Decode and map one record in the main shape.

        Raises VendorDrift if the record does not fit its wire Struct, Unmappable if it cannot be mapped.
        """
        return self.to_canonical(self.decode(record), account)


_decoders: dict[type[Any], msgspec.json.Decoder[Any]] = {}


def decode(record: bytes | msgspec.Raw, into: type[R]) -> R:
    """Decode bytes into a wire Struct, with one cached decoder per type.

    Raises VendorDrift with msgspec's message, and its path as JSONPath.
    """
    decoder = _decoders.get(into)
    if decoder is None:
        decoder = _decoders[into] = msgspec.json.Decoder(into)
    return _decoded(record, decoder)  # type: ignore[no-any-return]


def decode_loosely(record: bytes | msgspec.Raw, into: type[R]) -> R:
    """Like `decode`, but accept scalars in undocumented spellings (see `coercion`). Raises VendorDrift."""
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
