"""One realistic Event of each type, for trigger editors and subscription tests, built from examples in the schemas."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

import msgspec

from app.events.models import Cause
from app.events.record_changes import changed
from app.events.record_fields import MODELS
from app.events.types import APPROVAL_REQUESTED, CUSTOMER_ERASED, EVENT_TYPES, TRANSITIONS
from canonical.schema import FOLDER

SAMPLE_ID: Final = "evt_000000000000000004d20000000000000001"
CORRELATION_ID: Final = "orders-4711"
OCCURRED_AT: Final = datetime(2026, 5, 1, 9, 29, 58, tzinfo=UTC)
CAUSE: Final = Cause(operation_id="op_0198f0a2b7c47d3c9a51f2e80b6c4d17", correlation_id=CORRELATION_ID)
_OPERATIONAL: Final = ("operation", "dead_letter", "connection", "mapping", "link", "copy", "freshness")
_CONNECTIONS: Final = {
    **{"customer": "hubspot", "order": "shopify", "ticket": "zendesk", "comment": "zendesk"},
    "stock_level": "shopify",
}
_VENDOR_APIS: Final = {"hubspot": "v3", "shopify": "2026-07", "zendesk": "v2"}
_CHANGED: Final = {"customer": ["emails"], "order": ["fulfillment_status"], "ticket": ["status"]}
_PREVIOUS: Final[Mapping[str, Mapping[str, Any]]] = {
    "customer.updated": {"previous": {"emails": None}},
    "order.updated": {"previous": {"fulfillment_status": "unfulfilled"}},
    "ticket.updated": {"previous": {"status": "new"}},
    "customer.merged": {"merged": ["cus_0198f0a2b7c47d3c9a51f2e80b6c4d99"]},
}
_STATES: Final[Mapping[str, Mapping[str, Any]]] = {
    "order.paid": {"payment_status": "paid"},
    "order.cancelled": {"status": "cancelled", "cancel_reason": "customer", "cancelled_at": "2026-05-01T09:29:58Z"},
    "order.refunded": {"payment_status": "partially_refunded"},
    "order.fulfilled": {"fulfillment_status": "fulfilled"},
    "ticket.resolved": {"status": "resolved", "status_category": "done", "resolved_at": "2026-05-01T09:29:58Z"},
    "ticket.reopened": {"status": "open", "status_category": "in_progress", "resolved_at": None},
}
"""What a record shows after a transition."""
# Fields with an example that are empty in most records.
_USUALLY_EMPTY: Final = ("cancel_reason", "cancel_reason_raw", "cancelled_at", "merged_into", "refunds")
_SOMETIMES: Final = ("raw", "operation_id", "correlation_id")


def sample_event(
    event_type: str,
    *,
    event_id: str = SAMPLE_ID,
    correlation_id: str = CORRELATION_ID,
    timestamp: datetime | None = None,
) -> bytes:
    """Return the document of an Event of this type (one of EVENT_TYPES). The default timestamp is now."""
    subject = event_type.partition(".")[0]
    data = {**_DATA[event_type](), **_STATES.get(event_type, {})}
    return msgspec.json.encode(
        {
            "id": event_id,
            "type": event_type,
            "timestamp": timestamp or datetime.now(UTC),
            "occurred_at": None if subject in _OPERATIONAL else OCCURRED_AT,
            "api_version": "v1",
            "connection": _CONNECTIONS.get(subject, "hubspot"),
            "correlation_id": correlation_id,
            **({"caused_by": CAUSE} if event_type.endswith(".updated") else {}),
            "changed": _changed(event_type, data),
            **_PREVIOUS.get(event_type, {}),
            "data": data,
        }
    )


def _changed(event_type: str, data: Mapping[str, Any]) -> Sequence[str] | None:
    """Return `changed` like the Event of a new record, or of a record with one changed field."""
    subject, _, what = event_type.partition(".")
    if subject not in MODELS or what == "comment_added" or event_type in TRANSITIONS:
        return None
    if what == "created":
        return changed(None, data, MODELS[subject])
    return _CHANGED[subject] if what == "updated" else ()


@cache
def _resource(schema_name: str) -> dict[str, Any]:
    schema = msgspec.json.decode(FOLDER.joinpath(f"{schema_name}.json").read_bytes())
    instance: dict[str, Any] = _instance(schema, schema.get("$defs", {}))
    for name in _USUALLY_EMPTY:
        if name in instance:
            instance[name] = [] if isinstance(instance[name], list) else None
    # The examples of `meta` describe a customer.
    vendor = _CONNECTIONS[schema_name]
    instance["meta"] |= {
        "connection": vendor,
        "vendor": vendor,
        "remote_url": f"https://{vendor}.example/{instance['meta']['remote_id']}",
        "links": [{"connection": vendor, "remote_id": instance["meta"]["remote_id"]}],
        "mapping": {"name": f"{vendor}.{schema_name}", "revision": 1, "vendor_api": _VENDOR_APIS[vendor]},
        "loss": [],
        "unsupported": [],
    }
    return instance


def _instance(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Any:
    if "$ref" in schema:
        return _instance(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if schema.get("examples"):
        return schema["examples"][0]
    if "anyOf" in schema:
        return _instance(next(one for one in schema["anyOf"] if one != {"type": "null"}), definitions)
    if schema.get("type") == "array":
        return [_instance(schema["items"], definitions)]
    required = schema.get("required", ())
    return {
        name: _instance(member, definitions)
        for name, member in schema.get("properties", {}).items()
        if name in required or name not in _SOMETIMES
    }


def _webhook() -> dict[str, Any]:
    return {"type": "invoice.paid", "payload": {"id": "in_1001", "amount_paid": 4900, "currency": "eur"}}


def _operation() -> dict[str, Any]:
    return {
        "id": "op_0198f0a2b7c47d3c9a51f2e80b6c4d17",
        "state": "succeeded",
        "object": "customer",
        "action": "create",
        "connection": "hubspot",
        "attempts": 1,
        "correlation_id": CORRELATION_ID,
        "created_at": "2026-05-01T09:30:00Z",
        "updated_at": "2026-05-01T09:30:01Z",
        "redriven": False,
        "result": _resource("customer"),
    }


def _approval() -> dict[str, Any]:
    values = {"first_name": "Ann", "last_name": "Bell", "emails": [{"address": "ann@example.com"}]}
    operation = {name: value for name, value in _operation().items() if name != "result"}
    return operation | {
        "state": "queued",
        "attempts": 0,
        "updated_at": operation["created_at"],
        "waiting_for": {
            "reason": "approval",
            "detail": "Another key with the scope approvals:write must approve it until 2026-05-08 09:30 UTC:"
            f" POST /v1/operations/{operation['id']}/approve.",
        },
        "approval": {
            "state": "waiting",
            "requested_by": "agent",
            "expires_at": "2026-05-08T09:30:00Z",
            "effect": "create",
            "remote_id": None,
            "fields": list(values),
            "values": values,
            "loss": [],
        },
    }


def _dead_letter() -> dict[str, Any]:
    return {
        "id": "dl_0198f0a2b7c47d3c9a51f2e80b6c4d17",
        "kind": "ingest",
        "connection": "hubspot",
        "category": "permanent",
        "reason": "is not an integer",
        "path": "/properties/lifecyclestage",
        "mapping": "hubspot.customer",
        "revision": 1,
        "attempts": 1,
        "correlation_id": CORRELATION_ID,
        "created_at": "2026-05-01T09:30:00Z",
        "href": "/ops/dead-letters/dl_0198f0a2b7c47d3c9a51f2e80b6c4d17",
    }


def _pause() -> dict[str, Any]:
    return {"connection": "hubspot", "why": "auth", "note": "the vendor refuses the credential"}


def _secret() -> dict[str, Any]:
    return {"name": "crm_token", "version": 3, "created_at": "2026-02-01T09:30:00Z", "max_age_days": 90.0}


def _freshness() -> dict[str, Any]:
    return {
        "connection": "hubspot",
        "object": "customer",
        "limit_seconds": 900,
        "as_of": "2026-05-01T09:14:00Z",
        "breached_since": "2026-05-01T09:29:00Z",
        "last_failure": "vendor-unavailable",
    }


def _stock() -> dict[str, Any]:
    return {
        "connection": "shopify",
        "remote_id": "43729076@655441491",
        "sku": "SHIRT-M",
        "name": "T-shirt - M",
        "location": "Warehouse",
        "available": 4,
        "threshold": 5,
        "updated_at": OCCURRED_AT,
    }


def _drift() -> dict[str, Any]:
    return {
        "id": "drf_0198f0a2b7c47d3c9a51f2e80b6c4d17",
        "connection": "hubspot",
        "object": "customer",
        "mapping": "hubspot.customer",
        "revision": 1,
        "source": "record",
        "path": "$.recordVersion",
        "kind": "unknown_field",
        "expected": "no member",
        "found": "a member",
        "example": "0",
        "policy": "evolve",
        "count": 1,
        "first_seen": "2026-05-01T09:30:00Z",
        "link": "http://127.0.0.1:8080/ops/drift/drf_0198f0a2b7c47d3c9a51f2e80b6c4d17",
    }


def _link(what: str) -> dict[str, Any]:
    kept, other = "cus_0198f0a2b7c47d3c9a51f2e80b6c4d17", "cus_0198f0a2b7c47d3c9a51f2e80b6c4d99"
    shop, crm = {"connection": "shopify", "remote_id": "7001"}, {"connection": "hubspot", "remote_id": "1051"}
    if what == "joined":
        return {"id": kept, "object": "customer", "alias": other, **crm, "by": "match", "links": [shop, crm]}
    return {"id": kept, "object": "customer", "split_id": other, **crm, "left_id": kept, "links": [shop]}


def _conflict() -> dict[str, Any]:
    return {
        "id": "cus_0198f0a2b7c47d3c9a51f2e80b6c4d17",
        "object": "customer",
        "connection": "hubspot",
        "remote_id": "1051",
        "source": {"connection": "shopify", "remote_id": "7001"},
        "fields": ["phones"],
        "operation_id": "op_0198f0a2b7c47d3c9a51f2e80b6c4d17",
    }


def _source_deleted() -> dict[str, Any]:
    return {
        "id": "cus_0198f0a2b7c47d3c9a51f2e80b6c4d17",
        "object": "customer",
        "connection": "shopify",
        "remote_id": "7001",
        "copies": [{"connection": "hubspot", "remote_id": "1051"}],
    }


def _erased() -> dict[str, Any]:
    records = [{"connection": "hubspot", "remote_id": "1051"}, {"connection": "shopify", "remote_id": "7001"}]
    return {"id": "cus_0198f0a2b7c47d3c9a51f2e80b6c4d17", "aliases": [], "records": records}


_DATA: Final[Mapping[str, Callable[[], dict[str, Any]]]] = {
    name: {
        "customer": lambda: _resource("customer"),
        "order": lambda: _resource("order"),
        "ticket": lambda: _resource("ticket"),
        "webhook": _webhook,
        "operation": _operation,
        "dead_letter": _dead_letter,
        "connection": _pause,
        "mapping": _drift,
        "secret": _secret,
        "freshness": _freshness,
        "stock_level": _stock,
    }[name.partition(".")[0]]
    for name in EVENT_TYPES
    if not name.startswith(("link.", "copy."))
} | {
    "ticket.comment_added": lambda: _resource("comment"),
    "link.joined": lambda: _link("joined"),
    "link.split": lambda: _link("split"),
    "copy.conflict": _conflict,
    "copy.source_deleted": _source_deleted,
    APPROVAL_REQUESTED: _approval,
    CUSTOMER_ERASED: _erased,
}
