"""The order as read: lines, buyer, totals, payment state and fulfilment state."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from canonical.parts import (
    Address,
    CustomField,
    Instant,
    Money,
    ProductReference,
    Quantity,
    Raw,
    Reference,
    ResourceMeta,
)

SourceKind = Literal["order", "draft_order", "invoice", "checkout_session", "unknown"]
OrderStatus = Literal["draft", "open", "on_hold", "completed", "cancelled", "archived", "failed", "unknown"]
PaymentStatus = Literal[
    "unpaid",
    "pending",
    "authorized",
    "partially_paid",
    "paid",
    "partially_refunded",
    "refunded",
    "voided",
    "failed",
    "expired",
    "disputed",
    "unknown",
]
FulfillmentStatus = Literal[
    "unfulfilled",
    "scheduled",
    "on_hold",
    "in_progress",
    "partially_fulfilled",
    "fulfilled",
    "shipped",
    "delivered",
    "returned",
    "partially_returned",
    "cancelled",
    "not_required",
    "unknown",
]
CancelReason = Literal["customer", "fraud", "inventory", "payment_declined", "staff", "other", "unknown"]
DiscountType = Literal["fixed", "percentage", "shipping", "other", "unknown"]
PaymentMethod = Literal[
    "card", "bank_transfer", "wallet", "cash", "cod", "bnpl", "gift_card", "store_credit", "other", "unknown"
]
PaymentKind = Literal["authorization", "capture", "sale", "refund", "void", "unknown"]
PaymentState = Literal["pending", "succeeded", "failed", "unknown"]
OrderChannel = Literal["online", "pos", "phone", "marketplace", "api", "draft", "other", "unknown"]


class Totals(Struct, frozen=True, kw_only=True):
    """The order's totals as the vendor states them. items = Σ quantity * unit price before discounts;
    total = items - discount + shipping + fees + tip + (tax unless tax_inclusive); outstanding = total - paid, or zero
    for a cancelled or void order."""

    items: Money
    """Sum of the lines before discounts: Σ quantity * unit price. Example: `"39.80"`"""
    discount: Money
    """Sum of all discounts, as a positive amount. Example: `"4.00"`"""
    shipping: Money
    """Shipping charge. Example: `"5.00"`"""
    fees: Money
    """Charges other than goods and shipping, such as a cash-on-delivery fee. Example: `"0.00"`"""
    tip: Money
    """Gratuity that the buyer added. Example: `"0.00"`"""
    tax: Money
    """All taxes, included in the prices or added to them. Example: `"6.51"`"""
    total: Money
    """Amount that the buyer owes for the whole order. Example: `"40.80"`"""
    paid: Money
    """Money received so far; an authorisation does not count. Example: `"40.80"`"""
    refunded: Money
    """Money refunded so far, as a positive amount. Example: `"0.00"`"""
    outstanding: Money
    """Amount still due: total - paid, or zero for a cancelled or void order. Example: `"0.00"`"""


class LineOption(Struct, frozen=True, kw_only=True):
    """One option of a line: a size, a colour, an engraving."""

    name: str
    """Name of the option, as the buyer sees it. Example: `"Engraving"`"""
    value: str
    """Value of the option, as text. Example: `"For Ann"`"""


class LineItem(Struct, frozen=True, kw_only=True):
    """One line of an order. `total` is after discounts; `discount` and `tax` cover the whole line."""

    remote_id: str
    """The vendor's line id; refunds and fulfilments refer to it. Example: `"466157049"`"""
    product: ProductReference | None = None
    """The product; null for a line without one."""
    sku: str | None = None
    """Stock-keeping unit, the merchant's own article number. Example: `"MUG-BLUE"`"""
    name: str
    """Name of the product, as the buyer saw it. Example: `"Mug, blue"`"""
    options: tuple[LineOption, ...] = ()
    """Options of the line, in the vendor's order; a name may occur more than once."""
    quantity: Quantity
    """Quantity ordered."""
    unit_price: Money
    """Price of one unit before discounts; it may have more decimals than the currency."""
    discount: Money
    """Discount on the whole line, as a positive amount. Example: `"4.00"`"""
    tax: Money
    """Tax on the whole line. Example: `"5.72"`"""
    total: Money
    """Amount of the line after discounts: quantity * unit price - discount. Example: `"35.80"`"""
    refunded_quantity: Quantity = "0"
    """Quantity refunded so far. Example: `"0"`"""
    fulfilled_quantity: Quantity = "0"
    """Quantity shipped or handed over so far."""
    requires_shipping: bool | None = None
    """Whether the goods need shipping; null if the vendor does not say. Example: `true`"""
    taxable: bool | None = None
    """Whether the line is taxed; null if the vendor does not say. Example: `true`"""
    custom_fields: tuple[CustomField, ...] = ()
    """Vendor properties of the line that the connection's configuration names."""


