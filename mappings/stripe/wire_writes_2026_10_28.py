"""What the Stripe API accepts, version 2026-10-28.endive, as far as we write it.

A member that is left out stays as it is; None is sent as an empty value, which clears it (see `form`).
"""

from msgspec import UNSET, Struct, UnsetType

Metadata = dict[str, str | None]
"""Keys to set, and those to remove with None: Stripe merges metadata key by key."""


class AddressWrite(Struct, frozen=True, kw_only=True):
    """An address, whole: on a change each member is sent, empty ones too."""

    city: str | None | UnsetType = UNSET
    country: str | None | UnsetType = UNSET
    line1: str | None | UnsetType = UNSET
    line2: str | None | UnsetType = UNSET
    postal_code: str | None | UnsetType = UNSET
    state: str | None | UnsetType = UNSET


class ShippingWrite(Struct, frozen=True, kw_only=True):
    """Where goods go; Stripe asks for a name."""

    name: str
    phone: str | None | UnsetType = UNSET
    address: AddressWrite


class TaxIdWrite(Struct, frozen=True, kw_only=True):
    """A tax number of a new customer."""

    type: str
    value: str


class CustomerWrite(Struct, frozen=True, kw_only=True):
    """A customer to make or change."""

    name: str | None | UnsetType = UNSET
    business_name: str | None | UnsetType = UNSET
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
    """A product that exists for one price only."""

    name: str


class PriceWrite(Struct, frozen=True, kw_only=True):
    """A price that exists for one checkout only; the amount is in minor units."""

    currency: str
    unit_amount_decimal: str
    product: str | UnsetType = UNSET
    product_data: ProductWrite | UnsetType = UNSET
    tax_behavior: str | UnsetType = UNSET


class LineWrite(Struct, frozen=True, kw_only=True):
    """A line: a price of the account, or one of its own."""

    quantity: int
    price: str | UnsetType = UNSET
    price_data: PriceWrite | UnsetType = UNSET


class AmountWrite(Struct, frozen=True, kw_only=True):
    """An amount in minor units."""

    amount: int
    currency: str


class ShippingRateWrite(Struct, frozen=True, kw_only=True):
    """A shipping rate that exists for one checkout only."""

    display_name: str
    fixed_amount: AmountWrite
    type: str = "fixed_amount"


class ShippingOptionWrite(Struct, frozen=True, kw_only=True):
    """A way of shipping to choose."""

    shipping_rate_data: ShippingRateWrite


class SessionWrite(Struct, frozen=True, kw_only=True):
    """A checkout to open, or, with nothing but metadata, to change."""

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
    metadata: Metadata | UnsetType = UNSET


class InvoiceWrite(Struct, frozen=True, kw_only=True):
    """A draft invoice to make, which stays one until somebody finalises it, or an invoice to change."""

    customer: str | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    number: str | None | UnsetType = UNSET
    shipping_details: ShippingWrite | None | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET


class OrderWrite(Struct, frozen=True, kw_only=True):
    """A write to one of the two objects that are orders; the other is None."""

    invoice: InvoiceWrite | None = None
    session: SessionWrite | None = None

    @property
    def body(self) -> InvoiceWrite | SessionWrite:
        """What is sent, whichever it is to."""
        return self.invoice or self.session or SessionWrite()
