"""A custom field of text for each object of each vendor, as connections configure it and accounts define it."""

from typing import Final

from tests.contract.emulators import Vendor
from tests.contract.samples import Body

TICKET_FIELD: Final = 27100000009002
FIELDS: Final = {
    "freshdesk customer": "cf_written",
    "freshdesk ticket": "cf_written",
    "hubspot customer": "written",
    "hubspot ticket": "written",
    "hubspot order": "written",
    "salesforce customer": "Written__c",
    "salesforce ticket": "Written__c",
    "salesforce order": "Written__c",
    "shopify customer": "stitch.written",
    "shopify order": "written",
    "stripe customer": "written",
    "stripe order": "written",
    "woocommerce customer": "written",
    "woocommerce order": "written",
    "zendesk customer": "written",
    "zendesk ticket": str(TICKET_FIELD),
}
"""The vendor's name of the field, whose key is `written`."""
LINE_FIELD: Final = "line:written"
"""The same of the field of a line of an order, whose key is `line_written`."""
DEFINED: Final[dict[Vendor, tuple[tuple[str, Body], ...]]] = {
    "freshdesk": tuple(
        (name, {"id": id, "name": "cf_written", "label": "Written", "type": "custom_paragraph", "default": False})
        for id, name in ((44, "ticket_fields"), (45, "contact_fields"))
    ),
    "hubspot": tuple(
        (f"{name}.properties", {"name": "written", "label": "Written"})
        for name in ("contacts", "tickets", "orders", "line_items")
    ),
    "salesforce": tuple(
        ("fields", {"sobject": name, "name": "Written__c", "type": "string"}) for name in ("Contact", "Case", "Order")
    ),
    "zendesk": (
        ("user_fields", {"key": "written", "type": "textarea", "title": "Written"}),
        ("ticket_fields", {"id": TICKET_FIELD, "type": "textarea", "title": "Written"}),
    ),
}
"""What the accounts hold that hold only defined ones, by the vendor's collection."""
