"""What a fresh account holds: property definitions, two ticket pipelines and two owners."""

from typing import Any

from emulators.hubspot import standard_properties
from emulators.hubspot.definitions import SEEDED_AT, Definition
from emulators.hubspot.kinds import COMPANIES, CONTACTS, NOTES, TICKETS, Kind
from emulators.state import State

OWNERS = "owners"
PIPELINES = "pipelines"
_SEED = "seed"

_STANDARD = {
    CONTACTS.name: standard_properties.contact_properties(),
    COMPANIES.name: standard_properties.company_properties(),
    TICKETS.name: standard_properties.ticket_properties(),
    NOTES.name: standard_properties.note_properties(),
}


def stage(id: str, label: str, order: int, state: str) -> dict[str, Any]:
    """One stage; `state` is OPEN or CLOSED. All metadata values are strings, `isClosed` too."""
    return {
        "label": label,
        "displayOrder": order,
        "metadata": {"ticketState": state, "isClosed": "true" if state == "CLOSED" else "false"},
        "id": id,
        "createdAt": SEEDED_AT,
        "updatedAt": SEEDED_AT,
        "archived": False,
        "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
    }


def pipeline(id: str, label: str, order: int, stages: list[dict[str, Any]]) -> dict[str, Any]:
    """One pipeline with its stages."""
    return {
        "label": label,
        "displayOrder": order,
        "id": id,
        "stages": stages,
        "createdAt": SEEDED_AT,
        "updatedAt": SEEDED_AT,
        "archived": False,
    }


def owner(id: str, user_id: int, email: str, first_name: str, last_name: str) -> dict[str, Any]:
    """One owner. `id` is what records carry; `userId` is another number and refused there."""
    return {
        "id": id,
        "email": email,
        "type": "PERSON",
        "firstName": first_name,
        "lastName": last_name,
        "userId": user_id,
        "userIdIncludingInactive": user_id,
        "createdAt": SEEDED_AT,
        "updatedAt": SEEDED_AT,
        "archived": False,
        "teams": [{"id": "5120447", "name": "Support", "primary": True}],
    }


def keep_definition(kind: Kind, definition: Definition, state: State) -> None:
    """Write a property definition so that unique ones are found without reading all."""
    keys = {"unique": "true"} if definition.get("hasUniqueValue") else {}
    state.put(kind.definitions, definition["name"], definition, keys)


def ensure_seeded(state: State) -> None:
    """Fill the account on its first use, and again after a reset."""
    if state.get(_SEED, "done") is not None:
        return

    with state.transaction():
        for kind in (CONTACTS, COMPANIES, TICKETS, NOTES):
            for definition in _STANDARD[kind.name]:
                keep_definition(kind, definition, state)
        support = pipeline(
            "0",
            "Support Pipeline",
            0,
            [
                stage("1", "New", 0, "OPEN"),
                stage("2", "Waiting on contact", 1, "OPEN"),
                stage("3", "Waiting on us", 2, "OPEN"),
                stage("4", "Closed", 3, "CLOSED"),
            ],
        )
        returns = pipeline(
            "75304820",
            "Returns",
            1,
            [
                stage("144402861", "Return requested", 0, "OPEN"),
                stage("144402862", "Parcel received", 1, "OPEN"),
                stage("144402863", "Refunded", 2, "CLOSED"),
                stage("144402864", "Rejected", 3, "CLOSED"),
            ],
        )
        for one in (support, returns):
            state.put(PIPELINES, one["id"], one)
        for person in (
            owner("41629779", 9876543, "mira.oakes@owners.example", "Mira", "Oakes"),
            owner("62840117", 9876544, "tomas.feld@owners.example", "Tomas", "Feld"),
        ):
            state.put(OWNERS, person["id"], person)
        state.put(_SEED, "done", {"at": SEEDED_AT})
