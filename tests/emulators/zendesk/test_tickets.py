"""Tickets, comments and audits, as Zendesk's API v2 behaves."""

from typing import Any

import pytest

from .conftest import Desk, details


def test_a_ticket_makes_its_requester_and_keeps_its_first_comment(desk: Desk) -> None:
    answer = desk.http.post(
        "tickets.json",
        json={
            "ticket": {
                "subject": "Stuck lid",
                "comment": {"body": "It does not open <at all>"},
                "requester": {"name": "Bo Field", "email": "Bo@Field.example"},
                "priority": "high",
                "type": "question",
                "tags": ["Lid", "kettle", "lid"],
                "external_id": "t-1",
                "metadata": {"operation": "op-7"},
            }
        },
    )
    assert answer.status_code == 201
    ticket, audit = answer.json()["ticket"], answer.json()["audit"]
    assert answer.headers["location"] == ticket["url"]
    assert (ticket["status"], ticket["priority"], ticket["type"]) == ("new", "high", "question")
    assert ticket["description"] == "It does not open <at all>"
    assert ticket["tags"] == ["kettle", "lid"]
    assert desk.get(f"users/{ticket['requester_id']}")["user"]["email"] == "bo@field.example"
    assert audit["metadata"]["custom"] == {"operation": "op-7"}
    (comment,) = desk.get(f"tickets/{ticket['id']}/comments.json")["comments"]
    assert (comment["body"], comment["public"], comment["audit_id"]) == (ticket["description"], True, audit["id"])
    assert "&lt;at all&gt;" in comment["html_body"]
    again = desk.ticket(requester={"email": "bo@field.example"})
    assert again["requester_id"] == ticket["requester_id"]


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"subject": "No words"}, "base"),
        ({"comment": {"body": ""}}, "base"),
        ({"comment": {"body": "x"}, "status": "lost"}, "status"),
        ({"comment": {"body": "x"}, "priority": "huge"}, "base"),
        ({"comment": {"body": "x"}, "type": "riddle"}, "base"),
        ({"comment": {"body": "x"}, "requester": {"email": "new@field.example"}}, "requester"),
        ({"comment": {"body": "x"}, "requester": {"name": "Bo", "email": "broken"}}, "email"),
        ({"comment": {"body": "x"}, "requester_id": 5}, "requester"),
        ({"comment": {"body": "x"}, "group_id": 5}, "group"),
        ({"comment": {"body": "x"}, "custom_status_id": 5}, "custom_status_id"),
        (
            {"requester": {"name": "Bo", "email": "bo@field.example"}, "comment": {"body": "x", "author_id": 9}},
            "author",
        ),
    ],
)
def test_a_ticket_that_breaks_a_rule_leaves_nothing_behind(desk: Desk, members: dict[str, Any], field: str) -> None:
    assert field in details(desk.http.post("tickets", json={"ticket": members}))
    for object in ("tickets", "comments", "audits"):
        assert desk.emulators.records("zendesk", object) == []
    assert desk.get("users", role="end-user")["users"] == []


@pytest.mark.parametrize("name", ["collaborator_ids", "email_ccs", "followers"])
@pytest.mark.parametrize("people", [True, "ida@kettles.example", {"user_id": 1}])
def test_people_who_are_no_list_are_refused(desk: Desk, name: str, people: Any) -> None:
    answer = desk.http.post("tickets", json={"ticket": {"comment": {"body": "x"}, name: people}})
    assert (answer.status_code, answer.json()["error"]["title"]) == (400, "Invalid attribute")


