"""Records and write bodies of WooCommerce's REST API v3, and the facts about one shop.

Documented at https://woocommerce.github.io/woocommerce-rest-api-docs/ (wp-json/wc/v3). A missing value is "" or 0, not
null: a guest's `customer_id` is 0. Each time is sent twice, in the shop's zone and as GMT, both without an offset; old
shops and plugins send only the first. Sums are text with the decimals of the shop's settings, not of the currency.
Lines, discounts and shipping are without tax, even if the shop enters prices with tax. Plugins add members and
statuses.
"""

from datetime import datetime
from typing import Any, Final

from msgspec import UNSET, Raw, Struct, UnsetType, field

from canonical.parts import CustomFieldSetting, ObjectName

OPERATION: Final = "_lockstitch_operation"
"""The meta key for the operation that created the record."""
EXTERNAL_ID: Final = "_lockstitch_external_id"
"""The meta key for the caller's key."""
CANCEL_REASON: Final = "_lockstitch_cancel_reason"
"""The meta key for the reason of a cancellation. WooCommerce has no field for it."""
LINE: Final = "_lockstitch_line"
"""The meta key of a fee that is a line, with a `LineMark`."""
OURS: Final = frozenset({OPERATION, EXTERNAL_ID, CANCEL_REASON, LINE})

NOTHING: Final = Raw(b"null")


class Meta(Struct, frozen=True, kw_only=True):
    """A custom value on a record: JSON of any type."""

    key: str = ""
    value: Raw = NOTHING


class LineMeta(Meta, frozen=True, kw_only=True):
    """Meta of a line, with the key and value that the shop displays: `pa_color` is "Color"."""

    display_key: str | None = None
    display_value: Raw = NOTHING


class Place(Struct, frozen=True, kw_only=True):
    """A billing or shipping address. Only billing has an e-mail; shipping has a phone since WooCommerce 5.6."""

    first_name: str = ""
    last_name: str = ""
    company: str = ""
    address_1: str = ""
    address_2: str = ""
    city: str = ""
    state: str = ""
    postcode: str = ""
    country: str = ""
    email: str | None = None
    phone: str | None = None


class Link(Struct, frozen=True, kw_only=True):
    """A link of the REST API."""

    href: str = ""


class Links(Struct, frozen=True, kw_only=True):
    """Links of a record. The one to itself contains the shop's address."""

    self_: tuple[Link, ...] = field(name="self", default=())


NOWHERE: Final = Place()
NO_LINKS: Final = Links()


class Customer(Struct, frozen=True, kw_only=True):
    """A user of the shop, not a guest."""

    id: int
    email: str | None
    date_created: datetime | None = None
    date_created_gmt: datetime | None = None
    date_modified: datetime | None = None
    date_modified_gmt: datetime | None = None
    first_name: str = ""
    last_name: str = ""
    billing: Place = NOWHERE
    shipping: Place = NOWHERE
    is_paying_customer: bool = False
    meta_data: tuple[Meta, ...] = ()
    links: Links = field(name="_links", default=NO_LINKS)


class Line(Struct, frozen=True, kw_only=True):
    """A line. `subtotal` is before discounts, `total` after, both for the whole line and without tax."""

    id: int
    name: str | None
    quantity: int | float
    subtotal: str
    total: str
    total_tax: str = ""
    product_id: int = 0
    variation_id: int = 0
    sku: str | None = None
    meta_data: tuple[LineMeta, ...] = ()


class ShippingLine(Struct, frozen=True, kw_only=True):
    """One shipping charge."""

    total: str
    total_tax: str = ""
    method_title: str = ""


class FeeLine(Struct, frozen=True, kw_only=True):
    """A charge. Plugins use negative ones as discounts."""

    id: int = 0
    total: str
    total_tax: str = ""
    name: str | None = None
    meta_data: tuple[LineMeta, ...] = ()


