"""What administrators, and three releases a year, do overnight: a new picklist value, another type, a new field, or one
that the connection's user does not see any more."""

from typing import Any

from emulators.http import Answer, BadJson

NEW_STATUS = "Awaiting Vendor"
NEW_PRIORITY = "Blocker"
GONE = "Id"


def bent(kind: str, answer: Answer) -> Answer:
    """The answer, its records changed in the way of `kind`: `enum`, `type`, `field` or `missing`. One without records
    stays."""
    try:
        body = answer.json()
    except BadJson:
        return answer
    if not isinstance(body, dict) or answer.status >= 400:
        return answer
    if isinstance(body.get("records"), list):
        return answer.with_json(body | {"records": [_bend(kind, one) for one in body["records"]]})
    return answer.with_json(_bend(kind, body))


def _bend(kind: str, record: Any) -> Any:
    if not isinstance(record, dict) or "attributes" not in record:
        return record
    if kind == "field":
        return record | {"EinsteinScore": {"value": 0.82, "model": "v3"}}
    if kind == "missing":
        return {name: value for name, value in record.items() if name != GONE}
    if kind == "type":
        changes: dict[str, Any] = {
            "IsDeleted": "false",
            "IsClosed": "yes",
            "Phone": 415,
            "TotalAmount": {"amount": "1.00", "currency": "EUR"},
        }
    else:
        changes = {"Status": NEW_STATUS, "StatusCode": "Suspended", "Priority": NEW_PRIORITY, "Origin": "Fax"}
    return record | {name: value for name, value in changes.items() if name in record}
