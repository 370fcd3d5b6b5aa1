"""The parts that customers, orders and tickets share, and the envelope (`meta`) of every resource.

Reading Structs have `<field>_raw` for each vendor-sourced enum: the vendor's own value, also where the canonical value
is `unknown`. Patch Structs are what callers may send: without read-only fields and `_raw`, and without unknown members.
`UNSET` leaves a field unchanged, `None` clears it.

The string below each field is its meaning, with an example as JSON in backticks if its type has none. A Patch field
without a string has the meaning of the reading field of the same name. `canonical.schema` generates JSON Schema from
them.
"""

from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

ObjectName = Literal["customer", "order", "ticket", "comment"]
ID_PREFIX: Final[dict[ObjectName, str]] = {"customer": "cus_", "order": "ord_", "ticket": "tkt_"}
"""Comments have no canonical id; they are addressed through their ticket."""

Instant = Annotated[datetime, Meta(tz=True, examples=["2026-05-01T09:30:00Z"])]
"""RFC 3339 in UTC, with a trailing `Z`."""
Money = Annotated[str, Meta(pattern=r"^-?[0-9]{1,15}(\.[0-9]{1,9})?$", examples=["19.90"])]
"""Decimal string with exactly the digits of its ISO 4217 currency; no exponent, no plus sign."""
Quantity = Annotated[str, Meta(pattern=r"^-?[0-9]{1,15}(\.[0-9]{1,9})?$", examples=["2"])]
"""Decimal string. Fractions are possible (1.5 m of cloth)."""
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
    """What the address is for."""
    type_raw: str | None = None
    """The vendor's own word for `type`. Example: `"BILLING"`"""
    name: str | None = None
    """Whose name goes on the parcel. Example: `"Ann Lee"`"""
    company: str | None = None
    """The company to deliver to. Example: `"Lee Ceramics Ltd"`"""
    line1: str | None = None
    """Street and number. Example: `"12 Harbour Street"`"""
    line2: str | None = None
    """Flat, floor, building. Example: `"2nd floor"`"""
    city: str | None = None
    """Town or city. Example: `"Bristol"`"""
    region: str | None = None
    """State, province or county as the vendor writes it, in full or as a code. Example: `"Avon"`"""
    postal_code: str | None = None
    """Postal code with the spaces and letters that the vendor holds. Example: `"BS1 4RN"`"""
    country_code: str | None = None
    """ISO 3166-1 alpha-2; null where the vendor's text names no country that we know. Example: `"GB"`"""
    country_raw: str | None = None
    """The country as the vendor writes it. Example: `"United Kingdom"`"""
    phone: str | None = None
    """A number to call about a delivery, as the vendor holds it. Example: `"+44 117 496 0123"`"""
    is_default: bool = False
    """Whether the vendor uses this address when none is chosen; at most one is so. Example: `true`"""


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
    country_code: Annotated[str, Meta(examples=["GB"])] | None = None
    """ISO 3166-1 alpha-2."""
    phone: Line | None = None
    is_default: bool = False


class CustomField(Struct, frozen=True, kw_only=True):
    """A vendor property that the connection's configuration names; `key` is ours, `type` says how to read `value`."""

    key: str
    """Our name for it, the same at every connection. Example: `"loyalty_tier"`"""
    type: CustomFieldType = "string"
    """How to read `value`; an `enum` is one of the vendor's choices, a `multi_enum` several. Example: `"enum"`"""
    value: CustomFieldValue = None
    """The value, in the JSON type that `type` asks for: dates are strings, numbers are numbers. Example: `"gold"`"""
    label: str | None = None
    """What people call the field. Example: `"Loyalty tier"`"""


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
    """The vendor's id of the file. Example: `"498483"`"""
    name: str
    """File name with its extension. Example: `"crack.jpg"`"""
    content_type: str | None = None
    """Media type. Example: `"image/jpeg"`"""
    size: int | None = None
    """Size in bytes. Example: `248310`"""
    url: str
    """Where it can be fetched; the vendor may ask for its own login. Example: `"https://files.example/crack.jpg"`"""


class Loss(Struct, frozen=True, kw_only=True):
    """One thing that a mapping could not carry over unchanged. `path` is a JSON Pointer into the resource."""

    path: str
    """JSON Pointer (RFC 6901) into the resource. Example: `"/emails/0/address"`"""
    kind: LossKind
    """What happened to the value. Example: `"coerced"`"""
    detail: str
    """What happened, for a person. Example: `"trimmed and lower-cased"`"""


class Link(Struct, frozen=True, kw_only=True):
    """The same thing at one connection."""

    connection: str
    """The connection's name in the configuration. Example: `"hubspot"`"""
    remote_id: str
    """The record's id there. Example: `"1051"`"""


class MappingName(Struct, frozen=True, kw_only=True):
    """Which mapping made a resource: `hubspot.customer`, its revision, and the vendor API it speaks."""

    name: str
    """Vendor and object. Example: `"hubspot.customer"`"""
    revision: int
    """The revision that was at work. Example: `1`"""
    vendor_api: str
    """The version of the vendor's API. Example: `"v3"`"""


class ResourceMeta(Struct, frozen=True, kw_only=True, omit_defaults=False):
    """Where a resource came from and what was lost on the way. `operation_id` and `correlation_id` stand in
    answers to writes only."""

    connection: str
    """The connection that holds the record. Example: `"hubspot"`"""
    vendor: str
    """The product behind the connection. Example: `"hubspot"`"""
    remote_id: str
    """The record's id at the vendor, in its shortest URL-safe form. Example: `"1051"`"""
    remote_url: str | None
    """Where a person sees the record at the vendor. Example: `"https://app.hubspot.com/contacts/1/record/0-1/1051"`"""
    remote_created_at: Instant | None
    """When the vendor made the record."""
    remote_updated_at: Instant | None
    """When the record last changed at the vendor."""
    links: tuple[Link, ...]
    """Every connection at which the same thing is known; not part of the `ETag`."""
    mapping: MappingName
    """The mapping that made this resource."""
    loss: tuple[Loss, ...]
    """Everything that was dropped, truncated, coerced, defaulted or is ambiguous; empty when nothing was lost."""
    unsupported: tuple[str, ...]
    """Fields that this vendor can never supply, so that null there means "not known". Example: `["tax_ids"]`"""
    operation_id: str | UnsetType = UNSET
    """The operation that wrote this; in answers to writes only. Example: `"op_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    correlation_id: str | UnsetType = UNSET
    """The run that wrote this; in answers to writes only. Example: `"orders-4711-1767225600000"`"""


def given(value: T | UnsetType | None, default: T) -> T:
    """Return the value that was sent, or `default` if it was omitted or cleared."""
    return default if value is None or isinstance(value, UnsetType) else value


Raw = dict[str, Any]
"""The vendor's own payload under `?include=raw`."""
