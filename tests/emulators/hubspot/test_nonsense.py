"""Whatever a call says, HubSpot's look-alike answers it: with a refusal, never with a failure of its own."""

import time
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulators.http import Answer, Call
from emulators.hubspot import EMULATOR
from emulators.state import State
from emulators.store import Store

TOKEN = {"authorization": "Bearer hubspot-dev-token"}
CONTACTS = "/crm/v3/objects/contacts"
MEMBERS = st.sampled_from(
    [
        *("properties", "associations", "inputs", "id", "idProperty", "objectWriteTraceId", "email", "to", "types"),
        *("associationTypeId", "filterGroups", "filters", "propertyName", "operator", "value", "values", "highValue"),
        *(
            "sorts",
            "limit",
            "after",
            "query",
            "name",
            "label",
            "type",
            "fieldType",
            "groupName",
            "options",
            "closedate",
        ),
        *("lifecyclestage", "hs_additional_emails", "hs_pipeline", "hs_pipeline_stage", "hs_buying_role"),
    ]
)
WORDS = st.sampled_from(
    ["EQ", "IN", "GTE", "BETWEEN", "email", "createdate", "city", "1", "16", "a@b.example", ";", ""]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=5),
    max_leaves=12,
)
OBJECTS = st.dictionaries(MEMBERS, VALUES, max_size=6)
BODIES = st.one_of(
    OBJECTS,
    OBJECTS.map(lambda one: {"properties": one, "associations": [one]}),
    OBJECTS.map(lambda one: {"properties": {}, "associations": [{"to": {"id": "7"}, "types": [one]}]}),
    OBJECTS.map(lambda one: {"inputs": [one, {**one, "objectWriteTraceId": "t"}]}),
    OBJECTS.map(lambda one: {"inputs": [{"id": "x@b.example", "idProperty": "email", "properties": one}]}),
    OBJECTS.map(lambda one: {"filterGroups": [{"filters": [one]}], "sorts": [one]}),
    st.tuples(WORDS, WORDS, VALUES, VALUES).map(
        lambda it: {
            "filterGroups": [
                {"filters": [{"propertyName": it[0], "operator": it[1], "value": it[2], "highValue": it[3]}]}
            ]
        }
    ),
)
ROUTES = [
    ("POST", CONTACTS),
    ("PATCH", f"{CONTACTS}/7"),
    ("POST", f"{CONTACTS}/search"),
    *(("POST", f"{CONTACTS}/batch/{verb}") for verb in ("create", "read", "update", "upsert", "archive")),
    ("POST", "/crm/v3/objects/tickets"),
    ("POST", "/crm/v3/properties/contacts"),
    ("PUT", "/crm/v4/objects/tickets/8/associations/contacts/7"),
    ("POST", "/crm/v4/associations/tickets/contacts/batch/read"),
]


def account() -> State:
    state = State(Store(None), "hubspot")
    EMULATOR.put_record("contacts", {"id": "7", "properties": {"email": "a@b.example"}}, state)
    EMULATOR.put_record("tickets", {"id": "8", "properties": {"hs_pipeline": "0", "hs_pipeline_stage": "1"}}, state)
    return state


def ask(method: str, path: str, body: bytes = b"", query: tuple[tuple[str, str], ...] = ()) -> Answer:
    return EMULATOR.answer(
        Call(method=method, path=path, query=query, headers=TOKEN, body=body), account(), time.time()
    )


@pytest.mark.parametrize(("method", "path"), ROUTES)
@settings(max_examples=60, deadline=None)
@given(body=BODIES)
def test_any_body_gets_an_answer(method: str, path: str, body: dict[str, Any]) -> None:
    assert ask(method, path, msgspec.json.encode(body)).status < 500


@pytest.mark.parametrize("name", ["limit", "after", "properties", "associations", "archived", "idProperty"])
@settings(max_examples=30, deadline=None)
@given(value=st.text() | st.integers(-5, 10**30).map(str))
def test_any_query_gets_an_answer(name: str, value: str) -> None:
    for path in (CONTACTS, f"{CONTACTS}/7", "/crm/v3/owners"):
        assert ask("GET", path, query=((name, value),)).status < 500


def test_a_placed_record_that_breaks_the_rules_can_still_be_changed() -> None:
    state = account()
    odd = {"id": "9", "properties": {"email": 5, "phone": 7, "firstname": None, "lifecyclestage": "friend"}}
    EMULATOR.put_record("contacts", odd, state)
    EMULATOR.put_record("tickets", {"id": "10", "properties": {"hs_pipeline_stage": "gone"}}, state)
    body = msgspec.json.encode({"properties": {"city": "Kiel"}})
    call = Call(method="PATCH", path=f"{CONTACTS}/9", headers=TOKEN, body=body)
    assert EMULATOR.answer(call, state, time.time()).status == 200
    body = msgspec.json.encode({"properties": {"subject": "x"}})
    call = Call(method="PATCH", path="/crm/v3/objects/tickets/10", headers=TOKEN, body=body)
    assert EMULATOR.answer(call, state, time.time()).status == 200
