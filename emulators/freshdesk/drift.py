"""What Freshdesk might do overnight to its answers: a status nobody knows, an id as text, one field more or less."""

from typing import Any

from emulators.http import Answer, BadJson

NEW_STATUS, NEW_SOURCE = 42, 105
GONE = "updated_at"


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
    if isinstance(body, dict) and isinstance(body.get("results"), list):
        return answer.with_json(body | {"results": [_bend(kind, one) for one in body["results"]]})
    return answer.with_json(_bend(kind, body))


def _bend(kind: str, record: Any) -> Any:
    if not isinstance(record, dict) or "created_at" not in record:
        return record
    if kind == "field":
        return record | {"sentiment": {"score": 82, "label": "positive"}}
    if kind == "missing":
        return {name: value for name, value in record.items() if name != GONE}
    if kind == "type":
        changes: dict[str, Any] = {"id": str(record["id"]), "active": "yes"}
    else:
        changes = {
            "status": NEW_STATUS,
            "source": NEW_SOURCE,
            "priority": 9,
            "type": "Chargeback",
            "time_zone": "Utopia",
        }
    return record | {name: value for name, value in changes.items() if name in record}
