"""The list of events, newest first: here the last change of each record, while Stripe keeps all of 30 days."""

import hashlib
from typing import Any

from emulators.state import JsonRecord
from emulators.stripe import lists
from emulators.stripe.desk import Desk
from emulators.stripe.params import Check, judged, list_of, text
from emulators.stripe.webhooks import API_VERSION, SESSION_TOPICS, visible

URL = "/v1/events"
KEPT_SECONDS = 30 * 86_400
KINDS = {
    "customers": "customer",
    "invoices": "invoice",
    "deleted_invoices": "invoice",
    "subscriptions": "customer.subscription",
}
FILTERS: dict[str, Check] = {"type": text(), "types": list_of(text())}


def list_all(desk: Desk, values: dict[str, Any], ids: tuple[str, ...]) -> JsonRecord:
    """List events, of these `types` if any are named."""
    read = judged(values, lists.PAGING | FILTERS)
    wanted = {*read.get("types", ()), *filter(None, (read.get("type"),))}
    changes = [
        (written, event)
        for object in (*KINDS, "checkout_sessions")
        for written, record in desk.state.changed(object, since=desk.now - KEPT_SECONDS)
        if (event := _event(object, record, written)) is not None and (not wanted or event["type"] in wanted)
    ]
    changes.sort(key=lambda change: (change[0], change[1]["id"]))
    return lists.page([event for _, event in changes], read, URL)


def _event(object: str, record: JsonRecord, written: float) -> JsonRecord | None:
    if object == "checkout_sessions":
        topic = SESSION_TOPICS.get(str(record.get("status")))  # there is none before it ends
    else:
        is_new = record.get("created") == int(written)
        topic = f"{KINDS[object]}.{'deleted' if record.get('deleted') else 'created' if is_new else 'updated'}"
    if topic is None:
        return None
    digest = hashlib.sha256(f"{record['id']} {written}".encode()).hexdigest()
    return {
        "id": f"evt_{digest[:24]}",
        "object": "event",
        "api_version": API_VERSION,
        "created": int(written),
        "data": {"object": visible(record)},
        "livemode": record.get("livemode", False),
        "pending_webhooks": 0,
        "type": topic,
    }
