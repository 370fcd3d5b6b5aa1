"""How Zendesk is asked: lists and their cursors, exports since a time, marks of our writes and how they are found."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from mappings.endpoints import ListQuery
from mappings.http import VendorRequest
from mappings.zendesk import VENDOR
from mappings.zendesk.account import build_account
from mappings.zendesk.wire_v2 import Account, TicketWrite, UserWrite
from tests.mappings.drafts import reply
from tests.required import required

from .conftest import MAPPINGS, AnyMapping, Desk, read_any
from .test_customer_write import create as create_customer
from .test_customer_write import drafted as customer_draft
from .test_ticket_write import create as create_ticket
from .test_ticket_write import drafted as ticket_draft

CUSTOMER = MAPPINGS["customer"]
TICKET = MAPPINGS["ticket"]
USERS = CUSTOMER.endpoints
TICKETS = TICKET.endpoints


def listed(zendesk: Desk, mapping: AnyMapping, account: Account, **more: Any) -> list[Any]:
    """Every record of a list, page after page."""
    endpoints = mapping.endpoints
    query = ListQuery(**{"limit": 2, **more})
    records: list[Any] = []
    for _ in range(50):
        page = required(endpoints.page)(zendesk.must(required(endpoints.list)(query, account)), query, account)
        records += [read_any(bytes(raw), mapping, page.account).data for raw in page.records]
        if page.next is None:
            return records
        query = msgspec.structs.replace(query, after=page.next)
    raise AssertionError("the list does not end")


def moment(zendesk: Desk, seconds: float = 0.0) -> datetime:
    return datetime.fromtimestamp(zendesk.now, UTC) + timedelta(seconds=seconds)


def test_a_list_goes_on_until_the_last_customer(zendesk: Desk, account: Account) -> None:
    for number in range(5):
        create_customer(zendesk, {"display_name": f"Customer {number}"}, account, f"op_{number}")

    names = [customer.display_name for customer in listed(zendesk, CUSTOMER, account)]

    assert names == ["Dev Admin", *(f"Customer {number}" for number in range(5))]


def test_tickets_come_with_who_asked(zendesk: Desk, account: Account) -> None:
    for number in range(3):
        patch = {"description": f"Stuck {number}", "requester": {"email": f"person{number}@faden.example"}}
        create_ticket(zendesk, patch, account, f"op_{number}")

    tickets = listed(zendesk, TICKET, account)

    assert [ticket.requester.email for ticket in tickets] == [f"person{number}@faden.example" for number in range(3)]


@pytest.mark.parametrize("kind", ["customer", "ticket"])
def test_what_changed_since_a_time_is_all_of_it_and_no_more(kind: str, zendesk: Desk, account: Account) -> None:
    def make(name: str, marker: str) -> str:
        if kind == "customer":
            return create_customer(zendesk, {"display_name": name}, account, marker)
        return create_ticket(zendesk, {"description": name}, account, marker)

    mapping = MAPPINGS[kind]
    for number in range(3):
        make(f"old {number}", f"op_{number}")
    zendesk.now += 30
    since = moment(zendesk)
    for number in range(5):
        make(f"new {number}", f"op_new_{number}")
    zendesk.now += 600

    records = listed(zendesk, mapping, account, updated_since=since)

    names = [record.display_name if kind == "customer" else record.description for record in records]
    assert names == [f"new {number}" for number in range(5)]


@pytest.mark.parametrize("kind", ["customer", "ticket"])
def test_an_export_since_this_very_moment_is_taken(kind: str, zendesk: Desk, account: Account) -> None:
    endpoints = MAPPINGS[kind].endpoints

    request = required(endpoints.list)(ListQuery(limit=10, updated_since=moment(zendesk)), account)

    assert VENDOR.refusal(zendesk.send(request)) is None


def test_deleted_tickets_come_with_the_export(zendesk: Desk, account: Account) -> None:
    since = moment(zendesk)
    ticket_id = create_ticket(zendesk, {"description": "Stuck"}, account)
    zendesk.send(VendorRequest(method="DELETE", path=f"/api/v2/tickets/{ticket_id}", route="-"))
    zendesk.now += 600

    (ticket,) = listed(zendesk, TICKET, account, updated_since=since)

    assert (ticket.number, ticket.status, ticket.status_category) == (ticket_id, "deleted", "done")


def test_filters_find_exactly_what_they_name(zendesk: Desk, account: Account) -> None:
    for name in ("ida", "jan"):
        patch = {"display_name": name, "emails": [{"address": f"{name}@faden.example"}], "external_id": f"shop-{name}"}
        create_customer(zendesk, patch, account, f"op_{name}")
        patch = {"description": name, "external_id": f"rma-{name}"}
        number = create_ticket(zendesk, patch, account, f"op_{name}")
    zendesk.now += 600

    by_email = listed(zendesk, CUSTOMER, account, filters={"email": "JAN@faden.example"})
    by_key = listed(zendesk, CUSTOMER, account, filters={"external_id": "shop-jan"})
    tickets = listed(zendesk, TICKET, account, filters={"external_id": "rma-jan"})
    numbered = listed(zendesk, TICKET, account, filters={"number": number})

    assert [customer.display_name for customer in by_email] == ["jan"]
    assert by_key == by_email
    assert [ticket.description for ticket in tickets] == ["jan"]
    assert numbered == tickets
    assert listed(zendesk, TICKET, account, filters={"number": "four"}) == []
    assert listed(zendesk, CUSTOMER, account, filters={"email": 'jan" role:admin'}) == []


# ---------------------------------------------------------------- marks of our writes


def test_a_customer_without_a_key_carries_our_mark_and_reads_without_one(zendesk: Desk, account: Account) -> None:
    setup(zendesk)

    remote_id = create_customer(zendesk, {"display_name": "Livia", "external_id": None}, account, "op_1")

    user = required(zendesk.state.get("users", remote_id))
    assert user["external_id"] == "lockstitch:op_1"
    assert user["user_fields"]["lockstitch_operation_id"] == "op_1"
    assert (
        look_up(zendesk, CUSTOMER, "op_1", customer_draft({"display_name": "Livia"}, account).body, account)
        == remote_id
    )
    assert look_up(zendesk, CUSTOMER, "op_1", None, account) == remote_id
    assert look_up(zendesk, CUSTOMER, "op_2", None, account) is None


def test_a_customer_with_a_key_is_found_by_it_when_our_operation_made_it(zendesk: Desk, account: Account) -> None:
    setup(zendesk)
    patch = {"display_name": "Livia", "external_id": "shop-4711"}
    body = customer_draft(patch, account).body

    remote_id = create_customer(zendesk, patch, account, "op_1")

    user = required(zendesk.state.get("users", remote_id))
    assert user["external_id"] == "shop-4711"
    assert look_up(zendesk, CUSTOMER, "op_1", body, account) == remote_id
    assert look_up(zendesk, CUSTOMER, "op_2", body, account) is None


def test_setting_up_twice_is_a_duplicate_and_nothing_more(zendesk: Desk) -> None:
    setup(zendesk)

    again = required(VENDOR.refusal(zendesk.send(VENDOR.setup[0])))

    assert again.kind == "duplicate"
    assert [field["key"] for field in zendesk.state.all("user_fields")] == ["lockstitch_operation_id"]


def test_the_same_ticket_sent_twice_is_made_once(zendesk: Desk, account: Account) -> None:
    body = ticket_draft({"description": "Stuck"}, account).body
    request = required(TICKETS.create)(body, "op_1", None, account)

    first, second = zendesk.must(request), zendesk.must(request)

    assert request.idempotent
    assert ("Idempotency-Key", "op_1") in request.headers
    assert first.body == second.body
    assert second.headers["x-idempotency-lookup"] == "hit"
    assert zendesk.state.count("tickets") == 1


def test_after_the_key_is_forgotten_a_ticket_is_found_by_our_mark(zendesk: Desk, account: Account) -> None:
    body = ticket_draft({"description": "Stuck"}, account).body
    remote_id = create_ticket(zendesk, {"description": "Stuck"}, account, "op_1")
    zendesk.now += 3 * 3600

    assert look_up(zendesk, TICKET, "op_1", body, account) == remote_id
    assert look_up(zendesk, TICKET, "op_2", body, account) is None
    assert read_ticket(zendesk, remote_id, account).external_id is None


def test_a_ticket_with_the_callers_key_has_no_marker(account: Account) -> None:
    body = ticket_draft({"description": "Stuck", "external_id": "rma-88"}, account).body

    assert required(TICKETS.find_marker)("op_1", None, body, account) is None


def test_the_same_key_for_another_ticket_counts_as_done_before(zendesk: Desk, account: Account) -> None:
    assert TICKETS.create is not None
    zendesk.must(TICKETS.create(ticket_draft({"description": "Stuck"}, account).body, "op_1", None, account))

    other = ticket_draft({"description": "Loose"}, account).body
    refusal = required(VENDOR.refusal(zendesk.send(TICKETS.create(other, "op_1", None, account))))

    assert (refusal.kind, refusal.code) == ("duplicate", "IdempotentRequestError")


def test_an_upsert_by_address_makes_one_customer_and_then_changes_it(zendesk: Desk, account: Account) -> None:
    assert USERS.write_result is not None
    upsert = USERS.upsert["email"]
    patch = {"display_name": "Livia", "emails": [{"address": "livia@faden.example"}]}
    request = upsert("livia@faden.example", customer_draft(patch, account).body, "op_1", account)

    first = USERS.write_result(zendesk.must(request), "upsert")
    again = USERS.write_result(zendesk.must(request), "upsert")

    assert request.idempotent
    assert (first.created, again.created) == (True, False)
    assert first.remote_id == again.remote_id


def test_an_upsert_by_key_makes_one_customer(zendesk: Desk, account: Account) -> None:
    patch = {"display_name": "Livia", "external_id": "shop-1"}
    request = USERS.upsert["external_id"]("shop-1", customer_draft(patch, account).body, "op_1", account)

    ids = {required(USERS.write_result)(zendesk.must(request), "upsert").remote_id for _ in range(2)}

    assert len(ids) == 1


def test_of_several_tickets_with_one_key_the_first_is_meant(zendesk: Desk, account: Account) -> None:
    first = create_ticket(zendesk, {"description": "1", "external_id": "rma-1"}, account, "op_1")
    create_ticket(zendesk, {"description": "2", "external_id": "rma-1"}, account, "op_2")

    record, _ = TICKETS.record(zendesk.must(TICKETS.find["external_id"]("rma-1", account)), account)
    nothing, _ = TICKETS.record(zendesk.must(TICKETS.find["external_id"]("rma-2", account)), account)

    assert read_any(bytes(required(record)), TICKET, account).remote.id == first
    assert nothing is None


def test_people_who_did_not_come_along_are_asked_for_once(zendesk: Desk, account: Account) -> None:
    assert TICKETS.side_load is not None
    patch = {"description": "Stuck", "requester": {"email": "ida@faden.example", "name": "Ida"}}
    ticket_id = create_ticket(zendesk, patch, account)
    ticket = zendesk.state.get("tickets", ticket_id)
    gone = msgspec.Raw(b'{"id":2,"requester_id":99}')
    drifted = msgspec.Raw(b'{"id":"3","requester_id":"99"}')
    records = (msgspec.Raw(msgspec.json.encode(ticket)), gone, drifted)

    request = required(TICKETS.side_load(records, account))
    known = required(TICKETS.absorb)(zendesk.must(request), account)

    assert "Ida" in {person.name for person in known.people.values()}
    assert TICKETS.side_load(records, known) is None
    assert TICKETS.side_load((), account) is None


def test_routes_name_no_record(account: Account) -> None:

    for request in (required(USERS.read)("4711", account), required(TICKETS.read)("4711", account)):
        assert "4711" in request.path
        assert "4711" not in request.route


def test_ids_stay_inside_their_segment(account: Account) -> None:

    assert required(TICKETS.read)("../users/1?x=", account).path == "/api/v2/tickets/..%2Fusers%2F1%3Fx%3D"


def test_missing_account_answers_give_the_defaults() -> None:
    assert build_account((None, None), {}) == Account()
    assert build_account((), {}) == Account()
    assert build_account((reply(b"{}"), reply(b"<html>")), {}) == Account()


def setup(zendesk: Desk) -> None:
    """Prepare the account as `VENDOR.setup` says."""
    for request in VENDOR.setup:
        zendesk.must(request)


def look_up(
    zendesk: Desk, mapping: AnyMapping, marker: str, body: UserWrite | TicketWrite | None, account: Account
) -> str | None:
    """The remote id that looking for a mark gives."""
    endpoints = mapping.endpoints
    request = required(required(endpoints.find_marker)(marker, None, body, account))
    return required(endpoints.marked)(zendesk.must(request), marker)


def read_ticket(zendesk: Desk, remote_id: str, account: Account) -> Any:
    """A ticket as it is understood now."""
    record, known = TICKETS.record(zendesk.must(required(TICKETS.read)(remote_id, account)), account)
    return read_any(bytes(required(record)), TICKET, known).data
