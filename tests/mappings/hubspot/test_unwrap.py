"""Records are found in whatever HubSpot sends, and what is none is refused with path and reason."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.parts import ObjectName
from mappings.hubspot import VENDOR
from mappings.hubspot.unwrap import unwrap
from mappings.hubspot.wire_v3 import Account
from mappings.spec import Unmappable

FIXTURES = Path(__file__).parent / "fixtures"
RECORD = (FIXTURES / "customer-full.in.json").read_bytes()
BY_OBJECT = {mapping.object: mapping for mapping in VENDOR.mappings}


def refusal(payload: object, object: ObjectName = "customer") -> Unmappable:
    """Why there is no record in it."""
    with pytest.raises(Unmappable) as refused:
        unwrap(json.dumps(payload).encode(), object)
    return refused.value


def test_a_bare_record_is_itself() -> None:
    (record,) = unwrap(RECORD, "customer")

    assert bytes(record) == RECORD


def test_a_list_a_search_and_a_batch_hold_their_results() -> None:
    for extra in ({}, {"total": 2, "paging": {"next": {"after": "2"}}}, {"status": "COMPLETE", "errors": []}):
        payload = json.dumps({"results": [json.loads(RECORD)] * 2, **extra}).encode()
        assert [json.loads(bytes(one))["id"] for one in unwrap(payload, "customer")] == ["734931000017"] * 2


@pytest.mark.parametrize(
    ("payload", "path", "reason"),
    [
        ([{"eventId": 1, "subscriptionType": "contact.creation", "objectId": 51}], "$[0]", "a webhook names a record"),
        ({"eventId": 1, "subscriptionType": "contact.creation", "objectId": 51}, "$", "a webhook names a record"),
        ({"status": "error", "category": "OBJECT_NOT_FOUND", "correlationId": "x"}, "$", "OBJECT_NOT_FOUND"),
        ({"vid": 51, "properties": {"email": {"value": "a@b.example"}}}, "$", "API v1 or v2"),
        ({"properties": {"email": "a@b.example"}}, "$.id", "no id"),
        ({"results": [{"id": "0", "label": "Support", "stages": []}]}, "$.results[0].properties", "no properties"),
        ([], "$", "empty array"),
        ("text", "$", "an object was expected"),
    ],
)
def test_what_is_no_record_is_refused(payload: object, path: str, reason: str) -> None:
    refused = refusal(payload)

    assert refused.path == path
    assert reason in refused.reason


def test_a_record_of_another_type_is_refused() -> None:
    refused = refusal(json.loads(RECORD), "ticket")

    assert (refused.path, refused.reason) == ("$.url", "a record of object type 0-1; a ticket is 0-5")
    assert "not orders" in refusal(json.loads(RECORD), "order").reason


@given(st.binary(max_size=200), st.sampled_from(["customer", "ticket", "order", "comment"]))
def test_junk_is_refused_or_empty(payload: bytes, object: ObjectName) -> None:
    path = "$"
    try:
        unwrap(payload, object)
    except Unmappable as refused:
        path = refused.path
    assert path.startswith("$")


def test_every_recorded_answer_is_mapped_or_refused(shared: Path) -> None:
    outcomes: dict[str, str] = {}
    for path in sorted((shared / "vendor-samples" / "hubspot").glob("*/*.json")):
        object: ObjectName = "ticket" if path.parent.name == "ticket" else "customer"
        try:
            records = unwrap(path.read_bytes(), object)
            ids = [BY_OBJECT[object].read(record, Account()).remote.id for record in records]
            outcomes[f"{path.parent.name}/{path.name}"] = f"{len(ids)} mapped"
        except Unmappable as refused:
            outcomes[f"{path.parent.name}/{path.name}"] = refused.path
    mapped = {name for name, outcome in outcomes.items() if outcome.endswith("mapped")}

    assert mapped == {
        "contact/create-contact-v3.json",
        "contact/get-contact-v3.json",
        "contact/list-contacts-page-v3.json",
        "ticket/create-ticket-v3.json",
        "ticket/get-ticket-v3.json",
        "ticket/list-tickets-page-v3.json",
        "ticket/ticket-create-2024.json",
    }
