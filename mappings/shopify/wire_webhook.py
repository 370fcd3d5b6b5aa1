"""The REST-shaped bodies of Shopify's webhooks and of its older REST API.

They have no envelope, names in snake case, whole numbers as ids, and sums as decimal strings (in refunds some as
numbers). Bodies differ by the subscription's API version and by the app's access, so nearly every member may be
missing. UNSET is not sent, None is Shopify's null.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import UNSET, Struct, UnsetType

Amount = str | int | float


class ShopMoney(Struct, frozen=True, kw_only=True):
    """An amount in the shop's currency."""

    amount: Amount | None = None


class MoneySet(Struct, frozen=True, kw_only=True):
    """An amount in the shop's and the buyer's currency. Only the first is read."""

    shop_money: ShopMoney | None = None


class Property(Struct, frozen=True, kw_only=True):
    """A custom attribute. The value is nearly always text."""

    name: str
    value: Any = None


class Metafield(Struct, frozen=True, kw_only=True):
    """A metafield, sent if the subscription names its namespace."""

    namespace: str
    key: str
    type: str | None = None
    value: str | int | float | bool | None = None


class Address(Struct, frozen=True, kw_only=True):
    """A postal address. `country` is a name, `country_code` ISO 3166-1."""

    id: int | None = None
    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    address1: str | None = None
    address2: str | None = None
    city: str | None = None
    province: str | None = None
    province_code: str | None = None
    zip: str | None = None
    country: str | None = None
    country_code: str | None = None
    phone: str | None = None
    default: bool = False


class MarketingConsent(Struct, frozen=True, kw_only=True):
    """The customer's consent on one channel, with a state in lower case."""

    state: str | None = None
    consent_updated_at: datetime | None = None


class Customer(Struct, frozen=True, kw_only=True):
    """A customer. Bodies have no `orders_count` and `total_spent` since 2025-01."""

    id: int
    email: str | None = None
    phone: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    state: str | None = None
    note: str | None = None
    tags: str | None = None
    tax_exempt: bool | None = None
    tax_exemptions: tuple[str, ...] | None = None
    currency: str | None = None
    orders_count: int | None = None
    total_spent: Amount | None = None
    accepts_marketing: bool | None = None
    email_marketing_consent: MarketingConsent | None = None
    sms_marketing_consent: MarketingConsent | None = None
    default_address: Address | None = None
    addresses: tuple[Address, ...] | None | UnsetType = UNSET
    metafields: tuple[Metafield, ...] | UnsetType = UNSET
    created_at: datetime | None = None
    updated_at: datetime | None = None


class TaxLine(Struct, frozen=True, kw_only=True):
    """One tax on a line or on shipping."""

    price: Amount | None = None


class DiscountAllocation(Struct, frozen=True, kw_only=True):
    """The part of a discount on one line."""

    amount: Amount | None = None
    discount_application_index: int = 0


class LineItem(Struct, frozen=True, kw_only=True):
    """One line. `properties` is a list of pairs, but an object from some writers."""

    id: int | None = None
    name: str | None = None
    title: str | None = None
    sku: str | None = None
    quantity: int = 1
    current_quantity: int | None = None
    fulfillment_status: str | None = None
    price: Amount | None = None
    total_discount: Amount | None = None
    requires_shipping: bool | None = None
    taxable: bool | None = None
    product_id: int | None = None
    variant_id: int | None = None
    properties: list[Property] | Mapping[str, Any] | None = None
    tax_lines: tuple[TaxLine, ...] | None = None
    discount_allocations: tuple[DiscountAllocation, ...] | UnsetType = UNSET


class ShippingLine(Struct, frozen=True, kw_only=True):
    """One shipping charge, before discounts."""

    title: str | None = None
    price: Amount | None = None
    tax_lines: tuple[TaxLine, ...] | None = None
    discount_allocations: tuple[DiscountAllocation, ...] = ()


class DiscountApplication(Struct, frozen=True, kw_only=True):
    """One discount on the order. `type` is its origin, `value_type` how it is computed."""

    type: str | None = None
    target_type: str | None = None
    value_type: str | None = None
    code: str | None = None
    title: str | None = None
    description: str | None = None


