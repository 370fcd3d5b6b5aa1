"""What the rules of a Freshdesk administrator send: a body after the template, the secret in a header, no signature."""

from datetime import datetime

import pytest

from tests.signatures.schemes import events_of

from ..conftest import SECRET, RunningEmulators
from ..receiver import Received, Receiver, is_from, raw
from .conftest import Desk


@pytest.fixture(autouse=True)
def subscribed(emulators: RunningEmulators, receiver: Receiver) -> None:
    """The rules know the receiver."""
    emulators.subscribe("freshdesk", receiver.url_of("freshdesk"))


def reported(received: list[Received]) -> list[tuple[str, int]]:
    return [(one.json["event"], one.json["ticket_id"]) for one in received]


def test_changes_of_a_ticket_are_sent_in_order(desk: Desk, receiver: Receiver) -> None:
    ticket = desk.ticket()
    path = f"tickets/{ticket['id']}"
    desk.http.put(path, json={"priority": 4})
    desk.http.post(f"{path}/reply", json={"body": "On its way"})
    desk.http.post(f"{path}/notes", json={"body": "Out of stock"})
    desk.http.delete(path)

    received = receiver.wait(5)

    happened = ("ticket.created", "ticket.updated", "ticket.replied", "ticket.note_added", "ticket.deleted")
    assert reported(received) == [(name, ticket["id"]) for name in happened]
    assert all(is_from("freshdesk", one, "", SECRET) for one in received)
    (event,) = events_of("shared-secret", raw(received[0].headers.items()), received[0].body)
    assert (event.remote_object, event.remote_id) == ("ticket", str(ticket["id"]))
    assert event.occurred_at == datetime.fromisoformat(ticket["updated_at"])


def test_contacts_and_refused_calls_send_no_webhook(desk: Desk, receiver: Receiver) -> None:
    desk.contact()
    desk.http.post("tickets", json={"subject": "x"})
    ticket = desk.ticket()

    assert reported(receiver.wait()) == [("ticket.created", ticket["id"])]
