"""What each sObject derives when a record is saved, and what it refuses."""

from collections.abc import Callable
from typing import Any

from emulators.salesforce.errors import Refusal
from emulators.salesforce.ids import USER_ID, eighteen
from emulators.salesforce.org import Org
from emulators.state import JsonRecord

Rule = Callable[[Org, JsonRecord, JsonRecord | None], None]
DRAFT = "Draft"
LOCKED = ("AccountId", "Pricebook2Id", "EffectiveDate", "BillToContactId")
"""Fields of an activated order that cannot be changed."""


def contact(org: Org, record: JsonRecord, before: JsonRecord | None) -> None:
    """Build the name from its parts, and apply the org's duplicate rule."""
    record["Name"] = " ".join(part for part in (record["FirstName"], record["LastName"]) if part)
    record["OwnerId"] = record["OwnerId"] or USER_ID


def ensure_new_person(org: Org, record: JsonRecord) -> None:
    """Apply the duplicate rule: refuse a second person with the same name and address, unless the call allows it."""
    if not record["Email"]:
        return
    key = _person(record)
    for other in org.state.all("Contact"):
        if not other["IsDeleted"] and other["Id"] != record["Id"] and _person(other) == key:
            raise _duplicate(org, other)


def case(org: Org, record: JsonRecord, before: JsonRecord | None) -> None:
    """Set the number, the owner and the contact's account. The status decides whether the case is closed."""
    if before is None:
        record["CaseNumber"] = f"{org.state.next_id('case number', 1001):08}"
    record["OwnerId"] = record["OwnerId"] or USER_ID
    record["Status"] = record["Status"] or next(one["ApiName"] for one in org.statuses("Case") if one["IsDefault"])
    person = org.get("Contact", record["ContactId"]) if record["ContactId"] else None
    if record["AccountId"] is None and person is not None:
        record["AccountId"] = person["AccountId"]
    closed = any(one["IsClosed"] for one in org.statuses("Case") if one["ApiName"] == record["Status"])
    if closed and not (before or {}).get("IsClosed"):
        record["ClosedDate"] = org.stamp
    elif not closed:
        record["ClosedDate"] = None
    record["IsClosed"] = closed


def order(org: Org, record: JsonRecord, before: JsonRecord | None) -> None:
    """Start as a draft. Activate only with products, and allow few changes afterwards."""
    if before is None:
        record["OrderNumber"] = f"{org.state.next_id('order number', 100):08}"
        record["TotalAmount"] = 0.0
    record["OwnerId"] = record["OwnerId"] or USER_ID
    codes = {one["ApiName"]: one["StatusCode"] for one in org.statuses("Order")}
    record["StatusCode"] = codes.get(record["Status"], DRAFT)
    if record["StatusCode"] == DRAFT:
        return
    if before is None:
        message = "Choose a valid order status and save your changes. Ask your Salesforce admin for details."
        raise Refusal(400, "FAILED_ACTIVATION", message, [])
    if before["StatusCode"] != DRAFT:
        changed = [name for name in LOCKED if record[name] != before[name]]
        if changed:
            message = "You can't edit an activated order's account, price book, start date or contact."
            raise Refusal(400, "FIELD_INTEGRITY_EXCEPTION", message, changed)
    elif not lines_of(org, record["Id"]):
        raise Refusal(400, "FAILED_ACTIVATION", "An order must have at least one product.", [])


def order_item(org: Org, record: JsonRecord, before: JsonRecord | None) -> None:
    """Accept an entry of the order's own price book, and only in a draft."""
    order = org.get("Order", record["OrderId"])
    entry = org.get("PricebookEntry", record["PricebookEntryId"])
    if order is None or entry is None:
        raise Refusal(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [])
    if order["StatusCode"] != DRAFT and before is None:
        message = "This order is activated. You can't add or remove products."
        raise Refusal(400, "FIELD_INTEGRITY_EXCEPTION", message, ["OrderId"])
    if order["Pricebook2Id"] != entry["Pricebook2Id"]:
        message = "The pricebook entry is in a different pricebook than the one assigned to the order"
        raise Refusal(400, "FIELD_INTEGRITY_EXCEPTION", message, ["PricebookEntryId"])
    if record["Quantity"] <= 0:
        raise Refusal(400, "FIELD_INTEGRITY_EXCEPTION", "Quantity must be nonzero", ["Quantity"])
    if before is None:
        record["OrderItemNumber"] = f"{org.state.next_id('order item number', 1):010}"
    record["Product2Id"], record["ListPrice"] = entry["Product2Id"], entry["UnitPrice"]
    record["TotalPrice"] = round(record["Quantity"] * record["UnitPrice"], 2)


def after_order_item(org: Org, record: JsonRecord) -> None:
    """Set the order's sum to that of its lines."""
    order = org.get("Order", record["OrderId"])
    if order is None:
        return
    order["TotalAmount"] = round(sum(one["TotalPrice"] for one in lines_of(org, order["Id"])), 2)
    order["LastModifiedDate"] = order["SystemModstamp"] = org.stamp
    org.keep(org.sobject("Order"), order)


def lines_of(org: Org, order_id: str) -> list[JsonRecord]:
    """Return the lines of an order without deleted ones."""
    return [one for one in org.state.lookup("OrderItem", "OrderId", eighteen(order_id)) if not one["IsDeleted"]]


def ensure_removable(org: Org, sobject: str, record: JsonRecord) -> None:
    """Refuse to delete an activated order. Salesforce deletes an account even with contacts."""
    if sobject == "Order" and record["StatusCode"] != DRAFT:
        message = "Your attempt to delete an activated order could not be completed."
        raise Refusal(400, "DELETE_FAILED", message, [])


RULES: dict[str, Rule] = {"Contact": contact, "Case": case, "Order": order, "OrderItem": order_item}


def _person(record: JsonRecord) -> tuple[str, ...]:
    return tuple(str(record[name] or "").lower() for name in ("FirstName", "LastName", "Email"))


def _duplicate(org: Org, other: JsonRecord) -> Refusal:
    attributes = {"type": "Contact", "url": org.url("Contact", other["Id"])}
    match_record: dict[str, Any] = {"matchConfidence": 100.0, "record": {"attributes": attributes, "Id": other["Id"]}}
    match = {
        "entityType": "Contact",
        "matchEngine": "ExactMatchEngine",
        "matchRecords": [match_record],
        "success": True,
    }
    result = {
        "allowSave": True,
        "duplicateRule": "Standard_Contact_Duplicate_Rule",
        "duplicateRuleEntityType": "Contact",
        "errorMessage": "Use one of these records?",
        "matchResults": [match | {"rule": "Standard_Contact_Match_Rule_v1_1", "size": 1}],
    }
    # Salesforce itself misspells this member.
    return Refusal(400, "DUPLICATES_DETECTED", "Use one of these records?", duplicateResut=result)
