"""Contacts, tickets and conversations of the Freshdesk emulator: rules, uniqueness, what is shown where."""

from typing import Any

import pytest

from ..conftest import RunningEmulators
from .conftest import Desk, complaints


def test_a_contact_needs_a_name_and_some_way_to_be_reached(desk: Desk) -> None:
    assert complaints(desk.http.post("contacts", json={})) == {"name": "missing_field", "email": "missing_field"}
    for reach in ({"phone": "1"}, {"mobile": "2"}, {"twitter_id": "ida"}, {"unique_external_id": "x"}):
        assert desk.http.post("contacts", json={"name": "Ida", **reach}).status_code == 201


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("email", "nobody", "invalid_format"),
        ("email", 5, "datatype_mismatch"),
        ("language", "en-GB", "invalid_value"),
        ("time_zone", "Europe/London", "invalid_value"),
        ("tags", "vip", "datatype_mismatch"),
        ("tags", ["x" * 33], "invalid_format"),
        ("tags", ["a,b"], "invalid_format"),
        ("company_id", 5, "invalid_value"),
        ("company_id", "5", "datatype_mismatch"),
        ("other_emails", ["x"], "invalid_format"),
        ("job_title", "x" * 256, "invalid_format"),
        ("colour", "red", "invalid_field"),
    ],
)
def test_what_cannot_stand_in_a_contact(desk: Desk, field: str, value: Any, code: str) -> None:
    answer = desk.http.post("contacts", json={"name": "Ida", "phone": "1", field: value})

    assert complaints(answer) == {field: code}


@pytest.mark.parametrize("clash", [{"email": "IDA@kettles.example"}, {"email": "shop@kettles.example"}])
def test_an_address_is_used_once_even_by_deleted_contacts(desk: Desk, clash: dict[str, str]) -> None:
    ida = desk.contact(other_emails=["shop@kettles.example"])

    for _ in range(2):
        answer = desk.http.post("contacts", json={"name": "Bo", **clash})
        assert complaints(answer, 409) == {"email": "duplicate_value"}
        assert answer.json()["errors"][0]["additional_info"] == {"user_id": ida["id"]}
        desk.http.delete(f"contacts/{ida['id']}")


def test_an_external_id_and_an_agents_address_are_taken_too(desk: Desk) -> None:
    desk.contact(unique_external_id="erp-1")

    assert complaints(desk.http.post("contacts", json={"name": "Bo", "unique_external_id": "erp-1"}), 409) == {
        "unique_external_id": "duplicate_value"
    }
    assert complaints(desk.http.post("contacts", json={"name": "Bo", "email": "mara@desk.example"}), 409) == {
        "email": "duplicate_value"
    }


def test_a_change_changes_what_is_given(desk: Desk) -> None:
    ida = desk.contact(job_title="Cook", tags=["vip"])

    changed = desk.http.put(f"contacts/{ida['id']}", json={"job_title": None}).json()

    assert changed["job_title"] is None
    assert {**changed, "job_title": "Cook", "updated_at": ida["updated_at"]} == ida
    assert complaints(desk.http.put(f"contacts/{ida['id']}", json={"name": ""})) == {"name": "invalid_value"}
    assert complaints(desk.http.put(f"contacts/{ida['id']}", json={"email": None})) == {"email": "missing_field"}
    assert desk.get(f"contacts/{ida['id']}") == changed


def test_a_deleted_contact_is_shown_and_restored_and_not_changed(desk: Desk) -> None:
    ida = desk.contact()
    assert desk.http.delete(f"contacts/{ida['id']}").status_code == 204

    assert desk.get(f"contacts/{ida['id']}")["deleted"] is True
    assert desk.http.delete(f"contacts/{ida['id']}").status_code == 404
    assert desk.http.put(f"contacts/{ida['id']}", json={"name": "x"}).status_code == 405
    assert desk.get("contacts") == []
    assert [one["id"] for one in desk.get("contacts", state="deleted")] == [ida["id"]]
    assert desk.http.put(f"contacts/{ida['id']}/restore").status_code == 204
    assert "deleted" not in desk.get(f"contacts/{ida['id']}")