def test_an_idempotency_key_makes_one_ticket(desk: Desk) -> None:
    body = {"ticket": {"subject": "Once", "comment": {"body": "Only once"}}}
    first, second = (desk.http.post("tickets", json=body, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert (first.status_code, first.headers["x-idempotency-lookup"]) == (201, "miss")
    assert (second.status_code, second.headers["x-idempotency-lookup"]) == (201, "hit")
    assert second.content == first.content
    assert second.headers["location"] == first.headers["location"]
    body["ticket"]["subject"] = "Twice"
    other = desk.http.post("tickets", json=body, headers={"Idempotency-Key": "k"})
    assert (other.status_code, other.json()["error"]) == (400, "IdempotentRequestError")
    assert len(desk.emulators.records("zendesk", "tickets")) == 1
    assert "x-idempotency-lookup" not in desk.http.post("tickets", json=body).headers


def test_a_refused_create_does_not_use_up_its_key(desk: Desk) -> None:
    key = {"Idempotency-Key": "k"}
    details(desk.http.post("tickets", json={"ticket": {"subject": "No words"}}, headers=key))
    good = desk.http.post("tickets", json={"ticket": {"comment": {"body": "Words"}}}, headers=key)
    assert (good.status_code, good.headers["x-idempotency-lookup"]) == (201, "miss")


def test_an_update_changes_what_is_given_and_says_so_in_an_audit(desk: Desk) -> None:
    ticket = desk.ticket(subject="Lid", tags=["a"])
    change = {
        "priority": "urgent",
        "tags": ["a", "b"],
        "description": "Rewritten",
        "created_at": "2001-01-01T00:00:00Z",
    }
    answer = desk.change(ticket, comment={"body": "Looking", "public": False}, metadata={"by": "me"}, **change)
    assert answer.status_code == 200
    changed, audit = answer.json()["ticket"], answer.json()["audit"]
    assert (changed["priority"], changed["tags"], changed["subject"]) == ("urgent", ["a", "b"], "Lid")
    assert (changed["description"], changed["created_at"]) == (ticket["description"], ticket["created_at"])
    assert audit["metadata"]["custom"] == {"by": "me"}
    changes = {event["field_name"]: event for event in audit["events"] if event["type"] == "Change"}
    assert set(changes) == {"priority", "tags"}
    assert (changes["tags"]["previous_value"], changes["tags"]["value"]) == (["a"], ["a", "b"])
    first, second = desk.get(f"tickets/{ticket['id']}/comments")["comments"]
    assert (first["public"], second["public"], second["body"]) == (True, False, "Looking")


def test_a_closed_ticket_does_not_change(desk: Desk) -> None:
    ticket = desk.ticket()
    assert desk.change(ticket, status="closed").status_code == 200
    for change in ({"status": "open"}, {"comment": {"body": "Hello?"}}, {"tags": ["late"]}):
        refusal = details(desk.change(ticket, **change))
        assert refusal["status"][0]["description"] == "Status: closed prevents ticket update"
    assert len(desk.get(f"tickets/{ticket['id']}/comments")["comments"]) == 1


def test_a_safe_update_needs_the_latest_stamp(desk: Desk) -> None:
    ticket = desk.ticket()
    stale = desk.change(ticket, safe_update=True, updated_stamp="2020-01-01T00:00:00Z", priority="low")
    assert (stale.status_code, stale.json()["error"]) == (409, "UpdateConflict")
    fresh = desk.change(ticket, safe_update=True, updated_stamp=ticket["updated_at"], priority="low")
    assert fresh.json()["ticket"]["priority"] == "low"


def test_statuses_follow_assignment_answers_and_custom_statuses(desk: Desk) -> None:
    me = desk.get("users/me")["user"]["id"]
    user = desk.user(email="ida@kettles.example")
    ticket = desk.ticket(requester_id=user["id"])
    assert desk.change(ticket, assignee_id=me).json()["ticket"]["status"] == "open"
    pending = desk.change(ticket, status="pending").json()["ticket"]
    by_id = {status["id"]: status for status in desk.get("custom_statuses")["custom_statuses"]}
    assert by_id[pending["custom_status_id"]]["status_category"] == "pending"
    answered = desk.change(ticket, comment={"body": "Here you are", "author_id": user["id"]}).json()["ticket"]
    assert answered["status"] == "open"
    placed = desk.emulators.place("zendesk", "custom_statuses", {"agent_label": "In court", "status_category": "hold"})
    on_hold = desk.change(ticket, custom_status_id=placed["id"]).json()["ticket"]
    assert (on_hold["status"], on_hold["custom_status_id"]) == ("hold", placed["id"])
    assert desk.ticket(status="solved")["assignee_id"] == me
    assert "assignee" in details(desk.change(ticket, assignee_id=user["id"]))


def test_null_empties_priority_type_and_assignee(desk: Desk) -> None:
    me = desk.get("users/me")["user"]["id"]
    ticket = desk.ticket(priority="low", type="task", due_at="2027-01-02T10:00:00Z", assignee_id=me)
    assert ticket["due_at"] == "2027-01-02T10:00:00Z"
    emptied = desk.change(ticket, priority=None, type=None, assignee_id=None).json()["ticket"]
    assert (emptied["priority"], emptied["type"], emptied["assignee_id"]) == (None, None, None)
    # A due date belongs to tasks alone.
    assert emptied["due_at"] is None
    assert desk.ticket(type="question", due_at="2027-01-02T10:00:00Z", problem_id=3)["due_at"] is None


def test_custom_fields_are_kept_as_the_vendor_keeps_them(desk: Desk) -> None:
    def field(kind: str, *options: str) -> int:
        choices = [{"name": option.title(), "value": option} for option in options]
        definition = {"type": kind, "title": kind, "custom_field_options": choices}
        created = desk.emulators.place("zendesk", "ticket_fields", definition)["id"]
        assert isinstance(created, int)
        return created

    number, choice, check = field("integer"), field("tagger", "gold", "iron"), field("checkbox")
    ticket = desk.ticket(
        tags=["x"],
        custom_fields=[{"id": number, "value": 7}, {"id": choice, "value": "gold"}, {"id": 999, "value": "?"}],
    )
    values = {one["id"]: one["value"] for one in ticket["custom_fields"]}
    assert values == {number: "7", choice: "gold", check: None}
    assert ticket["fields"] == ticket["custom_fields"]
    assert ticket["tags"] == ["gold", "x"]
    # A choice that is none is dropped without a word; another choice takes its tag along.
    same = desk.change(ticket, custom_fields=[{"id": choice, "value": "straw"}]).json()["ticket"]
    assert {one["id"]: one["value"] for one in same["custom_fields"]}[choice] == "gold"
    iron = desk.change(ticket, custom_fields=[{"id": choice, "value": "iron"}]).json()["ticket"]
    assert iron["tags"] == ["iron", "x"]


def test_a_deleted_ticket_is_gone_but_for_the_export(desk: Desk) -> None:
    ticket = desk.ticket(external_id="t-1")
    assert desk.http.delete(f"tickets/{ticket['id']}").status_code == 204
    for path in (f"tickets/{ticket['id']}", f"tickets/{ticket['id']}/comments"):
        gone = desk.http.get(path)
        assert (gone.status_code, gone.json()) == (404, {"error": "RecordNotFound", "description": "Not found"})
    assert desk.http.delete(f"tickets/{ticket['id']}").status_code == 404
    assert desk.get("tickets")["tickets"] == []
    assert desk.get("tickets", external_id="t-1")["tickets"] == []
    (exported,) = desk.get("incremental/tickets/cursor", start_time=0)["tickets"]
    assert (exported["id"], exported["status"]) == (ticket["id"], "deleted")


def test_an_external_id_may_be_that_of_several_tickets(desk: Desk) -> None:
    first, second = desk.ticket(external_id="t-1"), desk.ticket(external_id="t-1")
    desk.ticket(external_id="t-2")
    tickets = desk.get("tickets.json", external_id="t-1")["tickets"]
    assert [one["id"] for one in tickets] == [first["id"], second["id"]]


def test_people_are_side_loaded(desk: Desk) -> None:
    user = desk.user(email="ida@kettles.example")
    cc = {"user_email": "cc@field.example", "user_name": "Cee"}
    ticket = desk.ticket(requester_id=user["id"], email_ccs=[cc])
    full = desk.get(f"tickets/{ticket['id']}", include="users,groups,organizations")
    names = {person["name"] for person in full["users"]}
    assert names == {"Ida Morrow", "Cee", "Dev Admin"}
    assert [group["name"] for group in full["groups"]] == ["Support"]
    assert full["organizations"] == []
    people = desk.get(f"tickets/{ticket['id']}/comments", include="users")["users"]
    assert [person["name"] for person in people] == ["Dev Admin"]


def test_html_comments_keep_their_markup_and_give_plain_text(desk: Desk) -> None:
    markup = "<p>Tea &amp; <b>milk</b></p><div>Cups<br><br>Spoons</div>"
    ticket = desk.http.post("tickets", json={"ticket": {"comment": {"html_body": markup}}}).json()
    assert ticket["ticket"]["description"] == "Tea & milk\nCups\n\nSpoons"
    (comment,) = desk.get(f"tickets/{ticket['ticket']['id']}/comments")["comments"]
    assert "<b>milk</b>" in comment["html_body"]
    assert comment["plain_body"] == ticket["ticket"]["description"]
