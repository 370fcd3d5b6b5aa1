"""Against the vendor's own material, where it is at hand: recorded answers, and the description of its API."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import jsonschema

from mappings.endpoints import ListQuery
from mappings.http import VendorRequest
from mappings.kit.rails_time_zones import IANA
from mappings.zendesk import VENDOR
from mappings.zendesk.wire_v2 import Account, CommentWrite
from tests.mappings.drafts import reply
from tests.required import required

from .conftest import MAPPINGS
from .test_customer_write import drafted as customer_draft
from .test_ticket_write import drafted as ticket_draft


def test_a_recorded_refusal_is_a_record_that_is_not_there(shared: Path) -> None:
    body = (shared / "vendor-samples/zendesk/error/record-not-found.json").read_bytes()

    refusal = required(VENDOR.refusal(reply(body, 404)))

    assert (refusal.kind, refusal.code) == ("not_found", "RecordNotFound")


# ------------------------------------------------------------ the published description


def requests(account: Account) -> Iterator[VendorRequest]:
    """One request of each kind that we send, as it would go out."""
    since = datetime(2026, 5, 1, tzinfo=UTC)
    bodies = {
        "customer": customer_draft(NEW_CUSTOMER, account).body,
        "ticket": ticket_draft(NEW_TICKET, account).body,
        "comment": CommentWrite(body="Try this", public=False),
    }
    for name, body in bodies.items():
        endpoints = MAPPINGS[name].endpoints
        parent = "1" if name == "comment" else None
        queries = [ListQuery(limit=10, parent=parent)]
        queries += [ListQuery(limit=10, parent=parent, updated_since=since)] if endpoints.updated_since else []
        queries += [ListQuery(limit=10, filters={filter: "1"}) for filter in sorted(endpoints.filters)]
        if endpoints.list is not None:
            yield from (endpoints.list(query, account) for query in queries)
        if endpoints.read is not None:
            yield endpoints.read("1", account)
        if endpoints.create is not None:
            yield endpoints.create(body, "op_1", parent, account)
        if endpoints.update is not None:
            yield endpoints.update("1", body, "op_1", account)
        if endpoints.archive is not None:
            yield endpoints.archive("1", account)
        if endpoints.find_marker is not None and (look_up := endpoints.find_marker("op_1", parent, None, account)):
            yield look_up
        yield from (find("1", account) for find in endpoints.find.values())
        yield from (upsert("1", body, "op_1", account) for upsert in endpoints.upsert.values())


NEW_CUSTOMER = {
    "display_name": "Livia Keller",
    "emails": [{"address": "livia@faden.example"}],
    "phones": None,
    "notes": None,
    "timezone": "Europe/Zurich",
    "tags": ["vip"],
    "status": "active",
    "custom_fields": [{"key": "length", "value": 3}],
}
NEW_TICKET = {
    "subject": "Foot",
    "description": "Stuck",
    "requester": {"email": "livia@faden.example"},
    "assignee": None,
    "priority": "high",
    "status": "open",
    "type": "task",
    "due_at": "2026-06-01T10:00:00Z",
    "tags": ["rma"],
    "custom_fields": [{"key": "warranty", "value": True}],
}


def test_every_request_is_one_that_the_vendor_describes(shared: Path, account: Account) -> None:
    described = {
        (method.upper(), re.compile(re.sub(r"\{[a-z_]+\}", "[^/]+", path)))
        for name in ("users", "tickets", "incremental")
        for path, methods in spec(shared, name)["paths"].items()
        for method in methods
    }
    # In the documentation of "List Tickets" and in many clients, but not in the description.
    described.add(("GET", re.compile("/api/v2/users/[0-9]+/tickets/requested")))

    for request in requests(account):
        known = [path for method, path in described if method == request.method and path.fullmatch(request.path)]
        assert known, f"{request.method} {request.path}"


SCHEMAS = {
    ("POST", "/api/v2/users"): ("user", "UserCreate"),
    ("PUT", "/api/v2/users/{id}"): ("user", "UserUpdate"),
    ("POST", "/api/v2/tickets"): ("ticket", "TicketCreate"),
    ("PUT", "/api/v2/tickets/{id}"): ("ticket", "TicketUpdate"),
}


def test_every_body_fits_what_the_vendor_describes(shared: Path, account: Account) -> None:
    description = with_null(spec(shared, "support-third-party"))
    judged = set()

    for request in requests(account):
        envelope, schema = SCHEMAS.get((request.method, request.route), (None, None))
        if envelope is None or schema is None:
            continue
        body = json.loads(request.body or b"")
        jsonschema.validate(body[envelope], {**description, "$ref": f"#/components/schemas/{schema}"})
        judged.add(request.route + request.method)

    assert len(judged) == len(SCHEMAS)


def spec(shared: Path, name: str) -> dict[str, Any]:
    text = (shared / "vendor-specs" / "zendesk" / f"{name}.openapi.json").read_text()
    return json.loads(text)


def with_null(schema: Any) -> Any:
    """`nullable: true` said as JSON Schema says it."""
    if isinstance(schema, list):
        return [with_null(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: with_null(value) for name, value in schema.items()}
    return {"anyOf": [plain, {"type": "null"}]} if schema.get("nullable") is True else plain


def test_every_time_zone_of_the_table_exists() -> None:
    assert set(IANA.values()) <= available_timezones()
