"""What goes out: which calls have an effect, how ids are escaped, where the operation is written."""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from canonical.parts import ObjectName
from mappings.endpoints import ListQuery
from mappings.freshdesk import VENDOR
from mappings.freshdesk.wire_v2 import Account, ContactWrite, ConversationWrite, TicketWrite
from mappings.http import VendorRequest
from tests.mappings.drafts import on_the_wire, reply
from tests.required import required

from .conftest import ACCOUNT, MAPPINGS

BODIES: dict[ObjectName, Any] = {
    "customer": ContactWrite(name="Livia", email="livia@faden.example"),
    "ticket": TicketWrite(subject="Foot", description="<div>x</div>", email="livia@faden.example"),
    "comment": ConversationWrite(body="<div>x</div>", private=False),
}
SINCE = datetime(2026, 5, 1, 11, 30, 0, 999, tzinfo=timezone(timedelta(hours=2)))
MARKER = "op_0198f0a2b7c47d3c9a51f2e80b6c4d17"


def requests() -> Iterator[VendorRequest]:
    """One of each kind."""
    yield from VENDOR.account_requests
    yield from VENDOR.setup
    for name, body in BODIES.items():
        endpoints = MAPPINGS[name].endpoints
        parent = "1/2" if name == "comment" else None
        queries = [ListQuery(limit=10, parent=parent)]
        queries += [ListQuery(limit=10, parent=parent, updated_since=SINCE)] if endpoints.updated_since else []
        queries += [ListQuery(limit=10, filters={key: "a b"}) for key in sorted(endpoints.filters)]
        yield from (required(endpoints.list)(query, ACCOUNT) for query in queries)
        yield required(endpoints.create)(body, MARKER, parent, ACCOUNT)
        if endpoints.read is not None:
            yield endpoints.read("1/2", ACCOUNT)
        if endpoints.update is not None:
            yield endpoints.update("1/2", body, MARKER, ACCOUNT)
        if endpoints.archive is not None:
            yield endpoints.archive("1/2", ACCOUNT)
        if endpoints.find_marker is not None and (look_up := endpoints.find_marker(MARKER, parent, None, ACCOUNT)):
            yield look_up
        yield from (find("a b", ACCOUNT) for find in endpoints.find.values())


def test_only_writes_have_an_effect() -> None:
    for request in requests():
        assert request.effect == (request.method != "GET"), request.route
        assert (request.body is None) == (request.method in ("GET", "DELETE"))
        # Freshdesk recognises no repeat, but of the setup, whose field there is once.
        assert request.idempotent == (request in VENDOR.setup)


def test_ids_are_in_the_path_and_not_in_the_route() -> None:
    for request in requests():
        assert "1/2" not in request.path
        assert "1%2F2" not in request.route
        assert request.path.startswith("/api/v2/")
        assert ("{id}" in request.route) == ("1%2F2" in request.path)


def test_a_create_carries_its_operation() -> None:
    contact = required(MAPPINGS["customer"].endpoints.create)
    ticket = required(MAPPINGS["ticket"].endpoints.create)

    def body_of(request: VendorRequest) -> dict[str, Any]:
        return msgspec.json.decode(request.body or b"")

    plain = body_of(contact(BODIES["customer"], MARKER, None, Account()))
    assert plain["unique_external_id"] == f"lockstitch:{MARKER}"
    assert "custom_fields" not in plain
    own = ContactWrite(name="Livia", unique_external_id="erp-1", custom_fields={"tier": "gold"})
    with_field = body_of(contact(own, MARKER, None, ACCOUNT))
    assert with_field["unique_external_id"] == "erp-1"
    assert with_field["custom_fields"] == {"tier": "gold", "lockstitch_operation_id": MARKER}
    ticket_body = body_of(ticket(BODIES["ticket"], MARKER, None, ACCOUNT))
    assert ticket_body["custom_fields"] == {"cf_lockstitch_operation_id": MARKER}


def test_a_new_contact_without_a_name_is_named_by_how_it_is_reached() -> None:
    create = required(MAPPINGS["customer"].endpoints.create)

    for body, name in (
        (ContactWrite(email="a@b.example"), "a@b.example"),
        (ContactWrite(phone="1", mobile="2"), "1"),
        (ContactWrite(mobile="2"), "2"),
    ):
        assert msgspec.json.decode(create(body, MARKER, None, ACCOUNT).body or b"")["name"] == name


