"""Customer: a person or organisation that buys or asks. The primary e-mail is the match key."""

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
    """Trimmed and in lower case; the primary one is the customer's match key. Example: `"ann@example.com"`"""
    type: EmailType = "unknown"
    """What the address is used for. Example: `"work"`"""
    type_raw: str | None = None
    """The vendor's own word for `type`. Example: `"WORK"`"""
    is_primary: bool = False
    """Whether the vendor writes to this one first; exactly one is where there is any. Example: `true`"""
    status: EmailStatus = "unknown"
    """Whether mail arrives there, as far as the vendor knows. Example: `"ok"`"""
    status_raw: str | None = None
    """The vendor's own word for `status`. Example: `"deliverable"`"""


class EmailPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An e-mail address to store; the only one, or the one marked, is the primary."""

    address: Annotated[str, Meta(max_length=254)]
    """Well-formed (RFC 5321); it is stored in lower case."""
    type: EmailType | UnsetType = UNSET
    is_primary: bool | UnsetType = UNSET
    status: EmailStatus | UnsetType = UNSET


class Phone(Struct, frozen=True, kw_only=True):
    """`e164` where the vendor's text parses as a possible number, `raw` always."""

    e164: str | None = None
    """The number in E.164; null where the text names no country or no possible number. Example: `"+441174960123"`"""
    raw: str
    """The number as the vendor holds it. Example: `"+44 117 496 0123"`"""
    type: PhoneType = "unknown"
    """What kind of number it is. Example: `"mobile"`"""
    type_raw: str | None = None
    """The vendor's own word for `type`. Example: `"MOBILE"`"""
    is_primary: bool = False
    """Whether the vendor calls this one first. Example: `true`"""


class PhonePatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Send `e164`, or `raw` where only a national spelling is known; one of the two is needed."""

    e164: Annotated[str, Meta(max_length=16)] | None = None
    """The number in E.164: a plus sign and at most 15 digits."""
    raw: Annotated[str, Meta(max_length=64)] | None = None
    """The number as people write it."""
    type: PhoneType | UnsetType = UNSET
    is_primary: bool | UnsetType = UNSET


class TaxId(Struct, frozen=True, kw_only=True):
    """A tax number; `type` is the vendor's kind, such as `eu_vat`."""

    type: str
    """The vendor's name for the kind of number. Example: `"eu_vat"`"""
    value: str
    """The number, spelled as the vendor holds it. Example: `"DE123456789"`"""
    country_code: str | None = None
    """The country that issued it, ISO 3166-1 alpha-2. Example: `"DE"`"""


class TaxIdPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tax number to store."""

    type: Line
    value: Line
    country_code: str | None = None


class Consent(Struct, frozen=True, kw_only=True):
    """What the customer agreed to on one channel."""

    channel: ConsentChannel = "unknown"
    """The way of being contacted that was agreed to. Example: `"email"`"""
    channel_raw: str | None = None
    """The vendor's own word for `channel`. Example: `"EMAIL"`"""
    state: ConsentState = "unknown"
    """What was said; `never` means that nobody asked. Example: `"opted_in"`"""
    state_raw: str | None = None
    """The vendor's own word for `state`. Example: `"SUBSCRIBED"`"""
    collected_at: Instant | None = None
    """When the customer said so."""


class ConsentPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A consent to record."""

    channel: ConsentChannel
    state: ConsentState
    collected_at: Instant | None = None


class Subscription(Struct, frozen=True, kw_only=True):
    """Something the vendor bills repeatedly; read-only."""

    remote_id: str
    """The vendor's id of the subscription. Example: `"sub_1NcYdn"`"""
    status: SubscriptionStatus = "unknown"
    """Where the subscription stands. Example: `"active"`"""
    status_raw: str | None = None
    """The vendor's own word for `status`. Example: `"active"`"""
    plan: str | None = None
    """What is subscribed to. Example: `"Studio, monthly"`"""
    current_period_end: Instant | None = None
    """Until when it is paid for. Example: `"2026-06-01T00:00:00Z"`"""
    cancel_at: Instant | None = None
    """When it will end, where that is decided. Example: `"2026-12-31T00:00:00Z"`"""


class OrderStats(Struct, frozen=True, kw_only=True):
    """The vendor's own count of what this customer bought; read-only."""

    count: int
    """Orders so far, cancelled ones as the vendor counts them. Example: `3`"""
    total_spent: Money
    """What was paid in all, in `currency`. Example: `"119.70"`"""
    currency: str
    """ISO 4217 code of `total_spent`. Example: `"EUR"`"""
    last_order_at: Instant | None = None
    """When the last order was placed."""


