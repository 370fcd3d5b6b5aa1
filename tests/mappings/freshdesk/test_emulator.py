"""The mapping against the emulator of Freshdesk: every call is understood there, and every answer here."""

from typing import Any

import msgspec

from canonical.customer import CustomerPatch
from canonical.ticket import CommentPatch, TicketPatch
from emulators.freshdesk.desk import AGENT_ID, COMPANY_ID, GROUP_ID
from mappings.endpoints import ListQuery
from mappings.freshdesk import VENDOR
from mappings.freshdesk.comment_r1 import COMMENT
from mappings.freshdesk.customer_r1 import CUSTOMER
from mappings.freshdesk.ticket_r1 import TICKET
from mappings.http import VendorRefusal, VendorRequest
from tests.mappings.drafts import lost
from tests.required import required

from .conftest import EmulatedFreshdesk

ANN = {
    "display_name": "Ann Lee",
    "emails": [{"address": "ann@lee.example"}, {"address": "shop@lee.example"}],
    "phones": [{"e164": "+4930123456", "type": "work"}, {"e164": "+491701234567", "type": "mobile"}],
    "addresses": [{"line1": "12 Harbour Street"}],
    "job_title": "Owner",
    "language": "es-419",
    "timezone": "Europe/Berlin",
    "notes": "Prefers a call",
    "tags": ["wholesale"],
    "external_id": "erp-1",
    "custom_fields": [
        {"key": "length", "value": 2.5},
        {"key": "stitches", "value": ["zigzag"]},
        {"key": "renewal", "value": "2026-09-01"},
        {"key": "newsletter", "value": True},
        {"key": "tier", "value": "gold"},
        {"key": "nickname", "value": "Annie"},
    ],
}
MUG = {
    "subject": "Mug arrived with a crack",
    "description": "At the handle.\nIt leaks.",
    "requester": {"email": "ann@lee.example", "name": "Ann Lee"},
    "status": "waiting_on_third_party",
    "priority": "high",
    "type": "feature_request",
    "channel": "phone",
    "assignee": {"remote_id": str(AGENT_ID)},
    "team": {"remote_id": str(GROUP_ID)},
    "company": {"remote_id": str(COMPANY_ID)},
    "followers": [{"email": "ben@lee.example"}],
    "tags": ["breakage"],
    "due_at": "2096-06-08T17:00:00Z",
    "custom_fields": [
        {"key": "machine", "value": 7},
        {"key": "parts", "value": ["foot"]},
        {"key": "warranty", "value": True},
    ],
}


def customer(**body: Any) -> CustomerPatch:
    return msgspec.convert(body, CustomerPatch)


def ticket(**body: Any) -> TicketPatch:
    return msgspec.convert(body, TicketPatch)


def check_stored(mapped: Any, body: dict[str, Any]) -> None:
    """Every field that was written reads back as it was written."""
    present = msgspec.json.decode(msgspec.json.encode(mapped.data))
    for name, value in body.items():
        if name == "custom_fields":
            fields = {one["key"]: one["value"] for one in present[name]}
            assert {one["key"]: fields[one["key"]] for one in value} == {one["key"]: one["value"] for one in value}
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            assert [
                {key: one[key] for key in wanted} for one, wanted in zip(present[name], value, strict=True)
            ] == value
        elif isinstance(value, dict):
            assert {key: present[name][key] for key in value} == value
        else:
            assert present[name] == value, name


def refusal(freshdesk: EmulatedFreshdesk, request: VendorRequest) -> VendorRefusal:
    return required(VENDOR.refusal(freshdesk.send(request)))


def creating(freshdesk: EmulatedFreshdesk, mapping: Any, patch: Any, marker: str) -> VendorRequest:
    draft = mapping.to_vendor(patch, None, freshdesk.account)
    assert draft.refused == ()
    return mapping.endpoints.create(draft.body, marker, None, freshdesk.account)


def test_a_contact_is_made_and_reads_back(freshdesk: EmulatedFreshdesk) -> None:
    ann = freshdesk.made(CUSTOMER, customer(**ANN))

    check_stored(ann, ANN)
    assert lost(ann) == {}


def test_everything_that_can_be_cleared_is_cleared(freshdesk: EmulatedFreshdesk) -> None:
    ann = freshdesk.made(CUSTOMER, customer(**ANN))

    nothing = {"phones": None, "addresses": None, "job_title": None, "notes": None, "tags": None, "custom_fields": None}
    changed = freshdesk.changed(CUSTOMER, ann.remote.id, customer(external_id=None, **nothing)).data

    assert (changed.phones, changed.addresses, changed.tags) == ((), (), ())
    assert (changed.job_title, changed.notes, changed.external_id) == (None, None, None)
    assert [one.value for one in changed.custom_fields if one.value not in (None, [])] == []


