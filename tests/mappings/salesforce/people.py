"""Who is written at the emulator in tests."""

from typing import Any

from canonical.customer import CustomerPatch, EmailPatch, PhonePatch
from canonical.parts import AddressPatch, CustomFieldPatch
from emulators.salesforce.seed import ACCOUNT_ID
from mappings.salesforce.customer_r1 import CUSTOMER

from .conftest import EmulatedOrg


def ann(**more: Any) -> CustomerPatch:
    """A customer to write."""
    fields: dict[str, Any] = {
        "first_name": "Ann",
        "last_name": "O'Lee",
        "emails": (EmailPatch(address="ann.lee@example.com"),),
        "phones": (PhonePatch(e164="+441174960123"), PhonePatch(e164="+447700900123", type="mobile")),
        "addresses": (AddressPatch(line1="12 Harbour Street", line2="2nd floor", city="Bristol", country_code="GB"),),
        "external_id": "erp/1 'x'",
    }
    return CustomerPatch(**fields | more)


def buyer(salesforce: EmulatedOrg) -> str:
    """A contact of the org's account."""
    account = (CustomFieldPatch(key="account", value=ACCOUNT_ID),)
    return salesforce.made(CUSTOMER, ann(custom_fields=account), "op_buyer").remote.id