class LineMark(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line that is stored as a fee: `place` is its index among all lines, the sums are those that it was stored with,
    before and after discounts."""

    place: int = 0
    name: str
    sku: str | None = None
    product_id: str | None = None
    variation_id: str | None = None
    quantity: str
    unit_price: str
    subtotal: str
    total: str
    requires_shipping: bool | None = None
    taxable: bool | None = None

    @property
    def title(self) -> str:
        """The name of the fee for people, with the quantity and the SKU, for which a fee has no member."""
        name = self.name if self.sku in (None, self.name) else f"{self.name} ({self.sku})"
        return name if self.quantity == "1" else f"{self.quantity} x {name}"


class Listed(Struct, frozen=True, kw_only=True):
    """A product or a variation in a list of products; `parent_id` is 0 for one that is no variation."""

    id: int
    sku: str = ""
    parent_id: int = 0


class CouponLine(Struct, frozen=True, kw_only=True):
    """A redeemed coupon. Its type is sent since WooCommerce 8.7."""

    code: str | None
    discount: str
    discount_type: str | None = None


class RefundStub(Struct, frozen=True, kw_only=True):
    """A refund in its order. The total is negative; the id is 0 if it was deleted."""

    id: int | None
    total: str | None
    reason: str | None = None


class RefundedLine(Struct, frozen=True, kw_only=True):
    """A line of a refund. Quantity and totals are negative; its meta names the order line."""

    quantity: int | float
    total: str
    total_tax: str = ""
    meta_data: tuple[Meta, ...] = ()


class RefundedFee(Struct, frozen=True, kw_only=True):
    """A fee of a refund, without a quantity. Totals are negative; its meta names the fee of the order."""

    total: str
    total_tax: str = ""
    meta_data: tuple[Meta, ...] = ()


class Refund(Struct, frozen=True, kw_only=True):
    """A refund, read by itself."""

    id: int
    date_created: datetime | None = None
    date_created_gmt: datetime | None = None
    line_items: tuple[RefundedLine, ...] = ()
    fee_lines: tuple[RefundedFee, ...] = ()


class Order(Struct, frozen=True, kw_only=True):
    """An order. Its status covers order, payment and fulfillment."""

    id: int
    status: str
    currency: str
    total: str
    number: str = ""
    prices_include_tax: bool = False
    date_created: datetime | None = None
    date_created_gmt: datetime | None = None
    date_modified: datetime | None = None
    date_modified_gmt: datetime | None = None
    date_paid: datetime | None = None
    date_paid_gmt: datetime | None = None
    date_completed: datetime | None = None
    date_completed_gmt: datetime | None = None
    discount_total: str = ""
    shipping_total: str = ""
    total_tax: str = ""
    customer_id: int = 0
    billing: Place = NOWHERE
    shipping: Place = NOWHERE
    payment_method: str = ""
    transaction_id: str = ""
    customer_note: str = ""
    created_via: str = ""
    meta_data: tuple[Meta, ...] = ()
    line_items: tuple[Line, ...] = ()
    shipping_lines: tuple[ShippingLine, ...] = ()
    fee_lines: tuple[FeeLine, ...] = ()
    coupon_lines: tuple[CouponLine, ...] = ()
    refunds: tuple[RefundStub, ...] = ()
    links: Links = field(name="_links", default=NO_LINKS)

    @property
    def is_paid(self) -> bool:
        """Whether the shop recorded a payment."""
        return self.date_paid_gmt is not None or self.date_paid is not None


class Account(Struct, frozen=True, kw_only=True):
    """The facts about a shop.

    `currency`, `decimals` and `calculates_taxes` are the shop's settings, None if the key may not read them. `refunds`
    are those read for orders, by id; `refund_reads` counts the reads.
    """

    custom_fields: dict[ObjectName, tuple[CustomFieldSetting, ...]] = {}
    currency: str | None = None
    decimals: int | None = None
    calculates_taxes: bool | None = None
    refunds: dict[int, Refund] = {}
    refund_reads: int = 0


# ------------------------------------------------------------------ writes

Text = str | UnsetType
"""Text to set; "" clears it."""


class MetaWrite(Struct, frozen=True, kw_only=True):
    """A value to store; None removes the key."""

    key: str
    value: Any


class PlaceWrite(Struct, frozen=True, kw_only=True):
    """The members of an address to set; others stay. null clears an e-mail, "" all else."""

    first_name: Text = UNSET
    last_name: Text = UNSET
    company: Text = UNSET
    address_1: Text = UNSET
    address_2: Text = UNSET
    city: Text = UNSET
    state: Text = UNSET
    postcode: Text = UNSET
    country: Text = UNSET
    email: str | None | UnsetType = UNSET
    phone: Text = UNSET


class CustomerWrite(Struct, frozen=True, kw_only=True):
    """The members of a customer to set."""

    email: Text = UNSET
    first_name: Text = UNSET
    last_name: Text = UNSET
    billing: PlaceWrite | UnsetType = UNSET
    shipping: PlaceWrite | UnsetType = UNSET
    meta_data: tuple[MetaWrite, ...] | UnsetType = UNSET


class LineWrite(Struct, frozen=True, kw_only=True):
    """A line of a new order. Without `subtotal` and `total` it has the product's price."""

    quantity: int
    product_id: int | UnsetType = UNSET
    variation_id: int | UnsetType = UNSET
    name: Text = UNSET
    subtotal: Text = UNSET
    total: Text = UNSET
    meta_data: tuple[MetaWrite, ...] | UnsetType = UNSET


class FeeLineWrite(Struct, frozen=True, kw_only=True):
    """A charge with a free text, of a new order."""

    name: str
    total: str
    tax_status: Text = UNSET
    meta_data: tuple[MetaWrite, ...] | UnsetType = UNSET


class ShippingLineWrite(Struct, frozen=True, kw_only=True):
    """A shipping charge of a new order."""

    method_id: str
    method_title: str
    total: str


class OrderWrite(Struct, frozen=True, kw_only=True):
    """The members of an order to set."""

    status: Text = UNSET
    currency: Text = UNSET
    customer_id: int | UnsetType = UNSET
    billing: PlaceWrite | UnsetType = UNSET
    shipping: PlaceWrite | UnsetType = UNSET
    line_items: tuple[LineWrite, ...] | UnsetType = UNSET
    shipping_lines: tuple[ShippingLineWrite, ...] | UnsetType = UNSET
    fee_lines: tuple[FeeLineWrite, ...] | UnsetType = UNSET
    customer_note: Text = UNSET
    meta_data: tuple[MetaWrite, ...] | UnsetType = UNSET
