"""The members that Lockstitch reads of the Stripe API, version 2026-10-28.endive, and the facts about one account.

Amounts are whole numbers of a currency's minor unit (see `money`), times are seconds since 1970, ids are text with a
prefix. An expandable member is an id or the object. Members that exist in some versions only are optional, because old
webhooks are read too: `pricing`, `taxes` and `total_taxes` since 2025-03-31, `price` and `tax_amounts` before.
Documented at https://docs.stripe.com/api. The member `object` distinguishes invoices and checkout sessions.
"""

from typing import Final

from msgspec import Raw, Struct

from canonical.parts import CustomFieldSetting, ObjectName

EXTERNAL_ID: Final = "external_id"
"""The metadata key of the caller's own key."""
OPERATION_ID: Final = "lockstitch_operation_id"
"""The metadata key of the operation that created the record."""


class Named(Struct, frozen=True, kw_only=True):
    """An expanded object. Only its id is read."""

    id: str


class Address(Struct, frozen=True, kw_only=True):
    """A postal address. `country` is ISO 3166-1 alpha-2; old records can have any text."""

    city: str | None = None
    country: str | None = None
    line1: str | None = None
    line2: str | None = None
    postal_code: str | None = None
    state: str | None = None


class Shipping(Struct, frozen=True, kw_only=True):
    """A shipping address with its recipient."""

    name: str | None = None
    phone: str | None = None
    address: Address | None = None


# ------------------------------------------------------------------ customers


class Recurring(Struct, frozen=True, kw_only=True):
    """How often a price is charged."""

    interval: str | None = None
    interval_count: int | None = None


class Price(Struct, frozen=True, kw_only=True):
    """A price, or an old plan. `unit_amount_decimal`, of a plan `amount_decimal`, is in minor units, with up to 12
    decimals."""

    id: str
    amount_decimal: str | None = None
    nickname: str | None = None
    product: str | Named | None = None
    recurring: Recurring | None = None
    tax_behavior: str | None = None
    unit_amount_decimal: str | None = None


class SubscriptionItem(Struct, frozen=True, kw_only=True):
    """An item of a subscription. It had a `plan` before it had a price."""

    id: str
    current_period_end: int | None = None
    plan: Price | None = None
    price: Price | None = None


class SubscriptionItems(Struct, frozen=True, kw_only=True):
    """The items of a subscription."""

    data: tuple[SubscriptionItem, ...] = ()


class PauseCollection(Struct, frozen=True, kw_only=True):
    """The collection of a subscription is paused."""

    behavior: str | None = None


class Subscription(Struct, frozen=True, kw_only=True):
    """A subscription."""

    id: str
    status: str
    cancel_at: int | None = None
    cancel_at_period_end: bool = False
    current_period_end: int | None = None
    description: str | None = None
    pause_collection: PauseCollection | None = None
    plan: Price | None = None
    items: SubscriptionItems = SubscriptionItems()


class Subscriptions(Struct, frozen=True, kw_only=True):
    """The first subscriptions of a customer, without canceled ones."""

    data: tuple[Subscription, ...] = ()
    has_more: bool = False


class TaxId(Struct, frozen=True, kw_only=True):
    """A tax number of a customer."""

    type: str
    value: str | None = None
    country: str | None = None


class TaxIds(Struct, frozen=True, kw_only=True):
    """The first tax numbers of a customer."""

    data: tuple[TaxId, ...] = ()
    has_more: bool = False


class Customer(Struct, frozen=True, kw_only=True):
    """A customer. `subscriptions` and `tax_ids` are sent if they are expanded."""

    id: str
    created: int
    livemode: bool
    address: Address | None = None
    business_name: str | None = None
    currency: str | None = None
    description: str | None = None
    email: str | None = None
    individual_name: str | None = None
    metadata: dict[str, str] | None = None
    name: str | None = None
    phone: str | None = None
    preferred_locales: tuple[str, ...] | None = None
    shipping: Shipping | None = None
    subscriptions: Subscriptions | None = None
    tax_exempt: str | None = None
    tax_ids: TaxIds | None = None


