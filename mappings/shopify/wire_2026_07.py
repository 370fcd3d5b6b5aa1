"""Records of Shopify's Admin GraphQL API 2026-07, and the facts about one shop.

Names are Shopify's. Every document selects the members without a default. A member with `| None` may be empty, such as
protected customer data that the app may not see.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import Struct

from canonical.parts import CustomFieldSetting, ObjectName
from mappings.kit.graphql import NOT_ASKED, PageInfo, ask

FEE: Final = "_lockstitch_fee"
"""The attribute of a line that is a fee."""


class MoneyV2(Struct, frozen=True, kw_only=True, rename="camel"):
    """An amount as a decimal string, in the shop's currency."""

    amount: str


class Spent(MoneyV2, frozen=True, kw_only=True, rename="camel"):
    """An amount with its currency."""

    currency_code: str | None


class MoneyBag(Struct, frozen=True, kw_only=True, rename="camel"):
    """An amount in the shop's currency. The amount in the buyer's currency is not selected."""

    shop_money: MoneyV2


class Attribute(Struct, frozen=True, kw_only=True, rename="camel"):
    """A custom attribute of an order or one of its lines."""

    key: str
    value: str | None = None


class Metafield(Struct, frozen=True, kw_only=True, rename="camel"):
    """A custom field. The value is always text."""

    namespace: str
    key: str
    type: str | None = None
    value: str | None = None


class MetafieldValue(Struct, frozen=True, kw_only=True, rename="camel"):
    """The value of a metafield selected by name."""

    value: str | None = None


class Metafields(Struct, frozen=True, kw_only=True, rename="camel"):
    """The configured custom fields with a value."""

    nodes: tuple[Metafield, ...] = ()


External = Annotated[MetafieldValue | None, ask('external: metafield(namespace: "lockstitch", key: "external_id")')]
"""The caller's key."""
Shown = Annotated[Metafields | None, ask("metafields(first: $fields, keys: $keys) @include(if: $custom)")]
"""The configured custom fields of a record."""


class MailingAddress(Struct, frozen=True, kw_only=True, rename="camel"):
    """A postal address of a customer or an order."""

    id: str | None = None
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
    country_code_v2: str | None = None
    phone: str | None = None


class Reference(Struct, frozen=True, kw_only=True, rename="camel"):
    """Another record, by its global id."""

    id: str


class Addresses(Struct, frozen=True, kw_only=True, rename="camel"):
    """The first addresses of a customer."""

    nodes: tuple[MailingAddress, ...]
    page_info: PageInfo = PageInfo()


class CustomerEmailAddress(Struct, frozen=True, kw_only=True, rename="camel"):
    """The single e-mail address of a customer, with its consent."""

    email_address: str
    marketing_state: str | None = None
    marketing_updated_at: datetime | None = None


class CustomerPhoneNumber(Struct, frozen=True, kw_only=True, rename="camel"):
    """The single phone number of a customer, with its consent."""

    phone_number: str
    marketing_state: str | None = None
    marketing_updated_at: datetime | None = None


class Customer(Struct, frozen=True, kw_only=True, rename="camel"):
    """A customer. `number_of_orders` is an UnsignedInt64, which is text in GraphQL."""

    id: str
    display_name: str | None
    first_name: str | None
    last_name: str | None
    default_email_address: CustomerEmailAddress | None
    default_phone_number: CustomerPhoneNumber | None
    locale: str | None
    note: str | None
    tags: tuple[str, ...]
    state: str | None
    tax_exempt: bool | None
    tax_exemptions: tuple[str, ...] | None = None
    default_address: Reference | None
    addresses_v2: Annotated[Addresses | None, ask("addressesV2(first: 10)")]
    amount_spent: Spent | None
    number_of_orders: str | None
    created_at: datetime | None
    updated_at: datetime | None
    external: External
    metafields: Shown = None


class TaxLine(Struct, frozen=True, kw_only=True, rename="camel"):
    """One tax on a line or on shipping."""

    price_set: MoneyBag


class DiscountIndex(Struct, frozen=True, kw_only=True, rename="camel"):
    """The index of an allocation's discount application in the order."""

    index: int


class DiscountAllocation(Struct, frozen=True, kw_only=True, rename="camel"):
    """The part of a discount on one line."""

    allocated_amount_set: MoneyBag
    discount_application: DiscountIndex


