"""What the rules of a Freshdesk administrator send: a body after the template, the secret in a header, no signature."""

from datetime import UTC, datetime

import pytest

from app.signatures import Secret, SignatureRefused, SignedRequest, events_of, verify

from ..conftest import RunningEmulators
from ..receiver import Received, Receiver, raw, wait_until
from .conftest import Desk

SECRET = "rule-4711-Xk0vP2nQ8s"


@pytest.fixture(autouse=True)
def subscribed(emulators: RunningEmulators, receiver: Receiver) -> None:
    """The rules know the receiver."""
    emulators.subscribe("freshdesk", receiver.url("freshdesk"), SECRET, old_secret="rule-4710-Xk0vP2nQ8s")


def told(received: list[Received]) -> list[tuple[str, int]]:
    return [(one.json["event"], one.json["ticket_id"]) for one in received]


def proven(one: Received, secret: str = SECRET) -> bool:
    request = SignedRequest(method="POST", url="https://x.example/", headers=raw(one.headers.items()), body=one.body)
    try:
        verify("shared-secret", request, [Secret(value=secret)], now=datetime.now(UTC))
    except SignatureRefused:
        return False
    return True


def test_what_happens_to_a_ticket_is_told_in_its_order(desk: Desk, receiver: Receiver) -> None:
    ticket = desk.ticket()
    path = f"tickets/{ticket['id']}"
    desk.http.put(path, json={"priority": 4})
    desk.http.post(f"{path}/reply", json={"body": "On its way"})
    desk.http.post(f"{path}/notes", json={"body": "Out of stock"})
    desk.http.delete(path)

    received = receiver.wait(5)

    happened = ("ticket.created", "ticket.updated", "ticket.replied", "ticket.note_added", "ticket.deleted")
    assert told(received) == [(name, ticket["id"]) for name in happened]
    assert all(proven(one) for one in received)
    assert not any(proven(one, "rule-4710-Xk0vP2nQ8s") for one in received)
    (event,) = events_of("shared-secret", raw(received[0].headers.items()), received[0].body)
    assert (event.remote_object, event.remote_id) == ("ticket", str(ticket["id"]))
    assert event.occurred_at == datetime.fromisoformat(ticket["updated_at"])


def test_contacts_have_no_rules_and_a_refused_call_tells_nothing(desk: Desk, receiver: Receiver) -> None:
    desk.contact()
    desk.http.post("tickets", json={"subject": "x"})
    ticket = desk.ticket()

    assert told(receiver.wait()) == [("ticket.created", ticket["id"])]


def test_faults_of_webhooks(desk: Desk, emulators: RunningEmulators, receiver: Receiver) -> None:
    for kind in ("bad_signature", "old_secret"):
        emulators.order(vendor="freshdesk", fault={"kind": kind}, match={"path": "ticket.created"}, times=1)
        desk.ticket()
    emulators.order(vendor="freshdesk", fault={"kind": "duplicate_webhook"}, times=1)
    desk.ticket()

    received = receiver.wait(4)

    assert [proven(one) for one in received] == [False, False, True, True]
    assert proven(received[1], "rule-4710-Xk0vP2nQ8s")
    assert received[2].body == received[3].body


def test_four_tries_and_no_more(desk: Desk, emulators: RunningEmulators, receiver: Receiver) -> None:
    receiver.statuses = [500] * 10
    desk.ticket()

    wait_until(lambda: [one["state"] for one in emulators.sent("freshdesk")] == ["failed"])

    assert len(receiver.got) == 4
