"""An org with picklists, record types and custom fields of its own, and an emulator of the vendor to write to."""

import time
from typing import Any

from canonical.parts import CustomFieldSetting, ObjectName
from emulators.salesforce import EMULATOR
from emulators.salesforce.emulator import TOKEN
from mappings.salesforce import VENDOR
from mappings.salesforce.wire_v62 import Account
from mappings.spec import VendorMapping
from tests.fixtures import opened
from tests.mappings.emulated import EmulatedAccount

Mapping = VendorMapping[Any, Any, Any, Any, Account]
MAPPINGS: dict[str, Mapping] = {mapping.object: mapping for mapping in VENDOR.mappings}

CUSTOM_FIELDS: dict[ObjectName, tuple[CustomFieldSetting, ...]] = {
    "customer": (
        CustomFieldSetting(key="stitches", vendor_field="Stitches__c", type="multi_enum", label="Stitches"),
        CustomFieldSetting(key="needles", vendor_field="Needles__c", type="number"),
        CustomFieldSetting(key="renewal", vendor_field="Renewal__c", type="date"),
        CustomFieldSetting(key="visited", vendor_field="Visited__c", type="datetime"),
        CustomFieldSetting(key="vip", vendor_field="Vip__c", type="boolean"),
        CustomFieldSetting(key="nickname", vendor_field="Nickname__c", type="string"),
        CustomFieldSetting(key="tier", vendor_field="Tier__c", type="enum"),
        CustomFieldSetting(key="account", vendor_field="AccountId", type="string"),
    ),
    "ticket": (CustomFieldSetting(key="record_type", vendor_field="RecordTypeId", type="enum"),),
}
OWN_FIELDS: tuple[dict[str, Any], ...] = (
    {"name": "Stitches__c", "type": "multipicklist", "values": ["zigzag", "blind", "satin"]},
    {"name": "Needles__c", "type": "double"},
    {"name": "Renewal__c", "type": "date"},
    {"name": "Visited__c", "type": "datetime"},
    {"name": "Vip__c", "type": "boolean"},
    {"name": "Nickname__c", "type": "string"},
    {"name": "Tier__c", "type": "picklist", "values": ["gold", "silver"], "restricted": True},
)


class EmulatedOrg(EmulatedAccount[Account]):
    """An org, whose clock stands until it is moved."""

    def __init__(self) -> None:
        super().__init__(VENDOR, EMULATOR, {"authorization": f"Bearer {TOKEN}"}, now=time.time())
        for field in OWN_FIELDS:
            self.place("fields", sobject="Contact", **field)
        self.account = self.learnt(CUSTOM_FIELDS)


salesforce = opened(EmulatedOrg)
"""A fresh org."""