class DiscountCode(Struct, frozen=True, kw_only=True):
    """A discount in old bodies, which have no applications. The amount is for the whole order."""

    code: str | None = None
    amount: Amount | None = None
    type: str | None = None


class RefundTransaction(Struct, frozen=True, kw_only=True):
    """A transaction of a refund. `amount` is in `currency`, which is the buyer's if they paid in their own."""

    kind: str | None = None
    status: str | None = None
    amount: Amount | None = None
    currency: str | None = None


class RefundLineItem(Struct, frozen=True, kw_only=True):
    """The refunded part of a line."""

    line_item_id: int
    quantity: int
    subtotal: Amount | None = None
    subtotal_set: MoneySet | None = None
    total_tax_set: MoneySet | None = None


class Adjustment(Struct, frozen=True, kw_only=True):
    """A refund of shipping, or a difference between a refund and its lines. A refunded amount is negative."""

    amount_set: MoneySet | None = None
    tax_amount_set: MoneySet | None = None


class Refund(Struct, frozen=True, kw_only=True):
    """A refund. The amount is the sum of its transactions."""

    id: int
    note: str | None = None
    created_at: datetime | None = None
    transactions: tuple[RefundTransaction, ...] = ()
    refund_line_items: tuple[RefundLineItem, ...] = ()
    order_adjustments: tuple[Adjustment, ...] = ()


class FulfillmentLineItem(Struct, frozen=True, kw_only=True):
    """The part of a line in a fulfillment."""

    id: int | None = None
    quantity: int = 0


class Fulfillment(Struct, frozen=True, kw_only=True):
    """One fulfillment: a parcel or a hand-over. Tracking numbers and URLs are parallel lists."""

    id: int
    status: str | None = None
    shipment_status: str | None = None
    created_at: datetime | None = None
    tracking_company: str | None = None
    tracking_numbers: tuple[str, ...] = ()
    tracking_urls: tuple[str, ...] = ()
    tracking_number: str | None = None
    tracking_url: str | None = None
    line_items: tuple[FulfillmentLineItem, ...] = ()


class OrderCustomer(Struct, frozen=True, kw_only=True):
    """The customer of an order. The id is null in Shopify's sample notifications."""

    id: int | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None


class Order(Struct, frozen=True, kw_only=True):
    """An order. A null `fulfillment_status` means unfulfilled; without the member it is unknown."""

    id: int
    name: str | None = None
    order_number: int | None = None
    test: bool | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    processed_at: datetime | None = None
    closed_at: datetime | None = None
    cancelled_at: datetime | None = None
    cancel_reason: str | None = None
    financial_status: str | None = None
    fulfillment_status: str | None | UnsetType = UNSET
    source_name: str | None = None
    note: str | None = None
    tags: str | None = None
    email: str | None = None
    contact_email: str | None = None
    phone: str | None = None
    currency: str
    presentment_currency: str | None = None
    taxes_included: bool | None = None
    duties_included: bool | None = None
    total_price: Amount
    total_line_items_price: Amount | None = None
    total_discounts: Amount | None = None
    total_tax: Amount | None = None
    total_tip_received: Amount | None = None
    total_outstanding: Amount | None = None
    total_shipping_price_set: MoneySet | None = None
    original_total_duties_set: MoneySet | None = None
    original_total_additional_fees_set: MoneySet | None = None
    note_attributes: list[Property] | None = None
    customer: OrderCustomer | None = None
    billing_address: Address | None = None
    shipping_address: Address | None = None
    line_items: tuple[LineItem, ...] | UnsetType = UNSET
    shipping_lines: tuple[ShippingLine, ...] = ()
    discount_applications: tuple[DiscountApplication, ...] | UnsetType = UNSET
    discount_codes: tuple[DiscountCode, ...] | None = None
    refunds: tuple[Refund, ...] = ()
    fulfillments: tuple[Fulfillment, ...] = ()
    metafields: tuple[Metafield, ...] | UnsetType = UNSET