class LineItem(Struct, frozen=True, kw_only=True, rename="camel"):
    """One line. `quantity` includes refunded and removed pieces, `current_quantity` does not.
    `unfulfilled_quantity` are those that are not sent yet.

    `tax_lines` is None if a webhook does not contain them."""

    id: str
    name: str
    sku: str | None
    quantity: int
    current_quantity: int | None
    requires_shipping: bool | None
    taxable: bool | None
    original_unit_price_set: MoneyBag
    tax_lines: tuple[TaxLine, ...] | None
    discount_allocations: tuple[DiscountAllocation, ...]
    custom_attributes: tuple[Attribute, ...]
    product: Reference | None
    variant: Reference | None
    unfulfilled_quantity: int | None = None


class LineItems(Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of an order's lines."""

    nodes: tuple[LineItem, ...]
    page_info: PageInfo = PageInfo()


class ShippingLine(Struct, frozen=True, kw_only=True, rename="camel"):
    """One shipping charge, before discounts."""

    title: str | None
    original_price_set: MoneyBag
    tax_lines: tuple[TaxLine, ...] | None
    discount_allocations: tuple[DiscountAllocation, ...]


class ShippingLines(Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of an order's shipping charges."""

    nodes: tuple[ShippingLine, ...]
    page_info: PageInfo = PageInfo()


class PricingValue(Struct, frozen=True, kw_only=True, rename="camel"):
    """MoneyV2 or PricingPercentageValue, distinguished by `kind` (`__typename`)."""

    kind: str | None = msgspec.field(name="__typename", default=None)
    amount: Annotated[str | None, ask("... on MoneyV2 { amount }")] = None
    percentage: Annotated[float | None, ask("... on PricingPercentageValue { percentage }")] = None


class DiscountApplication(Struct, frozen=True, kw_only=True, rename="camel"):
    """One discount on the order: by code, automatic, manual or by a script. `total` is its total amount, which only old
    webhooks contain; otherwise the allocations add up to it."""

    index: int
    target_type: str | None
    value: PricingValue | None
    code: Annotated[str | None, ask("... on DiscountCodeApplication { code }")] = None
    title: Annotated[
        str | None,
        ask(
            "... on AutomaticDiscountApplication { title } ... on ManualDiscountApplication { title }"
            " ... on ScriptDiscountApplication { title }"
        ),
    ] = None
    description: Annotated[str | None, ask("... on ManualDiscountApplication { description }")] = None
    total: Annotated[MoneyBag | None, NOT_ASKED] = None


class DiscountApplications(Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of an order's discounts."""

    nodes: tuple[DiscountApplication, ...]
    page_info: PageInfo = PageInfo()


class PaymentDetails(Struct, frozen=True, kw_only=True, rename="camel"):
    """The payment method. `kind` is the GraphQL type, `number` a masked card number."""

    kind: str | None = msgspec.field(name="__typename", default=None)
    payment_method_name: Annotated[
        str | None,
        ask(
            "... on CardPaymentDetails { paymentMethodName }"
            " ... on LocalPaymentMethodsPaymentDetails { paymentMethodName }"
            " ... on ShopPayInstallmentsPaymentDetails { paymentMethodName }"
        ),
    ] = None
    number: Annotated[str | None, ask("... on CardPaymentDetails { number }")] = None


class Transaction(Struct, frozen=True, kw_only=True, rename="camel"):
    """One transaction at a payment gateway."""

    id: str
    kind: str | None
    status: str | None
    gateway: str | None
    processed_at: datetime | None
    amount_set: MoneyBag
    payment_details: PaymentDetails | None


class RefundLineItem(Struct, frozen=True, kw_only=True, rename="camel"):
    """The refunded part of a line."""

    quantity: int
    line_item: Reference
    subtotal_set: MoneyBag


class RefundLineItems(Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of a refund's lines."""

    nodes: tuple[RefundLineItem, ...]
    page_info: PageInfo = PageInfo()


class Refund(Struct, frozen=True, kw_only=True, rename="camel"):
    """A refund. The amount is the sum of its transactions."""

    id: str
    note: str | None
    created_at: datetime | None
    total_refunded_set: MoneyBag
    refund_line_items: Annotated[RefundLineItems, ask("refundLineItems(first: $parts)")]


class Location(Struct, frozen=True, kw_only=True, rename="camel"):
    """A location of the merchant."""

    name: str | None


class TrackingInfo(Struct, frozen=True, kw_only=True, rename="camel"):
    """The tracking number and address of a parcel."""

    company: str | None = None
    number: str | None = None
    url: str | None = None


class FulfillmentLineItem(Struct, frozen=True, kw_only=True, rename="camel"):
    """The part of a line in a fulfillment."""

    quantity: int | None
    line_item: Reference


class FulfillmentLineItems(Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of a fulfillment's lines."""

    nodes: tuple[FulfillmentLineItem, ...]
    page_info: PageInfo = PageInfo()


class Fulfillment(Struct, frozen=True, kw_only=True, rename="camel"):
    """One fulfillment: a parcel or a hand-over."""

    id: str
    status: str | None
    display_status: str | None
    created_at: datetime | None
    delivered_at: datetime | None
    location: Location | None
    tracking_info: tuple[TrackingInfo, ...]
    fulfillment_line_items: Annotated[FulfillmentLineItems, ask("fulfillmentLineItems(first: $parts)")]


class Count(Struct, frozen=True, kw_only=True, rename="camel"):
    """The number of all items of a list."""

    count: int


class ContactEmail(Struct, frozen=True, kw_only=True, rename="camel"):
    """The e-mail address of an order's customer."""

    email_address: str


class ContactPhone(Struct, frozen=True, kw_only=True, rename="camel"):
    """The phone number of an order's customer."""

    phone_number: str


class OrderCustomer(Struct, frozen=True, kw_only=True, rename="camel"):
    """The customer of an order."""

    id: str | None
    display_name: str | None = None
    default_email_address: ContactEmail | None = None
    default_phone_number: ContactPhone | None = None


class Order(Struct, frozen=True, kw_only=True, rename="camel"):
    """An order. Its sums are those before returns, in the shop's currency."""

    id: str
    name: str | None
    test: bool | None
    created_at: datetime | None
    updated_at: datetime | None
    processed_at: datetime | None
    closed_at: datetime | None
    cancelled_at: datetime | None
    cancel_reason: str | None
    display_financial_status: str | None
    display_fulfillment_status: str | None
    source_name: str | None
    note: str | None
    tags: tuple[str, ...]
    email: str | None
    phone: str | None
    currency_code: str
    presentment_currency_code: str | None
    taxes_included: bool | None
    duties_included: bool | None
    total_price_set: MoneyBag
    total_discounts_set: MoneyBag | None
    total_tax_set: MoneyBag | None
    total_shipping_price_set: MoneyBag | None
    total_tip_received_set: MoneyBag | None
    total_received_set: MoneyBag | None
    total_refunded_set: MoneyBag | None
    total_outstanding_set: MoneyBag | None
    original_total_duties_set: MoneyBag | None
    original_total_additional_fees_set: MoneyBag | None
    custom_attributes: tuple[Attribute, ...]
    customer: OrderCustomer | None
    billing_address: MailingAddress | None
    shipping_address: MailingAddress | None
    line_items: Annotated[LineItems, ask("lineItems(first: $lines)")]
    shipping_lines: Annotated[ShippingLines, ask("shippingLines(first: $shipping)")]
    discount_applications: Annotated[DiscountApplications, ask("discountApplications(first: $discounts)")]
    transactions_count: Count | None
    transactions: Annotated[tuple[Transaction, ...], ask("transactions(first: $payments)")]
    refunds: Annotated[tuple[Refund, ...], ask("refunds(first: $events)")]
    fulfillments_count: Count | None
    fulfillments: Annotated[tuple[Fulfillment, ...], ask("fulfillments(first: $events)")]
    external: External
    metafields: Shown = None


class Completion(Struct, frozen=True, kw_only=True):
    """What one answer lacks of an order, and the results of further reads.

    `brief`: a list has only the beginning of its inner lists, so it needs a full read. `order` is the full record once
    read, `lines` are those after its first page, `lines_after` is the cursor of the lines still missing.
    """

    brief: bool = False
    order: Order | None = None
    lines: tuple[LineItem, ...] = ()
    lines_after: str | None = None


class Account(Struct, frozen=True, kw_only=True):
    """The facts about one shop. `domain` is its permanent `….myshopify.com`, `currency` its accounting currency; both
    are None until the shop was read. `orders` has the completions of orders by global id."""

    domain: str | None = None
    currency: str | None = None
    custom_fields: Mapping[ObjectName, tuple[CustomFieldSetting, ...]] = {}
    orders: Mapping[str, Completion] = {}