class Discount(Struct, frozen=True, kw_only=True):
    """A discount on the order; `amount` is positive."""

    code: str | None = None
    """Discount code that the buyer entered. Example: `"SPRING"`"""
    label: str | None = None
    """Display name of the discount. Example: `"Spring sale"`"""
    type: DiscountType = "unknown"
    """How the discount is calculated."""
    type_raw: str | None = None
    """The vendor's own word for `type`. Example: `"fixed_amount"`"""
    amount: Money
    """Amount of the discount, as a positive amount. Example: `"4.00"`"""


class ShippingLine(Struct, frozen=True, kw_only=True):
    """One shipping charge."""

    title: str | None = None
    """Name of the shipping method that the buyer chose. Example: `"Standard parcel"`"""
    carrier: str | None = None
    """Name of the carrier. Example: `"Royal Mail"`"""
    price: Money
    """Price of shipping, before any tax that is added to it. Example: `"5.00"`"""
    tax: Money
    """Tax on the shipping charge. Example: `"0.79"`"""


class Fee(Struct, frozen=True, kw_only=True):
    """What the vendor charges in addition to lines and shipping. The sum of all `amount` is `totals.fees`."""

    name: str
    """Name of the fee, as the buyer sees it. Example: `"Cash on delivery"`"""
    amount: Money
    """Amount of the fee, before any tax that is added to it. Negative for a reduction. Example: `"3.00"`"""
    tax: Money
    """Tax on the fee. Example: `"0.48"`"""


class Payment(Struct, frozen=True, kw_only=True):
    """One payment transaction. An authorisation moves no money."""

    remote_id: str
    """The vendor's transaction id. Example: `"389404469"`"""
    gateway: str | None = None
    """Payment service that processes the transaction. Example: `"stripe"`"""
    method: PaymentMethod = "unknown"
    """Means of payment. Example: `"card"`"""
    method_raw: str | None = None
    """The vendor's own word for `method`. Example: `"credit_card"`"""
    kind: PaymentKind = "unknown"
    """Kind of transaction; only `capture`, `sale` and `refund` move money. Example: `"sale"`"""
    kind_raw: str | None = None
    """The vendor's own word for `kind`. Example: `"SALE"`"""
    status: PaymentState = "unknown"
    """Result of the transaction. Example: `"succeeded"`"""
    status_raw: str | None = None
    """The vendor's own word for `status`. Example: `"SUCCESS"`"""
    amount: Money
    """Amount of the transaction, as a positive amount in `currency`. Example: `"40.80"`"""
    currency: str
    """ISO 4217 code of `amount`. Example: `"EUR"`"""
    processed_at: Instant | None = None
    """When the payment service processed the transaction."""
    last4: str | None = None
    """Last four digits of the card or account number. Example: `"4242"`"""


class RefundLine(Struct, frozen=True, kw_only=True):
    """The refunded part of one order line."""

    remote_id: str
    """The vendor's id of the refunded order line. Example: `"466157049"`"""
    quantity: Quantity
    """Quantity refunded. Example: `"1"`"""
    amount: Money
    """Money refunded for this quantity, as a positive amount."""


class Refund(Struct, frozen=True, kw_only=True):
    """One refund to the buyer; amounts are positive."""

    remote_id: str
    """The vendor's refund id. Example: `"509562969"`"""
    amount: Money
    """Money refunded, as a positive amount in `currency`."""
    currency: str
    """ISO 4217 code of `amount`. Example: `"EUR"`"""
    reason: str | None = None
    """Reason for the refund, as the staff entered it. Example: `"Chipped on arrival"`"""
    line_items: tuple[RefundLine, ...] = ()
    """Refunded order lines; empty if the refund is for no specific line."""
    created_at: Instant | None = None
    """When the refund was created."""


class FulfillmentLine(Struct, frozen=True, kw_only=True):
    """The part of one order line that a parcel contains."""

    remote_id: str
    """The vendor's id of the order line. Example: `"466157049"`"""
    quantity: Quantity
    """Quantity in the parcel."""


class Tracking(Struct, frozen=True, kw_only=True):
    """Tracking information of a parcel."""

    carrier: str | None = None
    """Name of the carrier. Example: `"Royal Mail"`"""
    number: str | None = None
    """The carrier's tracking number. Example: `"AB123456789GB"`"""
    url: str | None = None
    """Tracking page. Example: `"https://track.example/AB123456789GB"`"""


class Fulfillment(Struct, frozen=True, kw_only=True):
    """One shipment or hand-over."""

    remote_id: str
    """The vendor's id of the shipment or hand-over. Example: `"255858046"`"""
    status: FulfillmentStatus = "unknown"
    """State of the shipment, with the values of `fulfillment_status`. Example: `"shipped"`"""
    status_raw: str | None = None
    """The vendor's own word for `status`. Example: `"IN_TRANSIT"`"""
    location: str | None = None
    """Location that the goods are sent from. Example: `"Bristol warehouse"`"""
    line_items: tuple[FulfillmentLine, ...] = ()
    """Order lines in the shipment, with their quantities."""
    tracking: tuple[Tracking, ...] = ()
    """Tracking information, one entry per tracking number."""
    shipped_at: Instant | None = None
    """When the goods were shipped."""
    delivered_at: Instant | None = None
    """When the goods were delivered. Example: `"2026-05-04T11:20:00Z"`"""


