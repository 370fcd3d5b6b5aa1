"""Wire Structs of Salesforce's REST API, version 62.0, and the facts about one org.

Documented: Salesforce Object Reference (Contact, Case, CaseComment, Order, OrderItem) and REST API Developer Guide.
Names are Pascal case. Salesforce sends only requested fields that the connection's user may see, so every member but
the id may be missing. Times are ISO 8601 with `+0000`, without a colon. Sums and quantities are JSON numbers, read as
decimals. `null` is the only empty value: `""` is stored as null.
"""

from decimal import Decimal
from typing import Final

from msgspec import UNSET, Raw, Struct, UnsetType, field

from canonical.parts import CustomFieldSetting, CustomFieldValue, Instant, ObjectName
from canonical.ticket import TicketStatus

KEY: Final = "Lockstitch_Key__c"
"""The custom field with the caller's own key: text, unique, case-sensitive, external id. The administrator creates
it."""
MARKER: Final = "Lockstitch_Operation__c"
"""The custom field with the operation that created a record, with the same settings."""


class Person(Struct, frozen=True, kw_only=True, rename="pascal"):
    """The members of a contact, user or account that a related record includes."""

    name: str | None = None
    email: str | None = None
    phone: str | None = None
    user_type: str | None = None


class Contact(Struct, frozen=True, kw_only=True, rename="pascal"):
    """A person, usually of an account (a company)."""

    id: str
    is_deleted: bool = False
    first_name: str | None = None
    last_name: str | None = None
    name: str | None = None
    email: str | None = None
    is_email_bounced: bool = False
    phone: str | None = None
    mobile_phone: str | None = None
    home_phone: str | None = None
    other_phone: str | None = None
    fax: str | None = None
    title: str | None = None
    account: Person | None = None
    mailing_street: str | None = None
    mailing_city: str | None = None
    mailing_state: str | None = None
    mailing_postal_code: str | None = None
    mailing_country: str | None = None
    mailing_country_code: str | None = None
    mailing_state_code: str | None = None
    other_street: str | None = None
    other_city: str | None = None
    other_state: str | None = None
    other_postal_code: str | None = None
    other_country: str | None = None
    other_country_code: str | None = None
    other_state_code: str | None = None
    lead_source: str | None = None
    owner_id: str | None = None
    owner: Person | None = None
    description: str | None = None
    has_opted_out_of_email: bool = False
    do_not_call: bool = False
    currency_iso_code: str | None = None
    created_date: Instant | None = None
    last_modified_date: Instant | None = None
    system_modstamp: Instant | None = None
    key: str | None = field(name=KEY, default=None)


class Case(Struct, frozen=True, kw_only=True, rename="pascal"):
    """A request of a person. `contact` is that of `contact_id`; `supplied_*` are from a web form."""

    id: str
    is_deleted: bool = False
    case_number: str | None = None
    subject: str | None = None
    description: str | None = None
    status: str | None = None
    is_closed: bool | None = None
    priority: str | None = None
    type: str | None = None
    origin: str | None = None
    contact_id: str | None = None
    contact: Person | None = None
    supplied_name: str | None = None
    supplied_email: str | None = None
    supplied_phone: str | None = None
    account_id: str | None = None
    account: Person | None = None
    parent_id: str | None = None
    master_record_id: str | None = None
    owner_id: str | None = None
    owner: Person | None = None
    closed_date: Instant | None = None
    created_date: Instant | None = None
    last_modified_date: Instant | None = None
    system_modstamp: Instant | None = None
    key: str | None = field(name=KEY, default=None)


class CaseComment(Struct, frozen=True, kw_only=True, rename="pascal"):
    """A comment on a case: plain text, at most 4,000 bytes. The customers' portal shows a published one."""

    id: str
    parent_id: str | None = None
    comment_body: str | None = None
    is_published: bool | None = None
    created_by_id: str | None = None
    created_by: Person | None = None
    created_date: Instant | None = None


class Product(Struct, frozen=True, kw_only=True, rename="pascal"):
    """The product of a line."""

    name: str | None = None
    product_code: str | None = None


class OrderItem(Struct, frozen=True, kw_only=True, rename="pascal"):
    """A line: an entry of a price book, quantity and price."""

    id: str
    quantity: Decimal | None = None
    unit_price: Decimal | None = None
    total_price: Decimal | None = None
    description: str | None = None
    product2_id: str | None = None
    product2: Product | None = None
    pricebook_entry_id: str | None = None


