"""Inputs of Shopify's mutations in Admin GraphQL 2026-07. UNSET is not sent, None clears a member."""

from datetime import datetime
from typing import Final

from msgspec import UNSET, Struct, UnsetType

REVERSE_CHARGE: Final = "EU_REVERSE_CHARGE_EXEMPTION_RULE"
"""The tax exemption of a business in another country of the European Union."""


class MetafieldInput(Struct, frozen=True, kw_only=True, rename="camel"):
    """A custom field to set. `type` must be that of its definition, if there is one."""

    namespace: str
    key: str
    type: str
    value: str


class MailingAddressInput(Struct, frozen=True, kw_only=True, rename="camel"):
    """A postal address. `province` is deprecated, but required for a region without a known code."""

    first_name: str | None | UnsetType = UNSET
    last_name: str | None | UnsetType = UNSET
    company: str | None | UnsetType = UNSET
    address1: str | None | UnsetType = UNSET
    address2: str | None | UnsetType = UNSET
    city: str | None | UnsetType = UNSET
    province: str | None | UnsetType = UNSET
    province_code: str | None | UnsetType = UNSET
    zip: str | None | UnsetType = UNSET
    country_code: str | None | UnsetType = UNSET
    phone: str | None | UnsetType = UNSET


class MarketingConsentInput(Struct, frozen=True, kw_only=True, rename="camel"):
    """Consent on one channel: SUBSCRIBED, UNSUBSCRIBED or PENDING."""

    marketing_state: str
    consent_updated_at: datetime | UnsetType = UNSET


class CustomerInput(Struct, frozen=True, kw_only=True, rename="camel"):
    """The fields of a customer; `id` on an update, `addresses` and the consents on a create only."""

    id: str | UnsetType = UNSET
    email: str | None | UnsetType = UNSET
    phone: str | None | UnsetType = UNSET
    first_name: str | None | UnsetType = UNSET
    last_name: str | None | UnsetType = UNSET
    locale: str | UnsetType = UNSET
    note: str | None | UnsetType = UNSET
    tags: tuple[str, ...] | UnsetType = UNSET
    tax_exempt: bool | UnsetType = UNSET
    tax_exemptions: tuple[str, ...] | UnsetType = UNSET
    addresses: tuple[MailingAddressInput, ...] | UnsetType = UNSET
    email_marketing_consent: MarketingConsentInput | UnsetType = UNSET
    sms_marketing_consent: MarketingConsentInput | UnsetType = UNSET
    metafields: tuple[MetafieldInput, ...] | UnsetType = UNSET


class CustomerWrite(Struct, frozen=True, kw_only=True):
    """A customer to create or change. Shopify creates it in one mutation, and changes fields, addresses, consents and
    removed metafields in one each. `cleared` has (namespace, key)."""

    input: CustomerInput = CustomerInput()
    addresses: tuple[MailingAddressInput, ...] | UnsetType = UNSET
    email_consent: MarketingConsentInput | UnsetType = UNSET
    sms_consent: MarketingConsentInput | UnsetType = UNSET
    cleared: tuple[tuple[str, str], ...] = ()


class MoneyInput(Struct, frozen=True, kw_only=True, rename="camel"):
    """An amount as a decimal string with its ISO 4217 code."""

    amount: str
    currency_code: str


class MoneyBagInput(Struct, frozen=True, kw_only=True, rename="camel"):
    """An amount in the shop's currency, which is also the buyer's."""

    shop_money: MoneyInput


class TaxLineInput(Struct, frozen=True, kw_only=True, rename="camel"):
    """A tax on a line. Shopify requires the rate (0.19) and the amount."""

    title: str
    rate: str
    price_set: MoneyBagInput


class PropertyInput(Struct, frozen=True, kw_only=True, rename="camel"):
    """A custom property of an order line."""

    name: str
    value: str


class AttributeInput(Struct, frozen=True, kw_only=True, rename="camel"):
    """A custom attribute of an order."""

    key: str
    value: str


