"""What a plugin might do overnight to the shop's answers: a status of its own, a sum as an object, one member more,
or one less."""

from typing import Any

from emulators.http import Answer, BadJson

NEW_STATUS = "awaiting-pickup"
GONE = ("currency", "email")


def bent(kind: str, answer: Answer) -> Answer:
    """The answer, its records changed in the way of `kind`: `enum`, `type`, `field` or `missing`. One without records
    stays."""
    try:
        body = answer.json()
    except BadJson:
        return answer
    if answer.status >= 400:
        return answer
    if isinstance(body, list):
        return answer.with_json([_bend(kind, one) for one in body])
    return answer.with_json(_bend(kind, body))


def _bend(kind: str, record: Any) -> Any:
    if not isinstance(record, dict) or "id" not in record:
        return record
    if kind == "field":
        return record | {"delivery_slot": {"from": "10:00", "to": "12:00"}}
    if kind == "missing":
        return {name: value for name, value in record.items() if name not in GONE}
    if kind == "enum":
        changes: dict[str, Any] = {"status": NEW_STATUS, "created_via": "kiosk", "role": "wholesaler"}
    else:
        changes = {"total": {"amount": 12.5}, "email": [record.get("email")]}
    return record | {name: value for name, value in changes.items() if name in record}
