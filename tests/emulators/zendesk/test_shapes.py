"""The emulator's records against recordings and schemas of the vendor's, which lie outside of the project."""

from typing import Any

import jsonschema
import pytest

from ..recordings import recording, same_types, types
from .conftest import Desk

# What a recording has only by chance of its account or its time.
OF_THE_ACCOUNT = {"last_active", "authenticity_token"}


def same_shape(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert set(ours) == set(theirs) - OF_THE_ACCOUNT
    same_types(ours, theirs)


def nullable(schema: Any) -> Any:
    """An OpenAPI 3.0 schema as JSON Schema: `nullable` becomes a type; examples are dropped, `$ref` kept."""
    if isinstance(schema, list):
        return [nullable(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: nullable(value) for name, value in schema.items() if name not in ("nullable", "example")}
    if schema.get("nullable") is True and "type" in plain:
        return {"anyOf": [plain, {"type": "null"}]}
    return plain


def checked(record: Any, document: dict[str, Any], name: str) -> None:
    schemas = nullable(document["components"]["schemas"])
    schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}
    jsonschema.validate(record, schema, cls=jsonschema.Draft202012Validator)


def full_ticket(desk: Desk) -> dict[str, Any]:
    return desk.ticket(
        subject="Lid", requester={"name": "Bo", "email": "bo@field.example"}, tags=["a"], priority="low", type="task"
    )


def test_users_look_like_recorded_ones(desk: Desk) -> None:
    theirs = recording("vendor-samples/zendesk/user/create-user-2026.json")["user"]
    same_shape(desk.user(email="ida@kettles.example"), theirs)
    me = recording("vendor-samples/zendesk/user/get-user-2026.json")["user"]
    same_shape(desk.get("users/me")["user"], me)


def test_tickets_look_like_recorded_ones(desk: Desk) -> None:
    theirs = recording("vendor-samples/zendesk/ticket/create-ticket-response-2026.json")
    answer = desk.http.post("tickets", json={"ticket": {"comment": {"body": "Lid"}, "priority": "normal"}}).json()
    assert set(answer) == set(theirs)
    same_shape(answer["ticket"], theirs["ticket"])
    same_shape(answer["audit"], theirs["audit"])
    for kind in ("Comment", "Create"):
        (ours,) = [event for event in answer["audit"]["events"] if event["type"] == kind][:1]
        (recorded,) = [event for event in theirs["audit"]["events"] if event["type"] == kind][:1]
        assert set(ours) == set(recorded)


def test_comments_and_fields_look_like_recorded_ones(desk: Desk) -> None:
    recorded = recording("vendor-samples/zendesk/ticket/ticket-comments-2026.json")
    ours = desk.get(f"tickets/{full_ticket(desk)['id']}/comments")
    assert set(ours) == set(recorded)
    same_shape(ours["comments"][0], recorded["comments"][0])
    field = recording("vendor-samples/zendesk/ticket/ticket-field-definition-2026.json")["ticket_field"]
    same_shape(desk.get("ticket_fields")["ticket_fields"][0], field)


def test_pages_look_like_recorded_ones(desk: Desk) -> None:
    full_ticket(desk)
    for object, path in (("tickets", "ticket/list-tickets-2026.json"), ("users", "user/list-users-2026.json")):
        recorded = recording(f"vendor-samples/zendesk/{path}")
        ours = desk.get(object, **{"page[size]": 100})
        for name in ("meta", "links"):
            assert types(ours[name]) == types(recorded[name])


def test_errors_look_like_recorded_ones(desk: Desk) -> None:
    recorded = recording("vendor-samples/zendesk/error/record-not-found.json")
    assert desk.http.put("tickets/9223372036854775807.json", json={"ticket": {}}).json() == recorded


@pytest.mark.parametrize(("object", "file"), [("users", "airbyte-users"), ("tickets", "airbyte-shared-tickets")])
def test_records_fit_a_public_schema(desk: Desk, object: str, file: str) -> None:
    schema = recording(f"vendor-specs/zendesk/{file}.schema.json")
    # The schema of `via` is a file of its own, which is not among the public ones here.
    schema["properties"].pop("via", None)
    full_ticket(desk)
    for record in desk.get(object)[object]:
        jsonschema.validate(record, {**schema, "$schema": "http://json-schema.org/draft-07/schema#"})


def test_records_fit_the_openapi_descriptions(desk: Desk) -> None:
    document = recording("vendor-specs/zendesk/support-third-party.openapi.json")
    ticket = full_ticket(desk)
    checked(ticket, document, "Ticket")
    checked(desk.get(f"users/{ticket['requester_id']}")["user"], document, "User")
    checked(desk.get(f"tickets/{ticket['id']}/comments")["comments"][0], document, "Comment")
    checked(desk.http.get("tickets/99").json(), document, "Error")
    export = recording("vendor-specs/zendesk/incremental.openapi.json")
    # The split leaves the record's own schema out; the envelope is what it tells.
    export["components"]["schemas"] |= {"TicketObject": {}, "UserObject": {}}
    checked(desk.get("incremental/tickets/cursor", start_time=0), export, "CursorBasedExportIncrementalTicketsResponse")
    checked(desk.get("incremental/users/cursor", start_time=0), export, "CursorBasedExportIncrementalUsersResponse")
