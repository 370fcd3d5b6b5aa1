"""Write a record: check it, then set the properties that HubSpot derives."""

from decimal import Decimal
from typing import Any

import msgspec

from emulators.hubspot.errors import Issue, not_set, values_not_valid
from emulators.hubspot.kinds import CONTACTS, LINE_ITEMS, ORDERS, TICKETS, Kind
from emulators.hubspot.records import Record, addresses, ensure_unique, new_id
from emulators.hubspot.seed import ORDER_PIPELINE, ORDER_PIPELINES, ORDER_STAGES, PIPELINES
from emulators.hubspot.standard_properties import STAMPED_STAGES
from emulators.hubspot.values import checked, instant_at
from emulators.state import State

DEFAULT_PIPELINE = "0"
DEFAULT_LIFECYCLE = "lead"


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A checked record that is not stored yet. `touched` are the properties that the write changed."""

    record: Record
    touched: tuple[str, ...]


def drafted(kind: Kind, sent: Any, state: State, now: float) -> Draft:
    """Draft a new record. Raises `Refusal` for bad values, missing required ones, and values of other records."""
    values = {name: value for name, value in checked(kind, sent, {}, state).items() if value}
    missing = [name for name in kind.required if name not in values]
    if missing:
        raise not_set(kind.label, missing)

    id = new_id(kind, state)
    at = instant_at(now)
    properties = {
        "hs_object_id": id,
        "hs_object_source": "INTEGRATION",
        "hs_object_source_id": "18221010",
        "hs_object_source_label": "INTEGRATION",
        kind.created: at,
        kind.modified: at,
        **_first_values(kind, id),
        **values,
    }
    _derive(kind, {}, properties, state, at)
    ensure_unique(kind, id, properties, state)
    return Draft(
        record={"id": id, "properties": properties, "createdAt": at, "updatedAt": at, "archived": False},
        touched=tuple(sorted(properties)),
    )


def redrafted(kind: Kind, record: Record, sent: Any, state: State, now: float) -> Draft:
    """Draft a change of a record. Raises `Refusal` like `drafted`.

    HubSpot ignores a lifecycle stage before the present one, without an error: it must be cleared first, in a separate
    call (documented for v1, unchanged since).
    """
    before: dict[str, str] = record["properties"]
    values = checked(kind, sent, before, state)
    if kind is CONTACTS and _goes_back(kind, before.get("lifecyclestage"), values.get("lifecyclestage"), state):
        del values["lifecyclestage"]
    at = instant_at(now)
    properties = {**before, **values, kind.modified: at}
    properties = {name: value for name, value in properties.items() if value != ""}
    _derive(kind, before, properties, state, at)
    ensure_unique(kind, record["id"], properties, state)
    changed = {name for name in {*before, *properties} if before.get(name) != properties.get(name)}
    return Draft(
        record={**record, "properties": properties, "updatedAt": at},
        touched=tuple(sorted({*changed, *values, *kind.always})),
    )


def _first_values(kind: Kind, id: str) -> dict[str, str]:
    """Return the initial properties of a record."""
    if kind is CONTACTS:
        return {
            "hs_all_contact_vids": id,
            "hs_is_contact": "true",
            "hs_is_unworked": "true",
            "hs_pipeline": "contacts-lifecycle-pipeline",
            "lifecyclestage": DEFAULT_LIFECYCLE,
            "num_notes": "0",
        }
    if kind is TICKETS:
        return {
            "hs_is_visible_in_help_desk": "true",
            "hs_num_times_contacted": "0",
            "hs_pipeline": DEFAULT_PIPELINE,
            "hs_ticket_id": id,
        }
    if kind is ORDERS:
        return {"hs_pipeline": ORDER_PIPELINE, "hs_pipeline_stage": ORDER_STAGES[0][0]}
    if kind is LINE_ITEMS:
        return {"quantity": "1"}
    return {}


def _derive(kind: Kind, before: dict[str, str], after: dict[str, str], state: State, at: str) -> None:
    """Set the derived properties."""
    if kind is CONTACTS:
        _derive_contact(before, after, at)
    if kind is TICKETS:
        _derive_ticket(before, after, state, at)
    if kind is ORDERS:
        _checked_stage(ORDER_PIPELINES, before, after, state)
    if kind is LINE_ITEMS:
        _derive_line(after)


def _derive_contact(before: dict[str, str], after: dict[str, str], at: str) -> None:
    name = " ".join(str(after[part]) for part in ("firstname", "lastname") if part in after)
    primary = next(iter(addresses({"email": after.get("email")})), None)
    derived = {
        "hs_email_domain": primary.partition("@")[2] if primary else "",
        "hs_full_name_or_email": name or primary or "",
        "hs_searchable_calculated_phone_number": "".join(filter(str.isdecimal, str(after.get("phone", "")))),
        "hs_additional_emails": ";".join(one for one in addresses(after) if one != primary),
    }
    stage = after.get("lifecyclestage")
    if stage != before.get("lifecyclestage") and stage:
        derived["hs_v2_date_entered_current_stage"] = at
        if stage in STAMPED_STAGES:
            derived[f"hs_lifecyclestage_{stage}_date"] = at
    for property, value in derived.items():
        if value:
            after[property] = value
        else:
            after.pop(property, None)


def _derive_ticket(before: dict[str, str], after: dict[str, str], state: State, at: str) -> None:
    stage = _checked_stage(PIPELINES, before, after, state)
    if stage is None:
        return

    after["hs_v2_date_entered_current_stage"] = at
    closed = stage["metadata"]["ticketState"] == "CLOSED"
    after["hs_is_closed"] = "true" if closed else "false"
    if not closed:
        after.pop("closed_date", None)
    elif "closed_date" not in after:
        after["closed_date"] = at


def _checked_stage(
    pipelines: str, before: dict[str, str], after: dict[str, str], state: State
) -> dict[str, Any] | None:
    """Return the new stage of a record that moves, None if it stays. Refuses a stage outside its pipeline with 400."""
    if all(before.get(name) == after.get(name) for name in ("hs_pipeline", "hs_pipeline_stage")):
        return None
    pipeline = state.get(pipelines, after.get("hs_pipeline", ""))
    stages: dict[str, dict[str, Any]] = {stage["id"]: stage for stage in pipeline["stages"]} if pipeline else {}
    stage = after.get("hs_pipeline_stage", "")
    if stage not in stages:
        text = f"{stage} was not one of the allowed options: [{', '.join(stages)}]"
        raise values_not_valid([Issue(name="hs_pipeline_stage", value=stage, code="INVALID_OPTION", message=text)])
    return stages[stage]


def _derive_line(line: dict[str, str]) -> None:
    """Return the net price of all units, after a discount on each."""
    each = Decimal(line.get("price", "0")) - Decimal(line.get("discount", "0"))
    line["amount"] = format(each * Decimal(line.get("quantity", "1")), "f")
    line["hs_tax_amount"] = line.get("tax", "0")


def _goes_back(kind: Kind, present: str | None, wanted: str | None, state: State) -> bool:
    if not present or not wanted:
        return False
    definition = state.get(kind.definitions, "lifecyclestage") or {}
    places = {option["value"]: option["displayOrder"] for option in definition.get("options", [])}
    return bool(places.get(wanted, 0) < places.get(present, 0))
