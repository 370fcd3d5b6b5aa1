"""The emulator's records against recordings of the vendor's, which lie outside of the project."""

from ..recordings import recording, same_types
from .conftest import Desk

# Members of the recorded accounts that other accounts do not have.
OF_THE_ACCOUNT = {"first_name", "last_name", "visitor_id", "org_contact_id", "other_phone_numbers"}
OF_NEWER_ACCOUNTS = {"sentiment_score", "initial_sentiment_score"}
OF_THE_RECORDING = {"twitter_profile_status", "twitter_followers_count", "other_companies"}


def test_listed_contacts_look_like_recorded_ones(desk: Desk) -> None:
    desk.contact(phone="1")
    (ours,) = desk.get("contacts")
    for path in ("contact/list-contacts-nango.json", "contact/contact-multiline-address-phone-extension-airbyte.json"):
        recorded = recording(f"vendor-samples/freshdesk/{path}")
        theirs = recorded[0] if isinstance(recorded, list) else recorded
        assert set(ours) == set(theirs) - OF_THE_ACCOUNT - OF_THE_RECORDING
        same_types(ours, theirs)


def test_tickets_look_like_recorded_ones(desk: Desk) -> None:
    ticket = desk.ticket(type="Problem", tags=["a"])
    (listed,) = desk.get("tickets")
    theirs = recording("vendor-samples/freshdesk/ticket/list-tickets-nango.json")[0]
    assert set(listed) == set(theirs) - OF_NEWER_ACCOUNTS
    same_types(listed, theirs)
    theirs = recording("vendor-samples/freshdesk/ticket/ticket-pending-phone-with-stats-airbyte.json")
    full = desk.get(f"tickets/{ticket['id']}", include="requester,stats")
    assert set(full) == set(theirs) | {"attachments"}
    same_types(full, theirs)
    for part in ("requester", "stats"):
        assert set(full[part]) == set(theirs[part])


def test_conversations_look_like_recorded_ones(desk: Desk) -> None:
    path = f"tickets/{desk.ticket()['id']}"
    desk.http.post(f"{path}/notes", json={"body": "x"})
    desk.http.post(f"{path}/reply", json={"body": "y"})
    for ours, theirs in zip(
        desk.get(f"{path}/conversations"),
        recording("vendor-samples/freshdesk/ticket/conversations-v2.json"),
        strict=True,
    ):
        assert set(ours) == set(theirs) | {"category"}
        same_types(ours, theirs)
        assert (ours["source"], ours["private"], ours["incoming"]) == tuple(
            theirs[name] for name in ("source", "private", "incoming")
        )


def test_the_status_field_looks_like_a_recorded_one(desk: Desk) -> None:
    theirs = recording("vendor-samples/freshdesk/ticket_field/ticket-field-status-choices-airbyte.json")
    (ours,) = desk.get("ticket_fields", type="default_status")

    assert set(ours) == set(theirs)
    same_types(ours, theirs)
    assert ours["choices"].items() >= theirs["choices"].items()