def test_lists_leave_out_what_only_one_contact_shows(desk: Desk) -> None:
    ida = desk.contact(tags=["vip"], other_emails=["shop@kettles.example"])

    (listed,) = desk.get("contacts", email="SHOP@kettles.example")

    assert ida.keys() - listed.keys() == {"tags", "other_emails", "avatar", "view_all_tickets", "other_companies"}
    assert desk.get("contacts", unique_external_id="nobody") == []
    assert complaints(desk.http.get("contacts", params={"colour": "red"})) == {"colour": "invalid_field"}
    assert complaints(desk.http.get("contacts", params={"_updated_since": "x"})) == {"_updated_since": "invalid_date"}


def test_a_field_is_made_once_and_its_values_have_its_type(desk: Desk) -> None:
    field = {"label": "Seam length", "label_for_customers": "Seam", "type": "custom_number"}

    made = desk.http.post("admin/ticket_fields", json=field)

    assert (made.status_code, made.json()["name"], made.json()["default"]) == (201, "cf_seam_length", False)
    assert complaints(desk.http.post("admin/ticket_fields", json=field), 409) == {"label": "duplicate_value"}
    assert complaints(desk.http.post("admin/ticket_fields", json={"type": "x"})) == {
        "label": "missing_field",
        "label_for_customers": "missing_field",
    }
    ticket = desk.ticket(custom_fields={"cf_seam_length": 5})
    assert ticket["custom_fields"] == {"cf_seam_length": 5}
    path = f"tickets/{ticket['id']}"
    for value, code in (("five", "datatype_mismatch"), (True, "datatype_mismatch"), (None, None)):
        answer = desk.http.put(path, json={"custom_fields": {"cf_seam_length": value}})
        assert complaints(answer) == {"cf_seam_length": code} if code else answer.status_code == 200
    unknown = desk.http.put(path, json={"custom_fields": {"cf_colour": "red"}})
    assert complaints(unknown) == {"cf_colour": "invalid_field"}
    assert [one["name"] for one in desk.get("ticket_fields", type="custom_number")] == ["cf_seam_length"]


def test_a_ticket_needs_a_requester_a_subject_and_a_description(desk: Desk) -> None:
    assert complaints(desk.http.post("tickets", json={})) == {
        "requester_id": "missing_field",
        "subject": "missing_field",
        "description": "missing_field",
    }
    body = {"subject": "x", "description": "y", "phone": "+4930123456"}
    assert complaints(desk.http.post("tickets", json=body)) == {"name": "missing_field"}
    assert desk.http.post("tickets", json=body | {"name": "Bo"}).status_code == 201


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("status", 99, "invalid_value"),
        ("status", "2", "invalid_value"),
        ("status", True, "invalid_value"),
        ("priority", 5, "invalid_value"),
        ("source", 4, "invalid_value"),
        ("type", "Wish", "invalid_value"),
        ("responder_id", 5, "invalid_value"),
        ("group_id", 5, "invalid_value"),
        ("requester_id", 5, "invalid_value"),
        ("due_by", "2026-06-01", "invalid_format"),
        ("cc_emails", ["x"], "invalid_format"),
        ("external_id", "x", "invalid_field"),
    ],
)
def test_what_cannot_stand_in_a_ticket(desk: Desk, field: str, value: Any, code: str) -> None:
    body = {"subject": "x", "description": "y", "email": "ida@kettles.example", field: value}

    answer = complaints(desk.http.post("tickets", json=body))

    assert answer[field] == code
    assert desk.get("contacts") == []  # a refused ticket creates no contact


def test_the_two_due_times_come_together(desk: Desk) -> None:
    late, later = "2036-06-01T10:00:00Z", "2036-06-02T10:00:00+02:00"
    ticket = desk.ticket()
    path = f"tickets/{ticket['id']}"

    assert complaints(desk.http.put(path, json={"due_by": late})) == {"fr_due_by": "missing_field"}
    assert complaints(desk.http.put(path, json={"fr_due_by": late})) == {"due_by": "missing_field"}
    assert complaints(desk.http.put(path, json={"due_by": late, "fr_due_by": later})) == {"fr_due_by": "invalid_value"}
    early = {"due_by": "2020-06-01T10:00:00Z", "fr_due_by": "2020-06-01T10:00:00Z"}
    refused = {"due_by": "invalid_value", "fr_due_by": "invalid_value"}
    assert complaints(desk.http.put(path, json=early)) == refused
    new = {"subject": "x", "description": "y", "email": "ida@kettles.example"}
    assert complaints(desk.http.post("tickets", json=new | early)) == refused
    changed = desk.http.put(path, json={"due_by": later, "fr_due_by": late}).json()
    assert (changed["due_by"], changed["fr_due_by"]) == ("2036-06-02T08:00:00Z", late)


