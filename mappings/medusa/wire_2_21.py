"""The members that Lockstitch uses of Medusa's Admin API, and the facts about one shop.

Documented at https://docs.medusajs.com/api/admin; checked against the source and a server of 2.21. `fields` selects the
members of an answer. A member without a value is null. A sum is a JSON number that Medusa does not round. Sums of lines
and payments are also sent as text with all digits (`raw_total` and `total`), though not by every version; sums of a
whole order are not. Currencies
and countries are in lower case. `metadata` is shared by all apps: a write adds keys, and "" removes one.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from msgspec import UNSET, Raw, Struct, UnsetType

from canonical.parts import CustomFieldSetting, ObjectName

OPERATION: Final = "lockstitch_operation_id"
"""The metadata key of the operation that created the record."""
EXTERNAL_ID: Final = "external_id"
"""The metadata key of the caller's own key."""
FEE: Final = "_lockstitch_fee"
"""The metadata key of a line that is a fee."""
OURS: Final = frozenset({OPERATION, EXTERNAL_ID, FEE})

Metadata = dict[str, Raw]
Text = str | None | UnsetType


class Exact(Struct, frozen=True, kw_only=True):
    """A number with all of its digits, as text."""

    value: str


class Region(Struct, frozen=True, kw_only=True):
    """Countries where the shop sells in one currency. A country (ISO 3166-1 alpha-2, lower case) is in at most one."""

    id: str
    name: str
    currency_code: str
    countries: tuple[str, ...] = ()


class Shipping(Struct, frozen=True, kw_only=True):
    """A shipping option of the shop. Names need not be unique."""

    id: str
    name: str


class Account(Struct, frozen=True, kw_only=True):
    """The regions and shipping options of the shop, which orders refer to, and the configured custom fields."""

    regions: tuple[Region, ...] = ()
    shipping_options: tuple[Shipping, ...] = ()
    custom_fields: dict[ObjectName, tuple[CustomFieldSetting, ...]] = {}


class Place(Struct, frozen=True, kw_only=True):
    """A postal address. Only addresses of customers have the last three members."""

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
    """A customer: registered (`has_account`), entered by the shop, or a guest who ordered."""

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
    """The discount of a promotion on a line or on shipping: `subtotal` without tax, `total` with tax. Older ones have
    the `amount` alone, with tax where the prices have it."""

    code: str | None = None
    description: str | None = None
    raw_subtotal: Exact | None = None
    subtotal: Decimal | None = None
    raw_total: Exact | None = None
    total: Decimal | None = None
    amount: Decimal | None = None


class Detail(Struct, frozen=True, kw_only=True):
    """The fulfilment of a line."""

    raw_shipped_quantity: Exact | None = None
    shipped_quantity: Decimal | None = None
    raw_delivered_quantity: Exact | None = None
    delivered_quantity: Decimal | None = None
    raw_return_received_quantity: Exact | None = None
    return_received_quantity: Decimal | None = None


class Line(Struct, frozen=True, kw_only=True):
    """A line. `subtotal` is before discounts and without tax, `total` after discounts and with tax. `unit_price`
    includes the tax if `is_tax_inclusive`. `title` is the product's, in older lines the variant's."""

    id: str
    title: str | None
    product_title: str | None = None
    variant_title: str | None = None
    variant_sku: str | None = None
    variant_id: str | None = None
    product_id: str | None = None
    requires_shipping: bool | None = None
    is_tax_inclusive: bool = False
    raw_unit_price: Exact | None = None
    unit_price: Decimal | None = None
    raw_quantity: Exact | None = None
    quantity: Decimal | None = None
    raw_subtotal: Exact | None = None
    subtotal: Decimal | None = None
    raw_total: Exact | None = None
    total: Decimal | None = None
    raw_tax_total: Exact | None = None
    tax_total: Decimal | None = None
    raw_discount_subtotal: Exact | None = None
    discount_subtotal: Decimal | None = None
    raw_discount_total: Exact | None = None
    discount_total: Decimal | None = None
    detail: Detail | None = None
    adjustments: tuple[Adjustment, ...] | None = None
    variant_option_values: Metadata | None = None
    metadata: Metadata | None = None


class Method(Struct, frozen=True, kw_only=True):
    """Shipping that was charged. The sums are before discounts, without tax and with tax."""

    name: str | None
    raw_original_subtotal: Exact | None = None
    original_subtotal: Decimal | None = None
    raw_original_total: Exact | None = None
    original_total: Decimal | None = None
    raw_tax_total: Exact | None = None
    tax_total: Decimal | None = None
    adjustments: tuple[Adjustment, ...] | None = None


