"""What Zendesk might do overnight to its own answers: a status nobody knows, an id as text, one field more or less."""

from typing import Any

from emulators.http import Answer, BadJson

NEW_STATUS = "awaiting_vendor"
NEW_ROLE = "light-agent"
GONE = ("updated_at", "author_id")


def bent(kind: str, answer: Answer) -> Answer:
    """The answer, its records changed in the way of `kind`: `enum`, `type`, `field` or `missing`. One without records
    stays."""
    try:
        body = answer.json()
    except BadJson:
        return answer
    if not isinstance(body, dict) or answer.status >= 400:
        return answer
    return answer.with_json({name: _bend_all(kind, value) for name, value in body.items()})


def _bend_all(kind: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_bend_all(kind, one) for one in value]
    if isinstance(value, dict) and "id" in value:
        return _bend(kind, value)
    return value


def _bend(kind: str, record: dict[str, Any]) -> dict[str, Any]:
    if kind == "field":
        return record | {"sentiment": {"score": 0.82, "label": "positive"}}
    if kind == "missing":
        return {name: value for name, value in record.items() if name not in GONE}
    if kind == "type":
        changes = {"id": str(record["id"]), "tags": ",".join(record.get("tags", ())), "verified": "yes"}
        return record | {name: value for name, value in changes.items() if name in record}
    changes = {"status": NEW_STATUS, "role": NEW_ROLE, "priority": "critical"}
    return record | {name: value for name, value in changes.items() if name in record}
