"""Records are found in whatever Request Tracker answers, or refused with a path and a reason."""

from typing import Any

import msgspec
import pytest

from canonical.parts import ObjectName
from mappings.rt import VENDOR
from mappings.spec import Unmappable

from .conftest import golden


@pytest.mark.parametrize(
    ("case", "object_name", "count"),
    [("ticket-full", "ticket", 1), ("ticket-found", "ticket", 2), ("comment-history", "comment", 2)],
)
def test_records_are_found(case: str, object_name: ObjectName, count: int) -> None:
    assert len(VENDOR.unwrap(golden(case), object_name)) == count


@pytest.mark.parametrize(
    ("payload", "object_name", "path", "reason"),
    [
        ({"message": "Not Found"}, "ticket", "$.message", "refusal"),
        (["Ticket 1: Ticket deleted"], "ticket", "$", "about a change"),
        ({"items": [{"id": "1", "type": "ticket", "_url": "x"}]}, "ticket", "$.items[0]", "did not ask for fields"),
        ({"id": 1, "Name": "General"}, "ticket", "$", "no ticket; its members are Name, id"),
        ({"id": "1", "Type": "Status", "Creator": {}, "Created": ""}, "comment", "$.Type", "no message"),
        ({}, "comment", "$", "did not ask"),
        ({"id": 1}, "order", "$", "Request Tracker has no order"),
    ],
)
def test_what_is_no_record_is_refused(payload: Any, object_name: ObjectName, path: str, reason: str) -> None:
    with pytest.raises(Unmappable) as refusal:
        VENDOR.unwrap(msgspec.json.encode(payload), object_name)

    assert refusal.value.path == path
    assert reason in refusal.value.reason
