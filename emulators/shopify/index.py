"""The search index: one short entry per customer and order, written with the record and visible a little later."""

from decimal import Decimal
from typing import Any

from emulators.shopify.ids import number_of
from emulators.shopify.shapes import amount, part, text
from emulators.state import State

JsonRecord = dict[str, Any]


def write(state: State, kind: str, record: JsonRecord) -> None:
    """Write the entry of a record. An order's is also indexed by its customer."""
    keys = {}
    if kind == "Order" and (customer := part(record, "customer").get("id")):
        keys["customer"] = str(customer)
    state.put(_object(kind), record["id"], _entry(kind, record), keys=keys)


def remove(state: State, kind: str, gid: str) -> None:
    """Delete the entry of a record."""
    state.delete(_object(kind), gid)


def entries(state: State, kind: str, *, now: float, lagging: bool) -> list[JsonRecord]:
    """Return all entries in order of insertion. `lagging` omits those written within the search lag."""
    every = state.all(_object(kind))
    if not lagging:
        return every
    fresh = {entry["id"] for _, entry in state.changed(_object(kind), since=now - state.search_lag())}
    return [entry for entry in every if entry["id"] not in fresh]


def orders_of(state: State, customer: str) -> list[JsonRecord]:
    """Return the entries of one customer's orders, oldest first. Strongly consistent."""
    return state.lookup(_object("Order"), "customer", customer)


def spent_by(state: State, customer: str) -> Decimal:
    """Return what a customer paid, less refunds, over all orders."""
    return sum((Decimal(entry["netPayment"]) for entry in orders_of(state, customer)), Decimal(0))


def _object(kind: str) -> str:
    return f"{kind}Entry"


def _entry(kind: str, record: JsonRecord) -> JsonRecord:
    shared = {
        "id": record["id"],
        "number": int(number_of(record["id"])),
        "createdAt": text(record.get("createdAt")),
        "updatedAt": text(record.get("updatedAt")),
    }
    return shared if kind == "Customer" else shared | _order_entry(record)


def _order_entry(record: JsonRecord) -> JsonRecord:
    customer = part(record, "customer").get("id")
    return {
        "name": text(record.get("name")),
        "email": text(record.get("email")),
        "closed": text(record.get("closedAt")),
        "cancelled": text(record.get("cancelledAt")),
        "customerNumber": int(number_of(str(customer))) if customer else None,
        "netPayment": str(amount(record.get("totalReceivedSet")) - amount(record.get("totalRefundedSet"))),
    }
