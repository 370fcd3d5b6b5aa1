"""Orders of an org of Salesforce, and what a write of one sends."""

from typing import Any

import msgspec

from canonical.order import Order
from canonical.order_patch import OrderPatch
from canonical.parts import CustomFieldSetting
from mappings.salesforce import wire_v62 as wire
from mappings.salesforce.order_r1 import to_canonical
from mappings.salesforce.order_write_r1 import to_vendor
from mappings.salesforce.requests import body_of
from mappings.salesforce.wire_v62 import Account

CONTACT, ENTRY, COMPANY = "003dM00001aBcDeQAK", "01udM00000Thrd1QAD", "001dM00000Loop1QAF"
ORG = Account(
    currency="EUR",
    order_statuses={"Draft": "Draft", "Activated": "Activated", "On Hold": "Activated", "Completed": "Activated"},
    custom_fields={"order": (CustomFieldSetting(key="account", vendor_field="AccountId"),)},
)
FULL = msgspec.convert(
    {
        "Id": "801dM000000xJ0aAAE",
        "OrderNumber": "00000100",
        "Status": "Draft",
        "StatusCode": "Draft",
        "AccountId": COMPANY,
        "BillToContactId": "003dM00001vWOXQQA4",
        "BillToContact": {"Name": "Bo Field", "Email": "Bo@field.example"},
        "EffectiveDate": "2026-05-01",
        "TotalAmount": 12.5,
        "BillingStreet": "Old Street 1",
        "BillingCity": "Oldtown",
        "ShippingCity": "Elsewhere",
        "Description": "old",
        "Lockstitch_Key__c": "old",
    },
    wire.Order,
)


def sent(patch: OrderPatch, current: wire.Order | None = FULL) -> dict[str, Any]:
    """The members of the body."""
    return body_of(to_vendor(patch, current, ORG).body)


def read(record: wire.Order, account: Account = ORG) -> Order:
    """What the order means."""
    return to_canonical(record, account).data