class Customer(Struct, frozen=True, kw_only=True):
    """A customer as read. A field that the vendor cannot supply is null or empty and named in `meta.unsupported`."""

    id: str | UnsetType = UNSET
    """Canonical id, stable for ever. Example: `"cus_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    kind: CustomerKind = "unknown"
    """A person or an organisation."""
    kind_raw: str | None = None
    """The vendor's own word for `kind`. Example: `"individual"`"""
    display_name: str | None = None
    """The name to show; made of the parts where the vendor keeps none. Example: `"Ann Lee"`"""
    first_name: str | None = None
    """Given names. Example: `"Ann"`"""
    last_name: str | None = None
    """Family name. Example: `"Lee"`"""
    company_name: str | None = None
    """The company that the customer is or works for. Example: `"Lee Ceramics Ltd"`"""
    job_title: str | None = None
    """What the person does there. Example: `"Owner"`"""
    emails: tuple[Email, ...] = ()
    """E-mail addresses, the primary one first where the vendor orders them."""
    phones: tuple[Phone, ...] = ()
    """Telephone numbers."""
    addresses: tuple[Address, ...] = ()
    """Postal addresses."""
    language: str | None = None
    """The language to write in, a BCP 47 tag. Example: `"en-GB"`"""
    timezone: str | None = None
    """Where the customer's clock is, an IANA zone. Example: `"Europe/London"`"""
    currency: str | None = None
    """The currency that the customer pays in, ISO 4217. Example: `"EUR"`"""
    status: CustomerStatus = "unknown"
    """Whether the customer is dealt with; `archived` is what DELETE leaves behind."""
    status_raw: str | None = None
    """The vendor's own word for `status`. Example: `"ENABLED"`"""
    lifecycle_stage: LifecycleStage = "unknown"
    """How far the relation has come, as marketing and sales count it. Example: `"customer"`"""
    lifecycle_stage_raw: str | None = None
    """The vendor's own word for `lifecycle_stage`. Example: `"customer"`"""
    lead_source: str | None = None
    """Where the customer came from, in the vendor's words. Example: `"ORGANIC_SEARCH"`"""
    owner_remote_id: str | None = None
    """The vendor's id of the colleague who looks after the customer. Example: `"77120"`"""
    notes: str | None = None
    """Free text for colleagues. Example: `"Prefers a call in the morning"`"""
    tags: tuple[str, ...] = ()
    """Words that people sort by; their order means nothing. Example: `["wholesale"]`"""
    custom_fields: tuple[CustomField, ...] = ()
    """Vendor properties that the connection's configuration names."""
    external_id: str | None = None
    """The caller's own key, unique at the vendor where it has a place for one. Example: `"erp-20417"`"""
    tax_ids: tuple[TaxId, ...] = ()
    """Tax numbers."""
    tax_exemption: TaxExemption = "unknown"
    """Whether tax is charged."""
    tax_exemption_raw: str | None = None
    """The vendor's own word for `tax_exemption`. Example: `"false"`"""
    consents: tuple[Consent, ...] = ()
    """What the customer agreed to, one entry a channel."""
    subscriptions: tuple[Subscription, ...] = ()
    """What the vendor bills repeatedly; read-only."""
    order_stats: OrderStats | None = None
    """What the customer bought so far, as the vendor counts it; read-only."""
    created_at: Instant | None = None
    """When the customer was made at the vendor; read-only. Example: `"2026-01-12T08:15:00Z"`"""
    updated_at: Instant | None = None
    """When the customer last changed at the vendor; read-only."""
    meta: ResourceMeta | UnsetType = UNSET
    """Where this came from and what was lost on the way."""
    raw: Raw | UnsetType = UNSET
    """The vendor's own payload, under `?include=raw` only. Example: `{"id": "1051"}`"""


class CustomerPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a caller may write. Absent leaves the field, `null` clears it (an array becomes empty), arrays are
    replaced whole (RFC 7396). `kind`, `status` and `lifecycle_stage` cannot be cleared."""

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
    """The caller's own key, unique at the vendor; with `?upsert_on=external_id` it is matched on."""
    tax_ids: tuple[TaxIdPatch, ...] | None | UnsetType = UNSET
    tax_exemption: TaxExemption | UnsetType = UNSET
    consents: tuple[ConsentPatch, ...] | None | UnsetType = UNSET
