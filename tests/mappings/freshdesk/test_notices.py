"""What an administrator's rule tells: which ticket, and what happened to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.signatures import events_of
from mappings.freshdesk import VENDOR
from mappings.webhooks import Happened, Notice
from tests.required import required


def notice_in(body: bytes) -> Notice | None:
    """What a request with this body says, read as the intake reads it."""
    assert VENDOR.webhooks is not None
    (event,) = events_of(VENDOR.webhooks.scheme, (), body)
    return VENDOR.webhooks.notice(event.topic, event.remote_object, event.remote_id, event.payload)


@pytest.mark.parametrize(
    ("event", "happened"),
    [
        ("ticket.created", "created"),
        ("ticket.updated", "updated"),
        ("ticket.deleted", "deleted"),
        ("ticket.replied", "updated"),
        ("ticket.note_added", "updated"),
        ("ticket.whatever", "updated"),
    ],
)
def test_a_rule_names_a_ticket(event: str, happened: Happened) -> None:
    body = b'{"event":"%b","ticket_id":4711,"updated_at":"2026-05-01T09:30:00Z"}' % event.encode()

    adds = event in ("ticket.replied", "ticket.note_added")
    assert notice_in(body) == Notice(object="ticket", remote_id="4711", happened=happened, adds_comments=adds)


@pytest.mark.parametrize(
    ("event", "triggered", "adds"),
    [
        ("ticket.updated", "{note_type:private}", True),
        ("ticket.updated", "{reply_sent:sent}", True),
        ("ticket.updated", "{priority:low}", False),
        ("ticket.created", "{note_type:private}", False),
    ],
)
def test_a_rule_that_sends_what_triggered_it_reports_comments(event: str, triggered: str, adds: bool) -> None:
    body = b'{"event":"%b","ticket_id":5,"triggered":"%b"}' % (event.encode(), triggered.encode())
    notice = required(notice_in(body))
    assert notice.adds_comments == adds


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"event":"ticket.updated"}',
        b'{"event":"ticket.updated","ticket_id":0}',
        b'{"event":"ticket.updated","ticket_id":"INC-5"}',
        b'{"event":"contact.updated","ticket_id":5}',
        b'{"ticket_id":5}',
        b'{"event":5,"ticket_id":5}',
    ],
)
def test_what_names_no_ticket_is_no_notice(body: bytes) -> None:
    assert notice_in(body) is None


@given(st.binary(max_size=100), st.text(max_size=20), st.text(max_size=20))
def test_no_body_is_an_accident(body: bytes, topic: str, id: str) -> None:
    required(VENDOR.webhooks).notice(topic, "ticket", id, body)
    notice_in(body)