def test_a_contact_is_archived_and_still_read(freshdesk: EmulatedFreshdesk) -> None:
    ann = freshdesk.made(CUSTOMER, customer(**ANN))
    assert CUSTOMER.endpoints.archive is not None

    freshdesk.must(CUSTOMER.endpoints.archive(ann.remote.id, freshdesk.account))

    assert freshdesk.read(CUSTOMER, ann.remote.id).data.status == "archived"
    assert list(freshdesk.pages(CUSTOMER, ListQuery(limit=10))) == [[]]
    assert refusal(freshdesk, CUSTOMER.endpoints.archive(ann.remote.id, freshdesk.account)).kind == "not_found"


def test_a_lost_create_is_found_by_its_mark_and_not_made_twice(freshdesk: EmulatedFreshdesk) -> None:
    request = creating(
        freshdesk, CUSTOMER, customer(display_name="Ann", emails=[{"address": "ann@lee.example"}]), "op_1"
    )
    freshdesk.must(request)  # and its answer is lost

    again = refusal(freshdesk, request)
    assert again.kind == "duplicate"

    look_up = required(CUSTOMER.endpoints.find_marker)
    assert CUSTOMER.endpoints.marked is not None
    by_mark = required(look_up("op_1", None, None, freshdesk.account))
    assert CUSTOMER.endpoints.marked(freshdesk.must(by_mark), "op_1") == again.existing_remote_id
    assert CUSTOMER.endpoints.marked(freshdesk.must(by_mark), "op_2") is None
    assert freshdesk.read(CUSTOMER, str(again.existing_remote_id)).data.external_id is None
    assert freshdesk.state.count("contacts") == 1


def test_a_lost_create_with_a_key_is_found_by_its_operation(freshdesk: EmulatedFreshdesk) -> None:
    field = {"label": "lockstitch_operation_id", "label_for_customers": "x", "type": "custom_text"}
    freshdesk.ask("POST", "contact_fields", field)
    freshdesk.account = freshdesk.facts()
    patch = customer(display_name="Ann", external_id="erp-1")
    freshdesk.must(creating(freshdesk, CUSTOMER, patch, "op_1"))  # and its answer is lost

    body = CUSTOMER.to_vendor(patch, None, freshdesk.account).body
    assert CUSTOMER.endpoints.marked is not None
    look_up = required(required(CUSTOMER.endpoints.find_marker)("op_1", None, body, freshdesk.account))

    assert CUSTOMER.endpoints.marked(freshdesk.must(look_up), "op_1") is not None
    assert CUSTOMER.endpoints.marked(freshdesk.must(look_up), "op_2") is None


def test_a_taken_address_names_its_holder_deleted_or_not(freshdesk: EmulatedFreshdesk) -> None:
    ann = freshdesk.made(CUSTOMER, customer(**ANN))
    request = creating(
        freshdesk, CUSTOMER, customer(display_name="B", emails=[{"address": "SHOP@lee.example"}]), "op_2"
    )

    assert refusal(freshdesk, request).existing_remote_id == ann.remote.id
    freshdesk.ask("DELETE", f"contacts/{ann.remote.id}")
    assert refusal(freshdesk, request).existing_remote_id == ann.remote.id


def test_a_contact_is_found_by_what_is_unique(freshdesk: EmulatedFreshdesk) -> None:
    ann = freshdesk.made(CUSTOMER, customer(**ANN))

    for key, value in (("email", "ann@lee.example"), ("external_id", "erp-1")):
        look_up = CUSTOMER.endpoints.find[key]  # type: ignore[index]
        raw, _ = CUSTOMER.endpoints.record(freshdesk.must(look_up(value, freshdesk.account)), freshdesk.account)
        assert CUSTOMER.read(required(raw), freshdesk.account).remote.id == ann.remote.id
        none, _ = CUSTOMER.endpoints.record(freshdesk.must(look_up("nobody", freshdesk.account)), freshdesk.account)
        assert none is None


def test_a_ticket_is_made_and_reads_back(freshdesk: EmulatedFreshdesk) -> None:
    mug = freshdesk.made(TICKET, ticket(**MUG))

    check_stored(mug, MUG)
    assert mug.data.status_label == "Waiting on Third Party"
    assert mug.data.description_html == "<div>At the handle.<br>It leaks.</div>"
    assert required(mug.data.requester).remote_id == str(freshdesk.ask("GET", "contacts")[0]["id"])
    assert mug.loss == ()


def test_a_ticket_goes_through_its_life(freshdesk: EmulatedFreshdesk) -> None:
    mug = freshdesk.made(TICKET, ticket(**MUG))

    for status in ("waiting_on_customer", "open", "resolved", "closed"):
        freshdesk.now += 60
        changed = freshdesk.changed(TICKET, mug.remote.id, ticket(status=status)).data
        assert changed.status == status
        assert (changed.resolved_at is not None) == (status in ("resolved", "closed"))
        assert (changed.closed_at is not None) == (status == "closed")
    freshdesk.ask("DELETE", f"tickets/{mug.remote.id}")
    assert freshdesk.read(TICKET, mug.remote.id).data.status == "deleted"


