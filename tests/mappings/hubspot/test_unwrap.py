"""Records are found in everything that HubSpot sends; anything else is refused with path and reason."""

import json
from pathlib import Path

import pytest

from canonical.parts import ObjectName
from mappings.hubspot.unwrap import unwrap
from mappings.spec import Unmappable

FIXTURES = Path(__file__).parent / "fixtures"
RECORD = (FIXTURES / "customer-full.in.json").read_bytes()


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


def test_a_record_of_another_type_is_refused() -> None:
    refused = refusal(json.loads(RECORD), "ticket")

    assert (refused.path, refused.reason) == ("$.url", "a record of object type 0-1; a ticket is 0-5")
    assert refusal(json.loads(RECORD), "order").reason == "a record of object type 0-1; an order is 0-123"
    assert "no comments" in refusal(json.loads(RECORD), "comment").reason
