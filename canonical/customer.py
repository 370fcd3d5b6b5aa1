"""Customer: a person or organisation that buys, asks or is talked to. The primary e-mail is the match key."""

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
    type: EmailType = "unknown"
    type_raw: str | None = None
    is_primary: bool = False
    status: EmailStatus = "unknown"
    status_raw: str | None = None


class EmailPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An e-mail address to store; the only one, or the one marked, is the primary."""

    address: Annotated[str, Meta(max_length=254, examples=["ann@example.com"])]
    type: EmailType | UnsetType = UNSET
    is_primary: bool | UnsetType = UNSET
    status: EmailStatus | UnsetType = UNSET


class Phone(Struct, frozen=True, kw_only=True):
    """`e164` where the vendor's text parses as a possible number, `raw` always."""

    e164: str | None = None
    raw: str
    type: PhoneType = "unknown"
    type_raw: str | None = None
    is_primary: bool = False


class PhonePatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Send `e164`, or `raw` where only a national spelling is known; one of the two is needed."""

    e164: Annotated[str, Meta(max_length=16, examples=["+4930123456"])] | None = None
    raw: Annotated[str, Meta(max_length=64)] | None = None
    type: PhoneType | UnsetType = UNSET
    is_primary: bool | UnsetType = UNSET


class TaxId(Struct, frozen=True, kw_only=True):
    """A tax number; `type` is the vendor's kind, such as `eu_vat`."""

    type: str
    value: str
    country_code: str | None = None


class TaxIdPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tax number to store."""

    type: Line
    value: Line
    country_code: str | None = None


class Consent(Struct, frozen=True, kw_only=True):
    """What the customer agreed to on one channel."""

    channel: ConsentChannel = "unknown"
    channel_raw: str | None = None
    state: ConsentState = "unknown"
    state_raw: str | None = None
    collected_at: Instant | None = None


class ConsentPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A consent to record."""

    channel: ConsentChannel
    state: ConsentState
    collected_at: Instant | None = None


class Subscription(Struct, frozen=True, kw_only=True):
    """Something the vendor bills repeatedly; read-only."""

    remote_id: str
    status: SubscriptionStatus = "unknown"
    status_raw: str | None = None
    plan: str | None = None
    current_period_end: Instant | None = None
    cancel_at: Instant | None = None


class OrderStats(Struct, frozen=True, kw_only=True):
    """The vendor's own count of what this customer bought; read-only."""

    count: int
    total_spent: Money
    currency: str
    last_order_at: Instant | None = None


class Customer(Struct, frozen=True, kw_only=True):
    """A customer as read. A field that the vendor cannot supply is null or empty and named in `meta.unsupported`."""

    id: Annotated[str, Meta(examples=["cus_0198f0a2b7c47d3c"])] | UnsetType = UNSET
    kind: CustomerKind = "unknown"
    kind_raw: str | None = None
    display_name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company_name: str | None = None
    job_title: str | None = None
    emails: tuple[Email, ...] = ()
    phones: tuple[Phone, ...] = ()
    addresses: tuple[Address, ...] = ()
    language: str | None = None
    timezone: str | None = None
    currency: str | None = None
    status: CustomerStatus = "unknown"
    status_raw: str | None = None
    lifecycle_stage: LifecycleStage = "unknown"
    lifecycle_stage_raw: str | None = None
    lead_source: str | None = None
    owner_remote_id: str | None = None
    notes: str | None = None
    tags: tuple[str, ...] = ()
    custom_fields: tuple[CustomField, ...] = ()
    external_id: str | None = None
    tax_ids: tuple[TaxId, ...] = ()
    tax_exemption: TaxExemption = "unknown"
    tax_exemption_raw: str | None = None
    consents: tuple[Consent, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    order_stats: OrderStats | None = None
    created_at: Instant | None = None
    updated_at: Instant | None = None
    meta: ResourceMeta | UnsetType = UNSET
    raw: Raw | UnsetType = UNSET


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
    tax_ids: tuple[TaxIdPatch, ...] | None | UnsetType = UNSET
    tax_exemption: TaxExemption | UnsetType = UNSET
    consents: tuple[ConsentPatch, ...] | None | UnsetType = UNSET
