"""Parts shared by customers, orders and tickets, and the envelope (`meta`) of every resource.

Reading Structs have `<field>_raw` for each vendor-sourced enum: the vendor's own value, even if the canonical value is
`unknown`. Patch Structs define what callers may send: no read-only fields, no `_raw`, no unknown members. `UNSET`
leaves a field unchanged, `None` clears it.

The string below each field is its meaning, with an example as JSON in backticks if its type has none. A Patch field
without a string has the meaning of the reading field of the same name. `canonical.schema` generates JSON Schema from
these strings.
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
LossKind = Literal["dropped", "truncated", "coerced", "defaulted", "folded", "ambiguous"]


class Address(Struct, frozen=True, kw_only=True):
    """A postal address. `country_code` is ISO 3166-1 alpha-2; `country_raw` is the vendor's own text."""

    type: AddressType = "unknown"
    """Purpose of the address."""
    type_raw: str | None = None
    """The vendor's own word for `type`. Example: `"BILLING"`"""
    name: str | None = None
    """Name of the recipient. Example: `"Ann Lee"`"""
    company: str | None = None
    """Company of the recipient. Example: `"Lee Ceramics Ltd"`"""
    line1: str | None = None
    """Street and number. Example: `"12 Harbour Street"`"""
    line2: str | None = None
    """Flat, floor or building. Example: `"2nd floor"`"""
    city: str | None = None
    """Town or city. Example: `"Bristol"`"""
    region: str | None = None
    """State, province or county as the vendor writes it, in full or as a code. Example: `"Avon"`"""
    postal_code: str | None = None
    """Postal code as the vendor stores it, with its spaces and letters. Example: `"BS1 4RN"`"""
    country_code: str | None = None
    """ISO 3166-1 alpha-2 code; null if the vendor's text names no known country. Example: `"GB"`"""
    country_raw: str | None = None
    """The country as the vendor writes it. Example: `"United Kingdom"`"""
    phone: str | None = None
    """Telephone number for deliveries, as the vendor stores it. Example: `"+44 117 496 0123"`"""
    is_default: bool = False
    """Whether this is the vendor's default address; at most one is. Example: `true`"""


class AddressPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An address to store. An array of addresses replaces the whole array."""

    type: AddressType | UnsetType = UNSET
    name: Line | None = None
    company: Line | None = None
    line1: Line | None = None
    line2: Line | None = None
    city: Line | None = None
    region: Line | None = None
    postal_code: Line | None = None
    country_code: Annotated[str, Meta(examples=["GB"])] | None = None
    """ISO 3166-1 alpha-2 code."""
    phone: Line | None = None
    is_default: Annotated[bool, Meta(extra_json_schema={"default": False})] | UnsetType = UNSET


class CustomField(Struct, frozen=True, kw_only=True):
    """A vendor property that the connection's configuration names; `key` is its canonical name."""

    key: str
    """Canonical name of the field, the same at every connection. Example: `"loyalty_tier"`"""
    type: CustomFieldType = "string"
    """How to read `value`; an `enum` is one of the vendor's choices, a `multi_enum` several. Example: `"enum"`"""
    value: CustomFieldValue = None
    """The value, in the JSON type that `type` requires: dates are strings, numbers are numbers. Example: `"gold"`"""
    label: str | None = None
    """Display name of the field. Example: `"Loyalty tier"`"""


class CustomFieldPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One custom field to set; `key` must be configured for the connection. `type` and `label` are accepted and
    ignored, so you can send back an array as you read it."""

    key: Line
    value: CustomFieldValue
    type: CustomFieldType | UnsetType = UNSET
    label: Line | None | UnsetType = UNSET


class CustomFieldSetting(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Maps a canonical custom field to a vendor property, in a connection's configuration."""

    key: str
    vendor_field: str
    type: CustomFieldType = "string"
    label: str | None = None


