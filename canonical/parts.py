"""The pieces that customers, orders and tickets share, and the envelope (`meta`) of every resource.

Reading Structs carry `<field>_raw` beside each vendor-sourced enum: the vendor's own value, kept even when
we know no better word for it than `unknown`. Patch Structs are what callers may send: nothing read-only, no
`_raw`, unknown members refused; `UNSET` means "leave it", `None` means "clear it".
"""

from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

ObjectName = Literal["customer", "order", "ticket", "comment"]
ID_PREFIX: Final[dict[ObjectName, str]] = {"customer": "cus_", "order": "ord_", "ticket": "tkt_"}
"""Comments have no canonical id: they are reached through their ticket."""

Instant = Annotated[datetime, Meta(tz=True)]
"""RFC 3339, UTC, written with a trailing `Z`."""
Money = Annotated[str, Meta(pattern=r"^-?[0-9]{1,15}(\.[0-9]{1,9})?$", examples=["19.90"])]
"""Decimal string with exactly the digits of its ISO 4217 currency; no exponent, no plus sign."""
Quantity = Annotated[str, Meta(pattern=r"^-?[0-9]{1,15}(\.[0-9]{1,9})?$", examples=["2"])]
"""Decimal string; fractions are real (1.5 m of cloth)."""
Text = Annotated[str, Meta(max_length=65535)]
Line = Annotated[str, Meta(max_length=1000)]

T = TypeVar("T")

AddressType = Literal["billing", "shipping", "home", "work", "other", "unknown"]
CustomFieldType = Literal["string", "number", "boolean", "date", "datetime", "enum", "multi_enum"]
CustomFieldValue = str | bool | int | float | list[str] | None
LossKind = Literal["dropped", "truncated", "coerced", "defaulted", "ambiguous"]


class Address(Struct, frozen=True, kw_only=True):
    """A postal address. `country_code` is ISO 3166-1 alpha-2; `country_raw` is the vendor's own text."""

    type: AddressType = "unknown"
    type_raw: str | None = None
    name: str | None = None
    company: str | None = None
    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country_code: str | None = None
    country_raw: str | None = None
    phone: str | None = None
    is_default: bool = False


class AddressPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An address as a caller sends it; arrays of addresses are replaced whole."""

    type: AddressType | UnsetType = UNSET
    name: Line | None = None
    company: Line | None = None
    line1: Line | None = None
    line2: Line | None = None
    city: Line | None = None
    region: Line | None = None
    postal_code: Line | None = None
    country_code: Annotated[str, Meta(examples=["DE"])] | None = None
    phone: Line | None = None
    is_default: bool = False


class CustomField(Struct, frozen=True, kw_only=True):
    """A vendor property that the connection's configuration names; `key` is ours, `type` says how to read `value`."""

    key: str
    type: CustomFieldType = "string"
    value: CustomFieldValue = None
    label: str | None = None


class CustomFieldPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One custom field to set; `key` must be configured for the connection. `type` and `label` are accepted and
    ignored, so that an array that was read can be sent back."""

    key: Line
    value: CustomFieldValue
    type: CustomFieldType | UnsetType = UNSET
    label: Line | None | UnsetType = UNSET


class CustomFieldSetting(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of a connection's configuration: which vendor property a canonical custom field is."""

    key: str
    vendor_field: str
    type: CustomFieldType = "string"
    label: str | None = None


class Attachment(Struct, frozen=True, kw_only=True):
    """A file at the vendor. `size` is in bytes; `url` may ask for the vendor's own login."""

    remote_id: str
    name: str
    content_type: str | None = None
    size: int | None = None
    url: str


class Loss(Struct, frozen=True, kw_only=True):
    """One thing that a mapping could not carry over unchanged. `path` is a JSON Pointer into the resource."""

    path: str
    kind: LossKind
    detail: str


class Link(Struct, frozen=True, kw_only=True):
    """The same thing at one connection."""

    connection: str
    remote_id: str


class MappingName(Struct, frozen=True, kw_only=True):
    """Which mapping made a resource: `hubspot.customer`, its revision, and the vendor API it speaks."""

    name: str
    revision: int
    vendor_api: str


class ResourceMeta(Struct, frozen=True, kw_only=True, omit_defaults=False):
    """Where a resource came from and what was lost on the way. `operation_id` and `correlation_id` stand in
    answers to writes only."""

    connection: str
    vendor: str
    remote_id: str
    remote_url: str | None
    remote_created_at: Instant | None
    remote_updated_at: Instant | None
    links: tuple[Link, ...]
    mapping: MappingName
    loss: tuple[Loss, ...]
    unsupported: tuple[str, ...]
    operation_id: str | UnsetType = UNSET
    correlation_id: str | UnsetType = UNSET


def given(value: T | UnsetType | None, default: T) -> T:
    """The value that was sent, or `default` where it was left out or cleared."""
    return default if value is None or isinstance(value, UnsetType) else value


Raw = dict[str, Any]
"""The vendor's own payload under `?include=raw`."""
