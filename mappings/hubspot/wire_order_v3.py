"""Wire Structs of HubSpot's orders (object type 0-123) and line items, CRM v3.

Amounts are decimal text in the order's currency. (developers.hubspot.com, Orders API and Line items API)
"""

from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct, UnsetType, field

from canonical.parts import Instant
from mappings.drift import NAMED_BY
from mappings.hubspot.wire_v3 import AssociatedIds, RecordWrite

ORDER_KEY: Final = "hs_external_order_id"
"""The caller's own key. HubSpot refuses a second order with the same value."""


class OrderAssociations(Struct, frozen=True, kw_only=True):
    """The requested associations of an order. HubSpot spells the line items with a space."""

    contacts: AssociatedIds = AssociatedIds()
    line_items: AssociatedIds = field(name="line items", default=AssociatedIds())
    underscored: AssociatedIds = field(name="line_items", default=AssociatedIds())


class OrderProperties(Struct, frozen=True, kw_only=True):
    """The properties of an order that the mapping reads. `hs_external_order_status` is the status in the system that
    wrote the order, `hs_source_store` the name of that system."""

    hs_order_name: str | None = None
    hs_external_order_id: str | None = None
    hs_external_order_status: str | None = None
    hs_external_created_date: str | None = None
    hs_source_store: str | None = None
    hs_currency_code: str | None = None
    hs_total_price: str | None = None
    hs_subtotal_price: str | None = None
    hs_tax: str | None = None
    hs_shipping_cost: str | None = None
    hs_order_discount: str | None = None
    hs_discount_codes: str | None = None
    hs_fulfillment_status: str | None = None
    hs_payment_status: str | None = None
    hs_pipeline: str | None = None
    hs_pipeline_stage: str | None = None
    hs_cancelled_date: str | None = None
    hs_order_note: str | None = None
    hs_shipping_tracking_number: str | None = None
    hs_shipping_address_name: str | None = None
    hs_shipping_address_street: str | None = None
    hs_shipping_address_city: str | None = None
    hs_shipping_address_state: str | None = None
    hs_shipping_address_postal_code: str | None = None
    hs_shipping_address_country: str | None = None
    hs_shipping_address_phone: str | None = None
    hs_billing_address_name: str | None = None
    hs_billing_address_street: str | None = None
    hs_billing_address_city: str | None = None
    hs_billing_address_state: str | None = None
    hs_billing_address_postal_code: str | None = None
    hs_billing_address_country: str | None = None
    hs_billing_address_phone: str | None = None
    hs_billing_address_email: str | None = None


class OrderRecord(Struct, frozen=True, kw_only=True, rename="camel"):
    """An order. `associations` is present if it was requested and there is one; searches never have it."""

    id: str
    properties: Annotated[dict[str, str | None], Meta(extra={NAMED_BY: (OrderProperties,)})]
    created_at: Instant
    updated_at: Instant
    url: str | None = None
    associations: OrderAssociations | UnsetType = UNSET


class LineItemProperties(Struct, frozen=True, kw_only=True):
    """The properties of a line item that the mapping reads. `price` is for one unit before discounts; `amount` is for
    all units after discounts and before tax, and HubSpot computes it. `tax` is for all units."""

    name: str | None = None
    hs_sku: str | None = None
    hs_product_id: str | None = None
    quantity: str | None = None
    price: str | None = None
    amount: str | None = None
    tax: str | None = None
    hs_tax_amount: str | None = None
    hs_position_on_quote: str | None = None


class OrderWrite(RecordWrite, frozen=True, kw_only=True):
    """An order to write. On a create, `line_items` are the properties of the lines, in their order. They are created
    before the order, which then names them in `associations`."""

    line_items: tuple[dict[str, str], ...] = ()