class OrderItems(Struct, frozen=True, kw_only=True, rename="camel"):
    """The lines of an order in a reply. If it is not `done`, the others are at `next_records_url`."""

    records: tuple[OrderItem, ...]
    done: bool = True
    next_records_url: str | None = None


class Order(Struct, frozen=True, kw_only=True, rename="pascal"):
    """An order of an account. It is a draft until it is activated; then most fields are read-only."""

    id: str
    is_deleted: bool = False
    order_number: str | None = None
    status: str | None = None
    status_code: str | None = None
    account_id: str | None = None
    account: Person | None = None
    bill_to_contact_id: str | None = None
    bill_to_contact: Person | None = None
    effective_date: str | None = None
    total_amount: Decimal | None = None
    currency_iso_code: str | None = None
    is_reduction_order: bool = False
    billing_street: str | None = None
    billing_city: str | None = None
    billing_state: str | None = None
    billing_postal_code: str | None = None
    billing_country: str | None = None
    billing_country_code: str | None = None
    billing_state_code: str | None = None
    shipping_street: str | None = None
    shipping_city: str | None = None
    shipping_state: str | None = None
    shipping_postal_code: str | None = None
    shipping_country: str | None = None
    shipping_country_code: str | None = None
    shipping_state_code: str | None = None
    description: str | None = None
    order_items: OrderItems | None = None
    created_date: Instant | None = None
    last_modified_date: Instant | None = None
    system_modstamp: Instant | None = None
    key: str | None = field(name=KEY, default=None)


# ------------------------------------------------------------------- the org


class Status(Struct, frozen=True, kw_only=True):
    """One status of cases: its value, its label, whether it is closed, and the canonical status."""

    value: str
    label: str
    closed: bool
    status: TicketStatus


class MoreLines(Struct, frozen=True, kw_only=True):
    """Further lines of an order. `next` is the locator of those that are not read yet."""

    lines: tuple[OrderItem, ...] = ()
    next: str | None = None


def _default_statuses() -> dict[str, Status]:
    statuses: tuple[tuple[str, bool, TicketStatus], ...] = (
        ("New", False, "new"),
        ("Working", False, "open"),
        ("Escalated", False, "open"),
        ("Closed", True, "closed"),
    )
    return {value: Status(value=value, label=value, closed=closed, status=read) for value, closed, read in statuses}


def _default_picklists() -> dict[str, tuple[str, ...]]:
    return {
        "Case.Priority": ("High", "Medium", "Low"),
        "Case.Origin": ("Phone", "Email", "Web"),
        "Case.Type": ("Problem", "Feature Request", "Question"),
    }


class Account(Struct, frozen=True, kw_only=True):
    """Facts about an org. The defaults are those of a new one, with the key and marker fields.

    `fields` are the API names that the connection's user sees, by sObject; an sObject without an entry was not
    described. `picklists` are active values by `sObject.Field`, in their order; `restricted` are those that take no
    other value. `order_statuses` is the status code of each order status. `record_types` are developer names by id, by
    sObject. `currency` is that of an org with a single one. `pages` are the URL templates of records, with `{ID}`.
    `custom_values` and `more_lines` are from the last replies, by the record's id: the values of custom fields, and
    further lines of orders. `options` are the settings of the connection, and `related` what was found for a new order.
    """

    custom_fields: dict[ObjectName, tuple[CustomFieldSetting, ...]] = {}
    fields: dict[str, frozenset[str]] = {}
    picklists: dict[str, tuple[str, ...]] = field(default_factory=_default_picklists)
    restricted: frozenset[str] = frozenset()
    case_statuses: dict[str, Status] = field(default_factory=_default_statuses)
    order_statuses: dict[str, str] = field(default_factory=lambda: {"Draft": "Draft", "Activated": "Activated"})
    record_types: dict[str, dict[str, str]] = {}
    currency: str | None = None
    pages: dict[str, str] = {}
    custom_values: dict[str, dict[str, Raw]] = {}
    more_lines: dict[str, MoreLines] = {}
    options: dict[str, str | bool] = {}
    related: dict[str, str] = {}

    def has_currencies(self, sobject: str) -> bool:
        """Return whether records of an sObject have a currency of their own."""
        return sobject in self.fields and self.has(sobject, "CurrencyIsoCode")

    def has(self, sobject: str, name: str) -> bool:
        """Return whether the connection's user sees a field. Every field of an sObject that was not described
        counts."""
        described = self.fields.get(sobject)
        return described is None or name in described


# -------------------------------------------------------------------- writes

Text = str | None | UnsetType


