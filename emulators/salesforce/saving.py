"""Create, change and delete records, with every rule that can refuse it."""

from typing import Any

from emulators.http import Call
from emulators.salesforce import rules
from emulators.salesforce.errors import Refusal, deleted, no_column, not_found
from emulators.salesforce.ids import USER_ID, looks_like, new_id
from emulators.salesforce.org import Org
from emulators.salesforce.schema import Field, SObject
from emulators.salesforce.values import judged
from emulators.state import JsonRecord

VALIDATION = "validation_rules"
"""The administrator's validation rules: records `{sobject, field, contains, message}`. A matching value is refused.
With a `code` and `until` (Unix seconds) the refusal is temporary, as during another transaction."""
WRITABLE = (
    "Account",
    "Contact",
    "Case",
    "CaseComment",
    "Order",
    "OrderItem",
    "Product2",
    "Pricebook2",
    "PricebookEntry",
)


def create(org: Org, sobject: SObject, body: dict[str, Any], call: Call) -> JsonRecord:
    """Create a record."""
    values = _values(org, sobject, body, "c")
    record = org.blank(sobject, new_id(sobject.prefix, org.state)) | values
    missing = [field.name for field in sobject.fields.values() if field.required and record[field.name] in (None, "")]
    if missing:
        message = f"Required fields are missing: [{', '.join(missing)}]"
        raise Refusal(400, "REQUIRED_FIELD_MISSING", message, missing)
    if sobject.name == "Contact" and not _allows_duplicates(call):
        rules.ensure_new_person(org, record)
    return _saved(org, sobject, record, None)


def update(org: Org, sobject: SObject, record: JsonRecord, body: dict[str, Any]) -> JsonRecord:
    """Change the fields of a record that are sent."""
    values = _values(org, sobject, body, "u")
    emptied = [name for name, value in values.items() if value is None and sobject.fields[name].required]
    if emptied:
        message = f"Required fields are missing: [{', '.join(emptied)}]"
        raise Refusal(400, "REQUIRED_FIELD_MISSING", message, emptied)
    changed = (
        record | values | {"LastModifiedDate": org.stamp, "SystemModstamp": org.stamp, "LastModifiedById": USER_ID}
    )
    return _saved(org, sobject, changed, record)


def remove(org: Org, sobject: SObject, record: JsonRecord) -> None:
    """Move a record to the recycle bin."""
    rules.ensure_removable(org, sobject.name, record)
    org.keep(sobject, record | {"IsDeleted": True, "SystemModstamp": org.stamp, "LastModifiedDate": org.stamp})


def must_get(org: Org, sobject: SObject, id: str) -> JsonRecord:
    """Return the record with this id. Raises a 404 with the reason."""
    if not looks_like(id, sobject.prefix):
        raise not_found("Provided external ID field does not exist or is not accessible: " + id)
    record = org.get(sobject.name, id)
    if record is None:
        raise not_found()
    if record["IsDeleted"]:
        raise deleted()
    return record


def by_value(org: Org, sobject: SObject, field: Field, value: str) -> JsonRecord | None:
    """Return the record with a unique value."""
    return next(iter(org.state.lookup(sobject.name, field.name, value)), None)


def ensure_writable(sobject: SObject) -> None:
    """Refuse objects that only Salesforce creates."""
    if sobject.name not in WRITABLE:
        message = f"entity type {sobject.name} does not support create"
        raise Refusal(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message)


def _values(org: Org, sobject: SObject, body: dict[str, Any], when: str) -> dict[str, Any]:
    ensure_writable(sobject)
    values: dict[str, Any] = {}
    for name, value in body.items():
        if name == "attributes":
            continue
        field = next((one for one in sobject.fields.values() if one.name.lower() == name.lower()), None)
        if field is None:
            raise no_column(name, sobject.name)
        if when not in field.writes:
            verb = "create" if when == "c" else "update"
            message = f"Unable to {verb} fields: {field.name}. Please check the security settings of this field"
            more = "and verify that it is read/write for your profile or permission set."
            raise Refusal(400, "INVALID_FIELD_FOR_INSERT_UPDATE", f"{message} {more}", [field.name])
        values[field.name] = judged(org, field, value)
    return values


def _saved(org: Org, sobject: SObject, record: JsonRecord, before: JsonRecord | None) -> JsonRecord:
    for rule in org.state.lookup(VALIDATION, "sobject", sobject.name):
        stored, is_over = record.get(rule["field"]), org.now > rule.get("until", org.now)
        if stored is not None and rule["contains"] in str(stored) and not is_over:
            code = rule.get("code", "FIELD_CUSTOM_VALIDATION_EXCEPTION")
            raise Refusal(400, code, rule["message"], [rule["field"]])
    for field in sobject.fields.values():
        value = record.get(field.name)
        holder = by_value(org, sobject, field, str(value)) if field.unique and value else None
        if holder is not None and holder["Id"] != record["Id"]:
            message = f"duplicate value found: {field.name} duplicates value on record with id: {holder['Id'][:15]}"
            raise Refusal(400, "DUPLICATE_VALUE", message, [])
    rule_of = rules.RULES.get(sobject.name)
    if rule_of is not None:
        rule_of(org, record, before)
    org.keep(sobject, record)
    if sobject.name == "OrderItem":
        rules.after_order_item(org, record)
    return record


def _allows_duplicates(call: Call) -> bool:
    return "allowsave=true" in call.headers.get("sforce-duplicate-rule-header", "").lower().replace(" ", "")