def test_public_comments_are_replies_and_private_ones_notes() -> None:
    create = required(MAPPINGS["comment"].endpoints.create)

    public = create(ConversationWrite(body="x", private=False), MARKER, "7", ACCOUNT)
    private = create(ConversationWrite(body="x", private=True), MARKER, "7", ACCOUNT)

    assert (public.path, msgspec.json.decode(public.body or b"")) == ("/api/v2/tickets/7/reply", {"body": "x"})
    assert private.path == "/api/v2/tickets/7/notes"
    assert msgspec.json.decode(private.body or b"") == {"body": "x", "private": True}


def test_a_contact_with_a_key_is_looked_up_by_its_operation_field() -> None:
    look_up = required(MAPPINGS["customer"].endpoints.find_marker)
    own = ContactWrite(unique_external_id="erp-1")

    assert look_up(MARKER, None, own, Account()) is None
    by_key, by_mark = look_up(MARKER, None, own, ACCOUNT), look_up(MARKER, None, None, Account())
    assert required(by_key).query == (("unique_external_id", "erp-1"),)
    assert required(by_mark).query == (("unique_external_id", f"lockstitch:{MARKER}"),)


@pytest.mark.parametrize(
    ("contact", "remote_id"),
    [
        ({"id": 5, "unique_external_id": f"lockstitch:{MARKER}"}, "5"),
        ({"id": 5, "unique_external_id": "erp-1", "custom_fields": {"lockstitch_operation_id": MARKER}}, "5"),
        ({"id": 5, "unique_external_id": "erp-1", "custom_fields": {"cf_lockstitch_operation_id": MARKER}}, "5"),
        ({"id": 5, "unique_external_id": "erp-1", "custom_fields": {"lockstitch_operation_id": "op_2"}}, None),
        ({"id": 5, "unique_external_id": "erp-1", "custom_fields": {"nickname": MARKER}}, None),
        ({"id": 5, "unique_external_id": None, "custom_fields": None}, None),
    ],
)
def test_a_contact_is_ours_by_its_mark(contact: dict[str, Any], remote_id: str | None) -> None:
    marked = required(MAPPINGS["customer"].endpoints.marked)

    assert marked(reply(msgspec.json.encode([contact])), MARKER) == remote_id


def test_times_are_asked_for_in_utc_and_whole_seconds() -> None:
    for name in ("customer", "ticket"):
        endpoints = MAPPINGS[name].endpoints
        query = dict(required(endpoints.list)(ListQuery(limit=10, updated_since=SINCE), ACCOUNT).query)
        assert query.get("updated_since", query.get("_updated_since")) == "2026-05-01T09:30:00Z"


def test_the_setup_names_the_field_that_a_refused_ticket_names() -> None:
    """Setup runs again if a write is refused for a field in its body."""
    (request,) = VENDOR.setup

    assert b'"cf_lockstitch_operation_id"' in (request.body or b"")


def test_the_secret_is_the_user() -> None:
    assert (VENDOR.auth.template.format(token="k"), VENDOR.auth.basic) == ("k:X", True)
    assert VENDOR.default_base_url is None


def test_the_account_is_what_its_fields_say() -> None:
    choices = {"2": ["Offen", "x"], "8": [" On hold ", "y"], "9": ["Bei Otto"], "10": []}
    fields = [
        {"name": "status", "type": "default_status", "choices": choices},
        {"name": "ticket_type", "type": "default_ticket_type", "choices": ["Task", "Question"]},
        {"name": "cf_x", "type": "custom_dropdown", "choices": {"a": {"b": []}}},
    ]
    contact_fields = [{"name": "name"}, {"name": "cf_lockstitch_operation_id", "type": "custom_text"}]

    account = VENDOR.build_account((reply(msgspec.json.encode(fields)), reply(msgspec.json.encode(contact_fields))), {})

    assert account.status_labels == {2: "Offen", 8: " On hold ", 9: "Bei Otto"}
    assert account.statuses == {2: "open", 8: "on_hold"}
    assert account.types == ("Task", "Question")
    assert account.contact_mark_field == "cf_lockstitch_operation_id"


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"[1]", b'[{"name":"status","type":"default_status","choices":[1]}]']
)
def test_facts_that_cannot_be_had_are_those_of_a_new_account(body: bytes) -> None:
    account = VENDOR.build_account((reply(body), reply(body)), {})

    assert account == Account()
    assert VENDOR.build_account((None, None), {}) == VENDOR.build_account((), {}) == Account()


def test_the_answer_to_a_deletion_is_empty() -> None:
    result = required(MAPPINGS["customer"].endpoints.write_result)
    assert result(reply(b"", 204), "archive").remote_id is None


def test_nothing_is_sent_for_what_was_not_said() -> None:
    assert on_the_wire(ContactWrite()) == on_the_wire(TicketWrite()) == {}