def test_somebody_new_becomes_a_contact_and_somebody_known_does_not(desk: Desk) -> None:
    one, two = desk.ticket(name="Ida Morrow"), desk.ticket(email="IDA@kettles.example")

    (ida,) = desk.get("contacts")
    assert one["requester_id"] == two["requester_id"] == ida["id"]
    assert ida["name"] == "Ida Morrow"
    full = desk.get(f"tickets/{one['id']}", include="requester,stats,company,conversations")
    assert full["requester"] == {name: ida[name] for name in ("id", "name", "email", "mobile", "phone")}
    assert full["stats"]["resolved_at"] is None
    assert full["conversations"] == []
    assert "requester" not in desk.get(f"tickets/{one['id']}")
    assert complaints(desk.http.get(f"tickets/{one['id']}", params={"include": "colour"})) == {
        "include": "invalid_value"
    }


def test_scripts_do_not_stay_in_messages(desk: Desk) -> None:
    ticket = desk.ticket(description='<p onclick="x()">Hi<script>alert(1)</script></p><p>You &amp; me</p>')

    assert ticket["description"] == "<p>Hi</p><p>You &amp; me</p>"
    assert ticket["description_text"] == "Hi\nYou & me"


def test_a_deleted_ticket_is_shown_and_restored_and_not_changed(desk: Desk) -> None:
    ticket = desk.ticket()
    path = f"tickets/{ticket['id']}"
    assert desk.http.delete(path).status_code == 204

    assert desk.get(path)["deleted"] is True
    assert desk.http.put(path, json={"priority": 2}).status_code == 405
    assert desk.http.post(f"{path}/notes", json={"body": "x"}).status_code == 405
    assert desk.get("tickets") == []
    assert [one["id"] for one in desk.get("tickets", filter="deleted")] == [ticket["id"]]
    assert desk.http.put(f"{path}/restore").status_code == 204
    assert desk.http.put(path, json={"priority": 2}).status_code == 200
    assert desk.http.get("tickets/99").status_code == 404
    assert desk.http.get("tickets/99").content == b""


def test_what_is_said_on_a_ticket(desk: Desk) -> None:
    ticket = desk.ticket()
    path = f"tickets/{ticket['id']}"

    reply = desk.http.post(f"{path}/reply", json={"body": "<p>On its way</p>"}).json()
    note = desk.http.post(f"{path}/notes", json={"body": "Out of stock"}).json()

    assert "private" not in reply
    assert reply["replied_to"] == ["ida@kettles.example"]
    assert note["private"] is True
    assert [(one["id"], one["private"]) for one in desk.get(f"{path}/conversations")] == [
        (reply["id"], False),
        (note["id"], True),
    ]
    stats = desk.get(path, include="stats")["stats"]
    assert stats["first_responded_at"] == stats["agent_responded_at"] == reply["created_at"]
    assert complaints(desk.http.post(f"{path}/reply", json={"private": True})) == {
        "private": "invalid_field",
        "body": "missing_field",
    }
    assert complaints(desk.http.post(f"{path}/notes", json={"body": "x", "private": "no"})) == {
        "private": "datatype_mismatch"
    }
    assert desk.http.get("tickets/99/conversations").status_code == 404


def test_a_page_that_cannot_be(desk: Desk) -> None:
    for query in ("per_page=101", "per_page=0", "page=x", "page=-1"):
        assert set(complaints(desk.http.get(f"contacts?{query}")).values()) == {"invalid_value"}
    assert complaints(desk.http.get("tickets?page=301")) == {"page": "invalid_value"}


def test_the_limit_and_what_an_include_costs(desk: Desk, emulators: RunningEmulators) -> None:
    ticket = desk.ticket()
    emulators.limit("freshdesk", per_minute=5)
    path = f"tickets/{ticket['id']}"

    first = desk.http.get(path, params={"include": "stats,requester"})
    assert first.headers["x-ratelimit-used-currentrequest"] == "3"
    assert (first.headers["x-ratelimit-total"], first.headers["x-ratelimit-remaining"]) == ("5", "2")
    assert desk.http.get(path).status_code == 200
    refused = desk.http.get(path, params={"include": "stats"})
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 60
