"""What Stripe might do overnight to its own answers: a status nobody knows, an amount as text, one member more
or less."""

from typing import Any

from emulators.http import Answer, BadJson

NEW_STATUS = "awaiting_review"
GONE = "livemode"
REFUSED = 400


def bent(kind: str, answer: Answer) -> Answer:
    """The answer, its records changed in the way of `kind`: `enum`, `type`, `field` or `missing`. A refusal stays."""
    try:
        body = answer.json()
    except BadJson:
        return answer
    if not isinstance(body, dict) or answer.status >= REFUSED:
        return answer
    if isinstance(body.get("data"), list):
        return answer.with_json(body | {"data": [_bend(kind, one) for one in body["data"]]})
    return answer.with_json(_bend(kind, body))


def _bend(kind: str, record: Any) -> Any:
    if not isinstance(record, dict):
        return record
    if kind == "field":
        return record | {"risk_assessment": {"level": "normal", "score": 12}}
    if kind == "missing":
        return {name: value for name, value in record.items() if name != GONE}
    if kind == "type":
        changes: dict[str, Any] = {"created": str(record.get("created")), "amount_paid": "10.00", "livemode": "false"}
    else:
        changes = {"status": NEW_STATUS, "payment_status": NEW_STATUS, "tax_exempt": "partly"}
    return record | {name: value for name, value in changes.items() if name in record}
