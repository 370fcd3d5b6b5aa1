"""Variables of the documents, in parts that documents share. A request merges the members of several."""

from msgspec import UNSET, Struct, UnsetType

from mappings.kit.graphql import ById
from mappings.shopify.wire_inputs_2026_07 import (
    CustomerInput,
    MailingAddressInput,
    MarketingConsentInput,
    OrderCreateInput,
    OrderInput,
)


class Asked(Struct, frozen=True, kw_only=True, rename="camel"):
    """The metafields to select."""

    fields: int
    keys: tuple[str, ...]
    custom: bool


class Sizes(Struct, frozen=True, kw_only=True, rename="camel"):
    """The lengths of an order's inner lists to select. `events` are refunds and fulfillments, `parts` their lines."""

    lines: int
    shipping: int
    discounts: int
    payments: int
    events: int
    parts: int


class LinesAfter(Struct, frozen=True, kw_only=True, rename="camel"):
    """A further page of an order's lines."""

    id: str
    after: str
    lines: int


class CustomId(Struct, frozen=True, kw_only=True, rename="camel"):
    """A metafield value that is unique in a shop."""

    namespace: str
    key: str
    value: str


class Identifier(Struct, frozen=True, kw_only=True, rename="camel"):
    """Exactly one of the two (`@oneOf`)."""

    email_address: str | UnsetType = UNSET
    custom_id: CustomId | UnsetType = UNSET


class ByIdentifier(Struct, frozen=True, kw_only=True, rename="camel"):
    """One record, by a unique key."""

    identifier: Identifier


class Listed(Struct, frozen=True, kw_only=True, rename="camel"):
    """One page of a list."""

    first: int
    after: str | None
    query: str | None
    sort_key: str
    reverse: bool = False


class Sought(Struct, frozen=True, kw_only=True, rename="camel"):
    """The records that a search finds."""

    first: int
    query: str


class MetafieldIdentifier(Struct, frozen=True, kw_only=True, rename="camel"):
    """A metafield of one record."""

    owner_id: str
    namespace: str
    key: str


class CustomerAddresses(Struct, frozen=True, kw_only=True, rename="camel"):
    """All addresses of a customer."""

    addresses: tuple[MailingAddressInput, ...]


class EmailConsent(Struct, frozen=True, kw_only=True, rename="camel"):
    """A customer's consent to e-mail."""

    customer_id: str
    email_marketing_consent: MarketingConsentInput


class SmsConsent(Struct, frozen=True, kw_only=True, rename="camel"):
    """A customer's consent to text messages."""

    customer_id: str
    sms_marketing_consent: MarketingConsentInput


class CustomerCreate(Struct, frozen=True, kw_only=True, rename="camel"):
    """A new customer."""

    input: CustomerInput


class CustomerUpdate(Struct, frozen=True, kw_only=True, rename="camel"):
    """The parts of a customer that change (`documents.CUSTOMER_PARTS`)."""

    cleared: tuple[MetafieldIdentifier, ...] | UnsetType = UNSET
    input: CustomerInput | UnsetType = UNSET
    identifier: ById | UnsetType = UNSET
    addresses: CustomerAddresses | UnsetType = UNSET
    email_consent: EmailConsent | UnsetType = UNSET
    sms_consent: SmsConsent | UnsetType = UNSET


class OrderCreate(Struct, frozen=True, kw_only=True, rename="camel"):
    """A new order."""

    order: OrderCreateInput


class OrderUpdate(Struct, frozen=True, kw_only=True, rename="camel"):
    """The changes of an order."""

    input: OrderInput
    cleared: tuple[MetafieldIdentifier, ...] | UnsetType = UNSET


class RefundMethod(Struct, frozen=True, kw_only=True, rename="camel"):
    """Whether to refund to the original payment methods."""

    original_payment_methods_refund: bool


class OrderCancellation(Struct, frozen=True, kw_only=True, rename="camel"):
    """The reason and options of a cancellation."""

    order_id: str
    reason: str
    restock: bool
    notify_customer: bool
    staff_note: str | None
    refund_method: RefundMethod


class MetafieldDefinition(Struct, frozen=True, kw_only=True, rename="camel"):
    """A metafield with a fixed type. Type `id` makes its values unique in the shop."""

    name: str
    namespace: str
    key: str
    type: str
    owner_type: str
    description: str


class DefinitionsOf(Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of the metafield definitions of one kind of owner."""

    owner_type: str
    after: str | None = None


class Defined(Struct, frozen=True, kw_only=True, rename="camel"):
    """A definition to create."""

    definition: MetafieldDefinition