class ContactFields(Struct, frozen=True, kw_only=True, rename="pascal"):
    """The fields of a contact to write."""

    first_name: Text = UNSET
    last_name: str | UnsetType = UNSET
    title: Text = UNSET
    email: Text = UNSET
    phone: Text = UNSET
    mobile_phone: Text = UNSET
    home_phone: Text = UNSET
    other_phone: Text = UNSET
    fax: Text = UNSET
    mailing_street: Text = UNSET
    mailing_city: Text = UNSET
    mailing_state: Text = UNSET
    mailing_postal_code: Text = UNSET
    mailing_country: Text = UNSET
    mailing_country_code: Text = UNSET
    mailing_state_code: Text = UNSET
    other_street: Text = UNSET
    other_city: Text = UNSET
    other_state: Text = UNSET
    other_postal_code: Text = UNSET
    other_country: Text = UNSET
    other_country_code: Text = UNSET
    other_state_code: Text = UNSET
    lead_source: Text = UNSET
    owner_id: str | UnsetType = UNSET
    description: Text = UNSET
    has_opted_out_of_email: bool | UnsetType = UNSET
    do_not_call: bool | UnsetType = UNSET
    currency_iso_code: Text = UNSET
    key: Text = field(name=KEY, default=UNSET)
    marker: str | UnsetType = field(name=MARKER, default=UNSET)


class CaseFields(Struct, frozen=True, kw_only=True, rename="pascal"):
    """The fields of a case to write."""

    subject: Text = UNSET
    description: Text = UNSET
    status: str | UnsetType = UNSET
    priority: Text = UNSET
    type: Text = UNSET
    origin: Text = UNSET
    contact_id: Text = UNSET
    supplied_name: Text = UNSET
    supplied_email: Text = UNSET
    supplied_phone: Text = UNSET
    account_id: Text = UNSET
    parent_id: Text = UNSET
    owner_id: str | UnsetType = UNSET
    key: Text = field(name=KEY, default=UNSET)
    marker: str | UnsetType = field(name=MARKER, default=UNSET)


class CommentFields(Struct, frozen=True, kw_only=True, rename="pascal"):
    """A new comment."""

    comment_body: str
    is_published: bool


class OrderFields(Struct, frozen=True, kw_only=True, rename="pascal"):
    """The fields of an order to write."""

    account_id: str | UnsetType = UNSET
    pricebook2_id: str | UnsetType = UNSET
    effective_date: str | UnsetType = UNSET
    status: str | UnsetType = UNSET
    bill_to_contact_id: Text = UNSET
    currency_iso_code: str | UnsetType = UNSET
    billing_street: Text = UNSET
    billing_city: Text = UNSET
    billing_state: Text = UNSET
    billing_postal_code: Text = UNSET
    billing_country: Text = UNSET
    billing_country_code: Text = UNSET
    billing_state_code: Text = UNSET
    shipping_street: Text = UNSET
    shipping_city: Text = UNSET
    shipping_state: Text = UNSET
    shipping_postal_code: Text = UNSET
    shipping_country: Text = UNSET
    shipping_country_code: Text = UNSET
    shipping_state_code: Text = UNSET
    description: Text = UNSET
    key: Text = field(name=KEY, default=UNSET)
    marker: str | UnsetType = field(name=MARKER, default=UNSET)


class LineFields(Struct, frozen=True, kw_only=True, rename="pascal"):
    """A new line. Amounts are JSON numbers with all their digits."""

    pricebook_entry_id: str
    quantity: Raw
    unit_price: Raw
    description: str | UnsetType = UNSET


class NewProduct(Struct, frozen=True, kw_only=True):
    """A product that is made with a new order. `entry` is the name that its lines refer to."""

    entry: str
    name: str
    code: str | UnsetType = UNSET
    unit_price: Raw


class RecordWrite(Struct, frozen=True, kw_only=True):
    """The fields of a record to write, and its custom fields by API name. `last_name` is for a new contact only, as
    its only name if it equals the first one: an upsert may find a contact that has a name."""

    fields: ContactFields | CaseFields | CommentFields
    custom: dict[str, CustomFieldValue] = {}
    last_name: str | None = None


class OrderWrite(Struct, frozen=True, kw_only=True):
    """An order to write. A new one has lines, and the status to set after them. `new_account` is the name of an account
    that is made with it, `products` are those for its lines."""

    fields: OrderFields
    custom: dict[str, CustomFieldValue] = {}
    lines: tuple[LineFields, ...] = ()
    new_account: str | None = None
    products: tuple[NewProduct, ...] = ()
    activate: str | UnsetType = UNSET
