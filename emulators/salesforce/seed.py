"""The content of a new org: an administrator, a queue, the statuses, two record types, and products."""

from typing import Any

from emulators.salesforce.ids import QUEUE_ID, USER_ID, eighteen
from emulators.salesforce.org import Org

ACCOUNT_ID = eighteen("001dM00000Loop1")
WEB_ACCOUNT_ID = eighteen("001dM00000Webc1")
PRICEBOOK_ID = eighteen("01sdM00000Stnd1")
RECORD_TYPES = (
    (eighteen("012dM00000Suprt"), "Support", "Support", "Case"),
    (eighteen("012dM00000Wrnty"), "Warranty", "Warranty", "Case"),
)
PRODUCTS = (
    (eighteen("01tdM00000Thrd1"), eighteen("01udM00000Thrd1"), "Thread, blue", "THR-BLUE", 19.9),
    (eighteen("01tdM00000Ndle1"), eighteen("01udM00000Ndle1"), "Needles, 12", "NDL-12", 4.25),
    (eighteen("01tdM00000Othr1"), eighteen("01udM00000Othr1"), "Other goods", "OTHER", 1.0),
)
CASE_STATUSES = (
    ("New", False),
    ("Working", False),
    ("Waiting for parts", False),
    ("On Hold", False),
    ("Escalated", False),
    ("Closed", True),
)
ORDER_STATUSES = (("Draft", "Draft"), ("Activated", "Activated"), ("Completed", "Activated"))


def furnish(org: Org) -> None:
    """Create the content once."""
    if org.get("User", USER_ID) is not None:
        return
    place(org, "User", USER_ID, Name="Dev Admin", Email="dev@example.com", UserType="Standard", IsActive=True)
    place(org, "Group", QUEUE_ID, Name="First line", Type="Queue")
    place(org, "Account", ACCOUNT_ID, Name="Loop & Hook Ltd", OwnerId=USER_ID)
    place(org, "Account", WEB_ACCOUNT_ID, Name="Web customers", OwnerId=USER_ID)
    for id, name, developer_name, sobject in RECORD_TYPES:
        place(org, "RecordType", id, Name=name, DeveloperName=developer_name, SobjectType=sobject)
    for at, (value, closed) in enumerate(CASE_STATUSES, 1):
        id = eighteen(f"3T0dM0000000{at:03}")
        place(org, "CaseStatus", id, ApiName=value, MasterLabel=value, IsClosed=closed, IsDefault=at == 1, SortOrder=at)
    for at, (value, code) in enumerate(ORDER_STATUSES, 1):
        id = eighteen(f"0lNdM0000000{at:03}")
        place(
            org, "OrderStatus", id, ApiName=value, MasterLabel=value, StatusCode=code, IsDefault=at == 1, SortOrder=at
        )
    place(org, "Pricebook2", PRICEBOOK_ID, Name="Standard Price Book", IsActive=True, IsStandard=True)
    for product, entry, name, code, price in PRODUCTS:
        place(org, "Product2", product, Name=name, ProductCode=code, IsActive=True)
        fields: dict[str, Any] = {"Pricebook2Id": PRICEBOOK_ID, "Product2Id": product, "UnitPrice": price}
        place(org, "PricebookEntry", entry, IsActive=True, **fields)


def place(org: Org, sobject: str, id: str, **values: Any) -> dict[str, Any]:
    """Write a record with these values, without any rule."""
    known = org.sobject(sobject)
    record = org.blank(known, id) | values
    org.keep(known, record)
    return record