# ------------------------------------------------------------------ invoices


class Discounted(Struct, frozen=True, kw_only=True):
    """The amount of a discount."""

    amount: int
    discount: str | Named | None = None


class Taxed(Struct, frozen=True, kw_only=True):
    """A tax. `tax_behavior` says whether the price includes it; before 2025-03-31, `inclusive` did."""

    amount: int
    tax_behavior: str | None = None
    inclusive: bool | None = None


class PriceDetails(Struct, frozen=True, kw_only=True):
    """The price and product of a line."""

    price: str | Named | None = None
    product: str | None = None


class Pricing(Struct, frozen=True, kw_only=True):
    """The base of a line's amount."""

    price_details: PriceDetails | None = None
    unit_amount_decimal: str | None = None


class InvoiceLine(Struct, frozen=True, kw_only=True):
    """A line. `amount` is before discounts and without taxes that are added to the price."""

    id: str
    amount: int
    description: str | None = None
    discount_amounts: tuple[Discounted, ...] | None = None
    metadata: dict[str, str] | None = None
    plan: Price | None = None
    price: Price | None = None
    pricing: Pricing | None = None
    quantity: int | None = None
    quantity_decimal: str | None = None
    tax_amounts: tuple[Taxed, ...] | None = None
    taxes: tuple[Taxed, ...] | None = None


class InvoiceLines(Struct, frozen=True, kw_only=True):
    """The first lines of an invoice."""

    data: tuple[InvoiceLine, ...] = ()
    has_more: bool = False


class StatusTransitions(Struct, frozen=True, kw_only=True):
    """When the status of an invoice, or of a payment of one, changed."""

    finalized_at: int | None = None
    paid_at: int | None = None
    voided_at: int | None = None


class PaymentSource(Struct, frozen=True, kw_only=True):
    """The source of a payment of an invoice."""

    type: str | None = None
    charge: str | Named | None = None
    payment_intent: str | Named | None = None


class InvoicePayment(Struct, frozen=True, kw_only=True):
    """A payment of an invoice: `open`, `paid` or `canceled`."""

    id: str
    currency: str
    status: str
    amount_requested: int
    amount_paid: int | None = None
    payment: PaymentSource | None = None
    status_transitions: StatusTransitions = StatusTransitions()


class InvoicePayments(Struct, frozen=True, kw_only=True):
    """The first payments of an invoice."""

    data: tuple[InvoicePayment, ...] = ()
    has_more: bool = False


class ShippingRate(Struct, frozen=True, kw_only=True):
    """What the buyer chose to have it shipped with."""

    id: str
    display_name: str | None = None


class ShippingCost(Struct, frozen=True, kw_only=True):
    """The cost of shipping."""

    shipping_rate: str | ShippingRate | None = None
    amount_subtotal: int = 0
    amount_tax: int = 0


class Invoice(Struct, frozen=True, kw_only=True, tag_field="object", tag="invoice"):
    """An invoice. An upcoming one is a preview without an id. The oldest ones have no `amount_remaining`."""

    created: int | None = None
    currency: str
    id: str
    livemode: bool
    amount_paid: int
    total: int
    status: str | None
    amount_remaining: int | None = None
    amount_shipping: int = 0
    customer: str | Named | None = None
    customer_address: Address | None = None
    customer_email: str | None = None
    customer_name: str | None = None
    customer_phone: str | None = None
    customer_shipping: Shipping | None = None
    description: str | None = None
    lines: InvoiceLines = InvoiceLines()
    metadata: dict[str, str] | None = None
    number: str | None = None
    payments: InvoicePayments | None = None
    post_payment_credit_notes_amount: int = 0
    shipping_cost: ShippingCost | None = None
    shipping_details: Shipping | None = None
    status_transitions: StatusTransitions = StatusTransitions()
    subtotal: int = 0
    tax: int | None = None
    total_discount_amounts: tuple[Discounted, ...] | None = None
    total_tax_amounts: tuple[Taxed, ...] | None = None
    total_taxes: tuple[Taxed, ...] | None = None


