"""Records are found in lists, search results and whole tickets; see also tests/mappings/test_unwrap.py."""

import pytest

from mappings.freshdesk import VENDOR
from mappings.spec import Unmappable

from .conftest import golden


def test_bare_records_lists_and_search_results_are_found() -> None:
    assert len(VENDOR.unwrap(golden("ticket-full"), "ticket")) == 1
    assert len(VENDOR.unwrap(golden("ticket-found"), "ticket")) == 4
    searched = b'{"total":4,"results":' + golden("ticket-found") + b"}"
    assert VENDOR.unwrap(searched, "ticket") == VENDOR.unwrap(golden("ticket-found"), "ticket")
    assert len(VENDOR.unwrap(golden("customer-listed"), "customer")) == 2
    assert VENDOR.unwrap(b"[]", "customer") == ()
    with_conversations = b'{"id":1,"conversations":' + golden("comment-conversations") + b"}"
    assert len(VENDOR.unwrap(with_conversations, "comment")) == 2


def test_a_record_of_another_object_is_none() -> None:
    for name, object in (("ticket-full", "customer"), ("customer-full", "ticket"), ("ticket-full", "comment")):
        with pytest.raises(Unmappable):
            VENDOR.unwrap(golden(name), object)  # type: ignore[arg-type]
