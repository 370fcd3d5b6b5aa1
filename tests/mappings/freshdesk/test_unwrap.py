"""Finding records in what people have at hand, and the vendor's own recordings."""

from pathlib import Path

import msgspec
import pytest

from canonical.parts import ObjectName
from mappings.freshdesk import VENDOR
from mappings.spec import Unmappable
from tests.shared_material import sample_names

from .conftest import MAPPINGS, golden, understood

# What lies in the folder and is no record of the object, and where that shows.
REFUSED = {
    "agent/agent-v2.json": "$",
    "company/company-v2.json": "$",
    "contact/contact-v2.json": "$.custom_field",
    "contact/contacts-list-v2.json": "$[0].custom_field",
    "ticket/all-tickets-v2.json": "$[0].custom_field",
    "ticket_field/ticket-field-status-choices-airbyte.json": "$",
}


def object_of(name: str) -> ObjectName:
    if "conversations" in name:
        return "comment"
    return "ticket" if name.startswith("ticket") else "customer"


@pytest.mark.parametrize("name", sample_names("freshdesk"))
def test_a_recorded_answer_is_understood_or_refused_with_the_place(name: str, shared: Path) -> None:
    payload = (shared / "vendor-samples" / "freshdesk" / name).read_bytes()
    mapping = MAPPINGS[object_of(name)]

    if name in REFUSED:
        with pytest.raises(Unmappable) as refusal:
            understood(payload, mapping)
        assert refusal.value.path == REFUSED[name]
        return
    mapped = understood(payload, mapping)

    assert mapped
    for one in mapped:
        assert one.remote.id.isdecimal()
        assert one.data.created_at is not None
        assert msgspec.json.decode(msgspec.json.encode(one.data), type=mapping.model) == one.data


def test_bare_records_lists_and_search_results_are_found() -> None:
    assert len(VENDOR.unwrap(golden("ticket-full"), "ticket")) == 1
    assert len(VENDOR.unwrap(golden("ticket-found"), "ticket")) == 4
    searched = b'{"total":4,"results":' + golden("ticket-found") + b"}"
    assert VENDOR.unwrap(searched, "ticket") == VENDOR.unwrap(golden("ticket-found"), "ticket")
    assert len(VENDOR.unwrap(golden("customer-listed"), "customer")) == 2
    assert VENDOR.unwrap(b"[]", "customer") == ()
    with_conversations = b'{"id":1,"conversations":' + golden("comment-conversations") + b"}"
    assert len(VENDOR.unwrap(with_conversations, "comment")) == 2


@pytest.mark.parametrize(
    ("payload", "object", "path"),
    [
        (b'{"description":"Validation failed","errors":[]}', "ticket", "$.errors"),
        (b'{"code":"access_denied","message":"no"}', "customer", "$.code"),
        (b'{"event":"ticket.updated","ticket_id":4711}', "ticket", "$.ticket_id"),
        (b'{"helpdesk_ticket":{"id":1}}', "ticket", "$.helpdesk_ticket"),
        (b'[{"id":1}]', "ticket", "$[0]"),
        (b'{"results":[{"id":1}]}', "ticket", "$.results[0]"),
        (b"{}", "comment", "$"),
        (b"not json", "comment", "$"),
        (b"{}", "order", "$"),
    ],
)
def test_what_holds_no_record_is_refused_with_the_place(payload: bytes, object: ObjectName, path: str) -> None:
    with pytest.raises(Unmappable) as refusal:
        VENDOR.unwrap(payload, object)

    assert refusal.value.path == path


def test_a_record_of_another_object_is_none() -> None:
    for name, object in (("ticket-full", "customer"), ("customer-full", "ticket"), ("ticket-full", "comment")):
        with pytest.raises(Unmappable):
            VENDOR.unwrap(golden(name), object)  # type: ignore[arg-type]
