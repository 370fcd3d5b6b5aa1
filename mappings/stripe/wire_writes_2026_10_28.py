"""The members that Lockstitch writes of the Stripe API, version 2026-10-28.endive.

A member that is left out stays. None is sent as an empty value, which clears the member (see `bodies`).
"""

from msgspec import UNSET, Struct, UnsetType

Metadata = dict[str, str | None]
"""Keys to set, or to remove with None. Stripe merges metadata key by key."""


class AddressWrite(Struct, frozen=True, kw_only=True):
    """An address. A change sends all members, empty ones too."""

    city: str | None | UnsetType = UNSET
    country: str | None | UnsetType = UNSET
    line1: str | None | UnsetType = UNSET
    line2: str | None | UnsetType = UNSET
    postal_code: str | None | UnsetType = UNSET
    state: str | None | UnsetType = UNSET


class ShippingWrite(Struct, frozen=True, kw_only=True):
    """A shipping address. Stripe needs a name."""

    name: str
    phone: str | None | UnsetType = UNSET
    address: AddressWrite


class TaxIdWrite(Struct, frozen=True, kw_only=True):
    """A tax number of a new customer."""

    type: str
    value: str


class CustomerWrite(Struct, frozen=True, kw_only=True):
    """A customer to create or change."""

    name: str | None | UnsetType = UNSET
    business_name: str | None | UnsetType = UNSET
    individual_name: str | None | UnsetType = UNSET
    email: str | None | UnsetType = UNSET
    phone: str | None | UnsetType = UNSET
    description: str | None | UnsetType = UNSET
    address: AddressWrite | None | UnsetType = UNSET
    shipping: ShippingWrite | None | UnsetType = UNSET
    preferred_locales: tuple[str, ...] | None | UnsetType = UNSET
    tax_exempt: str | UnsetType = UNSET
    tax_id_data: tuple[TaxIdWrite, ...] | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET


class ProductWrite(Struct, frozen=True, kw_only=True):
    """A product for a single price."""

    name: str
    metadata: Metadata | UnsetType = UNSET


class PriceWrite(Struct, frozen=True, kw_only=True):
    """A price for a single checkout. The amount is in minor units."""

    currency: str
    unit_amount_decimal: str
    product: str | UnsetType = UNSET
    product_data: ProductWrite | UnsetType = UNSET
    tax_behavior: str | UnsetType = UNSET


class LineWrite(Struct, frozen=True, kw_only=True):
    """A line: with a price of the account, or with its own."""

    quantity: int
    price: str | UnsetType = UNSET
    price_data: PriceWrite | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET


class AmountWrite(Struct, frozen=True, kw_only=True):
    """An amount in minor units."""

    amount: int
    currency: str


class ShippingRateWrite(Struct, frozen=True, kw_only=True):
    """A shipping rate for a single checkout."""

    display_name: str
    fixed_amount: AmountWrite
    type: str = "fixed_amount"


class ShippingOptionWrite(Struct, frozen=True, kw_only=True):
    """A shipping option that the buyer can choose."""

    shipping_rate_data: ShippingRateWrite


class CouponWrite(Struct, frozen=True, kw_only=True):
    """A coupon for a single checkout. The amount is in minor units."""

    name: str
    amount_off: int
    currency: str
    duration: str = "once"
    max_redemptions: int = 1
    metadata: Metadata | UnsetType = UNSET


class DiscountWrite(Struct, frozen=True, kw_only=True):
    """A discount of a checkout: the id of a coupon."""

    coupon: str


class SessionWrite(Struct, frozen=True, kw_only=True):
    """A checkout to create, or to change with metadata only."""

    mode: str | UnsetType = UNSET
    ui_mode: str | UnsetType = UNSET
    redirect_on_completion: str | UnsetType = UNSET
    success_url: str | UnsetType = UNSET
    cancel_url: str | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    customer: str | UnsetType = UNSET
    customer_email: str | UnsetType = UNSET
    line_items: tuple[LineWrite, ...] | UnsetType = UNSET
    shipping_options: tuple[ShippingOptionWrite, ...] | UnsetType = UNSET
    discounts: tuple[DiscountWrite, ...] | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET


class InvoiceWrite(Struct, frozen=True, kw_only=True):
    """A draft invoice to create, or an invoice to change."""

    customer: str | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    number: str | None | UnsetType = UNSET
    shipping_details: ShippingWrite | None | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET


class OrderWrite(Struct, frozen=True, kw_only=True):
    """A write of an invoice or of a checkout; the other is None. The `coupon` of a checkout is created before it."""

    invoice: InvoiceWrite | None = None
    session: SessionWrite | None = None
    coupon: CouponWrite | None = None

    @property
    def body(self) -> InvoiceWrite | SessionWrite:
        """The body that is sent."""
        return self.invoice or self.session or SessionWrite()
