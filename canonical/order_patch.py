"""The fields of an order that a caller may write, and the request to cancel an order."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from canonical.order import CancelReason, DiscountType, FulfillmentStatus, OrderStatus, PaymentStatus
from canonical.parts import (
    AddressPatch,
    CustomFieldPatch,
    Instant,
    Line,
    Money,
    ProductReferencePatch,
    Quantity,
    ReferencePatch,
    Text,
)

Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$", examples=["EUR"])]


class LineOptionPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One option of a line to order."""

    name: Annotated[str, Meta(min_length=1, max_length=1000)]
    value: Text


class LineItemPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line to order: a product with its `variant_remote_id`, or a custom line with `name` and `unit_price`."""

    name: Line | None = None
    """Name of the product; required without a `product.variant_remote_id`."""
    product: ProductReferencePatch | None = None
    sku: Line | None = None
    options: tuple[LineOptionPatch, ...] = ()
    quantity: Quantity
    unit_price: Money | None = None
    """Price of one unit before discounts; required without a `product.variant_remote_id`."""
    tax: Money | None = None
    requires_shipping: bool | None = None
    taxable: bool | None = None
    custom_fields: tuple[CustomFieldPatch, ...] = ()

    @property
    def product_id(self) -> str | None:
        """The vendor's product id."""
        return None if self.product is None else self.product.remote_id

    @property
    def variant_id(self) -> str | None:
        """The vendor's variant id."""
        return None if self.product is None else self.product.variant_remote_id


class DiscountPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A discount to apply; `amount` is positive and in the order's currency."""

    code: Line | None = None
    label: Line | None = None
    type: DiscountType = "fixed"
    """How the discount is calculated."""
    amount: Money


class ShippingLinePatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A shipping charge."""

    title: Line | None = None
    carrier: Line | None = None
    price: Money
    tax: Money | None = None


class FeePatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A charge other than a line or shipping."""

    name: Line | None = None
    amount: Money
    tax: Money | None = None


class OrderPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of an order that a caller may write. An absent field stays unchanged, `null` clears it, an array
    replaces the whole array (RFC 7396). The statuses cannot be cleared. Few shops allow changes to the lines or
    amounts of an existing order; the others answer `unsupported-field`."""

    status: OrderStatus | UnsetType = UNSET
    payment_status: PaymentStatus | UnsetType = UNSET
    fulfillment_status: FulfillmentStatus | UnsetType = UNSET
    number: Line | None | UnsetType = UNSET
    currency: Currency | None | UnsetType = UNSET
    presentment_currency: Currency | None | UnsetType = UNSET
    tax_inclusive: bool | None | UnsetType = UNSET
    customer: ReferencePatch | None | UnsetType = UNSET
    billing_address: AddressPatch | None | UnsetType = UNSET
    shipping_address: AddressPatch | None | UnsetType = UNSET
    line_items: tuple[LineItemPatch, ...] | None | UnsetType = UNSET
    discounts: tuple[DiscountPatch, ...] | None | UnsetType = UNSET
    shipping_lines: tuple[ShippingLinePatch, ...] | None | UnsetType = UNSET
    fees: tuple[FeePatch, ...] | None | UnsetType = UNSET
    tags: tuple[Line, ...] | None | UnsetType = UNSET
    customer_note: Text | None | UnsetType = UNSET
    internal_note: Text | None | UnsetType = UNSET
    external_id: Annotated[str, Meta(min_length=1, max_length=255)] | None | UnsetType = UNSET
    is_test: bool | UnsetType = UNSET
    custom_fields: tuple[CustomFieldPatch, ...] | None | UnsetType = UNSET
    placed_at: Instant | None | UnsetType = UNSET


class OrderCancel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request to cancel an order: the reason, and whether to restock, refund and notify the buyer."""

    reason: CancelReason
    """Reason for the cancellation. Example: `"customer"`"""
    restock: bool = False
    """Whether to return the goods to stock. Example: `true`"""
    refund: bool = False
    """Whether to refund the payments to their original means of payment. Example: `true`"""
    notify: bool = False
    """Whether the vendor notifies the buyer. Example: `false`"""
    note: Text | None = None
    """Note for the staff, stored with the order if the vendor can. Example: `"Ordered twice by mistake"`"""