def test_a_lost_ticket_is_found_before_the_search_has_caught_up(freshdesk: EmulatedFreshdesk) -> None:
    freshdesk.state.set("search_lag", 120.0)
    freshdesk.must(creating(freshdesk, TICKET, ticket(**MUG), "op_1"))  # and its answer is lost
    freshdesk.made(TICKET, ticket(**MUG), "op_10")
    assert TICKET.endpoints.marked is not None
    look_up = required(required(TICKET.endpoints.find_marker)("op_1", None, None, freshdesk.account))

    assert TICKET.endpoints.marked(freshdesk.must(look_up), "op_1") == "1"
    assert TICKET.endpoints.marked(freshdesk.must(look_up), "op_2") is None


def test_the_same_ticket_twice_is_two(freshdesk: EmulatedFreshdesk) -> None:
    request = creating(freshdesk, TICKET, ticket(**MUG), "op_1")

    freshdesk.must(request)
    freshdesk.must(request)

    assert freshdesk.state.count("tickets") == 2


def test_a_ticket_without_the_field_is_refused_with_its_name(freshdesk: EmulatedFreshdesk) -> None:
    field = next(one for one in freshdesk.state.all("ticket_fields") if one["name"] == "cf_lockstitch_operation_id")
    freshdesk.state.delete("ticket_fields", str(field["id"]))
    request = creating(freshdesk, TICKET, ticket(**MUG), "op_1")

    refused_write = refusal(freshdesk, request)

    assert refused_write.fields == (("cf_lockstitch_operation_id", "Unexpected/invalid field in request"),)
    for setup in VENDOR.setup:
        freshdesk.must(setup)
        assert refusal(freshdesk, setup).kind == "duplicate"
    freshdesk.must(request)


def test_replies_and_notes_are_listed_with_who_may_see_them(freshdesk: EmulatedFreshdesk) -> None:
    mug = freshdesk.made(TICKET, ticket(**MUG))
    made = []
    for text, visibility in (("A new mug is on its way.", "public"), ("Out of stock <soon>", "private")):
        patch = msgspec.convert({"body_text": text, "visibility": visibility}, CommentPatch)
        draft = COMMENT.to_vendor(patch, None, freshdesk.account)
        request = required(COMMENT.endpoints.create)(draft.body, "op_1", mug.remote.id, freshdesk.account)
        result = required(COMMENT.endpoints.write_result)(freshdesk.must(request), "comment")
        made.append(COMMENT.read(required(result.record), freshdesk.account))

    (comments,) = freshdesk.pages(COMMENT, ListQuery(limit=50, parent=mug.remote.id))

    assert [one.remote.id for one in comments] == [one.remote.id for one in made]
    assert [(one.data.body_text, one.data.visibility) for one in comments] == [
        ("A new mug is on its way.", "public"),
        ("Out of stock <soon>", "private"),
    ]
    assert [(one.data.body_text, one.data.visibility) for one in made] == [
        (one.data.body_text, one.data.visibility) for one in comments
    ]
    assert {one.data.author.kind for one in (*comments, *made)} == {"agent"}
    assert freshdesk.read(TICKET, mug.remote.id).data.first_responded_at is not None


def test_merging_closes_one_ticket_and_deletes_one_contact(freshdesk: EmulatedFreshdesk) -> None:
    one, two = (
        freshdesk.made(TICKET, ticket(**MUG | {"requester": {"email": f"{name}@lee.example"}})) for name in "ab"
    )
    freshdesk.ask("PUT", "tickets/merge", {"primary_id": int(one.remote.id), "ticket_ids": [int(two.remote.id)]})

    assert freshdesk.read(TICKET, two.remote.id).data.status == "closed"
    first, second = (one.data.requester, two.data.requester)
    assert first is not None
    assert second is not None
    ids = {"primary_contact_id": int(first.remote_id or 0), "secondary_contact_ids": [int(second.remote_id or 0)]}
    freshdesk.ask("POST", "contacts/merge", ids)
    assert freshdesk.read(CUSTOMER, str(second.remote_id)).data.status == "archived"
    moved = required(freshdesk.read(TICKET, two.remote.id).data.requester)
    assert moved.remote_id == first.remote_id


def test_the_remaining_budget_is_read_and_includes_cost_more(freshdesk: EmulatedFreshdesk) -> None:
    mug = freshdesk.made(TICKET, ticket(**MUG))
    assert TICKET.endpoints.read is not None
    first = required(VENDOR.budget(freshdesk.must(TICKET.endpoints.read(mug.remote.id, freshdesk.account))))
    request = TICKET.endpoints.read(mug.remote.id, freshdesk.account)
    second = required(VENDOR.budget(freshdesk.must(request)))

    assert first.remaining - second.remaining == request.cost == 3
