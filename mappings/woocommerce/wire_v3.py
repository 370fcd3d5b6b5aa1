"""What WooCommerce's REST API v3 sends and accepts, as far as we use it, and the facts about one shop.

Documented at https://woocommerce.github.io/woocommerce-rest-api-docs/ (wp-json/wc/v3). What is missing is "" or 0, not
null: a guest's `customer_id` is 0. Every time stands twice, in the shop's zone and as GMT, both without an offset; only
the latter is read. Sums are text with as many decimals as the shop is set to, whatever the currency has, and all of
lines, discounts and shipping are without tax, also where the shop enters its prices with it. Plugins add members and
statuses at will.
"""

from datetime import datetime
from typing import Any, Final

from msgspec import UNSET, Raw, Struct, UnsetType, field

from canonical.parts import CustomFieldSetting, ObjectName

OPERATION: Final = "_lockstitch_operation"
"""The meta key that names the operation which made the record."""
EXTERNAL_ID: Final = "_lockstitch_external_id"
"""The meta key that holds the caller's own key."""
CANCEL_REASON: Final = "_lockstitch_cancel_reason"
"""The meta key that keeps why an order was cancelled, which WooCommerce does not ask."""
OURS: Final = frozenset({OPERATION, EXTERNAL_ID, CANCEL_REASON})

NOTHING: Final = Raw(b"null")


class Meta(Struct, frozen=True, kw_only=True):
    """A piece of anything that somebody keeps with a record; the value is JSON of any type."""

    key: str = ""
    value: Raw = NOTHING


class LineMeta(Meta, frozen=True, kw_only=True):
    """The same with a line, and how the shop shows it to people where it does: `pa_color` is "Color" there."""

    display_key: str | None = None
    display_value: Raw = NOTHING


class Place(Struct, frozen=True, kw_only=True):
    """A billing or shipping address; the former alone has an e-mail, the latter a telephone since WooCommerce 5.6."""

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
    """Where a record is found; its own link tells the address of the shop."""

    self_: tuple[Link, ...] = field(name="self", default=())


NOWHERE: Final = Place()
NO_LINKS: Final = Links()


class Customer(Struct, frozen=True, kw_only=True):
    """A user of the shop. Guests are none."""

    id: int
    email: str | None
    date_created_gmt: datetime | None = None
    date_modified_gmt: datetime | None = None
    first_name: str = ""
    last_name: str = ""
    billing: Place = NOWHERE
    shipping: Place = NOWHERE
    is_paying_customer: bool = False
    meta_data: tuple[Meta, ...] = ()
    links: Links = field(name="_links", default=NO_LINKS)


class Line(Struct, frozen=True, kw_only=True):
    """A line: `subtotal` is before discounts, `total` after, both for the whole line and without tax."""

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
    """One way of shipping."""

    total: str
    total_tax: str = ""
    method_title: str = ""


class FeeLine(Struct, frozen=True, kw_only=True):
    """A charge; a negative one is how plugins take something off."""

    total: str
    total_tax: str = ""


class CouponLine(Struct, frozen=True, kw_only=True):
    """A coupon that was used; its kind is told since WooCommerce 8.7."""

    code: str | None
    discount: str
    discount_type: str | None = None


class RefundStub(Struct, frozen=True, kw_only=True):
    """A refund as its order shows it: the total is negative, the id 0 once it was deleted."""

    id: int | None
    total: str | None
    reason: str | None = None


class RefundedLine(Struct, frozen=True, kw_only=True):
    """A line of a refund: quantity and totals are negative, and its meta names the line of the order."""

    quantity: int | float
    total: str
    total_tax: str = ""
    meta_data: tuple[Meta, ...] = ()


class Refund(Struct, frozen=True, kw_only=True):
    """A refund as a record of its own."""

    id: int
    date_created_gmt: datetime | None = None
    line_items: tuple[RefundedLine, ...] = ()


class Order(Struct, frozen=True, kw_only=True):
    """An order. Its one status says how far order, payment and goods have come."""

    id: int
    status: str
    currency: str
    total: str
    number: str = ""
    prices_include_tax: bool = False
    date_created_gmt: datetime | None = None
    date_modified_gmt: datetime | None = None
    date_paid_gmt: datetime | None = None
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


class Account(Struct, frozen=True, kw_only=True):
    """The facts about a shop.

    `currency` and `decimals` are the shop's settings, None where the key may not read them. `refunds` are those that
    were read beside orders, by their ids, and `refund_reads` how many reads that took.
    """

    custom_fields: dict[ObjectName, tuple[CustomFieldSetting, ...]] = {}
    currency: str | None = None
    decimals: int | None = None
    refunds: dict[int, Refund] = {}
    refund_reads: int = 0


# ------------------------------------------------------------------ writes

Text = str | UnsetType
"""Text to set; "" empties it."""


class MetaWrite(Struct, frozen=True, kw_only=True):
    """A value to keep; None takes its key away."""

    key: str
    value: Any


class PlaceWrite(Struct, frozen=True, kw_only=True):
    """The members of an address to set; others stay. An e-mail is emptied by null, all else by ""."""

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
    """What is set of a customer."""

    email: Text = UNSET
    first_name: Text = UNSET
    last_name: Text = UNSET
    billing: PlaceWrite | UnsetType = UNSET
    shipping: PlaceWrite | UnsetType = UNSET
    meta_data: tuple[MetaWrite, ...] | UnsetType = UNSET


class LineWrite(Struct, frozen=True, kw_only=True):
    """A line of a new order; without `subtotal` and `total` the product's price stands."""

    quantity: int
    product_id: int | UnsetType = UNSET
    variation_id: int | UnsetType = UNSET
    sku: Text = UNSET
    name: Text = UNSET
    subtotal: Text = UNSET
    total: Text = UNSET
    meta_data: tuple[MetaWrite, ...] | UnsetType = UNSET


class ShippingLineWrite(Struct, frozen=True, kw_only=True):
    """A shipping charge of a new order."""

    method_id: str
    method_title: str
    total: str


class OrderWrite(Struct, frozen=True, kw_only=True):
    """What is set of an order."""

    status: Text = UNSET
    currency: Text = UNSET
    customer_id: int | UnsetType = UNSET
    billing: PlaceWrite | UnsetType = UNSET
    shipping: PlaceWrite | UnsetType = UNSET
    line_items: tuple[LineWrite, ...] | UnsetType = UNSET
    shipping_lines: tuple[ShippingLineWrite, ...] | UnsetType = UNSET
    customer_note: Text = UNSET
    meta_data: tuple[MetaWrite, ...] | UnsetType = UNSET