class Reference(Struct, frozen=True, kw_only=True):
    """Another record, or a person, team or company at the vendor: its ids, and the keys that every system knows."""

    id: str | None = None
    """Canonical id of a customer, order or ticket; null for everything else, and for a record that is not linked.
    Example: `"cus_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    connection: str | None = None
    """Name of the connection that `remote_id` belongs to; null without a `remote_id`. Example: `"zendesk"`"""
    remote_id: str | None = None
    """The vendor's id; null for a person without a record. Example: `"35436"`"""
    email: str | None = None
    """E-mail address, in lower case. Example: `"ann@example.com"`"""
    phone: str | None = None
    """Telephone number as the vendor stores it. Example: `"+441174960123"`"""
    name: str | None = None
    """Full name of a person, name of a team or company. Example: `"Ann Lee"`"""


class ReferencePatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names another record: by a canonical `id` or `<connection>:<vendor id>`, by `remote_id` with its `connection`, or
    by a key that every system knows."""

    id: Line | None = None
    """Canonical id, or `<connection>:<vendor id>`. Example: `"cus_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    connection: Line | None = None
    """Name of the connection that `remote_id` belongs to; the default is `meta.connection` of the body. Example:
    `"zendesk"`"""
    remote_id: Line | None = None
    """The vendor's id at `connection`. Only that vendor gets it. Example: `"35436"`"""
    email: Annotated[str, Meta(max_length=254)] | None = None
    """E-mail address. Example: `"ann@example.com"`"""
    phone: Annotated[str, Meta(max_length=64)] | None = None
    """Telephone number. Example: `"+441174960123"`"""
    name: Line | None = None


class ProductReference(Struct, frozen=True, kw_only=True):
    """The product of an order line."""

    connection: str | None = None
    """Name of the connection that the ids belong to. Example: `"shopify"`"""
    remote_id: str | None = None
    """The vendor's product id. Example: `"632910392"`"""
    variant_remote_id: str | None = None
    """The vendor's id of the variant, such as a colour or size. Example: `"49148385"`"""
    sku: str | None = None
    """Stock-keeping unit, the merchant's own article number. Example: `"MUG-BLUE"`"""
    name: str | None = None
    """Name of the product, if it differs from that of the line. Example: `"Mug"`"""


class ProductReferencePatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The product to order: by the vendor's ids with their `connection`, or by `sku`."""

    connection: Line | None = None
    """Name of the connection that the ids belong to; the default is `meta.connection` of the body. Example:
    `"shopify"`"""
    remote_id: Line | None = None
    variant_remote_id: Line | None = None
    """The vendor's variant id; the variant supplies name and price."""
    sku: Line | None = None
    name: Line | None = None


class Attachment(Struct, frozen=True, kw_only=True):
    """A file at the vendor."""

    remote_id: str
    """The vendor's file id. Example: `"498483"`"""
    name: str
    """File name with its extension. Example: `"crack.jpg"`"""
    content_type: str | None = None
    """Media type. Example: `"image/jpeg"`"""
    size: int | None = None
    """Size in bytes. Example: `248310`"""
    url: str
    """URL of the file; it may require a login at the vendor. Example: `"https://files.example/crack.jpg"`"""


class Loss(Struct, frozen=True, kw_only=True):
    """One value that a mapping could not carry over unchanged."""

    path: str
    """JSON Pointer (RFC 6901) to the value in the resource. Example: `"/emails/0/address"`"""
    kind: LossKind
    """Kind of loss. Example: `"coerced"`"""
    detail: str
    """Human-readable explanation of the loss. Example: `"trimmed and lower-cased"`"""
    place: str | UnsetType = UNSET
    """JSON Pointer to the field that a `folded` value went into; absent for other kinds. Example: `"/line_items/2"`"""


class Link(Struct, frozen=True, kw_only=True):
    """A record of the same resource at one connection."""

    connection: str
    """Name of the connection in the configuration. Example: `"hubspot"`"""
    remote_id: str
    """The record's id at that connection. Example: `"1051"`"""


class Skipped(Struct, frozen=True, kw_only=True):
    """A field that a write left as it is, because another system owns it."""

    pointer: str
    """JSON Pointer (RFC 6901) to the field. Example: `"/emails"`"""
    owner: str
    """The connection that owns the field. Example: `"hubspot"`"""
    reason: str
    """Why the field was left. Example: `"key:n8n is not a writer of emails, which hubspot owns"`"""


class FieldOwnership(Struct, frozen=True, kw_only=True):
    """Who owns a field, who may write it, and what happens to a change by anyone else."""

    owner: str | None = None
    """The connection that owns the field; null if none is configured. Example: `"hubspot"`"""
    writers: tuple[str, ...] | None = None
    """Who may write the field besides its owner: connections, API keys as `key:<name>`, and `person`. Null: anyone at
    the owner's connection. Example: `["shopify", "key:n8n", "person"]`"""
    freshness_seconds: int | None = None
    """How old a copy of the field may be, in seconds; null if nothing is promised. Example: `900`"""
    anyone_else: Literal["reject", "skip", "review"] | None = None
    """What happens to a change by anyone else; null if it is not checked. Example: `"reject"`"""
    among_writers: Literal["owner_wins", "newest", "fill_empty"] | None = None
    """Whose value counts where several may write; null: that of the last write. Example: `"owner_wins"`"""
    team: str | None = None
    """The team that decides about the field. Example: `"Revenue operations"`"""


class MappingName(Struct, frozen=True, kw_only=True):
    """The mapping that produced a resource, its revision, and the version of the vendor's API."""

    name: str
    """Vendor and object. Example: `"hubspot.customer"`"""
    revision: int
    """Revision of the mapping. Example: `1`"""
    vendor_api: str
    """Version of the vendor's API. Example: `"v3"`"""


class ResourceMeta(Struct, frozen=True, kw_only=True, omit_defaults=False):
    """Origin of a resource, and what its mapping lost. `ignored`, `skipped`, `operation_id` and `correlation_id` are
    present only in responses to writes."""

    connection: str
    """Name of the connection that the record belongs to. Example: `"hubspot"`"""
    vendor: str
    """Vendor of the connection. Example: `"hubspot"`"""
    remote_id: str
    """The record's id at the vendor, in its shortest URL-safe form. Example: `"1051"`"""
    remote_url: str | None
    """Page that shows the record at the vendor. Example: `"https://app.hubspot.com/contacts/1/record/0-1/1051"`"""
    remote_created_at: Instant | None
    """When the record was created at the vendor."""
    remote_updated_at: Instant | None
    """When the record last changed at the vendor."""
    links: tuple[Link, ...]
    """Records of the same resource at all connections; not part of the `ETag`."""
    mapping: MappingName
    """The mapping that produced this resource."""
    loss: tuple[Loss, ...]
    """Values that were dropped, truncated, coerced or defaulted, or are ambiguous; empty if nothing was lost."""
    unsupported: tuple[str, ...]
    """Fields that this vendor can never supply; null means "not known" there. Example: `["tax_ids"]`"""
    as_of: Instant | UnsetType = UNSET
    """When Lockstitch last knew the record to be like this; only in answers from the last-seen state (`max_age`,
    `stale_if_error`, exports). Example: `"2026-05-01T09:30:00Z"`"""
    ignored: tuple[str, ...] | UnsetType = UNSET
    """Output-only members of the body, which the write ignored, as JSON Pointers; the first 100. Only in responses to
    writes. Example: `["/id", "/created_at"]`"""
    skipped: tuple[Skipped, ...] | UnsetType = UNSET
    """Fields that the write left as they are, because another system owns them. Only in responses to writes."""
    owners: dict[str, FieldOwnership] | UnsetType = UNSET
    """Who owns each field; only with `?include=owners`."""
    operation_id: str | UnsetType = UNSET
    """Id of the write operation; only in responses to writes. Example: `"op_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    correlation_id: str | UnsetType = UNSET
    """Correlation id of the write; only in responses to writes. Example: `"orders-4711-1767225600000"`"""


def sent_or(value: T | UnsetType | None, default: T) -> T:
    """Return the value that was sent, or `default` if it was omitted or cleared."""
    return default if value is None or isinstance(value, UnsetType) else value


Raw = dict[str, Any]
"""The vendor's own payload under `?include=raw`."""
