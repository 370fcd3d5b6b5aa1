"""Place records from outside: any payload, without the vendor's validation."""

from typing import Any

from emulators.state import JsonRecord
from emulators.stripe import customers, invoice_shapes, sessions
from emulators.stripe.desk import KINDS, Desk

OBJECTS = tuple(KINDS)


def placed(desk: Desk, object: str, payload: dict[str, Any]) -> JsonRecord:
    """Write the payload as a record: fill up missing members, and add an id if it has none. Lines of a checkout and
    payments of an invoice are stored under private members, as answers omit them unless requested."""
    id = str(payload.get("id") or desk.new_id(object))
    record: JsonRecord = {**_blank(desk, object, id, payload), **payload, "id": id}
    for name, kind in (("line_items", "checkout_sessions"), ("payments", "invoices")):
        if object == kind and name in record:
            page = record.pop(name)
            record["_lines" if name == "line_items" else "_payments"] = (page or {}).get("data", [])
    desk.keep(object, record)
    return record


def _blank(desk: Desk, object: str, id: str, payload: dict[str, Any]) -> JsonRecord:
    if object == "customers":
        return customers.blank(desk, id)
    if object == "checkout_sessions":
        return sessions.blank(desk, id)
    if object == "invoices":
        customer = desk.state.get("customers", str(payload.get("customer"))) or {"id": payload.get("customer")}
        return invoice_shapes.blank(desk, id, customer, "usd")
    return {"object": KINDS[object], "created": desk.now, "livemode": desk.live, "metadata": {}}
