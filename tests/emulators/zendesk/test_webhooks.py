"""What Zendesk tells an event webhook: one event a request."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from mappings.zendesk.webhook_r1 import customer_of_event, ticket_of_event
from mappings.zendesk.wire_v2 import Account
from mappings.zendesk.wire_webhook import TicketEvent, UserEvent

from ..conftest import SECRET, RunningEmulators
from ..receiver import Received, Receiver, is_from
from .conftest import Desk


@pytest.fixture(autouse=True)
def subscribed(emulators: RunningEmulators, receiver: Receiver) -> Iterator[None]:
    """Zendesk knows the receiver."""
    emulators.subscribe("zendesk", receiver.url_of("zendesk"))
    yield
    assert all(is_from("zendesk", one, receiver.url_of("zendesk"), SECRET) for one in receiver.got)


def types(received: list[Received]) -> list[str]:
    return [one.json["type"].removeprefix("zen:event-type:") for one in received]


def event(received: list[Received], happened: str) -> dict[str, Any]:
    """What is special to the one event of this name, without its place in the sequence."""
    events = [one.json["event"] for one in received if one.json["type"] == f"zen:event-type:{happened}"]
    assert len(events) == 1, types(received)
    return {name: value for name, value in events[0].items() if name != "meta"}


def test_a_new_ticket_is_created_and_has_a_comment(desk: Desk, receiver: Receiver) -> None:
    ticket = desk.ticket("The lid is stuck", priority="low", type="task", tags=["lid"])
    received = receiver.wait(2)
    assert types(received) == ["ticket.created", "ticket.comment_added"]
    body = received[0].json
    assert (body["subject"], body["zendesk_event_version"]) == (f"zen:ticket:{ticket['id']}", "2022-11-06")
    assert body["time"].endswith("000Z")
    assert body["detail"] == {
        "actor_id": str(ticket["submitter_id"]),
        "assignee_id": None,
        "brand_id": str(ticket["brand_id"]),
        "created_at": ticket["created_at"],
        "custom_status": str(ticket["custom_status_id"]),
        "description": "The lid is stuck",
        "external_id": None,
        "form_id": str(ticket["ticket_form_id"]),
        "group_id": str(ticket["group_id"]),
        "id": str(ticket["id"]),
        "is_public": True,
        "organization_id": None,
        "priority": "LOW",
        "requester_id": str(ticket["requester_id"]),
        "status": "NEW",
        "subject": "The lid is stuck",
        "submitter_id": str(ticket["submitter_id"]),
        "tags": ["lid"],
        "type": "TASK",
        "updated_at": ticket["updated_at"],
        "via": {"channel": "web_service"},
    }
    assert body["event"] == {"meta": {"sequence": {"id": body["event"]["meta"]["sequence"]["id"], "position": 1}}}
    comment = event(received, "ticket.comment_added")["comment"]
    assert (comment["body"], comment["is_public"]) == ("The lid is stuck", True)
    assert comment["author"] == {"id": str(ticket["submitter_id"]), "is_staff": True, "name": "Dev Admin"}


def test_webhooks_share_a_webhook_and_differ_in_invocation_and_event(desk: Desk, receiver: Receiver) -> None:
    desk.ticket()
    first, second = receiver.wait(2)
    assert first.headers["x-zendesk-webhook-id"] == second.headers["x-zendesk-webhook-id"]
    assert first.headers["x-zendesk-webhook-invocation-id"] != second.headers["x-zendesk-webhook-invocation-id"]
    assert first.json["id"] != second.json["id"]


def test_a_retry_is_the_same_invocation_of_the_same_event(
    desk: Desk, receiver: Receiver, emulators: RunningEmulators
) -> None:
    receiver.statuses = [500]
    user = desk.user()
    first, second = receiver.wait(2)
    assert first.body == second.body
    assert first.headers["x-zendesk-webhook-invocation-id"] == second.headers["x-zendesk-webhook-invocation-id"]
    assert first.json["detail"]["id"] == str(user["id"])


def test_an_update_is_one_event_for_each_field_that_differs(desk: Desk, receiver: Receiver) -> None:
    ticket = desk.ticket(priority="low", tags=["lid"])
    receiver.wait(2)
    desk.change(ticket, status="pending", priority="high", tags=["lip"], comment={"body": "Soon", "public": False})
    received = receiver.wait(7)[2:]
    assert set(types(received)) == {
        *("ticket.status_changed", "ticket.custom_status_changed", "ticket.priority_changed"),
        *("ticket.tags_changed", "ticket.comment_added"),
    }
    assert event(received, "ticket.status_changed") == {"current": "PENDING", "previous": "NEW"}
    assert event(received, "ticket.priority_changed") == {"current": "HIGH", "previous": "LOW"}
    assert event(received, "ticket.tags_changed") == {"tags_added": ["lip"], "tags_removed": ["lid"]}
    assert event(received, "ticket.comment_added")["comment"]["is_public"] is False
    sequences = [one.json["event"]["meta"]["sequence"] for one in received]
    assert len({sequence["id"] for sequence in sequences}) == 1
    assert [sequence["position"] for sequence in sequences] == [1, 2, 3, 4, 5]


def test_a_new_assignee_opens_the_ticket_and_both_are_sent(desk: Desk, receiver: Receiver) -> None:
    ticket = desk.ticket()
    receiver.wait(2)
    desk.change(ticket, assignee_email="dev@example.com")
    received = receiver.wait(5)[2:]
    assert event(received, "ticket.agent_assignment_changed")["previous"] is None
    assert event(received, "ticket.status_changed")["current"] == "OPEN"


def test_a_deleted_ticket_is_sent_once(desk: Desk, receiver: Receiver, emulators: RunningEmulators) -> None:
    ticket = desk.ticket()
    for _ in range(2):
        desk.http.delete(f"tickets/{ticket['id']}")
    assert types(receiver.wait(3)) == ["ticket.created", "ticket.comment_added", "ticket.soft_deleted"]
    assert len(emulators.sent("zendesk")) == 3


def test_a_custom_field_is_named(desk: Desk, receiver: Receiver) -> None:
    field = desk.emulators.place("zendesk", "ticket_fields", {"type": "text", "title": "Model"})["id"]
    ticket = desk.ticket(custom_fields=[{"id": field, "value": "K1"}])
    receiver.wait(2)
    desk.change(ticket, custom_fields=[{"id": field, "value": "K2"}])
    assert event(receiver.wait(3), "ticket.custom_field_changed") == {
        "current": "K2",
        "previous": "K1",
        "field": {"id": str(field)},
    }


def test_a_user_is_created_changed_and_deleted(desk: Desk, receiver: Receiver) -> None:
    user = desk.user(email="ida@example.com")
    assert types(receiver.wait(1)) == ["user.created"]
    assert receiver.got[0].json["detail"] == {
        "created_at": user["created_at"],
        "default_group_id": "0",
        "email": "ida@example.com",
        "external_id": "",
        "id": str(user["id"]),
        "organization_id": "0",
        "role": "end-user",
        "updated_at": user["updated_at"],
    }
    desk.http.put(f"users/{user['id']}", json={"user": {"name": "Ida M.", "suspended": True}})
    received = receiver.wait(3)
    assert event(received, "user.name_changed") == {"current": "Ida M.", "previous": "Ida Morrow"}
    assert event(received, "user.suspended_changed") == {"current": True, "previous": False}
    desk.http.put(f"users/{user['id']}", json={"user": {"email": "ida@example.org"}})
    assert event(receiver.wait(4), "user.identity_created")["value"] == "ida@example.org"
    desk.http.delete(f"users/{user['id']}")
    received = receiver.wait(8)
    assert event(received, "user.active_changed") == {"current": False, "previous": True}
    assert event(received, "user.deleted") == {}


def test_a_new_requester_is_sent_before_the_ticket(desk: Desk, receiver: Receiver) -> None:
    desk.ticket(requester={"name": "Ida", "email": "ida@example.com"})
    assert types(receiver.wait(3)) == ["user.created", "ticket.created", "ticket.comment_added"]


def test_the_administrator_was_there_before_any_webhook(desk: Desk, emulators: RunningEmulators) -> None:
    desk.get("users/me")
    assert emulators.sent("zendesk") == []


def test_the_events_mean_what_the_records_mean(desk: Desk, receiver: Receiver) -> None:
    made = desk.ticket("Late", priority="urgent")
    user = desk.user(external_id="c-7")
    received = receiver.wait(3)
    ticket = ticket_of_event(_read(received[0], TicketEvent), Account()).data
    assert (ticket.number, ticket.status, ticket.priority) == (str(made["id"]), "new", "urgent")
    customer = customer_of_event(_read(received[2], UserEvent), Account()).data
    assert (customer.external_id, customer.status) == (user["external_id"], "active")


def _read(received: Received, kind: type[Any]) -> Any:
    return msgspec.json.decode(received.body, type=kind)
