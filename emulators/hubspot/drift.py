"""Unannounced changes in HubSpot's answers about records."""

from typing import Any

from emulators.http import Answer, BadJson
from emulators.hubspot.values import millis

UNKNOWN_CHOICES = {
    "lifecyclestage": "reactivated_customer",
    "hs_lead_status": "SNOOZED",
    "hs_ticket_priority": "CRITICAL",
    "hs_ticket_category": "SUSTAINABILITY",
    "hs_pipeline_stage": "999000111",
    "source_type": "HOLOGRAM",
    "hs_payment_status": "in escrow",
    "hs_fulfillment_status": "teleported",
}


def bent(kind: str, answer: Answer) -> Answer:
    """Return an answer with an unknown option (`enum`), with times and ids as numbers (`type`), with a new member
    (`field`), or without the time of the last change (`missing`). Answers without records stay."""
    try:
        data = answer.json()
    except BadJson:
        return answer
    records = _records(data)
    if not records:
        return answer

    for record in records:
        _bend(kind, record)
    return answer.with_json(data)


def _records(data: Any) -> list[dict[str, Any]]:
    if not isinstance(data, dict):
        return []
    results = data.get("results", [data])
    return [one for one in results if isinstance(one, dict) and isinstance(one.get("properties"), dict)]


def _bend(kind: str, record: dict[str, Any]) -> None:
    properties = record["properties"]
    match kind:
        case "enum":
            for name, choice in UNKNOWN_CHOICES.items():
                if properties.get(name):
                    properties[name] = choice
        case "type":
            record["updatedAt"] = millis(record["updatedAt"])
            properties["hs_object_id"] = int(record["id"])
        case "field":
            record["recordVersion"] = 3
            properties["hs_record_trust_score"] = "0.87"
        case "missing":
            record.pop("updatedAt", None)