class LineItemInput(Struct, frozen=True, kw_only=True, rename="camel"):
    """A line of a new order: a variant, or a title with a price."""

    quantity: int
    variant_id: str | UnsetType = UNSET
    product_id: str | UnsetType = UNSET
    title: str | UnsetType = UNSET
    sku: str | UnsetType = UNSET
    price_set: MoneyBagInput | UnsetType = UNSET
    requires_shipping: bool | UnsetType = UNSET
    taxable: bool | UnsetType = UNSET
    tax_lines: tuple[TaxLineInput, ...] | UnsetType = UNSET
    properties: tuple[PropertyInput, ...] | UnsetType = UNSET


class ShippingLineInput(Struct, frozen=True, kw_only=True, rename="camel"):
    """A shipping charge of a new order."""

    title: str
    price_set: MoneyBagInput
    tax_lines: tuple[TaxLineInput, ...] | UnsetType = UNSET


class FixedDiscountInput(Struct, frozen=True, kw_only=True, rename="camel"):
    """An amount off the lines."""

    code: str
    amount_set: MoneyBagInput


class FreeShippingInput(Struct, frozen=True, kw_only=True, rename="camel"):
    """Free shipping."""

    code: str


class DiscountCodeInput(Struct, frozen=True, kw_only=True, rename="camel"):
    """The single discount of a new order."""

    item_fixed_discount_code: FixedDiscountInput | UnsetType = UNSET
    free_shipping_discount_code: FreeShippingInput | UnsetType = UNSET


class AssociateInput(Struct, frozen=True, kw_only=True, rename="camel"):
    """A customer of the shop, by global id."""

    id: str


class OrderCustomerInput(Struct, frozen=True, kw_only=True, rename="camel"):
    """The customer of an order."""

    to_associate: AssociateInput


class TransactionInput(Struct, frozen=True, kw_only=True, rename="camel"):
    """A payment made outside Shopify."""

    kind: str
    status: str
    amount_set: MoneyBagInput


class OrderCreateInput(Struct, frozen=True, kw_only=True, rename="camel"):
    """A new order."""

    name: str | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    presentment_currency: str | UnsetType = UNSET
    customer: OrderCustomerInput | UnsetType = UNSET
    email: str | UnsetType = UNSET
    phone: str | UnsetType = UNSET
    billing_address: MailingAddressInput | UnsetType = UNSET
    shipping_address: MailingAddressInput | UnsetType = UNSET
    line_items: tuple[LineItemInput, ...] | UnsetType = UNSET
    shipping_lines: tuple[ShippingLineInput, ...] | UnsetType = UNSET
    discount_code: DiscountCodeInput | UnsetType = UNSET
    transactions: tuple[TransactionInput, ...] | UnsetType = UNSET
    taxes_included: bool | UnsetType = UNSET
    fulfillment_status: str | UnsetType = UNSET
    note: str | UnsetType = UNSET
    tags: tuple[str, ...] | UnsetType = UNSET
    test: bool | UnsetType = UNSET
    processed_at: datetime | UnsetType = UNSET
    custom_attributes: tuple[AttributeInput, ...] | UnsetType = UNSET
    metafields: tuple[MetafieldInput, ...] | UnsetType = UNSET


class OrderInput(Struct, frozen=True, kw_only=True, rename="camel"):
    """The members of an order that can change."""

    id: str | UnsetType = UNSET
    email: str | None | UnsetType = UNSET
    phone: str | None | UnsetType = UNSET
    note: str | None | UnsetType = UNSET
    tags: tuple[str, ...] | UnsetType = UNSET
    shipping_address: MailingAddressInput | UnsetType = UNSET
    custom_attributes: tuple[AttributeInput, ...] | UnsetType = UNSET
    metafields: tuple[MetafieldInput, ...] | UnsetType = UNSET


class OrderWrite(Struct, frozen=True, kw_only=True):
    """An order to create (`create`) or change (`update`). `cleared` are metafields to remove, as (namespace, key)."""

    create: OrderCreateInput = OrderCreateInput()
    update: OrderInput = OrderInput()
    cleared: tuple[tuple[str, str], ...] = ()
