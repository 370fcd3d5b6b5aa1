"""The calls on sObjects and their records."""

from typing import Any

from emulators.http import Answer, Call, json_answer
from emulators.salesforce import saving
from emulators.salesforce.errors import Refusal, no_column, not_found, unreadable
from emulators.salesforce.org import Org
from emulators.salesforce.schema import SOBJECTS, Field, SObject
from emulators.state import JsonRecord


def list_sobjects(org: Org) -> Answer:
    """List the names of all sObjects."""
    known = [{"name": one.name, "keyPrefix": one.prefix, "queryable": True} for one in SOBJECTS.values()]
    return json_answer(200, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": known})


def describe(org: Org, name: str) -> Answer:
    """Describe an sObject: fields, picklists and record types."""
    sobject = org.sobject(name)
    types = [
        {
            "recordTypeId": one["Id"],
            "developerName": one["DeveloperName"],
            "name": one["Name"],
            "active": True,
            "available": True,
            "defaultRecordTypeMapping": False,
            "master": False,
        }
        for one in org.state.all("RecordType")
        if one["SobjectType"] == sobject.name
    ]
    master = {"recordTypeId": "012000000000000AAA", "developerName": "Master", "name": "Master", "master": True}
    return json_answer(
        200,
        {
            "name": sobject.name,
            "label": sobject.name,
            "keyPrefix": sobject.prefix,
            "createable": sobject.name in saving.WRITABLE,
            "updateable": sobject.name in saving.WRITABLE,
            "queryable": True,
            "fields": [_described(org, sobject, field) for field in sobject.fields.values()],
            "recordTypeInfos": [
                *types,
                master | {"active": True, "available": True, "defaultRecordTypeMapping": True},
            ],
            "urls": {"uiDetailTemplate": "https://loop.lightning.example/{ID}"},
        },
    )


def create(org: Org, call: Call, name: str) -> Answer:
    """Create a record."""
    record = saving.create(org, org.sobject(name), body_of(call), call)
    return json_answer(
        201, {"id": record["Id"], "success": True, "errors": []}, {"location": org.url(name, record["Id"])}
    )


def show(org: Org, call: Call, name: str, key: str, value: str | None = None) -> Answer:
    """Return a record by its id or by an external id, with all its fields or those in `fields`."""
    sobject = org.sobject(name)
    record = saving.must_get(org, sobject, key) if value is None else _by_key(org, sobject, key, value)
    return json_answer(200, rendered(org, sobject, record, call.param("fields")))


def update(org: Org, call: Call, name: str, id: str) -> Answer:
    """Change a record. The answer is empty."""
    sobject = org.sobject(name)
    saving.update(org, sobject, saving.must_get(org, sobject, id), body_of(call))
    return Answer(status=204)


def upsert(org: Org, call: Call, name: str, key: str, value: str) -> Answer:
    """Change or create the record with this external id. The body must not contain the key."""
    sobject, fields = org.sobject(name), body_of(call)
    field = _key_field(sobject, key)
    if any(one.lower() == field.name.lower() for one in fields):
        message = f"The {field.name} field should not be specified in the sobject data."
        raise Refusal(400, "INVALID_FIELD", message)
    present = saving.by_value(org, sobject, field, value)
    record = (
        saving.create(org, sobject, {**fields, field.name: value}, call)
        if present is None
        else saving.update(org, sobject, present, fields)
    )
    body = {"id": record["Id"], "success": True, "errors": [], "created": present is None}
    return json_answer(201 if present is None else 200, body)


def remove(org: Org, name: str, id: str) -> Answer:
    """Move a record to the recycle bin."""
    sobject = org.sobject(name)
    saving.remove(org, sobject, saving.must_get(org, sobject, id))
    return Answer(status=204)


def rendered(org: Org, sobject: SObject, record: JsonRecord, wanted: str | None) -> dict[str, Any]:
    """Return a record with its attributes, whole or with some of its fields."""
    attributes = {"type": sobject.name, "url": org.url(sobject.name, record["Id"])}
    if wanted is None:
        return {"attributes": attributes} | {name: record.get(name) for name in sobject.fields}
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    for name in names:
        if name not in sobject.fields:
            raise no_column(name, sobject.name)
    return {"attributes": attributes} | {name: record.get(name) for name in names} | {"Id": record["Id"]}


def body_of(call: Call) -> dict[str, Any]:
    """Return the JSON object of a write."""
    body = call.json()
    if not isinstance(body, dict):
        raise unreadable()
    return body


def _by_key(org: Org, sobject: SObject, key: str, value: str) -> JsonRecord:
    record = saving.by_value(org, sobject, _key_field(sobject, key), value)
    if record is None:
        raise not_found()
    return record


def _key_field(sobject: SObject, key: str) -> Field:
    field = next((one for one in sobject.fields.values() if one.name.lower() == key.lower()), None)
    if field is None or not field.unique:
        raise not_found(f"Provided external ID field does not exist or is not accessible: {key}")
    return field


def _described(org: Org, sobject: SObject, field: Field) -> dict[str, Any]:
    return {
        "name": field.name,
        "label": field.label,
        "type": field.type,
        "length": field.length,
        "nillable": not field.required and field.type != "boolean",
        "createable": "c" in field.writes,
        "updateable": "u" in field.writes,
        "custom": field.custom,
        "externalId": field.unique,
        "unique": field.unique,
        "caseSensitive": field.case_sensitive,
        "restrictedPicklist": field.restricted,
        "referenceTo": list(field.refers),
        "relationshipName": field.relation,
        "picklistValues": [
            {"active": True, "defaultValue": False, "label": value, "validFor": None, "value": value}
            for value in field.values
        ],
    }
