"""The CRM object types of this emulator, and their associations."""

import msgspec

from emulators.hubspot.errors import Refusal


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One object type.

    `defaults` are returned when a call names no properties, `always` are returned in every
    case; `required` must be set on
    creation; `created` and `modified` name the two properties that mirror the envelope's times.
    """

    name: str
    singular: str
    type_id: str
    defaults: tuple[str, ...]
    searched: tuple[str, ...]
    required: tuple[str, ...] = ()
    created: str = "createdate"
    modified: str = "hs_lastmodifieddate"

    @property
    def always(self) -> tuple[str, str, str]:
        """The properties in every answer about a record."""
        return (self.created, "hs_object_id", self.modified)

    @property
    def label(self) -> str:
        """The name in error messages."""
        return self.singular.upper()

    @property
    def definitions(self) -> str:
        """The name under which the state keeps the property definitions."""
        return f"{self.name}.properties"


CONTACTS = Kind(
    name="contacts",
    singular="contact",
    type_id="0-1",
    defaults=("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"),
    searched=("email", "firstname", "lastname", "phone", "mobilephone", "company", "hs_additional_emails"),
    modified="lastmodifieddate",
)
COMPANIES = Kind(
    name="companies",
    singular="company",
    type_id="0-2",
    defaults=("createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"),
    searched=("name", "domain", "phone", "website"),
)
TICKETS = Kind(
    name="tickets",
    singular="ticket",
    type_id="0-5",
    defaults=(
        "content",
        "createdate",
        "hs_lastmodifieddate",
        "hs_object_id",
        "hs_pipeline",
        "hs_pipeline_stage",
        "hs_ticket_category",
        "hs_ticket_priority",
        "subject",
    ),
    searched=("subject", "content", "hs_ticket_category", "hs_ticket_id"),
    required=("hs_pipeline_stage",),
)
NOTES = Kind(
    name="notes",
    singular="note",
    type_id="0-46",
    defaults=("hs_createdate", "hs_lastmodifieddate", "hs_object_id"),
    searched=("hs_note_body",),
    required=("hs_timestamp",),
    created="hs_createdate",
)
ORDERS = Kind(
    name="orders",
    singular="order",
    type_id="0-123",
    defaults=(
        "hs_createdate",
        "hs_currency_code",
        "hs_external_order_id",
        "hs_lastmodifieddate",
        "hs_object_id",
        "hs_order_name",
        "hs_pipeline_stage",
        "hs_total_price",
    ),
    searched=("hs_order_name", "hs_external_order_id", "hs_billing_address_email"),
    created="hs_createdate",
)
LINE_ITEMS = Kind(
    name="line_items",
    singular="line_item",
    type_id="0-8",
    defaults=("amount", "createdate", "hs_lastmodifieddate", "hs_object_id", "hs_product_id", "quantity"),
    searched=("name", "hs_sku"),
)
KINDS = (CONTACTS, COMPANIES, TICKETS, NOTES, ORDERS, LINE_ITEMS)

_SPELLINGS = {spelling: kind for kind in KINDS for spelling in (kind.name, kind.singular, kind.type_id, kind.label)}


def kind_of(spelling: str) -> Kind:
    """Return the object type of a path segment: plural, singular or type id. Refuses an unknown one with 400."""
    kind = _SPELLINGS.get(spelling) or _SPELLINGS.get(spelling.lower())
    if kind is None:
        raise Refusal(400, f"Unable to infer object type from: {spelling}", category=None)
    return kind


class Bond(msgspec.Struct, frozen=True, kw_only=True):
    """An association type that HubSpot defines, in one direction; `inverse` is the type id of the other one."""

    source: str
    target: str
    type_id: int
    inverse: int
    name: str
    label: str | None = None


# Type ids as HubSpot documents them. The first of a pair is the default one. The ids between orders and tickets are not
# confirmed; clients ask for them (`labels`).
BONDS = (
    Bond(source="tickets", target="contacts", type_id=16, inverse=15, name="ticket_to_contact"),
    Bond(source="contacts", target="tickets", type_id=15, inverse=16, name="contact_to_ticket"),
    Bond(source="tickets", target="companies", type_id=339, inverse=340, name="ticket_to_company_unlabeled"),
    Bond(source="companies", target="tickets", type_id=340, inverse=339, name="company_to_ticket_unlabeled"),
    Bond(source="tickets", target="companies", type_id=26, inverse=25, name="ticket_to_company", label="Primary"),
    Bond(source="companies", target="tickets", type_id=25, inverse=26, name="company_to_ticket", label="Primary"),
    Bond(source="contacts", target="companies", type_id=279, inverse=280, name="contact_to_company_unlabeled"),
    Bond(source="companies", target="contacts", type_id=280, inverse=279, name="company_to_contact_unlabeled"),
    Bond(source="contacts", target="companies", type_id=1, inverse=2, name="contact_to_company", label="Primary"),
    Bond(source="companies", target="contacts", type_id=2, inverse=1, name="company_to_contact", label="Primary"),
    Bond(source="notes", target="tickets", type_id=228, inverse=227, name="note_to_ticket"),
    Bond(source="tickets", target="notes", type_id=227, inverse=228, name="ticket_to_note"),
    Bond(source="notes", target="contacts", type_id=202, inverse=201, name="note_to_contact"),
    Bond(source="contacts", target="notes", type_id=201, inverse=202, name="contact_to_note"),
    Bond(source="orders", target="contacts", type_id=507, inverse=508, name="order_to_contact"),
    Bond(source="contacts", target="orders", type_id=508, inverse=507, name="contact_to_order"),
    Bond(source="orders", target="companies", type_id=509, inverse=510, name="order_to_company"),
    Bond(source="companies", target="orders", type_id=510, inverse=509, name="company_to_order"),
    Bond(source="orders", target="line_items", type_id=513, inverse=514, name="order_to_line_item"),
    Bond(source="line_items", target="orders", type_id=514, inverse=513, name="line_item_to_order"),
    Bond(source="orders", target="tickets", type_id=525, inverse=526, name="order_to_ticket"),
    Bond(source="tickets", target="orders", type_id=526, inverse=525, name="ticket_to_order"),
)
BOND_BY_ID = {bond.type_id: bond for bond in BONDS}


def default_bond(source: Kind, target: Kind) -> Bond:
    """Return the most general association type between two object types. Refuses a pair without one with 400."""
    for bond in BONDS:
        if (bond.source, bond.target) == (source.name, target.name):
            return bond
    raise Refusal(400, f"No association type exists from {source.singular} to {target.singular}")
