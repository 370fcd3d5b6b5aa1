"""Whatever a call says, the look-alike answers it: with a refusal, never with a failure of its own."""

import time
from base64 import b64encode
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulators.freshdesk import EMULATOR
from emulators.http import Answer, Call
from emulators.state import State
from emulators.store import Store

KEY = {"authorization": "Basic " + b64encode(b"freshdesk-dev-token:X").decode()}
MEMBERS = st.sampled_from(
    [
        *(
            "name",
            "email",
            "phone",
            "mobile",
            "other_emails",
            "unique_external_id",
            "tags",
            "custom_fields",
            "language",
        ),
        *("time_zone", "company_id", "address", "subject", "description", "status", "priority", "source", "type"),
        *("requester_id", "responder_id", "group_id", "cc_emails", "due_by", "fr_due_by", "body", "private", "label"),
        *("label_for_customers", "choices", "primary_id", "ticket_ids", "primary_contact_id", "secondary_contact_ids"),
        *("cf_x", "twitter_id", "parent_id"),
    ]
)
WORDS = st.sampled_from(
    ["custom_text", "custom_dropdown", "ida@x.example", "2026-06-01T10:00:00Z", "Problem", "en", ""]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=4),
    max_leaves=10,
)
BODIES = st.one_of(VALUES, st.dictionaries(MEMBERS, VALUES, max_size=8))
ROUTES = [
    ("POST", "contacts"),
    ("PUT", "contacts/7"),
    ("POST", "contacts/merge"),
    ("POST", "tickets"),
    ("PUT", "tickets/8"),
    ("PUT", "tickets/merge"),
    ("POST", "tickets/8/reply"),
    ("POST", "tickets/8/notes"),
    ("POST", "admin/ticket_fields"),
    ("POST", "contact_fields"),
]
QUERIES = ("page", "per_page", "include", "email", "updated_since", "_updated_since", "order_by", "filter", "query")


def ask(method: str, path: str, body: bytes = b"", query: tuple[tuple[str, str], ...] = ()) -> Answer:
    store = Store(None)
    state = State(store, "freshdesk")
    EMULATOR.put_record("contacts", {"id": 7, "name": "Ida", "email": "ida@x.example"}, state)
    EMULATOR.put_record("tickets", {"id": 8, "subject": "x", "requester_id": 7}, state)
    call = Call(method=method, path=f"/api/v2/{path}", query=query, headers=KEY, body=body)
    try:
        return EMULATOR.answer(call, state, time.time())
    finally:
        store.close()


@pytest.mark.parametrize(("method", "path"), ROUTES)
@settings(max_examples=60, deadline=None)
@given(body=BODIES)
def test_any_body_gets_an_answer(method: str, path: str, body: Any) -> None:
    assert ask(method, path, msgspec.json.encode(body)).status < 500


@pytest.mark.parametrize("name", QUERIES)
@settings(max_examples=40, deadline=None)
@given(value=st.text() | st.integers(-5, 10**30).map(str) | st.text().map(lambda text: f'"status:{text}"'))
def test_any_query_gets_an_answer(name: str, value: str) -> None:
    for path in ("contacts", "tickets", "tickets/8", "search/tickets", "tickets/8/conversations"):
        assert ask("GET", path, query=((name, value),)).status < 500


@given(body=st.binary(max_size=40), header=st.text(st.characters(max_codepoint=255), max_size=40))
def test_no_bytes_and_no_header_are_an_accident(body: bytes, header: str) -> None:
    assert ask("POST", "contacts", body).status < 500
    call = Call(method="GET", path="/api/v2/contacts", headers={"authorization": header})
    store = Store(None)
    assert EMULATOR.answer(call, State(store, "freshdesk"), 0.0).status == 401
    store.close()