class Order(Struct, frozen=True, kw_only=True):
    """An order as read. Amounts are in `currency` (the shop's), unless an object has its own `currency`."""

    id: str | UnsetType = UNSET
    """Canonical id, the same in all linked systems. Example: `"ord_0198f0a2b7c47d3c9a51f2e80b6c4d18"`"""
    number: str | None = None
    """Order number that people use; not every vendor keeps it unique. Example: `"#1001"`"""
    source_kind: SourceKind = "unknown"
    """Kind of vendor object that holds the order; read-only."""
    source_kind_raw: str | None = None
    """The vendor's own word for `source_kind`. Example: `"Order"`"""
    status: OrderStatus = "unknown"
    """State of the order, independent of payment and fulfilment. Example: `"open"`"""
    status_raw: str | None = None
    """The vendor's own word for `status`. Example: `"OPEN"`"""
    payment_status: PaymentStatus = "unknown"
    """State of payment; an authorised order is not paid. Example: `"paid"`"""
    payment_status_raw: str | None = None
    """The vendor's own word for `payment_status`. Example: `"PAID"`"""
    fulfillment_status: FulfillmentStatus = "unknown"
    """State of fulfilment. Example: `"shipped"`"""
    fulfillment_status_raw: str | None = None
    """The vendor's own word for `fulfillment_status`. Example: `"FULFILLED"`"""
    cancel_reason: CancelReason | None = None
    """Why the order was cancelled; null if it was not."""
    cancel_reason_raw: str | None = None
    """The vendor's own word for `cancel_reason`. Example: `"CUSTOMER"`"""
    cancelled_at: Instant | None = None
    """When the order was cancelled; null if it was not."""
    currency: str
    """ISO 4217 code of the shop's currency, used for all amounts. Example: `"EUR"`"""
    presentment_currency: str | None = None
    """ISO 4217 code of the currency shown to the buyer. Example: `"EUR"`"""
    totals: Totals
    """Totals of the order, with the amounts paid, refunded and outstanding; read-only."""
    tax_inclusive: bool | None = None
    """Whether prices include tax; null if the vendor does not say. Example: `true`"""
    customer: Reference | None = None
    """The buyer, as recorded at purchase; null if the order names none."""
    is_guest: bool = False
    """Whether the buyer has no customer record at the vendor; read-only. Example: `false`"""
    billing_address: Address | None = None
    """Billing address given at purchase."""
    shipping_address: Address | None = None
    """Delivery address given at purchase."""
    line_items: tuple[LineItem, ...] = ()
    """Lines of the order."""
    discounts: tuple[Discount, ...] = ()
    """Discounts on the whole order and on its lines."""
    shipping_lines: tuple[ShippingLine, ...] = ()
    """Shipping charges."""
    fees: tuple[Fee, ...] = ()
    """Charges other than lines and shipping; a vendor without fees gets each as a line."""
    payments: tuple[Payment, ...] = ()
    """Payment transactions, including authorisations and failed ones; read-only."""
    refunds: tuple[Refund, ...] = ()
    """Refunds to the buyer; read-only."""
    fulfillments: tuple[Fulfillment, ...] = ()
    """Shipments and hand-overs; read-only."""
    channel: OrderChannel = "unknown"
    """Sales channel where the order was placed; read-only."""
    channel_raw: str | None = None
    """The vendor's own word for `channel`. Example: `"web"`"""
    tags: tuple[str, ...] = ()
    """Labels of the order, in no particular order. Example: `["gift"]`"""
    customer_note: str | None = None
    """Note from the buyer. Example: `"Please ring twice"`"""
    internal_note: str | None = None
    """Note from the staff; the buyer does not see it. Example: `"Check the glaze before packing"`"""
    external_id: str | None = None
    """The caller's own key, unique at a vendor that can store one. Example: `"web-88213"`"""
    is_test: bool = False
    """Whether this is a test order; no money moved. Example: `false`"""
    custom_fields: tuple[CustomField, ...] = ()
    """Vendor properties that the connection's configuration names."""
    placed_at: Instant | None = None
    """When the buyer placed the order."""
    paid_at: Instant | None = None
    """When the order became fully paid. Example: `"2026-05-01T09:31:00Z"`"""
    closed_at: Instant | None = None
    """When the order was closed, with nothing left to do. Example: `"2026-05-04T11:20:00Z"`"""
    created_at: Instant | None = None
    """When the record was created at the vendor; read-only."""
    updated_at: Instant | None = None
    """When the record last changed at the vendor; read-only. Example: `"2026-05-04T11:20:00Z"`"""
    meta: ResourceMeta | UnsetType = UNSET
    """Origin of the resource, and what its mapping lost."""
    raw: Raw | UnsetType = UNSET
    """The vendor's own payload; only with `?include=raw`. Example: `{"name": "#1001"}`"""