# ------------------------------------------------------------------ checkout sessions


class SessionLine(Struct, frozen=True, kw_only=True):
    """A line of a checkout. `amount_subtotal` is before discounts and taxes."""

    id: str
    amount_subtotal: int
    amount_discount: int = 0
    amount_tax: int = 0
    description: str | None = None
    metadata: dict[str, str] | None = None
    price: Price | None = None
    quantity: int | None = None


class SessionLines(Struct, frozen=True, kw_only=True):
    """The first lines of a checkout."""

    data: tuple[SessionLine, ...] = ()
    has_more: bool = False


class TotalDetails(Struct, frozen=True, kw_only=True):
    """Parts of a checkout's total."""

    amount_discount: int | None = 0
    amount_shipping: int | None = 0
    amount_tax: int | None = 0


class CustomerDetails(Struct, frozen=True, kw_only=True):
    """The buyer, as entered in the checkout."""

    address: Address | None = None
    email: str | None = None
    name: str | None = None
    phone: str | None = None


class Collected(Struct, frozen=True, kw_only=True):
    """What the buyer entered."""

    shipping_details: Shipping | None = None


class PresentmentDetails(Struct, frozen=True, kw_only=True):
    """The currency that the buyer saw, if it is another one."""

    presentment_currency: str | None = None


class Card(Struct, frozen=True, kw_only=True):
    """A card that was charged."""

    last4: str | None = None


class PaymentMethodDetails(Struct, frozen=True, kw_only=True):
    """The payment method."""

    type: str | None = None
    card: Card | None = None


class Charge(Struct, frozen=True, kw_only=True):
    """A charge. It stays `succeeded` if it is refunded in part."""

    id: str
    amount: int
    created: int
    currency: str
    status: str
    amount_refunded: int = 0
    captured: bool | None = None
    disputed: bool = False
    payment_method_details: PaymentMethodDetails | None = None


class PaymentIntent(Struct, frozen=True, kw_only=True):
    """The payment of a checkout. `latest_charge` is its last attempt."""

    id: str
    status: str | None = None
    latest_charge: str | Charge | None = None


class CheckoutSession(Struct, frozen=True, kw_only=True, tag_field="object", tag="checkout.session"):
    """A checkout. One in mode `setup` sells nothing and has neither currency nor amounts."""

    id: str
    livemode: bool
    mode: str
    payment_status: str
    amount_subtotal: int | None
    amount_total: int | None
    currency: str | None
    cancel_url: str | None = None
    client_reference_id: str | None = None
    collected_information: Collected | None = None
    created: int | None = None
    customer: str | Named | None = None
    customer_details: CustomerDetails | None = None
    customer_email: str | None = None
    line_items: SessionLines | None = None
    metadata: dict[str, str] | None = None
    payment_intent: str | PaymentIntent | None = None
    presentment_details: PresentmentDetails | None = None
    shipping: Shipping | None = None
    shipping_cost: ShippingCost | None = None
    shipping_details: Shipping | None = None
    status: str | None = None
    success_url: str | None = None
    total_details: TotalDetails | None = None


class Account(Struct, frozen=True, kw_only=True):
    """The configured custom fields, and what was read of the orders at hand: the lines after the first ten by order,
    the orders that are complete with these, and the SKUs of the products. `product_pages` is the number of
    requests that read them."""

    custom_fields: dict[ObjectName, tuple[CustomFieldSetting, ...]] = {}
    more_lines: dict[str, tuple[Raw, ...]] = {}
    complete: frozenset[str] = frozenset()
    skus: dict[str, str] = {}
    product_pages: int = 0
    has_skus: bool = True
