"""The calls themselves: as HubSpot's published schemas have them, with one effect, safe to settle."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from mappings.endpoints import ListQuery, WriteResult
from mappings.http import VendorReply, VendorRequest
from mappings.hubspot import VENDOR
from mappings.hubspot.endpoints import CONTACTS, TICKETS
from mappings.hubspot.wire_v3 import Account, NewAssociation, ObjectId, RecordWrite
from mappings.spec import VendorDrift
from tests.required import required

FRESH = Account()
BODY = RecordWrite(properties={"firstname": "Ann"})
MOMENT = msgspec.convert("2026-03-12T07:33:57Z", type=ListQuery.__annotations__["updated_since"])


def body_of(request: VendorRequest) -> Any:
    """The body as data."""
    return json.loads(required(request.body))


def answer(body: Any, status: int = 200) -> VendorReply:
    """A reply."""
    return VendorReply(status=status, headers={}, body=json.dumps(body).encode())


def contact_calls(account: Account) -> list[VendorRequest]:
    """One of each call for contacts."""
    assert CONTACTS.list is not None
    look = required(required(CONTACTS.find_marker)("op_1", None, None, account))
    return [
        required(CONTACTS.read)("51", account),
        CONTACTS.list(ListQuery(limit=50), account),
        CONTACTS.list(ListQuery(limit=50, updated_since=MOMENT), account),
        CONTACTS.list(ListQuery(limit=50, filters={"email": "ann@example.com"}), account),
        CONTACTS.find["external_id"]("erp/1", account),
        required(CONTACTS.create)(BODY, "op_1", None, account),
        required(CONTACTS.update)("51", BODY, "op_1", account),
        required(CONTACTS.archive)("51", account),
        look,
    ]


def ticket_calls(account: Account) -> list[VendorRequest]:
    """One of each call for tickets."""
    assert TICKETS.list is not None
    new = RecordWrite(properties={"subject": "Help"}, associations=(NewAssociation(to=ObjectId(id="51")),))
    return [
        required(TICKETS.read)("21", account),
        TICKETS.list(ListQuery(limit=50), account),
        TICKETS.list(ListQuery(limit=50, filters={"status": "open"}), account),
        TICKETS.list(ListQuery(limit=50, filters={"number": "21"}), account),
        required(TICKETS.create)(new, "op_1", None, account),
        required(TICKETS.update)("21", RecordWrite(properties={"subject": "Help!"}), "op_1", account),
    ]


def test_calls_fit_the_published_schemas(shared: Path, account: Account) -> None:
    for name, calls in (("contacts", contact_calls(account)), ("tickets", ticket_calls(account))):
        document = json.loads((shared / "vendor-specs" / "hubspot" / f"{name}.openapi.json").read_text())
        for call in calls:
            _assert_fits(call, document)


def _assert_fits(call: VendorRequest, document: dict[str, Any]) -> None:
    singular = {"contacts": "{contactId}", "tickets": "{ticketId}"}
    route = call.route.replace("{id}", next(id for name, id in singular.items() if f"/{name}" in call.route))
    operation = document["paths"][route][call.method.lower()]
    known = {parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "query"}
    assert {name for name, _ in call.query} <= known, route
    if call.body is None:
        assert "requestBody" not in operation, route
        return
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    jsonschema.validate(body_of(call), {**schema, "components": document["components"]})


def test_only_writes_have_an_effect_and_none_is_idempotent() -> None:
    calls = [*contact_calls(FRESH), *ticket_calls(FRESH)]
    writes = [call for call in calls if call.effect]

    assert {(call.method, call.route) for call in writes} == {
        ("POST", "/crm/v3/objects/contacts"),
        ("PATCH", "/crm/v3/objects/contacts/{id}"),
        ("DELETE", "/crm/v3/objects/contacts/{id}"),
        ("POST", "/crm/v3/objects/tickets"),
        ("PATCH", "/crm/v3/objects/tickets/{id}"),
    }
    assert not any(call.idempotent for call in calls)
    assert not any(part in call.route for call in calls for part in ("51", "21", "op_1", "ann"))


def test_everything_that_is_read_is_asked_for(account: Account) -> None:
    contact = dict(required(CONTACTS.read)("51", account).query)
    ticket = dict(required(TICKETS.read)("21", account).query)

    assert {"email", "lifecyclestage", "vip", "lockstitch_external_id"} <= set(contact["properties"].split(","))
    assert {"subject", "hs_pipeline_stage", "warranty"} <= set(ticket["properties"].split(","))
    assert ticket["associations"] == "contacts,orders"


def test_ids_in_a_path_are_escaped() -> None:
    assert required(CONTACTS.read)("a/b c?d", FRESH).path == "/crm/v3/objects/contacts/a%2Fb%20c%3Fd"


def test_a_create_carries_its_operation_and_an_update_does_not() -> None:

    assert body_of(required(CONTACTS.create)(BODY, "op_1", None, FRESH)) == {
        "properties": {"firstname": "Ann", "lockstitch_operation_id": "op_1"},
        "associations": [],
    }
    assert body_of(required(CONTACTS.update)("51", BODY, "op_2", FRESH)) == {"properties": {"firstname": "Ann"}}


def test_a_ticket_begins_in_the_first_stage_by_default(account: Account) -> None:
    assert TICKETS.create is not None
    body = RecordWrite(properties={"hs_pipeline": "75304820", "hs_pipeline_stage": "144402861"})
    bare = msgspec.structs.replace(account, pipelines={})

    assert body_of(TICKETS.create(BODY, "op_1", None, account))["properties"]["hs_pipeline_stage"] == "1"
    assert body_of(TICKETS.create(body, "op_1", None, account))["properties"]["hs_pipeline_stage"] == "144402861"
    assert body_of(TICKETS.create(BODY, "op_1", None, bare))["properties"]["hs_pipeline"] == "0"


def test_the_marker_is_read_back() -> None:
    assert CONTACTS.marked is not None
    contact = {"id": "51", "properties": {"lockstitch_operation_id": "op_1"}}

    assert CONTACTS.marked(answer(contact), "op_1") == "51"
    assert CONTACTS.marked(answer(contact), "op_2") is None


def test_write_results_name_the_record_and_leave_the_reading_to_a_read() -> None:
    assert CONTACTS.write_result is not None
    made = answer({"id": "51", "properties": {}}, 201)

    assert CONTACTS.write_result(made, "create") == WriteResult(remote_id="51", created=True)
    assert CONTACTS.write_result(made, "update") == WriteResult()
    assert CONTACTS.write_result(VendorReply(status=204, headers={}, body=b""), "archive") == WriteResult()
    with pytest.raises(VendorDrift):  # the write is settled by its marker
        CONTACTS.write_result(VendorReply(status=201, headers={}, body=b"<html>"), "create")


def test_a_find_gives_the_record_or_nothing() -> None:
    record = {"id": "51", "properties": {}, "createdAt": "2026-03-12T07:33:57Z", "updatedAt": "2026-03-12T07:33:57Z"}

    raw, _ = CONTACTS.record(answer({"status": "COMPLETE", "results": [record]}), FRESH)
    missing, _ = CONTACTS.record(answer({"status": "COMPLETE", "results": [], "errors": []}, 207), FRESH)
    ticket, account = TICKETS.record(answer({"results": [record]}), FRESH)

    assert json.loads(bytes(required(raw))) == record
    assert missing is None
    assert ticket is not None
    assert (account.requesters, account.unlinked) == ({}, ("51",))


def test_the_setup_makes_the_unique_properties() -> None:
    made = {(call.path, body["name"], body["groupName"]) for call in VENDOR.setup if (body := body_of(call))}

    assert made == {
        ("/crm/v3/properties/contacts", "lockstitch_operation_id", "contactinformation"),
        ("/crm/v3/properties/contacts", "lockstitch_external_id", "contactinformation"),
        ("/crm/v3/properties/tickets", "lockstitch_operation_id", "ticketinformation"),
        ("/crm/v3/properties/tickets", "lockstitch_external_id", "ticketinformation"),
        ("/crm/v3/properties/orders", "lockstitch_operation_id", "order_information"),
        ("/crm/v3/properties/line_items", "lockstitch_operation_id", "lineiteminformation"),
    }
    assert all(body_of(call)["hasUniqueValue"] is True and call.effect for call in VENDOR.setup)


# --------------------------------------------------------------- requesters


def side_load(account: Account) -> VendorRequest | None:
    """The next read that completes tickets."""
    return required(TICKETS.side_load)((), account)


def absorb(body: Any, account: Account) -> Account:
    """The account with its answer."""
    return required(TICKETS.absorb)(answer(body, 207), account)


def test_a_search_is_completed_by_two_reads() -> None:
    shared = {"properties": {}, "createdAt": "2026-03-12T07:33:57Z", "updatedAt": "2026-03-12T07:33:57Z"}
    hits = answer({"total": 3, "results": [{"id": id, **shared} for id in ("21", "22", "23")]})

    account = required(TICKETS.page)(hits, ListQuery(limit=5, updated_since=MOMENT), FRESH).account
    first = required(side_load(account))
    assert first.path == "/crm/v4/associations/tickets/contacts/batch/read"
    assert body_of(first) == {"inputs": [{"id": "21"}, {"id": "22"}, {"id": "23"}]}

    ends = [
        {"from": {"id": "21"}, "to": [{"toObjectId": 51, "associationTypes": []}, {"toObjectId": "52"}]},
        {"from": {"id": "22"}, "to": [{"toObjectId": 59}]},
    ]
    account = absorb({"results": ends, "errors": [{"category": "OBJECT_NOT_FOUND"}]}, account)
    second = required(side_load(account))
    assert second.path == "/crm/v3/objects/contacts/batch/read"
    assert body_of(second)["inputs"] == [{"id": "51"}, {"id": "59"}]

    ann = {
        "id": "51",
        **shared,
        "properties": {"email": "ann@example.com", "firstname": "Ann", "lastname": "", "phone": None},
    }
    account = absorb({"results": [ann]}, account)
    assert side_load(account) is None
    assert account.requesters == {"21": ("51", "52"), "22": ("59",), "23": ()}
    assert account.people["59"] is None
    assert msgspec.to_builtins(account.people["51"]) == {"name": "Ann", "email": "ann@example.com", "phone": None}


def test_a_token_for_orders_reads_those_of_a_search_too() -> None:
    assert TICKETS.read is not None
    for_orders = msgspec.structs.replace(FRESH, ticket_to_order=526)
    assert dict(TICKETS.read("21", FRESH).query)["associations"] == "contacts"
    assert dict(TICKETS.read("21", for_orders).query)["associations"] == "contacts,orders"
    shared = {"properties": {}, "createdAt": "2026-03-12T07:33:57Z", "updatedAt": "2026-03-12T07:33:57Z"}
    hits = answer({"total": 2, "results": [{"id": id, **shared} for id in ("21", "22")]})

    account = required(TICKETS.page)(hits, ListQuery(limit=5, updated_since=MOMENT), for_orders).account
    account = absorb({"results": []}, account)
    request = required(side_load(account))
    assert request.path == "/crm/v4/associations/tickets/orders/batch/read"
    assert body_of(request) == {"inputs": [{"id": "21"}, {"id": "22"}]}

    account = absorb({"results": [{"from": {"id": "21"}, "to": [{"toObjectId": 71}, {"toObjectId": 72}]}]}, account)
    assert (account.ticket_orders, side_load(account)) == ({"21": ("71", "72"), "22": ()}, None)


def test_a_plain_list_brings_the_contacts_along() -> None:
    shared = {"properties": {}, "createdAt": "2026-03-12T07:33:57Z", "updatedAt": "2026-03-12T07:33:57Z"}
    with_contact = {"id": "21", **shared, "associations": {"contacts": {"results": [{"id": "51", "type": "t"}]}}}
    known = msgspec.structs.replace(FRESH, requesters={"old": ("1",)}, people={"1": None})

    account = required(TICKETS.page)(
        answer({"results": [with_contact, {"id": "22", **shared}]}), ListQuery(limit=5), known
    ).account
    request = required(side_load(account))

    assert (account.requesters, account.unlinked) == ({"21": ("51",), "22": ()}, ())
    assert body_of(request)["inputs"] == [{"id": "51"}]
