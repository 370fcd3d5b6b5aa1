"""What Medusa's Admin API sends and accepts, as far as we use it, and the facts about one shop.

Documented at https://docs.medusajs.com/api/admin; Medusa is open source, and what is said here was seen on 2.21. What
is asked for by `fields` is sent and little else, null where there is nothing. A sum is a JSON number, with as many
decimals as come out of a calculation: Medusa rounds nothing. Those of lines and payments it sends a second time as text
(`raw_total` beside `total`), which holds more digits than a number does; the sums of a whole order have no such twin.
Currencies and countries are in small letters. `metadata` is anybody's: a write adds to it, "" takes a key out.
"""

from datetime import datetime
from typing import Any, Final

from msgspec import UNSET, Raw, Struct, UnsetType

from canonical.parts import CustomFieldSetting, ObjectName

OPERATION: Final = "lockstitch_operation_id"
"""The key of metadata that names the operation which made the record."""
EXTERNAL_ID: Final = "external_id"
"""The key of metadata that holds the caller's own key."""
OURS: Final = frozenset({OPERATION, EXTERNAL_ID})

Metadata = dict[str, Raw]
Text = str | None | UnsetType


class Exact(Struct, frozen=True, kw_only=True):
    """A number with all of its digits, as text."""

    value: str


class Region(Struct, frozen=True, kw_only=True):
    """Where the shop sells in one currency; a country (ISO 3166-1 alpha-2, small letters) is in one region at most."""

    id: str
    name: str
    currency_code: str
    countries: tuple[str, ...] = ()


class Shipping(Struct, frozen=True, kw_only=True):
    """A way of shipping that the shop has; names need not be unique."""

    id: str
    name: str


class Account(Struct, frozen=True, kw_only=True):
    """The shop's regions and ways of shipping: an order is made in the one and of the others; and which keys of
    metadata are custom fields."""

    regions: tuple[Region, ...] = ()
    shipping_options: tuple[Shipping, ...] = ()
    custom_fields: dict[ObjectName, tuple[CustomFieldSetting, ...]] = {}


class Place(Struct, frozen=True, kw_only=True):
    """A postal address; the last three belong to those that a customer keeps."""

    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    address_1: str | None = None
    address_2: str | None = None
    city: str | None = None
    province: str | None = None
    postal_code: str | None = None
    country_code: str | None = None
    phone: str | None = None
    address_name: str | None = None
    is_default_billing: bool = False
    is_default_shipping: bool = False


class Customer(Struct, frozen=True, kw_only=True):
    """Somebody who registered (`has_account`), was entered, or ordered as a guest."""

    id: str
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company_name: str | None = None
    phone: str | None = None
    addresses: tuple[Place, ...] = ()
    metadata: Metadata | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Adjustment(Struct, frozen=True, kw_only=True):
    """What a promotion took off a line or a way of shipping: `subtotal` without tax, `total` with."""

    code: str | None = None
    description: str | None = None
    raw_subtotal: Exact
    raw_total: Exact


class Detail(Struct, frozen=True, kw_only=True):
    """How far the goods of a line have come."""

    raw_shipped_quantity: Exact
    raw_delivered_quantity: Exact
    raw_return_received_quantity: Exact


class Line(Struct, frozen=True, kw_only=True):
    """A line: `subtotal` is before discounts and without tax, `total` after and with; `unit_price` holds the tax where
    `is_tax_inclusive`."""

    id: str
    title: str | None
    variant_title: str | None = None
    variant_sku: str | None = None
    variant_id: str | None = None
    product_id: str | None = None
    requires_shipping: bool | None = None
    is_tax_inclusive: bool = False
    raw_unit_price: Exact
    raw_quantity: Exact
    raw_subtotal: Exact
    raw_total: Exact
    raw_tax_total: Exact
    raw_discount_subtotal: Exact
    raw_discount_total: Exact
    detail: Detail | None = None
    adjustments: tuple[Adjustment, ...] | None = None
    variant_option_values: Metadata | None = None
    metadata: Metadata | None = None


class Method(Struct, frozen=True, kw_only=True):
    """A way of shipping that was charged; the sums are before discounts, without tax and with."""

    name: str | None
    raw_original_subtotal: Exact
    raw_original_total: Exact
    raw_tax_total: Exact
    adjustments: tuple[Adjustment, ...] | None = None


class CreditLine(Struct, frozen=True, kw_only=True):
    """What is owed less: the counterpart of a refund, or credit that somebody gave."""

    reference: str | None = None
    raw_amount: Exact


class Summary(Struct, frozen=True, kw_only=True):
    """What was paid and given back."""

    raw_paid_total: Exact
    raw_refunded_total: Exact


class Capture(Struct, frozen=True, kw_only=True):
    """Money received."""

    id: str
    raw_amount: Exact
    created_at: datetime | None = None


class Reason(Struct, frozen=True, kw_only=True):
    """Why money is given back, one of the shop's own reasons."""

    label: str | None = None


