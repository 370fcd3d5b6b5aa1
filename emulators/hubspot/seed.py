"""The content of a new account: property definitions, two ticket pipelines, an order pipeline and two owners."""

from typing import Any

from emulators.hubspot import standard_properties
from emulators.hubspot.definitions import SEEDED_AT, Definition
from emulators.hubspot.kinds import COMPANIES, CONTACTS, KINDS, LINE_ITEMS, NOTES, ORDERS, TICKETS, Kind
from emulators.state import State

OWNERS = "owners"
PIPELINES = "pipelines"
ORDER_PIPELINES = "order_pipelines"
PIPELINES_OF = {TICKETS.name: PIPELINES, ORDERS.name: ORDER_PIPELINES}
# The same ids in every account.
ORDER_PIPELINE = "14a2e10e-5471-408a-906e-c51f3b04369e"
ORDER_STAGES = (
    ("4b27b500-f031-4927-9811-68a0b525cbae", "Open", "OPEN"),
    ("937ea84d-0a4f-4dcf-9028-3f9c2aafbf03", "Processed", "OPEN"),
    ("aa99e8d0-c1d5-4071-b915-d240bbb1aed9", "Shipped", "OPEN"),
    ("3725360f-519b-4b18-a593-494d60a29c9f", "Delivered", "CLOSED"),
    ("3c85a297-e9ce-400b-b42e-9f16853d69d6", "Cancelled", "CLOSED"),
)
_SEED = "seed"

_STANDARD = {
    CONTACTS.name: standard_properties.contact_properties(),
    COMPANIES.name: standard_properties.company_properties(),
    TICKETS.name: standard_properties.ticket_properties(),
    NOTES.name: standard_properties.note_properties(),
    ORDERS.name: standard_properties.order_properties(),
    LINE_ITEMS.name: standard_properties.line_item_properties(),
}


def stage(id: str, label: str, order: int, state: str) -> dict[str, Any]:
    """Return one stage. `state` is OPEN or CLOSED. All metadata values are strings, also `isClosed`."""
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


def _order_stage(id: str, label: str, state: str, order: int) -> dict[str, Any]:
    """Return one stage of orders, with other metadata than a ticket's."""
    return {**stage(id, label, order, state), "metadata": {"state": state}}


def pipeline(id: str, label: str, order: int, stages: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one pipeline with its stages."""
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
    """Return one owner. Records have `id`; `userId` is another number and refused there."""
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
    """Write a property definition, indexed if it is unique."""
    keys = {"unique": "true"} if definition.get("hasUniqueValue") else {}
    state.put(kind.definitions, definition["name"], definition, keys)


def ensure_seeded(state: State) -> None:
    """Fill the account on its first use and after a reset."""
    if state.get(_SEED, "done") is not None:
        return

    with state.transaction():
        for kind in KINDS:
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
        stages = [_order_stage(*stage, order) for order, stage in enumerate(ORDER_STAGES)]
        state.put(ORDER_PIPELINES, ORDER_PIPELINE, pipeline(ORDER_PIPELINE, "Order Pipeline", 0, stages))
        for person in (
            owner("41629779", 9876543, "mira.oakes@owners.example", "Mira", "Oakes"),
            owner("62840117", 9876544, "tomas.feld@owners.example", "Tomas", "Feld"),
        ):
            state.put(OWNERS, person["id"], person)
        state.put(_SEED, "done", {"at": SEEDED_AT})