class CreditLine(Struct, frozen=True, kw_only=True):
    """Credit: of a refund, or given by the shop."""

    reference: str | None = None
    raw_amount: Exact | None = None
    amount: Decimal | None = None


class Summary(Struct, frozen=True, kw_only=True):
    """What was paid and refunded."""

    raw_paid_total: Exact | None = None
    paid_total: Decimal | None = None
    raw_refunded_total: Exact | None = None
    refunded_total: Decimal | None = None


class Capture(Struct, frozen=True, kw_only=True):
    """A payment that was captured."""

    id: str
    raw_amount: Exact | None = None
    amount: Decimal | None = None
    created_at: datetime | None = None


class Reason(Struct, frozen=True, kw_only=True):
    """The reason of a refund. Every shop has its own list."""

    label: str | None = None


class Refund(Struct, frozen=True, kw_only=True):
    """A refund."""

    id: str
    raw_amount: Exact | None = None
    amount: Decimal | None = None
    note: str | None = None
    refund_reason: Reason | None = None
    created_at: datetime | None = None


class Payment(Struct, frozen=True, kw_only=True):
    """A payment at a provider, with its captures and refunds."""

    id: str
    currency_code: str
    provider_id: str
    raw_amount: Exact | None = None
    amount: Decimal | None = None
    canceled_at: datetime | None = None
    created_at: datetime | None = None
    captures: tuple[Capture, ...] | None = None
    refunds: tuple[Refund, ...] | None = None


class Collection(Struct, frozen=True, kw_only=True):
    """A sum to pay, and its payments."""

    payments: tuple[Payment, ...] | None = None


class FulfillmentItem(Struct, frozen=True, kw_only=True):
    """How much of a line a fulfilment contains."""

    line_item_id: str | None = None
    raw_quantity: Exact | None = None
    quantity: Decimal | None = None


class Label(Struct, frozen=True, kw_only=True):
    """The tracking number at the carrier."""

    tracking_number: str | None = None
    tracking_url: str | None = None


class Fulfillment(Struct, frozen=True, kw_only=True):
    """A fulfilment. Its times show its status."""

    id: str
    packed_at: datetime | None = None
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None
    canceled_at: datetime | None = None
    items: tuple[FulfillmentItem, ...] | None = None
    labels: tuple[Label, ...] | None = None


class Channel(Struct, frozen=True, kw_only=True):
    """A sales channel, with the shop's name for it."""

    name: str | None = None


class Order(Struct, frozen=True, kw_only=True):
    """An order or a draft. `original_*` is before discounts, `*_subtotal` without tax, `*_total` with tax. `total` is
    without `credit_line_total`."""

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
    total: Decimal
    tax_total: Decimal
    item_subtotal: Decimal
    original_item_total: Decimal
    discount_subtotal: Decimal
    discount_total: Decimal
    original_shipping_subtotal: Decimal
    original_shipping_total: Decimal
    credit_line_total: Decimal = Decimal(0)
    summary: Summary | None = None
    sales_channel: Channel | None = None
    billing_address: Place | None = None
    shipping_address: Place | None = None
    items: tuple[Line, ...] | None = None
    shipping_methods: tuple[Method, ...] | None = None
    credit_lines: tuple[CreditLine, ...] | None = None
    payment_collections: tuple[Collection, ...] | None = None
    fulfillments: tuple[Fulfillment, ...] | None = None


class PlaceWrite(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An address to write. A member that is left out stays."""

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
    """A customer to create or change. Null clears a field; "" removes a metadata key."""

    email: Text = UNSET
    first_name: Text = UNSET
    last_name: Text = UNSET
    company_name: Text = UNSET
    phone: Text = UNSET
    metadata: dict[str, Any] | UnsetType = UNSET


class LineWrite(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of a new draft: a variant of the shop, or a title and a price. A price can be text, a quantity cannot."""

    title: str | UnsetType = UNSET
    variant_id: str | UnsetType = UNSET
    variant_sku: str | UnsetType = UNSET
    unit_price: str | UnsetType = UNSET
    quantity: int | float
    metadata: dict[str, Any] | UnsetType = UNSET


class MethodWrite(Struct, frozen=True, kw_only=True):
    """Shipping of a new draft."""

    name: str
    shipping_option_id: str
    amount: str


class OrderBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An order to create or change. Region, currency, lines and shipping are for a new one only."""

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
    """A write of an order. Drafts and orders are changed at different paths. A `step` is the path of a change of
    status, with an empty body."""

    body: OrderBody
    is_draft: bool = True
    step: str | None = None
