"""What HubSpot tells a subscribed app: thin events in arrays."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ..conftest import SECRET, RunningEmulators
from ..receiver import Receiver, is_from
from .conftest import Make

Topics = list[tuple[str, str | None, str | None]]


@pytest.fixture(autouse=True)
def subscribed(emulators: RunningEmulators, receiver: Receiver) -> Iterator[None]:
    """HubSpot knows the receiver."""
    emulators.subscribe("hubspot", receiver.url_of("hubspot"))
    yield
    assert all(is_from("hubspot", one, receiver.url_of("hubspot"), SECRET) for one in receiver.got)


def topics(events: list[dict[str, Any]]) -> Topics:
    """Type, property and value of each event."""
    return [(event["subscriptionType"], event.get("propertyName"), event.get("propertyValue")) for event in events]


def test_a_new_contact_is_a_creation_and_a_change_of_each_property(make_contact: Make, receiver: Receiver) -> None:
    made = make_contact(email="mo@example.com", firstname="Mo")
    received = receiver.wait()[0]
    assert received.headers["content-type"] == "application/json;charset=UTF-8"
    assert received.headers["x-hubspot-signature-version"] == "v3"
    events = received.json
    assert topics(events)[0] == ("contact.creation", None, None)
    assert {
        ("contact.propertyChange", "email", "mo@example.com"),
        ("contact.propertyChange", "firstname", "Mo"),
    } <= set(topics(events))
    first = events[0]
    assert set(first) == {
        *("objectId", "changeSource", "changeFlag", "eventId", "subscriptionId", "portalId", "appId", "occurredAt"),
        *("subscriptionType", "attemptNumber", "sourceId"),
    }
    assert first["objectId"] == int(made["id"])
    assert abs(first["occurredAt"] / 1000 - received.at) < 20
    assert len({event["eventId"] for event in events}) == len(events)


def test_an_update_sends_the_changed_writable_properties(
    hubspot: httpx.Client, make_contact: Make, receiver: Receiver
) -> None:
    made = make_contact(email="mo@example.com", firstname="Mo", phone="+15550100")
    path = f"/crm/v3/objects/contacts/{made['id']}"
    hubspot.patch(path, json={"properties": {"firstname": "Mo", "lastname": "Ash", "phone": ""}})
    assert set(topics(receiver.wait(2)[1].json)) == {
        ("contact.propertyChange", "lastname", "Ash"),
        ("contact.propertyChange", "phone", ""),
    }


def test_an_empty_update_sends_no_webhook(
    hubspot: httpx.Client, make_contact: Make, receiver: Receiver, emulators: RunningEmulators
) -> None:
    made = make_contact(firstname="Mo")
    hubspot.patch(f"/crm/v3/objects/contacts/{made['id']}", json={"properties": {"firstname": "Mo"}})
    assert len(emulators.sent("hubspot")) == 1


def test_archiving_is_a_deletion_once(
    hubspot: httpx.Client, make_ticket: Make, receiver: Receiver, emulators: RunningEmulators
) -> None:
    made = make_ticket(subject="Kettle")
    for _ in range(2):
        hubspot.delete(f"/crm/v3/objects/tickets/{made['id']}")
    assert topics(receiver.wait(2)[1].json) == [("ticket.deletion", None, None)]
    assert len(emulators.sent("hubspot")) == 2


def test_a_merge_is_sent_with_the_deletion(hubspot: httpx.Client, make_contact: Make, receiver: Receiver) -> None:
    kept, lost = make_contact(firstname="Mo"), make_contact(firstname="Moe")
    ids = {"primaryObjectId": kept["id"], "objectIdToMerge": lost["id"]}
    assert hubspot.post("/crm/v3/objects/contacts/merge", json=ids).status_code == 200
    merge, deletion = receiver.wait(3)[2].json
    assert topics([merge, deletion]) == [("contact.merge", None, None), ("contact.deletion", None, None)]
    assert (merge["objectId"], deletion["objectId"]) == (int(kept["id"]), int(lost["id"]))
    assert (merge["primaryObjectId"], merge["mergedObjectIds"]) == (int(kept["id"]), [int(lost["id"])])


def test_placed_and_restored_records_are_sent(emulators: RunningEmulators, receiver: Receiver) -> None:
    contact = {"id": "7", "properties": {"firstname": "Mo"}}
    for archived in (False, True, False):
        emulators.place("hubspot", "contacts", {**contact, "archived": archived})
    assert [event["subscriptionType"] for one in receiver.wait(3) for event in one.json] == [
        *("contact.creation", "contact.propertyChange", "contact.deletion", "contact.restore")
    ]


def test_a_batch_is_sent_a_hundred_events_at_a_time(hubspot: httpx.Client, receiver: Receiver) -> None:
    inputs = [{"properties": {"firstname": f"No. {number}"}} for number in range(100)]
    assert hubspot.post("/crm/v3/objects/contacts/batch/create", json={"inputs": inputs}).status_code == 201
    events = [event for one in receiver.wait(2) for event in one.json]
    assert len(receiver.got[0].json) == 100
    assert len([event for event in events if event["subscriptionType"] == "contact.creation"]) >= 50
    assert len({event["objectId"] for event in events}) > 1


def test_notes_and_associations_send_no_webhook(
    hubspot: httpx.Client, make_contact: Make, emulators: RunningEmulators
) -> None:
    note = {"properties": {"hs_timestamp": "2026-05-06T08:46:13Z", "hs_note_body": "Called"}}
    assert hubspot.post("/crm/v3/objects/notes", json=note).status_code == 201
    assert emulators.sent("hubspot") == []


def test_escapes_in_the_target_are_undone_before_signing(
    emulators: RunningEmulators, make_contact: Make, receiver: Receiver
) -> None:
    emulators.subscribe("hubspot", f"{receiver.url_of('hubspot')}%2Fa%3Fb?c=%20d")
    make_contact(firstname="Mo")
    received = receiver.wait()[0]
    assert is_from("hubspot", received, f"{receiver.url_of('hubspot')}/a?b?c=%20d", SECRET)
    receiver.got.clear()
