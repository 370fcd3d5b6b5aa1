"""The customer: a person or organisation that buys or requests support. The primary e-mail address is the match key."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from canonical.parts import (
    Address,
    AddressPatch,
    CustomField,
    CustomFieldPatch,
    Instant,
    Line,
    Money,
    Raw,
    ResourceMeta,
    Text,
)

CustomerKind = Literal["person", "organization", "unknown"]
EmailType = Literal["work", "personal", "billing", "other", "unknown"]
EmailStatus = Literal["ok", "bounced", "unsubscribed", "unknown"]
PhoneType = Literal["mobile", "work", "home", "fax", "other", "unknown"]
CustomerStatus = Literal["active", "inactive", "archived", "blocked", "erasure_requested", "unknown"]
LifecycleStage = Literal[
    "subscriber",
    "lead",
    "marketing_qualified",
    "sales_qualified",
    "opportunity",
    "customer",
    "evangelist",
    "other",
    "unknown",
]
TaxExemption = Literal["none", "exempt", "reverse_charge", "unknown"]
ConsentChannel = Literal["email", "sms", "phone", "post", "ads", "unknown"]
ConsentState = Literal["opted_in", "opted_out", "pending", "never", "unknown"]
SubscriptionStatus = Literal["trialing", "active", "past_due", "paused", "canceled", "incomplete", "unknown"]


class Email(Struct, frozen=True, kw_only=True):
    """An e-mail address, lower-cased on reading."""

    address: str
    """E-mail address, trimmed and in lower case; the primary one is the match key. Example: `"ann@example.com"`"""
    type: EmailType = "unknown"
    """Purpose of the address. Example: `"work"`"""
    type_raw: str | None = None
    """The vendor's own word for `type`. Example: `"WORK"`"""
    is_primary: bool = False
    """Whether this is the primary address; exactly one is, unless the array is empty. Example: `true`"""
    status: EmailStatus = "unknown"
    """Delivery status of the address, as the vendor reports it. Example: `"ok"`"""
    status_raw: str | None = None
    """The vendor's own word for `status`. Example: `"deliverable"`"""


class EmailPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An e-mail address to store. The primary one is the one with `is_primary`, or the only one."""

    address: Annotated[str, Meta(max_length=254)]
    """A well-formed e-mail address (RFC 5321); it is stored in lower case."""
    type: EmailType | UnsetType = UNSET
    is_primary: bool | UnsetType = UNSET
    status: EmailStatus | UnsetType = UNSET


class Phone(Struct, frozen=True, kw_only=True):
    """A telephone number: `raw` as the vendor stores it, and `e164` if it is a possible number."""

    e164: str | None = None
    """The number in E.164; null if the text has no country or is no possible number. Example: `"+441174960123"`"""
    raw: str
    """The number as the vendor stores it. Example: `"+44 117 496 0123"`"""
    type: PhoneType = "unknown"
    """Kind of number. Example: `"mobile"`"""
    type_raw: str | None = None
    """The vendor's own word for `type`. Example: `"MOBILE"`"""
    is_primary: bool = False
    """Whether this is the primary number. Example: `true`"""


class PhonePatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A telephone number to store. Send `e164`, or `raw` if you know only the national form."""

    e164: Annotated[str, Meta(max_length=16)] | None = None
    """The number in E.164: a plus sign and at most 15 digits."""
    raw: Annotated[str, Meta(max_length=64)] | None = None
    """The number in its national form."""
    type: PhoneType | UnsetType = UNSET
    is_primary: bool | UnsetType = UNSET


class TaxId(Struct, frozen=True, kw_only=True):
    """A tax number."""

    type: str
    """The vendor's name for the kind of number. Example: `"eu_vat"`"""
    value: str
    """The number as the vendor stores it. Example: `"DE123456789"`"""
    country_code: str | None = None
    """ISO 3166-1 alpha-2 code of the country that issued the number. Example: `"DE"`"""


class TaxIdPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tax number to store."""

    type: Line
    value: Line
    country_code: str | None = None


class Consent(Struct, frozen=True, kw_only=True):
    """The customer's marketing consent for one channel."""

    channel: ConsentChannel = "unknown"
    """Channel that the consent is for. Example: `"email"`"""
    channel_raw: str | None = None
    """The vendor's own word for `channel`. Example: `"EMAIL"`"""
    state: ConsentState = "unknown"
    """State of the consent; `never` means that the customer was never asked. Example: `"opted_in"`"""
    state_raw: str | None = None
    """The vendor's own word for `state`. Example: `"SUBSCRIBED"`"""
    collected_at: Instant | None = None
    """When the customer gave or withdrew the consent."""


class ConsentPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A consent to record."""

    channel: ConsentChannel
    state: ConsentState
    collected_at: Instant | None = None


class Subscription(Struct, frozen=True, kw_only=True):
    """A subscription that the vendor bills; read-only."""

    remote_id: str
    """The vendor's subscription id. Example: `"sub_1NcYdn"`"""
    status: SubscriptionStatus = "unknown"
    """State of the subscription. Example: `"active"`"""
    status_raw: str | None = None
    """The vendor's own word for `status`. Example: `"active"`"""
    plan: str | None = None
    """Name of the plan. Example: `"Studio, monthly"`"""
    current_period_end: Instant | None = None
    """End of the current billing period. Example: `"2026-06-01T00:00:00Z"`"""
    cancel_at: Instant | None = None
    """When the subscription will end; null if no end is set. Example: `"2026-12-31T00:00:00Z"`"""


class OrderStats(Struct, frozen=True, kw_only=True):
    """The customer's order statistics, as the vendor counts them; read-only."""

    count: int
    """Number of orders; the vendor decides whether cancelled ones count. Example: `3`"""
    total_spent: Money
    """Total amount paid, in `currency`. Example: `"119.70"`"""
    currency: str
    """ISO 4217 code of `total_spent`. Example: `"EUR"`"""
    last_order_at: Instant | None = None
    """When the customer placed the last order."""