class Refund(Struct, frozen=True, kw_only=True):
    """Money given back."""

    id: str
    raw_amount: Exact
    note: str | None = None
    refund_reason: Reason | None = None
    created_at: datetime | None = None


class Payment(Struct, frozen=True, kw_only=True):
    """A promise of money by a provider, with what was received of it and given back."""

    id: str
    currency_code: str
    provider_id: str
    raw_amount: Exact
    captured_at: datetime | None = None
    canceled_at: datetime | None = None
    created_at: datetime | None = None
    captures: tuple[Capture, ...] | None = None
    refunds: tuple[Refund, ...] | None = None


class Collection(Struct, frozen=True, kw_only=True):
    """What has to be paid at one time, and its payments."""

    payments: tuple[Payment, ...] | None = None


class Packed(Struct, frozen=True, kw_only=True):
    """How much of a line a parcel holds."""

    line_item_id: str | None = None
    raw_quantity: Exact


class Label(Struct, frozen=True, kw_only=True):
    """A parcel's number at its carrier."""

    tracking_number: str | None = None
    tracking_url: str | None = None


class Parcel(Struct, frozen=True, kw_only=True):
    """A fulfilment: how far it has come is told by its times."""

    id: str
    packed_at: datetime | None = None
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None
    canceled_at: datetime | None = None
    items: tuple[Packed, ...] | None = None
    labels: tuple[Label, ...] | None = None


class Channel(Struct, frozen=True, kw_only=True):
    """A sales channel, which the shop names."""

    name: str | None = None


class Order(Struct, frozen=True, kw_only=True):
    """An order, or the draft of one. `original_*` is before discounts, `*_subtotal` without tax, `*_total` with.
    `credit_line_total` is taken off `total` already."""

    id: str
    status: str
    currency_code: str
    is_draft_order: bool = False
    display_id: int | None = None
    custom_display_id: str | None = None
    email: str | None = None
    customer_id: str | None = None
    payment_status: str | None = None
    fulfillment_status: str | None = None
    canceled_at: datetime | None = None
    metadata: Metadata | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    total: float
    tax_total: float
    item_subtotal: float
    original_item_total: float
    discount_subtotal: float
    discount_total: float
    original_shipping_subtotal: float
    original_shipping_total: float
    credit_line_total: float = 0.0
    summary: Summary | None = None
    sales_channel: Channel | None = None
    billing_address: Place | None = None
    shipping_address: Place | None = None
    items: tuple[Line, ...] | None = None
    shipping_methods: tuple[Method, ...] | None = None
    credit_lines: tuple[CreditLine, ...] | None = None
    payment_collections: tuple[Collection, ...] | None = None
    fulfillments: tuple[Parcel, ...] | None = None


class PlaceWrite(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An address to write: what changes of it, for what is left out stays."""

    first_name: Text = UNSET
    last_name: Text = UNSET
    company: Text = UNSET
    address_1: Text = UNSET
    address_2: Text = UNSET
    city: Text = UNSET
    province: Text = UNSET
    postal_code: Text = UNSET
    country_code: Text = UNSET
    phone: Text = UNSET


class CustomerWrite(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A customer to make or to change; null empties, and "" takes a key out of metadata."""

    email: Text = UNSET
    first_name: Text = UNSET
    last_name: Text = UNSET
    company_name: Text = UNSET
    phone: Text = UNSET
    metadata: dict[str, Any] | UnsetType = UNSET


class LineWrite(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of a new draft: a variant of the shop, or a title and a price. A price is taken as text, a quantity as a
    number only."""

    title: str | UnsetType = UNSET
    variant_id: str | UnsetType = UNSET
    variant_sku: str | UnsetType = UNSET
    unit_price: str | UnsetType = UNSET
    quantity: int | float
    metadata: dict[str, Any] | UnsetType = UNSET


class MethodWrite(Struct, frozen=True, kw_only=True):
    """A way of shipping of a new draft."""

    name: str
    shipping_option_id: str
    amount: str


class OrderBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is told of an order. Region, currency, lines and shipping belong to a new one."""

    region_id: str | UnsetType = UNSET
    currency_code: str | UnsetType = UNSET
    customer_id: str | UnsetType = UNSET
    email: str | UnsetType = UNSET
    billing_address: PlaceWrite | UnsetType = UNSET
    shipping_address: PlaceWrite | UnsetType = UNSET
    items: tuple[LineWrite, ...] | UnsetType = UNSET
    shipping_methods: tuple[MethodWrite, ...] | UnsetType = UNSET
    metadata: dict[str, Any] | UnsetType = UNSET


class OrderWrite(Struct, frozen=True, kw_only=True):
    """A write of an order. A draft and what became of it are changed at addresses of their own; a `step` takes the
    order further and says nothing else."""

    body: OrderBody
    is_draft: bool = True
    step: str | None = None
