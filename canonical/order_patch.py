"""The fields of an order that a caller may write, and the request to cancel an order."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from canonical.order import CancelReason, DiscountType, FulfillmentStatus, OrderStatus, PaymentStatus
from canonical.parts import AddressPatch, CustomFieldPatch, Instant, Line, Money, Quantity, Text

Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$", examples=["EUR"])]


class OrderCustomerPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose order it is: a canonical `id`, the vendor's `remote_id`, or an e-mail for a guest."""

    id: str | None = None
    """A canonical customer that is known at the connection. Example: `"cus_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    remote_id: Line | None = None
    """The vendor's id of its customer."""
    email: Annotated[str, Meta(max_length=254)] | None = None
    """An address, for a guest or to let the vendor find its customer."""
    phone: Annotated[str, Meta(max_length=64)] | None = None
    """A number to reach the buyer."""
    name: Line | None = None
    """The buyer's name."""


class LineOptionPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that is chosen or asked for with a line."""

    name: Annotated[str, Meta(min_length=1, max_length=1000)]
    value: Text


class LineItemPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line to order: a `variant_remote_id` of the shop, or a free line with `name` and `unit_price`."""

    name: Line | None = None
    """What is bought; needed for a free line, without a variant."""
    variant_remote_id: Line | None = None
    """The vendor's id of the variant, which brings its own name and price."""
    product_remote_id: Line | None = None
    sku: Line | None = None
    options: tuple[LineOptionPatch, ...] = ()
    quantity: Quantity
    unit_price: Money | None = None
    """Price of one before discounts; needed for a free line."""
    tax: Money | None = None
    requires_shipping: bool | None = None
    taxable: bool | None = None
    custom_fields: tuple[CustomFieldPatch, ...] = ()


class DiscountPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A discount to apply; `amount` is positive and in the order's currency."""

    code: Line | None = None
    label: Line | None = None
    type: DiscountType = "fixed"
    """How the discount is worked out."""
    amount: Money


class ShippingLinePatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A shipping charge."""

    title: Line
    carrier: Line | None = None
    price: Money
    tax: Money | None = None


class OrderPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a caller may write. Absent leaves, `null` clears, arrays are replaced whole (RFC 7396); the statuses
    cannot be cleared. Few shops let an existing order's lines or money be changed: the connection then answers
    `unsupported-field`."""

    status: OrderStatus | UnsetType = UNSET
    payment_status: PaymentStatus | UnsetType = UNSET
    fulfillment_status: FulfillmentStatus | UnsetType = UNSET
    number: Line | None | UnsetType = UNSET
    currency: Currency | None | UnsetType = UNSET
    presentment_currency: Currency | None | UnsetType = UNSET
    tax_inclusive: bool | None | UnsetType = UNSET
    customer: OrderCustomerPatch | None | UnsetType = UNSET
    billing_address: AddressPatch | None | UnsetType = UNSET
    shipping_address: AddressPatch | None | UnsetType = UNSET
    line_items: tuple[LineItemPatch, ...] | None | UnsetType = UNSET
    discounts: tuple[DiscountPatch, ...] | None | UnsetType = UNSET
    shipping_lines: tuple[ShippingLinePatch, ...] | None | UnsetType = UNSET
    tags: tuple[Line, ...] | None | UnsetType = UNSET
    customer_note: Text | None | UnsetType = UNSET
    internal_note: Text | None | UnsetType = UNSET
    external_id: Annotated[str, Meta(min_length=1, max_length=255)] | None | UnsetType = UNSET
    is_test: bool | UnsetType = UNSET
    custom_fields: tuple[CustomFieldPatch, ...] | None | UnsetType = UNSET
    placed_at: Instant | None | UnsetType = UNSET


class OrderCancel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Cancel an order: why, whether goods go back to stock, money back to the buyer, and the buyer is told."""

    reason: CancelReason
    """Why it is cancelled. Example: `"customer"`"""
    restock: bool = False
    """Whether the goods go back to stock. Example: `true`"""
    refund: bool = False
    """Whether what was paid is given back by the way it came. Example: `true`"""
    notify: bool = False
    """Whether the vendor writes to the buyer. Example: `false`"""
    note: Text | None = None
    """A word for colleagues, kept with the order where the vendor has a place for it.
    Example: `"Ordered twice by mistake"`"""