class Customer(Struct, frozen=True, kw_only=True):
    """A customer as read. A field that the vendor cannot supply is null or empty and listed in `meta.unsupported`."""

    id: str | UnsetType = UNSET
    """Canonical id, the same in all linked systems. Example: `"cus_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    kind: CustomerKind = "unknown"
    """Whether the customer is a person or an organisation."""
    kind_raw: str | None = None
    """The vendor's own word for `kind`. Example: `"individual"`"""
    display_name: str | None = None
    """Display name; built from the other names if the vendor has none. Example: `"Ann Lee"`"""
    first_name: str | None = None
    """Given names. Example: `"Ann"`"""
    last_name: str | None = None
    """Family name. Example: `"Lee"`"""
    company_name: str | None = None
    """Company that the customer is or works for. Example: `"Lee Ceramics Ltd"`"""
    job_title: str | None = None
    """The person's position at the company. Example: `"Owner"`"""
    emails: tuple[Email, ...] = ()
    """E-mail addresses; the one with `is_primary` is the match key."""
    phones: tuple[Phone, ...] = ()
    """Telephone numbers."""
    addresses: tuple[Address, ...] = ()
    """Postal addresses."""
    language: str | None = None
    """Preferred language, as a BCP 47 tag. Example: `"en-GB"`"""
    timezone: str | None = None
    """The customer's IANA time zone. Example: `"Europe/London"`"""
    currency: str | None = None
    """ISO 4217 code of the currency that the customer pays in. Example: `"EUR"`"""
    status: CustomerStatus = "unknown"
    """State of the customer record; DELETE sets `archived`."""
    status_raw: str | None = None
    """The vendor's own word for `status`. Example: `"ENABLED"`"""
    lifecycle_stage: LifecycleStage = "unknown"
    """Stage of the customer in marketing and sales. Example: `"customer"`"""
    lifecycle_stage_raw: str | None = None
    """The vendor's own word for `lifecycle_stage`. Example: `"customer"`"""
    lead_source: str | None = None
    """Source of the customer, in the vendor's own words. Example: `"ORGANIC_SEARCH"`"""
    owner_remote_id: str | None = None
    """The vendor's user id of the customer's owner. Example: `"77120"`"""
    notes: str | None = None
    """Notes for the staff. Example: `"Prefers a call in the morning"`"""
    tags: tuple[str, ...] = ()
    """Labels of the customer, in no particular order. Example: `["wholesale"]`"""
    custom_fields: tuple[CustomField, ...] = ()
    """Vendor properties that the connection's configuration names."""
    external_id: str | None = None
    """The caller's own key, unique at a vendor that can store one. Example: `"erp-20417"`"""
    tax_ids: tuple[TaxId, ...] = ()
    """Tax numbers."""
    tax_exemption: TaxExemption = "unknown"
    """Tax exemption of the customer."""
    tax_exemption_raw: str | None = None
    """The vendor's own word for `tax_exemption`. Example: `"false"`"""
    consents: tuple[Consent, ...] = ()
    """Marketing consents, one per channel."""
    subscriptions: tuple[Subscription, ...] = ()
    """Subscriptions that the vendor bills; read-only."""
    order_stats: OrderStats | None = None
    """Order statistics, as the vendor counts them; read-only."""
    created_at: Instant | None = None
    """When the record was created at the vendor; read-only. Example: `"2026-01-12T08:15:00Z"`"""
    updated_at: Instant | None = None
    """When the record last changed at the vendor; read-only."""
    meta: ResourceMeta | UnsetType = UNSET
    """Origin of the resource, and what its mapping lost."""
    raw: Raw | UnsetType = UNSET
    """The vendor's own payload; only with `?include=raw`. Example: `{"id": "1051"}`"""


class CustomerPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of a customer that a caller may write. An absent field stays unchanged, `null` clears it (an array
    becomes empty), an array replaces the whole array (RFC 7396). `kind`, `status` and `lifecycle_stage` cannot be
    cleared."""

    kind: CustomerKind | UnsetType = UNSET
    display_name: Line | None | UnsetType = UNSET
    first_name: Line | None | UnsetType = UNSET
    last_name: Line | None | UnsetType = UNSET
    company_name: Line | None | UnsetType = UNSET
    job_title: Line | None | UnsetType = UNSET
    emails: tuple[EmailPatch, ...] | None | UnsetType = UNSET
    phones: tuple[PhonePatch, ...] | None | UnsetType = UNSET
    addresses: tuple[AddressPatch, ...] | None | UnsetType = UNSET
    language: Line | None | UnsetType = UNSET
    timezone: Line | None | UnsetType = UNSET
    currency: Line | None | UnsetType = UNSET
    status: CustomerStatus | UnsetType = UNSET
    lifecycle_stage: LifecycleStage | UnsetType = UNSET
    lead_source: Line | None | UnsetType = UNSET
    owner_remote_id: Line | None | UnsetType = UNSET
    notes: Text | None | UnsetType = UNSET
    tags: tuple[Line, ...] | None | UnsetType = UNSET
    custom_fields: tuple[CustomFieldPatch, ...] | None | UnsetType = UNSET
    external_id: Annotated[str, Meta(min_length=1, max_length=255)] | None | UnsetType = UNSET
    """The caller's own key, unique at the vendor; the match key of `?upsert_on=external_id`."""
    tax_ids: tuple[TaxIdPatch, ...] | None | UnsetType = UNSET
    tax_exemption: TaxExemption | UnsetType = UNSET
    consents: tuple[ConsentPatch, ...] | None | UnsetType = UNSET
